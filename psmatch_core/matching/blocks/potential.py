"""Entropic plans of any size: n + m potentials are stored, and the transport engine answers for those of many cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from psmatch_core.matching.blocks.base import Block, ChunkedBlock
from psmatch_core.matching.blocks.stored import SparseBlock
from psmatch_core.transport.kernels.costs import distances

if TYPE_CHECKING:
    from psmatch_core.transport import TransportResult

ENGINE_PAIRS = 4_000_000  # from here the engine's passes save more than loading it takes
_SUPPORT_SHARE = 1e-5  # the engine's support of a large plan holds every entry above this share of its row


@dataclass(frozen=True, eq=False)
class PotentialBlock(ChunkedBlock):
    """An entropic plan P_ij = a_i b_j exp((f_i + g_j − C_ij) / ε), memory n + m.

    Parameters
    ----------
    x, y
        The points between which C is the cost, ``(n, d)`` and ``(m, d)``.
    f, g
        Potentials ``(n,)``, ``(m,)``, units of cost.
    epsilon
        Units of cost.
    a, b
        Masses ``(n,)``, ``(m,)``.
    cost
        ``euclidean`` or ``sqeuclidean``.
    """

    x: np.ndarray
    y: np.ndarray
    f: np.ndarray
    g: np.ndarray
    epsilon: float
    a: np.ndarray
    b: np.ndarray
    cost: str = "euclidean"

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.y.shape[0]

    @property
    def T(self) -> Block:  # noqa: N802
        return replace(self, x=self.y, y=self.x, f=self.g, g=self.f, a=self.b, b=self.a)

    def part(self, rows: np.ndarray) -> Block:
        a = self.a[rows]
        return replace(self, x=self.x[rows], f=self.f[rows], a=a / (a.sum() or 1.0))

    @cached_property
    def _solved(self) -> TransportResult | None:
        """The engine's form of a large plan; None for a small one, for one without points and for a broken one."""
        n, m = self.shape
        finite = np.isfinite(self.f).all() and np.isfinite(self.g).all()
        if n * m < ENGINE_PAIRS or self.x.shape[1] == 0 or not finite:
            return None
        from psmatch_core.transport import from_potentials  # brings numba, which small plans do without

        return from_potentials(self.x, self.y, self.epsilon, f=self.f, g=self.g, a=self.a, b=self.b, cost=self.cost)

    def pull(self, values: np.ndarray) -> np.ndarray:
        return super().pull(values) if self._solved is None else self._solved.pull(values)

    def push(self, values: np.ndarray) -> np.ndarray:
        return super().push(values) if self._solved is None else self._solved.push(values)

    @cached_property
    def marginals(self) -> tuple[np.ndarray, np.ndarray]:
        return self.chunked_marginals() if self._solved is None else self._solved.marginals()

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        k = min(k, self.shape[1])
        return super().top(k) if self._solved is None else self._solved.top(k)

    def sample(self, rng: np.random.Generator, n_draws: int = 1) -> np.ndarray:
        return super().sample(rng, n_draws) if self._solved is None else self._solved.sample(rng, n_draws)

    @cached_property
    def n_effective(self) -> np.ndarray:
        return self.chunked_n_effective() if self._solved is None else self._solved.n_effective

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        support = None if self._solved is None else self._solved.support
        if support is None or (top is None and smallest < _SUPPORT_SHARE):
            yield from super().sparse_rows(top=top, smallest=smallest)
        else:
            yield from SparseBlock(support).sparse_rows(top=top, smallest=smallest)

    def rows(self, start: int, stop: int) -> np.ndarray:
        exponent = self.f[start:stop, None] + self.g - distances(self.x[start:stop], self.y, self.cost)  # (rows, m)
        return np.asarray(np.exp(exponent / self.epsilon) * self.b * self.a[start:stop, None])


def uniform_block(n: int, m: int) -> PotentialBlock:
    """Every pair alike: the plan of zero cost, which needs no points at all."""
    return PotentialBlock(
        x=np.zeros((n, 0)),
        y=np.zeros((m, 0)),
        f=np.zeros(n),
        g=np.zeros(m),
        epsilon=1.0,
        a=np.full(n, 1 / n),
        b=np.full(m, 1 / m),
    )
