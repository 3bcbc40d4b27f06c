"""What runs inside a peer's own environment: ``python peer_program.py scglue FOLDER``. Imports nothing of psmatch.

It reads what ``peers.py`` left in the folder and writes ``out.npz``: latents of both sides (scGLUE), or one plan a
label (SCOT). Settings are the packages' own defaults unless a comment says otherwise.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

SMALLEST = 5  # cells of a label on each side below which SCOT has no graph of neighbours


def scglue(folder: Path, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Latents of both sides; the guidance graph links features of equal name."""
    import anndata
    import networkx
    import scglue as package

    sides = {name: anndata.read_h5ad(folder / f"{name}.h5ad") for name in ("source", "target")}
    graph = networkx.MultiDiGraph()
    for name, adata in sides.items():
        for feature in adata.var_names:
            graph.add_edge(feature, feature, weight=1.0, sign=1, type="loop")
        model = "NB" if "counts" in adata.layers else "Normal"
        layer = "counts" if "counts" in adata.layers else None
        package.models.configure_dataset(adata, model, use_highly_variable=False, use_layer=layer, use_rep="X_pca")
        print(f"{name}: {model}", file=sys.stderr)
    links = 0
    of = {feature.partition(":")[2].upper(): feature for feature in sides["target"].var_names}
    for feature in sides["source"].var_names:
        other = of.get(feature.partition(":")[2].upper())
        if other is not None:
            links += 1
            graph.add_edge(feature, other, weight=1.0, sign=1, type="fwd")
            graph.add_edge(other, feature, weight=1.0, sign=1, type="rev")
    fitted = package.models.fit_SCGLUE(
        sides, graph, init_kws={"random_seed": settings["seed"]}, fit_kws={"directory": folder / "glue"}
    )
    latents = {name: fitted.encode_data(name, adata) for name, adata in sides.items()}
    return {**latents, "links": np.array(links)}


def scot(folder: Path, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """SCOT version 1 within each label: kNN-graph geodesics, entropic Gromov-Wasserstein at the default 1e-3."""
    from scotv1 import SCOT

    with np.load(folder / "in.npz") as stored:
        data = {name: stored[name] for name in stored.files}
    plans: dict[str, np.ndarray] = {}
    for label in range(settings["n_labels"]):
        x = data["source"][data["source_label"] == label]
        y = data["target"][data["target_label"] == label]
        if min(len(x), len(y)) < SMALLEST:
            continue
        peer = SCOT(x, y)
        neighbors = max(2, min(int(0.2 * len(x)), int(0.2 * len(y)), 50))  # its default, which is 0 below five cells
        peer.align(k=neighbors, e=settings["epsilon"], verbose=False)
        if peer.flag:
            plans[str(label)] = np.asarray(peer.coupling)
    return plans


if __name__ == "__main__":
    name, path = sys.argv[1], Path(sys.argv[2])
    chosen = json.loads((path / "settings.json").read_text(encoding="utf-8"))
    np.savez(path / "out.npz", **{"scglue": scglue, "scot": scot}[name](path, chosen))
