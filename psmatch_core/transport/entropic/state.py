"""State: the potentials of a solve on their way to the epsilon asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels.support import Support


@dataclass
class State:
    """Potentials on their way, ``f (n,)`` and ``g (m,)`` in units of cost, and where they stand.

    ``error`` is the L1 error of the marginals on whatever kernel was last iterated on; ``settled`` says that the
    potentials solve the problem at ``epsilon`` already, from an earlier solve.
    """

    f: Array
    g: Array
    epsilon: float
    error: float = np.inf
    support: Support | None = None
    settled: bool = False
    path: str = ""
