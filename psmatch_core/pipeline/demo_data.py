"""Demo data without a download: a synthetic screen, real blood cells split into two panels, synthetic images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream
from psmatch_core.data.images import SHAPE_KEY, flattened, pixel_names
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.demo_images import INTERVENTIONS, draw_latents, render_images, turn_positions
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe

if TYPE_CHECKING:
    from anndata import AnnData

DEMOS = {
    "screen": "A synthetic screen: 12 perturbations and a control, with RNA-like counts and image-like features.",
    "pbmc": "Real blood cells (10x, part of scanpy) with their genes split into two panels.",
    "images": "Synthetic images of two objects under 12 interventions: circles in one modality, squares in the other.",
}
VIEWS = "views"  # the demo in three modalities, which demo_views makes
SIDE_NAMES: dict[str, tuple[str, ...]] = {
    "screen": ("RNA", "Image"),
    "pbmc": ("Panel A", "Panel B"),
    "images": ("Circles", "Squares"),
    VIEWS: ("RNA", "Protein", "Image"),
}
PERTURBATIONS = (
    "control", "STAT1", "JAK2", "IFNGR1", "IRF1", "MYC", "BRD4", "CUL3", "KEAP1", "NFKBIA", "SMAD4", "SPI1", "CD86",
)  # fmt: skip
LATENT_DIMENSIONS = 6
PANEL_OVERLAP = 0.8  # share of the cells in both panels, so that most true pairs are known


def demo(name: str, *, seed: int = 0) -> tuple[AnnData, AnnData]:
    """Source and target of a demo by name (one of ``DEMOS``); ``obs`` holds ``label`` and ``cell``.

    ``cell`` names the physical cell. It is used to evaluate a matching, never to compute it.

    Returns
    -------
    Source and target, cells × features.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> rna.shape, image.shape
    ((1000, 200), (850, 60))
    """
    if name == "screen":
        return synthetic_screen(seed=seed)
    if name == "pbmc":
        return pbmc_panels(seed=seed)
    if name == "images":
        return interventional_images(seed=seed)
    raise PsmatchError(f"There is no demo {name!r}.", hint=f"Use one of {', '.join(DEMOS)}.")


def demo_specs(name: str) -> tuple[DataSpec, ...]:
    """What is read of each modality of a demo, the reference first."""
    path = f"{DEMO_PREFIX}{name}"
    return tuple(DataSpec(path=path, label_key="label", name=side, pair_key="cell") for side in SIDE_NAMES[name])


def demo_recipe(recipe: Recipe, name: str) -> Recipe:
    """The recipe with the files of a demo; of three modalities, the first two."""
    source, target, *_ = demo_specs(name)
    return recipe.with_data(source, target)


def synthetic_screen(
    *,
    n_shared: int = 700,
    n_source_only: int = 300,
    n_target_only: int = 150,
    n_genes: int = 200,
    n_image: int = 60,
    seed: int = 0,
) -> tuple[AnnData, AnnData]:
    """A screen with known truth: cells in a latent state that their perturbation shifts, seen in two modalities.

    The state z of a cell (6 numbers) is drawn around 0; its perturbation shifts some of them and scales all. Modality 1
    has counts: Poisson with a mean exponential in z, and a sequencing depth for each cell. Modality 2 has image-like
    features: tanh of z with noise. ``n_shared`` cells are in both modalities, the others in one.

    Returns
    -------
    Source and target, ``obs``: ``label``, ``cell``; ``obsm["latent"]``: z.
    """
    rng = stream(seed, "synthetic screen")
    n = n_shared + n_source_only + n_target_only
    n_labels = len(PERTURBATIONS)
    label = rng.choice(n_labels, size=n, p=uneven_shares(n_labels, rng))
    shift = rng.normal(size=(n_labels, LATENT_DIMENSIONS)) * (rng.random((n_labels, LATENT_DIMENSIONS)) < 0.6) * 1.4
    shift[0] = 0.0
    stretch = np.exp(0.3 * rng.normal(size=(n_labels, LATENT_DIMENSIONS)))
    z = shift[label] + stretch[label] * rng.normal(size=(n, LATENT_DIMENSIONS))  # (n, 6)
    depth = np.exp(0.35 * rng.normal(size=(n, 1)))
    rates = np.exp(-1.0 + z @ rng.normal(size=(LATENT_DIMENSIONS, n_genes)) / np.sqrt(LATENT_DIMENSIONS) * 0.5)
    counts = rng.poisson(np.minimum(rates * depth, 500)).astype(np.float32)
    hidden = np.tanh(z @ rng.normal(size=(LATENT_DIMENSIONS, 24)) / np.sqrt(LATENT_DIMENSIONS))
    image = 3.0 + hidden @ rng.normal(size=(24, n_image)) / 4 + 0.9 * rng.normal(size=(n, n_image))
    cells = np.array([f"cell_{i:05d}" for i in range(n)])
    names = np.array(PERTURBATIONS)[label]
    in_source = np.r_[0 : n_shared + n_source_only]
    in_target = np.r_[0:n_shared, n_shared + n_source_only : n]
    source = measured_cells(
        counts,
        names,
        cells,
        [f"gene_{i:03d}" for i in range(n_genes)],
        chosen=in_source,
        rng=rng,
        prefix="rna",
        latent=z,
    )
    target = measured_cells(
        image.astype(np.float32),
        names,
        cells,
        [f"image_{i:02d}" for i in range(n_image)],
        chosen=in_target,
        rng=rng,
        prefix="img",
        latent=z,
    )
    return source, target


def pbmc_panels(*, seed: int = 0) -> tuple[AnnData, AnnData]:
    """700 real blood cells whose genes are split at random into two disjoint panels.

    The data are part of scanpy (10x Genomics, 68k PBMC, reduced; values log-normalised). Labels are their cell types.
    80% of the cells are in both panels, so that true pairs are known.
    """
    import scanpy as sc  # heavy, and it carries the data

    whole = sc.datasets.pbmc68k_reduced().raw.to_adata()
    rng = stream(seed, "pbmc panels")
    genes = rng.permutation(whole.n_vars)
    half = whole.n_vars // 2
    cells = rng.permutation(whole.n_obs)
    n_shared = int(whole.n_obs * PANEL_OVERLAP)
    n_rest = (whole.n_obs - n_shared) // 3
    chosen = (np.r_[cells[: n_shared + n_rest]], np.r_[cells[:n_shared], cells[n_shared + n_rest :]])
    values = to_dense(whole.X, np.float32)
    labels, names = whole.obs["bulk_labels"].astype(str).to_numpy(), np.asarray(whole.obs_names, dtype=str)
    panels = []
    for side, (part, picked) in enumerate(zip((genes[:half], genes[half:]), chosen, strict=True)):
        part = np.sort(part)
        panels.append(
            measured_cells(
                values[:, part],
                labels,
                names,
                list(whole.var_names[part]),
                chosen=picked,
                rng=rng,
                prefix=f"panel{side + 1}",
                latent=None,
            )
        )
    return panels[0], panels[1]


def interventional_images(
    *, n_shared: int = 720, n_source_only: int = 240, n_target_only: int = 120, size: int = 32, seed: int = 0
) -> tuple[AnnData, AnnData]:
    """Images of two objects under 12 interventions: circles in modality 1; squares, turned, in modality 2.

    ``n_shared`` physical cells are imaged in both modalities, the others in one.
    :mod:`psmatch_core.pipeline.demo_images` says what the paper specifies about these images, and what is chosen here.

    Returns
    -------
    Source and target: X holds the flat pixels as bytes, ``uns["image_shape"]`` their shape; ``obs``: ``label``,
    ``cell``; ``obsm["latent"]``: z, the positions as modality 1 shows them.
    """
    n = n_shared + n_source_only + n_target_only
    z, label = draw_latents(n, seed=seed)
    cells = np.array([f"cell_{i:06d}" for i in range(n)])
    names = np.array(INTERVENTIONS)[label]
    rng = stream(seed, "interventional images")
    chosen = (np.r_[0 : n_shared + n_source_only], np.r_[0:n_shared, n_shared + n_source_only : n])
    sides = []
    for side, (kind, picked) in enumerate(zip(("circles", "squares"), chosen, strict=True)):
        positions = z if side == 0 else turn_positions(z)
        pixels, shape = flattened(render_images(positions, squares=side == 1, size=size, seed=seed))
        adata = measured_cells(
            pixels, names, cells, pixel_names(shape, kind), chosen=picked, rng=rng, prefix=kind, latent=z
        )
        adata.uns[SHAPE_KEY] = np.array(shape)
        sides.append(adata)
    return sides[0], sides[1]


def measured_cells(
    X: np.ndarray,
    labels: np.ndarray,
    cells: np.ndarray,
    var_names: list[str],
    *,
    chosen: np.ndarray,
    rng: np.random.Generator,
    prefix: str,
    latent: np.ndarray | None,
) -> AnnData:
    """The chosen cells in random order and with new names, as from an assay of their own."""
    from anndata import AnnData

    order = rng.permutation(chosen)
    obs = pd.DataFrame(
        {"label": pd.Categorical(labels[order]), "cell": cells[order]},
        index=[f"{prefix}_{i:05d}" for i in range(order.size)],
    )
    obsm = {} if latent is None else {"latent": latent[order].astype(np.float32)}
    return AnnData(X=X[order], obs=obs, var=pd.DataFrame(index=var_names), obsm=obsm)


def uneven_shares(n_labels: int, rng: np.random.Generator) -> np.ndarray:
    """Shares of labels as in real screens: a large control, and uneven perturbations."""
    share = rng.dirichlet(np.full(n_labels, 8.0))
    share[0] += 0.15
    return share / share.sum()


def write_samples(folder: Path) -> list[Path]:
    """Write the small sample files that the app offers: one for each accepted format, with the same three labels."""
    rna, protein, images = _sample("rna", 20), _sample("protein", 8), _sample("image", 2 * 8 * 8)
    rna.X = np.round(np.exp(rna.X / 2 + 1)).astype(np.float32)  # counts
    paths = [folder / f"sample_{name}" for name in ("rna.h5ad", "protein.csv", "protein.tsv", "images.npz")]
    with disk.replacing(paths[0]) as partial:
        rna.write_h5ad(partial, compression="gzip")
    table = pd.DataFrame(np.round(protein.X, 3), columns=protein.var_names)
    table.insert(0, "label", protein.obs["label"].to_numpy())
    table.insert(0, "cell", protein.obs_names)
    for path, separator in zip(paths[1:3], (",", "\t"), strict=True):
        disk.write_text(path, table.to_csv(sep=separator, index=False, lineterminator="\n"))
    arrays = {
        "images": images.X.reshape(-1, 2, 8, 8),
        "labels": images.obs["label"].to_numpy().astype(str),
        "obs_names": images.obs_names.to_numpy().astype(str),
    }
    disk.write_whole(paths[3], lambda stream: np.savez_compressed(stream, **arrays))
    return paths


def _sample(name: str, n_features: int, n_cells: int = 60) -> AnnData:
    from anndata import AnnData

    rng = stream(0, "samples", name)
    labels = np.array(["control", "KO_A", "KO_B"])[np.arange(n_cells) % 3]
    shift = rng.normal(size=(3, n_features))
    X = (shift[np.arange(n_cells) % 3] + rng.normal(size=(n_cells, n_features))).astype(np.float32)
    obs = pd.DataFrame({"label": labels}, index=[f"{name}_{i:02d}" for i in range(n_cells)])
    return AnnData(X=X, obs=obs, var=pd.DataFrame(index=[f"{name}_{i:02d}" for i in range(n_features)]))
