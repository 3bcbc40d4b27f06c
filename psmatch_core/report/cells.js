// Linked maps and the table of pairs of a report. Everything is in the page: no request is made.
// All texts of data files enter the page as text (textContent), never as markup.
"use strict";
(async () => {
const NOWHERE = 65535, ROW = 29, SPARE = 8, PAPER_ROWS = 40, NEAR = 10, PAD = 12, STEPS = 24;
const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en-US");
const cellsOf = (n, side) => `${count(n)} ${side.name} ${n === 1 ? "cell" : "cells"}`;
const percent = (share) => `${(100 * share).toLocaleString("en-US", {maximumSignificantDigits: share < 0.1 ? 2 : 3})}%`;
const element = (tag, text = "", attributes = {}) => {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

// ---- the data
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const whole = await new Response(stream).arrayBuffer();
  const length = new DataView(whole).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  const kinds = {uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array};
  const arrays = {};
  for (const [name, [kind, at, size]] of Object.entries(head.arrays)) {
    arrays[name] = new kinds[kind](whole, 4 + length + at, size);
  }
  return {head, arrays};
}

const root = $("cells");
let file;
try {
  file = await unpacked($("packed-cells").textContent.trim());
} catch (error) {
  root.before(element("p", "The maps and the pairs cannot be shown: this browser is too old to unpack them. Use a current "
    + "one (Chrome or Edge 86, Firefox 113, Safari 16.4, or later).", {class: "attention"}));
  return;
}
const {head, arrays} = file;
const labels = head.labels;
const sides = head.sides.map((about, at) => {
  const of = (what) => arrays[`${at ? "target" : "source"}.${what}`];
  const matches = of("matches");
  return {...about, at, n: about.names.length, label: of("label"), matches, shares: of("shares"),
    effective: of("effective"), none: matches.BYTES_PER_ELEMENT === 2 ? 65535 : 4294967295,
    perLabel: new Uint32Array(labels.length), lower: null};
});
for (const side of sides) for (const label of side.label) side.perLabel[label]++;
const other = (side) => sides[1 - side.at];
root.hidden = false;

// ---- the selection: cells of one side, and the weight of their best matches on the other
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

// ---- colours
const bySize = labels.map((_, at) => at).sort((a, b) => total(b) - total(a));
function total(label) { return labels[label].sizes[0] + labels[label].sizes[1]; }
const hues = new Array(labels.length).fill(head.grey);
const nHues = labels.length <= head.palette.length ? labels.length : head.palette.length;
bySize.slice(0, nHues).forEach((label, at) => { hues[label] = head.palette[at]; });
const largest = Math.max(...sides.map((side) => side.effective.reduce((most, each) => Math.max(most, each), 1)));

const mixed = (share) => {
  const at = share * (head.scale.length - 1), low = Math.min(Math.floor(at), head.scale.length - 2);
  const [from, to] = [head.scale[low], head.scale[low + 1]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (at - low))).join()})`;
};

// A group of equal colour for each cell, and the colours; drawing goes colour by colour.
function colours(side, by) {
  if (by === "effective") {
    const step = (value) => value ? 1 + Math.round((STEPS - 1) * Math.log(Math.max(value, 1)) / Math.log(largest || 2)) : 0;
    const ramp = [head.grey, ...Array.from({length: STEPS}, (_, at) => mixed(at / (STEPS - 1)))];
    return {group: Uint16Array.from(side.effective, (value) => Math.min(step(value) || 0, STEPS)), ramp};
  }
  if (by === "verdict") {
    return {group: Uint16Array.from(side.label, (label) => labels[label].verdict), ramp: head.verdict_colors};
  }
  return {group: side.label, ramp: hues};
}

function legend() {
  const by = $("cells-color").value, list = $("cells-legend");
  const item = (color, text) => {
    const made = element("li");
    const dot = element("i");
    dot.style.background = color;
    made.append(dot, text);
    return made;
  };
  if (by === "effective") {
    const middle = Math.sqrt(largest);
    const lacks = sides.some((side) => side.effective.includes(0));
    list.replaceChildren(item(mixed(0), "1 effective match"), item(mixed(0.5), count(Math.round(middle))),
      item(mixed(1), `${count(Math.round(largest))} effective matches`), ...(lacks ? [item(head.grey, "no match")] : []));
  } else if (by === "verdict") {
    const used = new Set(labels.map((label) => label.verdict));
    list.replaceChildren(...[...used].sort().map((level) => item(head.verdict_colors[level], head.verdicts[level])));
  } else {
    const shown = bySize.slice(0, nHues).map((label) => item(hues[label], labels[label].name));
    if (nHues < labels.length) shown.push(item(head.grey, `${labels.length - nHues} other labels`));
    list.replaceChildren(...shown);
  }
}

// ---- the maps
const maps = [...document.querySelectorAll(".map canvas")].map((canvas) => {
  const side = sides[Number(canvas.dataset.side)];
  const chooser = document.querySelector(`[data-map="${side.at}"]`);
  side.maps.forEach((map, at) => chooser.append(element("option", map.title, {value: at})));
  const map = {canvas, side, chooser, back: document.createElement("canvas"), shape: [], cross: null, corner: null};
  chooser.addEventListener("change", () => { map.shape = []; redraw(map); });
  return map;
});

const ink = () => onPaper ? "#000000" : getComputedStyle(document.documentElement).getPropertyValue("--ink");
let onPaper = false;

function places(map) {
  const xy = arrays[map.side.maps[map.chooser.value || 0].array];
  const width = map.canvas.clientWidth - 2 * PAD, height = map.canvas.clientHeight - 2 * PAD;
  if (map.xy !== xy || map.width !== width || map.height !== height) {
    const [x, y] = [new Float32Array(map.side.n), new Float32Array(map.side.n)];
    for (let cell = 0; cell < map.side.n; cell++) {
      const known = xy[2 * cell] !== NOWHERE;
      x[cell] = known ? PAD + xy[2 * cell] / (NOWHERE - 1) * width : NaN;
      y[cell] = known ? PAD + (1 - xy[2 * cell + 1] / (NOWHERE - 1)) * height : NaN;
    }
    Object.assign(map, {xy, width, height, x, y});
  }
  return map;
}

function dots(context, map, which, radius) {
  const {group, ramp} = colours(map.side, $("cells-color").value);
  const byColour = ramp.map(() => []);
  for (let cell = 0; cell < map.side.n; cell++) {
    if (which(cell) && map.x[cell] === map.x[cell]) byColour[group[cell]].push(cell);
  }
  // The many stand behind the few: labels drawn in grey first, then the largest colours.
  const order = byColour.map((_, at) => at).sort((a, b) => (ramp[b] === head.grey) - (ramp[a] === head.grey)
    || byColour[b].length - byColour[a].length);
  for (const at of order) {
    if (!byColour[at].length) continue;
    context.fillStyle = ramp[at];
    context.beginPath();
    for (const cell of byColour[at]) {
      if (map.side.n > 5000) {
        context.rect(map.x[cell] - radius, map.y[cell] - radius, 2 * radius, 2 * radius);
      } else {
        context.moveTo(map.x[cell] + radius, map.y[cell]);
        context.arc(map.x[cell], map.y[cell], radius, 0, 7);
      }
    }
    context.fill();
  }
}

function redraw(map) {
  if (!map.canvas.clientWidth) return;  // not laid out yet; the observer of sizes draws it then
  places(map);
  const scale = window.devicePixelRatio || 1;
  for (const canvas of [map.canvas, map.back]) {
    canvas.width = Math.round(map.canvas.clientWidth * scale);
    canvas.height = Math.round(map.canvas.clientHeight * scale);
  }
  const context = map.back.getContext("2d");
  context.scale(scale, scale);
  const radius = map.side.n > 20000 ? 0.8 : map.side.n > 5000 ? 1.1 : map.side.n > 1000 ? 2 : 2.6;
  if (!selected) {
    context.globalAlpha = 0.8;
    dots(context, map, () => true, radius);
  } else if (selected.side === map.side) {
    context.globalAlpha = 0.15;
    dots(context, map, (cell) => !selected.mask[cell], radius);
    context.globalAlpha = 1;
    dots(context, map, (cell) => selected.mask[cell], radius + 0.7);
  } else {
    context.globalAlpha = 0.15;
    dots(context, map, (cell) => !selected.weight[cell], radius);
    marks(context, map, radius);
  }
  note(map);
  overlay(map);
}

// The matches of the selection, the heaviest last and largest: its area grows with its weight.
function marks(context, map, radius) {
  const {group, ramp} = colours(map.side, $("cells-color").value);
  const cells = [];
  selected.weight.forEach((each, cell) => { if (each > 0 && map.x[cell] === map.x[cell]) cells.push(cell); });
  cells.sort((a, b) => selected.weight[a] - selected.weight[b]);
  const most = cells.length ? selected.weight[cells[cells.length - 1]] : 1;
  const widest = Math.min(8, Math.max(4, 8 - Math.log2(cells.length / 25)));  // among many, large dots hide each other
  context.strokeStyle = ink();
  context.lineWidth = 0.6;
  for (const cell of cells) {
    const share = Math.sqrt(selected.weight[cell] / most);
    context.globalAlpha = 0.35 + 0.65 * share;
    context.fillStyle = ramp[group[cell]];
    context.beginPath();
    context.arc(map.x[cell], map.y[cell], radius + (widest - radius) * share, 0, 7);
    context.fill();
    if (cells.length < 3000) context.stroke();
  }
}

function note(map) {
  const {placed} = map.side.maps[map.chooser.value || 0];
  const missing = map.side.n - placed;
  const text = missing ? `${cellsOf(missing, map.side)} of ${count(map.side.n)} have no place on this map and can be chosen by label or name.` : "";
  document.querySelector(`[data-note="${map.side.at}"]`).textContent = text;
}

function overlay(map) {
  if (!map.back.width) return;
  const context = map.canvas.getContext("2d"), scale = window.devicePixelRatio || 1;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, map.canvas.width, map.canvas.height);
  context.drawImage(map.back, 0, 0);
  context.scale(scale, scale);
  context.strokeStyle = ink();
  context.lineWidth = 1.5;
  if (map.shape.length > 1) {
    context.setLineDash([5, 4]);
    context.beginPath();
    map.shape.forEach(([x, y], at) => at ? context.lineTo(x, y) : context.moveTo(x, y));
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  }
  if (map.cross && document.activeElement === map.canvas) {
    const [x, y] = map.cross;
    context.beginPath();
    context.moveTo(x - 9, y); context.lineTo(x + 9, y); context.moveTo(x, y - 9); context.lineTo(x, y + 9);
    context.stroke();
  }
}

// ---- drawing around cells
const corners = ([x1, y1], [x2, y2]) => [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];

// Inside, by the number of edges that a ray to the right crosses (Shimrat 1962), as in exploration/selection.py.
function inside(map, shape) {
  const found = [];
  for (let cell = 0; cell < map.side.n; cell++) {
    const x = map.x[cell], y = map.y[cell];
    let crossed = false;
    for (let at = 0, before = shape.length - 1; at < shape.length; before = at++) {
      const [x1, y1] = shape[before], [x2, y2] = shape[at];
      if ((y1 > y) !== (y2 > y) && x < x1 + (y - y1) * (x2 - x1) / (y2 - y1)) crossed = !crossed;
    }
    if (crossed) found.push(cell);
  }
  return found;
}

function nearest(map, [px, py], within = NEAR) {
  let best = -1, least = within * within;
  for (let cell = 0; cell < map.side.n; cell++) {
    const distance = (map.x[cell] - px) ** 2 + (map.y[cell] - py) ** 2;
    if (distance <= least) { least = distance; best = cell; }
  }
  return best;
}

function finish(map) {
  select(map.side, inside(map, map.shape), "drawn on the map");
}

const at = (map, event) => {
  const box = map.canvas.getBoundingClientRect();
  return [event.clientX - box.left - map.canvas.clientLeft, event.clientY - box.top - map.canvas.clientTop];
};

for (const map of maps) {
  let start = null;
  const {canvas} = map;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = at(map, event);
    map.cross = null;
    for (const each of maps) each.shape = [];
    if ($("cells-draw").value !== "click") { map.shape = [start]; canvas.setPointerCapture(event.pointerId); }
  });
  canvas.addEventListener("pointermove", (event) => {
    const point = at(map, event);
    if (!start) { hover(map, point, event); return; }
    if ($("cells-draw").value === "rectangle") map.shape = corners(start, point);
    if ($("cells-draw").value === "lasso") map.shape.push(point);
    $("cells-hover").hidden = true;
    overlay(map);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!start) return;
    const point = at(map, event);
    const moved = Math.hypot(point[0] - start[0], point[1] - start[1]) > 4 || map.shape.length > 8;
    start = null;
    if (moved && map.shape.length > 2) { finish(map); return; }
    map.shape = [];
    const cell = nearest(map, point);
    if (cell >= 0) select(map.side, [cell], "clicked on the map");
    else { overlay(map); }
  });
  canvas.addEventListener("pointercancel", () => { start = null; map.shape = []; overlay(map); });
  canvas.addEventListener("pointerleave", () => { $("cells-hover").hidden = true; });
  canvas.addEventListener("keydown", (event) => byKey(map, event));
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => overlay(map));
}

function byKey(map, event) {
  const step = event.shiftKey ? 2 : 16;
  const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
  const known = ["Enter", " ", "Escape"].includes(event.key);
  if (!move && !known) return;
  event.preventDefault();
  const size = [map.canvas.clientWidth, map.canvas.clientHeight];
  map.cross ??= size.map((each) => each / 2);
  if (move) {
    map.cross = map.cross.map((each, axis) => Math.min(size[axis], Math.max(0, each + move[axis])));
    if (map.corner) map.shape = corners(map.corner, map.cross);
  } else if (event.key === "Escape") {
    map.corner = null;
    map.shape = [];
  } else if (!map.corner) {
    map.corner = map.cross;
    $("cells-summary").textContent = "First corner set. Move the cross and press Enter again.";
  } else {
    map.shape = corners(map.corner, map.cross);
    map.corner = null;
    finish(map);
    return;
  }
  overlay(map);
}

function hover(map, point, event) {
  const box = $("cells-hover"), cell = nearest(map, point);
  box.hidden = cell < 0 || event.pointerType === "touch";
  if (box.hidden) return;
  const side = map.side, label = labels[side.label[cell]], first = side.matches[cell * side.k];
  const lines = [side.names[cell], `${label.name}: ${head.verdicts[label.verdict]}`];
  if (first === side.none) lines.push("no match");
  else {
    lines.push(`best match ${other(side).names[first]}, ${percent(side.shares[cell * side.k] / NOWHERE)} of its weight`);
    lines.push(`${side.effective[cell].toLocaleString("en-US", {maximumSignificantDigits: 3})} effective matches`);
  }
  if (selected && selected.side !== side && selected.weight[cell]) lines.push(`weight from the selection ${selected.weight[cell].toPrecision(3)}`);
  box.replaceChildren(...lines.map((line) => element("div", line)));
  const right = event.clientX + 14 + box.offsetWidth < window.innerWidth;
  box.style.left = `${Math.max(4, right ? event.clientX + 14 : event.clientX - 14 - box.offsetWidth)}px`;
  box.style.top = `${Math.min(event.clientY + 14, window.innerHeight - box.offsetHeight - 4)}px`;
}

// ---- what is said of the selection
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

// ---- the table of pairs: only the rows that are seen are in the page
let pairs = new Uint32Array(0), counted = "", first = -1;
const scroller = $("pairs");
const pairTable = element("table");
const pairHead = pairTable.createTHead().insertRow(), pairBody = pairTable.createTBody();
const columns = ["cell", "label", "rank", "match", "weight", "effective matches"];
for (const name of columns) pairHead.append(element("th", name, {scope: "col", ...(["rank", "weight", "effective matches"].includes(name) ? {class: "number"} : {})}));
scroller.append(pairTable);

function found() {
  const side = sides[Number($("pairs-of").value)], there = other(side);
  const query = $("pairs-search").value.trim().toLowerCase();
  const holds = (each) => {
    each.lower ??= each.names.map((name) => name.toLowerCase());
    return Uint8Array.from(each.lower, (name) => name.includes(query));
  };
  const hits = query ? [holds(side), holds(there), labels.map((label) => label.name.toLowerCase().includes(query))] : null;
  const only = selected && $("pairs-selected").checked;
  const mask = only ? (selected.side === side ? selected.mask : selected.weight) : null;
  const listed = new Uint32Array(side.n * side.k);
  let n = 0, cells = 0;
  for (let cell = 0; cell < side.n; cell++) {
    if (mask && !mask[cell]) continue;
    const all = !hits || hits[0][cell] || hits[2][side.label[cell]];
    const before = n;
    for (let at = cell * side.k; at < (cell + 1) * side.k && side.matches[at] !== side.none; at++) {
      if (all || hits[1][side.matches[at]]) listed[n++] = at;
    }
    cells += n > before;
  }
  pairs = listed.slice(0, n);
  const which = only ? (selected.side === side ? " of selected cells" : " of the matches of the selected cells") : "";
  counted = `${count(n)} ${n === 1 ? "pair" : "pairs"}${which}${query ? " found" : ""}: `
    + `the best matches of ${cellsOf(cells, side)}.`;
  $("pairs-count").textContent = counted;
  pairTable.setAttribute("aria-rowcount", n + 1);
  scroller.scrollTop = 0;
  first = -1;
  rowsSeen();
}

const pair = (at) => {
  const side = sides[Number($("pairs-of").value)], cell = Math.floor(at / side.k);
  return [side.names[cell], labels[side.label[cell]].name, at % side.k + 1, other(side).names[side.matches[at]],
    side.shares[at] / NOWHERE, side.effective[cell]];
};

function rowsSeen(from = Math.floor(scroller.scrollTop / ROW) - SPARE, n = Math.ceil(scroller.clientHeight / ROW) + 2 * SPARE) {
  from = Math.max(0, from);
  if (from === first) return;
  first = from;
  const to = Math.min(pairs.length, from + n);
  const space = (rows) => {
    const row = element("tr", "", {class: "space", "aria-hidden": "true"}), cell = row.insertCell();
    cell.colSpan = columns.length;
    cell.style.height = `${rows * ROW}px`;
    return row;
  };
  const rows = [];
  for (let place = from; place < to; place++) {
    const [name, label, rank, match, share, effective] = pair(pairs[place]);
    const row = element("tr", "", {"aria-rowindex": place + 2});
    row.append(element("td", name, {title: name}), element("td", label, {title: label}), element("td", rank, {class: "number"}),
      element("td", match, {title: match}), element("td", percent(share), {class: "number"}),
      element("td", effective.toLocaleString("en-US", {maximumSignificantDigits: 3}), {class: "number"}));
    rows.push(row);
  }
  pairBody.replaceChildren(...(from && !onPaper ? [space(from)] : []), ...rows, ...(to < pairs.length && !onPaper ? [space(pairs.length - to)] : []));
}

// Texts that a spreadsheet would run as a formula get an apostrophe, as in the exported files.
const field = (value) => {
  const text = String(value), safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

function save() {
  const lines = [["cell", "label", "rank", "match", "weight", "n_effective"], ...Array.from(pairs, pair)];
  const link = element("a", "", {download: "psmatch-pairs.csv"});
  link.href = URL.createObjectURL(new Blob([lines.map((line) => line.map(field).join(",")).join("\n") + "\n"], {type: "text/csv"}));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// ---- controls
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
scroller.addEventListener("scroll", () => rowsSeen());

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
})();
