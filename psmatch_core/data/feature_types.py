"""Types of features in one matrix, such as genes beside antibodies and guides: recognised, and told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from psmatch_core.base.errors import plural, some
from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.checks.label_column import label_texts

# Columns of var in which Cell Ranger, scanpy, Seurat and muon say what a feature measures.
TYPE_COLUMNS = ("feature_types", "feature_type", "modality")
# The same word means other things elsewhere: `feature_type` of CELLxGENE is a biotype, such as protein_coding.
_KINDS = {
    "genes": r"gene[ _-]?expression|gex|(m|sc)?rna|transcripts?",
    "proteins": r"antibod(y|ies)([ _-]?(capture|derived[ _-]?tags?))?|adts?|ab|proteins?|surface[ _-]?proteins?|prot",
    "guides": r"crispr([ _-]?(guide[ _-]?)?capture)?|(s?g|guide[ _-]?)rnas?|guides?|gdos?",
    "tags": r"multiplexing[ _-]?capture|hashtags?([ _-]?oligos?)?|htos?|cmos?|cell[ _-]?plex|lmos?",
    "peaks": r"peaks?|s?c?atac|chromatin([ _-]?accessibility)?|accessibility|tiles?",
    "antigens": r"antigen[ _-]?capture|tetramers?|dextramers?",
    "others": r"custom|vdj[ _-]?[tb]?",
}
NAMING = ("guides", "tags")  # kinds that say which perturbation or sample a cell has: labels, not measurements


def kind_of_type(name: str) -> str:
    """What features of a type measure, such as ``genes`` for ``Gene Expression``; empty if that is not known."""
    return next((kind for kind, words in _KINDS.items() if re.fullmatch(f"(?i){words}", name[:60].strip())), "")


def are_types(values: Sequence[str]) -> bool:
    """Whether the values of a column of ``var`` ``(n_features,)`` are types of features, of two kinds or more."""
    kinds = {kind_of_type(each) for each in set(values)}
    return len(kinds - {""}) > 1


def types_of_features(columns: Mapping[str, Sequence[Any]]) -> list[str] | None:
    """The type of each feature ``(n_features,)`` by the columns of ``var``; None if no column says types.

    Parameters
    ----------
    columns
        The columns of ``var`` by name, of which those in :data:`TYPE_COLUMNS` count.
    """
    for column in TYPE_COLUMNS:
        if column in columns:
            types = [each or "without a type" for each in label_texts(columns[column]).tolist()]
            if any(kind_of_type(each) for each in set(types)):
                return types
    return None


def check_feature_types(types: Sequence[str], *, name: str) -> tuple[Finding, ...]:
    """A warning if the features ``(n_features,)`` are of several types that are all used."""
    if not are_types(types):
        return ()
    counts = Counter(types)
    listed = some([f"{display(each, 30)} {n:,}" for each, n in counts.most_common()], 4)
    problem = f"{display(name, 40)} holds {plural(len(counts), 'type')} of features in one matrix: {listed}."
    naming = [each for each in counts if kind_of_type(each) in NAMING]
    if naming:
        problem += f" {display(naming[0], 30)} can give the label away: it says which guide or tag a cell has."
    return (warning("PM-F37", problem, "Keep one type: choose it as the modality in the file (part)."),)
