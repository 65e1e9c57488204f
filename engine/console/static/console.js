// Reloads a page that shows what is going on, unless the reader is in the middle of something. Pages work without it.
"use strict";
(() => {
  const seconds = Number(document.body.dataset.refresh || 0);
  const box = document.getElementById("auto");
  if (!seconds || !box) return;
  box.closest("label").hidden = false;
  let on = true;
  try { on = localStorage.getItem("console.auto") !== "off"; } catch (_) { /* no storage: on */ }
  box.checked = on;
  box.addEventListener("change", () => {
    try { localStorage.setItem("console.auto", box.checked ? "on" : "off"); } catch (_) { /* not kept */ }
  });
  const reading = () => {
    const at = document.activeElement;
    return document.hidden || String(getSelection()) !== "" || document.querySelector("details[open]") !== null ||
      (at !== null && at !== box && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName));
  };
  setInterval(() => { if (box.checked && !reading()) location.reload(); }, seconds * 1000);
})();
