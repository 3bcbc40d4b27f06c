"""Preprocessing: normalise counts, take logarithms, select variable features, z-score, PCA; mostly with scanpy.

A fitted transform treats new cells in exactly the same way as the cells it was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from psmatch_core.base.arrays import frozen, to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.batch_scale import ONE_BATCH, BatchScale, standardised
from psmatch_core.data.checks import display
from psmatch_core.data.checks.value_kinds import kind_of
from psmatch_core.data.feature_selection import distinct_features, variable_features
from psmatch_core.data.images import ImageShape, shape_text
from psmatch_core.data.lsi import Lsi, fit_lsi, inverse_frequencies
from psmatch_core.data.modality import Matrix, Modality
from psmatch_core.data.normalisation import NormalizedRows, automatic
from psmatch_core.data.scaling import minimum, moments, scaled, scaled_features, scaled_in_single

MEDIAN_FLOOR = 1.0  # counts; a smaller median library size is not one of counts
MANY_FEATURES = 2000  # with more, -1 keeps the most variable ones, before anything dense is made


@dataclass(frozen=True)
class Preprocessing(Config):
    """How the values of a modality become features.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> fitted = psmatch.Preprocessing(n_top_genes=50).fit(source)
    >>> fitted.transform(source).n_features
    50
    """

    normalize: str = option(
        "auto",
        choices=("auto", "none", "log1p", "clr", "tfidf"),
        help="auto: counts are normalised to equal library size and log-transformed, other values stay unchanged; "
        "clr: centred log-ratio, for protein counts; tfidf: term frequency × inverse document frequency, for peaks.",
    )
    n_top_genes: int = option(
        -1,
        minimum=-1,
        unit="features",
        help=f"Number of highly variable features to keep; 0 keeps all, -1 keeps {MANY_FEATURES:,} if there are more "
        "(all of them for LSI, which is tfidf with components).",
    )
    n_components: int = option(
        0,
        minimum=0,
        unit="components",
        help="Number of principal components, or of LSI components with tfidf; 0 uses the features themselves.",
    )
    batch_scaling: str = option(
        "none",
        choices=("none", "robust z", "z"),
        advanced=True,
        help="Standardise every feature within each batch, such as a plate, after normalising: by median and MAD "
        "(robust z) or by mean and standard deviation (z).",
    )
    batch_key: str = option(
        "",
        label="batch column",
        advanced=True,
        help="The column that names the batch or plate of a cell, for batch_scaling; empty: all cells are one batch.",
    )
    batch_controls: tuple[str, ...] = option(
        (),
        label="controls of a batch",
        advanced=True,
        help="Labels of the control cells with which each batch is compared; an empty list uses all its cells.",
    )
    largest_z: float = option(
        10.0,
        minimum=0,
        advanced=True,
        help="Values of batch_scaling beyond ± this are set to it, so that outliers do not dominate; 0 keeps them.",
    )
    largest_correlation: float = option(
        1.0,
        above=0,
        maximum=1,
        advanced=True,
        help="Leave out features that correlate above this with a kept one (absolute Pearson); 1 keeps all.",
    )
    scale: bool = option(True, help="Give every feature mean 0 and variance 1 (z-score).", advanced=True)

    @property
    def is_lsi(self) -> bool:
        """Whether features become LSI components."""
        return self.normalize == "tfidf" and self.n_components > 0

    def fit(self, modality: Modality, *, seed: int = 0) -> FittedPreprocessing:
        """Fit the transform to the cells of a modality.

        Raises
        ------
        PsmatchError
            If a step does not suit the values: a logarithm of negative values, or more components than cells.
        """
        if modality.image_shape is not None:
            return self._unchanged(modality, modality.image_shape)
        seen = kind_of(modality.scan)
        kind, reason = seen.name, seen.reason
        normalize = self.normalize
        if normalize == "auto":
            normalize = automatic(kind)
        if normalize != "none" and minimum(modality.X) < 0:
            raise PsmatchError(
                f"{modality.name}: {normalize} needs counts, but some values are negative ({reason}).",
                hint="Choose normalize 'none', or the layer that holds the counts.",
            )
        notes = [f"{modality.name}: values look like {kind} ({reason}); normalisation used: {normalize}."]
        if kind not in {"log1p": ("counts",), "tfidf": ("counts", "binary")}.get(normalize, (kind,)):
            notes.append(f"{modality.name}: {normalize} was used as requested, although the values look {kind}.")
        sizes = np.asarray(modality.X.sum(axis=1), dtype=np.float64).ravel()  # (n_cells,)
        target_sum = float(max(np.median(sizes[sizes > 0]) if (sizes > 0).any() else 1.0, MEDIAN_FLOOR))
        empty = int((sizes <= 0).sum()) if normalize in ("log1p", "tfidf") else 0
        if empty:
            notes.append(f"{modality.name}: {plural(empty, 'cell')} without any counts; their features are zero.")
        idf = inverse_frequencies(modality.X) if normalize == "tfidf" else np.zeros(0)
        values = NormalizedRows(modality.X, normalize, target_sum, idf)
        X, columns, batch_scale = self._features(values, modality, notes)
        lsi = self._lsi(X, sizes, modality.name, seed=seed, notes=notes) if self.is_lsi else None
        if lsi is not None:
            X = lsi.apply(X)
        elif self.n_components > min(X.shape) - 1:
            raise PsmatchError(
                f"{modality.name}: {self.n_components} principal components requested, but {X.shape[0]:,} cells × "
                f"{X.shape[1]:,} features have at most {min(X.shape) - 1}.",
                hint=f"Choose at most {min(X.shape) - 1} components.",
            )
        mean, spread = moments(X)
        if (spread == 0).any():
            notes.append(
                f"{modality.name}: {plural(int((spread == 0).sum()), 'feature')} without variance; they carry no "
                "information and stay at 0."
            )
        components = np.zeros((0, 0))
        if self.n_components and lsi is None:
            components = _principal_axes(scaled(X, mean, spread, self.scale), self.n_components, seed)
            notes.append(f"{modality.name}: {self.n_components} principal components of {X.shape[1]:,} features.")
        return FittedPreprocessing(
            config=self,
            normalize=normalize,
            target_sum=target_sum,
            var_names=tuple(modality.var_names.tolist()),
            columns=columns,
            mean=mean,
            spread=spread,
            components=components,
            notes=tuple(notes),
            batch_scale=batch_scale,
            idf=idf,
            lsi=lsi,
        )

    def _lsi(self, X: Matrix, depth: np.ndarray, name: str, *, seed: int, notes: list[str]) -> Lsi:
        """The LSI of the features; what was done is added to the notes."""
        if self.batch_scaling != "none":
            raise PsmatchError(
                f"{name}: LSI of peaks cannot be combined with batch_scaling, whose values are no longer sparse.",
                hint="Set batch_scaling to none, or n_components to 0.",
            )
        lsi, correlation = fit_lsi(X, self.n_components, depth, name=name, seed=seed)
        how = f"correlation {correlation:.2f} with the logarithm of a cell's counts"
        first = f"component 1 is left out as depth ({how})" if lsi.first > 1 else f"component 1 is kept ({how})"
        notes.append(
            f"{name}: LSI with {self.n_components} components of {X.shape[1]:,} features; {first}. Translations "
            f"into {name} predict these components, not single features."
        )
        return lsi

    def _unchanged(self, modality: Modality, shape: ImageShape) -> FittedPreprocessing:
        """Leave images unchanged: single pixels are not selected or scaled, and the network scales each channel."""
        asked = [name for name, value in vars(self).items() if value != getattr(Preprocessing(), name)]
        unused = f" The settings {some(asked)} apply to features only and were not used." if asked else ""
        return FittedPreprocessing(
            config=self,
            normalize="none",
            target_sum=1.0,
            var_names=tuple(modality.var_names.tolist()),
            columns=np.arange(modality.n_features),
            mean=np.zeros(0),
            spread=np.zeros(0),
            components=np.zeros((0, 0)),
            notes=(
                f"{modality.name}: {shape_text(shape)}, not preprocessed; the network scales each channel to mean 0 "
                f"and standard deviation 1.{unused}",
            ),
            image_shape=shape,
        )

    def _features(
        self, values: NormalizedRows, modality: Modality, notes: list[str]
    ) -> tuple[Matrix, np.ndarray, BatchScale | None]:
        """The features that are used, standardised within batches if asked, and their places in the file."""
        columns, scale = np.arange(values.shape[1]), None
        # Logged counts are chosen by their dispersion, before a sparse matrix becomes dense; others by their z-scores.
        is_chosen_first = self.batch_scaling == "none" or values.how in ("log1p", "tfidf")
        if is_chosen_first:
            columns = self._columns(values, modality.name, notes)
        X = values.columns(columns)
        if self.batch_scaling != "none":
            X, kept, scale = standardised(
                X,
                modality,
                modality.var_names[columns],
                notes,
                how=self.batch_scaling,
                key=self.batch_key,
                controls=self.batch_controls,
                largest=self.largest_z,
            )
            columns = columns[kept]
        if not is_chosen_first:
            chosen = self._columns(NormalizedRows(X), modality.name, notes)
            X, columns, scale = X[:, chosen], columns[chosen], scale and scale.columns(chosen)
        if self.largest_correlation < 1:
            chosen = distinct_features(X, self.largest_correlation, modality.name)
            if chosen.size < X.shape[1]:
                notes.append(
                    f"{modality.name}: {plural(X.shape[1] - chosen.size, 'feature')} left out that correlate above "
                    f"{self.largest_correlation:g} with one of the {chosen.size:,} kept."
                )
            X, columns, scale = X[:, chosen], columns[chosen], scale and scale.columns(chosen)
        return X, columns, scale

    def _columns(self, values: NormalizedRows, name: str, notes: list[str]) -> np.ndarray:
        wanted, n_features = self.n_top_genes, values.shape[1]
        if wanted < 0:
            wanted = MANY_FEATURES if n_features > MANY_FEATURES and not self.is_lsi else 0
        if wanted == 0 or wanted >= n_features:
            return np.arange(n_features)
        columns = variable_features(values, wanted)
        notes.append(f"{name}: the {wanted:,} most variable of {n_features:,} features are used.")
        return columns


@dataclass(frozen=True, eq=False)
class FittedPreprocessing:
    """A fitted transform; :meth:`transform` applies it to the same cells or to new ones."""

    config: Preprocessing
    normalize: str
    target_sum: float
    var_names: tuple[str, ...]
    columns: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    components: np.ndarray
    notes: tuple[str, ...]
    image_shape: ImageShape | None = None
    batch_scale: BatchScale | None = None
    idf: np.ndarray = field(default_factory=lambda: np.zeros(0))
    lsi: Lsi | None = None

    def transform(self, modality: Modality) -> Modality:
        """Compute the features of a modality's cells.

        Raises
        ------
        PsmatchError
            If its features differ in name or order from those that the transform was fitted on.
        """
        if tuple(modality.var_names.tolist()) != self.var_names:
            raise PsmatchError(
                f"{modality.name}: its {modality.n_features:,} features differ from the {len(self.var_names):,} that "
                "the preprocessing was fitted on.",
                hint="Provide the same features in the same order.",
            )
        if modality.image_shape != self.image_shape:
            was, came = (shape_text(each) if each else "no images" for each in (self.image_shape, modality.image_shape))
            raise PsmatchError(
                f"{modality.name}: the preprocessing was fitted on {was}, these cells are {came}.",
                hint="Provide images with the same channels, height and width.",
            )
        if self.image_shape is not None:
            return modality
        X = self.readable_values(modality.X, self._batches_of(modality))
        names = self._names(modality)
        if self.components.size:
            X = scaled_in_single(X, self.mean, self.spread, self.config.scale, axes=self.components)
            return modality.with_features(X, [f"PC{i + 1}" for i in range(X.shape[1])])
        if self.config.scale:
            return modality.with_features(scaled_features(X, self.mean, self.spread), names)
        return modality.with_features(X, names)

    def readable(self, modality: Modality) -> Modality:
        """The features before scaling and PCA, in which translations are reported; the components of an LSI."""
        if self.image_shape is not None:
            return modality
        X = self.readable_values(modality.X, self._batches_of(modality))
        return modality.with_features(frozen(X), self._names(modality))  # its own, or read-only already

    def readable_values(self, X: Matrix, batch_of: Sequence[str] | None = None) -> Matrix:
        """The same for a matrix ``(n_cells, n_features)`` of the features that the transform was fitted on.

        Parameters
        ----------
        batch_of
            The batch of each cell ``(n_cells,)``; needed where features were standardised within batches of a column.

        Raises
        ------
        PsmatchError
            If batches are needed and not given, or were not among those that the transform was fitted on.
        """
        if self.image_shape is not None:
            return X
        X = NormalizedRows(X, self.normalize, self.target_sum, self.idf).columns(self.columns)
        if self.lsi is not None:
            return self.lsi.apply(X)
        if self.batch_scale is None:
            return X
        if batch_of is None and self.config.batch_key:
            raise PsmatchError(
                f"Features were standardised within batches of {display(self.config.batch_key)}, which is not given.",
                hint="Give the batch of each cell: a column of this name in the file, or batch_of in Python.",
                code="PM-B01",
            )
        batch_of = batch_of if batch_of is not None else [ONE_BATCH] * X.shape[0]
        return self.batch_scale.apply(to_dense(X, dtype=None), batch_of, self.config.largest_z)[0].astype(np.float32)

    def _names(self, modality: Modality) -> np.ndarray | list[str]:
        return self.lsi.names if self.lsi is not None else modality.var_names[self.columns]

    def _batches_of(self, modality: Modality) -> list[str] | None:
        return self.batch_scale.batches_of(modality, self.config.batch_key) if self.batch_scale else None


def _principal_axes(dense: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Loadings ``(n_features, n)``."""
    from sklearn.decomposition import PCA

    pca: Any = PCA(n_components=n, random_state=seed % 2**32).fit(dense)
    return np.asarray(pca.components_.T)
