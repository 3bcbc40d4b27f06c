"""The numerical engine: within-label transport. Arrays in, arrays out; knows no labels.

Names are imported when first used: they bring numba, which a page that only reads results must not wait for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psmatch_core.transport.batch.many import solve_many
    from psmatch_core.transport.entropic.from_potentials import restore
    from psmatch_core.transport.entropic.solve import mean_cost, path, resolve, solve
    from psmatch_core.transport.exact.solve import ExactResult, assign
    from psmatch_core.transport.precompile import is_compiled, warm
    from psmatch_core.transport.result import TransportResult
    from psmatch_core.transport.unbalanced import solve_unbalanced

_HOMES = {
    "entropic.solve": ("mean_cost", "path", "resolve", "solve"),
    "exact.solve": ("ExactResult", "assign"),
    "batch.many": ("solve_many",),
    "unbalanced": ("solve_unbalanced",),
    "entropic.from_potentials": ("restore",),
    "result": ("TransportResult",),
    "precompile": ("is_compiled", "warm"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ExactResult",
    "TransportResult",
    "assign",
    "is_compiled",
    "mean_cost",
    "path",
    "resolve",
    "restore",
    "solve",
    "solve_many",
    "solve_unbalanced",
    "warm",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
