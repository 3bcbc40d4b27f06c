// The plan of one label on a plain canvas. A weight comes as two bytes with three digits: colour and text are made here,
// and the names of the rows and columns stay in the browser. All texts enter the page as text, never as markup.
const SMALLEST_POWER = -45, PER_POWER = 900, SHADES = 256;  // as in plotting/heat_layers.py
const shelf = (window.psmatchShelf ??= {parts: new Map(), maps: new Set(), views: new Map(), mode: ""});
const element = (tag, text = "", attributes = {}) => {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const weightOf = (code) => code && Number(`${100 + (code - 1) % PER_POWER}e${SMALLEST_POWER - 2 + Math.floor((code - 1) / PER_POWER)}`);
const said = (weight) => weight.toPrecision(3).replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");

function shades(colors) {
  const stops = colors.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Array.from({length: SHADES}, (_, shade) => {
    const at = shade / (SHADES - 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    return stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * (at - low)));
  });
}

// The head and the weights of what the server framed (psmatch_core/base/framed_arrays.py).
function unframed(data) {
  const whole = data.slice().buffer, length = new DataView(whole).getUint32(0, true);
  const {arrays, ...head} = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  const [, at, size] = arrays.weights;
  return {...head, weights: new Uint16Array(whole, 4 + length + at, size)};
}

