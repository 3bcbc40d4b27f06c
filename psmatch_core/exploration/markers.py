"""Markers of a group of cells in both modalities, and how much of each difference the matching itself contributes.

The difference of two groups in a feature has two parts. The part of the labels follows from which labels the groups
are made of: it is what a uniform plan gives, without any matching. The part within labels is the rest. For projected
features it is all that the plan contributes, and it is compared with plans whose rows, and whose columns, are shuffled
within labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.threads import one_thread
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.centred_values import weighted_auroc
from psmatch_core.exploration.contrast import NONE, contrast_of
from psmatch_core.exploration.marker_statistics import measured_statistics, projected_statistics
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.coupling import Coupling

RESAMPLES = 100  # bootstrap samples, and shuffled plans
WITH_AUROC = 100  # first features of each modality whose AUROC is computed
FALSE_SHARE_OF_MARKERS = 0.05  # q below which a part within labels is called a finding
MEASURED, PROJECTED = "measured", "projected"
NOT_INDEPENDENT = (
    "Cells of one label, and matches that share partners, are not independent: the p-value over labels, which takes "
    "labels as units, is the stricter one."
)
NOT_CORRECT = (
    "A part within labels that is not chance shows that the plan sends the two groups to different cells, not that it "
    "sends them to the right ones."
)
CHOSEN_BY_FEATURES = (
    "Cells that were drawn on a map were chosen by the features themselves: p-values of such groups are too small."
)
MARKER_COLUMNS = (
    "modality", "values", "feature", "group_mean", "against_mean", "effect", "effect_low", "effect_high", "auroc",
    "label_part", "within_part", "within_low", "within_high", "p_within", "q_within", "p_labels", "q_labels",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Markers:
    """The features that distinguish two groups of cells, in both modalities.

    Parameters
    ----------
    side
        Where the groups were chosen.
    group, against
        What they are called.
    n_cells
        Cells of both groups.
    units
        How labels were compared: ``within labels``, ``between labels``, or empty with fewer than five.
    n_labels
        Labels that were compared.
    table
        One row per feature, ranked within each modality by the end of the interval of its effect that is nearer to 0.
        ``effect`` and the parts of it, ``label_part`` and ``within_part``, are in standard deviations within labels of
        the measured feature, with 95% intervals; ``auroc`` is how often a cell (or a match) of the group has the larger
        value, NaN below the first 100; ``p_within`` is from cells shuffled within labels (rows and
        columns of the plan for projected values, the larger p), ``p_labels`` from a t test
        with labels as units, and q-values are theirs by Benjamini and Hochberg within a modality.
    notes
        What the user must know.
    """

    side: str
    group: str
    against: str
    n_cells: tuple[int, int]
    units: str
    n_labels: int
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()

    def of(self, values: str) -> pd.DataFrame:
        """The rows of the ``measured`` or of the ``projected`` modality, ranked."""
        return self.table[self.table["values"] == values].reset_index(drop=True)

    def finding(self) -> str:
        """One sentence: what the matching contributes to the markers in the other modality."""
        projected = self.of(PROJECTED)
        n = int((projected["q_within"] < FALSE_SHARE_OF_MARKERS).sum())
        modality = projected["modality"].iloc[0] if len(projected) else "the other modality"
        if (projected["p_within"].dropna() == 1).all():
            return "The groups are whole labels: a matching adds nothing to what the label says"
        if not n:
            return f"The matching adds nothing that differs from chance to the label in {modality}"
        first = projected[projected["q_within"] < FALSE_SHARE_OF_MARKERS]["feature"].iloc[0]
        return f"The matching separates the groups in {n:,} of {len(projected):,} {modality} features, {first} first"


def find_markers(
    coupling: Coupling,
    sides: tuple[Modality, Modality],
    group: Selection,
    against: Selection | None = None,
    *,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
) -> Markers:
    """Compare two groups of cells in all features of both modalities.

    Parameters
    ----------
    sides
        Source and target with readable features, before z-scoring and PCA; rows as in the coupling.
    against
        The second group; all other matched cells of the modality unless given.
    n_resamples
        Bootstrap samples, and shuffled plans, at least 20.

    Returns
    -------
    The features of both modalities, ranked.

    Raises
    ------
    PsmatchError
        If the groups cannot be compared (:func:`~psmatch_core.exploration.contrast.contrast_of`).

    Source: Benjamini and Hochberg 1995 (q-values); Efron and Tibshirani 1993, chapter 6 (standard errors from about a
    hundred samples); Owen 2007, The pigeonhole bootstrap (both sides of a plan are drawn again).

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> coupling = psmatch.match(*(psmatch.fit_propensity(each, quick) for each in (source, target)))
    >>> stat1 = psmatch.Selection("source", (source.labels == "STAT1").nonzero()[0], name="STAT1")
    >>> psmatch.find_markers(coupling, (source, target), stat1).finding()
    'The groups are whole labels: a matching adds nothing to what the label says'
    """
    if n_resamples < 20:
        raise PsmatchError(f"At least 20 resamples are needed, got {n_resamples}.", hint="Use the default of 100.")
    contrast = contrast_of(coupling, group, against)
    own, other = sides if group.side == SIDES[0] else sides[::-1]
    with one_thread():  # small products, in which two threads mostly wait for each other
        found = {
            MEASURED: measured_statistics(contrast, own),
            PROJECTED: projected_statistics(contrast, other, n_resamples=n_resamples, seed=seed),
        }
    tables = []
    for (values, (statistics, carried)), modality in zip(found.items(), (own, other), strict=True):
        table = statistics.assign(modality=modality.name, values=values, feature=modality.var_names, auroc=np.nan)
        nearer = np.maximum(np.abs(table["effect"]) - (table["effect_high"] - table["effect_low"]) / 2, 0.0)
        order = np.lexsort((-np.abs(table["effect"].fillna(0)), -nearer.fillna(-1)))
        first = order[:WITH_AUROC]
        table.loc[first, "auroc"] = weighted_auroc(modality.X[:, first], carried)
        tables.append(table.iloc[order])
    units, labels = contrast.label_units()
    chosen_by_hand = any("map" in each.origin for each in (group, against) if each is not None)
    notes = [*contrast.notes, NOT_INDEPENDENT, NOT_CORRECT, *([CHOSEN_BY_FEATURES] if chosen_by_hand else [])]
    if units == NONE:
        notes.append("Fewer than five labels can be compared, so there is no p-value over labels.")
    return Markers(
        side=group.side,
        group=group.name or group.origin or "selected cells",
        against="all other cells" if against is None else against.name or against.origin or "other cells",
        n_cells=contrast.n_cells,
        units=units,
        n_labels=sum(each.size for each in labels),
        table=pd.concat(tables, ignore_index=True)[list(MARKER_COLUMNS)],
        notes=tuple(notes),
    )
