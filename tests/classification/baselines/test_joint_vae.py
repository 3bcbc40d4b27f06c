"""The joint VAE: each weight on its own loss, an adversary that opposes, posterior means, and what it is good for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.classification.baselines import HISTORY, JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.baselines.vae_networks import Codes, Losses, VAENetworks, kl_from_prior
from psmatch_core.classification.classifiers import LinearClassifier, MLPClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import NeighborMatcher, SinkhornMatcher, UniformMatcher
from tests.conftest import make_modality

QUICK = JointVAE(network=MLPClassifier(hidden=(32,), n_epochs=4), n_latent=5)


def planted(n: int = 240, n_labels: int = 6, noise: float = 0.3) -> tuple[Modality, Modality]:
    """Both modalities are noisy views of one latent state that the label shifts; ``cell`` names the true pairs."""
    rng = np.random.default_rng(0)
    label = np.arange(n) % n_labels
    z = 1.2 * rng.normal(size=(n_labels, 4))[label] + rng.normal(size=(n, 4))
    sides = []
    for name, n_features in (("RNA", 16), ("ADT", 12)):
        X = np.tanh(z @ rng.normal(size=(4, n_features)) / 2) + noise * rng.normal(size=(n, n_features))
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        obs = pd.DataFrame(
            {"label": [f"L{each}" for each in label], "cell": [f"c{i}" for i in range(n)]},
            index=[f"{name}{i}" for i in range(n)],
        )
        order = rng.permutation(n)
        adata = AnnData(X=X.astype(np.float32)[order], obs=obs.iloc[order])
        sides.append(Modality.from_anndata(adata, label_key="label", pair_key="cell", name=name))
    return sides[0], sides[1]


@pytest.fixture(scope="module")
def sides() -> tuple[Modality, Modality]:
    return planted()


@pytest.fixture(scope="module")
def latents(sides: tuple[Modality, Modality]) -> tuple[JointLatents, JointLatents]:
    vae = JointVAE(network=MLPClassifier(hidden=(64,), n_epochs=30), n_latent=8)
    return fit_joint_vae(*sides, vae, seed=0)


def networks(n_latent: int = 5, seed: int = 0) -> tuple[VAENetworks, list[torch.Tensor], list[torch.Tensor]]:
    """Untrained networks and a batch a side."""
    generator = torch.Generator().manual_seed(seed)
    pair = make_modality("RNA", n=30), make_modality("ADT", n=24, n_features=5, seed=1)
    nets = VAENetworks(
        [MLPClassifier(hidden=(16,), dropout=0.0)] * 2, [side.X.shape[1:] for side in pair], n_latent=n_latent,
        n_labels=3, discriminator=(8,), generator=generator,
    )  # fmt: skip
    x = [torch.from_numpy(np.array(side.X, dtype=np.float32)) for side in pair]
    y = [torch.arange(side.n_cells) % 3 for side in pair]
    return nets, x, y


# The adversary


def test_the_encoders_gradient_opposes_the_discriminators_in_every_cell() -> None:
    nets, x, _ = networks()
    draws = [nets.codes(i, each).mean.detach().requires_grad_() for i, each in enumerate(x)]
    for draw in draws:
        named = torch.autograd.grad(nets.discriminator_loss(draws), draw)[0]
        fooled = torch.autograd.grad(nets.fooling_loss(draws), draw)[0]
        cosine = torch.nn.functional.cosine_similarity(named, fooled, dim=1)
        assert torch.allclose(cosine, torch.full_like(cosine, -1.0), atol=1e-4)


def test_a_step_of_either_player_undoes_the_others() -> None:
    nets, x, _ = networks()

    def discriminator_loss() -> float:
        with torch.no_grad():
            return float(nets.discriminator_loss([nets.codes(i, each).mean for i, each in enumerate(x)]))

    before = discriminator_loss()
    draws = [nets.codes(i, each).mean.detach() for i, each in enumerate(x)]
    gradients = torch.autograd.grad(nets.discriminator_loss(draws), nets.discriminator_parameters())
    with torch.no_grad():
        for tensor, gradient in zip(nets.discriminator_parameters(), gradients, strict=True):
            tensor -= 0.1 * gradient
    after_discriminator = discriminator_loss()
    assert after_discriminator < before
    encoders = list(nets.encoders.parameters())
    gradients = torch.autograd.grad(nets.fooling_loss([nets.codes(i, each).mean for i, each in enumerate(x)]), encoders)
    with torch.no_grad():
        for tensor, gradient in zip(encoders, gradients, strict=True):
            tensor -= 0.1 * gradient
    assert discriminator_loss() > after_discriminator


def test_the_two_optimisers_own_different_numbers() -> None:
    nets, _, _ = networks()
    mine = {id(tensor) for tensor in nets.autoencoder_parameters()}
    theirs = {id(tensor) for tensor in nets.discriminator_parameters()}
    assert not mine & theirs
    assert all(id(tensor) in mine for tensor in nets.head.parameters())


# The weights


def test_each_weight_stands_before_its_own_loss() -> None:
    parts = Losses(*(torch.tensor(value) for value in (1.0, 10.0, 100.0, 1000.0)))
    assert float(parts.total(2.0, 3.0, 5.0)) == 1 + 2 * 10 + 3 * 100 + 5 * 1000


def test_alpha_teaches_labels_and_beta_hides_the_modality(sides: tuple[Modality, Modality]) -> None:
    """Fails with the two exchanged: α alone leaves the modalities apart, β alone leaves the labels unknown."""
    source, target = sides
    shifted = replace(target, X=target.X + np.float32(1.0))  # the second modality announces itself
    network = MLPClassifier(hidden=(32,), n_epochs=40, patience=40, batch_size=32, dropout=0.0)
    vae = JointVAE(network=network, n_latent=4, kl_weight=0.0)
    only_labels = fit_joint_vae(source, shifted, replace(vae, label_weight=2.0, modality_weight=0.0), seed=0)[0]
    only_modality = fit_joint_vae(source, shifted, replace(vae, label_weight=0.0, modality_weight=2.0), seed=0)[0]
    assert only_labels.raw_validation_loss < 0.8 * only_labels.label_entropy
    assert only_modality.raw_validation_loss > only_modality.label_entropy
    last = HISTORY.index("discriminator_accuracy")
    apart = [np.abs(each.history[-10:, last] - 0.5).mean() for each in (only_labels, only_modality)]
    assert apart[0] > 0.2
    assert apart[1] < 0.15


def test_lambda_pulls_the_posteriors_to_the_prior(sides: tuple[Modality, Modality]) -> None:
    loose, tight = (fit_joint_vae(*sides, replace(QUICK, kl_weight=weight), seed=0)[0] for weight in (0.0, 1.0))
    assert tight.kl < loose.kl / 2


def test_divergence_is_that_of_two_normals() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, np.log(4.0)]])
    expected = 0.5 * 1.0 + 0.5 * (4 - 1 - np.log(4.0))
    assert float(kl_from_prior(Codes(mean, log_variance, mean))) == pytest.approx(expected, rel=1e-6)
    zero = torch.zeros(3, 2)
    assert float(kl_from_prior(Codes(zero, zero, zero))) == 0


# What comes out


def test_shapes_and_sides(latents: tuple[JointLatents, JointLatents], sides: tuple[Modality, Modality]) -> None:
    for scored, modality in zip(latents, sides, strict=True):
        assert scored.modality is modality
        assert scored.space.shape == (modality.n_cells, 8)
        assert scored.held_out_logits.shape == (modality.n_cells, 6)
        assert scored.history.shape[1] == len(HISTORY)
        assert not scored.space.flags.writeable
        assert not hasattr(scored, "logits")


def test_the_space_is_the_posterior_mean(latents: tuple[JointLatents, JointLatents]) -> None:
    """Asked twice the same: nothing is drawn; and it is the encoder's first half."""
    for scored in latents:
        X = scored.modality.X
        assert np.allclose(scored.encode(X), scored.encode(X), atol=1e-6)
        assert np.allclose(scored.encode(X), scored.latents, atol=1e-5)
        both = scored.vae.network.outputs(scored.part("encoder"), X)
        assert np.allclose(scored.latents, both[:, :8], atol=1e-5)


