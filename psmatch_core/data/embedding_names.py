"""Which matrices and columns of a file are maps of its cells: embeddings such as X_umap, and positions in a tissue."""

from __future__ import annotations

import re
from collections.abc import Sequence

FEW_COLUMNS = 3  # a matrix of two or three columns is a position, whatever its name
MOST_COLUMNS = 200  # of an embedding: more are features
KNOWN = (
    "umap", "tsne", "pca", "diffmap", "drawgraph", "force", "phate", "spatial", "coord", "centroid", "position",
    "latent", "lsi", "svd", "ica", "nmf", "mds", "scvi", "harmony", "mofa", "embedding", "trimap", "pacmap",
)  # fmt: skip
ACROSS = {"x": "y", "1": "2", "col": "row", "column": "row", "longitude": "latitude"}


def is_embedding(name: str, n_columns: int) -> bool:
    """Whether a matrix in ``obsm`` places cells: two or three columns, or a name as embeddings have, such as X_pca."""
    if not 2 <= n_columns <= MOST_COLUMNS:
        return False
    return n_columns <= FEW_COLUMNS or name.casefold().startswith("x_") or _is_known(name)


def coordinate_columns(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Pairs of columns that place cells, such as UMAP_1 and UMAP_2, or x_centroid and y_centroid.

    Returns
    -------
    Across and up, by what both are called without their ending. Numbered columns count only under a name that
    embeddings have, because plates and doses are numbered too.
    """
    parts = {tuple(_words(name)): name for name in reversed(names)}
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        words = _words(name)
        for at, word in enumerate(words):
            other = parts.get((*words[:at], ACROSS.get(word, ""), *words[at + 1 :]))
            stem = "_".join((*words[:at], *words[at + 1 :]))
            if other is None or (word == "1" and not _is_known(stem)):
                continue
            found.setdefault(stem or f"{name}, {other}", (name, other))
    return found


def _is_known(name: str) -> bool:
    plain = re.sub(r"[^a-z]", "", name.casefold())
    return plain in ("pc", "dim") or any(each in plain for each in KNOWN)


def _words(name: str) -> list[str]:
    """The words of a column's name: UMAP_1, UMAP-1 and UMAP1 are the same two, CenterX and center_x as well."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
