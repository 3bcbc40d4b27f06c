// The table of pairs: only the rows that are seen are in the page.
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
