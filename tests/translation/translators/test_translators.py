"""Laws of the trained translators, on plans small enough to count every pair."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import Ridge

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.networks import architectures
from psmatch_core.classification.networks.architectures import perceptron
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.matching.blocks import DenseBlock, SparseBlock
from psmatch_core.translation.translators import (
    BarycentricNetworkTranslator,
    LabelPairs,
    LabelRidgeTranslator,
    MatchedPairs,
    NeighborTranslator,
    RidgeTranslator,
    SampledNetworkTranslator,
    TwoSampleNetworkTranslator,
    network,
)
from psmatch_core.translation.translators.ridge import PENALTIES_PER_CELL
from psmatch_core.translation.translators.two_sample_network import two_sample_loss

CLOSE = 1e-5  # what threads and libraries may move a prediction of size 1
NETWORKS = [SampledNetworkTranslator, BarycentricNetworkTranslator, TwoSampleNetworkTranslator]


def pairs_of(n=90, m=70, p=4, q=3, *, seed=0, held_out=True):
    """Two labels of random cells under a random plan."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n, p)), rng.normal(size=(m, q))
    labels, x_cells, y_cells = [], np.array_split(rng.permutation(n), 2), np.array_split(rng.permutation(m), 2)
    for name, rows, columns in zip("AB", x_cells, y_cells, strict=True):
        P = rng.random((rows.size, columns.size)) ** 6
        labels.append(LabelPairs(name, DenseBlock(P / P.sum()), rows, columns))
    held = np.zeros(n, dtype=bool)
    held[::5] = held_out
    return MatchedPairs(X, Y, tuple(labels), held)


def whole_plan(pairs):
    P = np.zeros((pairs.X.shape[0], pairs.Y.shape[0]))
    for each in pairs.labels:
        P[np.ix_(each.inputs, each.outputs)] = each.block.to_array()
    return P


def fitted(translator, pairs, seed=0):
    with one_thread():
        return translator.fit(pairs, seed=seed, progress=silent)


def test_targets_are_the_weighted_means():
    pairs = pairs_of()
    P = whole_plan(pairs)
    assert np.allclose(pairs.targets, (P @ pairs.Y) / P.sum(axis=1, keepdims=True))
    assert pairs.training.size + pairs.validation.size == 90


def test_draws_are_independent_and_follow_the_plan_of_the_training_cells():
    pairs = pairs_of(n=8, m=5)
    drawn = pairs.draw(np.random.default_rng(1), 20_000)
    P = np.where(pairs.held_out[:, None], 0, whole_plan(pairs))
    row = (P / P.sum(axis=0)).T  # (m, n)
    for y in range(5):
        frequency = np.bincount(drawn[y], minlength=8) / drawn.shape[1]
        assert np.abs(frequency - row[y]).max() < 0.015
        both = np.zeros((8, 8))
        np.add.at(both, (drawn[y, ::2], drawn[y, 1::2]), 2 / drawn.shape[1])
        assert np.abs(both - np.outer(row[y], row[y])).max() < 0.02


def test_a_cell_whose_matches_are_all_held_out_is_not_drawn_for():
    block = SparseBlock(sparse.identity(4, format="csr") / 4)
    held = np.array([False, True, False, False])
    pairs = MatchedPairs(np.eye(4), np.eye(4), (LabelPairs("A", block, np.arange(4), np.arange(4)),), held)
    assert pairs.draw(np.random.default_rng(0), 2).tolist() == [[0, 0], [-1, -1], [2, 2], [3, 3]]
    assert pairs.draw(np.random.default_rng(0), 1, held_out=True).ravel().tolist() == [-1, 1, -1, -1]


