"""What classifiers learn from: images keep their shape, and labels are numbered as the logits' columns are."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.baselines.vae_data import TrainingCells
from psmatch_core.classification.classifiers import CNNClassifier, SingleNetworkClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Modality
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.monitor import half_scores, label_null
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.leave_out import LeaveOut, leave_label_out
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_modality

SMALL = CNNClassifier(channels=(4, 6), n_epochs=2, batch_size=32)


class Recording(SingleNetworkClassifier):
    """Notes the shapes of the cells that it trains on."""

    shapes: list[tuple[int, ...]] = []  # noqa: RUF012 - all instances write into one list

    def fit(self, X, y, **settings):
        self.shapes.append(X.shape[1:])
        return super().fit(X, y, **settings)


@pytest.fixture(scope="module")
def images():
    pair = interventional_images(n_shared=144, n_source_only=24, n_target_only=0, size=16, seed=0)
    return tuple(
        Modality.from_anndata(adata, label_key="label", name=name, pair_key="cell")
        for adata, name in zip(pair, ("circles", "squares"), strict=True)
    )


@pytest.fixture
def recording():
    Recording.shapes.clear()
    return Recording(image_network=SMALL)


def test_labels_are_numbered_in_the_order_that_is_asked_for():
    modality = make_modality(n=6)
    X, y = training_data(modality, ("C", "A", "B"))
    assert X is modality.X
    assert [("C", "A", "B")[column] for column in y] == modality.labels.tolist()


def test_every_training_sees_images_in_their_shape(images, recording):
    names = images[0].label_names
    fit_propensity(images[0], recording)
    half_scores(images[0], names, recording)
    TrainingCells.split(images[0], SMALL, names, seed=0)
    leave_label_out(Recipe(classifier=recording), *images, names[0], how=LeaveOut(control=names[1], held_out_share=0))
    assert recording.shapes == [(3, 16, 16)] * (1 + 2 + 2)
    assert TrainingCells.split(images[0], SMALL, names, seed=0).X.shape == (168, 3, 16, 16)


def test_stability_is_measured_with_the_network_that_images_are_matched_by(images):
    names = images[0].label_names
    mixed = half_scores(images[0], names, SingleNetworkClassifier(image_network=SMALL), seed=1)
    convolutional = half_scores(images[0], names, SMALL, seed=1)
    assert np.allclose(mixed.first, convolutional.first, atol=1e-6)
    assert np.allclose(mixed.second, convolutional.second, atol=1e-6)


def test_the_null_of_images_does_not_depend_on_the_unit_of_a_channel(images):
    models = [fit_propensity(each, SMALL) for each in images]
    scaled = []
    for model in models:
        X = np.array(model.modality.in_shape(model.modality.X), dtype=np.float32)
        X[:, 0] *= 64
        modality = replace(model.modality, X=X.reshape(len(X), -1))
        scaled.append(replace(model, modality=modality))
    one, other = (label_null(*pair, SinkhornMatcher(), n_shuffles=1) for pair in (models, scaled))
    for name in ("loss_source", "loss_target"):
        assert one[name].observed == pytest.approx(other[name].observed, rel=1e-6)
        assert one[name].shuffled == pytest.approx(other[name].shuffled, rel=1e-6)
