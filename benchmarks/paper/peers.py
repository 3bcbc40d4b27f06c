"""scGLUE and SCOT from their own packages, compared with ours on the same split; not dependencies of the product.

    python -m venv PEERS && PEERS/bin/pip install scglue POT scikit-learn
    python -m benchmarks.paper.peers ../shared/data/bmmc_cite --python PEERS/bin/python --scot FOLDER/src

SCOT has no package: ``--scot`` is the folder ``src`` of a checkout of github.com/rsinghlab/SCOT (``scot`` on PyPI is a
toolbox for EEG). A peer that does not install gets a row with the reason. Protocol as in ``benchmarks/quality.py``:
shared cells in both modalities, others in one only, evaluated within labels. scGLUE does not use labels, as published;
its latents are then matched within labels by the default transport, as P does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import anndata
import numpy as np
import pandas as pd

from benchmarks.quality import machine
from benchmarks.quality_page import METRICS, quartiles
from benchmarks.quality_splits import split
from psmatch_core.base import disk
from psmatch_core.classification.baselines import JointVAE, fit_joint_vae
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import evaluate, fixed_space
from psmatch_core.matching.blocks import Block, DenseBlock, uniform_block
from psmatch_core.matching.coupling import Coupling, Outcome, Status
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.pipeline.recipe import Recipe

PROGRAM = Path(__file__).with_name("peer_program.py")
RESULTS = Path(__file__).parents[1] / "results" / "paper_peers.json"
NO_PACKAGE = "SCOT has no package on PyPI (`scot` there is a toolbox for EEG): give --scot a checkout's src folder"
NAMES = ("source", "target")
LIMIT = 1800.0  # seconds that a peer may take for one split
Sides = tuple[Modality, Modality]


@dataclass(frozen=True)
class Row:
    """One method on one split; ``note`` says what the reader must know, or why there are no figures."""

    method: str
    seed: int
    seconds: float
    figures: dict[str, float]
    note: str = ""


@dataclass(frozen=True, eq=False)
class PeerLatents(ScoredModality):
    """A peer's latents of one side; nothing is known of labels there, so the monitor is empty."""

    space_name: ClassVar[str] = "a peer's latents"
    space_unit: ClassVar[str] = ""

    latents: np.ndarray

    @property
    def space(self) -> np.ndarray:
        return self.latents