def gradients(seed=3):
    """Gradients on a plan of five inputs and three outputs, every draw counted with its probability.

    Returns
    -------
    Of the loss with the expectation inside, of the two-sample loss in expectation, of the paper's estimator in
    expectation, and of the squared error of sampled pairs in expectation.
    """
    import torch

    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(5, 2)).astype(np.float32))
    y = torch.from_numpy(rng.normal(size=(3, 2)).astype(np.float32))
    M = torch.from_numpy(rng.dirichlet(np.ones(5), size=3).astype(np.float32))
    network = perceptron((2, 6, 2), generator=torch.Generator().manual_seed(seed))

    def gradient(loss):
        grads = torch.autograd.grad(loss, list(network.parameters()))
        return np.concatenate([grad.numpy().ravel() for grad in grads])

    expectation_inside = gradient(((y - M @ network(x)) ** 2).sum())
    two_sample, paper, sampled = 0.0, 0.0, 0.0
    for i in range(3):
        for j in range(5):
            first = network(x[j : j + 1])[0]
            sampled = sampled + float(M[i, j]) * gradient(((y[i] - first) ** 2).sum())
            for k in range(5):
                chance = float(M[i, j] * M[i, k])
                first, second = network(x[j : j + 1])[0], network(x[k : k + 1])[0]
                two_sample = two_sample + chance * gradient(two_sample_loss(y[i], first, second).sum())
                second = network(x[k : k + 1])[0]
                paper = paper + chance * gradient((-2 * (y[i] - first).detach() * second).sum())
    return expectation_inside, two_sample, paper, sampled


def test_the_two_sample_gradient_is_unbiased_and_that_of_sampled_pairs_is_not():
    expectation_inside, two_sample, paper, sampled = gradients()
    scale = np.linalg.norm(expectation_inside)
    assert np.linalg.norm(two_sample - expectation_inside) < 1e-5 * scale
    assert np.linalg.norm(paper - expectation_inside) < 1e-5 * scale
    assert np.linalg.norm(sampled - expectation_inside) > 0.1 * scale


def test_the_two_sample_loss_is_the_squared_error_of_the_mean_on_average():
    rng = np.random.default_rng(0)
    f = rng.normal(1.0, 2.0, size=(2, 400_000))
    assert two_sample_loss(np.float64(3.0), *f).mean() == pytest.approx((3.0 - 1.0) ** 2, abs=0.05)
    assert np.mean((3.0 - f[0]) ** 2) == pytest.approx((3.0 - 1.0) ** 2 + 2.0**2, abs=0.05)


def test_ridge_is_the_closed_form_and_scikit_learns():
    pairs = pairs_of()
    model = fitted(RidgeTranslator(penalty=0.3), pairs)
    train = pairs.training
    X, T = pairs.X[train], pairs.targets[train]
    centred, level = X - X.mean(axis=0), T.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + 0.3 * train.size * np.eye(4), centred.T @ (T - level))
    new = np.random.default_rng(1).normal(size=(6, 4))
    assert np.allclose(model.predict(new), (new - X.mean(axis=0)) @ weights + level)
    assert np.allclose(model.predict(new), Ridge(alpha=0.3 * train.size).fit(X, T).predict(new))


def test_ridge_chooses_the_penalty_with_the_smallest_held_out_error():
    pairs = pairs_of()
    test = pairs.validation

    def error(model):
        return np.mean((model.predict(pairs.X[test]) - pairs.targets[test]) ** 2)

    fixed = [error(fitted(RidgeTranslator(penalty=penalty), pairs)) for penalty in PENALTIES_PER_CELL]
    assert error(fitted(RidgeTranslator(), pairs)) == pytest.approx(min(fixed))


def test_the_nearest_cell_alone_gives_its_own_matches():
    pairs = pairs_of()
    model = fitted(NeighborTranslator(n_neighbors=1), pairs)
    train = pairs.training
    assert np.allclose(model.predict(pairs.X[train] + 1e-6), pairs.targets[train], atol=1e-4)


def test_neighbours_weigh_by_one_over_distance():
    pairs = pairs_of()
    model, train = fitted(NeighborTranslator(n_neighbors=3), pairs), pairs.training
    new = np.zeros(4)
    distance = np.linalg.norm(pairs.X[train] - new, axis=1)
    nearest = np.argsort(distance)[:3]
    weight = 1 / distance[nearest]
    expected = weight @ pairs.targets[train][nearest] / weight.sum()
    assert np.allclose(model.predict(new[None])[0], expected, atol=1e-5)


