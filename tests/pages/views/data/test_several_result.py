"""The result of matching three modalities on the Data page: what the core says, its files, its address."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import session, several, sharing
from pages.shell.data_steps import DataStep
from pages.shell.workspace import Workspace
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import PATIENCE, ROOT, opener, plain_text
from tests.pages.views.data.three_files import (
    figures_of,
    has_button,
    tables,
)
from tests.pages.views.data.visitor import at, press


def test_a_press_starts_a_job_with_what_the_page_shows(done: tuple[Path, SeveralJob]) -> None:
    root, job = done
    assert list(job.specs) == ["rna", "protein", "image"]
    assert [spec.label_key for spec in job.specs.values()] == ["label"] * 3
    assert str(root / "uploads") in job.specs["image"].path
    assert RunStore(root).entries() == []  # it is no run


def test_the_result_is_that_of_the_core(done: tuple[Path, SeveralJob], opened: AppTest) -> None:
    figures = figures_of(done[1])
    assert plain_text(opened).count(figures.answer()) == 1
    assert figures.cycles_in_words() in plain_text(opened)
    (pairs,) = [each for each in tables(opened) if "n_candidates" in each]
    assert list(pairs["pair"]) == ["rna → protein", "rna → image", "protein → image"]
    assert list(pairs["verdict"]) == [each.verdict.value if each.verdict else "not judged" for each in figures.pairs]
    assert list(pairs["agreement"]) == [pair.cycle["agreement"] for pair in figures.pairs]
    assert list(pairs["agreement_turned"]) == [pair.cycle["agreement_turned"] for pair in figures.pairs]
    assert list(pairs["shared_mass_uniform"]) == [pair.cycle["shared_mass_uniform"] for pair in figures.pairs]
    assert "MYC (its label is not in image)" in plain_text(opened)
    assert "No true pairs are known" in plain_text(opened)


def test_each_pair_is_shown_by_label(done: tuple[Path, SeveralJob], opened: AppTest) -> None:
    figures = figures_of(done[1])
    (box,) = [each for each in opened.selectbox if each.label == "Pair"]
    for pair in figures.pairs:
        box.set_value(f"{pair.source} → {pair.target}").run()
        assert not opened.exception
        (table,) = [each for each in tables(opened) if "status" in each]
        assert list(table["label"]) == [row.label for row in pair.labels]
        assert list(table["n_effective"]) == [row.n_effective for row in pair.labels]
        (box,) = [each for each in opened.selectbox if each.label == "Pair"]


def test_all_files_are_offered_and_a_damaged_one_is_named(
    done: tuple[Path, SeveralJob], opened: AppTest, tmp_path: Path
) -> None:
    offered = [each.label for each in opened.get("download_button")]
    exports = {path.name for path in done[1].folder.exports.iterdir()}
    assert offered[0] == "matched.h5mu"
    assert set(offered) == exports
    assert {"pairs_rna_protein.csv", "pairs_rna_image.csv", "coupling_protein_image.h5ad"} <= exports
    path = done[1].folder.exports / "labels.csv"
    kept = path.read_bytes()
    try:
        path.write_bytes(b"other")
        opened.run()
        assert not opened.exception
        assert "labels.csv of this run is damaged" in "".join(each.value for each in opened.error).replace("\\", "")
    finally:
        path.write_bytes(kept)


def test_opening_loads_the_files_and_a_change_is_said(opened: AppTest) -> None:
    workspace = opened.session_state["workspace"]
    assert [side.name for side in several.sides_of(workspace)] == ["rna", "protein", "image"]
    assert "Settings have changed since" not in plain_text(opened)
    opened.session_state["workspace"] = replace(workspace, seed=workspace.seed + 1)
    opened.run()
    assert "Settings have changed since" in plain_text(opened)
    assert has_button(opened, "Match all three")
    press(opened, "Close")
    assert "matched together" not in plain_text(opened)


def test_another_file_or_rule_closes_the_result(opened: AppTest) -> None:
    workspace: Workspace = opened.session_state["workspace"]
    assert workspace.several_id
    changed = replace(workspace.labels, minimum_cells=3)
    assert not workspace.with_labels(changed).several_id
    assert not workspace.with_side("third", None).several_id
    assert not workspace.with_side("source", None).several_id
    assert workspace.with_side("third", replace(workspace.third, name="other")).several_id  # type: ignore[type-var]


def visited(root: Path, monkeypatch: pytest.MonkeyPatch, link: str) -> AppTest:
    """A new visitor who comes by the link of a matching."""
    opener(root, monkeypatch)
    app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=PATIENCE)
    app.query_params["matching"] = link
    app.run()
    assert not app.exception
    return app


def test_the_address_leads_back_to_it_and_forgets_it_once_closed(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visited(done[0], monkeypatch, done[1].id)
    assert figures_of(done[1]).answer() in plain_text(app)
    assert done[1].id in app.query_params["matching"]
    press(app, "Close")
    assert "matching" not in app.query_params
    app.run()
    assert "matched together" not in plain_text(app)


def test_whoever_holds_its_link_reads_it_on_a_shared_server_and_changes_nothing(
    done: tuple[Path, SeveralJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(done[0], root)
    monkeypatch.setenv(sharing.SHARED_VARIABLE, "1")
    folder = root / SeveralJob.place
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}
    guest = visited(root, monkeypatch, done[1].id)
    assert figures_of(done[1]).answer() in plain_text(guest)
    assert "This matching belongs to somebody else" in plain_text(guest)
    assert "matched.h5mu" in [each.label for each in guest.get("download_button")]
    (link,) = [each.value for each in guest.code if "matching=" in each.value]
    assert link.endswith(f"?matching={done[1].id}")  # without the guest's key
    at(guest, DataStep.FILES)
    assert not any((each.key or "").startswith("several.delete") for each in guest.button)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")} == before


def test_one_person_alone_is_shown_no_link(opened: AppTest) -> None:
    assert "Read-only link" not in plain_text(opened)
    assert "belongs to somebody else" not in plain_text(opened)


def test_a_link_that_leads_nowhere_is_told(done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch) -> None:
    for link in ("20200101-000000-0123456789ab", "../runs", "x"):
        app = visited(done[0], monkeypatch, link)
        assert "No matching has this link" in "".join(each.value for each in app.error)


def test_opening_keeps_the_run_of_the_same_two_files(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, job = done
    monkeypatch.setattr(session, "store", lambda: RunStore(root))
    opened = session.workspace_with_several(Workspace(), job.id)
    same = replace(opened, third=None, several_id="", run_id="mine", seed=7)
    again = session.workspace_with_several(same, job.id)
    assert (again.run_id, again.seed, again.several_id) == ("mine", 7, job.id)
    assert again.third == opened.third
    other = replace(same, target=replace(same.source, matrix="raw"))  # type: ignore[type-var]
    assert session.workspace_with_several(other, job.id) == opened
