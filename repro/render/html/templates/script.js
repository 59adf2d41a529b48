"use strict";
// Without this file all is there to read; it sorts, filters, and opens what a link leads to.

// ---- links: #table/row/column opens the cell's evidence, any other place is unfolded ------------

function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
  const place = id && document.getElementById(id);
  if (!place) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  const sheet = document.getElementById("ev/" + id);
  if (sheet && sheet.showPopover && !sheet.matches(":popover-open")) {
    place.scrollIntoView({ block: "center" });
    sheet.showPopover({ source: place });
  } else {
    place.scrollIntoView({ block: sheet ? "center" : "start" });
  }
}

function closeSheets() {
  for (const sheet of document.querySelectorAll(".evidence:popover-open")) sheet.hidePopover();
}

addEventListener("hashchange", reveal);
addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  closeSheets();
  if (link.hash === location.hash) reveal(); // the place is the same, so nothing else tells us
});
for (const sheet of document.querySelectorAll(".evidence")) {
  sheet.addEventListener("toggle", (event) => {
    const cell = document.getElementById(sheet.id.slice(3));
    cell.classList.toggle("open", event.newState === "open");
  });
}

// ---- records: sort by a column, show what a word is in ------------------------------------------

const runs = document.getElementById("runs");

function value(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text);
  return Number.isNaN(number) || !/^[−-]?[\d.,/]+$/.test(text) ? text : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}

function sort(head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = runs.tBodies[0];
  const keyed = [...body.rows].map((row) => [value(row, head.cellIndex), row]);
  keyed.sort(([a], [b]) => (up ? compare(a, b) : compare(b, a)));
  body.append(...keyed.map(([, row]) => row));
}

function filter(words) {
  let shown = 0;
  for (const row of runs.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  const all = runs.tBodies[0].rows.length;
  document.getElementById("found").textContent = shown < all ? `${shown} of ${all}` : "";
}

if (runs) {
  for (const head of runs.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }
  const input = document.getElementById("filter");
  input.closest("[hidden]").hidden = false;
  input.addEventListener("input", () => filter(input.value.toLowerCase().split(/\s+/)));
}

// ---- paper: what is folded is printed too -------------------------------------------------------

addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});

reveal();
