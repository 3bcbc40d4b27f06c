"""The numerical engine: transport within a label. Arrays in, arrays out; it knows no labels.

Names are imported when they are first used: they load numba, which a page that only reads results does not need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psmatch_core.transport.batch.many import solve_many
    from psmatch_core.transport.entropic.from_potentials import from_potentials
    from psmatch_core.transport.entropic.solve import mean_cost, resolve, solve, solve_path
    from psmatch_core.transport.exact.solve import ExactResult, assign
    from psmatch_core.transport.options import AnnealingSchedule, SolveOptions
    from psmatch_core.transport.precompile import compile_engine, is_compiled
    from psmatch_core.transport.result import TransportResult
    from psmatch_core.transport.status import SolvePath, SolveStatus
    from psmatch_core.transport.unbalanced import solve_unbalanced

_MODULES = {
    "batch.many": ("solve_many",),
    "entropic.from_potentials": ("from_potentials",),
    "entropic.solve": ("mean_cost", "resolve", "solve", "solve_path"),
    "exact.solve": ("ExactResult", "assign"),
    "options": ("AnnealingSchedule", "SolveOptions"),
    "precompile": ("compile_engine", "is_compiled"),
    "result": ("TransportResult",),
    "status": ("SolvePath", "SolveStatus"),
    "unbalanced": ("solve_unbalanced",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnnealingSchedule",
    "ExactResult",
    "SolveOptions",
    "SolvePath",
    "SolveStatus",
    "TransportResult",
    "assign",
    "compile_engine",
    "from_potentials",
    "is_compiled",
    "mean_cost",
    "resolve",
    "solve",
    "solve_many",
    "solve_path",
    "solve_unbalanced",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