def test_more_neighbours_than_cells_are_said():
    model = fitted(NeighborTranslator(n_neighbors=500), pairs_of())
    assert model.notes == ("neighbours: only 72 matched cells for training, so k is 72 instead of 500.",)


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_keep_the_best_held_out_epoch_and_stop(kind):
    translator = kind(n_epochs=60, patience=4, hidden=(16,), batch_size=16)
    pairs = pairs_of()  # nothing to learn: features have no bearing on each other
    model = fitted(translator, pairs)
    (curve,) = model.curves
    assert len(curve.training) == len(curve.validation) < 60
    assert curve.best == int(np.argmin(curve.validation))
    assert len(curve.validation) == curve.best + 5
    shorter = fitted(replace(translator, n_epochs=60), pairs)
    assert np.allclose(shorter.predict(pairs.X), model.predict(pairs.X), atol=CLOSE)


@pytest.mark.parametrize("kind", NETWORKS)
def test_training_tells_every_epoch(kind):
    events = []
    with one_thread():
        kind(n_epochs=3, hidden=(4,)).fit(pairs_of(), seed=0, progress=events.append)
    told = [event.values["epoch"] for event in events if "epoch" in event.values]
    assert told == [1, 2, 3]
    assert {"training_loss", "validation_loss"} <= set(events[0].values)


@pytest.mark.parametrize("kind", [RidgeTranslator, NeighborTranslator, *NETWORKS])
def test_what_is_restored_predicts_the_same_and_seeds_decide(kind):
    small = {"n_epochs": 3, "hidden": (4,), "batch_norm": True} if kind in NETWORKS else {}
    pairs, translator = pairs_of(), kind(**small)
    model = fitted(translator, pairs)
    assert np.allclose(translator.restore(model.state()).predict(pairs.X), model.predict(pairs.X), atol=CLOSE)
    assert np.allclose(fitted(translator, pairs).predict(pairs.X), model.predict(pairs.X), atol=CLOSE)
    if kind in NETWORKS:
        assert not np.allclose(fitted(translator, pairs, seed=1).predict(pairs.X), model.predict(pairs.X), atol=CLOSE)


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_held_out_cells_networks_say_so(kind):
    model = fitted(kind(n_epochs=2, hidden=(4,)), pairs_of(held_out=False))
    assert model.notes == ("network: no cell could be held out, so the epoch was chosen by the training loss.",)


def test_without_held_out_cells_ridge_says_so():
    assert fitted(RidgeTranslator(), pairs_of(held_out=False)).notes[0].startswith("ridge: no cell could be held out")


def test_one_matched_cell_is_too_few_for_a_network():
    block = DenseBlock(np.ones((1, 1)))
    pairs = MatchedPairs(
        np.ones((1, 2)), np.ones((1, 2)), (LabelPairs("A", block, np.arange(1), np.arange(1)),), np.zeros(1, dtype=bool)
    )
    with pytest.raises(PsmatchError, match="A network cannot be trained on 1 matched cell"):
        fitted(SampledNetworkTranslator(), pairs)


def test_a_network_that_diverges_is_refused_in_words():
    wild = replace(pairs_of(), X=np.full((90, 4), 1e30))
    with pytest.raises(PsmatchError, match="The network diverged at learning rates"):
        fitted(BarycentricNetworkTranslator(n_epochs=2), wild)


