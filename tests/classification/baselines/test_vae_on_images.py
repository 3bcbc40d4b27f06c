"""The joint VAE with convolutions: images come to scale, are restored and encoded, and may face features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.baselines.vae_data import TrainingCells
from psmatch_core.classification.classifiers import CNNClassifier, LinearClassifier, MLPClassifier
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.pipeline.score_modalities import score_modalities
from tests.conftest import make_modality

BODY = CNNClassifier(channels=(4, 6), n_epochs=3, batch_size=32)
QUICK = JointVAE(image_network=BODY, n_latent=5)


@pytest.fixture(scope="module")
def sides() -> tuple[Modality, Modality]:
    pair = interventional_images(n_shared=192, n_source_only=24, n_target_only=24, size=16, seed=0)
    made = [
        Modality.from_anndata(adata, label_key="label", name=name, pair_key="cell")
        for adata, name in zip(pair, ("circles", "squares"), strict=True)
    ]
    return made[0], made[1]


@pytest.fixture(scope="module")
def latents(sides: tuple[Modality, Modality]) -> tuple[JointLatents, JointLatents]:
    return fit_joint_vae(*sides, QUICK, seed=0)


def test_shapes_and_sides(latents: tuple[JointLatents, JointLatents], sides: tuple[Modality, Modality]) -> None:
    for scored, modality in zip(latents, sides, strict=True):
        assert scored.space.shape == (modality.n_cells, 5)
        assert scored.held_out_logits.shape == (modality.n_cells, len(modality.label_names))
        assert np.isfinite(scored.history).all()


def test_channels_come_to_scale_by_the_training_cells(
    latents: tuple[JointLatents, JointLatents], sides: tuple[Modality, Modality]
) -> None:
    for scored, modality in zip(latents, sides, strict=True):
        side = TrainingCells.split(modality, BODY, modality.label_names, 0)
        images = modality.in_shape(modality.X)[side.train].astype(np.float64)
        kept = scored.part("encoder")
        assert np.allclose(kept["channel_mean"], images.mean(axis=(0, 2, 3)))
        assert np.allclose(kept["channel_deviation"], images.std(axis=(0, 2, 3)))
        read = side.batch(side.train).numpy()  # the encoder's input and the decoder's target
        assert np.allclose(read.mean(axis=(0, 2, 3)), 0, atol=1e-3)
        assert np.allclose(read.std(axis=(0, 2, 3)), 1, atol=1e-3)


def test_reconstruction_is_in_units_of_the_channels_variance(sides: tuple[Modality, Modality]) -> None:
    """The channel means alone are at 1: a trained decoder is below, whatever the pixels' unit."""
    long = replace(BODY, n_epochs=40, patience=40, learning_rate=1e-2)
    vae = replace(QUICK, image_network=long, label_weight=0.0, modality_weight=0.0)
    for scored in fit_joint_vae(*sides, vae, seed=0):
        assert scored.reconstruction < 0.9


def test_same_seed_same_latents(latents: tuple[JointLatents, JointLatents], sides: tuple[Modality, Modality]) -> None:
    again, other = fit_joint_vae(*sides, QUICK, seed=0), fit_joint_vae(*sides, QUICK, seed=1)
    for side in (0, 1):
        assert np.allclose(latents[side].latents, again[side].latents, atol=1e-5)
        assert not np.allclose(latents[side].latents, other[side].latents)


def test_new_images_are_encoded_as_the_old(latents: tuple[JointLatents, JointLatents]) -> None:
    X = latents[0].modality.X
    assert np.allclose(latents[0].encode(X[:7]), latents[0].latents[:7], atol=1e-5)
    with pytest.raises(PsmatchError, match="new cells have 100 features, the encoder was trained on"):
        latents[0].encode(X[:, :100])


def test_latents_survive_a_file(latents: tuple[JointLatents, JointLatents], tmp_path) -> None:
    for scored in latents:
        result_files.save(scored, tmp_path / "latents.npz")
        again = result_files.load_scored(tmp_path / "latents.npz", scored.modality)
        assert isinstance(again, JointLatents)
        assert again.vae == QUICK
        assert np.allclose(again.encode(scored.modality.X), scored.latents, atol=1e-5)


def test_images_face_features() -> None:
    """Each side has its own body; the schedule is that of the images."""
    pair = interventional_images(n_shared=48, n_source_only=0, n_target_only=0, size=16, seed=0)
    images = Modality.from_anndata(pair[0], label_key="label", name="circles")
    rng = np.random.default_rng(0)
    features = make_modality("ADT", n=48, labels=images.label_names)
    features = features.with_features(rng.normal(size=(48, 6)).astype(np.float32), [f"f{i}" for i in range(6)])
    vae = JointVAE(network=MLPClassifier(hidden=(8,), n_epochs=9), image_network=BODY, n_latent=3)
    assert vae.body(images, features) is vae.image_network
    assert vae.body(features) is vae.network
    left, right = fit_joint_vae(images, features, vae)
    assert left.space.shape == right.space.shape == (48, 3)
    assert len(left.history) == len(right.history) == BODY.n_epochs
    assert "encoder/channel_mean" not in right.parameters


def test_a_constant_channel_is_said(sides: tuple[Modality, Modality]) -> None:
    flat = replace(sides[0], X=np.full_like(sides[0].X, 7))
    left, _ = fit_joint_vae(flat, sides[1], replace(QUICK, image_network=replace(BODY, n_epochs=1)))
    assert any("circles: images: " in note and "without variance carry no information" in note for note in left.notes)


def test_small_images_are_refused_before_anything_trains(sides: tuple[Modality, Modality]) -> None:
    with pytest.raises(PsmatchError, match="circles: images of 16 × 16 pixels are too small for 5 strided"):
        fit_joint_vae(*sides, JointVAE())
    with pytest.raises(PsmatchError, match="circles: images of 16 × 16 pixels are too small for 5 strided"):
        score_modalities(Recipe(space=JointVAE()), *sides)


def test_a_run_asks_the_vae_and_not_the_classifier_that_it_does_not_use(sides: tuple[Modality, Modality]) -> None:
    done = run(Recipe(space=QUICK, classifier=LinearClassifier()), *sides)
    assert done.coupling.source.space.shape[1] == 5


@pytest.mark.slow
def test_pairs_of_images_are_found_better_than_by_chance(sides: tuple[Modality, Modality]) -> None:
    vae = replace(QUICK, image_network=CNNClassifier(channels=(16, 32), n_epochs=40, patience=40), label_weight=1.0)
    latents = fit_joint_vae(*sides, vae, seed=0)
    found = evaluate(match(*latents, SinkhornMatcher())).micro
    uniform = evaluate(match(*latents, UniformMatcher())).micro
    assert found["trace_fold"] > 1.2 * uniform["trace_fold"]
