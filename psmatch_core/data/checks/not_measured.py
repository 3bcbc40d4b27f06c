"""Numbers that the assay did not measure, by their names: positions, object numbers, counts per cell, embeddings."""

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
    """
)
_LETTERS = {"x", "y", "z"}


def not_measured(names: Sequence[str]) -> list[str]:
    """The names of positions, object numbers, counts per cell and embeddings; none if nothing else would be left."""
    lower = {each.strip().lower() for each in names}
    found = [
        each
        for each in names
        if _NOT_MEASURED.fullmatch(each.strip()) or (each.strip().lower() in _LETTERS and {"x", "y"} <= lower)
    ]
    return found if len(names) - len(found) >= FEWEST_FEATURES else []


def unmeasured_finding(where: str, names: Sequence[str], *, are_left_out: bool) -> Finding:
    """The finding that columns of numbers are named like positions, object numbers and the like."""
    count = "1 column is" if len(names) == 1 else f"{len(names):,} columns are"
    what = "and count as annotation" if are_left_out else "and used as features"
    problem = f"{where}: {count} named like a position, an object number, a count or an embedding, {what}: "
    hint = (
        "Give those that were measured the role feature (roles)."
        if are_left_out
        else "Leave them out by giving them the role ignored (roles), if the assay did not measure them."
    )
    return warning(UNMEASURED_CODE, f"{problem}{name_list((display(each, 40) for each in names), 6)}.", hint)
