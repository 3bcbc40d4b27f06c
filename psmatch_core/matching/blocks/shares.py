"""Rows of two plans as shares of their mass, in single precision: what a comparison of plans needs of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from psmatch_core.matching.blocks.base import Block
from psmatch_core.matching.blocks.potential import PotentialBlock
from psmatch_core.transport.kernels.costs import distances

FAINTEST = -80.0  # nats below the heaviest entry of a row; all such entries together do not reach the seventh digit
_NO_MASS = float(np.log(np.finfo(float).smallest_subnormal))  # nats; lower masses are zero


@dataclass(frozen=True, eq=False)
class RowShares:
    """Some rows of a plan.

    Parameters
    ----------
    shares
        Each row divided by its mass, ``(rows, m)``, float32; zeros for a row without mass.
    best
        The column of the heaviest entry, ``(rows,)``; −1 without mass.
    n_effective
        exp(entropy) of the shares, ``(rows,)`` cells; 0 without mass.
    """

    shares: np.ndarray = field(repr=False)
    best: np.ndarray = field(repr=False)
    n_effective: np.ndarray = field(repr=False)

    @classmethod
    def of_logs(cls, logs: np.ndarray) -> Self:
        """From the logarithms of the entries, ``(rows, m)`` float32, in nats; they are overwritten.

        The entropy comes from the logarithms that are there already: to take them again costs more than all else.
        """
        heaviest = logs.max(axis=1)
        has_mass = heaviest > _NO_MASS  # not where it is NaN
        best = np.where(has_mass, logs.argmax(axis=1), -1)
        logs -= np.where(has_mass, heaviest, 0)[:, None]
        np.maximum(logs, FAINTEST, out=logs)
        shares = np.exp(logs)
        sums = np.where(has_mass, shares.sum(axis=1), 1)
        entropy = np.log(sums) - np.einsum("ij,ij->i", shares, logs) / sums
        shares *= (1 / sums)[:, None]
        shares[~has_mass] = 0
        return cls(shares, best, np.where(has_mass, np.exp(entropy, dtype=np.float64), 0.0))


def shares_of_both(first: Block, second: Block, start: int, stop: int) -> tuple[RowShares, RowShares]:
    """Rows ``start`` to ``stop`` of two plans as shares; costs that they share are computed once."""
    if isinstance(first, PotentialBlock) and isinstance(second, PotentialBlock) and first.has_points_of(second):
        costs = distances(first.x[start:stop], first.y, first.cost)
        return RowShares.of_logs(_logs(first, start, costs)), RowShares.of_logs(_logs(second, start, costs))
    rows = first.rows(start, stop), second.rows(start, stop)
    with np.errstate(divide="ignore"):  # a stored plan has zeros
        return RowShares.of_logs(np.log(rows[0]).astype(np.float32)), RowShares.of_logs(
            np.log(rows[1]).astype(np.float32)
        )


def _logs(block: PotentialBlock, start: int, costs: np.ndarray) -> np.ndarray:
    """Logarithms of the rows from ``start`` on, by their costs ``(rows, m)``; added up in double precision."""
    rows = slice(start, start + costs.shape[0])
    with np.errstate(divide="ignore"):  # a cell without mass
        of_rows, of_columns = np.log(block.a[rows]), np.log(block.b)
    logs = costs * (-1 / block.epsilon)
    logs += block.g / block.epsilon + of_columns
    logs += (block.f[rows] / block.epsilon + of_rows)[:, None]
    return logs.astype(np.float32)
