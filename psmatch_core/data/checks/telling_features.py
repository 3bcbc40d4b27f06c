"""Features that name the label: a copy of it, the counts of guides or tags, features that are called like labels.

A marker of a cell type tells a cell's type too, but it is one of many and leaves cells out. What gives a label away are
few features that name nearly every cell: one feature with a value for each label, or a few features for each label, of
which a cell has one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.errors import plural, some
from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.names.screen_names import DOUBTFUL, EXPLICIT, stem_of

NAMED = 0.95  # the share of cells whose label must be named
FEWEST_OF_LABEL = 5  # of a label: fewer have a feature of their own by chance
MOST_OF_A_LABEL = 12  # features: a gene has up to ten guides, and a cell type of its own has dozens of markers
# The share of a feature's squares that lies in one label: guides found in other cells have low counts there. The higher
# one goes first, since strong effects make genes of a label too.
PURE = (0.97, 0.9, 0.75)
MOSTLY = 0.8  # the share of a cell's features of one label that is one of them, and of cells of which this holds
ALWAYS = 0.99  # the share of a label's cells in which a feature must be on that is never on elsewhere
EXPLAINED, MOST_LOOKED_AT = 0.7, 50  # variance of a feature between labels, and how many such features are looked at
MOST_MARKED = 3  # labels that one marker can name; more of them only a feature made from the label
MOST_CANDIDATES = 2000  # features whose values are read a second time
LARGEST_READ = 8_000_000  # of their values are looked at: 64 MB; of larger data every second, third … cell


@dataclass(frozen=True)
class Moments:
    """Means and mean squares of each feature in each label, ``(n_labels, n_features)``, of sign(x) log(1 + |x|).

    Parameters
    ----------
    labels
        The labels ``(n_labels,)``.
    counts
        Cells of each ``(n_labels,)``.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.float64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]


@dataclass(frozen=True)
class Telling:
    """Features that together name the label.

    Parameters
    ----------
    by_label
        For a label, the features that name it.
    n_named, n_cells
        Cells whose label they name, of those that have one of these labels and were looked at.
    """

    by_label: Mapping[str, tuple[str, ...]]
    n_named: int
    n_cells: int

    @property
    def features(self) -> list[str]:
        return list(dict.fromkeys(each for found in self.by_label.values() for each in found))


