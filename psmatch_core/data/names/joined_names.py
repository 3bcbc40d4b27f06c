"""Joined names: labels that name several guides or conditions at once, as ``STAT1_g1|JAK2_g2`` and ``KLF1+ctrl`` do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass

from psmatch_core.data.names.controls import control_family, is_control_name
from psmatch_core.data.names.doses import dose_of
from psmatch_core.data.names.guide_names import collapsed_guides, gene_of
from psmatch_core.data.names.screen_names import DOUBTFUL, is_call, is_guide, is_hashtag, parts_of, stem_of
from psmatch_core.data.names.spellings import spelling

Counts = Mapping[str, int]
Parts = tuple[str, ...]
HALF = 0.5
# Joints that also stand within one name: they part names only where the other side joins the same ones by a mark.
_OTHER_JOINT = re.compile(r"\s+(?:and|plus|with|x)\s+|\s*[/×:]\s*")
_BETWEEN = "_-. "


@dataclass(frozen=True)
class JoinedNames:
    """The joined labels of both sides.

    Parameters
    ----------
    counts
        Cells of each label, of both sides.
    parts
        The names that each joined label joins, for both sides.
    """

    counts: tuple[Counts, Counts]
    parts: tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]

    @classmethod
    def of(cls, source: Counts, target: Counts) -> JoinedNames:
        """The joined labels among these: every part is a label, a guide or a control by itself.

        Parts that both sides join, in another order or by another mark, need no label of their own.
        """
        sides = (source, target)
        single = {label for side in sides for label in side if not parts_of(label)}
        is_bare = _has_one_prefix(part for side in sides for label in side for part in parts_of(label) or (label,))
        bare = _without_prefixes if is_bare else tuple
        plain = [{label: bare(parts_of(label)) for label in side} for side in sides]
        marked = [{_key(parts) for parts in side.values() if parts} for side in plain]
        joined = [
            {
                label: parts or _halves(label, single) or _split(label, marked[1 - i], bare)
                for label, parts in plain[i].items()
            }
            for i in (0, 1)
        ]
        keys = [{_key(parts) for parts in side.values() if parts} for side in joined]
        found = [
            {
                label: parts
                for label, parts in joined[i].items()
                if _is_joined(parts, single) or (label not in sides[1 - i] and parts and _key(parts) in keys[1 - i])
            }
            for i in (0, 1)
        ]
        return cls(sides, (found[0], found[1]))

    def without_controls(self) -> tuple[dict[str, str], dict[str, str]]:
        """For each side, a gene and a control to the gene alone, where the side names single genes so."""
        found = []
        for i in (0, 1):
            counts, other = self.counts[i], self.counts[1 - i]
            plain = {label: gene for label, parts in self.parts[i].items() if (gene := _without_control(parts))}
            genes = set(plain.values())
            # Cells with a gene's guide and a control's are accidents where the gene has a label of its own.
            is_way = sum(gene in counts for gene in genes) < HALF * len(genes)
            # In ctrl|B cell the control is a state of the cell type, which other states share.
            joined = {part for label, parts in self.parts[i].items() if label not in plain for part in parts}
            others = {part for part in joined if not is_control_name(part)}
            are_genes = len(others - genes) <= HALF * len(others)
            is_named = any(map(is_control_name, counts)) or len(genes & set(other)) > HALF * len(genes)
            is_needed = any(label not in other for label in plain)
            found.append(plain if len(plain) > 1 and is_way and are_genes and is_named and is_needed else {})
        return found[0], found[1]

    def one_order(self) -> tuple[dict[str, str], dict[str, str]]:
        """For each side, joined labels that differ only in order or mark, to their most frequent spelling."""
        gone = self.without_controls()
        stems = collapsed_guides(*self.counts)
        names = [
            {*counts, *(each for parts in joined.values() for each in parts)}
            for counts, joined in zip(self.counts, self.parts, strict=True)
        ]
        spellings: dict[tuple[str, ...], dict[str, int]] = {}
        for i in (0, 1):
            for label, parts in self.parts[i].items():
                if label not in gone[i]:
                    each = spellings.setdefault(_key(parts), {})
                    each[label] = each.get(label, 0) + self.counts[i][label]
        best = {key: min(each, key=lambda label: self._rank(label, each)) for key, each in spellings.items()}
        found = []
        for i in (0, 1):
            mapping = {}
            for label, parts in self.parts[i].items():
                if label in gone[i]:
                    continue
                genes = _key(tuple(gene_of(part, stems[i]) or _unprefixed(part, names[1 - i]) for part in parts))
                # guides of both genes where the other side joins the genes
                is_gene_pair = genes != _key(parts) and any(_key(each) == genes for each in self.parts[1 - i].values())
                name = best.get(genes, label) if is_gene_pair else best[_key(parts)]
                if name != label:
                    mapping[label] = name
            found.append(mapping)
        return found[0], found[1]

    def accidental(self) -> tuple[str, ...]:
        """Joined labels of cells that carry several guides by accident; none where both sides have the combinations."""
        if any(self.without_controls()):
            return ()  # where genes are joined with controls, they are joined with each other by design
        dual = [set(each) for each in collapsed_guides(*self.counts)]
        has_control = any(is_control_name(label) for side in self.counts for label in side)
        left: list[dict[str, tuple[str, ...]]] = [{}, {}]
        for i in (0, 1):
            for label, parts in self.parts[i].items():
                if not has_control and all(map(is_control_name, parts)):
                    continue  # two guides of a control are the control of two guides each
                if label not in dual[i] and all(map(self._is_alone, parts)):
                    left[i][label] = _key(parts)
        shared = set(left[0].values()) & set(left[1].values())
        cells = [(self.counts[i][label], key in shared) for i in (0, 1) for label, key in left[i].items()]
        if sum(n for n, is_shared in cells if is_shared) > HALF * sum(n for n, _ in cells):
            # Nobody designs cells with two hashtags: HTO1_HTO2 is a doublet however often both sides have it.
            left = [
                {label: key for label, key in side.items() if any(map(is_hashtag, self.parts[i][label]))}
                for i, side in enumerate(left)
            ]
        return tuple(dict.fromkeys([*left[0], *left[1]]))

    def _is_alone(self, part: str) -> bool:
        """Whether a part also is a label of its own, or says that it is a guide or a control."""
        singles = self.counts[0].keys() | self.counts[1].keys()
        return is_control_name(part) or _is_name(part, singles)

    def _rank(self, label: str, cells: Counts) -> tuple[bool, int, str]:
        is_on_both = all(label in side for side in self.counts)
        return not is_on_both, -cells[label], label


def _key(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The same for the same names in any order and spelling; guides of controls are one name."""
    return tuple(sorted("control" if control_family(part) == "guide" else _one_spelling(part) for part in parts))


