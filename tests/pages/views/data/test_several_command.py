"""The command of the Data page that matches three modalities, which can be typed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from pages.shell.data_steps import DataStep
from pages.shell.workspace import Side
from pages.views.data.several_command import many_command
from psmatch_core.cli.main import _parser
from psmatch_core.cli.match_many import _settings, _specs
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.preprocessing import Preprocessing
from tests.pages.conftest import Open
from tests.pages.views.data.visitor import at, loaded, press

LABELS = ["control"] * 6 + ["STAT1"] * 6


def commands(app: object) -> list[str]:
    return [each.value for each in app.code if each.value.startswith("psmatch match-many")]  # type: ignore[attr-defined]


def test_two_files_are_in_the_command_as_they_are_read(empty: Open) -> None:
    (command,) = commands(loaded(empty, LABELS, LABELS, step=DataStep.JUDGE))
    assert command.startswith("psmatch match-many rna=rna.csv protein=protein.csv third=THIRD_FILE --label rna=")


def test_without_files_and_for_a_demo_there_is_no_command(empty: Open) -> None:
    assert commands(at(empty(), DataStep.JUDGE)) == []
    assert commands(at(press(empty(), "Demo: perturbation screen"), DataStep.JUDGE)) == []


def test_the_command_can_be_typed_and_reads_both_files_in_the_same_way() -> None:
    rna = Side("/server/1", "my cells; v2.h5ad", None, label_key="knock out", matrix="layers/counts")
    adt = Side("/server/2", "cite.h5mu", None, label_key="guide", part="prot", name="my cells; v2")
    command = many_command(rna, adt)
    specs = _specs(_parser().parse_args(shlex.split(command)[1:]))
    assert list(specs) == ["my_cells_v2", "my_cells_v22", "third"]
    one, other, third = specs.values()
    assert (one.path.endswith("my cells; v2.h5ad"), one.label_key, one.matrix) == (True, "knock out", "layers/counts")
    assert (other.label_key, other.part, other.matrix) == ("guide", "prot", "X")
    assert third.label_key == "COLUMN"


def test_the_command_says_all_that_is_chosen_on_the_page() -> None:
    """What match-many reads from the command is what a run of the app would read, setting by setting."""
    rna = Side(
        "/server/1",
        "rna.h5ad",
        None,
        label_key="ko",
        label_with=("dose", "true"),
        cells=("grna_frac > 0.8", "donor = 'D1', x"),
        roles=(("a b", "feature"),),
        bad_values="drop features",
        most_missing=0.25,
        pair_key="cell",
        missing_labels="drop",
        name="RNA",
        preprocessing=Preprocessing(normalize="clr", n_top_genes=100),
    )
    adt = Side(
        "/server/2", "adt.csv", None, labels_path="/server/3", labels_shown="guides.csv", guide_umis=3, name="rna"
    )
    labels = LabelRules(rename_target=(("a=1, b", "A"), ("c", "C")), leave_out=("Doublet",), minimum_cells=5)
    options = _parser().parse_args(shlex.split(many_command(replace(adt, label_key="guide"), rna, labels=labels))[1:])
    specs = _specs(options)
    recipe, preprocessing = _settings(options, tuple(specs))
    assert list(specs) == ["rna", "RNA2", "third"]
    for found, side in ((specs["rna"], replace(adt, label_key="guide")), (specs["RNA2"], rna)):
        assert Path(found.labels_path).name == side.labels_shown
        kept = {"path": "", "name": "", "labels_path": ""}
        assert replace(found, **kept) == replace(side.spec, **kept)
    assert preprocessing["RNA2"] == rna.preprocessing
    assert preprocessing["third"] == Preprocessing()
    assert recipe.labels == labels


@pytest.mark.parametrize(
    "names",
    [
        ("third", "Third"),
        ("x_third", "x"),
        ("a" * 200, "a" * 200),
        (".", "*"),
        ("\U0001d49c", "x"),
        ("é" * 99, "É" * 99),
    ],
)
def test_the_names_in_the_command_are_taken(names: tuple[str, str]) -> None:
    one, other = (Side("/server/1", "1.csv", None, label_key="ko", name=name) for name in names)
    assert len(_specs(_parser().parse_args(shlex.split(many_command(one, other))[1:]))) == 3
