"""The usual label column: what files call the condition of a cell. A proposal, which a user sees and can change."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Column names that usually hold the label, best first, in lower case with _ between words.
USUAL_LABELS = (
    "label", "perturbation", "perturbation_name", "target_gene", "gene_target", "guide_target", "target", "gene", "ko",
    "knockout", "condition", "treatment", "stimulation", "stimulus", "drug", "compound", "cell_type", "celltype",
)  # fmt: skip
_FIRST = re.compile(r"metadata_|(image|cells?|cytoplasm|nuclei)_metadata_")  # of CellProfiler and pycytominer
_BETWEEN = re.compile(r"[\s.\-]+")


def usual_label(candidates: Sequence[str], preferred: Sequence[str] = ()) -> str:
    """The column that most likely is the label; an empty text if nothing tells.

    Parameters
    ----------
    candidates
        Columns that can be the label.
    preferred
        What the label columns of other files are called: one of the same name is taken first.
    """
    if same := next((name for name in preferred if name in candidates), ""):
        return same
    by_word = {_plain(name): name for name in reversed(candidates)}
    only = candidates[0] if len(candidates) == 1 else ""
    return next((by_word[word] for word in USUAL_LABELS if word in by_word), only)


def _plain(name: str) -> str:
    text = _FIRST.sub("", _BETWEEN.sub("_", name.strip().lower()), count=1)
    return text.removesuffix("s")