def _one_spelling(part: str) -> str:
    """The same text for all spellings of a part, also with a dose: ``JQ1 1uM`` and ``jq1 1 µM``."""
    dose = dose_of(part)
    return f"{dose.name} {dose.value} {dose.measure}" if dose and dose.name and dose.unit else spelling(part)


def _prefix(part: str) -> str:
    """What stands before the gene in the name of its guides: ``sg`` of sgTP53; empty if nothing does."""
    stem = "" if is_guide(part) else stem_of(part, DOUBTFUL["prefix"])
    return part.strip().removesuffix(stem).rstrip("-_ ").lower() if stem else ""


def _has_one_prefix(parts: Iterable[str]) -> bool:
    """Whether guides are named by one prefix, so that the gene says which is meant: siTP53 is not sgTP53."""
    return len({prefix for part in parts if (prefix := _prefix(part))}) == 1


def _without_prefixes(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(stem_of(part, DOUBTFUL["prefix"]) if _prefix(part) else part for part in parts)


def _unprefixed(part: str, others: AbstractSet[str]) -> str:
    """The gene of sgTP53 where the other side calls it TP53; else the part as it is."""
    stem = stem_of(part, DOUBTFUL["prefix"])
    return stem if stem in others else part


def _split(label: str, keys: set[tuple[str, ...]], bare: Callable[[Parts], Parts]) -> Parts:
    """Names joined in another way, as by ``_`` or *and*, that the other side joins by a mark."""
    if not keys:
        return ()
    parts = bare(tuple(_OTHER_JOINT.split(label.strip())))
    if len(parts) > 1 and all(parts) and _key(parts) in keys:
        return parts
    for at, letter in enumerate(label):
        halves = bare((label[:at].strip(), label[at + 1 :].strip()))
        if letter in _BETWEEN and all(halves) and _key(halves) in keys:
            return halves
    return ()


def _is_joined(parts: tuple[str, ...], single: set[str]) -> bool:
    """Whether each part is a name by itself. In KLF1+ctrl the gene need be no label of its own."""
    return len(parts) > 1 and (any(map(is_control_name, parts)) or all(_is_name(part, single) for part in parts))


def _is_name(part: str, single: AbstractSet[str]) -> bool:
    return part in single or is_call(part) or is_guide(part) or stem_of(part, DOUBTFUL["number"]) in single


def _without_control(parts: tuple[str, ...]) -> str:
    """The gene of a gene and a control, the control of two equal ones; empty for other parts."""
    genes = [part for part in parts if not is_control_name(part)]
    if len(parts) != 2 or len(genes) > 1:
        return ""
    return genes[0] if genes else parts[0] if parts[0] == parts[1] else ""


def _halves(label: str, single: set[str]) -> tuple[str, ...]:
    """Two other labels, or one and a control or call, with ``_`` between: ``KLF1_BAK1``, ``KLF1_NegCtrl0``."""
    at = label.find("_")
    while at > 0:
        one, other = label[:at], label[at + 1 :]
        controls = is_control_name(one), is_control_name(other)
        if one != other and (one in single or controls[0]) and (other in single or controls[1]) and not all(controls):
            return one, other
        if one == other and (all(controls) or is_hashtag(one)):
            return one, other
        if is_hashtag(one) and is_call(other):  # HTO1_unmapped, where a row of unmapped reads was counted as a tag
            return one, other
        at = label.find("_", at + 1)
    return ()