def labelled_pairs(shift=3.0, slope=1.0, *, noise=0.1, seed=0):
    """Three labels under the identity plan: outputs are the label's mean plus ``slope`` × what differs within it."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(3), 60)
    within, means = rng.normal(size=(180, 4)), shift * rng.normal(size=(3, 4))
    X = within + means[label]
    Y = slope * within[:, :2] + rng.permutation(means)[label, :2] + noise * rng.normal(size=(180, 2))
    cells = [np.flatnonzero(label == each) for each in range(3)]
    held = np.zeros(180, dtype=bool)
    held[::5] = True
    blocks = [SparseBlock(sparse.identity(60, format="csr") / 60) for _ in cells]
    labels = tuple(LabelPairs(name, b, c, c) for name, b, c in zip("ABC", blocks, cells, strict=True))
    return MatchedPairs(X, Y, labels, held), np.array(list("ABC"))[label]


def label_means(values, names):
    """The mean of its label for each cell."""
    place = np.unique(names, return_inverse=True)[1]
    return np.stack([values[names == name].mean(axis=0) for name in np.unique(names)])[place]


def r2_within(values, pairs, names):
    """R² of differences from the means of the labels, on the held-out cells."""
    truth = pairs.Y - label_means(pairs.Y, names)
    error = truth - (values - label_means(values, names))
    return 1 - (error[pairs.held_out] ** 2).sum() / (truth[pairs.held_out] ** 2).sum()


def test_label_ridge_keeps_label_means_that_a_blind_regression_loses():
    pairs, names = labelled_pairs()
    aware = fitted(LabelRidgeTranslator(), pairs).predict(pairs.X, names)
    blind = fitted(RidgeTranslator(), pairs).predict(pairs.X)
    assert r2_within(aware, pairs, names) > 0.95
    mean = np.mean((pairs.Y - blind) ** 2), np.mean((pairs.Y - aware) ** 2)
    assert mean[1] < mean[0] / 5
    for name in "ABC":
        training = (names == name) & ~pairs.held_out
        assert np.allclose(aware[training].mean(axis=0), pairs.Y[names == name].mean(axis=0), atol=0.05)


def test_label_ridge_gives_label_means_where_nothing_within_labels_is_predicted():
    pairs, names = labelled_pairs(slope=0.0, noise=1.0, seed=2)
    model = fitted(LabelRidgeTranslator(penalty=1e-4), pairs)
    aware, unshrunk = model.predict(pairs.X, names), fitted(RidgeTranslator(penalty=1e-4), pairs).predict(pairs.X)
    assert np.mean((aware - label_means(pairs.Y, names)) ** 2) < 0.02
    assert r2_within(aware, pairs, names) > r2_within(unshrunk, pairs, names)


def test_label_ridge_through_a_uniform_plan_is_the_label_mean():
    pairs, names = labelled_pairs()
    flat = tuple(replace(each, block=DenseBlock(np.full((60, 60), 1 / 3600))) for each in pairs.labels)
    model = fitted(LabelRidgeTranslator(), replace(pairs, labels=flat))
    assert np.allclose(model.predict(pairs.X, names), label_means(pairs.Y, names), atol=CLOSE)
    assert model.notes == (
        "label ridge: nothing within labels was predicted on held-out cells; label means are given.",
    )
    restored = LabelRidgeTranslator().restore(model.state())
    assert np.allclose(restored.predict(pairs.X, names), model.predict(pairs.X, names), atol=CLOSE)


@pytest.mark.parametrize("kind", NETWORKS)
def test_everything_that_a_step_of_a_network_touches_is_on_its_device(kind, monkeypatch):
    """On torch's device without numbers, which refuses every operation that mixes it with the processor."""
    where = []

    def to_arrays(trained):
        where.append({tensor.device.type for tensor in trained.state_dict().values()})
        return {name: np.zeros(each.shape, np.float32) for name, each in architectures._tensors(trained).items()}

    monkeypatch.setattr(network, "find_device", lambda asked: {"cuda": "meta"}[asked])
    monkeypatch.setattr(network, "device_notes", lambda asked: (f"trained on {asked}",))
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: float(tensor.ndim == 0))
    monkeypatch.setattr(architectures, "to_arrays", to_arrays)
    pairs = pairs_of(held_out=False)
    with training_on("cuda"):
        predictor = fitted(kind(n_epochs=2, batch_norm=True), pairs)
    assert where == [{"meta"}] * len(where) != []
    assert "trained on cuda" in predictor.notes
    assert np.isfinite(predictor.predict(pairs.X)).all()  # what was trained elsewhere predicts on the processor
