"""Opening a result of the command line on the Data page: by path, by upload, and what is said of where it came from."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell.navigation import PAGES
from pages.shell.several import sides_of
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.opening.named_data import ELSEWHERE
from psmatch_core.workspace.opening.open_result import open_result
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.conftest import make_adata
from tests.pages.conftest import Open, plain_text
from tests.workspace.opening.command_line import FOUR, match_four, match_three, match_two, write_cells

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data files, a run and a matching of three."""
    place = write_cells(tmp_path_factory.mktemp("made"))
    match_two(place, place / "my run")
    match_three(place, place / "my views")
    return place


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where files may be opened by path."""
    monkeypatch.setenv("PSMATCH_DATA_ROOTS", str(made))
    return made


def open_path(app: AppTest, path: object) -> AppTest:
    (field,) = [each for each in app.text_input if each.key.startswith("path.result")]
    field.set_value(str(path))
    app.button(key="open.result").click().run()
    assert not app.exception
    return app


def upload(app: AppTest, archive: Path) -> AppTest:
    (widget,) = [each for each in app.get("file_uploader") if each.key.startswith("upload.result")]
    widget.set_value((archive.name, archive.read_bytes(), "application/zip")).run()
    assert not app.exception
    return app


def zipped(folder: Path, place: Path) -> Path:
    return Path(shutil.make_archive(str(place / folder.name), "zip", folder.parent, folder.name))


def test_a_run_is_opened_by_its_path_and_every_page_shows_it(empty: Open, here: Path, tmp_path: Path) -> None:
    app = open_path(empty(), "my run")
    (entry,) = RunStore(tmp_path / "workspace").entries()
    shown = plain_text(app)
    assert "Opened from my run, computed " in shown
    assert "my run" in shown
    assert "60 cells × 8 features" in shown  # the files are where they were
    assert "not here" not in shown
    assert entry.facts.verdict in shown
    for page in PAGES:
        if page != "data":
            app.switch_page(f"pages/{page}.py").run()
            assert not app.exception, page
            assert "Opened from my run" in plain_text(app), page


def test_an_opened_run_is_renamed_deleted_and_restored_like_any_other(empty: Open, here: Path, tmp_path: Path) -> None:
    app = open_path(empty(), here / "my run")
    store = RunStore(tmp_path / "workspace")
    (entry,) = store.entries()
    app.text_input(key=f"name.{entry.id}").set_value("of the cluster").run()
    app.button(key=f"rename.{entry.id}").click().run()
    assert [each.name for each in store.entries()] == ["of the cluster"]
    app.button(key=f"delete.{entry.id}").click().run()
    assert store.entries() == []
    app.button(key="undo.run").click().run()
    assert [each.id for each in store.entries()] == [entry.id]


def test_a_zip_of_three_opens_in_the_last_step_with_its_figures(empty: Open, here: Path, tmp_path: Path) -> None:
    app = upload(empty(), zipped(here / "my views", tmp_path))
    (job,) = jobs_at(SeveralJob, tmp_path / "workspace" / SeveralJob.place)
    figures = files.SEVERAL_FIGURES.read(job.folder)
    assert figures is not None
    shown = plain_text(app)
    assert figures.answer() in shown
    assert "Opened from my views, computed " in shown
    assert "Settings have changed since" not in shown
    assert not [path for path in (tmp_path / "workspace" / "uploads").rglob("*") if path.is_file()]
    again = open_path(empty(), "my views")
    assert jobs_at(SeveralJob, tmp_path / "workspace" / SeveralJob.place) == [job]
    assert figures.answer() in plain_text(again)


def test_four_modalities_open_with_all_six_pairs_and_nothing_says_that_the_settings_changed(
    empty: Open, here: Path, tmp_path: Path
) -> None:
    """The app takes three files, so its steps hold the first three; what was computed is shown whole."""
    match_four(here, tmp_path / "my four")
    app = upload(empty(), zipped(tmp_path / "my four", tmp_path))
    (job,) = jobs_at(SeveralJob, tmp_path / "workspace" / SeveralJob.place)
    figures = files.SEVERAL_FIGURES.read(job.folder)
    assert figures is not None
    shown = plain_text(app)
    assert "rna → adt → atac → image, matched together" in shown
    assert figures.answer() in shown
    assert "Settings have changed since" not in shown
    assert "The steps before hold the first three of its 4 modalities" in shown
    (pairs,) = [each.value for each in app.dataframe if "n_candidates" in each.value]
    assert list(pairs["pair"]) == [f"{one} → {other}" for one, other in itertools.combinations(FOUR, 2)]
    assert pairs["agreement"].notna().all()  # each through two others
    offered = [each.label for each in app.get("download_button")]
    assert {"matched.h5mu", "pairs_rna_image.csv", "coupling_atac_image.h5ad"} <= set(offered)
    assert [side.name for side in sides_of(app.session_state["workspace"])] == ["rna", "adt", "atac"]
    workspace = app.session_state["workspace"]
    app.session_state["workspace"] = replace(workspace, seed=workspace.seed + 1)
    assert "Settings have changed since" in plain_text(app.run())
    listed = empty()
    assert "Matchings of three modalities and more" in [each.value for each in listed.subheader]
    listed.button(key=f"several.open.{job.id}").click().run()
    assert not listed.exception
    assert figures.answer() in plain_text(listed)


def test_without_its_files_an_opened_run_says_what_needs_them(
    empty: Open, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_cells(Path(shutil.copytree(made, tmp_path / "moved", ignore=shutil.ignore_patterns("my *"))))
    match_two(place, place / "run")
    monkeypatch.setenv("PSMATCH_DATA_ROOTS", str(place))
    (place / "rna.h5ad").unlink()
    make_adata(n=52, n_features=5, labels=tuple("ABCD"), seed=1).write_h5ad(place / "adt.h5ad")
    app = open_path(empty(), "run")
    shown = plain_text(app)
    assert "1 data file of it is not here (rna.h5ad)" in shown
    assert "adt.h5ad has changed since this run was computed." in shown
    for page in ("propensity", "match", "monitor", "export"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page


@pytest.mark.parametrize("what", ["cells", "cut", "outside"])
def test_what_cannot_be_opened_says_why_and_leaves_the_page_usable(
    empty: Open, here: Path, tmp_path: Path, what: str
) -> None:
    app = empty()
    if what == "cut":
        archive = zipped(here / "my run", tmp_path)
        archive.write_bytes(archive.read_bytes()[:-100])
        upload(app, archive)
        code = "PM-R12"
    else:
        open_path(app, here / "rna.h5ad" if what == "cells" else tmp_path)
        code = "PM-S02"
    assert [code in each.value for each in app.error] == [True]
    assert RunStore(tmp_path / "workspace").entries() == []
    open_path(app, "my run")
    assert not app.error
    assert len(RunStore(tmp_path / "workspace").entries()) == 1


def test_a_shared_server_takes_a_zip_and_reads_no_path_that_it_names(
    empty: Open, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSMATCH_SHARED", "1")
    monkeypatch.delenv("PSMATCH_DATA_ROOTS", raising=False)
    app = empty()
    assert not [each for each in app.text_input if each.key.startswith("path.result")]
    upload(app, zipped(made / "my run", tmp_path))
    (path,) = (tmp_path / "workspace" / "runs").glob("[0-9]*")
    recipe = RunFolder(path).recipe
    for spec in (recipe.source, recipe.target):
        assert spec is not None
        assert Path(spec.path).parent == path / ELSEWHERE
    assert "2 data files of it are not here (rna.h5ad, adt.h5ad)" in plain_text(app)
    assert path.name in {each.key.removeprefix("open.") for each in app.button}  # listed: it is the visitor's own
    other = empty(link="")
    assert not [each for each in other.button if each.key == f"open.{path.name}"]


def test_the_result_that_the_command_line_named_is_shown_once(
    empty: Open, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_result(RunStore(tmp_path / "workspace"), here / "my run")
    monkeypatch.setenv("PSMATCH_OPEN_RESULT", f"run {opened.folder.id}")
    app = empty()
    assert app.query_params["run"] in (opened.folder.id, [opened.folder.id])
    assert "Opened from my run" in plain_text(app)
