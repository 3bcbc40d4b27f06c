"""No file of a result that breaks a rule leaves the program."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.exports.files import export
from psmatch_core.exports.pairs import choose_pairs
from psmatch_core.exports.post_conditions import check_exports
from psmatch_core.monitor import Monitoring
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def finished():
    recipe = Recipe(classifier=LinearClassifier(strength=0.1), monitoring=Monitoring(stability=False))
    return run(recipe, make_modality("RNA", n=30), make_modality("ADT", n=27, n_features=5, seed=1))


@pytest.fixture
def pairs(finished):
    return choose_pairs(finished.coupling, finished.recipe.exports)


def other_label(pairs):
    """The first pair with a target cell of another label."""
    stranger = pairs.loc[pairs["label"] != pairs["label"].iloc[0], "target_cell"].iloc[0]
    return pairs.assign(target_cell=[stranger, *pairs["target_cell"].iloc[1:]])


FAULTS = {
    "a pair joins cells of two labels": other_label,
    "a pair names a cell that ADT does not have": lambda pairs: pairs.assign(target_cell="nobody"),
    "a weight is not between 0 and 1": lambda pairs: pairs.assign(weight=pairs["weight"] * 40),
    "the cells with a pair are not those with a match": lambda pairs: pairs[
        pairs["source_cell"] != pairs["source_cell"].iloc[0]
    ],
}


def test_a_sound_result_is_exported(finished, pairs):
    check_exports(finished, pairs)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1e-3, 1.01])
def test_a_single_weight_that_is_no_share_is_refused(finished, pairs, weight):
    with pytest.raises(PsmatchError, match="a weight is not between 0 and 1"):
        check_exports(finished, pairs.assign(weight=[*pairs["weight"].iloc[:-1], weight]))


def test_a_pair_under_the_name_of_another_label_is_refused(finished, pairs):
    other = pairs.loc[pairs["label"] != pairs["label"].iloc[0], "label"].iloc[0]
    with pytest.raises(PsmatchError, match="a pair joins cells of two labels"):
        check_exports(finished, pairs.assign(label=[other, *pairs["label"].iloc[1:]]))


@pytest.mark.parametrize("rule", FAULTS)
def test_pairs_that_break_a_rule_are_refused(finished, pairs, rule):
    with pytest.raises(PsmatchError, match=rule) as error:
        check_exports(finished, FAULTS[rule](pairs))
    assert error.value.code == "PM-R01"
    assert "not of your data" in error.value.hint


def test_a_cell_is_not_both_kept_and_excluded_and_nothing_is_written_then(finished, tmp_path):
    cell = str(finished.source.obs_names[0])
    broken = replace(finished, source=replace(finished.source, excluded=((cell, "no label"),)))
    with pytest.raises(PsmatchError, match=f"both kept and excluded, such as {cell}"):
        export(broken, tmp_path / "exports")
    assert not (tmp_path / "exports").exists()
