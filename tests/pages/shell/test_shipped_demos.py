"""The demo that comes with the app: it opens finished with nothing computed, and is what this version computes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from pages.shell import demos, file_summaries, shipped_demos
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.manifest import damage_in
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, texts

LARGEST = 7_000_000  # bytes of all shipped demos


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("something was computed")


@pytest.fixture
def nothing_may_be_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", forbidden)
    monkeypatch.setattr(file_summaries, "_make_demo", forbidden)
    monkeypatch.setattr(file_summaries, "inspect_file", forbidden)


def test_the_shipped_demo_opens_finished_and_nothing_is_computed(
    empty: Open, tmp_path: Path, nothing_may_be_computed: None
) -> None:
    app = empty()
    app.button(key="demo.screen").click().run()
    assert not app.exception
    assert "This demo is finished" in texts(app)
    (mine,) = RunStore(tmp_path / "workspace").runs.iterdir()
    assert damage_in(mine) is None
    app.switch_page("pages/match.py").run()
    assert {metric.label: metric.value for metric in app.metric}["Labels matched"] == "13 of 13"


def test_it_is_small_and_of_this_recipe_and_holds_nothing_of_the_machine_that_made_it(tmp_path: Path) -> None:
    archives = sorted(shipped_demos.PLACE.glob("*.tar.xz"))
    assert sum(each.stat().st_size for each in archives) < LARGEST
    for archive in archives:
        name = archive.name.removesuffix(".tar.xz")
        assert shipped_demos.unpack_demo(name, tmp_path / name / "runs", tmp_path / "files")
        (run,) = (tmp_path / name / "runs").iterdir()
        assert RunFolder(run).recipe == demo_recipe(Recipe(), name)
        for path in run.rglob("*"):
            content = path.read_bytes() if path.is_file() and path.suffix in (".json", ".txt", ".jsonl") else b""
            assert b"/tmp/" not in content, path
            assert b"/home/" not in content, path


def test_a_visitor_after_the_first_gets_the_same(tmp_path: Path) -> None:
    for _ in range(2):
        assert shipped_demos.unpack_demo("screen", tmp_path / "runs", tmp_path / "files")
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert not [each for each in (tmp_path / "files").iterdir() if each.name.startswith(".")]


@pytest.mark.parametrize("fault", ["none shipped", "cut", "not an archive", "another recipe"])
def test_what_is_not_of_this_version_is_computed_instead(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    archive = shipped_demos.PLACE / "screen.tar.xz"
    monkeypatch.setattr(shipped_demos, "PLACE", place)
    if fault == "cut":
        (place / archive.name).write_bytes(archive.read_bytes()[:50_000])
    elif fault == "not an archive":
        (place / archive.name).write_bytes(b"no archive")
    elif fault == "another recipe":
        shutil.copy(archive, place)
        monkeypatch.setattr(shipped_demos, "demo_recipe", lambda recipe, name: demo_recipe(Recipe(seed=9), name))
    assert not shipped_demos.unpack_demo("screen", tmp_path / "runs", tmp_path / "files")
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "files").exists()


@pytest.mark.slow
def test_the_shipped_demo_is_what_this_version_computes(tmp_path: Path) -> None:
    """Networks differ a little between machines, so the figures are compared and not the bits."""
    shipped_demos.unpack_demo("screen", tmp_path / "runs", tmp_path / "files")
    (path,) = (tmp_path / "runs").iterdir()
    shipped, anew = RunFolder(path), shipped_demos.compute_demo("screen", tmp_path / "anew")
    assert anew.status().state == DONE
    ours, theirs = (files.LABELS.read(each).set_index("label") for each in (shipped, anew))
    assert list(ours.index) == list(theirs.index)
    assert (ours["status"] == theirs["status"]).all()
    assert (ours["verdict"] == theirs["verdict"]).mean() > 0.8
    best = []
    for each in (shipped, anew):
        pairs = pd.read_parquet(each.exports / "pairs.parquet")
        best.append(pairs[pairs["rank"] == 1].set_index("source_cell")["target_cell"])
    assert best[0].index.equals(best[1].index)
    assert (best[0] == best[1]).mean() > 0.8


def test_the_buttons_offer_every_demo_and_only_known_ones_are_shipped() -> None:
    shipped = {each.name.removesuffix(".tar.xz") for each in shipped_demos.PLACE.glob("*.tar.xz")}
    assert "screen" in shipped
    assert shipped <= set(demos.DEMOS)
