"""A peer of the benchmark of quality: one space for both modalities by contrast between groups.

Two encoders place cells of either modality on a sphere, so that cells of one label lie near each other across the
modalities and far from those of other labels. Own reading of the abstract of GROOVE (arXiv 2602.04021, 2026), without
its autoencoder: the loss is that of CLIP (Radford et al. 2021) with all cells of the same label as positives (Khosla et
al. 2020), in both directions, with a learnt temperature. No code of theirs was seen, and their figures are not
claimed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.data.modality import Modality

WIDTH, OUT, DROPOUT = 256, 32, 0.2
BATCH, EPOCHS, PATIENCE = 256, 200, 20
RATE, DECAY = 1e-3, 1e-4
FIRST_TEMPERATURE = 0.1
VALIDATED = 0.1  # share of the cells whose loss decides when training ends


def group_clip(trained: list[Modality], judged: list[Modality], *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train both encoders on one pair of modalities, and place the cells of another; ``(n, 32)`` and ``(m, 32)``."""
    torch.manual_seed(derived_seed(seed, "group clip") % 2**31)
    rng = stream(seed, "group clip")
    scales = [_scale(each) for each in trained]
    X = [_tensor(each, *scale) for each, scale in zip(trained, scales, strict=True)]
    names = sorted(set(trained[0].labels.tolist()) & set(trained[1].labels.tolist()))
    y = [torch.as_tensor([names.index(each) if each in names else -1 for each in side.labels]) for side in trained]
    encoders = nn.ModuleList(_encoder(each.shape[1]) for each in X)
    temperature = nn.Parameter(torch.tensor(float(np.log(FIRST_TEMPERATURE))))
    optimiser = torch.optim.AdamW([*encoders.parameters(), temperature], lr=RATE, weight_decay=DECAY)
    held = [torch.as_tensor(rng.random(len(each)) < VALIDATED) for each in X]
    cells = [torch.nonzero(~each & (of >= 0)).ravel() for each, of in zip(held, y, strict=True)]
    validated = [torch.nonzero(each & (of >= 0)).ravel() for each, of in zip(held, y, strict=True)]
    best, kept, since = np.inf, encoders.state_dict(), 0
    for _ in range(EPOCHS):
        encoders.train()
        for _ in range(max(1, min(len(each) for each in cells) // BATCH)):
            batch = [
                each[torch.as_tensor(rng.choice(len(each), min(BATCH, len(each)), replace=False))] for each in cells
            ]
            optimiser.zero_grad()
            _loss(encoders, X, y, batch, temperature).backward()
            optimiser.step()
        encoders.eval()
        with torch.no_grad():
            loss = float(_loss(encoders, X, y, validated, temperature))
        if loss < best:
            best, kept, since = loss, {name: each.clone() for name, each in encoders.state_dict().items()}, 0
        else:
            since += 1
            if since >= PATIENCE:
                break
    encoders.load_state_dict(kept)
    encoders.eval()
    with torch.no_grad():
        placed = [
            nn.functional.normalize(encoder(_tensor(each, *scale)), dim=1).numpy().astype(np.float64)
            for encoder, each, scale in zip(encoders, judged, scales, strict=True)
        ]
    return placed[0], placed[1]


def _encoder(n_features: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_features, WIDTH), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(WIDTH, OUT))


def _loss(
    encoders: nn.ModuleList,
    X: list[torch.Tensor],
    y: list[torch.Tensor],
    batch: list[torch.Tensor],
    log_t: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy of each cell's similarities against all cells of its label on the other side, both directions."""
    first, second = (
        nn.functional.normalize(encoder(each[cells]), dim=1)
        for encoder, each, cells in zip(encoders, X, batch, strict=True)
    )
    similar = first @ second.T / log_t.exp()
    same = (y[0][batch[0]][:, None] == y[1][batch[1]][None]).float()
    return (_one_way(similar, same) + _one_way(similar.T, same.T)) / 2


def _one_way(similar: torch.Tensor, same: torch.Tensor) -> torch.Tensor:
    n_same = same.sum(dim=1)
    has = n_same > 0
    log_share = torch.log_softmax(similar, dim=1)
    return -((log_share * same).sum(dim=1)[has] / n_same[has]).mean()


def _scale(modality: Modality) -> tuple[np.ndarray, np.ndarray]:
    values = to_dense(modality.X)
    spread = values.std(axis=0)
    return values.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _tensor(modality: Modality, mean: np.ndarray, spread: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(((to_dense(modality.X) - mean) / spread).astype(np.float32))
