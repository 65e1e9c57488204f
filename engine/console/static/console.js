// What a page can do besides; pages work without it.
"use strict";
// On a narrow screen the rows of a table stand one below the other, each cell with its heading (console.css).
for (const table of document.querySelectorAll("main table")) {
  if (!table.tHead) continue;
  const heads = [...table.tHead.rows[0].cells].map((one) => one.textContent.trim());
  for (const row of table.tBodies[0].rows) {
    let at = 0;
    for (const cell of row.cells) {
      if (cell.colSpan === 1 && heads[at]) { cell.dataset.head = heads[at]; cell.classList.add("titled"); }
      if (/^[·–⋮]?$/.test(cell.textContent.trim()) && !cell.querySelector(".mark-event")) cell.classList.add("void");
      at += cell.colSpan;
    }
  }
  table.classList.add("stacked");
}
// Files that are too many or too large are not sent: the listener would refuse them without a page.
for (const input of document.querySelectorAll("input[type=file][data-bytes]")) {
  input.addEventListener("change", () => {
    const files = [...input.files], bytes = files.reduce((sum, one) => sum + one.size, 0);
    const fits = files.length <= Number(input.dataset.files) && bytes <= Number(input.dataset.bytes);
    input.setCustomValidity(fits ? "" : input.dataset.too);
    input.reportValidity();
  });
}
// A page that shows what is going on is loaded again, unless the reader is in the middle of something.
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
    if ([...document.querySelectorAll("input[type=file]")].some((one) => one.files.length)) return true;
    return document.hidden || String(getSelection()) !== "" || document.querySelector("details[open]") !== null ||
      (at !== null && at !== box && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName));
  };
  setInterval(() => { if (box.checked && !reading()) location.reload(); }, seconds * 1000);
})();
