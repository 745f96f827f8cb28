// Lets the reader filter and sort the ledger of claims and checks. Without it the tables stand.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const tables = [...document.querySelectorAll("table:is(.claims, .checks)")];
  if (!tables.length) return;
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);

  const input = document.createElement("input");
  input.type = "search";
  const label = document.createElement("label");
  label.className = "ledger-filter";
  label.append("Show claims and checks that contain ", input, " ");
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  label.append(status);
  tables[0].closest("section").before(label);

  // Texts are taken once, and only rows that change are touched: a key takes
  // milliseconds in a table of thousands.
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    const shown = new Set(
      rows.filter((row) => words.every((word) => texts.get(row).includes(word))),
    );
    for (const row of rows) if (row.hidden === shown.has(row)) row.hidden = !row.hidden;
    const open = new Set([...shown].map((row) => row.closest("section")));
    for (const table of tables) {
      const section = table.closest("section");
      section.hidden = !open.has(section);
    }
    status.textContent = `${shown.size} of ${rows.length}`;
  });

  for (const table of tables) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const falling = head.ariaSort === "ascending";
        for (const cell of head.parentNode.cells) cell.ariaSort = null;
        head.ariaSort = falling ? "descending" : "ascending";
        const sorted = [...table.tBodies[0].rows].sort((a, b) =>
          compare(a.cells[column].textContent, b.cells[column].textContent),
        );
        table.tBodies[0].append(...(falling ? sorted.reverse() : sorted));
      });
    });
  }
});

// Measured values and bounds by their first number, sentences by their letters.
function compare(a, b) {
  const number = /-?\d+(\.\d+)?(e[-+]?\d+)?/;
  const [x, y] = [a, b].map((text) => Number.parseFloat(text.match(number)?.[0]));
  const sentences = /^[A-Z]/.test(a);
  return sentences || Number.isNaN(x - y) ? a.localeCompare(b) : x - y;
}
