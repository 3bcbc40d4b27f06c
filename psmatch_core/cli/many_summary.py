"""The results of several matched modalities for a terminal and for a program, each figure beside a baseline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from psmatch_core.cli.command import SHORT
from psmatch_core.evaluation.evaluate import CHANCE, INFLATED
from psmatch_core.exports.several_files import cycles_in_words
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.matching.several import PLANS
from psmatch_core.monitor.cycle_consistency import CYCLE_FIGURES
from psmatch_core.pipeline.match_modalities import MatchedModalities


def many_summary(matched: MatchedModalities, folder: Path, seconds: float) -> str:
    """The results as text.

    Parameters
    ----------
    seconds
        How long it took [s].
    """
    reference, *others = matched.names
    lines = [matched.labels.to_string(index=False, float_format=SHORT), ""]
    lines.append("Held-out loss in nats per cell, beside that of a classifier that knows only the label frequencies:")
    width = max(map(len, matched.names))
    for name, model in matched.couplings.models.items():
        lines.append(f"  {name:<{width}}  {model.validation_loss:.3f}   frequencies {model.label_entropy:.3f}")
    lines += ["", f"Plans: {PLANS[matched.couplings.plans]}. The reference is {reference}."]
    for name in others:
        monitor, found = matched.monitors[name], effective_in_run(matched.coupling(reference, name))
        lines.append(
            f"  {reference} → {name}: {monitor.verdict.title} ({monitor.counted()}); {found.matches:.3g} effective "
            f"matches of {found.candidates:.3g} candidates"
        )
    lines += ["", cycles_in_words(matched)] if matched.cycles is not None else []
    if matched.evaluations:
        lines.append(f"\nEvaluated with known pairs, within labels, beside chance ({INFLATED}):")
        for (source, target), each in matched.evaluations.items():
            figures = "   ".join(
                f"{name} {each.micro[name]:.3f} (chance {chance:g})" for name, chance in CHANCE.items()
            )
            lines.append(f"  {source} → {target}, {len(each.per_cell):,} pairs: {figures}")
    lines += ["\nNotes:", *(f"  {note}" for note in matched.notes)] if matched.notes else []
    lines.append(f"\nDone in {seconds:.0f} s. Files: {folder}")
    return "\n".join(lines)


def many_record(matched: MatchedModalities, folder: Path, seconds: float) -> dict[str, Any]:
    """The same as plain data; what was not measured is absent or null."""
    reference, *others = matched.names
    matches = []
    for name in others:
        monitor, found = matched.monitors[name], effective_in_run(matched.coupling(reference, name))
        matches.append(
            {
                "source": reference,
                "target": name,
                "verdict": monitor.verdict.value,
                "reasons": monitor.reasons,
                "labels": dict(Counter(row.verdict.value for row in monitor.labels)),
                "n_effective": found.matches,
                "n_candidates": found.candidates,
            }
        )
    return {
        "folder": str(folder),
        "files": sorted(path.name for path in folder.iterdir()),
        "seconds": seconds,
        "reference": reference,
        "plans": matched.couplings.plans,
        "modalities": [
            {
                "name": name,
                "n_cells": cells.n_cells,
                "n_features": cells.n_features,
                "loss": matched.couplings.models[name].validation_loss,
                "chance": matched.couplings.models[name].label_entropy,
            }
            for name, cells in matched.modalities.items()
        ],
        "labels": matched.labels.to_dict("records"),
        "matches": matches,
        "cycle_consistency": None
        if matched.cycles is None
        else {name: matched.cycles.mean(name) for name in CYCLE_FIGURES},
        "evaluation": [
            {"source": source, "target": target, "pairs": "all, inflated", **each.micro, "chance": CHANCE}
            for (source, target), each in matched.evaluations.items()
        ],
        "notes": matched.notes,
    }