def telling_features(
    labels: Sequence[str | None],
    moments: Moments | None,
    names: Sequence[str],
    *,
    read: Callable[[NDArray[np.intp]], Any],
) -> Telling | None:
    """What names the label, if something does.

    Parameters
    ----------
    labels
        Of each cell ``(n_cells,)``.
    moments
        Of all features; None if they are too many to be judged.
    names
        Of all features.
    read
        Gives the values of some features, by their places, ``(n_read, n_places)``: of all cells or of the first ones.
    """
    if moments is None:
        return None
    groupings = (_called_like(moments.labels, names), *(_pure(moments, share) for share in PURE))
    places = {at for grouping in groupings for group in grouping.values() for at in group}
    chosen = np.array(sorted({*_explained(moments), *places})[:MOST_CANDIDATES], dtype=np.intp)
    if not chosen.size:
        return None
    values = read(chosen)
    step = max(1, -(-values.shape[0] * chosen.size // LARGEST_READ))
    values, labels = values[::step], labels[: values.shape[0] : step]
    x = np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
    place = {int(at): column for column, at in enumerate(chosen)}
    code = {name: at for at, name in enumerate(moments.labels)}
    y = np.array([code.get(each or "", -1) for each in labels])
    x, y = x[y >= 0], y[y >= 0]
    if not np.isfinite(x).all():  # refused or mended on its own
        return None
    with np.errstate(all="ignore"):
        x = np.sign(x) * np.log1p(np.abs(x))
    found = _by_one(x, y, moments, [str(names[at]) for at in chosen])
    grouped = [
        {code[label]: [place[at] for at in group if at in place] for label, group in grouping.items()}
        for grouping in groupings
    ]
    for at, groups in enumerate((grouped[0], _only_in_one(x, y, _n_pure(moments)), *grouped[1:])):
        named = _by_groups(x, y, {each: group for each, group in groups.items() if group})
        if found is None and named is not None and (at < 2 or _are_switches(x, y, groups)):
            by_label = {
                moments.labels[each]: tuple(str(names[chosen[at]]) for at in _own(x, y == each, group))
                for each, group in groups.items()
            }
            found = Telling(by_label, *named)
    return found


def check_telling_features(found: Telling | None, *, name: str, label_key: str) -> tuple[Finding, ...]:
    """A warning that says which features name the label."""
    if found is None:
        return ()
    features = found.features
    what = f"{plural(len(features), 'feature')} ({some([display(each, 20) for each in features], 3)})"
    verb = "names" if len(features) == 1 else "name"
    problem = (
        f"{display(name, 40)}: {what} {verb} the label ({display(label_key, 20)}) of "
        f"{found.n_named:,} of {found.n_cells:,} cells: a classifier reads the label itself (leakage)."
    )
    hint = "Leave them out, or choose one type of features. Nothing is wrong if each is the marker of a cell type."
    return (warning("PM-L30", problem, hint),)


def _explained(moments: Moments) -> list[int]:
    """The features of which the label explains most of the variance, at most :data:`MOST_LOOKED_AT`."""
    n = moments.counts.sum()
    whole = moments.sums.sum(axis=0) ** 2 / n
    with np.errstate(all="ignore"):
        share = ((moments.sums**2 / moments.counts[:, None]).sum(axis=0) - whole) / (
            moments.squares.sum(axis=0) - whole
        )
    share = np.nan_to_num(share, nan=0.0, posinf=0.0, neginf=0.0)
    best = np.argsort(-share)[:MOST_LOOKED_AT]
    return best[share[best] >= EXPLAINED].tolist()


def _pure(moments: Moments, share: float) -> dict[str, list[int]]:
    """For each label, the features of which it has nearly everything; nothing if they are too many to be guides."""
    total = moments.squares.sum(axis=0)
    of = moments.squares.argmax(axis=0)
    is_pure = (total > 0) & (moments.squares.max(axis=0) >= share * total)
    groups = {label: np.flatnonzero(is_pure & (of == at)).tolist() for at, label in enumerate(moments.labels)}
    groups = {label: found for label, found in groups.items() if found}
    return groups if sum(map(len, groups.values())) <= MOST_OF_A_LABEL * max(1, len(groups)) else {}


def _called_like(labels: Sequence[str], names: Sequence[str]) -> dict[str, list[int]]:
    """For each label, the features that are called like it, as the guides STAT1_g1 and sgSTAT1-2 of STAT1 are."""
    of = {folded: each for each in labels if len(folded := _folded(each)) > 1 and not folded.isdecimal()}
    starts = {folded[:2] for folded in of}
    found: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        text = str(name)
        if not any(start in _folded(text[:12]) for start in starts):  # there may be 200,000 of them
            continue
        stems = (text, *(stem_of(text, pattern) for pattern in (*EXPLICIT.values(), *DOUBTFUL.values())))
        label = next((of[folded] for each in stems if (folded := _folded(each)) in of), None)
        if label is not None:
            found.setdefault(label, []).append(at)
    return found


def _folded(text: str) -> str:
    return re.sub(r"[^0-9a-z]+", "", text[:100].casefold())


def _by_one(x: NDArray[np.float64], y: NDArray[np.intp], moments: Moments, names: Sequence[str]) -> Telling | None:
    """The one feature that names most cells by the nearest of the labels' medians, if they are enough."""
    best: Telling | None = None
    codes = np.unique(y)
    for column, name in enumerate(names):
        values = x[:, column]
        medians = np.array([np.median(values[y == each]) for each in codes])
        order = np.argsort(medians)
        borders = (medians[order][1:] + medians[order][:-1]) / 2
        if len(codes) < 2 or (np.diff(medians[order]) <= 0).any():
            continue
        n_named = int((codes[order][np.searchsorted(borders, values)] == y).sum())
        is_code = np.mean(values == medians[np.searchsorted(codes, y)]) >= NAMED  # one value for each label
        if (
            n_named >= NAMED * y.size
            and (is_code or len(codes) > MOST_MARKED)
            and (best is None or n_named > best.n_named)
        ):
            best = Telling(dict.fromkeys((moments.labels[each] for each in codes), (name,)), n_named, y.size)
    return best


def _by_groups(x: NDArray[np.float64], y: NDArray[np.intp], groups: Mapping[int, list[int]]) -> tuple[int, int] | None:
    """Cells named by the label whose features are highest in them, and all of these labels; None if they are too few.

    All labels but one must have features: controls may have none, and a few types with a marker do not name a label.
    """
    counts = np.bincount(y)
    without = [each for each in np.flatnonzero(counts >= FEWEST_OF_LABEL) if each not in groups]
    if len(groups) < 2 or len(without) > 1:
        return None
    codes = np.array(sorted(groups))
    scaled = x / np.maximum(np.abs(x).max(axis=0), 1e-12)
    scores = np.column_stack([scaled[:, groups[each]].max(axis=1) for each in codes])
    is_one = np.isin(y, codes)
    named = (codes[scores.argmax(axis=1)] == y) & (scores.max(axis=1) > 0) & is_one
    n_named, n_cells = int(named.sum()), int(is_one.sum())
    return (n_named, n_cells) if n_named >= NAMED * n_cells else None


def _own(x: NDArray[np.float64], is_label: NDArray[np.bool_], group: list[int]) -> list[int]:
    """Those of a group that lie mostly in the label: the guides of a gene, without the gene that is called like it."""
    shares = (x[is_label][:, group] ** 2).sum(axis=0) / np.maximum((x[:, group] ** 2).sum(axis=0), 1e-300)
    return [at for at, share in zip(group, shares, strict=True) if share >= 0.5] or group


def _are_switches(x: NDArray[np.float64], y: NDArray[np.intp], groups: Mapping[int, list[int]]) -> bool:
    """Whether a cell has one of its label's features and hardly any other, as it has one guide or one tag.

    A cell of a type has several of its markers. Two labels may have one marker each, so they are not judged by this.
    """
    n_one = n_own = 0
    for code, group in groups.items():
        own = x[y == code][:, group]
        n_one += int((own.max(axis=1) >= MOSTLY * own.sum(axis=1)).sum())
        n_own += len(own)
    return len(groups) > 2 and n_one >= MOSTLY * n_own


def _only_in_one(x: NDArray[np.float64], y: NDArray[np.intp], n_pure: int) -> dict[int, list[int]]:
    """For each label, the columns that are zero in all other cells and in hardly any of its own, as a tag is.

    Nothing if they are few among the ``n_pure`` features of single labels, as the strongest markers of a type are.
    """
    is_on = x != 0
    found: dict[int, list[int]] = {}
    for code in np.unique(y):
        is_own = is_on[y == code].mean(axis=0) >= ALWAYS
        columns = np.flatnonzero(is_own & ~is_on[y != code].any(axis=0)).tolist()
        if columns:
            found[int(code)] = columns
    return found if 2 * sum(map(len, found.values())) >= n_pure else {}


def _n_pure(moments: Moments) -> int:
    total = moments.squares.sum(axis=0)
    return int(((total > 0) & (moments.squares.max(axis=0) >= PURE[0] * total)).sum())
