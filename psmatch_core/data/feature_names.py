"""Names of features: where a file keeps them if they do not lie beside the matrix, or lie in a column of ``var``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import plural
from psmatch_core.data.checks.findings import Finding, display, name_list, warning

if TYPE_CHECKING:
    import pandas as pd

# Columns of var with names that people read, best first, as the programs of the field call them.
NAME_COLUMNS = (
    "feature_name", "gene_symbols", "gene_symbol", "symbol", "Symbol", "SYMBOL", "hgnc_symbol", "gene_name",
    "gene_names", "gene_short_name", "external_gene_name", "GeneSymbol", "Gene", "feature_names", "features", "name",
)  # fmt: skip
# Columns of var with ids that databases know.
ID_COLUMNS = (
    "feature_id", "gene_ids", "gene_id", "ensembl_id", "ensembl_ids", "ensembl", "ENSEMBL", "ensembl_gene_id",
    "Accession", "id", "ID", "feature_ids",
)  # fmt: skip
# Ensembl, FlyBase, WormBase, Entrez and row numbers; TAIR is what people read.
_ID = re.compile(r"(?i)ENS[A-Z]{0,6}[GTPE]\d{6,}(\.\d+)?(_PAR_Y)?|FBgn\d{7}|WBGene\d{8}|(entrez[:_]?)?\d+")
MOST_IDS = 0.9  # the share of names that must be ids
RECOGNISED_BY = 1000  # names by which a list is judged
_LIST = re.compile(r"(?i)(.*?)[_.\- ]?(names?|features?|columns?|markers?|labels?)")
# Matrices without measured features, by scanpy's prefix or their usual names; lists that name groups of cells.
_EMBEDDING = re.compile(r"(?i)X_.*|.*(pca|umap|t-?sne|spatial|lsi|latent|harmony|scvi|diffmap|mofa|embed|coord).*")
_OF_CELLS = re.compile(
    r"(?i)(label|cell|class|cluster|condition|batch|sample|group|donor|plate|perturb|treat|categor).*"
)


@dataclass(frozen=True)
class FeatureNames:
    """Names ``(n_features,)``, the ids beside them if the file has both, and columns that are no features."""

    names: list[str]
    ids: list[str] | None = None
    left_out: tuple[str, ...] = ()


def left_out_columns(name: str, key: str, columns: Sequence[str]) -> Finding:
    """The finding on columns of a table in obsm, called ``key``, that hold no numbers."""
    problem = (
        f"{name}, {display(key)}: {plural(len(columns), 'column')} without numbers left out: {name_list(columns)}."
    )
    return warning("PM-F71", problem, "Nothing, if these columns are no measurements.")


def choose_names(index: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> FeatureNames:
    """Names that people read, and ids, of features.

    Where the index holds ids and a column holds names, the names are the features. A feature without a name keeps its
    id, and a name that several features share gets the id added, as in ``TBCE (ENSG00000284770)``.

    Parameters
    ----------
    index
        The names of the features ``(n_features,)``.
    columns
        Columns of ``var``, of which those in ``NAME_COLUMNS`` and ``ID_COLUMNS`` count.
    """
    texts = [str(each) for each in index]
    if not _are_ids(texts):
        return FeatureNames(texts, _ids_beside(texts, columns))
    for key in NAME_COLUMNS:
        names = _texts(columns.get(key), len(texts))
        if names is not None and any(names) and not _are_ids([each for each in names if each]):
            return FeatureNames(distinct_names(names, texts), texts)
    return FeatureNames(texts)


def distinct_names(names: Sequence[str], ids: Sequence[str] | None) -> list[str]:
    """The names, with the id in place of an empty one and behind one that several features share."""
    if ids is None or len(ids) != len(names):
        return list(names)
    counts = Counter(names)
    return [
        each if not name else f"{name} ({each})" if counts[name] > 1 else name
        for name, each in zip(names, ids, strict=True)
    ]


def with_ids(table: pd.DataFrame, ids: Mapping[str, str], column: str = "feature") -> pd.DataFrame:
    """The table with the id of each feature in ``<column>_id`` behind ``column``; unchanged where there are no ids.

    Parameters
    ----------
    ids
        Id of each feature by its name.
    """
    if ids:
        place = list(table.columns).index(column)
        table.insert(place + 1, f"{column}_id", [ids.get(str(each), "") for each in table[column]])
    return table


def naming_list(key: str, n_features: int, lists: Mapping[str, int]) -> str | None:
    """Which list of ``uns`` names the columns of matrix ``key`` of ``obsm``, such as ``protein_names``; None without.

    A list whose first word is that of the matrix goes first; without one, the only list of this length, unless it names
    groups of cells (``condition_names``), and never for an embedding such as ``X_pca``, whose columns have no names.

    Parameters
    ----------
    key, n_features
        Name of the matrix and its columns.
    lists
        Length of each list of texts in ``uns``.
    """
    fitting = {name: match[1] for name, n in lists.items() if n == n_features and (match := _LIST.fullmatch(name))}
    first = _first_word(key.removeprefix("X_"))
    akin = [name for name, stem in fitting.items() if stem and _first_word(stem) == first]
    if akin:
        return akin[0]
    others = [name for name, stem in fitting.items() if not _OF_CELLS.fullmatch(stem)]
    return others[0] if len(others) == 1 and not _EMBEDDING.fullmatch(key) else None


def numbered_names(key: str, n_features: int) -> list[str]:
    """Names of the columns of a matrix that has none, such as ``X_pca_1``."""
    return [f"{key}_{i + 1}" for i in range(n_features)]


def text_lists(uns: Mapping[str, Any]) -> dict[str, list[str]]:
    """The lists of texts in ``uns`` of an AnnData object."""
    lists = {name: list(each) for name, each in uns.items() if isinstance(each, Sequence) or hasattr(each, "tolist")}
    return {name: each for name, each in lists.items() if each and all(isinstance(text, str) for text in each)}


def _first_word(text: str) -> str:
    return re.split(r"[_.\- ]", text.lower())[0].removesuffix("s")


def _ids_beside(names: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> list[str] | None:
    for key in ID_COLUMNS:
        ids = _texts(columns.get(key), len(names))
        if ids is not None and any(ids) and ids != list(names):
            return ids
    return None


def _texts(column: Sequence[Any] | None, n: int) -> list[str] | None:
    """A column as texts, empty where it is missing; None if it is absent or of another length."""
    if column is None or len(column) != n:
        return None
    # pandas' own missing value cannot be compared
    return ["" if each is None or str(each) == "<NA>" or each != each else str(each).strip() for each in column]


def _are_ids(names: Sequence[str]) -> bool:
    sample = names[:RECOGNISED_BY]
    return bool(sample) and sum(_ID.fullmatch(each[:64]) is not None for each in sample) >= MOST_IDS * len(sample)
