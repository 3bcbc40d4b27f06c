"""The numerical engine: costs and entropic optimal transport. Arrays in, arrays out; knows no labels."""

from psmatch_core.transport.costs import distances, mean_cost
from psmatch_core.transport.sinkhorn import SinkhornResult, solve

__all__ = ["SinkhornResult", "distances", "mean_cost", "solve"]
