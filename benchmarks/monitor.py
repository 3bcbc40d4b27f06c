"""Do the verdicts follow the truth? Labels of real paired sets, and simulated effects that only one modality sees.

    python -m benchmarks.monitor ../shared/data                     # all paired sets, two seeds; then the simulation
    python -m benchmarks.monitor ../shared/data --sets bmmc_cite --seeds 1 --simulated 0

Protocol of benchmarks.quality: 60 % of the cells are in both modalities, 20 % in each alone. A run of the default
recipe judges its labels without any pair; then FOSCTTM says how well the labels with at least eight true pairs were
matched. Both classifiers have seen the judged cells, so that FOSCTTM is smaller than for populations that share no
cell; beside it stands that of held-out pairs, whose classifiers saw a third of the cells each. Thresholds are fitted
with each set left out and judged on it.

The simulation: 20 labels, a shared effect of 0.7, and a private effect of each modality from 0 to 3. The truth is how
much of a cell's shared state its matches carry over (latent R² within labels: 0 is the mean of the label).
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import machine
from benchmarks.quality_splits import PAIRED, split
from psmatch_core.base import disk
from psmatch_core.base.randomness import stream
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.metrics import latent_r2
from psmatch_core.monitor import THRESHOLDS, effect_agreement, unseen_labels
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import Run, run
from psmatch_core.workspace.sweeps.table import rank_correlation

RESULTS = Path(__file__).parent / "results" / "monitor.json"
FEWEST_PAIRS = 8  # of a label; a FOSCTTM of fewer is mostly noise
GOOD, NOTHING, BETTER = 0.45, 0.49, 0.42  # FOSCTTM of a label: well matched; at chance; too good for "label only"
CANDIDATES = [(low, high) for low in (0.05, 0.1, 0.15, 0.2) for high in (0.2, 0.25, 0.3, 0.35, 0.4) if low < high]
PRIVATE = (0.0, 0.5, 1.0, 2.0, 3.0)
N_CELLS, N_LABELS, N_SHARED, N_PRIVATE, EFFECT, NOISE = 900, 20, 4, 4, 0.7, 0.5


@dataclass(frozen=True)
class LabelRow:
    """One label of one run: what the monitor said, and the truth."""

    data: str
    seed: int
    label: str
    agreement: float
    agreement_cells: float
    agreement_features: float
    verdict: str
    foscttm: float
    rank: float
    n_pairs: int
    held_out_foscttm: float
    foscttm_halves: tuple[float, float]  # of either half of the pairs, drawn at random


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=list(PAIRED))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--simulated", type=int, default=3, help="simulations per size of the private effect")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    rows: list[LabelRow] = []
    runs: list[dict[str, object]] = []
    for name in options.sets:
        for seed in range(options.seeds):
            found = run(Recipe(seed=seed), *split(options.data / name, seed))
            rows += label_rows(found, name, seed)
            runs.append({"data": name, "seed": seed, **run_row(found)})
            print(f"# {name} seed {seed}: {found.monitor!r}", flush=True)
    simulated = [
        {"private": private, "seed": seed, **simulated_row(private, seed)}
        for private in PRIVATE
        for seed in range(options.simulated)
    ]
    table = pd.DataFrame([asdict(row) for row in rows])
    disk.write_json(
        options.out,
        {"run": {**machine(), "seeds": options.seeds}, "labels": [asdict(row) for row in rows], "runs": runs}
        | {"simulated": simulated},
    )
    if len(table):
        print(verdict_table(table))
        print(threshold_table(table))
    if simulated:
        print(simulation_table(pd.DataFrame(simulated)))


def label_rows(found: Run, name: str, seed: int) -> list[LabelRow]:
    truth = {each.label: each for each in found.evaluation.per_label} if found.evaluation is not None else {}
    held_out = found.held_out_evaluation.per_label if found.held_out_evaluation is not None else ()
    honest = {each.label: each.foscttm for each in held_out}
    pairs = found.evaluation.per_cell.groupby("label")["foscttm"] if found.evaluation is not None else None
    return [
        LabelRow(
            data=name,
            seed=seed,
            label=row.label,
            agreement=row.agreement,
            agreement_cells=row.agreement_cells,
            agreement_features=row.agreement_features,
            verdict=row.verdict.value,
            foscttm=truth[row.label].foscttm,
            rank=truth[row.label].rank,
            n_pairs=truth[row.label].n_pairs,
            held_out_foscttm=honest.get(row.label, float("nan")),
            foscttm_halves=halves(pairs.get_group(row.label).to_numpy(), stream(seed, "halves", row.label)),
        )
        for row in found.monitor.labels
        if row.label in truth and truth[row.label].n_pairs >= FEWEST_PAIRS
    ]


def halves(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The means of two random halves."""
    dealt = rng.permutation(values[np.isfinite(values)])
    return float(dealt[::2].mean()), float(dealt[1::2].mean())


