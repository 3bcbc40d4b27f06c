"""Propensity models: what is measured on held-out cells, and what is said."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier, RecommendedClassifier
from psmatch_core.classification.propensity import PropensityModel, Scoring, fit_propensity
from psmatch_core.data.modality import Modality
from tests.conftest import make_adata, make_modality


def test_label_entropy_is_that_of_the_shares(models):
    source, _ = models
    assert source.label_entropy == pytest.approx(np.log(3))


def test_loss_beats_entropy_on_labels_that_can_be_distinguished(models):
    for model in models:
        assert model.validation_loss < 0.8 * model.label_entropy
        assert model.accuracy > 0.6


def test_calibration_never_worsens_the_loss(models):
    for model in models:
        assert model.validation_loss <= model.raw_validation_loss + 1e-6


def test_temperature_undoes_a_stretch(models):
    source, _ = models
    stretched = PropensityModel(
        source.modality, source.label_names, source.held_out_logits * 3, source.logits * 3,
        source.fitted, source.classifier, source.scoring, 0,
    )  # fmt: skip
    assert stretched.temperature == pytest.approx(3 * source.temperature, rel=1e-2)
    assert stretched.validation_loss == pytest.approx(source.validation_loss, abs=1e-4)


def test_confusion_counts_every_validated_cell_once(models):
    source, _ = models
    assert source.confusion.sum() == source.is_validated.sum()
    assert np.diag(source.confusion).sum() / source.confusion.sum() == pytest.approx(source.accuracy)


def test_per_label_losses_average_to_the_whole(models):
    source, _ = models
    weights = [row.n_validated for row in source.per_label]
    mean = np.average([row.loss for row in source.per_label], weights=weights)
    assert mean == pytest.approx(source.validation_loss)


def test_reliability_covers_the_validated_cells(models):
    assert models[0].reliability.counts.sum() == models[0].is_validated.sum()
    assert 0 <= models[0].reliability.expected_error <= 1


def test_scores_of_the_same_cells_again_are_the_same(models):
    source, _ = models
    assert np.allclose(source.score(source.modality.X), source.logits)
    with pytest.raises(PsmatchError, match="new cells have 3 features"):
        source.score(source.modality.X[:, :3])


def test_out_of_fold_scores_do_not_know_their_cell():
    """A feature that names the cell helps in-sample scores and not out-of-fold ones."""
    rng = np.random.default_rng(0)
    adata = make_adata(n=80, labels=("A", "B"))
    adata.X = rng.normal(size=adata.shape).astype(np.float32)
    modality = Modality.from_anndata(adata, label_key="label", name="RNA")
    loose = LinearClassifier(strength=100.0)
    inside = fit_propensity(modality, loose, seed=0)
    outside = fit_propensity(modality, loose, scoring=Scoring(scores="out_of_fold", n_repeats=2), seed=0)
    assert (inside.logits.argmax(axis=1) == inside.y).mean() > 0.62
    assert (outside.logits.argmax(axis=1) == outside.y).mean() < 0.6


@pytest.mark.parametrize("scores", ["in_sample", "out_of_fold"])
def test_more_folds_than_cells_are_capped_and_said(scores):
    modality = make_modality(n=12)
    scoring = Scoring(scores=scores, n_folds=50, n_repeats=1)
    model = fit_propensity(modality, LinearClassifier(strength=0.1), scoring=scoring, seed=0)
    said = "RNA: 50 folds were asked for, but only 12 cells can be held out; 12 folds were made."
    assert said in model.notes
    assert model.is_validated.all()
    assert np.isfinite(model.logits).all()
    enough = fit_propensity(modality, LinearClassifier(strength=0.1), scoring=Scoring(n_folds=12), seed=0)
    assert not any("folds were asked for" in note for note in enough.notes)


def test_executor_changes_nothing():
    from concurrent.futures import ThreadPoolExecutor

    modality = make_modality(n=45)
    scoring = Scoring(scores="out_of_fold", n_repeats=1)
    alone = fit_propensity(modality, LinearClassifier(strength=0.1), scoring=scoring, seed=0)
    with ThreadPoolExecutor(2) as pool:
        together = fit_propensity(modality, LinearClassifier(strength=0.1), scoring=scoring, seed=0, executor=pool)
    assert np.allclose(alone.logits, together.logits)


def test_the_two_sides_never_share_folds():
    """Same cells, other name: other folds. Shared folds would leak the pairing through class priors."""
    adata = make_adata(n=90)
    models = [
        fit_propensity(
            Modality.from_anndata(adata, label_key="label", name=name), LinearClassifier(strength=0.1), seed=0
        )
        for name in ("RNA", "ADT")
    ]
    assert not np.allclose(models[0].held_out_logits, models[1].held_out_logits)
    named_alike = make_adata(n=90)
    named_alike.X = named_alike.X + 1e-6
    twin = Modality.from_anndata(named_alike, label_key="label", name="RNA")
    other = fit_propensity(twin, LinearClassifier(strength=0.1), seed=0)
    assert not np.allclose(models[0].held_out_logits, other.held_out_logits)


def test_a_label_too_small_to_validate_is_said_and_kept():
    adata = make_adata(n=31)
    adata.obs["label"] = [*adata.obs["label"].iloc[:30], "rare"]
    model = fit_propensity(Modality.from_anndata(adata, label_key="label", name="RNA"), LinearClassifier(strength=0.1))
    assert "rare" in model.label_names
    assert any("too small to validate (one cell): rare" in note for note in model.notes)
    assert np.isfinite(model.logits).all()
    assert next(row for row in model.per_label if row.label == "rare").n_validated == 0


def test_one_label_is_refused():
    with pytest.raises(PsmatchError, match="a classifier needs at least two labels, got A"):
        fit_propensity(make_modality(n=20), label_names=["A"])


def test_foreign_and_absent_labels_are_named():
    with pytest.raises(PsmatchError, match="not among the shared ones: C"):
        fit_propensity(make_modality(), label_names=["A", "B"])
    with pytest.raises(PsmatchError, match="no cell carries Z"):
        fit_propensity(make_modality(), label_names=["A", "B", "C", "Z"])


def test_default_classifier_is_the_recommended_one():
    model = fit_propensity(make_modality(n=30), RecommendedClassifier(n_networks=1))
    assert len(model.curves) == 1
    assert isinstance(fit_propensity.__defaults__, tuple)
    assert RecommendedClassifier().n_networks == 5


def test_held_out_scores_lie_in_memory_once(models):
    assert models[0].held_out_logits.shape == models[0].logits.shape
    assert not models[0].fitted.held_out.size
