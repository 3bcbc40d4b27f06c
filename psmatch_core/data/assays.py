"""The assay of a matrix, by a written rule: declared types of its features, their names, and its values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.names import is_peak
from psmatch_core.data.checks.value_kinds import kind_of
from psmatch_core.data.feature_types import kind_of_type

# What a matrix measures. Counts of unknown features may be genes or proteins.
GENES, PROTEINS, PEAKS, MORPHOLOGY = "genes", "proteins", "peaks", "morphology"
IMAGES, EMBEDDING, COUNTS, OTHER = "images", "embedding", "counts", "other"
_MEASURED = (GENES, PROTEINS, PEAKS)  # the types of features that have a preprocessing of their own

# The share of names that must look so. Antibodies have many names without a pattern; of genes, few look like CD4.
SHARE_OF = {PEAKS: 0.8, MORPHOLOGY: 0.5, EMBEDDING: 0.8, PROTEINS: 0.3}
MOST_ANTIBODIES = 500  # panels have up to some 300; more features named like CD4 are genes
FEW_FEATURES = 300  # of counts that are mostly above 0, as those of antibodies and of small panels of genes are
MOSTLY = 0.5
ZEROS_OF_GENES = 0.1  # the share of values that are 0 in most tables of expression, and in few of other measurements
_LONGEST_NAME = 200  # characters that are looked at
BOTH_SIGNS = 0.8  # the share of morphology features that must lie on both sides of 0 once they are standardised

_NAMES = {
    MORPHOLOGY: re.compile(
        r"(?i)(cells?|nuclei|nucleus|cytoplasm|cyto|nuc)_.+|(\w+?_)?(areashape|intensity|texture|granularity|"
        r"correlation|radialdistribution|coloc|colocali[sz]ation|neighbors|zernike)_.+"
    ),
    EMBEDDING: re.compile(
        r"(?i)\w*?(pca?|lsi|svd|nmf|umap|t[-_]?sne|latent|scvi|harmony|z|dim|component|factor)[-_ .]?\d+"
    ),
    PROTEINS: re.compile(
        r"""(?ix)
          ((anti|hu|ms|mu|rat|human|mouse)[-_. ])*cd\d{1,3}[a-z]{0,2}([-_./ (].*)?      # CD4, CD8a, Hu.CD45RA, anti-CD3
        | (adt|ab|prot|protein)[-_:. ].+ | .+[-_. ](adt|prot|protein|tsa|total-?seq.*) | .*total-?seq.* | anti[-_. ].+
        | hla[-_. ]?(dr|dq|dp|abc)([-_./, (].*)? | tcr[-_. /]?(a|g|v|\u03b1|\u03b3).*
        | (mouse|rat|hamster|i)?[-_ ]?ig[gmadek]\d?[a-d]?([-_. ].*)?
        """
    ),
}
_OF_MATRIX = (  # what the name of an obsm matrix says
    (PROTEINS, re.compile(r"(?i).*(protein|antibod|(^|_)adt(_|$)).*")),
    (PEAKS, re.compile(r"(?i).*(peaks?|(^|_)atac)(_counts)?$")),
    (
        EMBEDDING,
        re.compile(r"(?i)(x_)?(\w*_)?(pca|lsi|svd|umap|tsne|harmony|scvi|scanvi|totalvi|latent|nmf|diffmap).*"),
    ),
)


@dataclass(frozen=True)
class Assay:
    """What a matrix measures.

    Parameters
    ----------
    name
        ``genes``, ``proteins``, ``peaks``, ``morphology``, ``images``, ``embedding``, ``counts`` (of features that may
        be genes or proteins) or ``other``.
    is_raw
        Whether the values are still as the assay gives them, and not normalised yet.
    """

    name: str
    is_raw: bool


def declared_assay(part: str, types: Iterable[str], matrix: str) -> str:
    """What a file itself says that a matrix measures: ``genes``, ``proteins``, ``peaks``, ``embedding`` or nothing.

    Parameters
    ----------
    part
        The modality that was chosen in the file, such as ``Antibody Capture``; empty if it has one.
    types
        Types of the features.
    matrix
        ``X``, ``layers/NAME``, ``raw`` or ``obsm/NAME``.
    """
    place, _, key = matrix.partition("/")
    if place == "obsm":
        return next((assay for assay, words in _OF_MATRIX if words.fullmatch(key[:_LONGEST_NAME])), "")
    kinds = {kind_of_type(part)} if kind_of_type(part) else {kind_of_type(each) for each in set(types)}
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= set(_MEASURED) else ""


def detect_assay(scan: MatrixScan, names: Sequence[str], *, declared: str = "", are_pixels: bool = False) -> Assay:
    """What a matrix measures: what the file declares, else what the names of its features show, else its values.

    Parameters
    ----------
    scan
        The values as far as they were read.
    names
        Names of the features ``(n_features,)``.
    declared
        What the file says; see :func:`declared_assay`.
    are_pixels
        Whether the features are pixels.
    """
    if are_pixels:
        return Assay(IMAGES, is_raw=True)
    kind = kind_of(scan).name
    name = declared or _by_names(names)
    if name == MORPHOLOGY:
        return Assay(name, is_raw=kind not in ("scaled", "constant") and not _is_around_0(scan))
    if name == EMBEDDING:
        return Assay(name, is_raw=False)
    is_raw = kind == "counts" or (kind == "binary" and name == PEAKS)
    if not name and is_raw:
        name = COUNTS if _could_be_proteins(scan) else GENES
    if not name and kind == "normalized" and scan.n_nonzero <= (1 - ZEROS_OF_GENES) * scan.n_cells * scan.n_features:
        name = GENES
    return Assay(name or OTHER, is_raw)


def _by_names(names: Sequence[str]) -> str:
    """The assay by the names of the features; empty if they show none."""
    texts = [str(each).strip()[:_LONGEST_NAME] for each in names]
    if not texts:
        return ""
    if sum(map(is_peak, texts)) >= SHARE_OF[PEAKS] * len(texts):
        return PEAKS
    for assay, words in _NAMES.items():
        if assay == PROTEINS and len(texts) > MOST_ANTIBODIES:
            continue
        if sum(words.fullmatch(each) is not None for each in texts) >= SHARE_OF[assay] * len(texts):
            return assay
    return ""


def _is_around_0(scan: MatrixScan) -> bool:
    """Whether most features lie on both sides of 0, as after a comparison with controls; measured ones seldom do."""
    return bool(np.mean((scan.low < 0) & (scan.high > 0)) >= BOTH_SIGNS) if scan.n_features else False


def _could_be_proteins(scan: MatrixScan) -> bool:
    n_values = scan.n_cells * scan.n_features
    return 0 < scan.n_features <= FEW_FEATURES and scan.n_nonzero >= MOSTLY * n_values