def most_possible(table: pd.DataFrame) -> float:
    """The rank correlation with FOSCTTM that a perfect figure would have: the square root of its reliability.

    FOSCTTM of a label is a mean over few pairs. How far two halves of them agree says how far anything could agree
    with it. Source: Spearman 1910, Brown 1910.
    """
    first, second = (table["foscttm_halves"].str[side] for side in (0, 1))
    half = max(rank_correlation(first, second).rho, 0.0)
    return float(np.sqrt(2 * half / (1 + half)))


def run_row(found: Run) -> dict[str, object]:
    """The figures of one run, and its verdict."""
    return {"verdict": found.monitor.verdict.value, **found.monitor.figures.to_dict()}


def simulate(private: float, seed: int) -> tuple[Modality, Modality, np.ndarray]:
    """Two modalities of the same cells under different names, and the shared state ``(n_cells, 4)`` of each cell.

    A label moves the shared state of a cell and, by ``private``, a state that only one modality sees. Source: the
    simulation behind docs/monitor.md, ours.
    """
    rng = stream(seed, "private effects", private)
    y = rng.integers(0, N_LABELS, N_CELLS)
    shared = EFFECT * rng.normal(size=(N_LABELS, N_SHARED))[y] + rng.normal(size=(N_CELLS, N_SHARED))
    sides = []
    for name, d in (("modality 1", 60), ("modality 2", 40)):
        own = private * rng.normal(size=(N_LABELS, N_PRIVATE))[y] + rng.normal(size=(N_CELLS, N_PRIVATE))
        state = np.hstack([shared, own])
        linear = state @ rng.normal(size=(state.shape[1], d)) / np.sqrt(state.shape[1])
        bent = linear + 0.3 * np.tanh(linear @ rng.normal(size=(d, d)) / np.sqrt(d))
        sides.append(
            Modality(
                name=name,
                X=bent + NOISE * rng.normal(size=bent.shape),
                labels=np.array([f"L{label:02d}" for label in y]),
                obs_names=np.array([f"{name} {rng.integers(10**9):09d}-{cell}" for cell in range(N_CELLS)]),
                var_names=np.array([f"{name} f{index}" for index in range(d)]),
            )
        )
    return sides[0], sides[1], shared


def simulated_row(private: float, seed: int) -> dict[str, float]:
    source, target, shared = simulate(private, seed)
    found = run(Recipe(seed=seed), source, target)
    monitor = found.monitor
    assert monitor.modalities is not None
    effects = effect_agreement(source, target, seed=seed)
    unseen = unseen_labels(source, target, seed=seed)
    return {
        "latent_r2": latent_r2(carried_state(found, shared), shared, found.source.labels),
        "loss": float(np.mean([side.loss for side in monitor.sides])),
        "agreement": monitor.agreement,
        "modality_agreement": monitor.modalities.means.value,
        "p": monitor.modalities.means.p_value,
        "warns": float(monitor.modalities.disagree),
        "geometry": effects.geometry.value,
        "predicted": effects.predicted.value,
        "effects_warn": float(min(effects.geometry.p_value, effects.predicted.p_value) > 0.05),
        "unseen": unseen.agreement.value,
        "unseen_warns": float(unseen.agreement.p_value > THRESHOLDS.chance),
    }


def carried_state(found: Run, shared: np.ndarray) -> np.ndarray:
    """The shared state of each source cell by the weighted mean over its matches, ``(n_cells, 4)``; NaN without one."""
    predicted = np.full(shared.shape, np.nan)
    for label, block in found.coupling.blocks.items():
        plan = block.rows(0, block.shape[0])
        cells = found.coupling.source_cells[label]
        predicted[cells] = plan @ shared[found.coupling.target_cells[label]] / plan.sum(axis=1, keepdims=True)
    return predicted


def called(agreement: pd.Series, low: float, high: float) -> np.ndarray:
    """Verdicts by agreement alone, without flags: 2 use, 1 caution, 0 label only."""
    values = agreement.fillna(0).to_numpy()
    return np.asarray((values >= low).astype(int) + (values >= high))


