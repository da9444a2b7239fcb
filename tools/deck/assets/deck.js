// Sets the formulas, shrinks what is too full for its slide, and starts reveal.js.
(function () {
  "use strict";
  const root = document.documentElement;
  const MOST = 1.15;
  const LEAST = 0.7; // the style sheet keeps letters legible even so

  function tooFull(body) {
    if (body.scrollHeight > body.clientHeight + 1 || body.scrollWidth > body.clientWidth + 1) return true;
    const wide = [...body.querySelectorAll(".wide, pre, .math.display")];
    return wide.some((part) => part.scrollWidth > part.clientWidth + 1);
  }

  function shrink(canvas, from, least) {
    const body = canvas.querySelector(".body");
    for (let scale = from; ; scale -= 0.03) {
      canvas.style.setProperty("--k", scale.toFixed(2));
      if (!tooFull(body)) return true;
      if (scale <= least) return false;
    }
  }

  function fit(canvas) {
    // prose and tables have room to grow; code has been set as large as its lines allow, figures fill what is left
    const full = canvas.querySelector(".body :is(pre, figure)") || canvas.classList.contains("statement");
    const from = full ? 1 : MOST;
    // a table is set with whole lines in its cells if that does not make it much smaller
    canvas.classList.add("whole");
    if (canvas.querySelector("table") && shrink(canvas, from, 0.85)) return;
    canvas.classList.remove("whole");
    shrink(canvas, from, LEAST);
  }

  function present() {
    root.classList.add("fitting");
    document.querySelectorAll(".canvas").forEach(fit);
    root.classList.remove("fitting");
    const plugins = [window.RevealNotes, window.RevealZoom, window.RevealSearch].filter(Boolean);
    return Reveal.initialize({
      width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false,
      hash: true, navigationMode: "linear", controlsTutorial: false, slideNumber: "c/t", transition: "none",
      scrollActivationWidth: null, pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, plugins,
    });
  }

  async function start() {
    if (window.MathJax && MathJax.startup && MathJax.startup.promise) await MathJax.startup.promise;
    const pictures = [...document.images].map((image) => image.decode().catch(() => undefined));
    await Promise.all([document.fonts.ready, ...pictures]);
    if (root.classList.contains("deck")) await present();
    root.classList.remove("loading");
    root.classList.add("ready");
  }

  window.addEventListener("load", start);
})();