class Unavailable(Exception):  # noqa: N818 - a row of the table, not an error
    """A peer that does not run here, with the reason."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with mod1.h5ad and mod2.h5ad, row i the same cell")
    parser.add_argument("--python", default="", help="Python of an environment with the peers")
    parser.add_argument("--scot", default="", help="folder src of a checkout of rsinghlab/SCOT")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        for row in one_split(options.data, seed, options.python, options.scot):
            rows.append(row)
            print(f"{row.method:<28} seed {row.seed} {row.seconds:6.0f} s {row.figures} {row.note}", flush=True)
    print(table(rows))
    facts = {**machine(), "data": options.data.name, "seeds": options.seeds}
    disk.write_json(options.out, {"run": facts, "rows": [vars(row) for row in rows]})


def one_split(folder: Path, seed: int, python: str, scot: str) -> list[Row]:
    """Uniform, ours, the joint VAE and both peers on one split."""
    raw = split(folder, seed)
    config = Recipe().source_preprocessing
    sides = (config.fit(raw[0], seed=seed).transform(raw[0]), config.fit(raw[1], seed=seed).transform(raw[1]))
    names = tuple(sorted(set(sides[0].label_names)))
    rows = []
    began = time.perf_counter()
    models = [fit_propensity(side, label_names=names, seed=seed) for side in sides]
    for name, matcher in (("uniform", UniformMatcher()), ("ours, default", SinkhornMatcher())):
        rows.append(judged(name, match(models[0], models[1], matcher, seed=seed), seed, began))
    began = time.perf_counter()
    latents = fit_joint_vae(*sides, JointVAE(), label_names=names, seed=seed)
    rows.append(judged("joint VAE + OT", match(*latents, SinkhornMatcher(), seed=seed), seed, began))
    for peer in (scglue_row, scot_row):
        began = time.perf_counter()
        try:
            rows.append(peer(folder, sides, names, seed, python, scot, began))
        except Unavailable as reason:
            name = "scGLUE + OT" if peer is scglue_row else "SCOT"
            rows.append(Row(name, seed, 0.0, {}, str(reason)))
    return rows


def scglue_row(
    folder: Path, sides: Sides, names: tuple[str, ...], seed: int, python: str, scot: str, began: float
) -> Row:
    version = installed(python, "scglue")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        for name, index, side in zip(NAMES, (1, 2), sides, strict=True):
            with_counts(folder / f"mod{index}.h5ad", side, name).write_h5ad(place / f"{name}.h5ad")
        found = run_peer("scglue", place, python, {"seed": seed})
    nothing = [np.full((side.n_cells, len(names)), np.nan) for side in sides]
    latents = [
        PeerLatents(side, names, empty, found[name].astype(np.float64))
        for side, empty, name in zip(sides, nothing, NAMES, strict=True)
    ]
    coupling = match(latents[0], latents[1], SinkhornMatcher(), seed=seed)
    note = f"scglue {version}; guidance graph with {int(found['links'])} links between features of equal name"
    return replace(judged("scGLUE + OT", coupling, seed, began), note=note)


def scot_row(
    folder: Path, sides: Sides, names: tuple[str, ...], seed: int, python: str, scot: str, began: float
) -> Row:
    if not scot:
        raise Unavailable(f"does not install here: {NO_PACKAGE}")
    version = installed(python, "scotv1", also="ot", path=scot)
    nothing = [np.full((side.n_cells, len(names)), np.nan) for side in sides]
    scored = [PeerLatents(side, names, empty, empty) for side, empty in zip(sides, nothing, strict=True)]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        arrays = {name: fixed_space(side, Recipe().judging) for name, side in zip(NAMES, sides, strict=True)}
        labels = {f"{name}_label": each.y for name, each in zip(NAMES, scored, strict=True)}
        np.savez(place / "in.npz", **arrays, **labels)
        found = run_peer("scot", place, python, {"n_labels": len(names), "epsilon": 1e-3}, path=scot)
    blocks: dict[str, Block] = {}
    statuses = []
    for index, name in enumerate(names):
        n, m = (int((each.y == index).sum()) for each in scored)
        plan = found.get(str(index))
        blocks[name] = uniform_block(n, m) if plan is None else DenseBlock(plan / plan.sum())
        statuses.append(Status(name, n, m, Outcome.CLOSED_FORM if plan is None else Outcome.CONVERGED))
    coupling = Coupling(scored[0], scored[1], blocks, tuple(statuses))
    note = f"POT {version}; {len(found)} of {len(names)} labels; the others, too small or failed, count as uniform"
    return replace(judged("SCOT", coupling, seed, began), note=note)


def judged(method: str, coupling: Coupling, seed: int, began: float) -> Row:
    """The within-label figures of a coupling."""
    seconds = time.perf_counter() - began
    found = evaluate(coupling).micro
    return Row(method, seed, round(seconds, 1), {metric: round(found[metric], 4) for metric in METRICS})


def installed(python: str, module: str, *, also: str = "", path: str = "") -> str:
    """Version of a peer (or of what it stands on) in that environment; refused with the last line of the failure."""
    if not python:
        raise Unavailable("does not install here: no environment was given (--python)")
    code = f"import {module}; import {also or module} as it; print(it.__version__)"
    try:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", code], env=environment(path), capture_output=True, text=True, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"does not install here: {error}") from None
    if done.returncode:
        raise Unavailable(f"does not install here: {last_line(done.stderr)}")
    return done.stdout.strip().splitlines()[-1]


def run_peer(name: str, place: Path, python: str, settings: dict[str, Any], *, path: str = "") -> dict[str, np.ndarray]:
    """Run the peer's program in its environment, in a folder that goes away."""
    (place / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [python, "-W", "ignore", str(PROGRAM), name, str(place)]
    try:
        done = subprocess.run(command, env=environment(path), capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"installs, but took more than {LIMIT:.0f} s") from None
    if done.returncode:
        raise Unavailable(f"installs, but fails: {last_line(done.stderr)}")
    with np.load(place / "out.npz") as stored:
        return {key: stored[key] for key in stored.files}


def environment(path: str) -> dict[str, str]:
    """The variables of this process without its own PYTHONPATH: the peer must not find our packages."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return {**kept, "PYTHONPATH": str(Path(path).resolve())} if path else kept


def with_counts(file: Path, side: Modality, name: str) -> anndata.AnnData:
    """The cells of a side with their counts, where the set has some, and the components that scGLUE starts from."""
    whole = anndata.read_h5ad(file)
    rows = [int(each.partition("_")[2]) for each in side.obs_names]
    adata = whole[rows].copy()
    adata.var_names = [f"{name}:{feature}" for feature in whole.var_names]
    adata.obs_names = side.obs_names
    adata.obsm["X_pca"] = fixed_space(side, Recipe().judging).astype(np.float32)
    return adata


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


def table(rows: list[Row]) -> str:
    """Medians (quartiles) over seeds; a peer that does not run has its reason in place of figures."""
    lines = ["", "| method | trace_fold | foscttm | rank | seconds | note |", "|---|---|---|---|---|---|"]
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == method]
        done = [row for row in mine if row.figures]
        note = mine[-1].note if len(done) == len(mine) else next(row.note for row in mine if not row.figures)
        figures = pd.DataFrame([row.figures for row in done])
        cells = [quartiles(figures[metric]) if done else "–" for metric in METRICS]
        seconds = f"{np.median([row.seconds for row in done]):.0f}" if done else "–"
        lines.append(f"| {method} | {' | '.join(cells)} | {seconds} | {note} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
