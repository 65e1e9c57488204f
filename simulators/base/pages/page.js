// Reloads the page while nobody is in the middle of something. Everything works without it.
"use strict";
(() => {
  const box = document.getElementById("auto");
  if (!box) return;
  box.closest("label").hidden = false;
  let on = true;
  try { on = localStorage.getItem("sim.auto") !== "off"; } catch (_) { /* no storage: on */ }
  box.checked = on;
  box.addEventListener("change", () => {
    try { localStorage.setItem("sim.auto", box.checked ? "on" : "off"); } catch (_) { /* not kept */ }
  });
  const busy = () => {
    const at = document.activeElement;
    return document.hidden || String(getSelection()) !== "" || document.querySelector("details[open]") !== null ||
      (at !== null && at !== box && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName));
  };
  setInterval(() => { if (box.checked && !busy()) location.reload(); }, 3000);
})();
