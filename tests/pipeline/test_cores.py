"""A run on one core, two and three: the same scores, matches, verdicts and translations, number by number."""

import numpy as np
import pytest

from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.classification.classifiers import LinearClassifier, MLPClassifier, RecommendedClassifier
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_modality

RECIPE = Recipe(
    classifier=RecommendedClassifier(n_networks=2, network=MLPClassifier(hidden=(6,), n_epochs=3)),
    seed=5,
).with_setting("monitoring.n_shuffles", 3)
LABELS = tuple("ABCDEF")  # enough for hidden labels and for the agreement of the modalities


def of_cores(monkeypatch, cores, recipe=RECIPE):
    monkeypatch.setenv(CORES_VARIABLE, str(cores))
    sides = make_modality("RNA", n=90, labels=LABELS), make_modality("ADT", n=72, n_features=5, seed=1, labels=LABELS)
    return run(recipe, *sides)


@pytest.mark.parametrize("cores", [2, 3])
def test_the_number_of_cores_changes_no_answer(monkeypatch, cores):
    alone, many = of_cores(monkeypatch, 1), of_cores(monkeypatch, cores)
    for side in ("source", "target"):
        one, other = getattr(alone.coupling, side), getattr(many.coupling, side)
        np.testing.assert_array_equal(one.logits, other.logits)
        np.testing.assert_array_equal(one.held_out_logits, other.held_out_logits)
    for label in LABELS:
        np.testing.assert_array_equal(alone.coupling[label].to_array(), many.coupling[label].to_array())
    assert alone.label_table.equals(many.label_table)
    assert repr(alone.monitor.to_dict()) == repr(many.monitor.to_dict())  # as text, since NaN is not itself
    np.testing.assert_array_equal(alone.translate().values, many.translate().values)


def test_members_and_folds_take_no_more_cores_than_there_are(monkeypatch):
    from psmatch_core.base import cores

    most = 0
    one_thread = cores.one_thread

    def counted():
        nonlocal most
        most = max(most, cores._CORES.n_taken)
        return one_thread()

    monkeypatch.setattr(cores, "one_thread", counted)
    of_cores(monkeypatch, 2, Recipe(classifier=LinearClassifier()))
    assert most == 2
