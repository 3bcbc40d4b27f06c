// Horizontal bars as SVG, drawn at once: names on the left, bars, rings and lines over one axis. All texts enter as text.
const ROW = 20, AXIS = 40, TOP = 4, FONT = 12, GAP = 8;
const SPACE = "http://www.w3.org/2000/svg";
const node = (tag, attributes = {}, text = "") => {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
};

function steps(low, high, most) {
  const rough = (high - low) / Math.max(1, most), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) found.push(Number((at * step).toPrecision(12)));
  return found;
}

function draw(root) {
  const {panel} = root, box = root.querySelector(".bars"), width = box.clientWidth;
  if (!panel || !width) return;
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = `${FONT}px ${getComputedStyle(root).fontFamily}`;
  const longest = Math.max(0, ...panel.names.map((name) => measure.measureText(name).width));
  const left = Math.min(longest, 0.42 * width) + GAP, right = 14, n = panel.names.length;
  const height = TOP + Math.max(1, n) * ROW + AXIS, inner = Math.max(20, width - left - right);
  const values = [0, ...panel.bars.flatMap((each) => each.x), ...panel.rings.flatMap((each) => each.x),
    ...panel.lines, ...panel.bands.flat()];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) high = low + 1;
  const room = 0.04 * (high - low);
  [low, high] = [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
  const x = (value) => left + (value - low) / (high - low) * inner, y = (row) => TOP + (row + 0.5) * ROW;
  const bottom = TOP + Math.max(1, n) * ROW;
  const svg = node("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": panel.alt,
    "font-size": FONT, fill: "currentColor", xmlns: SPACE});
  for (const [from, to] of panel.bands) {
    svg.append(node("rect", {x: x(from), y: TOP, width: Math.max(0, x(to) - x(from)), height: bottom - TOP, fill: "#808080", "fill-opacity": 0.22}));
  }
  const shown = (value) => panel.is_share ? `${Number((100 * value).toPrecision(3)).toLocaleString("en-US")}%`
    : Number(value.toPrecision(3)).toLocaleString("en-US").replace("-", "−");
  for (const tick of steps(low, high, inner / 60)) {
    svg.append(node("line", {x1: x(tick), x2: x(tick), y1: TOP, y2: bottom, stroke: "#808080", "stroke-opacity": tick ? 0.25 : 0.8}));
    svg.append(node("text", {x: x(tick), y: bottom + 14, "text-anchor": "middle", opacity: 0.8}, shown(tick)));
  }
  svg.append(node("text", {x: left + inner / 2, y: bottom + 32, "text-anchor": "middle", opacity: 0.8}, panel.axis));
  panel.names.forEach((name, row) => {
    let text = name;
    while (text.length > 4 && measure.measureText(text).width > left - GAP) text = `${text.slice(0, Math.ceil(text.length / 2) - 2)}…${text.slice(-Math.floor(text.length / 2) + 1)}`;
    const label = node("text", {x: left - GAP, y: y(row) + 4, "text-anchor": "end"}, text);
    label.append(node("title", {}, name));
    svg.append(label);
  });
  const perRow = new Map();
  for (const bar of panel.bars) for (const row of bar.rows) perRow.set(row, (perRow.get(row) || 0) + 1);
  const seen = new Map();
  for (const bar of panel.bars) {
    bar.rows.forEach((row, at) => {
      const count = perRow.get(row), place = seen.get(row) || 0, high = 0.72 * ROW / count, value = bar.x[at];
      seen.set(row, place + 1);
      const from = Math.min(x(0), x(value)), rect = node("rect", {x: from, y: y(row) - 0.36 * ROW + place * high,
        width: Math.max(0.5, Math.abs(x(value) - x(0))), height: high, fill: bar.color});
      rect.append(node("title", {}, `${panel.names[row]}${bar.name ? `, ${bar.name}` : ""}: ${shown(value)} ${panel.unit}`.trim()));
      svg.append(rect);
    });
  }
  for (const ring of panel.rings) {
    ring.rows.forEach((row, at) => {
      const circle = node("circle", {cx: x(ring.x[at]), cy: y(row), r: ring.size / 2, fill: "none", stroke: ring.color, "stroke-width": 1.2});
      circle.append(node("title", {}, `${panel.names[row]}, ${ring.name}: ${shown(ring.x[at])} ${panel.unit}`.trim()));
      svg.append(circle);
    });
  }
  for (const value of panel.lines) {
    svg.append(node("line", {x1: x(value), x2: x(value), y1: TOP, y2: bottom, stroke: "#8C8C8C", "stroke-width": 2, "stroke-dasharray": "6 4"}));
  }
  for (const row of panel.rules) {
    svg.append(node("line", {x1: left, x2: left + inner, y1: y(row), y2: y(row), stroke: "#8C8C8C", "stroke-dasharray": "2 3"}));
  }
  // A finger does not hover: it, and a click, have the row said.
  svg.addEventListener("click", (event) => {
    const row = Math.floor((event.clientY - svg.getBoundingClientRect().top - TOP) / ROW);
    if (row >= 0 && row < n) root.querySelector(".says").textContent = about(panel, row, shown);
  });
  box.replaceChildren(svg);
}

// All that is shown in a row, in words.
function about(panel, row, shown) {
  const values = new Map();  // by the name of what is drawn: several rings have one
  for (const {name, rows, x} of [...panel.bars, ...panel.rings]) {
    rows.forEach((at, which) => { if (at === row) values.set(name, [...values.get(name) || [], shown(x[which])]); });
  }
  const said = [...values].map(([name, each]) => `${name || ""} ${each.join(", ")} ${panel.unit}`.trim());
  return said.length ? `${panel.names[row]}: ${said.join("; ")}` : panel.names[row];
}

function legend(root) {
  root.querySelector(".legend").replaceChildren(...root.panel.legend.map(([name, color, kind]) => {
    const item = document.createElement("li"), mark = document.createElement("i");
    mark.className = kind;
    mark.style.setProperty("--mark", color);
    item.append(mark, name);
    return item;
  }));
}

function save(root) {
  const svg = root.querySelector("svg").cloneNode(true), style = getComputedStyle(root);
  svg.setAttribute("color", style.color);
  svg.setAttribute("font-family", style.fontFamily);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], {type: "image/svg+xml"}));
  link.download = "psmatch.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".bar-panel");
  if (root.panel === data) return;
  if (!root.panel) {
    root.querySelector("button").addEventListener("click", () => save(root));
    let before = 0;
    new ResizeObserver(() => {
      const width = root.clientWidth;
      if (width !== before) { before = width; draw(root); }
    }).observe(root);
  }
  root.panel = data;
  legend(root);
  draw(root);
}
