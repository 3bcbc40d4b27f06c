"""How long do markers of a selection take? ``python -m benchmarks.markers`` prints the table of docs/markers.md.

1,000 selected cells of simulated cells in 20 labels, matched by entropic plans of their (simulated) scores, against all
other cells, with 2,000 features on both sides, dense and sparse. Processor time is that of all threads together.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher

SIZES = (2_000, 20_000)
LABELS, FEATURES, SELECTED = 20, 2_000, 1_000
REPEATS = 3


def main() -> None:
    print(
        "| cells a side | features | markers of 1,000 cells [s], best of three | processor [s] | found within labels |"
    )
    print("|---|---|---|---|---|")
    for n_cells in SIZES:
        models = _scored("RNA", n_cells, 0), _scored("image", n_cells, 1)
        coupling = match(*models, SinkhornMatcher())
        for kind in ("dense", "sparse"):
            sides = tuple(_features(model, kind) for model in models)
            rng = np.random.default_rng(2)
            high = np.argsort(-models[0].logits[:, 0] - rng.normal(size=n_cells))[:SELECTED]
            selection, seconds, processor = Selection("source", high), [], []
            for _ in range(REPEATS):
                began, worked = time.perf_counter(), time.process_time()
                found = find_markers(coupling, (sides[0], sides[1]), selection)
                seconds.append(time.perf_counter() - began)
                processor.append(time.process_time() - worked)
            n_found = int((found.of("projected")["q_within"] < 0.05).sum())
            took = f"{min(seconds):.2f} | {min(processor):.2f}"
            print(f"| {n_cells:,} | {FEATURES:,}, {kind} | {took} | {n_found:,} |", flush=True)


def _scored(name: str, n_cells: int, seed: int) -> PropensityModel:
    """Cells with scores as a trained classifier would give them; nothing is trained on so many."""
    rng = np.random.default_rng(seed)
    names = np.array([f"label {at:02d}" for at in range(LABELS)])
    few = _modality(name, np.repeat(names, 4), rng.normal(size=(4 * LABELS, 3)))
    model = fit_propensity(few, LinearClassifier(strength=0.05))
    latent = rng.normal(size=(n_cells, LABELS))
    cells = _modality(name, names[np.arange(n_cells) % LABELS], np.zeros((n_cells, 1)))
    logits = latent - latent.mean(axis=1, keepdims=True)
    return replace(model, modality=cells, logits=logits, held_out_logits=logits)


def _features(model: PropensityModel, kind: str) -> Modality:
    """Features of which every tenth follows a score; nine tenths of the sparse values are zero."""
    rng = np.random.default_rng(len(kind))
    X = rng.normal(size=(model.modality.n_cells, FEATURES)).astype(np.float32)
    X[:, ::10] += model.logits[:, :1]
    if kind == "sparse":
        X = sparse.csr_matrix(np.where(X > 1.3, X, 0))
    return replace(model.modality, X=X, var_names=np.array([f"f{at}" for at in range(FEATURES)]))


def _modality(name: str, labels: np.ndarray, X: np.ndarray) -> Modality:
    cells = np.array([f"{name} {at}" for at in range(labels.size)])
    features = np.array([f"f{at}" for at in range(X.shape[1])])
    return Modality(name=name, X=X, labels=labels, obs_names=cells, var_names=features)


if __name__ == "__main__":
    main()
