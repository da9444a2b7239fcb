// The little that the book needs beside Furo: a list that shows where one is, scrolling by keyboard, animations that
// stop, search results from a file.
"use strict";

// The list of lessons is longer than a small screen: it opens where the reader is.
function whereAmI() {
  const [list, here] = [".sidebar-scroll", ".sidebar-tree .current-page"].map((name) => document.querySelector(name));
  if (!list || !here) return;
  const [box, line] = [list, here].map((element) => element.getBoundingClientRect());
  const below = line.bottom - box.bottom;
  if (below > 0) list.scrollBy({ top: below + box.height / 3, behavior: "instant" });
}

// What scrolls sideways can be reached by the keyboard, and only that: a page has some sixty blocks of code.
function reachable() {
  const boxes = "article pre, article .wide, article .table-wrapper, article div.math, article span.math";
  for (const box of document.querySelectorAll(boxes)) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

// An animation that cannot be stopped distracts: each gets a button, and stands still where the reader asked for that.
function stoppable() {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const image of document.querySelectorAll('article img[src$=".gif"]')) {
    const moving = image.src;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "play";
    const play = (on) => {
      image.src = on ? moving : moving.replace(/gif$/, "still.png");
      button.textContent = on ? "Stop the animation" : "Play the animation";
      button.onclick = () => play(!on);
    };
    play(!still);
    image.after(button);
  }
}

// Opened from a file, a page may not read another one: the search takes its excerpts from pages.js instead.
if (location.protocol === "file:" && document.getElementById("search-results")) {
  const root = document.documentElement.dataset.content_root;
  const texts = new Promise((resolve) => {
    window.coursePages = resolve;
    const script = document.createElement("script");
    script.src = `${root}_static/pages.js`;
    document.head.append(script);
  });
  window.fetch = async (address) => new Response((await texts)[address.slice(root.length).replace(/\.html$/, "")]);
}

window.addEventListener("load", () => {
  whereAmI();
  stoppable();
  reachable();
  document.querySelectorAll("article details").forEach((box) => box.addEventListener("toggle", reachable));
  window.addEventListener("resize", reachable);
  if (window.MathJax?.startup?.promise) window.MathJax.startup.promise.then(reachable);
});
