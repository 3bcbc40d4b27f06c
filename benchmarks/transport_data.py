"""Logits for the benchmarks of the transport engine: simulated, and of real data sets if they are available."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import to_dense

Floats = NDArray[np.float32]

# Mean cost between two cells of a label by number of labels, as for classifiers on real data.
MEAN_COST = {5: 5.0, 25: 10.0, 45: 18.0, 100: 25.0}
POOL = 50_000
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@cache
def _source(n_labels: int) -> tuple[tuple[Floats, Floats], Callable[[int], tuple[Floats, Floats]]]:
    """Paired logits of 50,000 cells of one label in two modalities, centred by row, and a function that draws more.

    Cells have eight latent dimensions and six states; a label shifts them and changes the proportions of the states.
    Each modality is a noisy nonlinear view, and its logits come from a small network trained on cells of all labels.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(n_labels)
    rng = np.random.default_rng(n_labels)
    latent, states = 8, 6
    centres = 1.6 * rng.normal(size=(states, latent))
    spread = [0.35 * rng.normal(size=(latent, latent)) * np.exp(0.5 * rng.normal(size=latent)) for _ in range(states)]
    shift = 0.9 * rng.normal(size=(n_labels, latent))
    mix = rng.dirichlet(np.full(states, 1.5), size=n_labels)
    views = rng.normal(size=(latent, 200)) / np.sqrt(latent), rng.normal(size=(latent, 50)) / np.sqrt(latent)

    def cells(labels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        state = (rng.random(labels.size)[:, None] > np.cumsum(mix, axis=1)[labels]).sum(1).clip(0, states - 1)
        z = np.empty((labels.size, latent))
        for k in range(states):
            here = state == k
            z[here] = centres[k] + rng.normal(size=(int(here.sum()), latent)) @ spread[k].T
        z += shift[labels]
        first = np.tanh(0.6 * z @ views[0]) + 0.35 * rng.normal(size=(labels.size, 200))
        second = np.logaddexp(0, z @ views[1]) + 0.5 * rng.normal(size=(labels.size, 50))
        return first.astype(np.float32), second.astype(np.float32)

    labels = rng.integers(0, n_labels, 30_000)
    training, group = cells(labels), cells(np.zeros(POOL, dtype=np.int64))
    networks = []
    for seen in training:
        mean, scale = seen.mean(0), seen.std(0)
        inputs, wanted = torch.from_numpy((seen - mean) / scale), torch.from_numpy(labels)
        layers = [torch.nn.Linear(seen.shape[1], 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU()]
        network = torch.nn.Sequential(*layers, torch.nn.Linear(128, n_labels))
        optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-3)
        for _ in range(8):
            for batch in torch.randperm(len(seen)).split(256):
                loss = torch.nn.functional.cross_entropy(network(inputs[batch]), wanted[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        networks.append((network, mean, scale))

    def scores(views: tuple[Floats, Floats]) -> list[Floats]:
        found = []
        for (network, mean, scale), asked in zip(networks, views, strict=True):
            with torch.no_grad():
                values = network(torch.from_numpy((asked - mean) / scale)).numpy()
            found.append(values - values.mean(1, keepdims=True))
        return found

    logits = scores(group)
    apart = np.linalg.norm(logits[0][:1000, None] - logits[1][None, 1000:2000], axis=2).mean()
    factor = MEAN_COST[n_labels] / apart

    def scaled(pair: list[Floats]) -> tuple[Floats, Floats]:
        return (factor * pair[0]).astype(np.float32), (factor * pair[1]).astype(np.float32)

    return scaled(logits), lambda n: scaled(scores(cells(np.zeros(n, dtype=np.int64))))


def simulated(n: int, n_labels: int = 25, seed: int = 0) -> tuple[Floats, Floats]:
    """Logits of n cells of one label in two modalities, ``(n, n_labels)`` each, in unrelated orders."""
    (first, second), _ = _source(n_labels)
    rng = np.random.default_rng(seed)
    some = rng.permutation(POOL)[:n]
    return np.ascontiguousarray(first[some]), np.ascontiguousarray(second[some[rng.permutation(n)]])


def fresh(n: int, n_labels: int = 25) -> tuple[Floats, Floats]:
    """The same for n cells that no other call has returned."""
    _, draw = _source(n_labels)
    first, second = draw(n)
    return first, np.ascontiguousarray(second[np.random.default_rng(n).permutation(n)])


@cache
def real(name: str, label: str) -> tuple[Floats, Floats] | None:
    """Logits of one label of a real data set with n ≠ m: all cells of modality 1 and four fifths of modality 2.

    They come from one multinomial logistic regression per modality, on standardised features or on 50 singular vectors
    if there are more than 500 features. None if the data set is not available.
    """
    if not (DATA / name).is_dir():
        return None
    import anndata
    from sklearn.decomposition import TruncatedSVD
    from sklearn.linear_model import LogisticRegression

    found = []
    for number in (1, 2):
        modality = anndata.read_h5ad(DATA / name / f"mod{number}.h5ad")
        labels = modality.obs["label"].astype(str).to_numpy()
        kept = labels != "Mis"
        X, labels = modality.X[kept], labels[kept]
        if X.shape[1] > 500:
            X = TruncatedSVD(50, random_state=0).fit_transform(X)
        X = to_dense(X, dtype=None)
        X = (X - X.mean(0)) / np.maximum(X.std(0), 1e-6)
        model = LogisticRegression(max_iter=100).fit(X, labels)
        here = np.flatnonzero(labels == label)
        if number == 2:
            here = np.random.default_rng(0).permutation(here)[: len(here) * 4 // 5]
        values = model.predict_log_proba(X[here])
        found.append((values - values.mean(1, keepdims=True)).astype(np.float32))
    return found[0], found[1]
