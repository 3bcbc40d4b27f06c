"""Controls: labels of untreated cells, recognised by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

OTHERS = "other labels"  # instead of a control: the mean of all other labels, each with the same weight

_WORD = re.compile(
    r"(?i)nt[cs]?\d*|nc|non[-_ ]?target(ing|ed)?([-_ ]?control)?s?|(neg(ative)?[-_ ]?)?(control|ctrl|ctl)s?\d*|dmso|"
    r"vehicle|(un|non)[-_ ]?(treated|perturbed|stimulated|transfected|transduced)|mock|scrambled?|"
    r"safe[-_ ]?(harbou?r|targeting)|aavs1|wt|wild[-_ ]?type|pbs|resting|baseline"
)
_PARTS = re.compile(r"[|:/;,+]|__")


def is_control_name(part: str) -> bool:
    """Whether screens use this name for controls, such as NT, non-targeting, control or DMSO."""
    return _WORD.fullmatch(part.strip()) is not None


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
