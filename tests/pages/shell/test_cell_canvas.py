"""The script of the maps, run without a browser: where panels are, which cells they hold, and how places come back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pages.shell import cell_canvas

SCRIPT = Path(cell_canvas.__file__).with_suffix(".js")
TITLE, ROOM, PAD = 20, 8, 6  # px, as in the script
# A map whose canvas is no more than its size; panels of three labels, of which the cells have four.
MAP = """
const rows = Uint32Array.from({length: 400}, (_, at) => at), two = new Uint16Array(800);
for (let at = 0; at < 800; at++) two[at] = (at * 7919) % 65535;
const texts = {"source.label": rows.map((row) => row % 4), "target.label": rows.map((row) => (row * 3) % 4)};
function shown(width, labels) {
  const map = Object.create(CellMap.prototype);
  const sides = ["source", "target"].map((side, at) =>
    ({side, at, places: {rows, places: two, range: [-3, 5, 2, 4]}, n: 400, from: 400 * at}));
  map.canvas = {clientWidth: width, clientHeight: 300, style: {}};
  map.data = {axes: `${width}.${labels}`, panels: labels && {labels}};
  map.ready = {n: 800, sides, range: [-3, 5, 2, 4], panel: labels && panelOf(sides, {labels}, texts, 800)};
  map.place(map.ready);
  return map;
}
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def run(script: str, place: Path) -> Any:
    """What a script that sees the names of the canvas's own prints as JSON."""
    before, _ = SCRIPT.read_text(encoding="utf-8").split("export default function")
    whole = f"globalThis.window = globalThis; globalThis.innerHeight = 900;\n{before}\n{MAP}\n{script}"
    (place / "canvas.mjs").write_text(whole, encoding="utf-8")
    done = subprocess.run(["node", "canvas.mjs"], cwd=place, timeout=60, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("width", "n", "columns"), [(358, 13, 2), (840, 13, 4), (840, 25, 5), (100, 3, 1), (840, 1, 1)]
)
def test_panels_lie_beside_and_below_each_other_in_one_shape(tmp_path: Path, width: int, n: int, columns: int) -> None:
    found = run(f"console.log(JSON.stringify(panelBoxes({width}, {n}, 0.85 * 900)))", tmp_path)
    boxes = found["boxes"]
    assert len(boxes) == n
    assert len({round(each["left"], 3) for each in boxes}) == columns
    for at, box in enumerate(boxes):
        assert box["width"] / box["height"] == pytest.approx(5 / 4)
        assert box["left"] == pytest.approx((at % columns) * (box["width"] + ROOM))
        assert box["top"] == pytest.approx((at // columns) * (box["height"] + TITLE + ROOM) + TITLE)
        assert box["left"] + box["width"] <= width + 1e-6
        assert box["top"] + box["height"] <= found["height"]


@pytest.mark.parametrize("zoom", [1, 3])
def test_every_cell_lies_in_the_panel_of_its_label_where_the_one_map_has_it(tmp_path: Path, zoom: int) -> None:
    left = 0 if zoom == 1 else 0.2
    look = f"""
      const maps = [shown(700, [2, 0, 3]), shown(700, null)], cells = [...Array(800).keys()];
      for (const map of maps) {{
        Object.assign(map.view, {{zoom: {zoom}, x: {left}, y: 0.1 * {left}}});
        map.place(map.ready);
      }}
      console.log(JSON.stringify(maps.map(({{ready, view}}) => ({{boxes: ready.boxes, view, at: cells.map((cell) =>
        [ready.px[cell], ready.py[cell], texts[cell < 400 ? "source.label" : "target.label"][cell % 400]])}}))));"""
    panels, whole = run(look, tmp_path)
    one, n_seen = whole["boxes"][0], 0
    for (x, y, label), (all_x, all_y, _) in zip(panels["at"], whole["at"], strict=True):
        if label == 1:
            assert x is None  # it has no panel
            continue
        box = panels["boxes"][[2, 0, 3].index(label)]
        # In shares of the width and height that the cells have, a panel is the one map.
        across = (all_x - PAD) / (one["width"] - 2 * PAD) * (box["width"] - 2 * PAD) + PAD
        down = (all_y - PAD) / (one["height"] - 2 * PAD) * (box["height"] - 2 * PAD) + PAD
        is_inside = 0 <= across <= box["width"] and 0 <= down <= box["height"]
        assert (x is not None) == is_inside
        if is_inside:
            n_seen += 1
            assert (x - box["left"], y - box["top"]) == pytest.approx((across, down), abs=1e-3)
    assert n_seen == sum(label != 1 for *_, label in panels["at"]) if zoom == 1 else n_seen > 10


def test_a_point_of_a_panel_has_the_units_of_the_map_and_a_shape_stays_in_its_panel(tmp_path: Path) -> None:
    look = """
      const map = shown(700, [2, 0, 3]), wrong = [];
      Object.assign(map.view, {zoom: 2, x: 0.3, y: 0.25});
      map.place(map.ready);
      for (let cell = 0; cell < 800; cell++) {
        if (Number.isNaN(map.ready.px[cell])) continue;
        const [x, y] = map.units([map.ready.px[cell], map.ready.py[cell]]), at = 2 * (cell % 400);
        wrong.push(Math.max(Math.abs(x - (-3 + 8 * two[at] / 65534)), Math.abs(y - (2 + 2 * two[at + 1] / 65534))));
      }
      for (const box of map.ready.boxes) {
        const [across, down] = map.pixels([1.5, 2.7], box), [x, y] = map.units([across, down], box);
        wrong.push(Math.abs(x - 1.5), Math.abs(y - 2.7));
      }
      map.box = map.ready.boxes[1];
      console.log(JSON.stringify({n: wrong.length, wrong: Math.max(...wrong), box: map.box,
        kept: [map.within([-50, 1e4]), map.within([1e4, -50])]}));"""
    found = run(look, tmp_path)
    assert found["n"] > 10
    assert found["wrong"] < 1e-3
    box = found["box"]
    assert found["kept"] == [[box["left"], box["top"] + box["height"]], [box["left"] + box["width"], box["top"]]]


def test_a_long_title_is_cut_in_the_middle_and_a_short_one_stays(tmp_path: Path) -> None:
    look = """
      const context = {measureText: (text) => ({width: 7 * text.length})};
      const names = ["STAT1", "a guide of twenty-four letters, rep 2"];
      console.log(JSON.stringify(names.map((text) => fitting(context, text, 70))));"""
    short, cut = run(look, tmp_path)
    assert short == "STAT1"
    assert len(cut) <= 10
    assert (cut[:3], cut[-3:]) == ("a g", "p 2")
    assert "…" in cut
