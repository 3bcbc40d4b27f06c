"""The look of the app as its configuration says it: local files only, contrast that can be read, one palette."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from psmatch_core.plotting.style import DARK_PAPER, INKS, LIGHT_PAPER, PALETTE, QUIET_INKS, log_ticks

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
THEME = CONFIG["theme"]
LEAST_DISTANCE = 9.0  # CIE 1976; four just noticeable differences (2.3, Mahy et al. 1994)


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_and_links_can_be_read(name: str) -> None:
    theme = THEME[name]
    grounds = [theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"]]
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 7
        assert contrast(theme["linkColor"], ground) >= 4.5
        assert contrast(theme["primaryColor"], ground) >= 3


def test_figures_and_pages_share_papers_inks_and_palette() -> None:
    assert THEME["light"]["backgroundColor"] == LIGHT_PAPER
    assert THEME["dark"]["backgroundColor"] == DARK_PAPER
    assert (THEME["light"]["textColor"], THEME["dark"]["textColor"]) == INKS
    assert tuple(THEME["chartCategoricalColors"][: len(PALETTE)]) == PALETTE
    assert len(THEME["chartCategoricalColors"]) == len(THEME["chartSequentialColors"]) == 10


def test_small_text_of_figures_can_be_read() -> None:
    for quiet, paper in zip(QUIET_INKS, (LIGHT_PAPER, DARK_PAPER), strict=True):
        assert contrast(quiet, paper) >= 4.5


# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
BLINDNESS = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def lab(color: str, kind: str) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as colour-blind eyes see it."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(BLINDNESS[kind]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colour_blind_eyes_tell_all_eight_colours_apart(kind: str) -> None:
    seen = [lab(color, kind) for color in PALETTE]
    nearest = min(float(np.linalg.norm(a - b)) for i, a in enumerate(seen) for b in seen[:i])
    assert nearest > LEAST_DISTANCE, nearest


def test_fonts_are_files_of_the_app_with_their_licence() -> None:
    assert CONFIG["server"]["enableStaticServing"] is True
    for face in THEME["fontFaces"]:
        place, name = face["url"].rsplit("/", 1)
        assert place == "app/static"
        assert (ROOT / "static" / name).read_bytes()[:4] == b"wOF2"
    licences = " ".join(path.read_text("utf-8") for path in (ROOT / "static").glob("LICENSE-*.txt"))
    for family in {face["family"] for face in THEME["fontFaces"]}:
        assert f"{family} Project Authors" in licences
    assert sum(path.stat().st_size for path in (ROOT / "static").iterdir()) < 150_000


def test_nothing_in_the_configuration_or_the_entry_point_names_another_host() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    for path in (ROOT / ".streamlit" / "config.toml", ROOT / "main.py", ROOT / "static" / "logo.svg"):
        named = re.findall(r"https?://[^\s\"']+", path.read_text(encoding="utf-8"))
        assert set(named) <= {"http://www.w3.org/2000/svg"}, path.name
    assert "page_icon=str(ICON)" in (ROOT / "main.py").read_text(encoding="utf-8")  # an emoji would be fetched


def test_a_logarithmic_axis_has_ticks_of_one_kind() -> None:
    narrow, wide = (log_ticks(np.array(ends)) for ends in ([3.0, 70.0], [0.5, 90_000.0]))
    assert {2.0, 5.0, 10.0, 20.0, 50.0, 100.0} <= set(narrow["tickvals"])
    assert narrow["ticktext"][narrow["tickvals"].index(50.0)] == "50"
    assert all(np.log10(each) % 1 == 0 for each in wide["tickvals"])
    assert "10,000" in wide["ticktext"]
    assert log_ticks(np.array([np.nan]))["tickvals"]
