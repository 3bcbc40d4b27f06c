"""What the server works for a step of the slider and for a lasso: ``python -m benchmarks.explore``.

Scores are drawn, not trained. Time is of the figures and tables that one interaction makes, without the network.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from anndata import AnnData

from psmatch_core.classifiers import LinearClassifier
from psmatch_core.climbing import ladder
from psmatch_core.ladder import Ladder, load_ladder, pairs_at, save_ladder
from psmatch_core.maps import score_map
from psmatch_core.matching import match
from psmatch_core.modality import Modality
from psmatch_core.plotting import l_curve, linked_map, means_heatmap, spread_title
from psmatch_core.propensity import PropensityModel, fit_propensity
from psmatch_core.selection import Selection, described, feature_values, matched_weight, on_map

ROUNDS = 20


def model(name: str, n_cells: int, n_labels: int, seed: int) -> PropensityModel:
    """Cells around a corner a label, in ten features."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    y = np.arange(n_cells) % n_labels
    X = np.random.default_rng(9).normal(size=(n_labels, 10))[y] + rng.normal(size=(n_cells, 10))
    obs = pd.DataFrame({"label": [f"L{each:02d}" for each in y]}, index=[f"{name}{i}" for i in range(n_cells)])
    adata = AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"{name}_f{i}" for i in range(10)]))
    modality = Modality.from_anndata(adata, label_key="label", name=name)
    return fit_propensity(modality, LinearClassifier(), seed=0)


def step(found: Ladder, coupling, place: int) -> int:  # type: ignore[no-untyped-def]
    """What one move of the slider makes; returns its bytes as JSON."""
    rows, columns = coupling.source_cells[found.label], coupling.target_cells[found.label]
    heat = means_heatmap(
        found.means_at(place),
        spread_title(found.n_effective[place], columns.size),
        row_names=coupling.source.modality.obs_names[rows],
        column_names=coupling.target.modality.obs_names[columns],
        selectable=True,
    )
    curve = l_curve(found.curve, current=float(found.values[place]))
    table = pairs_at(found, coupling, place)
    return len(heat.to_json()) + len(curve.to_json()) + int(table.memory_usage(deep=True).sum())


def milliseconds(do: Callable[[int], object]) -> dict[str, float]:
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        do(number)
        times.append(1000 * (time.perf_counter() - began))
    return {"median_ms": round(float(np.median(times)), 1), "p95_ms": round(float(np.quantile(times, 0.95)), 1)}


def main() -> None:
    out: dict[str, object] = {}
    for n in (500, 2000, 5000):
        source, target = model("s", 2 * n, 2, 1), model("t", 2 * n, 2, 2)
        began = time.perf_counter()
        found = ladder(source, target, label="L00")
        solved = time.perf_counter() - began
        path = save_ladder(found, Path("/tmp") / f"psmatch-ladder-{n}.npz")
        began = time.perf_counter()
        found = load_ladder(path, source, target)
        loaded = time.perf_counter() - began
        coupling = match(source, target)
        kilobytes = step(found, coupling, 3) / 1000
        moved = milliseconds(lambda at, f=found, c=coupling: step(f, c, at))  # type: ignore[misc]
        out[f"slider, {n:,} cells a side of a label"] = {
            **moved,
            "kB": round(kilobytes, 1),
            "ladder_s": round(solved, 1),
            "load_s": round(loaded, 2),
            "file_MB": round(path.stat().st_size / 1e6, 1),
        }
        path.unlink()
        print(json.dumps(out, indent=1), flush=True)
    source, target = model("s", 20_000, 20, 1), model("t", 20_000, 20, 2)
    coupling, scores = match(source, target), score_map(source, target)
    middle = np.median(scores.source_xy, axis=0)
    radius = np.sort(np.linalg.norm(scores.source_xy - middle, axis=1))[1000]
    angle = np.linspace(0, 2 * np.pi, 60)
    lasso = middle + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    sides = (source.modality, target.modality)

    def selected(_: int) -> Selection:
        chosen = on_map(scores, "source", lasso)
        weight = matched_weight(coupling, chosen)
        [linked_map(scores, coupling, side, chosen, weight).to_json() for side in ("source", "target")]
        described(coupling, chosen)
        feature_values(coupling, chosen, sides, (["s_f0", "s_f1"], ["t_f0", "t_f1"]))
        return chosen

    out["lasso, 20,000 cells a side"] = {"cells": len(selected(0)), **milliseconds(selected)}
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
