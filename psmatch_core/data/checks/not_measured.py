"""Numbers that tell nothing of a cell, by their names: positions, times, object numbers, counts, controls, maps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psmatch_core.data.checks.findings import Finding, display, name_list, warning

FEWEST_MEASURED = 2
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
# The same without case, units and marks: Centroid X µm is centroid_x, and Cell: Position X is cell_position_x.
_UNIT = re.compile(r"(?<=[\s_)])[\[(]?(µm|μm|um|px|pixels?|microns?|s|sec|ms|h)[\])]?$")
_MARKS = re.compile(r"[^a-z0-9#]+")
_ANY_SPELLING = re.compile(
    r"""(?x)
      (\w+_)?(cell|object|nucleus|nuclei|track|event|entity|spot|tile|site|field|row|image)_?(id|index|no|nr|number|\#)
    | (\w+_)?(centroid|cent(er|re)|position|pos|coord(inate)?s?|location|cg|cog|bbox|bounding_?box(_(min|max)imum)?)
      _([xyz]|[0-5])
    | (\w+_)?(min|max)_?[xyz] | [xyz]_?(min|max)              # of a bounding box
    | (\w+_)?time_?stamp | date_?time | (acquisition|acq|measurement)_?(date_?)?time
    | number_of_(analy[sz]ed_)?fields
    | (\w+_)?snn_res_\d+(_\d+)? | (leiden|louvain)(_r(es(olution)?)?)?_?\d+(_\d+)?        # clusters
    | (size|sizefactor|scaling|norm(alization)?)_factors? | sizefactors?
    | (dpt_|palantir_|monocle3?_|slingshot_|latent_|velocity_)?pseudo_?time(_\d+)? | latent_time
    | velocity_(length|confidence(_transition)?) | initial_size(_(un)?spliced)?
    | prediction_score_\w+ | (hto|multi|adt)_margin | scdblfinder_\w+ | scrublet_\w+ | pann_\d\w* | phase_score
    | (log10_?)?(genes|features|umis?|counts)_?per_?(umi|cell|gene) | num_(features|umis?|genes)
    | log10_?n_?(umi|count)s?
    | (transcript|control_(probe|codeword)|genomic_control)_counts
    | tss_(enrichment|percentile|score) | frip | nucleosome_(signal|percentile|ratio) | (n_?)?frag(ment)?s?_?counts?
    | n_?frags? | passed_filters | blacklist_(ratio|fraction|region_fragments) | (pct_)?reads_in_(peaks|tss|promoters?)
    | (atac_)?peak_region_(fragments|cutsites)                                  # ATAC
    """
)
_LETTERS = {"x", "y", "z"}
_OF_PLATES = {"row", "column", "col", "plane", "field", "slice", "frame", "timepoint", "time"}
# Of a cytometer, which is known by its other columns: when an event came, and how well its pulse fits.
_OF_EVENTS = {"time", "center", "offset", "width", "residual"}
_CYTOMETER = re.compile(r"(?i)(comp-)?(fsc|ssc)[-_ .]?[ahw]?|event[-_ ]?length|.+ ?:: ?.+")


def not_measured(names: Sequence[str]) -> list[str]:
    """The names of numbers that tell nothing of a cell; none if nothing else would be left."""
    plain = [_plain(each) for each in names]
    lower = {each.strip().lower() for each in names}
    others = _LETTERS if {"x", "y"} <= lower else set()
    if {"row", "column"} <= lower or {"row", "col"} <= lower:
        others = others | _OF_PLATES
    if any(_CYTOMETER.fullmatch(each) for each in lower):
        others = others | _OF_EVENTS
    found = [
        name
        for name, text in zip(names, plain, strict=True)
        if _NOT_MEASURED.fullmatch(name.strip())
        or _ANY_SPELLING.fullmatch(text)
        or {name.strip().lower(), text} & others
    ]
    return found if len(names) - len(found) >= FEWEST_MEASURED else []


def _plain(name: str) -> str:
    """A name in small letters, without the unit at its end, its words joined by ``_``."""
    return _MARKS.sub("_", _UNIT.sub("", name.strip().lower())).strip("_")


def counter_finding(where: str, names: Sequence[str]) -> Finding:
    """The finding that columns number the rows, as an index that was written into the table."""
    what = "numbers the rows and counts" if len(names) == 1 else "number the rows and count"
    count = "1 column" if len(names) == 1 else f"{len(names):,} columns"
    problem = f"{where}: {count} {what} as annotation: {name_list((display(each, 40) for each in names), 6)}."
    return warning(UNMEASURED_CODE, problem, "Give those that were measured the role feature (roles).")


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
