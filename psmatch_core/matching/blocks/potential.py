"""Entropic plans of any size: only n + m potentials are stored, and the transport engine reads those of many cells."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import sparse

from psmatch_core.base.cores import core_count
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.matching.blocks.base import Block, RowwiseBlock
from psmatch_core.matching.blocks.stored import SparseBlock
from psmatch_core.transport.kernels.costs import distances, distances_by_products

if TYPE_CHECKING:
    from psmatch_core.transport import TransportResult

ENGINE_PAIRS = 4_000_000  # from here the engine's passes save more than loading it takes
OFTEN_PAIRS = 200_000  # from here they do for a plan that is asked again and again
PRODUCT_PAIRS = 1_000_000  # from here on costs are computed by matrix products: all numbers of smaller plans stay
PRODUCT_ROWS = 16  # of fewer at a time, preparing the columns would take longer than the product saves
PLANS_A_CORE = 2  # whose form in the engine is kept: what one question needs after another of the same label
_READ = "_read_engine"  # where a plan keeps that form
_SUPPORT_SHARE = 1e-5  # the engine's support of a large plan holds every entry above this share of its row


@dataclass(frozen=True, eq=False)
class PotentialBlock(RowwiseBlock):
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
    engine_pairs
        From how many pairs on the engine answers for sums, such as projections.
    """

    x: np.ndarray
    y: np.ndarray
    f: np.ndarray
    g: np.ndarray
    epsilon: float
    a: np.ndarray
    b: np.ndarray
    cost: str = "euclidean"
    engine_pairs: int = field(default=ENGINE_PAIRS, repr=False, compare=False)

    @classmethod
    def with_uniform_masses(
        cls, x: np.ndarray, y: np.ndarray, epsilon: float, *, f: np.ndarray, g: np.ndarray, cost: str = "euclidean"
    ) -> Self:
        """A plan in which every cell of a side has the same mass, 1 / n and 1 / m."""
        n, m = x.shape[0], y.shape[0]
        return cls(x, y, f, g, epsilon, np.full(n, 1 / n), np.full(m, 1 / m), cost)

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.y.shape[0]

    @property
    def T(self) -> Block:  # noqa: N802
        return replace(self, x=self.y, y=self.x, f=self.g, g=self.f, a=self.b, b=self.a)

    def asked_often(self) -> PotentialBlock:
        return replace(self, engine_pairs=OFTEN_PAIRS)

    def part(self, rows: np.ndarray) -> Block:
        a = self.a[rows]
        return replace(self, x=self.x[rows], f=self.f[rows], a=a / (a.sum() or 1.0))

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self._rows_at(start, self._costs(start, stop))

    def _costs(self, start: int, stop: int) -> np.ndarray:
        x = self.x[start:stop]
        is_large = self.shape[0] * self.shape[1] >= PRODUCT_PAIRS and x.shape[0] >= PRODUCT_ROWS and x.shape[1]
        return (distances_by_products if is_large else distances)(x, self.y, self.cost)

    def _rows_at(self, start: int, costs: np.ndarray) -> np.ndarray:
        """Rows from ``start`` on, by their costs ``(rows, m)``."""
        stop = start + costs.shape[0]
        rows = self.f[start:stop, None] + self.g
        rows -= costs
        rows /= self.epsilon
        np.exp(rows, out=rows)
        rows *= self.b
        rows *= self.a[start:stop, None]
        return rows

    def has_points_of(self, other: PotentialBlock) -> bool:
        """Whether another plan has the same costs, as one of another epsilon has."""
        if self.cost != other.cost or self.shape != other.shape:
            return False
        return all(one is two or np.array_equal(one, two) for one, two in ((self.x, other.x), (self.y, other.y)))

    @property
    def _engine(self) -> TransportResult | None:
        """The engine's form of a large plan; None for a small one, for one without points and for a broken one."""
        return self._latest_engine if self.shape[0] * self.shape[1] >= ENGINE_PAIRS else None

    @property
    def _sums_by_engine(self) -> TransportResult | None:
        """The engine's form for sums over rows and columns, from fewer pairs on where they are asked often."""
        return self._latest_engine if self.shape[0] * self.shape[1] >= min(self.engine_pairs, ENGINE_PAIRS) else None

    @property
    def _latest_engine(self) -> TransportResult | None:
        """The engine's form, kept while this plan is one of those asked last, and for good if it is asked often."""
        if self.engine_pairs >= ENGINE_PAIRS:
            _LATEST.asked(self)
        return self._read_engine

    @cached_property
    def _read_engine(self) -> TransportResult | None:
        finite = np.isfinite(self.f).all() and np.isfinite(self.g).all()
        if self.x.shape[1] == 0 or not finite:
            return None
        from psmatch_core.transport import from_potentials  # brings numba, which small plans do without

        return from_potentials(self.x, self.y, self.epsilon, f=self.f, g=self.g, a=self.a, b=self.b, cost=self.cost)

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray] | None:
        """U ``(n,)`` and v ``(m,)`` of a large plan without cost, P = u vᵀ; None for any other."""
        if self.x.shape[1] or self.shape[0] * self.shape[1] < ENGINE_PAIRS:
            return None
        return self.a * np.exp(self.f / self.epsilon), self.b * np.exp(self.g / self.epsilon)

    def pull(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        if self._factors is not None:
            return np.outer(self._factors[0], self._factors[1] @ values)
        engine = self._sums_by_engine
        return super().pull(values, part=part) if engine is None else engine.pull(values, part=part)

    def push(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        if self._factors is not None:
            return np.outer(self._factors[1], self._factors[0] @ values)
        engine = self._sums_by_engine
        return super().push(values, part=part) if engine is None else engine.push(values, part=part)

    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        return super().sums() if self._sums_by_engine is None else self._sums_by_engine.marginals()

    def count_effective(self) -> np.ndarray:
        return super().count_effective() if self._engine is None else self._engine.n_effective

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        return super().top(k) if self._engine is None else self._engine.top(min(k, self.shape[1]))

    def sample(self, rng: np.random.Generator, n_draws: int = 1, *, part: StagePart = UNHEARD) -> np.ndarray:
        engine = self._engine
        return super().sample(rng, n_draws, part=part) if engine is None else engine.sample(rng, n_draws, part=part)

    def sparse_rows(self, *, top: int | None = None, smallest: float = 0.0) -> Iterator[tuple[int, sparse.csr_matrix]]:
        support = None if self._engine is None else self._engine.support
        if support is not None and (top is not None or smallest >= _SUPPORT_SHARE):
            yield from SparseBlock(support).sparse_rows(top=top, smallest=smallest)
        else:
            yield from super().sparse_rows(top=top, smallest=smallest)


class _LatestPlans:
    """The large plans that were asked last; of all others the engine's form is given up, and made again when asked.

    It holds the points of both sides several times. Of 200,000 + 200,000 cells in 100 labels that would be a gigabyte
    for each coupling, and it is made within a tenth of the time of one projection.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[weakref.ref[PotentialBlock]] = []  # the latest last

    def asked(self, plan: PotentialBlock) -> None:
        """Note that a plan is asked now."""
        with self._lock:
            others = [each for each in self._plans if each() is not None and each() is not plan]
            self._plans = [*others, weakref.ref(plan)]
            n_too_many = len(self._plans) - PLANS_A_CORE * core_count()
            for each in self._plans[: max(0, n_too_many)]:
                if (earlier := each()) is not None:
                    earlier.__dict__.pop(_READ, None)
            self._plans = self._plans[max(0, n_too_many) :]


_LATEST = _LatestPlans()


def uniform_block(n: int, m: int) -> PotentialBlock:
    """The plan in which every pair has the same mass: of zero cost, it needs no points at all."""
    return PotentialBlock.with_uniform_masses(np.zeros((n, 0)), np.zeros((m, 0)), 1.0, f=np.zeros(n), g=np.zeros(m))
