"""Guides and their genes: which labels of two modalities are guides of a gene, judged by all labels of both."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psmatch_core.data.names.controls import control_family
from psmatch_core.data.names.look_alikes import folded
from psmatch_core.data.names.screen_names import DOUBTFUL, EXPLICIT, is_call, parts_of, stem_of
from psmatch_core.data.names.spellings import human_name

# Share of the labels (controls, calls and joined names apart) that must follow one pattern.
MOST = 0.5


def collapsed_guides(source: Mapping[str, int], target: Mapping[str, int]) -> tuple[dict[str, str], dict[str, str]]:
    """The gene of each label that is a guide, for both sides; empty where labels are no guides.

    A name with a mark of guides (``STAT1_g2``, ``sgSTAT1_2``, ``STAT1_`` and a protospacer) counts where most labels
    follow the same pattern, and several guides fall on one name or the names are labels of the other side. A number
    alone (``STAT1-1``) also ends the names of genes (``NKX2-1``): there the other side must have the rest as a label.

    Parameters
    ----------
    source, target
        Cells of each label [cells].
    """
    sides = (_single(source), _single(target))
    named = [_Names(sides[1 - i] | _genes_of(sides[1 - i])) for i in (0, 1)]
    marked = [_marked(sides[i], named[i]) for i in (0, 1)]
    found = []
    for i in (0, 1):
        mine, other = sides[i], sides[1 - i]
        genes = _Names(set((target, source)[i]) | set(marked[1 - i].values()))
        mapping = marked[i] or _numbered(mine, other, genes)
        # Where only one side labels guides, a name that both sides have means the same on both.
        is_alone = not marked[1 - i]
        found.append({label: stem for label, stem in mapping.items() if not (is_alone and label in other)})
    return _with_dual_guides(source, found[0]), _with_dual_guides(target, found[1])


def _single(counts: Mapping[str, int]) -> set[str]:
    return {label for label in counts if not (control_family(label) or is_call(label) or parts_of(label))}


class _Names:
    """The names of the other side, found in any case and spelling of marks: Tp53 for TP53."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.by_folded = {folded(name): name for name in sorted(names)}

    def find(self, stem: str) -> str:
        """The name as the other side writes it; empty if it has none like it."""
        return stem if stem in self.names else self.by_folded.get(folded(stem), "") or self._of_human(stem)

    def _of_human(self, stem: str) -> str:
        human = folded(human_name(stem))
        return next((name for text, name in self.by_folded.items() if folded(human_name(name)) == human), "")


def _genes_of(labels: set[str]) -> set[str]:
    """The genes of a side that names most labels by a prefix alone: TP53 for siTP53."""
    found = _stems(labels, DOUBTFUL["prefix"])
    return set(found.values()) if len(found) >= MOST * len(labels) else set()


def _marked(mine: set[str], other: _Names) -> dict[str, str]:
    for pattern in EXPLICIT.values():
        found = {label: other.find(stem) or stem for label, stem in _stems(mine, pattern).items()}
        genes = set(found.values())
        known = len(genes & other.names)
        is_several = len(genes) > 1 and len(found) > len(genes)
        if found and len(found) >= MOST * len(mine) and (is_several or known >= max(1, MOST * len(genes))):
            return found
    return {}


def _numbered(mine: set[str], other: set[str], genes: _Names) -> dict[str, str]:
    own = mine - other
    for pattern in DOUBTFUL.values():
        found = {label: gene for label, stem in _stems(own, pattern).items() if (gene := genes.find(stem))}
        if len(set(found.values())) > 1 and len(found) >= MOST * len(own):
            return found
    return {}


def _stems(labels: set[str], pattern: re.Pattern[str]) -> dict[str, str]:
    return {label: stem for label in sorted(labels) if (stem := stem_of(label, pattern))}


def _with_dual_guides(counts: Mapping[str, int], stems: dict[str, str]) -> dict[str, str]:
    """Joined labels of two guides of one gene as well, where most joined labels are so: a library of dual guides."""
    joined = {label: parts for label in counts if (parts := parts_of(label))}
    genes = {label: {gene_of(part, stems) for part in parts} for label, parts in joined.items()}
    dual = {label: next(iter(each)) for label, each in genes.items() if len(each) == 1 and each != {""}}
    cells = sum(counts[label] for label in dual)
    if dual and cells > MOST * sum(counts[label] for label in joined):
        return {**stems, **{label: gene for label, gene in dual.items() if gene != label}}
    return stems


def gene_of(part: str, stems: Mapping[str, str]) -> str:
    """The gene of one part of a joined label; empty if it is not a guide."""
    if part in stems:
        return stems[part]
    return next((stem for pattern in EXPLICIT.values() if (stem := stem_of(part, pattern))), "")
