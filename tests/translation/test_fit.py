"""fit_translator: a model trained on matched cells predicts cells that the run never saw."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base.cores import computing_on
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Coupling, Outcome, Status
from psmatch_core.matching.match import match
from psmatch_core.pipeline import result_files
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET, translate
from psmatch_core.translation.translators import (
    BarycentricNetworkTranslator,
    BarycentricTranslator,
    LabelRidgeTranslator,
    RidgeTranslator,
    SampledNetworkTranslator,
    TrainedTranslator,
    Translator,
)
from tests.conftest import make_modality

KINDS = TrainedTranslator.kinds().values()
TRANSLATORS = [kind(**({"dropout": 0.0} if "dropout" in kind.options() else {})) for kind in KINDS]


def named(value):
    return type(value).__name__ if isinstance(value, Translator) else str(value)


@pytest.fixture(scope="module")
def linear():
    """A coupling of known pairs between 600 cells and a linear image of them, the two modalities and the map."""
    source = make_modality("RNA", n=600, n_features=3, seed=1)
    A = np.random.default_rng(0).normal(size=(3, 3))
    target = replace(source.with_features(source.X @ A + 2.0, ["p", "q", "r"]), name="ADT")
    model = fit_propensity(source, LinearClassifier(strength=0.1))
    blocks, statuses = {}, []
    for label, n in source.label_counts.items():
        blocks[label] = SparseBlock(sparse.identity(n, format="csr") / n)
        statuses.append(Status(label, n, n, Outcome.EXACT))
    return Coupling(model, replace(model, modality=target), blocks, tuple(statuses)), source, target, A


@pytest.mark.parametrize("translator", TRANSLATORS, ids=named)
def test_a_linear_map_is_recovered_from_known_pairs(linear, translator):
    coupling, source, target, A = linear
    fitted = fit_translator(coupling, translator, inputs=source, outputs=target)
    new = np.random.default_rng(1).normal(size=(200, 3))
    truth = new @ A + 2.0
    labels = np.resize(source.labels, 200) if translator.reads_labels else None
    error = np.mean((fitted.predict(new, source.var_names, labels=labels) - truth) ** 2) / truth.var()
    assert error < 0.1
    assert repr(fitted) == (
        "FittedTranslator(target_to_source: ADT features from RNA cells, trained on 480 cells, 120 held out)"
    )


def test_the_other_direction_reads_the_other_modality(linear):
    coupling, source, target, _ = linear
    fitted = fit_translator(coupling, RidgeTranslator(), direction=TO_TARGET)
    assert (fitted.input_name, fitted.output_name, fitted.direction) == ("ADT", "RNA", "source_to_target")
    there = fit_translator(coupling, RidgeTranslator(), direction=TO_SOURCE)
    back = fitted.predict(there.predict(source.X, source.var_names), target.var_names)
    assert np.allclose(back, source.X, atol=0.05)


def test_held_out_cells_come_from_every_label_and_are_never_trained_on(linear):
    coupling, source, target, _ = linear
    seen = []

    @dataclass(frozen=True)
    class Watching(RidgeTranslator):
        def fit(self, pairs, *, seed, progress):
            seen.append(pairs)
            return super().fit(pairs, seed=seed, progress=progress)

    fitted = fit_translator(coupling, Watching(penalty=1.0), inputs=source, outputs=target)
    labels = source.labels[np.isin(source.obs_names, fitted.held_out)]
    assert {label: int((labels == label).sum()) for label in "ABC"} == {"A": 40, "B": 40, "C": 40}
    drawn = seen[0].draw(np.random.default_rng(0), 3)
    assert not seen[0].held_out[drawn[drawn >= 0]].any()
    assert seen[0].held_out[seen[0].draw(np.random.default_rng(0), 3, held_out=True)[seen[0].held_out]].all()


@pytest.mark.parametrize("translator", TRANSLATORS, ids=named)
def test_same_seed_same_predictions(models, translator):
    coupling = match(*models)
    modality = coupling.source.modality
    first, again = (fit_translator(coupling, translator, seed=3) for _ in range(2))
    new, labels = modality.X[:7], modality.labels[:7]
    predicted = [each.predict(new, modality.var_names, labels=labels) for each in (first, again)]
    assert np.allclose(*predicted, atol=1e-5)


def test_missing_unknown_and_moved_features_are_named(models):
    fitted = fit_translator(match(*models), RidgeTranslator(penalty=1.0))
    X, names = models[0].modality.X, models[0].modality.var_names.tolist()
    with pytest.raises(PsmatchError, match=r"RNA: .* 1 feature missing \(f0\) and 1 feature unknown \(CD4\)"):
        fitted.predict(X, ["CD4", *names[1:]])
    with pytest.raises(PsmatchError, match=r"1 feature missing \(f7\)"):
        fitted.predict(X[:, :-1], names[:-1])
    with pytest.raises(PsmatchError, match=r"in another order .* feature 1 is f7, it was f0"):
        fitted.predict(X, names[::-1])


def test_a_translator_that_reads_labels_refuses_cells_without_one_and_labels_it_never_saw(models):
    fitted = fit_translator(match(*models), LabelRidgeTranslator(penalty=1.0))
    X, names, labels = models[0].modality.X, models[0].modality.var_names, models[0].modality.labels
    with pytest.raises(PsmatchError, match="the cells come without labels"):
        fitted.predict(X, names)
    with pytest.raises(PsmatchError, match=r"2 labels unknown to this translator: Q, Z\."):
        fitted.predict(X[:3], names, labels=["Z", labels[1], "Q"])
    assert fitted.can_predict(np.array(["Z", labels[0]])).tolist() == [False, True]


def test_a_translator_without_training_is_refused(models):
    coupling = match(*models)
    with pytest.raises(PsmatchError, match="BarycentricTranslator only carries features across the coupling"):
        fit_translator(coupling, BarycentricTranslator())
    with pytest.raises(PsmatchError, match="RidgeTranslator must be trained before it translates"):
        translate(coupling, RidgeTranslator())
    with pytest.raises(PsmatchError, match="direction must be target_to_source or source_to_target"):
        fit_translator(coupling, RidgeTranslator(), direction="back")
    with pytest.raises(PsmatchError, match="The features given for RNA are not those of the matched cells"):
        fit_translator(coupling, RidgeTranslator(), inputs=models[1].modality)


@pytest.mark.parametrize("translator", TRANSLATORS, ids=named)
def test_a_saved_translator_predicts_the_same(linear, translator, tmp_path):
    coupling, source, target, _ = linear
    small = replace(translator, n_epochs=2) if hasattr(translator, "n_epochs") else translator
    preprocessing = Preprocessing(scale=False).fit(source)
    fitted = fit_translator(coupling, small, inputs=source, outputs=target, preprocessing=preprocessing)
    loaded = result_files.load_translator(result_files.save(fitted, tmp_path / "translator.npz"))
    predicted = fitted.predict(source.X, source.var_names, labels=source.labels)
    for predict in (loaded.predict, loaded.predict_raw):
        assert np.allclose(predict(source.X, source.var_names, labels=source.labels), predicted, atol=1e-5)
    assert (loaded.translator, loaded.direction, loaded.curves) == (small, fitted.direction, fitted.curves)
    assert loaded.held_out.tolist() == fitted.held_out.tolist()
    with pytest.raises(PsmatchError, match="another order"):
        loaded.predict_raw(source.X, source.var_names[::-1])


def test_another_process_learns_the_same_on_the_device_that_was_asked_for_here(models):
    """A real process, as a worker is: all that a translator learns from can travel, and nothing else is needed."""
    coupling = match(*models)
    modality = coupling.source.modality
    kinds = (
        RidgeTranslator(penalty=1.0),
        SampledNetworkTranslator(n_epochs=3),
        BarycentricNetworkTranslator(n_epochs=3),
    )
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor, training_on("auto"):
        for translator in kinds:
            here = fit_translator(coupling, translator, seed=3)
            with computing_on(executor):
                there = fit_translator(coupling, translator, seed=3)
            assert (there.notes, there.curves) == (here.notes, here.curves)
            assert any("device = auto" in note or "trained on" in note for note in there.notes) == bool(here.curves)
            np.testing.assert_array_equal(*(each.predict(modality.X, modality.var_names) for each in (here, there)))
