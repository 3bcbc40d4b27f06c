"""Options that several matchers have, each declared once: epsilon, space and geometry, and when a solver ends."""

from __future__ import annotations

from typing import Any

from psmatch_core.base.config import option

MARGINALS = "Error of the marginals (L1, of mass 1) at which iteration ends."
STEPS = "Change of the plan in one step and error of its marginals (L1, of mass 1) at which iteration ends."


# How sharp a plan is, and what mass may stay unmatched


def epsilon_option(
    default: float = 0.05, *, unit: str = "× mean cost", plan: str = "", partners: str = "cell", more: str = ""
) -> Any:
    """How sharp or smooth a plan is; ``plan`` says of what, where a matcher has several."""
    return option(
        default,
        above=0,
        maximum=1e6,
        unit=unit,
        help=f"Entropic regularisation{plan}: small is sharp (few partners per {partners}), large is smooth.{more}",
    )


def epsilon_unit_option(own_units: str = "in nats") -> Any:
    """What epsilon is measured in."""
    return option(
        "mean cost",
        choices=("mean cost", "absolute"),
        help=f"Whether epsilon is measured in mean costs of the label's block or {own_units}.",
        advanced=True,
    )


def rho_option(*, when: str = "", advanced: bool = False) -> Any:
    """The price of unmatched mass."""
    return option(
        1.0,
        above=0,
        maximum=1e6,
        unit="× mean cost",
        help=f"Cost of a unit of unmatched mass on either side{when}: small leaves cells without a counterpart "
        "unmatched, large matches all.",
        advanced=advanced,
    )


def relax_option(method: str) -> Any:
    """Whether marginals may be left unmet."""
    return option(False, help=f"Allow cells without a counterpart to get less mass ({method}).")


# Distances between the modalities


def align_option(default: bool = True, *, of: str = "both sides", why: str = "") -> Any:
    """Whether the two sides are brought to one centre and scale."""
    what = f"Centre and scale {of} within the label, each side by one number{why}."
    return option(default, help=what, advanced=True)


def cost_option(between: str = "logits") -> Any:
    """What the cost of a pair is."""
    return option(
        "euclidean",
        choices=("euclidean", "sqeuclidean"),
        help=f"Distance between {between}, or its square.",
        advanced=True,
    )


# Distances within a modality


def neighbors_option() -> Any:
    """How dense the neighbour graph of a modality is."""
    return option(
        10,
        minimum=1,
        maximum=1000,
        unit="cells",
        label="k",
        help="Nearest neighbours in its own modality to which each cell is joined; at most half of the label's cells.",
    )


def neighbor_space_option(*, as_in: str = "", advanced: bool = False) -> Any:
    """Where nearest neighbours are searched."""
    return option(
        "features",
        choices=("features", "scores"),
        help=f"Where neighbours are searched: in each modality's features{as_in}, or in its scores.",
        advanced=advanced,
    )


def metric_option() -> Any:
    """What makes two cells neighbours."""
    return option(
        "correlation", choices=("correlation", "euclidean"), help="What makes two cells neighbours.", advanced=True
    )


def edges_option(*, as_in: str = "") -> Any:
    """How long a step in the neighbour graph is."""
    return option(
        "hops",
        choices=("hops", "lengths"),
        help=f"Whether a step in the graph counts as 1{as_in}, or as its length.",
        advanced=True,
    )


# All labels together


def joint_space_option() -> Any:
    """What distances and features a matcher of all labels compares."""
    return option(
        "features",
        choices=("features", "scores"),
        help="Whether cells are compared by their features or by their propensity scores.",
    )


def label_mass_option(problem: str, more: str = "") -> Any:
    """How much each label counts in a problem that they share."""
    return option(
        "pooled",
        choices=("pooled", "source", "target", "uniform"),
        help=f"Share of each label in the {problem}: of all cells, of the source cells, of the target cells, or all "
        f"labels equal.{more}",
    )


# When a solver ends, and what it may use


def tolerance_option(ends_at: str) -> Any:
    """The error at which iteration ends; ``ends_at`` says of what."""
    return option(1e-3, above=0, maximum=0.5, help=ends_at, advanced=True)


def iterations_option(most: int, *, unit: str = "Iterations", of: str = "a label is") -> Any:
    """How many iterations a solver may take."""
    return option(most, minimum=1, help=f"{unit} after which {of} reported as not converged.", advanced=True)


def memory_option(most: int = 1024, *, of: str = "one label") -> Any:
    """How much memory a solver may use, MB."""
    return option(most, minimum=16, unit="MB", help=f"Memory that the solver of {of} may use.", advanced=True)
