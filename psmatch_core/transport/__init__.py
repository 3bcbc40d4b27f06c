"""Within-label transport: arrays in, arrays out; knows no labels."""

from psmatch_core.transport.balanced import mean_cost, path, resolve, solve
from psmatch_core.transport.exact import ExactResult, assign
from psmatch_core.transport.many import solve_many
from psmatch_core.transport.relaxed import solve_unbalanced
from psmatch_core.transport.result import TransportResult

__all__ = [
    "ExactResult",
    "TransportResult",
    "assign",
    "mean_cost",
    "path",
    "resolve",
    "solve",
    "solve_many",
    "solve_unbalanced",
]
