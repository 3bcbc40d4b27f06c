"""Heatmaps of plans: block means keep the mass, and what is drawn is what the plan holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from psmatch_core import plotting
from psmatch_core.matching.blocks import Block, DenseBlock, PotentialBlock, SparseBlock, uniform_block


def potential(n: int, m: int) -> Block:
    rng = np.random.default_rng(0)
    ones = np.zeros(n), np.zeros(m)
    return PotentialBlock(
        rng.normal(size=(n, 3)), rng.normal(size=(m, 3)), *ones, 0.5, np.full(n, 1 / n), np.full(m, 1 / m)
    )


STORAGES: dict[str, Callable[[int, int], Block]] = {
    "dense": lambda n, m: DenseBlock(np.random.default_rng(0).random((n, m)) / (n * m)),
    "sparse": lambda n, m: SparseBlock(sparse.random(n, m, 0.3, format="csr", random_state=0)),
    "potentials": potential,
    "uniform": uniform_block,
}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 1), (30, 20), (131, 250), (1_100, 1_000)])
@pytest.mark.parametrize("ordered", [True, False])
def test_block_means_keep_the_mass(storage: str, shape: tuple[int, int], ordered: bool) -> None:
    block = STORAGES[storage](*shape)
    found = plotting.block_means(block, max_bins=120, ordered=ordered)
    sizes = np.diff(found.row_edges)[:, None] * np.diff(found.column_edges)
    assert found.means.shape == (min(shape[0], 120), min(shape[1], 120))
    assert np.sum(found.means * sizes) == pytest.approx(block.marginals[0].sum())
    assert np.array_equal(np.sort(found.row_order), np.arange(shape[0]))
    assert np.array_equal(np.sort(found.column_order), np.arange(shape[1]))


@pytest.mark.parametrize("storage", [DenseBlock, lambda P: SparseBlock(sparse.csr_matrix(P))])
def test_block_means_are_the_means_of_the_arranged_plan(storage: Callable[[np.ndarray], Block]) -> None:
    P = np.random.default_rng(1).random((12, 9))
    found = plotting.block_means(storage(P), max_bins=4)
    arranged = P[np.ix_(found.row_order, found.column_order)]
    for i in range(4):
        for j in range(4):
            rows, columns = slice(*found.row_edges[i : i + 2]), slice(*found.column_edges[j : j + 2])
            assert found.means[i, j] == pytest.approx(arranged[rows, columns].mean())


def test_a_hidden_permutation_is_drawn_as_a_diagonal() -> None:
    rng = np.random.default_rng(0)
    n = 60
    near = np.exp(-((np.arange(n)[:, None] - np.arange(n)) ** 2) / 20)
    hidden = near[np.ix_(rng.permutation(n), rng.permutation(n))]
    found = plotting.block_means(DenseBlock(hidden / hidden.sum()))
    arranged = hidden[np.ix_(found.row_order, found.column_order)]
    peaks = arranged.argmax(axis=1)
    assert abs(np.corrcoef(peaks, np.arange(n))[0, 1]) > 0.99


def test_the_heatmap_is_small_whole_numbers_with_the_exact_ratio_beside() -> None:
    block = potential(300, 260)
    names = [np.array([f"c{i}" for i in range(size)]) for size in block.shape]
    (trace,) = plotting.coupling_heatmap(block, row_names=names[0], column_names=names[1]).data
    assert trace.z.dtype == np.uint8
    assert trace.z.shape == (120, 120)
    assert trace.z.max() == 255
    exact = trace.customdata
    assert np.allclose((trace.z / 255.0) ** 2 * exact.max(), exact, atol=exact.max() / 100)


def test_a_uniform_plan_is_called_uniform() -> None:
    fig = plotting.coupling_heatmap(uniform_block(8, 6))  # names are numbers unless given
    named = plotting.coupling_heatmap(uniform_block(8, 6), row_names=list("01234567"), column_names=list("012345"))
    assert fig == named
    assert fig.layout.title.text.startswith("The plan is uniform: all 6 target cells")