def verdict_table(table: pd.DataFrame) -> str:
    """How well the labels of each verdict were matched, and how the agreement follows the truth."""
    lines = [
        "",
        "| verdict | labels | FOSCTTM (median) | rank (median) | FOSCTTM ≤ 0.45 | ≥ 0.49 | ≤ 0.42 | held-out pairs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for verdict in ("use", "use with caution", "matched by label only"):
        mine = table[table["verdict"] == verdict]
        if len(mine):
            shares = [f"{np.mean(each):.0%}" for each in _shares(mine["foscttm"])]
            medians = f"{mine['foscttm'].median():.3f} | {mine['rank'].median():.3f}"
            honest = f"{mine['held_out_foscttm'].median():.3f}"
            lines.append(f"| {verdict} | {len(mine)} | {medians} | " + " | ".join([*shares, honest]) + " |")
    rho = rank_correlation(table["agreement"].fillna(0), table["foscttm"]).rho
    large = table[table["n_pairs"] >= 20]
    rho_large = rank_correlation(large["agreement"].fillna(0), large["foscttm"]).rho
    lines.append(
        f"\nSpearman of the agreement with FOSCTTM: {rho:+.2f} over {len(table)} labels, {rho_large:+.2f} over the "
        f"{len(large)} with 20 pairs or more. A perfect figure would have -{most_possible(table):.2f} and "
        f"-{most_possible(large):.2f}: so far do two halves of a label's pairs agree."
    )
    return "\n".join(lines)


def _shares(foscttm: pd.Series) -> tuple[pd.Series, pd.Series, pd.Series]:
    return foscttm <= GOOD, foscttm >= NOTHING, foscttm <= BETTER


def threshold_table(table: pd.DataFrame) -> str:
    """Thresholds fitted on all sets but one, and how they do on that one; by agreement alone, without flags."""
    lines = [
        "",
        "| set left out | thresholds fitted on the others | use: labels, FOSCTTM ≤ 0.45 | label only: labels, ≤ 0.42 |",
        "|---|---|---|---|",
    ]
    for name in table["data"].unique():
        others, mine = table[table["data"] != name], table[table["data"] == name]
        if not len(others):
            continue
        low, high = max(CANDIDATES, key=lambda pair: _worth(others, *pair))
        verdicts = called(mine["agreement"], low, high)
        use, only = mine["foscttm"][verdicts == 2], mine["foscttm"][verdicts == 0]
        cells = [
            f"{len(part)}, {np.mean(limit):.0%}" if len(part) else "0"
            for part, limit in ((use, use <= GOOD), (only, only <= BETTER))
        ]
        lines.append(f"| {name} | {low:.2f}, {high:.2f} | " + " | ".join(cells) + " |")
    low, high = max(CANDIDATES, key=lambda pair: _worth(table, *pair))
    lines.append(f"\nFitted on all: {low:.2f}, {high:.2f}; in use: {THRESHOLDS.caution:.2f}, {THRESHOLDS.use:.2f}.")
    return "\n".join(lines)


def _worth(table: pd.DataFrame, low: float, high: float) -> float:
    """Labels rightly called use or label only, less four times those wrongly called so."""
    verdicts, foscttm = called(table["agreement"], low, high), table["foscttm"].to_numpy()
    use, only = verdicts == 2, verdicts == 0
    right = (use & (foscttm <= GOOD)).sum() + (only & (foscttm > BETTER)).sum()
    wrong = (use & (foscttm > GOOD)).sum() + (only & (foscttm <= BETTER)).sum()
    return float(right - 4 * wrong)


def simulation_table(table: pd.DataFrame) -> str:
    """What each figure says as the private effect grows, and how often the agreement of the modalities warns."""
    figures = ["loss", "agreement", "modality_agreement", "geometry", "predicted", "unseen"]
    columns = ["latent_r2", *figures, "warns", "effects_warn", "unseen_warns"]
    lines = ["", "| private effect | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for private, mine in table.groupby("private"):
        lines.append(f"| {private:g} | " + " | ".join(f"{mine[name].mean():.2f}" for name in columns) + " |")
    bad, good = table[table["latent_r2"] < 0.4], table[table["latent_r2"] > 0.8]
    for words, part in (("below 0.4", bad), ("above 0.8", good)):
        if len(part):
            warned = ", ".join(f"{name} {part[name].mean():.0%}" for name in columns[-3:])
            lines.append(f"\nLatent R² {words}, {len(part)} runs: {warned}.")
    ranks = table[columns].rank().corr()["latent_r2"]
    followed = (f"{name} {ranks[name]:+.2f}" for name in figures)
    lines.append(f"\nSpearman correlation with latent R² over all runs: {', '.join(followed)}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
