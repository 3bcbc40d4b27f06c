"""match_features: which feature of one modality goes with which of the other, given who goes with whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.data.feature_names import with_ids
from psmatch_core.data.modality import Modality
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.scaled_features import PREPARED, carry_features
from psmatch_core.transport.options import SolveOptions

LARGEST_PLAN = 10_000_000  # pairs of features: 80 MB an array, and a minute for its singular values
LEAST_SPREAD = 1e-9  # correlations that differ by less are rounding: the coupling tells no cell from another
TOLERANCE, ITERATIONS = 1e-3, 10_000  # of the plan's marginals (L1, of mass 1), and after so many it is not converged


@dataclass(frozen=True)
class FeatureRules(Config):
    """How features are matched, and against which chance the result is held."""

    solver: str = option(
        "entropic", choices=("entropic", "exact"), help="A plan with some spread, or with as few partners as possible."
    )
    epsilon: float = option(
        0.5,
        above=0,
        maximum=1e6,
        unit="× spread of the cost",
        help="Entropic regularisation: small is sharp (few partners a feature), large is smooth.",
    )
    scaling: str = option(
        "all cells",
        choices=("all cells", "within labels"),
        help="all cells: features are z-scored over all matched cells, so that differences between labels count; "
        "within labels: each label is centred first, so that only what the matching found inside labels counts.",
    )
    null: str = option(
        "within labels",
        choices=("within labels", "all cells"),
        help="Which target cells change places in a permutation: those of one label, which asks what the matching "
        "knows beyond the labels, or all, which asks what labels and matching know together.",
    )
    statistic: str = option(
        "correlation",
        choices=("correlation", "weight"),
        help="What is compared with the permutations: the correlation of two features under the matching, or their "
        "weight in the plan, which is bounded and therefore blunt where the plan is sharp.",
        advanced=True,
    )
    n_permutations: int = option(
        500, minimum=0, maximum=100_000, unit="permutations", help="The smallest p-value is 1 over one more than these."
    )


@dataclass(frozen=True, eq=False)
class FeatureMatching(HtmlSummary):
    """A plan between the features of two modalities, with what chance would have given.

    Parameters
    ----------
    source, target
        Names of the modalities.
    source_features, target_features
        Names of the features that vary, ``(p,)`` and ``(q,)``.
    plan
        V ``(p, q)``, mass 1.
    correlation
        Correlation of each pair over the matched cells, weighted by the coupling, ``(p, q)``.
    null_source, null_target
        The largest statistic of each feature in each permutation, ``(n_permutations, p)`` and ``(…, q)``.
    epsilon
        Of the plan, in units of correlation; 0 where it is exact.
    converged, error
        Whether the plan is solved, and the L1 error of its marginals (exact: how far its cost may be above the best).
    left_out
        Features without variance, as (modality, feature).
    rules, seed
        What was asked.
    source_ids, target_ids
        Id of each feature by its name, where the files have ids.
    """

    source: str
    target: str
    source_features: np.ndarray
    target_features: np.ndarray
    plan: np.ndarray = field(repr=False)
    correlation: np.ndarray = field(repr=False)
    null_source: np.ndarray = field(repr=False)
    null_target: np.ndarray = field(repr=False)
    epsilon: float
    converged: bool
    error: float
    left_out: tuple[tuple[str, str], ...]
    rules: FeatureRules
    seed: int
    source_ids: Mapping[str, str] = field(default_factory=dict, repr=False)
    target_ids: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def statistic(self) -> np.ndarray:
        """What is compared with the permutations, ``(p, q)``."""
        return self.correlation if self.rules.statistic == "correlation" else self.plan

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything the user must know."""
        notes = []
        if not self.correlation.any():
            notes.append("The coupling tells no cell from another here: all pairs of features are alike.")
        if not self.converged:
            notes.append(f"The plan of the features is not converged (error {self.error:.2g}); raise epsilon.")
        for side in dict.fromkeys(side for side, _ in self.left_out):
            n = sum(each == side for each, _ in self.left_out)
            notes.append(f"{side}: {plural(n, 'feature')} without variance among the matched cells left out.")
        if not self.rules.n_permutations:
            notes.append("No permutations were asked for: there are no p-values.")
        return tuple(notes)

    def table(self, *, of: str = "target", top: int = 5) -> pd.DataFrame:
        """The heaviest partners of each feature, features with the strongest evidence first.

        Parameters
        ----------
        of
            ``target``: each target feature with its source features; ``source``: the other way.
        top
            Partners of each.

        Returns
        -------
        Columns ``feature``, ``rank`` (1 is the heaviest), ``partner``, ``weight`` (share of the feature's mass),
        ``fold`` (weight over that of a uniform plan), ``correlation``, ``p_value``, ``q_value``. The p-value holds a
        pair against the best partner that the feature found in each permutation, so that the search is paid for; the
        q-value is Benjamini and Hochberg's over features, for each feature's first partner, NaN elsewhere. Ids of the
        files stand in ``feature_id`` and ``partner_id``.
        """
        is_target = of == "target"
        names, partners = self.target_features, self.source_features
        plan, correlation, statistic, null = self.plan.T, self.correlation.T, self.statistic.T, self.null_target
        if not is_target:
            names, partners = partners, names
            plan, correlation, statistic, null = plan.T, correlation.T, statistic.T, self.null_source
        share = plan / plan.sum(axis=1, keepdims=True)  # (features, partners)
        order = np.lexsort((-correlation, -np.round(share, 9)), axis=1)[:, :top]  # equal weights: by correlation
        at = np.take_along_axis
        p = _p_values(at(statistic, order, axis=1), null)
        q = np.full(p.shape, np.nan)
        if len(null):
            from scipy.stats import false_discovery_control

            q[:, 0] = false_discovery_control(p[:, 0], method="bh")
        shown, best = at(correlation, order, axis=1), at(share, order, axis=1)
        ranks = np.arange(1, order.shape[1] + 1)
        strength = np.lexsort((-at(statistic, order, axis=1)[:, 0], np.nan_to_num(p[:, 0], nan=1.0)))
        columns = {
            "feature": np.repeat(names[strength], ranks.size),
            "rank": np.tile(ranks, names.size),
            "partner": partners[order[strength]].ravel(),
            "weight": best[strength].ravel(),
            "fold": best[strength].ravel() * partners.size,
            "correlation": shown[strength].ravel(),
            "p_value": p[strength].ravel(),
            "q_value": q[strength].ravel(),
        }
        table, (ids, others) = pd.DataFrame(columns), (self.target_ids, self.source_ids)[:: 1 if is_target else -1]
        return with_ids(with_ids(table, ids), others, "partner")

    def __repr__(self) -> str:
        p, q = self.plan.shape
        return f"FeatureMatching({p:,} features of {self.source} × {q:,} of {self.target})"


