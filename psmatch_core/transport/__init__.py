"""The numerical engine: within-label transport. Arrays in, arrays out; knows no labels."""

from psmatch_core.transport.balanced import mean_cost, path, resolve, solve
from psmatch_core.transport.costs import distances
from psmatch_core.transport.exact import ExactResult, assign
from psmatch_core.transport.many import solve_many
from psmatch_core.transport.relaxed import solve_unbalanced
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.warming import is_compiled, warm

__all__ = [
    "ExactResult",
    "TransportResult",
    "assign",
    "distances",
    "is_compiled",
    "mean_cost",
    "path",
    "resolve",
    "solve",
    "solve_many",
    "solve_unbalanced",
    "warm",
]
