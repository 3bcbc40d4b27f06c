// The selection: cells of one side, the weight of their best matches on the other, and what is said of both.
let selected = null;

function select(side, cells, origin, adds = $("cells-add").checked) {
  const mask = new Uint8Array(side.n);
  if (adds && selected && selected.side === side) mask.set(selected.mask);
  for (const cell of cells) mask[cell] = 1;
  const n = mask.reduce((sum, each) => sum + each, 0);
  selected = n ? {side, mask, n, origin, ...carried(side, mask)} : null;
  if (selected) $("pairs-of").value = side.at;
  for (const card of document.querySelectorAll(".card")) card.setAttribute("aria-pressed", "false");
  refresh();
}

function carried(side, mask) {
  const weight = new Float64Array(other(side).n);
  const rows = labels.map(() => ({selected: 0, matched: 0, kept: 0, marked: 0}));
  for (let cell = 0; cell < side.n; cell++) {
    if (!mask[cell]) continue;
    const row = rows[side.label[cell]];
    row.selected++;
    let has = 0;
    for (let at = cell * side.k; at < (cell + 1) * side.k && side.matches[at] !== side.none; at++) {
      weight[side.matches[at]] += side.shares[at] / NOWHERE;
      row.kept += side.shares[at] / NOWHERE;
      has = 1;
    }
    row.matched += has;
  }
  let marked = 0;
  weight.forEach((each, cell) => { if (each > 0) { marked++; rows[other(side).label[cell]].marked++; } });
  return {weight, rows, marked};
}

// What the label alone gives: k cells drawn at random for each cell, all with the same weight.
function byLabel(row, label) {
  const there = other(selected.side);
  const k = Math.min(selected.side.k, there.perLabel[label]);
  const n = there.perLabel[label], all = labels[label].sizes[there.at];
  return {weight: all ? k / all : 0, marked: n ? n * (1 - Math.pow(1 - k / n, row.matched)) : 0};
}

function summary() {
  const text = $("cells-summary"), table = $("cells-selected");
  table.hidden = !selected;
  if (!selected) { text.textContent = "No cell is selected."; return; }
  const there = other(selected.side), rows = [];
  let matched = 0, kept = 0, chance = 0;
  selected.rows.forEach((row, label) => {
    if (!row.selected) return;
    const alone = byLabel(row, label);
    matched += row.matched;
    kept += row.kept;
    chance += row.matched * alone.weight;
    rows.push({label, alone, ...row});
  });
  const none = selected.n - matched;
  const best = selected.side.k;
  const parts = [`${cellsOf(selected.n, selected.side)} selected (${selected.origin}).`];
  if (matched) {
    parts.push(`The ${best} best matches of each, ${cellsOf(selected.marked, there)} in all, hold ${percent(kept / matched)} `
      + `of its weight; matched by label alone, any ${best} cells would hold ${percent(chance / matched)}.`);
  }
  if (none) parts.push(`${cellsOf(none, selected.side)} ${none === 1 ? "has" : "have"} no match.`);
  text.textContent = parts.join(" ");
  rows.sort((a, b) => b.selected - a.selected);
  const headings = ["label", "verdict", "selected", `${there.name} cells among the best matches`, "by label alone",
    `weight on the ${best} best`, "by label alone", "why this verdict"];
  const made = element("table"), top = made.createTHead().insertRow(), body = made.createTBody();
  headings.forEach((heading) => top.append(element("th", heading, {scope: "col"})));
  for (const row of rows) {
    const line = body.insertRow(), label = labels[row.label];
    line.append(element("td", label.name), element("td", head.verdicts[label.verdict]));
    const number = (value) => line.append(element("td", value, {class: "number"}));
    number(`${count(row.selected)} of ${count(selected.side.perLabel[row.label])}`);
    number(`${count(row.marked)} of ${count(there.perLabel[row.label])}`);
    number(row.matched ? count(Math.round(row.alone.marked)) : "–");
    number(row.matched ? percent(row.kept / row.matched) : "–");
    number(row.matched ? percent(row.alone.weight) : "–");
    line.append(element("td", label.reason));
  }
  table.replaceChildren(made);
}
