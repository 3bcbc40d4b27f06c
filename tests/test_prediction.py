"""fit_translator: a map learned from matched cells predicts cells that the run never saw."""

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.blocks import SparseBlock
from psmatch_core.coupling import Coupling, Outcome, Status
from psmatch_core.errors import PsmatchError
from psmatch_core.matching import match
from psmatch_core.prediction import fit_translator
from psmatch_core.translation import TO_SOURCE, TO_TARGET, translate
from psmatch_core.translators import BarycentricTranslator, RidgeTranslator

TRANSLATORS = [RidgeTranslator()]


@pytest.fixture(scope="module")
def linear(models):
    """A coupling of known pairs between cells and a linear image of them, and the two modalities' features."""
    source = models[0].modality
    rng = np.random.default_rng(0)
    A = rng.normal(size=(source.n_features, 3))
    target = source.with_features(source.X @ A + 2.0, ["p", "q", "r"])
    blocks, statuses = {}, []
    for label, n in source.label_counts.items():
        blocks[label] = SparseBlock(sparse.identity(n, format="csr") / n)
        statuses.append(Status(label, n, n, Outcome.EXACT))
    return Coupling(models[0], models[0], blocks, tuple(statuses)), source, target


@pytest.mark.parametrize("translator", TRANSLATORS, ids=repr)
@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_a_linear_map_is_recovered_from_known_pairs(linear, translator, direction):
    coupling, source, target = linear
    sides = {"inputs": source, "outputs": target}
    fitted = fit_translator(coupling, translator, direction=direction, **sides)
    assert fitted.direction == direction
    new = np.random.default_rng(1).normal(size=(50, source.n_features))
    A, *_ = np.linalg.lstsq(np.c_[source.X, np.ones(source.n_cells)], target.X, rcond=None)
    truth = np.c_[new, np.ones(50)] @ A
    error = np.mean((fitted.predict(new, source.var_names) - truth) ** 2) / truth.var()
    assert error < 0.1
    assert all(quality.pooled > 0.9 for quality in fitted.quality)
    assert [quality.against for quality in fitted.quality] == ["true pairs", "matched cells"]


@pytest.mark.parametrize("translator", TRANSLATORS, ids=repr)
def test_same_seed_same_predictions(models, translator):
    coupling = match(*models)
    modality = coupling.source.modality
    first, again = (fit_translator(coupling, translator, seed=3) for _ in range(2))
    new = modality.X[:7]
    assert np.array_equal(first.predict(new, modality.var_names), again.predict(new, modality.var_names))


def test_missing_unknown_and_moved_features_are_named(models):
    fitted = fit_translator(match(*models), RidgeTranslator(penalty=1.0))
    X, names = models[0].modality.X, models[0].modality.var_names.tolist()
    with pytest.raises(PsmatchError, match=r"RNA: .* 1 feature missing \(f0\) and 1 feature not known \(CD4\)"):
        fitted.predict(X, ["CD4", *names[1:]])
    with pytest.raises(PsmatchError, match=r"1 feature missing \(f7\)"):
        fitted.predict(X[:, :-1], names[:-1])
    with pytest.raises(PsmatchError, match=r"in another order .* feature 1 is f7, it was f0"):
        fitted.predict(X, names[::-1])


def test_what_does_not_learn_is_refused_in_words(models):
    coupling = match(*models)
    with pytest.raises(PsmatchError, match="BarycentricTranslator reads features off the coupling and learns nothing"):
        fit_translator(coupling, BarycentricTranslator())
    with pytest.raises(PsmatchError, match="RidgeTranslator must be trained before it translates"):
        translate(coupling, RidgeTranslator())
    with pytest.raises(PsmatchError, match="direction must be target_to_source or source_to_target"):
        fit_translator(coupling, RidgeTranslator(), direction="back")
    with pytest.raises(PsmatchError, match="The features given for RNA belong to other cells"):
        fit_translator(coupling, RidgeTranslator(), inputs=models[1].modality)
