"""The style sheet of a report, and the script that draws its figures."""

from psmatch_core.plotting.style import DARK_PAPER, FONT, GREY, INKS, LIGHT_PAPER, PALETTE, POINT_SCALE

VERDICT_COLORS = (PALETTE[2], POINT_SCALE[-1][1], PALETTE[1], GREY)  # by the level of a verdict

STYLE = f"""
:root {{ color-scheme: light dark; --paper: {LIGHT_PAPER}; --ink: {INKS[0]}; --quiet: #53616d; --line: #d3dce3;
  --wash: #f1f5f8; --link: #15587a; --warn: #fff4e0; --edge: #b88600; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: {DARK_PAPER}; --ink: {INKS[1]}; --quiet: #a3b1bb;
  --line: #33414b; --wash: #1a242b; --link: #83c5e3; --warn: #2e2614; }} }}
{" ".join(f".level-{level} {{ --level: {color}; }}" for level, color in enumerate(VERDICT_COLORS))}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 {FONT}; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }}
h1 {{ font-size: 1.8rem; line-height: 1.2; margin: .2rem 0 1rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--line); }}
h3 {{ font-size: 1.02rem; margin: 0; overflow-wrap: anywhere; }}
h3.part {{ margin: 2rem 0 .4rem; font-size: 1.1rem; }}
a {{ color: var(--link); }}
.small {{ color: var(--quiet); font-size: .875rem; margin: .1rem 0; }}
.attention {{ background: var(--warn); border-left: 4px solid var(--edge); padding: .6rem .9rem; }}
nav ul {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; padding: 0; font-size: .9rem; }}
figure {{ margin: 1.6rem 0; }}
.plot {{ width: 100%; }}
.wide {{ overflow-x: auto; max-height: 32rem; overflow-y: auto; margin: .8rem 0; border: 1px solid var(--line);
  border-radius: .5rem; }}
table {{ border-collapse: collapse; font-size: .875rem; width: 100%; }}
th, td {{ text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }}
th {{ background: var(--wash); position: sticky; top: 0; font-weight: 600; vertical-align: bottom; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
th.number {{ text-align: right; }}
pre {{ background: var(--wash); padding: 1rem; overflow-x: auto; border-radius: .5rem; font-size: .8rem; }}
summary {{ cursor: pointer; }}
@page {{ margin: 14mm; }}
@media print {{ :root {{ color-scheme: light; --paper: {LIGHT_PAPER}; --ink: {INKS[0]}; --quiet: #53616d;
  --line: #d3dce3; --wash: #f1f5f8; --link: #15587a; --warn: #fff4e0; }}
  body {{ font-size: 11pt; }} main {{ max-width: none; padding: 0; }} nav, .modebar-container {{ display: none; }}
  .wide {{ max-height: none; overflow: visible; border: 0; }} th {{ position: static; }}
  tr, figure {{ break-inside: avoid; }} h2, h3 {{ break-after: avoid; }}
  table {{ font-size: 8pt; }} td {{ overflow-wrap: break-word; }}
  .plot {{ width: 660px; }} }}
"""

# In the report, the title of a figure is text above it. A downloaded copy gets its title back.
SCRIPT = """
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const currentTemplate = () => data.templates[dark.matches ? "dark" : "light"];
// plotly.js takes a second to start, which a reader of the first screen need not wait for.
const start = () => {
  if (window.Plotly) return;
  const script = document.createElement("script");
  script.textContent = document.getElementById("plotly").textContent;
  document.head.append(script);
};
const download = (plot) => {
  const room = 20 * (plot.layout.meta.title.split("<br>").length) + 12;
  const margin = Object.assign({}, plot.layout.margin, {t: (plot.layout.margin.t || 0) + room});
  const layout = Object.assign({}, plot.layout, {
    margin, template: data.templates.light, paper_bgcolor: "#ffffff",
    title: {text: plot.layout.meta.title, x: 0, xref: "container", xanchor: "left", y: 1, yref: "container",
            yanchor: "top", pad: {l: 8, t: 19}, font: {size: 15}}});
  const size = {width: plot.clientWidth, height: plot.clientHeight + room};
  Plotly.downloadImage({data: plot.data, layout}, Object.assign({format: "svg", filename: "psmatch"}, size));
};
const draw = (name, figure) => {
  start();
  const button = {name: "Download as SVG", icon: Plotly.Icons.camera, click: download};
  const config = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage", "lasso2d", "select2d"],
                  modeBarButtonsToAdd: [button]};
  const layout = Object.assign({}, figure.layout, {template: currentTemplate(), autosize: true});
  return Plotly.newPlot(name, figure.data, layout, config);
};
const waiting = new Map(data.figures);
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const figure = waiting.get(entry.target.id);
    if (entry.isIntersecting && figure) { waiting.delete(entry.target.id); draw(entry.target.id, figure); }
  }
}, {rootMargin: "600px"});
for (const [name] of data.figures) seen.observe(document.getElementById(name));
const all = () => { for (const [name, figure] of waiting) draw(name, figure); waiting.clear(); };
const plots = () => document.querySelectorAll(".js-plotly-plot");
// Paper is white and 660 px wide between its margins; figures drawn for the screen would be cut off.
const onPaper = () => {
  all();
  for (const plot of plots()) Plotly.relayout(plot, {template: data.templates.light, autosize: false, width: 660});
};
const onScreen = () => {
  for (const plot of plots()) Plotly.relayout(plot, {template: currentTemplate(), autosize: true, width: null});
};
window.addEventListener("beforeprint", onPaper);
window.addEventListener("afterprint", onScreen);
dark.addEventListener("change", () => {
  for (const plot of plots()) Plotly.relayout(plot, {template: currentTemplate()});
});
"""
