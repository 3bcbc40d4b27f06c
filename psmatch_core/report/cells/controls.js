// The controls, and what happens on paper, in the dark and when the page changes its size.
labels.map((label, at) => [label.name, at]).sort(([a], [b]) => a.localeCompare(b, "en", {numeric: true})).forEach(([name, at]) =>
  $("cells-label").append(element("option", `${name} (${labels[at].sizes.map(count).join(" and ")} cells)`, {value: at})));
function byLabelChosen() {
  const value = $("cells-label").value, side = sides[Number($("cells-of").value)];
  if (value === "") return;
  const cells = [...side.label.keys()].filter((cell) => side.label[cell] === Number(value));
  for (const map of maps) map.shape = [];
  select(side, cells, `label ${labels[Number(value)].name}`);
}
for (const id of ["cells-label", "cells-of"]) $(id).addEventListener("change", byLabelChosen);
for (const card of document.querySelectorAll(".card")) {
  card.addEventListener("click", () => {
    const side = sides[Number($("cells-of").value)], level = Number(card.dataset.verdict);
    for (const map of maps) map.shape = [];
    select(side, [...side.label.keys()].filter((cell) => labels[side.label[cell]].verdict === level), head.verdicts[level], false);
    card.setAttribute("aria-pressed", "true");
  });
}
$("cells-clear").addEventListener("click", () => {
  for (const map of maps) Object.assign(map, {shape: [], corner: null});
  $("cells-label").value = "";
  select(sides[0], [], "", false);
});
$("cells-color").addEventListener("change", () => { legend(); maps.forEach(redraw); });
const coarse = window.matchMedia("(pointer: coarse)").matches;
const touch = () => maps.forEach(({canvas}) => { canvas.style.touchAction = $("cells-draw").value === "click" ? "auto" : "none"; });
if (coarse) $("cells-draw").value = "click";  // a finger on a map moves the page, until its reader wants to draw
$("cells-draw").addEventListener("change", touch);
$("pairs-search").addEventListener("input", found);
for (const id of ["pairs-of", "pairs-selected"]) $(id).addEventListener("change", found);
$("pairs-select").addEventListener("click", () => {
  const side = sides[Number($("pairs-of").value)];
  for (const map of maps) map.shape = [];
  select(side, Array.from(pairs, (at) => Math.floor(at / side.k)), $("pairs-search").value.trim() ? "found by search" : "from the table of pairs");
});
$("pairs-save").addEventListener("click", save);
scroller.addEventListener("scroll", () => { if (!onPaper) rowsSeen(); });

function refresh() {
  maps.forEach(redraw);
  summary();
  found();
}

const paper = (is) => () => {
  onPaper = is;
  maps.forEach(redraw);
  first = -1;
  $("pairs-count").textContent = counted + (is && pairs.length > PAPER_ROWS ? ` The first ${PAPER_ROWS} are printed.` : "");
  if (is) rowsSeen(0, PAPER_ROWS); else rowsSeen();
};
window.addEventListener("beforeprint", paper(true));
window.addEventListener("afterprint", paper(false));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => maps.forEach(redraw));
new ResizeObserver(() => maps.forEach((map) => {
  map.shape = [];
  redraw(map);
})).observe(document.querySelector(".maps"));
touch();
legend();
refresh();
