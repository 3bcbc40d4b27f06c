"""Preprocessing: normalise counts, take logarithms, select variable features, z-score, PCA; mostly with scanpy.

A fitted transform treats new cells in exactly the same way as the cells it was fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.checks import detect_kind
from psmatch_core.data.images import ImageShape, shape_text
from psmatch_core.data.modality import Matrix, Modality

MEDIAN_FLOOR = 1.0  # counts; a smaller median library size is not one of counts
MANY_FEATURES = 2000  # with more, -1 keeps the most variable ones, before anything dense is made
CLIP = 10.0  # standard deviations; one larger outlier of one gene would dominate a network


def automatic(kind: str) -> str:
    """What ``auto`` does with values of a kind."""
    return "log1p" if kind == "counts" else "none"


@dataclass(frozen=True)
class Preprocessing(Config):
    """How the values of a modality become features."""

    normalize: str = option(
        "auto",
        choices=("auto", "none", "log1p", "clr"),
        help="auto: counts are normalised to equal library size and log-transformed, other values stay unchanged; "
        "clr: centred log-ratio, for protein counts.",
    )
    n_top_genes: int = option(
        -1,
        minimum=-1,
        unit="features",
        help=f"Number of highly variable features to keep; 0 keeps all, -1 keeps {MANY_FEATURES:,} if there are more.",
    )
    n_components: int = option(
        0, minimum=0, unit="components", help="Number of principal components; 0 uses the features themselves."
    )
    scale: bool = option(True, help="Give every feature mean 0 and variance 1 (z-score).", advanced=True)

    def fit(self, modality: Modality, *, seed: int = 0) -> FittedPreprocessing:
        """Fit the transform to the cells of a modality.

        Raises
        ------
        PsmatchError
            If a step does not suit the values: a logarithm of negative values, or more components than cells.
        """
        if modality.image_shape is not None:
            return self._unchanged(modality, modality.image_shape)
        seen = detect_kind(modality.X)
        kind, reason = seen.name, seen.reason
        normalize = self.normalize
        if normalize == "auto":
            normalize = automatic(kind)
        if normalize != "none" and _minimum(modality.X) < 0:
            raise PsmatchError(
                f"{modality.name}: {normalize} needs counts, but some values are negative ({reason}).",
                hint="Choose normalize 'none', or the layer that holds the counts.",
            )
        notes = [f"{modality.name}: values look like {kind} ({reason}); normalisation used: {normalize}."]
        if normalize == "log1p" and kind != "counts":
            notes.append(f"{modality.name}: log1p was used as requested, although the values look {kind}.")
        sizes = np.asarray(modality.X.sum(axis=1), dtype=np.float64).ravel()  # (n_cells,)
        target_sum = float(max(np.median(sizes[sizes > 0]) if (sizes > 0).any() else 1.0, MEDIAN_FLOOR))
        empty = int((sizes <= 0).sum()) if normalize == "log1p" else 0
        if empty:
            notes.append(f"{modality.name}: {plural(empty, 'cell')} without any counts; their features are zero.")
        X = _normalized(modality.X, normalize, target_sum)
        columns = self._columns(X, modality.name, notes)
        X = X[:, columns]
        if self.n_components > min(X.shape) - 1:
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
        if self.n_components:
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
        )

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

    def _columns(self, X: Matrix, name: str, notes: list[str]) -> np.ndarray:
        wanted = self.n_top_genes
        if wanted < 0:
            wanted = MANY_FEATURES if X.shape[1] > MANY_FEATURES else 0
        if wanted == 0 or wanted >= X.shape[1]:
            return np.arange(X.shape[1])
        columns = _variable_features(X, wanted)
        notes.append(f"{name}: the {wanted:,} most variable of {X.shape[1]:,} features are used.")
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
        X = _normalized(modality.X, self.normalize, self.target_sum)[:, self.columns]
        names = modality.var_names[self.columns]
        if self.components.size:
            X = scaled(X, self.mean, self.spread, self.config.scale) @ self.components
            return modality.with_features(X.astype(np.float32), [f"PC{i + 1}" for i in range(X.shape[1])])
        if self.config.scale:
            return modality.with_features(scaled(X, self.mean, self.spread, True).astype(np.float32), names)
        return modality.with_features(X, names)

    def readable(self, modality: Modality) -> Modality:
        """The features before scaling and PCA, in which translations are reported."""
        if self.image_shape is not None:
            return modality
        return modality.with_features(self.readable_values(modality.X), modality.var_names[self.columns])

    def readable_values(self, X: Matrix) -> Matrix:
        """The same for a matrix ``(n_cells, n_features)`` of the features that the transform was fitted on."""
        if self.image_shape is not None:
            return X
        return _normalized(X, self.normalize, self.target_sum)[:, self.columns]


def _normalized(X: Matrix, normalize: str, target_sum: float) -> Matrix:
    if normalize == "none":
        return X
    if normalize == "log1p":
        import scanpy as sc  # heavy: only when counts are normalised
        from anndata import AnnData

        adata = AnnData(X.astype(np.float32, copy=True))
        sc.pp.normalize_total(adata, target_sum=target_sum)
        sc.pp.log1p(adata)
        return adata.X
    # Centred log-ratio over the features of a cell: log1p(x) minus its mean, so that the cell's staining depth
    # cancels. Source: Stoeckius et al. 2017, CITE-seq, Online Methods; log1p as in Seurat's margin 2.
    dense = np.log1p(to_dense(X, dtype=None))
    return np.asarray(dense - dense.mean(axis=1, keepdims=True), dtype=np.float32)


def _variable_features(X: Matrix, n: int) -> np.ndarray:
    """Indices of the ``n`` most variable features in file order, by scanpy's Seurat dispersion."""
    import pandas as pd
    import scanpy as sc
    from anndata import AnnData

    if _minimum(X) < 0:  # dispersion is defined for logged counts only; use the variance
        return np.sort(np.argsort(-moments(X)[1], kind="stable")[:n])
    adata = AnnData(X, var=pd.DataFrame(index=[str(i) for i in range(X.shape[1])]))
    table = sc.pp.highly_variable_genes(adata, n_top_genes=n, flavor="seurat", inplace=False)
    score = table["dispersions_norm"].to_numpy(dtype=float)
    return np.sort(np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")[:n])


def moments(X: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, float64."""
    if sparse.issparse(X):
        mean = np.asarray(X.mean(axis=0, dtype=np.float64)).ravel()
        square = np.asarray(X.multiply(X).mean(axis=0, dtype=np.float64)).ravel()
        variance = np.maximum(square - mean**2, 0)
        # rounding leaves a tiny variance in constant columns
        return mean, np.sqrt(np.where(variance > 1e-12 * np.maximum(square, 1e-300), variance, 0))
    spread = X.std(axis=0, dtype=np.float64)
    constant = (X[:1] == X).all(axis=0)
    return X.mean(axis=0, dtype=np.float64), np.where(constant, 0, spread)


def scaled(X: Matrix, mean: np.ndarray, spread: np.ndarray, scale: bool) -> np.ndarray:
    """Features with mean 0 and, if ``scale``, variance 1 and values clipped at ±10; dense ``(n_cells, n_features)``."""
    dense: np.ndarray = np.subtract(to_dense(X, dtype=None), mean, dtype=np.float64)
    if scale:
        dense /= np.where(spread > 0, spread, 1.0)
        np.clip(dense, -CLIP, CLIP, out=dense)
    return dense


def _principal_axes(dense: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Loadings ``(n_features, n)``."""
    from sklearn.decomposition import PCA

    pca: Any = PCA(n_components=n, random_state=seed % 2**32).fit(dense)
    return np.asarray(pca.components_.T)


def _minimum(X: Matrix) -> float:
    return float(X.min()) if X.shape[0] and X.shape[1] else 0.0
