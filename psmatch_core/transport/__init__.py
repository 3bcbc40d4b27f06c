"""Within-label transport: arrays in, arrays out; knows no labels."""

from psmatch_core.transport.balanced import mean_cost, path, resolve, solve
from psmatch_core.transport.many import solve_many
from psmatch_core.transport.result import TransportResult

__all__ = ["TransportResult", "mean_cost", "path", "resolve", "solve", "solve_many"]
