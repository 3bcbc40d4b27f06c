"""Columns that name the label: a plate or a batch of its own for each label, or the label in other words."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.checks.label_column import label_texts

if TYPE_CHECKING:
    import pandas as pd

# A column that is called so says where or when a cell was measured.
BATCH_NAMES = re.compile(
    r"(^|[^a-z])(batch|plate|donor|sample|replicate|rep|lane|library|lib|run|chip|pool|slide|day|date|site|patient|"
    r"experiment|well|orig[._]?ident)([^a-z]|$|\d|_?id$)",
    re.IGNORECASE,
)
# A well holds one label by design: several wells of a label are replicates of it, not another name of it.
_WELL_NAMES = re.compile(r"(^|[^a-z])well([^a-z]|$|\d|_?id$)", re.IGNORECASE)
# A column that is called so says the label in other words, or more or less finely: what was done to a cell, its type.
_LABEL_NAMES = re.compile(
    r"label|perturb|guide|s?grna|(^|[^a-z])(gene|target|barcode|hto|hash|fine|coarse|sub|l\d|moa|group|class|arm)"
    r"([^a-z]|$|s$|\d|_?id$)|condition|treat|stim|drug|compound|dose|conc|mechanism|cell[ ._-]?(type|class|line|state)|"
    r"cluster|leiden|louvain|snn_res|annot|predict|lineage|subtype|singler|voting|knock|mutation|genotype|"
    r"vector|construct|cytokine|ligand|antibody|inhibitor|(?<!orig[._])(?<!orig)ident|disease|phenotype|diagnosis|status",
    re.IGNORECASE,
)
# How much of the way from always naming the largest label to naming every label a column must go.
TOLD = 0.95
FEWEST_OF_VALUE = 5  # cells of each value on average; with fewer, a column numbers cells
SHORTEST_SHARED = 3  # characters by which a value and a label are akin: STAT1_g2 and STAT1, but not P1 and P


class Relation(enum.Enum):
    """What a column that names the label is to it."""

    BATCH = "a batch"
    LABEL = "the label in other words"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class NamingColumn:
    """A column whose values name the label.

    Parameters
    ----------
    name
        Of the column.
    relation
        What it is to the label, judged by its name and its values.
    n_named, n_cells
        Cells whose label it names, of all that have a label.
    """

    name: str
    relation: Relation
    n_named: int
    n_cells: int


def is_technical(name: str) -> bool:
    """Whether a column's name says that it holds a batch or the like."""
    return BATCH_NAMES.search(name[:200]) is not None


def group_columns(obs: pd.DataFrame) -> dict[str, list[str | None]]:
    """The columns of ``obs`` that group its cells, as text ``(n_cells,)``: several cells have each of their values."""
    most = len(obs) / FEWEST_OF_VALUE
    return {str(key): label_texts(obs[key]).tolist() for key in obs.columns if 1 < obs[key].nunique() <= most}


def naming_columns(
    labels: Sequence[str | None], columns: Mapping[str, Sequence[str | None]]
) -> tuple[NamingColumn, ...]:
    """The columns that name the labels ``(n_cells,)`` of nearly all cells, the best first.

    A batch names the label if each of its values holds one label. Any other column must be the same partition of the
    cells, value by value: a finer one, such as the guides of a gene, or one that is crossed with the labels is none.

    Parameters
    ----------
    columns
        Columns of the cells as text ``(n_cells,)``, without the label's own.
    """
    found = (_naming(labels, name, values) for name, values in columns.items())
    return tuple(sorted((each for each in found if each is not None), key=lambda each: -each.n_named))


