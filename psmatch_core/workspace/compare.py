"""Runs side by side: the settings in which they differ, and their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.results import has_propensities, load_facts, load_models, load_table
from psmatch_core.workspace.run_folder import RunFolder

FIGURES = "figures.json"
# In words, in the order of the work; the unit in brackets.
WORDS = {
    "loss_source": "{source}: held-out loss [nats]",
    "entropy_source": "{source}: label entropy [nats]",
    "accuracy_source": "{source}: accuracy",
    "error_source": "{source}: calibration error",
    "loss_target": "{target}: held-out loss [nats]",
    "entropy_target": "{target}: label entropy [nats]",
    "accuracy_target": "{target}: accuracy",
    "error_target": "{target}: calibration error",
    "labels_matched": "labels matched",
    "labels_attention": "labels that need a look",
    "n_effective": "effective matches (median over labels) [cells]",
    "foscttm": "FOSCTTM (0.5 chance, 0 perfect)",
    "rank": "rank of the true partner (0.5 chance)",
    "trace_fold": "weight on the true partner [× uniform]",
    "r2": "variance explained, matched features",
    "energy_target_to_source": "energy distance, {target} features",
    "energy_source_to_target": "energy distance, {source} features",
    "seconds": "time taken [s]",
}


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Some runs side by side.

    Parameters
    ----------
    names
        What the runs are called, each name once.
    settings
        One row a setting that differs, by its dotted name; one column a run, None where a run has no such setting.
    figures
        One row a figure, one column a run, NaN where a run has none.
    """

    names: tuple[str, ...]
    settings: pd.DataFrame
    figures: pd.DataFrame


def compare_runs(folders: Sequence[RunFolder]) -> RunComparison:
    """Runs side by side, in the order in which they are given.

    Raises
    ------
    PsmatchError
        For fewer than two runs.
    """
    if len(folders) < 2:
        raise PsmatchError("One run cannot be compared.", hint="Choose two runs or more.")
    names = _names(folders)
    settings = [flat_settings(folder.recipe.to_dict()) for folder in folders]
    every = list(dict.fromkeys(name for each in settings for name in each))
    rows = {name: [each.get(name) for each in settings] for name in every}
    differing = {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
    figures = [run_figures(folder) for folder in folders]
    words = _words(folders)
    known = [name for name in WORDS if any(name in each for each in figures)]
    return RunComparison(
        names=names,
        settings=pd.DataFrame.from_dict(differing, orient="index", columns=list(names), dtype=object),
        figures=pd.DataFrame(
            [[each.get(name, float("nan")) for each in figures] for name in known],
            index=[words[name] for name in known],
            columns=list(names),
            dtype=float,
        ),
    )


def run_figures(folder: RunFolder) -> dict[str, float]:
    """The figures of a run, by the names in ``WORDS``; those that it has not are not in it.

    A run of an earlier version left no such file: its figures are then worked out from what it left.
    """
    kept = load_facts(folder, FIGURES.removesuffix(".json"))
    return dict(kept) if kept else measured_figures(folder)


def measured_figures(folder: RunFolder) -> dict[str, float]:
    """The figures of a run, from its models, its table of labels and its evaluation, as far as they are there."""
    found: dict[str, float] = {}
    if has_propensities(folder):
        for side, model in zip(("source", "target"), load_models(folder), strict=True):
            found[f"loss_{side}"] = model.validation_loss
            found[f"entropy_{side}"] = model.label_entropy
            found[f"accuracy_{side}"] = model.accuracy
            found[f"error_{side}"] = model.reliability.expected_error
    labels = load_table(folder, "labels")
    if labels is not None:
        spread = labels["n_effective"].dropna()
        found["labels_matched"] = float(len(spread))
        found["labels_attention"] = float(labels["needs_attention"].sum())
        if len(spread):
            found["n_effective"] = float(spread.median())
    judged = load_facts(folder, "evaluation")
    if judged and judged["n_pairs"]:
        found |= {name: float(judged["micro"][name]) for name in ("foscttm", "rank", "trace_fold")}
        found["r2"] = float(judged["pooled_r2"])
    for direction, each in (load_facts(folder, "distributions") or {}).items():
        value = each.get("micro", {}).get("translated", {}).get("energy")
        if value is not None:
            found[f"energy_{direction}"] = float(value)
    return found


def flat_settings(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under their dotted names, such as ``matcher.epsilon``."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            out.update(flat_settings(value, f"{prefix}{key}."))
        elif key != "kind" or prefix:
            out[f"{prefix}{key}"] = value
    return out


def _names(folders: Sequence[RunFolder]) -> tuple[str, ...]:
    """Their names, told apart by a number where two are alike."""
    out: list[str] = []
    for folder in folders:
        name = str(folder.job.get("name") or folder.id)
        again = sum(each == name or each.startswith(f"{name} (") for each in out)
        out.append(f"{name} ({again + 1})" if again else name)
    return tuple(out)


def _words(folders: Sequence[RunFolder]) -> dict[str, str]:
    """The figures in words, with the modalities' names where all runs agree on them."""
    sides = {}
    for side in ("source", "target"):
        names = {str((load_facts(folder, "inputs") or {}).get(side, {}).get("name", side)) for folder in folders}
        sides[side] = names.pop() if len(names) == 1 else side
    return {
        name: text.replace("{source}", sides["source"]).replace("{target}", sides["target"])
        for name, text in WORDS.items()
    }
