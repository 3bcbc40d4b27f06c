"""Controls: which label stands for cells that nothing was done to, told by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

OTHERS = "other labels"  # in place of a control: the mean of all other labels, each counting once

_WORD = re.compile(
    r"(?i)nt[cs]?\d*|nc|non[-_ ]?target(ing|ed)?([-_ ]?control)?s?|(neg(ative)?[-_ ]?)?(control|ctrl|ctl)s?\d*|dmso|"
    r"vehicle|(un|non)[-_ ]?(treated|perturbed|stimulated|transfected|transduced)|mock|scrambled?|"
    r"safe[-_ ]?(harbou?r|targeting)|aavs1|wt|wild[-_ ]?type|pbs|resting|baseline"
)
_PARTS = re.compile(r"[|:/;,+]|__")


def is_control_name(part: str) -> bool:
    """Whether a name is one that screens give their controls, such as NT, non-targeting, control or DMSO."""
    return _WORD.fullmatch(part.strip()) is not None


def control_for(label: str, counts: Mapping[str, int]) -> str:
    """The label that is most likely the control of another one; empty where no name tells.

    A label may have parts, as in ``stim|Bcell``: its control is then the one whose other parts it has too,
    ``ctrl|Bcell``. Of several the one with most parts in common is taken, then the one with most cells.

    Parameters
    ----------
    label
        The label whose control is looked for; it is never its own.
    counts
        Cells of every label.
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
    """Whether a label, or a part of it, is a control's name."""
    return any(is_control_name(part) for part in _parts(label))


def _parts(label: str) -> list[str]:
    return [part.strip() for part in _PARTS.split(label) if part.strip()]
