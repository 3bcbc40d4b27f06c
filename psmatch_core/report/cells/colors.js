// Colours of the cells and their legend.
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
