// Drawing around cells: by mouse, finger or keys; and what a hover says.
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
  let start = null, before = null;
  const {canvas} = map;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = at(map, event);
    before = {...viewOf(map)};
    map.cross = null;
    for (const each of maps) each.shape = [];
    if ($("cells-draw").value !== "click") map.shape = [start];
    if ($("cells-draw").value !== "click" || before.zoom > 1) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const point = at(map, event);
    if (!start) { hover(map, point, event); return; }
    if ($("cells-draw").value === "rectangle") map.shape = corners(start, point);
    if ($("cells-draw").value === "lasso") map.shape.push(point);
    if ($("cells-draw").value === "click") {
      const size = [canvas.clientWidth - 2 * PAD, canvas.clientHeight - 2 * PAD];
      moveTo(map, ...size.map((each, axis) => before[axis ? "y" : "x"] - (point[axis] - start[axis]) / each / before.zoom));
    }
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
    if (moved && $("cells-draw").value === "click") return;  // the map was moved
    const cell = nearest(map, point);
    if (cell >= 0) select(map.side, [cell], "clicked on the map");
    else { overlay(map); }
  });
  canvas.addEventListener("pointercancel", () => { start = null; map.shape = []; overlay(map); });
  canvas.addEventListener("pointerleave", () => { $("cells-hover").hidden = true; });
  canvas.addEventListener("wheel", (event) => {
    if (!(event.ctrlKey || event.metaKey || document.activeElement === canvas)) return;  // the wheel moves the page
    event.preventDefault();
    zoom(map, Math.exp(-event.deltaY / 300), at(map, event));
  }, {passive: false});
  canvas.addEventListener("keydown", (event) => byKey(map, event));
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => overlay(map));
}

function byKey(map, event) {
  const step = event.shiftKey ? 2 : 16;
  const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
  const zoomed = {"+": 1.6, "=": 1.6, "-": 1 / 1.6, "0": 0}[event.key];
  if (zoomed !== undefined && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    zoom(map, zoomed, map.cross);
    return;
  }
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
