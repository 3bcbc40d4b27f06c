"""What the Data page says of a third modality: the command, which can be typed."""

from __future__ import annotations

import shlex

from pages.shell.workspace import Side
from pages.views.data.third_modality import many_command
from psmatch_core.cli.main import _parser
from psmatch_core.cli.match_many import _specs
from tests.pages.conftest import Open
from tests.pages.views.data.test_data_page import loaded, press

LABELS = ["control"] * 6 + ["STAT1"] * 6


def commands(app: object) -> list[str]:
    return [each.value for each in app.code if each.value.startswith("psmatch match-many")]  # type: ignore[attr-defined]


def test_two_files_are_in_the_command_as_they_are_read(empty: Open) -> None:
    (command,) = commands(loaded(empty, LABELS, LABELS))
    assert command.startswith("psmatch match-many rna=rna.csv protein=protein.csv third=THIRD_FILE --label rna=")


def test_without_files_and_for_a_demo_there_is_no_command(empty: Open) -> None:
    assert commands(empty()) == []
    assert commands(press(empty(), "Demo: perturbation screen")) == []


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
