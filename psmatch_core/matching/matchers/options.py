"""Options that solvers have in common, declared once: when they end, and what they may use."""

from __future__ import annotations

from typing import Any

from psmatch_core.base.config import option

MARGINALS = "Error of the marginals (L1, of mass 1) at which iteration ends."
STEPS = "Change of the plan in a step and error of its marginals (L1, of mass 1) at which iteration ends."


def tolerance_option(ends_at: str) -> Any:
    """The error at which iteration ends; ``ends_at`` says of what."""
    return option(1e-3, above=0, maximum=0.5, help=ends_at, advanced=True)


def iterations_option(most: int, what: str = "Iterations", whose: str = "a label is") -> Any:
    """How many iterations (steps, turns) a solver may take until it reports that it has not converged."""
    return option(most, minimum=1, help=f"{what} after which {whose} reported as not converged.", advanced=True)


def memory_option(most: int = 1024, whose: str = "one label") -> Any:
    """Memory that a solver may use, MB."""
    return option(most, minimum=16, unit="MB", help=f"Memory that the solver of {whose} may use.", advanced=True)
