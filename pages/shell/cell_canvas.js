// One of two linked maps on a plain canvas. The server sends places and names once, and then only what changes: the
// group or value of each cell, and the selected cells or their matches. All texts enter the page as text, never as markup.
const NEAR = 12, NEAR_FINGER = 22, PAD = 6, NONE = 65535, NO_CELL = 4294967295, STEPS = 48, MOST_ZOOM = 200;
const SMALLEST = 4, LARGEST = 16, CROWDED = 9, MANY = 150, FEW = 20; // px of a match's dot, as in plotting/linked_maps.py
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

class CellMap {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`.${name}`);
    this.canvas = this.find("cells");
    this.back = document.createElement("canvas");
    Object.assign(this, {shape: [], cross: null, corner: null, start: null, drawn: null, data: null, waits: false,
      fingers: new Map(), pinch: null});
    this.buttons();
    this.listen();
    shelf.maps.add(this);
    new ResizeObserver(() => this.later()).observe(this.canvas);
  }

  take(data) {
    this.data = data;
    this.ready = null;
    this.canvas.setAttribute("aria-label", [`${data.alt}.`, ...["keys", data.selects ? "selects" : "looks"]
      .map((name) => this.find(name).textContent)].join(" "));
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
    const places = part(data.places);
    if (!places) return null;
    const n = places.rows.length;
    const marks = data.marks.kind ? {kind: data.marks.kind, cells: typed(data.marks.cells, "uint32"),
      weights: data.marks.weights ? typed(data.marks.weights, "float32") : null} : null;
    this.ready = {n, places, marks, ...layers(data.look, n)};
    this.legend();
    return this.ready;
  }

  get view() {
    const key = this.data.axes;
    if (!shelf.views.has(key)) shelf.views.set(key, {zoom: 1, x: 0, y: 0});
    return shelf.views.get(key);
  }

  place(ready) {
    const {zoom, x, y} = this.view, {clientWidth: width, clientHeight: height} = this.canvas;
    const stamp = [zoom, x, y, width, height].join();
    if (ready.stamp === stamp) return;
    const at = ready.places.places, px = new Float32Array(ready.n), py = new Float32Array(ready.n);
    for (let cell = 0; cell < ready.n; cell++) {
      px[cell] = at[2 * cell] === NONE ? NaN : PAD + (at[2 * cell] / (NONE - 1) - x) * zoom * (width - 2 * PAD);
      py[cell] = PAD + (1 - at[2 * cell + 1] / (NONE - 1) - y) * zoom * (height - 2 * PAD);
    }
    Object.assign(ready, {px, py, stamp});
  }

  // Data units of a point on the canvas, as the server's maps have them.
  units([px, py]) {
    const {zoom, x, y} = this.view, [left, right, bottom, top] = this.ready.places.range;
    const share = [(px - PAD) / (this.canvas.clientWidth - 2 * PAD) / zoom + x,
      1 - ((py - PAD) / (this.canvas.clientHeight - 2 * PAD) / zoom + y)];
    return [left + share[0] * (right - left), bottom + share[1] * (top - bottom)];
  }

  // Where a point in data units lies on the canvas.
  pixels([x, y]) {
    const {view} = this, [left, right, bottom, top] = this.ready.places.range;
    return [PAD + ((x - left) / (right - left) - view.x) * view.zoom * (this.canvas.clientWidth - 2 * PAD),
      PAD + ((top - y) / (top - bottom) - view.y) * view.zoom * (this.canvas.clientHeight - 2 * PAD)];
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
    this.radius = grows * (ready.n > 20000 ? 0.9 : ready.n > 5000 ? 1.2 : ready.n > 1000 ? 2 : 2.6);
    for (const {color, opacity, cells} of ready.all) this.dots(context, cells, color, opacity);
    if (ready.marks) this.marks(context, ready.marks);
    this.drawn = this.data;
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
    this.overlay();
  }

  dots(context, cells, color, opacity, radius = this.radius) {
    const {px, py, n} = this.ready, square = n > 5000;
    context.globalAlpha = opacity;
    context.fillStyle = color;
    context.beginPath();
    for (const cell of cells) {
      if (square) context.rect(px[cell] - radius, py[cell] - radius, 2 * radius, 2 * radius);
      else { context.moveTo(px[cell] + radius, py[cell]); context.arc(px[cell], py[cell], radius, 0, 7); }
    }
    context.fill();
  }

  // Selected cells, or matches whose area grows with their weight: dots, or rings through which a colour is seen.
  marks(context, marks) {
    const {px, py} = this.ready, isPlain = Boolean(this.data.look.is_plain), {color} = this.data;
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
        context.moveTo(px[cell] + ring, py[cell]);
        context.arc(px[cell], py[cell], ring, 0, 7);
      }
      context.stroke();
      return;
    }
    const heaviest = marks.weights.length ? marks.weights[marks.weights.length - 1] : 1;
    const largest = marks.cells.length <= MANY ? LARGEST : CROWDED;
    marks.cells.forEach((cell, at) => {
      const share = Math.sqrt(marks.weights[at] / heaviest);
      context.globalAlpha = 0.25 + 0.75 * share;
      context.beginPath();
      context.arc(px[cell], py[cell], (SMALLEST + (largest - SMALLEST) * share) / 2, 0, 7);
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

  legend() {
    const {look} = this.data, list = this.find("legend");
    const item = (color, text) => {
      const made = element("li"), dot = element("i");
      dot.style.background = color;
      made.append(dot, text);
      return made;
    };
    if (look.scale) {
      const bar = element("li", "", {class: "bar"}), ramp = element("i");
      ramp.style.background = `linear-gradient(to right, ${look.scale.colors.join()})`;
      bar.append(element("span", look.scale.title), element("span", short(look.scale.low)), ramp,
        element("span", short(look.scale.high)));
      list.replaceChildren(bar, ...(look.styles.some(([color]) => color) ? [item("#8C8C8C", "not known")] : []));
    } else {
      list.replaceChildren(...(look.legend || []).map(([name, color]) => item(color, name)));
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
    if (!this.data) return;
    const {view, canvas} = this, before = view.zoom;
    const [w, h] = [canvas.clientWidth - 2 * PAD, canvas.clientHeight - 2 * PAD];
    const [x, y] = (point || [w / 2 + PAD, h / 2 + PAD]).map((each, axis) => (each - PAD) / (axis ? h : w));
    view.zoom = factor ? Math.min(MOST_ZOOM, Math.max(1, before * factor)) : 1;
    view.x += x / before - x / view.zoom;
    view.y += y / before - y / view.zoom;
    this.settle();
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
    const corners = this.shape.map((point) => this.units(point));
    this.send({kind: "shape", x: corners.map(([x]) => x), y: corners.map(([, y]) => y)});
  }

  click(point, within = NEAR) {
    const cell = this.nearest(point, within);
    this.shape = [];
    this.overlay();
    if (cell < 0) return;
    if (!this.data.selects) { this.find("says").textContent = this.about(cell).join(", "); return; }
    const [x, y] = this.units([this.ready.px[cell], this.ready.py[cell]]);
    this.send({kind: "click", row: this.ready.places.rows[cell], x: [x], y: [y]});
  }

  listen() {
    const {canvas} = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
    };
    const corners = ([x1, y1], [x2, y2]) => [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !this.ready) return;
      if (event.pointerType === "touch" && this.touched(event.pointerId, at(event)) > 1) return;
      this.start = {point: at(event), x: this.view.x, y: this.view.y};
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
        this.view.x = this.start.x - (point[0] - x) / (canvas.clientWidth - 2 * PAD) / this.view.zoom;
        this.view.y = this.start.y - (point[1] - y) / (canvas.clientHeight - 2 * PAD) / this.view.zoom;
        this.settle();
        return;
      }
      if (this.mode_now === "lasso") this.shape.push(point);
      else this.shape = corners([x, y], point);
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
      if (!this.ready || !(event.ctrlKey || event.metaKey || document.activeElement === canvas)) return;
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
    const {view, pinch, canvas, span} = this, size = [canvas.clientWidth - 2 * PAD, canvas.clientHeight - 2 * PAD];
    view.zoom = Math.min(MOST_ZOOM, Math.max(1, pinch.zoom * span.apart / pinch.apart));
    for (const [axis, name] of ["x", "y"].entries()) {
      const [before, now] = [pinch.middle, span.middle].map((point) => (point[axis] - PAD) / size[axis]);
      view[name] = pinch[name] + before / pinch.zoom - now / view.zoom;
    }
    this.settle();
  }

  key(event, corners) {
    const step = event.shiftKey ? 2 : 16, {canvas} = this;
    const move = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
    const zoomed = {"+": 1.6, "=": 1.6, "-": 1 / 1.6, "0": 0}[event.key];
    if (event.ctrlKey || event.metaKey || !this.ready) return;
    if (!move && zoomed === undefined && !["Enter", " ", "Escape"].includes(event.key)) return;
    event.preventDefault();
    if (zoomed !== undefined) { this.zoom(zoomed, this.cross); return; }
    const size = [canvas.clientWidth, canvas.clientHeight];
    this.cross ??= size.map((each) => each / 2);
    if (move) {
      this.cross = this.cross.map((each, axis) => Math.min(size[axis], Math.max(0, each + move[axis])));
      if (this.corner) this.shape = corners(this.corner, this.cross);
    } else if (event.key === "Escape") {
      this.corner = null;
      this.shape = [];
    } else if (event.key === " ") {
      this.click(this.cross);
    } else if (!this.data.selects) {
      return;
    } else if (!this.corner) {
      this.corner = this.cross;
      this.find("says").textContent = "First corner set. Move the cross and press Enter again.";
    } else {
      this.shape = corners(this.corner, this.cross);
      this.corner = null;
      this.find("says").textContent = "";
      this.finish();
    }
    this.overlay();
  }

  // Name, label, value and best match of a displayed cell, in lines.
  about(cell) {
    const {ready, data} = this, texts = part(data.texts), [, , says] = data.look.styles[ready.group[cell]];
    const side = data.side === "source" ? 0 : 1, row = ready.places.rows[cell], lines = [];
    if (texts) {
      const of = (what) => texts[`${data.side}.${what}`];
      if (texts.names[side].length) lines.push(texts.names[side][row]);
      lines.push(texts.labels[of("label")[row]]);
      if (of("best")) {
        const best = of("best")[row];
        lines.push(best === NO_CELL ? "no match" : texts.names[1 - side].length
          ? `best match ${texts.names[1 - side][best]} (${Math.round(100 * of("share")[row] / (NONE - 1))}%)` : "matched");
      }
    }
    if (ready.values && data.look.styles[ready.group[cell]][0] === null) {
      const [low, high] = data.look.span;
      lines.push(`${says} ${short(low + ready.values[cell] / (NONE - 1) * (high - low))}`);
    } else if (says) {
      const share = ready.shares ? ready.shares[cell] : NONE;
      lines.push(share === NONE ? says : `${says}, ${Math.round(100 * share / (NONE - 1))}% of the weight`);
    }
    const at = ready.marks?.weights ? ready.marks.cells.indexOf(cell) : -1;
    if (at >= 0) lines.push(`weight from the selection ${short(ready.marks.weights[at])}`);
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