class Heat {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`.${name}`);
    this.canvas = this.find("weights");
    this.bins = document.createElement("canvas");
    Object.assign(this, {from: null, to: null, cross: null, shown: null});
    this.find("save").addEventListener("click", () => this.save());
    this.find("pick").addEventListener("click", () => this.pick(!this.picks));
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  take(data) {
    this.shown = unframed(data);
    Object.assign(this, {from: null, to: null});
    const {shape: [rows, columns], weights, highest, colors, ticks, axes, alt} = this.shown;
    this.find("pick").hidden = !this.shown.selects;
    this.canvas.setAttribute("aria-label", `${alt}. ${this.find("keys").textContent}`);
    if (rows && columns) {
      const {bins} = this, palette = shades(colors);
      bins.width = columns;
      bins.height = rows;
      const picture = bins.getContext("2d").createImageData(columns, rows);
      weights.forEach((code, at) => {
        const share = highest > 0 ? Math.sqrt(weightOf(code) / highest) : 0;
        picture.data.set([...palette[Math.min(SHADES - 1, Math.round(share * (SHADES - 1)))], 255], 4 * at);
      });
      bins.getContext("2d").putImageData(picture, 0, 0);
    }
    this.find("ramp").style.background = `linear-gradient(to right, ${colors.join()})`;
    this.find("ticks").replaceChildren(...ticks.map(([tick, text]) => {
      const made = element("span", text);
      made.style.left = `${highest > 0 ? 100 * Math.sqrt(tick / highest) : 0}%`;
      return made;
    }));
    for (const [at, name] of ["rows", "columns"].entries()) this.find(name).textContent = axes[at];
    this.draw();
  }

  draw() {
    const {canvas, bins, shown} = this, scale = window.devicePixelRatio || 1;
    if (!shown || !canvas.clientWidth) return;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    if (bins.width) context.drawImage(bins, 0, 0, canvas.width, canvas.height);
    context.scale(scale, scale);
    const ends = this.from && this.to ? [this.from, this.to] : null;
    for (const [color, dash] of [["#000000", []], ["#ffffff", [5, 4]]]) {  // seen on any shade
      context.strokeStyle = color;
      context.lineWidth = 1.5;
      context.setLineDash(dash);
      if (ends) context.strokeRect(...ends[0], ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]);
      if (this.cross && document.activeElement === canvas) {
        const [rows, columns] = shown.shape, [row, column] = this.cross;
        context.strokeRect(column / columns * width, row / rows * height, width / columns, height / rows);
      }
    }
    this.root.dataset.drawn = String(Number(this.root.dataset.drawn || 0) + 1);
    this.drawn = shown;
  }

  // By a finger rows are drawn only while this is on; else it moves the page.
  pick(isOn) {
    this.find("pick").setAttribute("aria-pressed", String(isOn));
    this.canvas.style.touchAction = isOn ? "none" : "";
  }

  get picks() { return this.find("pick").getAttribute("aria-pressed") === "true"; }

  // The block of cells at a point on the canvas; null outside.
  bin([x, y]) {
    const {canvas, shown} = this, [rows, columns] = shown?.shape || [0, 0];
    const row = Math.floor(y / canvas.clientHeight * rows), column = Math.floor(x / canvas.clientWidth * columns);
    return row >= 0 && row < rows && column >= 0 && column < columns ? [row, column] : null;
  }

  about([row, column]) {
    const {names, shape, weights} = this.shown, texts = shelf.parts.get(names);
    const lines = texts ? [texts.rows[row], texts.columns[column]] : [];
    return [...lines, `${said(weightOf(weights[row * shape[1] + column]))} × the uniform weight`];
  }

  // Rows between two heights [px], in blocks: that whose middle is at 0 is the first.
  finish(low, high) {
    const {canvas, shown} = this, [rows] = shown.shape;
    const ends = [low, high].sort((a, b) => a - b).map((y) => y / canvas.clientHeight * rows - 0.5);
    if (shown.selects && rows) this.send({low: ends[0], high: ends[1]});
  }

  listen() {
    const {canvas} = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !this.shown?.selects || (event.pointerType === "touch" && !this.picks)) return;
      Object.assign(this, {from: at(event), to: null, cross: null, held: true});
      if (event.pointerType !== "touch") canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.held) { this.hover(event, at(event)); return; }
      this.find("hover").hidden = true;
      this.to = at(event);
      this.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      const to = at(event), isDrawn = this.held && Math.abs(to[1] - this.from[1]) > 3;
      if (event.pointerType === "touch" && !isDrawn && this.bin(to)) {  // a finger does not hover
        this.find("says").textContent = this.about(this.bin(to)).join(", ");
      }
      if (!this.held) return;
      this.held = false;
      if (isDrawn) { this.finish(this.from[1], to[1]); this.pick(false); }
      else { this.from = this.to = null; this.draw(); }
    });
    canvas.addEventListener("pointercancel", () => { this.held = false; this.from = this.to = null; this.draw(); });
    canvas.addEventListener("pointerleave", () => { this.find("hover").hidden = true; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
  }

  key(event) {
    const step = event.shiftKey ? 10 : 1, {shown, canvas} = this;
    const move = {ArrowLeft: [0, -step], ArrowRight: [0, step], ArrowUp: [-step, 0], ArrowDown: [step, 0]}[event.key];
    if (event.ctrlKey || event.metaKey || !shown?.shape[0] || !shown.shape[1]) return;
    if (!move && !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    this.cross ??= [0, 0];
    const [rows, columns] = shown.shape, high = canvas.clientHeight / rows, wide = canvas.clientWidth / columns;
    if (move) {
      this.cross = this.cross.map((each, axis) => Math.min(shown.shape[axis] - 1, Math.max(0, each + move[axis])));
      this.find("says").textContent = this.about(this.cross).join(", ");
      if (this.first) this.outline(this.first, this.cross, high, wide);
    } else if (event.key === "Escape" || !shown.selects) {
      this.first = this.from = this.to = null;
      this.find("says").textContent = "";
    } else if (!this.first) {
      this.first = this.cross;
      this.find("says").textContent = "First row set. Move and press Enter again to select the rows between.";
    } else {
      this.outline(this.first, this.cross, high, wide);
      this.first = null;
      this.finish(this.from[1], this.to[1]);
    }
    this.draw();
  }

  outline(first, last, high, wide) {
    const [top, bottom] = [first[0], last[0]].sort((a, b) => a - b), [left, right] = [first[1], last[1]].sort((a, b) => a - b);
    this.from = [left * wide, top * high];
    this.to = [(right + 1) * wide, (bottom + 1) * high];
  }

  hover(event, point) {
    const box = this.find("hover"), bin = this.bin(point);
    box.hidden = !bin || event.pointerType === "touch";
    if (box.hidden) return;
    box.replaceChildren(...this.about(bin).map((line) => element("div", line)));
    const right = event.clientX + 14 + box.offsetWidth < window.innerWidth;
    box.style.left = `${Math.max(4, right ? event.clientX + 14 : event.clientX - 14 - box.offsetWidth)}px`;
    box.style.top = `${Math.min(event.clientY + 14, window.innerHeight - box.offsetHeight - 4)}px`;
  }

  // The heatmap as a picture, with its title on top, its axes and its scale.
  save() {
    const {shown, canvas} = this, scale = window.devicePixelRatio || 1, style = getComputedStyle(this.root);
    if (!shown) return;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight], [left, top, bottom] = [26, 64, 26];
    const picture = document.createElement("canvas"), context = picture.getContext("2d");
    picture.width = (width + left + 8) * scale;
    picture.height = (height + top + bottom) * scale;
    context.scale(scale, scale);
    context.fillStyle = style.getPropertyValue("--st-background-color") || "#ffffff";
    context.fillRect(0, 0, width + left + 8, height + top + bottom);
    context.imageSmoothingEnabled = false;
    if (this.bins.width) context.drawImage(this.bins, left, top, width, height);
    const ramp = context.createLinearGradient(left, 0, left + width / 2, 0);
    shown.colors.forEach((color, at) => ramp.addColorStop(at / (shown.colors.length - 1), color));
    context.fillStyle = ramp;
    context.fillRect(left, 34, width / 2, 8);
    context.fillStyle = style.color;
    context.font = `15px ${style.fontFamily}`;
    context.fillText(shown.title, 8, 22, width + left - 8);
    context.font = `12px ${style.fontFamily}`;
    for (const [tick, text] of shown.ticks) {
      context.fillText(text, left + (shown.highest > 0 ? Math.sqrt(tick / shown.highest) : 0) * width / 2, 56);
    }
    context.fillText(shown.axes[1], left, height + top + 18);
    context.rotate(-Math.PI / 2);
    context.fillText(shown.axes[0], -(height + top), 18);
    picture.toBlob((blob) => {
      const link = element("a", "", {download: "psmatch-plan.png"});
      link.href = URL.createObjectURL(blob);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    });
  }
}

export default function ({parentElement, data, setTriggerValue}) {
  const root = parentElement.querySelector(".heat-map");
  root.heat ??= new Heat(root);
  root.heat.send = (value) => setTriggerValue("drawn", value);
  if (root.heat.data !== data) { root.heat.data = data; root.heat.take(data); }
}