def match_features(
    coupling: Coupling,
    source_features: Modality,
    target_features: Modality,
    rules: FeatureRules | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> FeatureMatching:
    """Match the features of two modalities, their cells being matched.

    With the plans T of the cells given, the plan V of the features solves one optimal transport at the cost
    (X²)ᵀ w₁ 1ᵀ + 1 ((Y²)ᵀ w₂)ᵀ − 2 Xᵀ T Y, uniform over features; with z-scored features the cost is 2 − 2 × their
    correlation over the matched cells. Numbers of cells and of features may differ.

    Chance: target cells change places within their label (or among all cells) while the plans of the cells, the
    features' scaling and everything else stay. What depends on labels alone is thus the same in every permutation.
    A matching that was found from these very features has already looked at them: then a small p-value says that the
    matching rests on the pair, and not that the pair is confirmed (docs/method.md).

    Parameters
    ----------
    coupling
        The matched cells.
    source_features, target_features
        The same cells in the same order, with the features to match: as a biologist reads them, not their principal
        components.
    rules
        How; the default :class:`FeatureRules` unless given.

    Returns
    -------
    The plan of the features, their correlations over matched cells, and p-values.

    Raises
    ------
    PsmatchError
        Where the cells are others than the coupling's, nothing is matched or varies, or there are too many features.

    Source: Ryu et al. 2025 (feature matching); the permutations are ours.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> psmatch.match_features(coupling, source, target, psmatch.FeatureRules(n_permutations=20))
    FeatureMatching(200 features of RNA × 60 of Image)
    """
    rules = rules or FeatureRules()
    for side, given in ((coupling.source, source_features), (coupling.target, target_features)):
        if not np.array_equal(side.modality.obs_names, given.obs_names):
            raise PsmatchError(
                f"{given.name}: its {given.n_cells:,} cells are not the {side.modality.n_cells:,} of the coupling.",
                hint="Give the modality that was matched, with its cells in the same order.",
            )
    n_pairs = source_features.n_features * target_features.n_features
    if n_pairs > LARGEST_PLAN:
        raise PsmatchError(
            f"A plan of {source_features.n_features:,} × {target_features.n_features:,} features has {n_pairs:,} "
            f"pairs; the limit is {LARGEST_PLAN:,}.",
            hint="Keep fewer features on one side, such as the 2,000 most variable genes.",
        )
    labels = coupling.labels
    if not labels:
        raise PsmatchError("No label has a plan: no features can be matched.", hint="Look at the labels' statuses.")
    Z, Y, keep_x, keep_y = carry_features(
        coupling, source_features, target_features, scaling=rules.scaling, progress=progress
    )
    stacked = np.concatenate(Y)  # (m, q)
    progress(Event("features", PREPARED, "plan of the features"))
    correlation = Z.T @ stacked  # Xᵀ T Y
    from psmatch_core.transport.joint.coot import feature_plan  # brings numba, which a config must not
    from psmatch_core.transport.joint.inner_products import cost_spread, factorize

    unit = cost_spread(*factorize(correlation))
    is_blank = unit < LEAST_SPREAD
    correlation = np.zeros_like(correlation) if is_blank else correlation
    epsilon = 0.0 if rules.solver == "exact" and not is_blank else rules.epsilon * (1.0 if is_blank else unit)
    options = SolveOptions(TOLERANCE, max_iterations=ITERATIONS, seed=derived_seed(seed, "features"))
    found = feature_plan(correlation, epsilon, options=options)
    groups = np.repeat(np.arange(len(Y)), [len(each) for each in Y])
    if rules.null == "all cells":
        groups = np.zeros_like(groups)
    null_x, null_y = np.empty((rules.n_permutations, Z.shape[1])), np.empty((rules.n_permutations, stacked.shape[1]))
    for turn in range(rules.n_permutations):
        chance = Z.T @ stacked[_shuffled(groups, stream(seed, "features", turn))]
        if rules.statistic == "weight":
            chance = feature_plan(chance, epsilon, options=options).dense()
        null_x[turn], null_y[turn] = chance.max(axis=1), chance.max(axis=0)
        share = PREPARED + (1 - PREPARED) * (turn + 1) / rules.n_permutations
        progress(Event("features", share, f"permutation {turn + 1} of {rules.n_permutations:,}"))
    progress(Event("features", 1.0))
    sides = ((source_features, keep_x), (target_features, keep_y))
    return FeatureMatching(
        source=source_features.name,
        target=target_features.name,
        source_features=source_features.var_names[keep_x],
        target_features=target_features.var_names[keep_y],
        plan=found.dense(),
        correlation=correlation,
        null_source=null_x,
        null_target=null_y,
        epsilon=epsilon,
        converged=found.converged,
        error=found.error,
        left_out=tuple((side.name, str(name)) for side, keep in sides for name in side.var_names[~keep]),
        rules=rules,
        seed=seed,
        source_ids=source_features.id_by_name,
        target_ids=target_features.id_by_name,
    )


def _shuffled(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation of the cells that leaves each in its group; ``groups`` is sorted."""
    return np.lexsort((rng.random(groups.size), groups))


def _p_values(statistic: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Share of permutations in which a feature's best partner did as well, itself counted; ``(features, k)``.

    Source: Westfall and Young 1993, single-step maxT; the added one: Phipson and Smyth 2010.
    """
    if not len(null):
        return np.full(statistic.shape, np.nan)
    reached = null[:, :, None] >= statistic[None] - 1e-12  # (permutations, features, k)
    return np.asarray((1 + reached.sum(axis=0)) / (1 + len(null)))
