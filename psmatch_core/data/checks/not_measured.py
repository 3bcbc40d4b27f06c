"""Numbers that tell nothing of a cell, by their names: positions, times, object numbers, counts, controls, maps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psmatch_core.data.checks.findings import Finding, display, name_list, warning

FEWEST_FEATURES = 2
UNMEASURED_CODE = "PM-C06"
_NOT_MEASURED = re.compile(
    r"""(?ix)
      (\w+_)?(location|parent|children|number)_.+            # CellProfiler: where an object is, and which
    | (\w+_)?areashape_(center|boundingbox\w*)(_.*)?
    | (object|image|table)_?number | (cell|object|nucleus)_?(id|index|label)
    | n_?(count|feature)_\w+ | n_?(counts|genes|umis?|features)(_by_counts)?    # per cell: Seurat, scanpy
    | (log1p_)?(total_counts|n_genes_by_counts)(_\w+)? | (log1p_)?pct_counts_\w+ | (library|lib)_?size
    | (percent|pct|frac|fraction)[._]?(mt|mito|ribo|rb|rp|hb|hemo)\w*
    | (x_?)?(umap|t[-_]?sne|phate|diffmap)[-_ .]?([12]?\d|[xyz]) | (pc|lsi|harmony|pca)_\d+     # embeddings
    | [xyz][-_ ]?(centroid|center|coord(inate)?s?|pos(ition)?|loc(ation)?|px|um)
    | (centroid|center|coord(inate)?|pos(ition)?|image|img|pxl|array|spatial)[-_ ]?(x|y|z|row|col)(_\w+)?
    | (doublet|scrublet|s|g2m)[._]score
    | (unmapped|no_match|unaligned)(_reads)?                                    # CITE-seq-Count: reads without a tag
    | neg(ative)?_?control_?(probe|codeword)s?([-_ ]?\w+)?                      # Xenium
    | (unassigned|deprecated|intergenic)_?codeword[-_]?\w+
    | blank[-_ ]?\d+ | negprb\w* | systemcontrol\d+ | falsecode\d*             # MERSCOPE, CosMx
    | event[-_ ]?(length|number|no|\#) | bead_?dist                             # cytometers
    """
)
_LETTERS = {"x", "y", "z"}
# Of a cytometer, which is known by its other columns: when an event came, and how well its pulse fits.
_OF_EVENTS = {"time", "center", "offset", "width", "residual"}
_CYTOMETER = re.compile(r"(?i)(comp-)?(fsc|ssc)[-_ .]?[ahw]?|event[-_ ]?length|.+ ?:: ?.+")


def not_measured(names: Sequence[str]) -> list[str]:
    """The names of numbers that tell nothing of a cell; none if nothing else would be left."""
    lower = {each.strip().lower() for each in names}
    others = _LETTERS if {"x", "y"} <= lower else set()
    if any(_CYTOMETER.fullmatch(each) for each in lower):
        others = others | _OF_EVENTS
    found = [each for each in names if _NOT_MEASURED.fullmatch(each.strip()) or each.strip().lower() in others]
    return found if len(names) - len(found) >= FEWEST_FEATURES else []


def unmeasured_finding(where: str, names: Sequence[str], *, are_left_out: bool) -> Finding:
    """The finding that columns of numbers are named like positions, controls and the like."""
    is_one = len(names) == 1
    count = "1 column is" if is_one else f"{len(names):,} columns are"
    what = ("and counts as" if is_one else "and count as") + " annotation" if are_left_out else "and used as features"
    problem = f"{where}: {count} named like a position, an object number, a count, a control or an embedding, {what}: "
    hint = (
        "Give those that were measured the role feature (roles)."
        if are_left_out
        else "Leave them out by giving them the role ignored (roles), if the assay did not measure them."
    )
    return warning(UNMEASURED_CODE, f"{problem}{name_list((display(each, 40) for each in names), 6)}.", hint)
