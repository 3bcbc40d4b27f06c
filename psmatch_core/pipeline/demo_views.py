"""Demo data in three modalities: one synthetic screen, seen as RNA, as proteins and as image features, with truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.randomness import stream
from psmatch_core.pipeline.demo_data import LATENT_DIMENSIONS, PERTURBATIONS, measured_cells, uneven_shares

if TYPE_CHECKING:
    from anndata import AnnData


def demo_views(*, n_shared: int = 300, n_own: int = 300, seed: int = 0) -> dict[str, AnnData]:
    """A synthetic screen in three modalities, by name: RNA, Protein and Image.

    The state z of a cell (6 numbers) is drawn around 0; its perturbation shifts some of them and scales all. RNA are
    counts of 200 genes, Protein counts of 40 proteins that together see four directions of z, Image 60 features that
    are tanh of z with noise. ``n_shared`` cells are in all three modalities, and each has ``n_own`` more that are
    nowhere else.

    Returns
    -------
    Cells × features; ``obs``: ``label`` and ``cell``, the physical cell, which is used to evaluate a matching and never
    to compute it; ``obsm["latent"]``: z.

    Examples
    --------
    >>> import psmatch
    >>> {name: cells.shape for name, cells in psmatch.demo_views().items()}
    {'RNA': (600, 200), 'Protein': (600, 40), 'Image': (600, 60)}
    """
    rng = stream(seed, "synthetic screen in three views")
    n, d, n_labels = n_shared + 3 * n_own, LATENT_DIMENSIONS, len(PERTURBATIONS)
    label = rng.choice(n_labels, size=n, p=uneven_shares(n_labels, rng))
    shift = rng.normal(size=(n_labels, d)) * (rng.random((n_labels, d)) < 0.6) * 1.4
    shift[0] = 0.0
    stretch = np.exp(0.3 * rng.normal(size=(n_labels, d)))
    z = shift[label] + stretch[label] * rng.normal(size=(n, d))  # (n, 6)
    rna = _counts(z @ rng.normal(size=(d, 200)) / np.sqrt(d) * 0.5 - 1.0, rng)
    seen = z @ rng.normal(size=(d, 4)) / np.sqrt(d)  # (n, 4): a panel does not see all of the state
    protein = _counts(seen @ rng.normal(size=(4, 40)) / 2 * 0.8 + 2.0, rng)
    hidden = np.tanh(z @ rng.normal(size=(d, 24)) / np.sqrt(d))
    image = 3.0 + hidden @ rng.normal(size=(24, 60)) / 4 + 0.9 * rng.normal(size=(n, 60))
    cells, names = np.array([f"cell_{i:05d}" for i in range(n)]), np.array(PERTURBATIONS)[label]
    views = {"RNA": (rna, "gene"), "Protein": (protein, "protein"), "Image": (image.astype(np.float32), "image")}
    found = {}
    for at, (name, (values, feature)) in enumerate(views.items()):
        own = n_shared + at * n_own
        features = [f"{feature}_{i:03d}" for i in range(values.shape[1])]
        chosen = np.r_[0:n_shared, own : own + n_own]
        found[name] = measured_cells(
            values, names, cells, features, chosen=chosen, rng=rng, prefix=name.lower(), latent=z
        )
    return found


def _counts(log_rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Poisson counts ``(n, p)`` with a depth for each cell."""
    depth = np.exp(0.35 * rng.normal(size=(log_rates.shape[0], 1)))
    return rng.poisson(np.minimum(np.exp(log_rates) * depth, 500)).astype(np.float32)