def test_a_draw_is_not_the_mean() -> None:
    nets, x, _ = networks()
    drawn, judged = nets.train().codes(0, x[0]), nets.eval().codes(0, x[0])
    assert not torch.equal(drawn.draw, drawn.mean)
    assert torch.equal(judged.draw, judged.mean)


def test_same_seed_same_latents(sides: tuple[Modality, Modality]) -> None:
    first, again, other = (fit_joint_vae(*sides, QUICK, seed=seed) for seed in (0, 0, 1))
    for side in (0, 1):
        assert np.allclose(first[side].latents, again[side].latents, atol=1e-5)
        assert not np.allclose(first[side].latents, other[side].latents)


def test_the_global_generator_is_left_alone(sides: tuple[Modality, Modality]) -> None:
    torch.random.default_generator.manual_seed(5)
    before = torch.random.get_rng_state()
    fit_joint_vae(*sides, QUICK, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_fifth_of_the_cells_is_held_out_and_judged(latents: tuple[JointLatents, JointLatents]) -> None:
    for scored in latents:
        assert scored.is_validated.sum() == pytest.approx(scored.modality.n_cells / 5, abs=6)
        assert scored.confusion.sum() == scored.is_validated.sum()
        assert scored.validation_loss < scored.label_entropy


def test_the_two_sides_hold_out_different_cells() -> None:
    modality = make_modality("RNA", n=60)
    twin = replace(modality, name="ADT")
    first, second = fit_joint_vae(modality, twin, QUICK, seed=0)
    assert not np.array_equal(first.is_validated, second.is_validated)


def test_planted_pairs_are_found_better_than_by_chance(latents: tuple[JointLatents, JointLatents]) -> None:
    uniform = evaluate(match(*latents, UniformMatcher())).micro
    for matcher in (SinkhornMatcher(), NeighborMatcher()):
        found = evaluate(match(*latents, matcher)).micro
        assert found["foscttm"] < 0.35 < uniform["foscttm"]
        assert found["trace_fold"] > 2
    assert uniform["foscttm"] == pytest.approx(0.5)


def test_cells_of_unequal_numbers_train_together() -> None:
    many, few = make_modality("RNA", n=90), make_modality("ADT", n=21, n_features=5, seed=1)
    first, second = fit_joint_vae(many, few, QUICK, seed=0)
    assert first.space.shape == (90, 5)
    assert second.space.shape == (21, 5)


def test_every_epoch_is_reported_for_both_sides(sides: tuple[Modality, Modality]) -> None:
    events: list[Event] = []
    scored = fit_joint_vae(*sides, QUICK, seed=0, progress=events.append)
    for side in scored:
        rows = [each for each in events if each.stage == f"latents: {side.modality.name}" and each.values]
        assert [each.values["epoch"] for each in rows] == list(range(1, len(side.history) + 1))
        assert np.allclose([[each.values[name] for name in HISTORY] for each in rows], side.history)


# What is refused or said


def test_latents_and_propensities_are_not_compared(latents: tuple[JointLatents, JointLatents]) -> None:
    model = fit_propensity(latents[1].modality, LinearClassifier(strength=0.1))
    with pytest.raises(PsmatchError, match="8 joint VAE latents, ADT in one of 6 propensity scores"):
        match(latents[0], model)


def test_new_cells_need_the_same_features(latents: tuple[JointLatents, JointLatents]) -> None:
    with pytest.raises(PsmatchError, match="new cells have 3 features, the encoder was trained on 16"):
        latents[0].encode(latents[0].modality.X[:, :3])


def test_labels_of_one_side_only_are_named() -> None:
    with pytest.raises(PsmatchError, match="ADT: no cell carries C"):
        fit_joint_vae(make_modality("RNA"), make_modality("ADT", labels=("A", "B"), seed=1), QUICK)


def test_a_training_that_diverges_says_what_to_change(sides: tuple[Modality, Modality]) -> None:
    wild = replace(QUICK, network=replace(QUICK.network, learning_rate=1.0))
    huge = replace(sides[0], X=sides[0].X * np.float32(1e30))
    with pytest.raises(PsmatchError, match="The joint VAE diverged at learning rate 1 in epoch 1") as caught:
        fit_joint_vae(huge, sides[1], wild)
    assert "Scale the features" in caught.value.hint


def test_sides_that_lie_apart_are_said(sides: tuple[Modality, Modality]) -> None:
    shifted = replace(sides[1], X=sides[1].X + np.float32(5.0))
    vae = replace(QUICK, modality_weight=0.0, network=replace(QUICK.network, n_epochs=15))
    for scored in fit_joint_vae(sides[0], shifted, vae):
        assert any("the two sides lie apart in the latent space" in note for note in scored.notes)


def test_a_label_of_one_cell_is_trained_on_and_said() -> None:
    pair = []
    for index, modality in enumerate((make_modality("RNA", n=31), make_modality("ADT", n=31, seed=1))):
        labels = np.array([*modality.labels[:30], "rare"])
        pair.append(replace(modality, labels=labels, name=("RNA", "ADT")[index]))
    for scored in fit_joint_vae(*pair, QUICK):
        assert any("too small to validate (one cell): rare" in note for note in scored.notes)
        assert np.isfinite(scored.space).all()