def check_confounding(
    labels: Sequence[str | None], columns: Mapping[str, Sequence[str | None]], *, name: str, label_key: str
) -> tuple[Finding, ...]:
    """A warning for the column that names the labels ``(n_cells,)`` best, if one does and is not the label itself.

    Parameters
    ----------
    columns
        Columns of the cells as text ``(n_cells,)``.
    """
    others = {column: values for column, values in columns.items() if column != label_key}
    found = [each for each in naming_columns(labels, others) if each.relation is not Relation.LABEL]
    if not found:
        return ()
    best = next((each for each in found if each.relation is Relation.BATCH), found[0])
    problem = (
        f"{display(name, 40)}: column {display(best.name)} names the label ({display(label_key)}) of "
        f"{best.n_named:,} of {best.n_cells:,} cells"
    )
    if best.relation is Relation.BATCH:
        problem += ", so the label is confounded with it."
        return (warning("PM-L24", problem, "A classifier may learn the batch: use batches that hold several labels."),)
    problem += ". If it says where or when cells were measured, the label is confounded with this batch."
    hint = "Use batches that hold several labels. Nothing is wrong if the column is the label in other words."
    return (warning("PM-L24", problem, hint),)


def _naming(labels: Sequence[str | None], name: str, values: Sequence[str | None]) -> NamingColumn | None:
    pairs, n_cells = _counted(values, labels), sum(map(bool, labels))
    n = pairs.total()
    of_value, largest = len({value for value, _ in pairs}), max(_sums(pairs).values(), default=0)
    if of_value < 2 or n == largest or n < max(FEWEST_OF_VALUE * of_value, TOLD * n_cells):
        return None
    relation = _relation(name, pairs)
    best, best_value = _best(pairs)
    if relation is not Relation.BATCH or _WELL_NAMES.search(name[:200]):
        best = {value: label for value, label in best.items() if best_value[label] == value}
    n_named = sum(pairs[value, label] for value, label in best.items())
    return NamingColumn(name, relation, n_named, n_cells) if n_named - largest >= TOLD * (n - largest) else None


def _counted(values: Sequence[str | None], labels: Sequence[str | None]) -> Counter[tuple[str, str]]:
    """Cells of each value and label, in the order in which pairs of them come first; without what is missing."""
    import pandas as pd  # takes a third of a second: only where labels are read

    (value_at, value_names), (label_at, label_names) = (
        pd.factorize(np.array([each or None for each in texts], dtype=object)) for texts in (values, labels)
    )
    is_pair = (value_at >= 0) & (label_at >= 0)
    pair_at, pairs = pd.factorize(value_at[is_pair] * len(label_names) + label_at[is_pair])
    counts = np.bincount(pair_at, minlength=len(pairs)).tolist()
    named = ((value_names[at // len(label_names)], label_names[at % len(label_names)]) for at in pairs.tolist())
    return Counter(dict(zip(named, counts, strict=True)))


def _best(pairs: Counter[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """For each value the label that most of its cells have, and for each label the value."""
    label_of, value_of = {}, {}
    for (value, label), _ in sorted(pairs.items(), key=lambda each: each[1]):  # the largest is the last
        label_of[value], value_of[label] = label, value
    return label_of, value_of


def _sums(pairs: Counter[tuple[str, str]]) -> Counter[str]:
    """Cells of each label."""
    found: Counter[str] = Counter()
    for (_, label), n in pairs.items():
        found[label] += n
    return found


def _relation(name: str, pairs: Counter[tuple[str, str]]) -> Relation:
    equal = sum(n for (value, label), n in pairs.items() if _folded(value) == _folded(label))
    if 2 * equal >= pairs.total():
        return Relation.LABEL
    says_label = _LABEL_NAMES.search(name[:200]) is not None
    if is_technical(name):  # a sample_condition may be either
        return Relation.UNKNOWN if says_label else Relation.BATCH
    akin = sum(n for (value, label), n in pairs.items() if _are_akin(_folded(value), _folded(label)))
    return Relation.LABEL if says_label or 2 * akin >= pairs.total() else Relation.UNKNOWN


def _folded(text: str) -> str:
    return re.sub(r"[^0-9a-z]+", "", text[:200].casefold())


def _are_akin(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORTEST_SHARED and shorter in longer
