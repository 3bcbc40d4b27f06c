"""The potentials that a solve improves, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Potentials


@dataclass
class SolveState:
    """Potentials that a solve improves in place.

    Parameters
    ----------
    f, g
        Potentials, ``(n,)`` and ``(m,)``, units of cost.
    epsilon
        The epsilon at which the solve iterates now, units of cost.
    error
        L1 error of the marginals on the kernel of the last iteration.
    support
        The last support.
    is_solved
        Whether an earlier solve brought the potentials to the solution at ``epsilon``.
    """

    f: Array
    g: Array
    epsilon: float
    error: float = np.inf
    support: Support | None = None
    is_solved: bool = False

    @property
    def potentials(self) -> Potentials:
        return Potentials(self.f, self.g, self.epsilon)

    def scale(self, u: Array, v: Array) -> None:
        """Absorb scalings of the rows and columns of the kernel into the potentials."""
        self.f = self.f + self.epsilon * np.log(np.maximum(u, 1e-280))
        self.g = self.g + self.epsilon * np.log(np.maximum(v, 1e-280))
