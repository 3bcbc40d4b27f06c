// The cells of a report, unpacked, and the words that all parts of the page use.
// All texts of data files enter the page as text (textContent), never as markup.
const NOWHERE = 65535, ROW = 29, SPARE = 8, PAPER_ROWS = 40, NEAR = 10, PAD = 12, STEPS = 24, MOST_ZOOM = 200;
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
