// A map of one modality on a plain canvas, or panels with the cells of one label each, of one or both modalities. The
// server sends places and names once, and then only what changes: the group or value of each cell, and the selected cells
// or their matches. All texts enter the page as text, never as markup.
const NEAR = 12, NEAR_FINGER = 22, PAD = 6, NONE = 65535, NO_CELL = 4294967295, STEPS = 48, MOST_ZOOM = 200;
const SMALLEST = 4, LARGEST = 16, CROWDED = 9, MANY = 150, FEW = 20; // px of a match's dot, as in plotting/linked_maps.py
// Of panels [px]: the least width, that in which dots are as large as on a map, the line of the title, the room between
// two; as high as this share of the screen; the grey cells behind all others; and how much of a panel its dots may cover.
const NARROW = 150, WIDE = 400, TITLE = 20, ROOM = 8, ASPECT = 5 / 4, TALL = 0.85, BACKDROP = 400, COVERED = 0.15;
const KINDS = {uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array};
// What several maps of a page share: parts by their digest, and the view of maps with the same axes.
const shelf = (window.psmatchShelf ??= {parts: new Map(), maps: new Set(), views: new Map(), mode: ""});

function part(digest) {
  const found = shelf.parts.get(digest);
  if (found) { shelf.parts.delete(digest); shelf.parts.set(digest, found); }  // those not used longest go first
  return found;
}
const element = (tag, text = "", attributes = {}) => {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
const typed = (text, kind) => new KINDS[kind](bytes(text));
const middle = ({left, top, width, height}) => [left + width / 2, top + height / 2];
const short = (value) => Number(value.toPrecision(3)).toLocaleString("en-US", {maximumSignificantDigits: 3});

function channels(hex) { return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)); }
function mixed(colors, share) {
  const at = share * (colors.length - 1), low = Math.min(Math.floor(at), colors.length - 2);
  const [from, to] = [channels(colors[low]), channels(colors[low + 1])];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (at - low))).join()})`;
}

// Cells of one look, in the order in which they are drawn: the groups as they come, values from low to high.
function layers(look, n) {
  const group = typed(look.group, look.is_wide ? "uint16" : "uint8");
  const values = look.values ? typed(look.values, "uint16") : null;
  const scaled = look.styles.findIndex(([color]) => color === null);
  const found = look.styles.map(([color, opacity]) => ({color, opacity, cells: []}));
  const steps = Array.from({length: values ? STEPS : 0}, (_, at) =>
    ({color: mixed(look.scale.colors, at / (STEPS - 1)), opacity: look.styles[scaled][1], cells: []}));
  const [low, width] = values ? [look.span[0], look.span[1] - look.span[0]] : [0, 1];
  for (let cell = 0; cell < n; cell++) {
    const at = group[cell];
    if (at !== scaled) { found[at].cells.push(cell); continue; }
    const value = low + values[cell] / (NONE - 1) * width;
    const share = (value - look.scale.low) / ((look.scale.high - look.scale.low) || 1);
    steps[Math.round(Math.min(1, Math.max(0, share)) * (STEPS - 1))].cells.push(cell);
  }
  return {all: [...found.filter((_, at) => at !== scaled), ...steps], group, values,
    shares: look.shares ? typed(look.shares, "uint16") : null};
}

// One modality on a map: its cells are `from` and the following of all that are drawn.
function modality(given, places, from) {
  const n = places.rows.length, {all, ...of} = layers(given.look, n), {kind, cells, weights} = given.marks;
  for (const layer of all) layer.cells = layer.cells.map((cell) => cell + from);
  const marks = kind ? {kind, cells: typed(cells, "uint32").map((cell) => cell + from),
    weights: weights ? typed(weights, "float32") : null} : null;
  return {...given, ...of, all, marks, places, n, from, at: given.side === "source" ? 0 : 1};
}

// The panel of each cell, by its label; NONE where its label has none.
function panelOf(sides, panels, texts, n) {
  const found = new Uint16Array(n).fill(NONE), at = new Map(panels.labels.map((label, panel) => [label, panel]));
  for (const {side, places: {rows}, from} of sides) {
    const labels = texts[`${side}.label`];
    rows.forEach((row, cell) => { found[from + cell] = at.get(labels[row]) ?? NONE; });
  }
  return found;
}

// Where n panels are on a canvas of this width: few large ones in a row, if all of them fit the height of a screen [px].
function panelBoxes(width, n, tall) {
  const most = Math.max(1, Math.min(n, Math.floor((width + ROOM) / (NARROW + ROOM))));
  const sized = (columns) => {
    const wide = (width - (columns - 1) * ROOM) / columns, high = wide / ASPECT;
    return {columns, wide, high, height: Math.ceil(n / columns) * (high + TITLE + ROOM)};
  };
  let columns = 1;
  while (columns < most && sized(columns).height > tall) columns++;
  const {wide, high, height} = sized(columns);
  return {height, boxes: Array.from({length: n}, (_, at) => ({left: (at % columns) * (wide + ROOM),
    top: Math.floor(at / columns) * (high + TITLE + ROOM) + TITLE, width: wide, height: high}))};
}

// A text that fits a width, shortened in the middle.
function fitting(context, text, width) {
  let kept = text.length;
  const cut = () => (kept === text.length ? text
    : `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`);
  while (kept > 2 && context.measureText(cut()).width > width) kept--;
  return cut();
}

class CellMap {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`.${name}`);
    this.canvas = this.find("cells");
    this.back = document.createElement("canvas");
    Object.assign(this, {shape: [], cross: null, corner: null, start: null, drawn: null, data: null, waits: false,
      box: null, fingers: new Map(), pinch: null});
    this.buttons();
    this.listen();
    shelf.maps.add(this);
    new ResizeObserver(() => this.later()).observe(this.canvas);
  }

  take(data) {
    this.data = data;
    this.ready = null;
    const keys = ["keys", ...(data.panels ? ["pages"] : []), data.selects ? "selects" : "looks"];
    this.canvas.setAttribute("aria-label", [`${data.alt}.`, ...keys.map((name) => this.find(name).textContent)].join(" "));
    this.root.classList.toggle("has-panels", Boolean(data.panels));
    if (!data.panels) this.canvas.style.height = "";  // panels keep theirs, so that the page does not jump
    for (const what of ["lasso", "rectangle"]) this.root.querySelector(`[data-what=${what}]`).hidden = !data.selects;
    this.mode(this.mode_now);
    this.shape = [];
    this.later();
  }

  // The arrays of what is to be drawn, once all its parts are there.
  prepared() {
    const {data} = this;
    if (!data) return null;
    if (this.ready) return this.ready;
    const places = data.sides.map((each) => part(each.places)), texts = part(data.texts);
    if (places.includes(undefined) || (data.panels && !texts)) return null;
    let n = 0;
    const sides = data.sides.map((each, at) => {
      const made = modality(each, places[at], n);
      n += made.n;
      return made;
    });
    const panel = data.panels ? panelOf(sides, data.panels, texts, n) : null;
    const counts = new Array(data.panels?.labels.length ?? 0).fill(0);
    panel?.forEach((at) => { if (at !== NONE) counts[at] += 1; });
    this.ready = {n, sides, panel, crowd: panel ? Math.max(...counts) : n, range: places[0].range};
    this.legend(texts);
    return this.ready;
  }

  side(cell) { return this.ready.sides.find(({from, n}) => cell < from + n); }

  get view() {
    const key = this.data.axes;
    if (!shelf.views.has(key)) shelf.views.set(key, {zoom: 1, x: 0, y: 0});
    return shelf.views.get(key);
  }

  // Width and height that the cells of a panel, or of the one map, have.
  get size() { return [this.ready.boxes[0].width - 2 * PAD, this.ready.boxes[0].height - 2 * PAD]; }

  // The panels on the canvas, or the whole of it; panels make it as high as they need.
  layout(ready) {
    const {clientWidth: width} = this.canvas, {panels} = this.data;
    if (!panels) { ready.boxes = [{left: 0, top: 0, width, height: this.canvas.clientHeight}]; return; }
    const {boxes, height} = panelBoxes(width, panels.labels.length, TALL * window.innerHeight);
    this.canvas.style.height = `${Math.ceil(height)}px`;
    ready.boxes = boxes;
  }

  place(ready) {
    const {zoom, x, y} = this.view, {clientWidth, clientHeight} = this.canvas;
    const stamp = [zoom, x, y, clientWidth, clientHeight, window.innerHeight].join();
    if (ready.stamp === stamp) return;
    this.layout(ready);
    const px = new Float32Array(ready.n).fill(NaN), py = new Float32Array(ready.n).fill(NaN), {boxes, panel} = ready;
    for (const {places: {places: at}, from, n} of ready.sides) {
      for (let cell = 0; cell < n; cell++) {
        const box = boxes[panel ? panel[from + cell] : 0];
        if (!box || at[2 * cell] === NONE) continue;
        const right = PAD + (at[2 * cell] / (NONE - 1) - x) * zoom * (box.width - 2 * PAD);
        const down = PAD + (1 - at[2 * cell + 1] / (NONE - 1) - y) * zoom * (box.height - 2 * PAD);
        if (panel && (right < 0 || right > box.width || down < 0 || down > box.height)) continue;
        px[from + cell] = box.left + right;
        py[from + cell] = box.top + down;
      }
    }
    Object.assign(ready, {px, py, stamp: [zoom, x, y, clientWidth, this.canvas.clientHeight, window.innerHeight].join()});
  }

  // The panel at a point of the canvas, or that nearest to it.
  boxAt([x, y]) {
    const beyond = (at, low, size) => Math.max(low - at, 0, at - low - size);
    const away = ({left, top, width, height}) => Math.hypot(beyond(x, left, width), beyond(y, top, height));
    return this.ready.boxes.reduce((best, box) => (away(box) < away(best) ? box : best));
  }

  // A shape stays in the panel in which it was begun.
  within([x, y]) {
    if (!this.data.panels || !this.box) return [x, y];
    const {left, top, width, height} = this.box;
    return [Math.min(left + width, Math.max(left, x)), Math.min(top + height, Math.max(top, y))];
  }

  // Data units of a point on the canvas, as the server's maps have them.
  units([px, py], box = this.boxAt([px, py])) {
    const {zoom, x, y} = this.view, [left, right, bottom, top] = this.ready.range, [wide, high] = this.size;
    const share = [(px - box.left - PAD) / wide / zoom + x, 1 - ((py - box.top - PAD) / high / zoom + y)];
    return [left + share[0] * (right - left), bottom + share[1] * (top - bottom)];
  }

  // Where a point in data units lies on the canvas: in the first panel, or in another.
  pixels([x, y], box = this.ready.boxes[0]) {
    const {view} = this, [left, right, bottom, top] = this.ready.range, [wide, high] = this.size;
    return [box.left + PAD + ((x - left) / (right - left) - view.x) * view.zoom * wide,
      box.top + PAD + ((top - y) / (top - bottom) - view.y) * view.zoom * high];
  }

  later() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => { this.waits = false; this.draw(); });
  }

  draw() {
    const {canvas, back} = this;
    if (!this.root.isConnected) { shelf.maps.delete(this); return; }
    if (!canvas.clientWidth || !this.prepared()) return;
    const ready = this.ready, scale = window.devicePixelRatio || 1;
    this.place(ready);
    for (const each of [canvas, back]) {
      const size = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * scale));
      if (each.width !== size[0]) each.width = size[0];
      if (each.height !== size[1]) each.height = size[1];
    }
    const context = back.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const grows = Math.min(3, Math.sqrt(this.view.zoom));
    const usual = ready.n > 20000 ? 0.9 : ready.n > 5000 ? 1.2 : ready.n > 1000 ? 2 : 2.6;
    this.radius = grows * (ready.panel ? this.room() : usual);
    if (ready.panel) this.panels(context, ready);
    const depth = Math.max(...ready.sides.map(({all}) => all.length));
    for (let at = 0; at < depth; at++) {
      for (const side of ready.sides) {  // the same step of a scale one after the other
        const layer = side.all[at - depth + side.all.length];
        if (layer) this.dots(context, layer.cells, layer.color, layer.opacity, this.radius, this.isCross(side));
      }
    }
    const isOnTop = (side) => Number(side.marks?.kind === "selected");  // in a panel, matches do not hide what is selected
    const ordered = [...ready.sides].sort((one, other) => isOnTop(one) - isOnTop(other));
    for (const side of ordered) if (side.marks) this.marks(context, side);
    this.drawn = this.data;
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
    this.overlay();
  }

  // Radius of a dot for which a panel has room: it and the cells of the fullest panel cover a share of its area [px].
  room() {
    const {boxes: [{width, height}], crowd} = this.ready;
    return Math.min(2.6, Math.max(0.8, Math.sqrt(COVERED * width * height / Math.max(1, crowd) / Math.PI)));
  }

  // Where both modalities share a panel, dots are of the source and crosses of the target.
  isCross(side) { return side.at === 1 && this.ready.sides.length > 1; }

  dots(context, cells, color, opacity, radius = this.radius, isCross = false) {
    const {px, py, n} = this.ready, square = n > 5000;
    context.globalAlpha = opacity;
    context.fillStyle = color;
    context.beginPath();
    for (const cell of cells) {
      const x = px[cell], y = py[cell];
      if (Number.isNaN(x)) continue;
      if (isCross) {
        const [arm, half] = [1.25 * radius, Math.max(0.5, 0.35 * radius)];
        context.rect(x - arm, y - half, 2 * arm, 2 * half);
        context.rect(x - half, y - arm, 2 * half, 2 * arm);
      } else if (square) context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      else { context.moveTo(x + radius, y); context.arc(x, y, radius, 0, 7); }
    }
    context.fill();
  }

  // Frame and title of each panel, and behind its cells a sample of all, which shows where they lie among the others.
  panels(context, ready) {
    const style = getComputedStyle(this.root), {zoom, x, y} = this.view, {titles} = this.data.panels;
    context.font = `600 12px ${style.fontFamily}`;
    context.textBaseline = "middle";
    context.strokeStyle = style.getPropertyValue("--st-border-color") || "#8C8C8C";
    context.lineWidth = 1;
    ready.boxes.forEach(({left, top, width, height}, at) => {
      context.globalAlpha = 1;
      context.fillStyle = style.color;
      context.fillText(fitting(context, titles[at], width), left, top - TITLE / 2);
      context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
      context.globalAlpha = 0.25;
      context.fillStyle = "#8C8C8C";
      context.beginPath();
      for (const {places: {places}, n} of ready.sides) {
        const step = Math.max(1, n * ready.sides.length / BACKDROP);
        for (let cell = 0; cell < n; cell += step) {
          const [across, up] = [places[2 * Math.floor(cell)], places[2 * Math.floor(cell) + 1]];
          const right = PAD + (across / (NONE - 1) - x) * zoom * (width - 2 * PAD);
          const down = PAD + (1 - up / (NONE - 1) - y) * zoom * (height - 2 * PAD);
          if (across !== NONE && right > 0 && right < width && down > 0 && down < height) {
            context.rect(left + right - 1, top + down - 1, 2, 2);
          }
        }
      }
      context.fill();
    });
  }

  // Selected cells, or matches whose area grows with their weight: dots, or rings through which a colour is seen.
  marks(context, {marks, look, color}) {
    const {px, py} = this.ready, isPlain = Boolean(look.is_plain);
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 1.6;
    context.globalAlpha = 1;
    if (marks.kind === "selected") {
      const isFew = marks.cells.length <= FEW, ring = isFew ? Math.max(6, this.radius + 3) : this.radius + 2;
      if (isPlain) this.dots(context, marks.cells, color, 1, this.radius + (isFew ? 2 : 0.8));
      if (isPlain && !isFew) return;
      if (isFew) { context.lineWidth = 2.5; context.strokeStyle = getComputedStyle(this.canvas).color; }
      context.beginPath();
      for (const cell of marks.cells) {
        if (Number.isNaN(px[cell])) continue;
        context.moveTo(px[cell] + ring, py[cell]);
        context.arc(px[cell], py[cell], ring, 0, 7);
      }
      context.stroke();
      return;
    }
    const heaviest = marks.weights.length ? marks.weights[marks.weights.length - 1] : 1;
    const small = this.ready.panel ? Math.min(1, Math.max(0.5, this.ready.boxes[0].width / WIDE)) : 1;
    const largest = marks.cells.length <= MANY ? LARGEST : CROWDED;
    marks.cells.forEach((cell, at) => {
      if (Number.isNaN(px[cell])) return;
      const share = Math.sqrt(marks.weights[at] / heaviest);
      context.globalAlpha = 0.25 + 0.75 * share;
      context.beginPath();
      context.arc(px[cell], py[cell], small * (SMALLEST + (largest - SMALLEST) * share) / 2, 0, 7);
      if (isPlain) context.fill(); else context.stroke();
    });
  }

  // The drawn shape and the cross of the keyboard, over the cells.
  overlay() {
    const {canvas, back} = this, context = canvas.getContext("2d"), scale = window.devicePixelRatio || 1;
    if (!back.width) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(back, 0, 0);
    context.scale(scale, scale);
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 1.5;
    if (this.shape.length > 1) {
      context.setLineDash([5, 4]);
      context.beginPath();
      this.shape.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.stroke();
      context.setLineDash([]);
    }
    if (this.cross && document.activeElement === canvas) {
      const [x, y] = this.cross;
      context.beginPath();
      context.moveTo(x - 9, y); context.lineTo(x + 9, y); context.moveTo(x, y - 9); context.lineTo(x, y + 9);
      context.stroke();
    }
  }

  legend(texts) {
    const {sides} = this.ready, looks = sides.map(({look}) => look), [{scale}] = looks, list = this.find("legend");
    const item = (color, text, kind = "") => {
      const made = element("li"), dot = element("i", "", kind ? {class: kind} : {});
      dot.style.background = color;
      made.append(dot, text);
      return made;
    };
    const both = sides.length < 2 ? [] : sides.map((side) => item(side.look.is_plain ? side.color : "currentColor",
      texts.modalities[side.at], this.isCross(side) ? "cross" : ""));
    if (scale) {
      const bar = element("li", "", {class: "bar"}), ramp = element("i");
      ramp.style.background = `linear-gradient(to right, ${scale.colors.join()})`;
      bar.append(element("span", scale.title), element("span", short(scale.low)), ramp, element("span", short(scale.high)));
      const isUnknown = looks.some(({styles}) => styles.some(([color]) => color));
      list.replaceChildren(...both, bar, ...(isUnknown ? [item("#8C8C8C", "not known")] : []));
    } else {
      const colors = new Map(looks.flatMap(({legend}) => legend || []));
      list.replaceChildren(...both, ...[...colors].map(([name, color]) => item(color, name)));
    }
  }

  buttons() {
    for (const button of this.root.querySelectorAll("button")) {
      button.addEventListener("click", () => this.press(button.dataset.what));
    }
    shelf.mode ||= window.matchMedia("(pointer: coarse)").matches ? "move" : "lasso";
    this.mode(shelf.mode);
  }

  press(what) {
    if (["lasso", "rectangle", "move"].includes(what)) {
      if (this.data?.selects) shelf.mode = what;
      for (const map of shelf.maps) map.mode(map.mode_now);
    } else if (what === "save") this.save();
    else this.zoom({"zoom-in": 1.6, "zoom-out": 1 / 1.6, "zoom-off": 0}[what]);
  }

  // On a map that is only looked at, a hand moves it.
  get mode_now() { return this.data && !this.data.selects ? "move" : shelf.mode; }

  mode(what) {
    for (const button of this.root.querySelectorAll("button[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.dataset.what === what));
    }
    this.canvas.style.touchAction = what === "move" ? "pan-y" : "none";  // a finger still moves the page
    this.canvas.style.cursor = what === "move" ? "grab" : "crosshair";
  }

  // Larger by a factor around a point that stays where it is; 0 shows everything again.
  zoom(factor, point = null) {
    if (!this.data || !this.ready?.boxes) return;
    const {view} = this, before = view.zoom, box = point && this.boxAt(point);
    const [x, y] = box ? this.shares(point, box) : [0.5, 0.5];
    view.zoom = factor ? Math.min(MOST_ZOOM, Math.max(1, before * factor)) : 1;
    view.x += x / before - x / view.zoom;
    view.y += y / before - y / view.zoom;
    this.settle();
  }

  // Where a point lies in a panel, in shares of its width and height.
  shares([x, y], {left, top}) {
    const [wide, high] = this.size;
    return [(x - left - PAD) / wide, (y - top - PAD) / high];
  }

  // No empty margin, and all maps with the same axes in step.
  settle() {
    const {view} = this;
    for (const axis of ["x", "y"]) view[axis] = Math.min(1 - 1 / view.zoom, Math.max(0, view[axis]));
    for (const map of shelf.maps) if (map.data?.axes === this.data.axes) { map.shape = []; map.later(); }
  }

  nearest([x, y], within = NEAR) {
    const {px, py, n} = this.ready || {n: 0};
    let best = -1, least = within * within;
    for (let cell = 0; cell < n; cell++) {
      const distance = (px[cell] - x) ** 2 + (py[cell] - y) ** 2;
      if (distance <= least) { least = distance; best = cell; }
    }
    return best;
  }

  finish() {
    const {panels} = this.data, corners = this.shape.map((point) => this.units(point, this.box));
    const label = panels ? panels.labels[this.ready.boxes.indexOf(this.box)] : null;
    this.send({kind: "shape", label, x: corners.map(([x]) => x), y: corners.map(([, y]) => y)});
  }

  click(point, within = NEAR) {
    const cell = this.nearest(point, within);
    this.shape = [];
    this.overlay();
    if (cell < 0) return;
    if (!this.data.selects) { this.find("says").textContent = this.about(cell).join(", "); return; }
    const [x, y] = this.units([this.ready.px[cell], this.ready.py[cell]]), {side, places, from} = this.side(cell);
    this.send({kind: "click", side, row: places.rows[cell - from], x: [x], y: [y]});
  }

  listen() {
    const {canvas} = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
    };
    const corners = ([x1, y1], [x2, y2]) => [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !this.ready?.boxes) return;
      if (event.pointerType === "touch" && this.touched(event.pointerId, at(event)) > 1) return;
      this.start = {point: at(event), x: this.view.x, y: this.view.y};
      this.box = this.boxAt(this.start.point);
      this.cross = this.corner = null;
      for (const map of shelf.maps) { map.shape = []; map.overlay(); }
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const point = at(event);
      if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, point);
      if (this.pinch) { this.pinched(); return; }
      if (!this.start) { this.hover(point, event); return; }
      this.find("hover").hidden = true;
      const [x, y] = this.start.point;
      if (this.mode_now === "move") {
        this.view.x = this.start.x - (point[0] - x) / this.size[0] / this.view.zoom;
        this.view.y = this.start.y - (point[1] - y) / this.size[1] / this.view.zoom;
        this.settle();
        return;
      }
      if (this.mode_now === "lasso") this.shape.push(this.within(point));
      else this.shape = corners(this.within([x, y]), this.within(point));
      this.overlay();
    });
    canvas.addEventListener("pointerup", (event) => {
      this.lifted(event.pointerId);
      if (!this.start) return;
      const point = at(event), [x, y] = this.start.point;
      this.start = null;
      const moved = Math.hypot(point[0] - x, point[1] - y) > 4 || this.shape.length > 8;
      if (!moved) { this.click(point, event.pointerType === "touch" ? NEAR_FINGER : NEAR); return; }
      if (this.mode_now !== "move" && this.shape.length > 2) this.finish();
    });
    canvas.addEventListener("pointercancel", (event) => {
      this.lifted(event.pointerId);
      this.start = null;
      this.shape = [];
      this.overlay();
    });
    for (const name of ["touchstart", "touchmove"]) {  // two fingers are for the map; one moves the page
      canvas.addEventListener(name, (event) => { if (event.touches.length > 1 && event.cancelable) event.preventDefault(); },
        {passive: false});
    }
    canvas.addEventListener("pointerleave", () => { this.find("hover").hidden = true; });
    canvas.addEventListener("wheel", (event) => {
      const isOurs = document.activeElement === canvas && !this.data?.panels;  // panels can be higher than the screen
      if (!this.ready || !(event.ctrlKey || event.metaKey || isOurs)) return;
      event.preventDefault();  // elsewhere the wheel moves the page
      this.zoom(Math.exp(-event.deltaY / 300), at(event));
    }, {passive: false});
    canvas.addEventListener("keydown", (event) => this.key(event, corners));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.overlay());
  }

  // A finger more on the map; two of them end what one began, and zoom and move. Returns how many there are.
  touched(id, point) {
    if (!this.fingers.size) this.pinch = null;
    this.fingers.set(id, point);
    if (this.fingers.size === 2) {
      this.start = null;
      this.shape = [];
      this.pinch = {...this.span, ...this.view};
      this.overlay();
    }
    return this.fingers.size;
  }

  lifted(id) {
    if (this.fingers.delete(id) && !this.fingers.size) this.pinch = null;
  }

  // How far two fingers are apart, and the point between them.
  get span() {
    const [[x1, y1], [x2, y2]] = [...this.fingers.values()];
    return {apart: Math.max(1, Math.hypot(x2 - x1, y2 - y1)), middle: [(x1 + x2) / 2, (y1 + y2) / 2]};
  }

  // What lay between the fingers stays between them.
  pinched() {
    if (this.fingers.size !== 2) return;
    const {view, pinch, span} = this, box = this.boxAt(pinch.middle), points = [pinch.middle, span.middle];
    view.zoom = Math.min(MOST_ZOOM, Math.max(1, pinch.zoom * span.apart / pinch.apart));
    for (const [axis, name] of ["x", "y"].entries()) {
      const [before, now] = points.map((point) => this.shares(point, box)[axis]);
      view[name] = pinch[name] + before / pinch.zoom - now / view.zoom;
    }
    this.settle();
  }

  key(event, corners) {
    const step = event.shiftKey ? 2 : 16, {canvas} = this;
    const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
    const zoomed = {"+": 1.6, "=": 1.6, "-": 1 / 1.6, "0": 0}[event.key];
    const page = this.data?.panels ? {PageDown: 1, PageUp: -1}[event.key] : undefined;
    if (event.ctrlKey || event.metaKey || !this.ready?.boxes) return;
    if (!move && !page && zoomed === undefined && !["Enter", " ", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (zoomed !== undefined) { this.zoom(zoomed, this.cross); return; }
    const size = [canvas.clientWidth, canvas.clientHeight];
    const before = this.cross && this.boxAt(this.cross), {boxes} = this.ready;
    this.cross ??= middle(boxes[0]);
    if (page) {
      this.corner = null;
      this.shape = [];
      this.cross = middle(boxes[(boxes.indexOf(before ?? boxes.at(-page)) + page + boxes.length) % boxes.length]);
    } else if (move) {
      this.cross = this.cross.map((each, axis) => Math.min(size[axis], Math.max(0, each + move[axis])));
      if (this.corner) this.cross = this.within(this.cross);
      if (this.corner) this.shape = corners(this.corner, this.cross);
    } else if (event.key === "Escape") {
      this.corner = null;
      this.shape = [];
    } else if (event.key === " ") {
      this.click(this.cross);
    } else if (!this.data.selects) {
      return;
    } else if (!this.corner) {
      this.box = this.boxAt(this.cross);
      this.corner = this.cross = this.within(this.cross);
      this.find("says").textContent = "First corner set. Move the cross and press Enter again.";
    } else {
      this.shape = corners(this.corner, this.cross);
      this.corner = null;
      this.find("says").textContent = "";
      this.finish();
    }
    if (this.data.panels) this.follow(before);
    this.overlay();
  }

  // Bring the panel of the cross into view, and say which it is where it is another than before.
  follow(before) {
    const box = this.boxAt(this.cross), spot = this.find("spot"), {titles, says} = this.data.panels;
    Object.assign(spot.style, {left: `${this.canvas.offsetLeft + box.left}px`,
      top: `${this.canvas.offsetTop + box.top - TITLE}px`, width: `${box.width}px`, height: `${box.height + TITLE}px`});
    spot.scrollIntoView({block: "nearest"});
    const at = this.ready.boxes.indexOf(box);
    if (box !== before) this.find("says").textContent = `${titles[at]}: ${says[at]}`;
  }

  // Name, label, value and best match of a displayed cell, in lines.
  about(cell) {
    const {side, at: own, look, group, values, shares, marks, places, from} = this.side(cell);
    const texts = part(this.data.texts), here = cell - from, [hue, , says] = look.styles[group[here]];
    const row = places.rows[here], lines = [];
    if (texts) {
      const of = (what) => texts[`${side}.${what}`];
      if (texts.names[own].length) lines.push(texts.names[own][row]);
      lines.push(texts.labels[of("label")[row]]);
      if (of("best")) {
        const best = of("best")[row];
        lines.push(best === NO_CELL ? "no match" : texts.names[1 - own].length
          ? `best match ${texts.names[1 - own][best]} (${Math.round(100 * of("share")[row] / (NONE - 1))}%)` : "matched");
      }
    }
    if (values && hue === null) {
      const [low, high] = look.span;
      lines.push(`${says} ${short(low + values[here] / (NONE - 1) * (high - low))}`);
    } else if (says) {
      const share = shares ? shares[here] : NONE;
      lines.push(share === NONE ? says : `${says}, ${Math.round(100 * share / (NONE - 1))}% of the weight`);
    }
    const at = marks?.weights ? marks.cells.indexOf(cell) : -1;
    if (at >= 0) lines.push(`weight from the selection ${short(marks.weights[at])}`);
    return lines;
  }

  hover(point, event) {
    const box = this.find("hover"), cell = this.nearest(point);
    box.hidden = cell < 0 || event.pointerType === "touch";
    if (box.hidden) return;
    box.replaceChildren(...this.about(cell).map((line) => element("div", line)));
    const right = event.clientX + 14 + box.offsetWidth < window.innerWidth;
    box.style.left = `${Math.max(4, right ? event.clientX + 14 : event.clientX - 14 - box.offsetWidth)}px`;
    box.style.top = `${Math.min(event.clientY + 14, window.innerHeight - box.offsetHeight - 4)}px`;
  }

  // The map as a picture, with its title on top.
  save() {
    const scale = window.devicePixelRatio || 1, room = 34 * scale, {back} = this;
    const picture = document.createElement("canvas"), context = picture.getContext("2d");
    picture.width = back.width;
    picture.height = back.height + room;
    const style = getComputedStyle(this.root);
    context.fillStyle = style.getPropertyValue("--st-background-color") || "#ffffff";
    context.fillRect(0, 0, picture.width, picture.height);
    context.fillStyle = style.color;
    context.font = `${15 * scale}px ${style.fontFamily}`;
    context.fillText(this.data.title, 8 * scale, 22 * scale, picture.width - 16 * scale);
    context.drawImage(back, 0, room);
    picture.toBlob((blob) => {
      const link = element("a", "", {download: "psmatch-map.png"});
      link.href = URL.createObjectURL(blob);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    });
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".cell-map");
  root.map ??= new CellMap(root);
  root.map.send = (value) => setTriggerValue("drawn", value);
  if (root.map.data !== data) root.map.take(data);
}
