// Before anything is drawn: slides for a screen, a page to scroll for a phone. Without scripts it stays a page.
(function () {
  "use strict";
  const query = new URLSearchParams(location.search);
  const presenting = ["print-pdf", "receiver", "view"].some((name) => query.has(name) && query.get(name) !== "page");
  const narrow = Math.min(window.innerWidth, screen.width || Infinity) < 700;
  const asPage = query.get("view") === "page" || (narrow && !presenting);
  document.documentElement.classList.add(asPage ? "page" : "deck", "loading");
  // MathJax reads its settings from here; only what the deck marks as a formula is typeset
  window.MathJax = {
    tex: { inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]] },
    options: { ignoreHtmlClass: "slides", processHtmlClass: "math", enableMenu: false },
    svg: { fontCache: "global" },
  };
})();
