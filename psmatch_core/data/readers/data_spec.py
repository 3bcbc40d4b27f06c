"""The settings that make a modality of a file: one declaration for recipe, command line, pages and readers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError

NAME_ROLE, FEATURE_ROLE, ANNOTATION_ROLE, IGNORED_ROLE = "cell name", "feature", "annotation", "ignored"
ROLES = (NAME_ROLE, FEATURE_ROLE, ANNOTATION_ROLE, IGNORED_ROLE)
FEATURE_COLUMNS = "columns"  # in varm of a copy: beside var, where they could be taken for names or types
JOINED_NAME = " × "  # between the columns of a label
# What every door names as readable; docs/formats.md says what of each format is read.
FORMATS_READ = (
    "h5ad, h5mu, loom, zarr (folder or zip), 10x h5 or mtx (folder or tar.gz), npz, npy, parquet, feather, csv or tsv "
    "(also .gz, or inside a zip)"
)


@dataclass(frozen=True)
class DataSpec(Config):
    """The file, the matrix and the label column that make a modality.

    Examples
    --------
    >>> import psmatch
    >>> psmatch.DataSpec(path="rna.h5ad", label_key="ko", matrix="layers/counts")
    DataSpec(path='rna.h5ad', label_key='ko', matrix='layers/counts')
    """

    path: str = option(label="file", help=f"The file: {FORMATS_READ}.")
    label_key: str = option("", label="label column", help="The column that holds the label of each cell.")
    part: str = option(
        "",
        label="modality in the file",
        help="Which modality of a file with several: the name of one in an h5mu file, or a feature type of a 10x "
        "matrix, such as Antibody Capture, or one table of a zip archive. Empty: all features of the file.",
    )
    label_with: tuple[str, ...] = option(
        (),
        label="further label columns",
        help="Columns that make the label together with the label column, such as the dose of a drug.",
    )
    cells: tuple[str, ...] = option(
        (),
        label="cells to use",
        help="Rules that a cell must meet to be used, each a column, a comparison and a value: grna_frac > 0.8, "
        "donor = D1, plate in P1, P2. A cell without a value meets no rule.",
        commas_part=False,
    )
    matrix: str = option("X", help="The matrix to use: X, layers/NAME, raw or obsm/NAME.")
    roles: tuple[tuple[str, str], ...] = option(
        (),
        label="roles of columns",
        help="Columns and features that are to be something else than proposed, as pairs (name, role); the roles are "
        "cell name, feature, annotation and ignored.",
    )
    bad_values: str = option(
        "refuse",
        label="missing values",
        help="What to do with missing and infinite values: refuse the matrix, leave out the features that have any, "
        "fill them with the median of their feature, or leave out the cells that have any. The last two first leave "
        "out features that lack more than most_missing.",
        choices=("refuse", "drop features", "fill", "drop cells"),
    )
    most_missing: float = option(
        0.05,
        label="largest missing share",
        help="A feature that lacks a larger share of its values is left out instead of filled.",
        minimum=0,
        maximum=1,
        advanced=True,
    )
    name: str = option(
        "", label="name in figures", help="Name of this modality in figures and messages; the file's name if empty."
    )
    labels_path: str = option(
        "",
        label="table of labels",
        help="A second table (csv, tsv) with the labels; one of its columns names the cells.",
    )
    guide_umis: int = option(
        0,
        label="fewest UMIs of a guide",
        help="For a table of labels with guides and their UMIs (protospacer_calls_per_cell.csv, or a column of counts "
        "for each guide): the label of a cell is the guide with most UMIs, if it has at least so many. If guide_ratio "
        "is 0 too, the calls of the table are used as they are.",
        unit="UMIs",
        minimum=0,
        advanced=True,
    )
    guide_ratio: float = option(
        0.0,
        label="UMIs of a guide over those of the second",
        help="The same: and if it has at least so many times the UMIs of the second guide.",
        minimum=0,
        advanced=True,
    )
    pair_key: str = option(
        "", label="known pairs", help="A column that identifies true pairs; used only for evaluation.", advanced=True
    )
    missing_labels: str = option(
        "refuse",
        label="cells without a label",
        help="What to do with cells without a label.",
        choices=("refuse", "drop"),
        advanced=True,
    )
    sha256: str = option("", help="SHA-256 of the file when it was chosen; a changed file is refused.", advanced=True)

    @property
    def label_name(self) -> str:
        """The name of the label: its column, or its columns joined, such as ``drug × dose``."""
        return JOINED_NAME.join((self.label_key, *self.label_with)) if self.label_with else self.label_key

    @property
    def chosen_matrix(self) -> str:
        """The matrix if another than the file's main one was chosen, else empty."""
        return "" if self.matrix == "X" else self.matrix

    @property
    def role_of(self) -> dict[str, str]:
        """The role of each column and feature for which one was chosen.

        Raises
        ------
        PsmatchError
            If a role is none of :data:`ROLES`.
        """
        wrong = next((pair for pair in self.roles if len(pair) != 2 or pair[1] not in ROLES), None)
        if wrong is not None:
            raise PsmatchError(
                f"{', '.join(map(str, wrong))!r} is not a column and its role.",
                hint=f"Write pairs of a name and one of {', '.join(ROLES)}.",
                code="PM-C05",
            )
        return dict(self.roles)

    @property
    def measured(self) -> frozenset[str]:
        """The columns and features that are features by choice."""
        return frozenset(name for name, role in self.role_of.items() if role == FEATURE_ROLE)

    def with_absolute_paths(self) -> DataSpec:
        """The same files, found from any folder."""
        return replace(
            self,
            path=str(Path(self.path).absolute()),
            labels_path=str(Path(self.labels_path).absolute()) if self.labels_path else "",
        )
