"""Controls: labels of untreated cells and of guides without a target, by a written grammar of their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

OTHERS = "other labels"  # instead of a control: the mean of all other labels, each with the same weight

_BETWEEN = r"[-_. ]*+"  # never given back, so that a name of sixty marks and digits costs no time
_WORD = rf"({_BETWEEN}(control|ctrl|guide|grna|sgrna|sirna|shrna|oligo|sequence|region|locus)s?){{0,2}}"
_DOSE = r"\(?\d+([.,]\d+)?\s*(%|pct|percent|v/v|[nuµμm]?M|[nuµμm]g/ml|h|hrs?)?\)?"
# The number of a guide or a replicate. Genes end in a digit as well (WT1), so that short words need a mark before it.
_ONE = rf"#?(?-i:g|sg|guide|gRNA|sgRNA|crRNA|grna|sgrna|crrna|rep)?{_BETWEEN}\d++"
_NUMBER = rf"({_BETWEEN}{_ONE}([-_. ]++{_ONE})*)?"
_MARKED = rf"([-_. ]++{_ONE})*"
_LIBRARY = rf"({_BETWEEN}(for)?{_BETWEEN}(human|mouse)({_BETWEEN}cr(ko|i|a|ispr[kia]?o?))?)?"  # as libraries write it
_STATES = "treated|trt|perturbed|stimulated|stim|transfected|transduced|infected|edited|induced|activated|exposed"
# The words of each family of controls. Families are joined with one another only where nothing else is left to join.
_FAMILIES = {
    "guide": (
        rf"(p[-_])?(sg|si|sh)?{_BETWEEN}("
        rf"(non?{_BETWEEN}target(ing|ed|s)?|nt|ntc|(?-i:NTs|nts)|ntcs|intergenic){_WORD}{_LIBRARY}{_NUMBER}"
        rf"|(no|one)[-_ ]((intergenic|non[-_ ]gene)[-_ ])?site{_MARKED}|no[-_ ]current{_MARKED}"
        rf"|(safe{_BETWEEN}(harbou?r|target(ing|ed)?|cutt(er|ing))|scrambled?|scr|aavs1|h?rosa26|lacz|luc|luciferase|nc)"
        rf"{_WORD}{_MARKED}|(safe|neg)[-_. ]\d+)|(sg|sh|si)neg{_MARKED}|(?-i:EV){_MARKED}|cas9[-_ ]only"
        rf"|(sg|sh|si)(e?gfp|rfp|bfp|mcherry){_MARKED}|empty{_BETWEEN}vector{_MARKED}"
    ),
    "vehicle": (
        rf"({_DOSE}{_BETWEEN}|(ctrl|control)[-_ ])?"
        rf"(dmso|dimethyl[-_ ]?sulfoxide|vehicle|solvent|pbs|saline|water|h2o|etoh)"
        rf"({_BETWEEN}(control|ctrl|only|alone))?"
        rf"({_BETWEEN}\(?({_DOSE}{_BETWEEN})?(dmso|pbs|etoh|vehicle|water|saline)\)?)?"
        rf"(([-_. @]++|(?=\()){_DOSE})?{_MARKED}"
    ),
    "untreated": (
        rf"((un|non)[-_. ]?({_STATES})|no[-_. ](treatment|stim(ulation|ulus)?|drug|pert(urbation)?|virus)"
        rf"|mock([-_. ]?({_STATES}|control))?|wild[-_. ]?type|wt|resting|baseline|parental"
        rf"|(?-i:UT)|media([-_ ](only|control|alone))?|medium[-_ ](only|control|alone)){_MARKED}"
    ),
    "general": (
        rf"(sg|si|sh)?((neg(ative)?|nt)?\.?{_BETWEEN}(control|ctrl|ctl|cntrl)s?|neg{_BETWEEN}con){_WORD}{_NUMBER}"
    ),
}
_GRAMMAR = {family: re.compile(f"(?i:{words})") for family, words in _FAMILIES.items()}
_ENDINGS = (
    re.compile(r"[-_. ]*#?\d+$"),
    re.compile(r"(?i)[-_. ]*#?(g|sg|guide|grna|sgrna|crrna|rep)[-_. ]*\d+$"),
)
# Approved symbols of genes that also are a usual name of a control.
_GENES = frozenset({"CTRL"})
_TWO = re.compile(r"__|\s*[|;&+,_:]\s*")
LONGEST = 120  # characters; a longer text is no name of two controls
_PARTS = re.compile(r"[|:/;,+]|__")


@lru_cache(maxsize=2**14)
def control_family(name: str) -> str:
    """``guide``, ``vehicle``, ``untreated`` or ``general`` if a name is that of a control, else an empty text."""
    text = name.strip()
    if len(text) > 60:
        return ""
    return next((family for family, words in _GRAMMAR.items() if words.fullmatch(text)), "")


def is_control_name(part: str) -> bool:
    """Whether screens use this name for controls, such as NT, non-targeting_07, control or DMSO_0.1%."""
    return bool(control_family(part))


def controls_among(counts: Mapping[str, int]) -> dict[str, str]:
    """The labels of one modality that are controls, and the family of each.

    A name that also is a gene's, such as CTRL, counts as the gene where the modality has another control. Two guides of
    controls are a control, as in ``NegCtrl10_NegCtrl0``.
    """
    found = {label: family for label in counts if (family := control_family(label) or _family_of_two(label))}
    sure = {label: family for label, family in found.items() if unnumbered(label) not in _GENES}
    return sure or found


def _family_of_two(label: str) -> str:
    """The family of a label that joins two controls of one family, else an empty text."""
    for mark in _TWO.finditer(label[:LONGEST]):
        families = {control_family(label[: mark.start()]), control_family(label[mark.end() :])}
        if len(families) == 1 and families != {""}:
            return families.pop()
    return ""


def unnumbered(name: str) -> str:
    """The name of a control without the number of its guide: ``non-targeting`` for ``non-targeting_00017``."""
    for ending in _ENDINGS:
        short = ending.sub("", name)
        if short != name and is_control_name(short):
            return unnumbered(short)
    return name


def control_for(label: str, counts: Mapping[str, int]) -> str:
    """The most likely control of a label, judged by the names; empty if no name is a control's.

    A label may have parts, as in ``stim|Bcell``. Its control then has the same other parts, as in ``ctrl|Bcell``. Of
    several controls, the one with most parts in common is taken, then the one with most cells.

    Parameters
    ----------
    label
        The label whose control is sought; it is never its own control.
    counts
        Cells of each label.
    """
    mine = set(_parts(label))
    found = []
    for name, cells in counts.items():
        parts = _parts(name)
        rest = {part for part in parts if not is_control_name(part)}
        if name != label and len(rest) < len(parts) and rest <= mine:
            found.append((len(rest), cells, name))
    return max(found)[2] if found else ""


def has_control_name(label: str) -> bool:
    """Whether a label or a part of it is the name of a control."""
    return any(is_control_name(part) for part in _parts(label))


def _parts(label: str) -> list[str]:
    return [part.strip() for part in _PARTS.split(label) if part.strip()]
