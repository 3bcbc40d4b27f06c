"""What gives a label away, and what only looks like it: how often either is told, on drawn screens and on real data.

``python -m benchmarks.given_away [../shared/data]`` prints the table of docs/monitor.md (two cores, half a minute).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.arrays import Array
from psmatch_core.data.carrying_features import carrying_features
from psmatch_core.data.given_away import given_away
from psmatch_core.data.modality import Modality

GENES = ("NT", "STAT1", "JAK2", "IRF1", "CUL3", "SMAD4", "MYC", "BRD4")
KEY = "perturbation"
FORMS: dict[str, Callable[[Array], Array]] = {
    "counts": lambda X: X,
    "log": lambda X: np.log1p(X / np.maximum(X.sum(1, keepdims=True), 1) * 1e3),
    "floats": lambda X: X.astype(float) * 1.7,
}
FIRST = 10_000  # seeds below are those of the tests


def screen(
    rng: np.random.Generator, n: int = 320, names: tuple[str, ...] = GENES, effect: float = 2.0, n_genes: int = 60
) -> tuple[Array, Array, list[str]]:
    """Labels ``(n,)`` and counts of genes ``(n, n_genes)`` that a hidden state and an effect of each label change."""
    y = rng.permutation(np.arange(n) % len(names))
    z = rng.normal(0, effect, (len(names), 6))[y] + rng.normal(size=(n, 6))
    X = rng.poisson(np.exp(np.clip(0.4 + z @ rng.normal(0, 0.35, (6, n_genes)), -4, 5)))
    return y, X.astype(float), [f"GENE{i}" for i in range(n_genes)]


def guides(
    rng: np.random.Generator, y: Array, n_labels: int, *, per_label: int = 1, ambient: float = 0.1, control: bool = True
) -> Array:
    """Counts of guides: the guide of a cell has many; one of another label has one or two in a share of the cells."""
    own, shape = y * per_label + rng.integers(0, per_label, y.size), (y.size, n_labels * per_label)
    X = np.where(rng.random(shape) < ambient, rng.integers(1, 3, shape), 0)
    X[np.arange(y.size), own] = rng.integers(8, 60, y.size)
    return X[:, 0 if control else per_label :].astype(float)


def cell_types(rng: np.random.Generator, *, antibodies: bool = False) -> tuple[Array, Array]:
    """Labels and counts of two to nine types, each with markers of its own, among features that all types have.

    One to thirty genes with dropouts and ambient RNA; or one to three antibodies with background.
    """
    k, n, n_others = int(rng.integers(2, 10)), int(rng.integers(200, 600)), int(rng.integers(10, 400))
    per_type = int(rng.integers(1, 4 if antibodies else 30))
    y = rng.permutation(np.arange(n) % k)
    background = rng.uniform(1, 10) if antibodies else rng.choice([0.0, 0.01, 0.05, 0.3])
    level = np.full((k, k * per_type), background)
    height = rng.uniform(3, 100) if antibodies else 1.0
    for each in range(k):
        level[each, each * per_type : (each + 1) * per_type] = height * rng.lognormal(0.5, 1.0, per_type)
    depth = rng.lognormal(0, 0.4, (n, 1))
    markers = rng.poisson(level[y] * rng.gamma(2, 0.5, (n, k * per_type)) * depth)
    return y, np.hstack([markers, rng.poisson(rng.lognormal(-1, 1, n_others) * depth)]).astype(float)


def as_anndata(X: Array | sparse.csr_matrix, y: Array, names: tuple[str, ...], features: list[str]) -> anndata.AnnData:
    """Cells with their labels in the column :data:`KEY`."""
    obs = pd.DataFrame({KEY: np.asarray(names, dtype=object)[y]}, [f"c{i}" for i in range(len(y))])
    return anndata.AnnData(X, obs, pd.DataFrame(index=features))


def telling(adata: anndata.AnnData, code: str = "PM-L30") -> list[str]:
    """What is said before training of features that name the label."""
    made = Modality.from_anndata(adata, label_key=KEY, name="RNA")
    return [each.problem for each in made.findings if each.code == code]


def _types(seed: int, *, antibodies: bool) -> bool:
    y, X = cell_types(np.random.default_rng(seed), antibodies=antibodies)
    form = list(FORMS.values())[seed % 2]
    names = tuple(f"type {i}" for i in range(10))
    return bool(telling(as_anndata(sparse.csr_matrix(form(X)), y, names, [f"G{i}" for i in range(X.shape[1])])))


def _perturbed(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    names = GENES[: int(rng.integers(2, 9))]
    y, X, genes = screen(rng, names=names, effect=float(rng.choice([0.3, 1, 2, 4])))
    genes[: len(names) - 1] = names[1:]  # the genes that are perturbed are measured too
    return bool(telling(as_anndata(list(FORMS.values())[seed % 2](X), y, names, genes)))


def _guides(seed: int, *, named: bool, ambient: float) -> bool:
    rng = np.random.default_rng(seed)
    names, per_label = GENES[: int(rng.integers(3, 9))], int(rng.integers(1, 5))
    y, X, genes = screen(rng, names=names, n=int(rng.integers(200, 600)))
    G = guides(rng, y, len(names), per_label=per_label, ambient=ambient, control=bool(rng.integers(2)))
    called = [
        f"{name}_g{i}" if named else f"guide{9 * at + i}" for at, name in enumerate(names) for i in range(per_label)
    ]
    X = FORMS[str(rng.choice(list(FORMS)))](np.hstack([X, G]))
    return bool(telling(as_anndata(X, y, names, [*genes, *called[-G.shape[1] :]])))


def main() -> int:
    def show(what: str, tell: Callable[[int], bool], n: int) -> None:
        print(f"| {what} | {sum(tell(FIRST + seed) for seed in range(n))} of {n} |", flush=True)

    print("| drawn | told |\n|---|---|")
    show("cell types, genes", lambda seed: _types(seed, antibodies=False), 300)
    show("cell types, antibodies", lambda seed: _types(seed, antibodies=True), 300)
    show("perturbations, effects of 0.3 to 4", _perturbed, 300)
    for named in (True, False):
        for ambient in (0.0, 0.02, 0.1, 0.2):
            what = f"guides {'called like the labels' if named else 'of other names'}, {ambient:.0%} ambient"
            show(what, lambda seed, named=named, ambient=ambient: _guides(seed, named=named, ambient=ambient), 100)
    if len(sys.argv) > 1:
        print("\n| real data | before training | features, batches, carried |\n|---|---|---|")
        for path in sorted(Path(sys.argv[1]).glob("*/mod?.h5ad")):
            made = Modality.from_anndata(anndata.read_h5ad(path), label_key="label", name=path.stem)
            said = [each.code for each in made.findings if each.code in ("PM-L24", "PM-L30", "PM-F37")]
            found = given_away(made)
            counts = len(found.by_feature), len(found.by_batch), len(carrying_features(made))
            print(f"| {path.parent.name} {path.stem} | {', '.join(said) or 'nothing'} | {counts} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
