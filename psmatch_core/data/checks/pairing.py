"""How the true pairs of two files are known: by a pair column, by cell names, or not at all. Decided once."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.base.records import stored_by_name
from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.checks.name_hashes import HASH_BITS, name_hashes
from psmatch_core.data.checks.position_names import FEW_VALUES, are_positions
from psmatch_core.data.names.core_names import NAME_PARTS, common_parts, core_names

AUTOMATIC, EQUAL_NAMES, NO_PAIRS = "automatic", "equal names", "none"
PAIRING_CODE = "PM-P02"
PAIR_CHOICES = (AUTOMATIC, EQUAL_NAMES, NO_PAIRS)
MOST_LISTED = 4096  # names by which two files are compared; larger files are sampled alike on both sides
HALF = 0.5  # of the smaller file: two sets of 10x barcodes share a few per cent by chance
# Labels of cells with equal names: how much of the way from chance to perfect agreement they must go, and how many
# standard errors above chance they must lie; more is asked where few names are equal. Two annotations of the same
# cells agree less than two copies of one label.
AGREEMENT, ERRORS = 0.2, 3.0
AGREEMENT_OF_FEW, ERRORS_OF_FEW = 0.5, 4.0
FEWEST_LABELLED = 10  # cells with equal names whose labels are compared
LARGEST_CHANCE = 0.95  # if one label holds nearly all cells, labels cannot tell pairs from strangers
SPARSEST = 10  # possible numbers for each cell; random ids and combined barcodes use far fewer of theirs
_NUMBER = re.compile(r"(\D*)(\d{1,15})(\D*)")


@stored_by_name
class Pairing(Enum):
    """How true pairs are known."""

    COLUMN = "by the pair columns"
    NAMES = "by equal cell names"
    PARTS = "by cell names that are equal but for an ending or prefix"
    NONE = "not known"


@dataclass(frozen=True)
class KnownPairs:
    """How true pairs are known, how many there are, and why.

    Parameters
    ----------
    how
        The decision, by which the whole program goes.
    n_equal
        Cells with an equal name or value in both files, pairs or not [cells]; None until both pair columns are read.
    reason
        One or two sentences for the user.
    """

    how: Pairing
    n_equal: int | None
    reason: str

    @property
    def are_known(self) -> bool:
        return self.how is not Pairing.NONE

    def __str__(self) -> str:
        return f"True pairs: {self.how.value}. {self.reason}"


@dataclass(frozen=True)
class CellNames:
    """The names of a file's cells, or those of a sample that is drawn alike in every file.

    Parameters
    ----------
    n_cells
        Number of cells.
    names
        Their names, at most 4,096 unless many share their longest part.
    bound
        All names whose hash is at most this are listed; 0 if every name is.
    """

    n_cells: int
    names: tuple[str, ...]
    bound: int = 0

    @classmethod
    def of(cls, names: Sequence[str]) -> tuple[CellNames, np.ndarray]:
        """The names of cells and the positions of those that are listed, ``(n_listed,)``."""
        if len(names) <= MOST_LISTED:
            return cls(len(names), tuple(map(str, names))), np.arange(len(names))
        hashes = name_hashes(list(map(str, names)))
        bound = int(np.partition(hashes, MOST_LISTED - 1)[MOST_LISTED - 1])
        at = np.flatnonzero(hashes <= bound)[: 2 * MOST_LISTED]
        return cls(len(names), tuple(str(names[each]) for each in at.tolist()), bound), at


def decide_pairs(
    source: CellNames,
    target: CellNames,
    labels: tuple[Sequence[str], Sequence[str]] | None = None,
    how: str = AUTOMATIC,
    *,
    columns: tuple[bool, bool] = (False, False),
) -> KnownPairs:
    """Decide how true pairs are known.

    Equal names are pairs if they do not only number the cells, or give a place and a number there, and if either at
    least half of the smaller file has them and the labels of these cells agree better than by chance, or fewer have
    them and the labels agree clearly. Names that are equal once a part is dropped that all names of one file have and
    none of the other follow the same rule.

    Parameters
    ----------
    labels
        Label of each listed name on both sides, empty where it has none; None where no label column is chosen.
    how
        ``automatic``, or the user's decision: take ``equal names`` for pairs, or there are ``none``.
    columns
        Whether a pair column is chosen for the source and for the target; one alone names no pairs.
    """
    if how == NO_PAIRS:
        return KnownPairs(Pairing.NONE, 0, "You decided that there are none.")
    if all(columns) and how == AUTOMATIC:
        return KnownPairs(Pairing.COLUMN, None, "Equal values of the pair columns are the same cell.")
    texts = None if labels is None else (tuple(labels[0]), tuple(labels[1]))
    pairs = _by_names(source, target, texts, how)
    if any(columns) and how == AUTOMATIC:
        chosen, other = ("source", "target") if columns[0] else ("target", "source")
        missing = f"The pair column of the {chosen} is not used, because none is chosen for the {other}. "
        pairs = replace(pairs, reason=missing + pairs.reason)
    return pairs


@functools.lru_cache(maxsize=16)
def _by_names(
    source: CellNames, target: CellNames, labels: tuple[tuple[str, ...], tuple[str, ...]] | None, how: str
) -> KnownPairs:
    bound = min([each.bound for each in (source, target) if each.bound], default=0)
    one, other = (_listed(side, labels and labels[at], bound) for at, side in enumerate((source, target)))
    names = (list(one), list(other))
    candidates = [
        _Candidate.of(pairing, keys, (one, other))
        for pairing, keys in ((Pairing.NAMES, names), (Pairing.PARTS, core_names(*names)))
    ]
    candidates = [each for each in candidates if each.pairs]
    if not candidates:
        return KnownPairs(Pairing.NONE, 0, "The two files share no cell name.")
    scale, about = (2.0**HASH_BITS / bound, "about ") if bound else (1.0, "")
    most = min(source.n_cells, target.n_cells)
    if how == EQUAL_NAMES:
        best = max(candidates, key=lambda each: len(each.pairs))
        n_equal = min(round(len(best.pairs) * scale), most)
        return KnownPairs(best.how, n_equal, f"You decided to take them for pairs: {about}{best.words(n_equal)}.")
    numbered = _only_numbered(names, (source.n_cells, target.n_cells))
    decided = []
    for each in candidates:
        n_equal = min(round(len(each.pairs) * scale), most)
        share = len(each.pairs) / min(len(one), len(other))
        is_pairing, why = _judged(_Agreement.of(list(each.pairs.values())), share, numbered)
        sentence = f"{about}{each.words(n_equal)}{why}"
        reason = sentence[0].upper() + sentence[1:]
        decided.append(KnownPairs(each.how if is_pairing else Pairing.NONE, n_equal, reason))
    return next((each for each in decided if each.are_known), decided[0])


@dataclass(frozen=True)
class _Candidate:
    """Cells with equal names, whole or in part.

    Parameters
    ----------
    pairs
        Their labels on both sides, by what is equal of their names.
    example
        The two names of one of them.
    """

    how: Pairing
    pairs: Mapping[str, tuple[str | None, str | None]]
    example: tuple[str, str]

    @classmethod
    def of(
        cls,
        how: Pairing,
        keys: tuple[list[str], list[str]],
        labels: tuple[dict[str, str | None], dict[str, str | None]],
    ) -> _Candidate:
        once = [{key for key, times in Counter(side).items() if times == 1} for side in keys]
        shared = once[0] & once[1]
        one, other = (
            {key: row for key, row in zip(mine, side.items(), strict=True) if key in shared}
            for mine, side in zip(keys, labels, strict=True)
        )
        pairs = {key: (row[1], other[key][1]) for key, row in one.items()}
        first = next(iter(one), None)
        return cls(how, pairs, (one[first][0], other[first][0]) if first is not None else ("", ""))

    def words(self, n_equal: int) -> str:
        """Such as ``320 cell names are equal``."""
        words = f"{plural(n_equal, 'cell name')} {'is' if n_equal == 1 else 'are'} equal"
        if self.how is Pairing.PARTS:
            words += f" but for an ending or prefix ({display(self.example[0])}, {display(self.example[1])})"
        return words


def _judged(agreed: _Agreement, share: float, numbered: str) -> tuple[bool, str]:
    """Whether equal names are pairs, and the end of the sentence that says why."""
    if numbered:
        return False, f", but they only number the cells ({numbered}): equal numbers need not be the same cell."
    if agreed.can_judge:
        many = share >= HALF
        least = (AGREEMENT, ERRORS) if many else (AGREEMENT_OF_FEW, ERRORS_OF_FEW)
        is_pairing = agreed.over_chance >= least[0] and agreed.errors >= least[1]
        figures = f"{agreed.share:.0%} of these cells, {agreed.chance:.0%} by chance"
        if is_pairing:
            return True, f", and the labels agree ({figures})."
        return False, f" ({share:.0%} of the smaller file), but the labels hardly agree ({figures})."
    if share >= HALF:
        return True, " (labels cannot confirm it)."
    return False, f", only {share:.0%} of the smaller file, and labels cannot confirm that they are the same cells."


@dataclass(frozen=True)
class _Agreement:
    """How often the labels of cells with equal names agree, and how often they would by chance."""

    n_cells: int
    share: float
    chance: float

    @classmethod
    def of(cls, pairs: Sequence[tuple[str | None, str | None]]) -> _Agreement:
        known = [(one, other) for one, other in pairs if one and other]
        both = {one for one, _ in known} & {other for _, other in known}
        known = [(one, other) for one, other in known if one in both and other in both]
        n = len(known)
        if not n:
            return cls(0, 0.0, 1.0)
        counts = Counter(one for one, _ in known), Counter(other for _, other in known)
        chance = sum(counts[0][label] * counts[1][label] for label in both) / n**2
        return cls(n, sum(one == other for one, other in known) / n, chance)

    @property
    def can_judge(self) -> bool:
        return self.n_cells >= FEWEST_LABELLED and self.chance < LARGEST_CHANCE

    @property
    def over_chance(self) -> float:
        """0 is chance, 1 is perfect agreement."""
        return (self.share - self.chance) / (1 - self.chance)

    @property
    def errors(self) -> float:
        """Standard errors above chance."""
        return (self.share - self.chance) / math.sqrt(self.chance * (1 - self.chance) / self.n_cells)


def _only_numbered(names: Sequence[Sequence[str]], n_cells: tuple[int, int]) -> str:
    """Two of the names of a file whose names only number its cells or wells; empty if neither file has such names."""
    for side, total in zip(names, n_cells, strict=True):
        if _is_numbered(side, total) or are_positions(side):
            return ", ".join(display(each, 20) for each in side[:2])
    return ""


def _is_numbered(names: Sequence[str], n_cells: int) -> bool:
    """Whether every name is a number, or a group and a number, and most of the possible numbers are in use."""
    parts = [NAME_PARTS.split(name) for name in names]
    if len(parts) < 2:
        return bool(parts) and all(_NUMBER.fullmatch(part) or part.isalpha() for part in parts[0])
    common = common_parts(parts)
    varying = [[part for part in name if part not in common] for name in parts]
    width = max(map(len, varying))
    possible, has_number = 1.0, False
    for place in range(width):
        values = [name[place] if place < len(name) else "" for name in varying]
        found = [_NUMBER.fullmatch(value) for value in values]
        if all(found):
            around = {(each[1], each[3]) for each in found if each}
            if len(around) * FEW_VALUES <= max(len(values), FEW_VALUES):
                low, high = np.quantile([int(each[2]) for each in found if each], [0.05, 0.95])
                possible *= len(around) * ((high - low) / 0.9 + 1)
                has_number = True
                continue
        if len(set(values)) * FEW_VALUES > len(values):
            return False
        possible *= len(set(values))
    return has_number and possible <= SPARSEST * n_cells


def _listed(side: CellNames, labels: tuple[str, ...] | None, bound: int) -> dict[str, str | None]:
    """Name to label of the listed cells, those without a label left out, as far as both files list theirs."""
    texts = labels if labels else (None,) * len(side.names)
    rows = zip(side.names, texts, strict=True)
    listed = {name: text for name, text in rows if text != ""}
    if not bound:
        return listed
    kept = name_hashes(list(listed)) <= bound
    return {name: text for (name, text), is_kept in zip(listed.items(), kept.tolist(), strict=True) if is_kept}


def pairing_finding(source: str, target: str, pairs: KnownPairs) -> tuple[Finding, ...]:
    """The decision as a warning, where some names are equal; ``source`` and ``target`` are the names of the files."""
    if pairs.how is Pairing.COLUMN or not pairs.n_equal:
        return ()
    hint = (
        "They are known pairs: they evaluate the matching and are not used for training."
        if pairs.are_known
        else "They are not used as known pairs; choose “equal names” if equal names mean the same cell."
    )
    return (warning(PAIRING_CODE, f"{source} and {target}: {pairs.reason}", hint),)
