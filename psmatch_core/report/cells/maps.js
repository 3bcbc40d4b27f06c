// The two maps, each on a canvas: all cells, the selected ones, or the matches of those on the other map.
const maps = [...document.querySelectorAll(".map canvas")].map((canvas) => {
  const side = sides[Number(canvas.dataset.side)];
  const chooser = document.querySelector(`[data-map="${side.at}"]`);
  side.maps.forEach((map, at) => chooser.append(element("option", map.title, {value: at})));
  const map = {canvas, side, chooser, back: document.createElement("canvas"), shape: [], cross: null, corner: null};
  chooser.addEventListener("change", () => { map.shape = []; redraw(map); });
  for (const button of canvas.parentElement.querySelectorAll("button[data-zoom]")) {
    button.addEventListener("click", () => zoom(map, Number(button.dataset.zoom)));
  }
  return map;
});

// What of a map is seen: maps with the same places on both sides are zoomed and moved together.
const views = new Map();
function viewOf(map) {
  const {title, shared} = map.side.maps[map.chooser.value || 0], key = shared ? title : `${map.side.at} ${title}`;
  if (!views.has(key)) views.set(key, {zoom: 1, x: 0, y: 0});
  return views.get(key);
}

// Larger by a factor around a point that stays where it is; 0 shows everything again.
function zoom(map, factor, point = null) {
  const view = viewOf(map), before = view.zoom;
  const size = [map.canvas.clientWidth - 2 * PAD, map.canvas.clientHeight - 2 * PAD];
  const [x, y] = size.map((each, axis) => point ? (point[axis] - PAD) / each : 0.5);
  view.zoom = factor ? Math.min(MOST_ZOOM, Math.max(1, before * factor)) : 1;
  moveTo(map, view.x + x / before - x / view.zoom, view.y + y / before - y / view.zoom);
}

function moveTo(map, x, y) {
  const view = viewOf(map), most = 1 - 1 / view.zoom;  // no empty margin
  view.x = Math.min(most, Math.max(0, x));
  view.y = Math.min(most, Math.max(0, y));
  for (const each of maps) if (viewOf(each) === view) { each.shape = []; redraw(each); }
}

const ink = () => onPaper ? "#000000" : getComputedStyle(document.documentElement).getPropertyValue("--ink");
let onPaper = false;

function places(map) {
  const xy = arrays[map.side.maps[map.chooser.value || 0].array];
  const width = map.canvas.clientWidth - 2 * PAD, height = map.canvas.clientHeight - 2 * PAD;
  const view = viewOf(map), stamp = [view.zoom, view.x, view.y].join();
  if (map.xy !== xy || map.width !== width || map.height !== height || map.stamp !== stamp) {
    const [x, y] = [new Float32Array(map.side.n), new Float32Array(map.side.n)];
    for (let cell = 0; cell < map.side.n; cell++) {
      const known = xy[2 * cell] !== NOWHERE;
      x[cell] = known ? PAD + (xy[2 * cell] / (NOWHERE - 1) - view.x) * view.zoom * width : NaN;
      y[cell] = known ? PAD + (1 - xy[2 * cell + 1] / (NOWHERE - 1) - view.y) * view.zoom * height : NaN;
    }
    Object.assign(map, {xy, width, height, stamp, x, y});
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
  const grows = Math.min(3, Math.sqrt(viewOf(map).zoom));
  const radius = grows * (map.side.n > 20000 ? 0.8 : map.side.n > 5000 ? 1.1 : map.side.n > 1000 ? 2 : 2.6);
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
