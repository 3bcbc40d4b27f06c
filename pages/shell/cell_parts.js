// Keeps a part that maps draw from, such as the places of the cells, under its digest; see cell_canvas.js.
const KEPT = 24, DIGEST = 16;  // parts; characters
const KINDS = {uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array};
const shelf = (window.psmatchShelf ??= {parts: new Map(), maps: new Set(), views: new Map(), mode: ""});

export default function ({ data }) {
  const digest = new TextDecoder().decode(data.subarray(0, DIGEST));
  if (shelf.parts.has(digest)) return;
  const whole = data.slice(DIGEST).buffer;  // from a multiple of eight bytes, which typed arrays need
  const length = new DataView(whole).getUint32(0, true);
  const { arrays, ...head } = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  for (const [name, [kind, at, size]] of Object.entries(arrays)) head[name] = new KINDS[kind](whole, 4 + length + at, size);
  shelf.parts.set(digest, head);
  while (shelf.parts.size > KEPT) shelf.parts.delete(shelf.parts.keys().next().value);
  for (const map of shelf.maps) map.later();
}
