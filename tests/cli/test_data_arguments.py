"""The arguments on files: the same of match and inspect, once for both files or once for each."""

from __future__ import annotations

import argparse
import json

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.command import add_settings
from psmatch_core.cli.data_arguments import add_data, with_files
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe

FILES = ("in/rna.h5ad", "in/adt.h5mu")


def parsed(*arguments: str, files: tuple[str, ...] = FILES) -> Recipe:
    parser = argparse.ArgumentParser()
    add_data(parser, needs_label=False)
    add_settings(parser)
    return with_files(Recipe(), files, parser.parse_args(arguments))


def test_one_value_is_for_both_files_and_two_are_one_for_each() -> None:
    recipe = parsed("--label", "ko", "--matrix", "layers/counts", "--matrix", "obsm/protein", "--part", "rna")
    assert (recipe.source.label_key, recipe.target.label_key) == ("ko", "ko")
    assert (recipe.source.matrix, recipe.target.matrix) == ("layers/counts", "obsm/protein")
    assert (recipe.source.part, recipe.target.part) == ("rna", "rna")
    assert (recipe.source.name, recipe.target.name) == ("rna", "adt")


def test_rules_on_cells_of_both_files_and_of_one() -> None:
    recipe = parsed("--cells", "donor = D1", "--source-cells", "grna_frac > 0.8", "--drop-missing-labels")
    assert recipe.source.cells == ("donor = D1", "grna_frac > 0.8")
    assert recipe.target.cells == ("donor = D1",)
    assert recipe.target.missing_labels == "drop"


def test_set_reaches_every_field_of_both_files_and_has_the_last_word() -> None:
    values = {"label_key": "gene", "label_with": ["dose"], "cells": ["plate in P1, P2"], "matrix": "raw"}
    values |= {"part": "prot", "name": "RNA", "labels_path": "calls.csv", "pair_key": "cell", "sha256": "ab"}
    values |= {"guide_umis": 3, "guide_ratio": 2.0}
    values |= {"missing_labels": "drop", "bad_values": "fill", "most_missing": 0.1, "roles": [["x", "ignored"]]}
    assert set(values) == set(DataSpec.options()) - {"path"}  # a new field belongs into this test
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    recipe = parsed("--label", "ko", *(f"--set=source.{name}={text}" for name, text in texts.items()))
    found = recipe.source.to_dict()
    assert {name: found[name] for name in values} == values
    assert recipe.target.label_key == "ko"


def test_equal_file_names_are_told_apart() -> None:
    recipe = parsed(files=("a/cells.h5ad", "b/cells.h5ad"))
    assert (recipe.source.name, recipe.target.name) == ("cells (source)", "cells (target)")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--part", "rna", "--part", "prot"), ("rna", "prot")),
        (("--matrix", "X", "--matrix", "obsm/protein"), ("cells", "protein")),
        (("--part", "rna", "--matrix", "raw"), ("cells (source)", "cells (target)")),
    ],
)
def test_one_file_on_both_sides_is_called_by_what_is_read_of_it(
    arguments: tuple[str, ...], names: tuple[str, str]
) -> None:
    recipe = parsed(*arguments, files=("cells.h5mu", "cells.h5mu"))
    assert (recipe.source.name, recipe.target.name) == names


@pytest.mark.parametrize("arguments", [("--label", "a", "--label", "b"), ("--labels", "a.csv", "b.csv")])
def test_more_values_than_files_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(PsmatchError, match="for 1 file"):
        parsed(*arguments, files=("rna.h5ad",))
