"""A second solver as witness: one label's plan beside that of POT, an independent library, for the same costs.

The engine is this project's own code, and its certificate rests on that code too. POT's log-domain Sinkhorn iteration,
and its network simplex for exact transport, share no line with it. They store all pairs, so they can judge labels of a
few thousand cells.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.match import label_problems
from psmatch_core.matching.matchers import ExactMatcher, Matcher
from psmatch_core.matching.matchers.entropic_matcher import EntropicMatcher
from psmatch_core.transport.kernels.costs import distances

WITNESSED = (EntropicMatcher, ExactMatcher)  # strategies whose problem POT solves in the same form
MOST_PAIRS = 4_000_000  # 2,000 × 2,000 cells: 32 MB for each matrix, and about 0.2 s for each of POT's iterations
_VISITS = 2_000_000_000  # pairs that POT visits at most: some minutes
_MOST_ITERATIONS, _FEWEST_ITERATIONS = 50_000, 200
_TOLERANCE = 1e-8  # POT's own measure of the error of the columns


@dataclass(frozen=True)
class WitnessedPlan:
    """One of the two plans, measured in float64 over all pairs.

    Parameters
    ----------
    cost
        ⟨C, P⟩, units of cost.
    objective
        What the method minimises, units of cost: ⟨C, P⟩ + ε KL(P ‖ a bᵀ), or the cost alone for exact transport.
    marginal_error
        L1 distance of both marginals from uniform ones, of mass 1.
    mass
        Sum of all entries.
    seconds
        Wall time of the solve.
    """

    cost: float
    objective: float
    marginal_error: float
    mass: float
    seconds: float


@dataclass(frozen=True)
class Witness:
    """The plan of one label as the program found it, and as POT did.

    Parameters
    ----------
    label
        Its name.
    n_source, n_target
        Its cells in each modality.
    epsilon
        Units of cost; NaN for exact transport.
    program, pot
        The stored plan, for which the label is solved again to measure the time, and POT's plan.
    total_variation
        Share of the mass that lies on other pairs, ``½ Σ |P − Q|``, from 0 to 1.
    largest_difference
        The largest difference of an entry, in units of the mass of a source cell, 1 / n.
    """

    label: str
    n_source: int
    n_target: int
    epsilon: float
    program: WitnessedPlan
    pot: WitnessedPlan
    total_variation: float
    largest_difference: float

    def table(self) -> pd.DataFrame:
        """One row per figure: program, POT, and their difference."""
        rows = [
            ("cost", self.program.cost, self.pot.cost),
            ("objective", self.program.objective, self.pot.objective),
            ("marginal_error", self.program.marginal_error, self.pot.marginal_error),
            ("mass", self.program.mass, self.pot.mass),
            ("seconds", self.program.seconds, self.pot.seconds),
        ]
        table = pd.DataFrame(rows, columns=["figure", "program", "pot"])
        return table.assign(difference=table["program"] - table["pot"])

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        return (
            f"The program's plan and POT's differ in {self.total_variation:.2g} of their mass; the largest difference "
            f"of one pair is {self.largest_difference:.2g} of a source cell's mass. Differences up to the marginal "
            f"errors ({self.program.marginal_error:.1g} and {self.pot.marginal_error:.1g}) are expected."
        )


def witness(coupling: Coupling, label: str, matcher: Matcher, *, seed: int = 0, progress: Progress = silent) -> Witness:
    """Solve one label again by POT and compare the two plans.

    Parameters
    ----------
    coupling
        The matching.
    label
        A label with a plan.
    matcher
        The strategy that made the coupling: entropic transport between scores or shared features, or exact transport.
    seed
        Of the run.

    Returns
    -------
    Both plans, measured in the same way.

    Raises
    ------
    PsmatchError
        If the label has no plan, is too large, or the strategy is not one that POT solves in the same form.

    Source: Flamary et al., JMLR 22 (2021), POT: ``ot.sinkhorn`` with method ``sinkhorn_log``, and ``ot.emd``.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> psmatch.witness(coupling, "STAT1", psmatch.SinkhornMatcher()).n_source
    81
    """
    block = coupling[label]
    n, m = block.shape
    if not isinstance(matcher, WITNESSED):
        raise PsmatchError(
            f"{type(matcher).__name__} is not compared with POT: only entropic and exact transport with uniform "
            "marginals have one solution that two solvers must share.",
            hint="Match with SinkhornMatcher, SharedSpaceMatcher or ExactMatcher.",
        )
    if n * m > MOST_PAIRS:
        raise PsmatchError(
            f"Label {label}: POT stores all {n:,} × {m:,} pairs and would take many minutes; the limit is "
            f"{MOST_PAIRS:,} pairs.",
            hint="Choose a smaller label, or match a random part of this one.",
        )
    (status,) = (each for each in coupling.statuses if each.label == label)
    if status.outcome is Outcome.CLOSED_FORM:
        raise PsmatchError(
            f"Label {label} was not solved: {status.message}.", hint="Choose a label with several cells on each side."
        )
    epsilon = status.epsilon  # NaN for exact transport
    (problem,) = label_problems(coupling.source, coupling.target, [label], seed, with_features=matcher.needs_features)
    progress(Event("witness", 0.0, f"label {label}: solving again"))
    started = time.perf_counter()
    matcher.couple(problem, progress=silent)
    seconds = time.perf_counter() - started
    cost = distances(*matcher.points(problem), matcher.cost)
    progress(Event("witness", 0.1, f"label {label}: POT"))
    started = time.perf_counter()
    theirs = _solve_by_pot(cost, epsilon)
    pot = _measured(theirs, cost, epsilon, time.perf_counter() - started)
    ours = np.asarray(block.to_array(), dtype=np.float64)
    return Witness(
        label=label,
        n_source=n,
        n_target=m,
        epsilon=epsilon,
        program=_measured(ours, cost, epsilon, seconds),
        pot=pot,
        total_variation=float(np.abs(ours - theirs).sum() / 2),
        largest_difference=float(np.abs(ours - theirs).max() * n),
    )


def _solve_by_pot(cost: np.ndarray, epsilon: float) -> np.ndarray:
    """POT's plan between uniform marginals, ``(n, m)``; exact where epsilon is NaN."""
    import ot  # slow to import, and only a witness needs it

    n, m = cost.shape
    a, b = np.full(n, 1 / n), np.full(m, 1 / m)
    if np.isnan(epsilon):
        return np.asarray(ot.emd(a, b, cost, numItermax=10_000_000))
    most = int(np.clip(_VISITS // cost.size, _FEWEST_ITERATIONS, _MOST_ITERATIONS))
    settings = {"method": "sinkhorn_log", "numItermax": most, "stopThr": _TOLERANCE, "warn": False}
    return np.asarray(ot.sinkhorn(a, b, cost, epsilon, **settings))


def _measured(plan: np.ndarray, cost: np.ndarray, epsilon: float, seconds: float) -> WitnessedPlan:
    n, m = plan.shape
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    total, mass = float((plan * cost).sum()), float(plan.sum())
    objective = total
    if np.isfinite(epsilon):
        some = plan > 0
        objective += epsilon * float((plan[some] * np.log(plan[some] * (n * m))).sum() - mass + 1)
    error = float(np.abs(rows - 1 / n).sum() + np.abs(columns - 1 / m).sum())
    return WitnessedPlan(total, objective, error, mass, seconds)
