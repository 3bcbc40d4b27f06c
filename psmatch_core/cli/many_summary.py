"""The results of several matched modalities for a terminal and for a program, each figure beside a baseline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from psmatch_core.base.records import to_plain
from psmatch_core.cli.command import SHORT
from psmatch_core.evaluation.evaluate import CHANCE, INFLATED
from psmatch_core.matching.several import PLANS
from psmatch_core.pipeline.match_modalities import MatchedModalities
from psmatch_core.pipeline.several_figures import several_figures


def many_summary(matched: MatchedModalities, folder: Path, seconds: float) -> str:
    """The results as text.

    Parameters
    ----------
    seconds
        How long it took [s].
    """
    found = several_figures(matched)
    lines = [matched.labels.to_string(index=False, float_format=SHORT), ""]
    lines.append("Held-out loss in nats per cell, beside that of a classifier that knows only the label frequencies:")
    width = max(map(len, found.names))
    lines += [f"  {each.name:<{width}}  {each.loss:.3f}   frequencies {each.chance:.3f}" for each in found.modalities]
    lines += ["", f"Plans: {PLANS[found.plans]}. The reference is {found.names[0]}."]
    for pair in found.pairs:
        if pair.verdict is not None:
            lines.append(
                f"  {pair.source} → {pair.target}: {pair.verdict.title} ({pair.counted()}); {pair.n_effective:.3g} "
                f"effective matches of {pair.n_candidates:.3g} candidates"
            )
    lines += ["", found.cycles_in_words()] if found.cycle else []
    if matched.held_out_evaluations:
        lines.append("\nEvaluated with known pairs of cells that no classifier saw, within labels, beside chance:")
        for pair in found.pairs:
            figures = "   ".join(
                f"{name} {pair.held_out[name]:.3f} (chance {chance:g})"
                for name, chance in CHANCE.items()
                if pair.held_out
            )
            lines += [f"  {pair.source} → {pair.target}, {pair.n_held_out:,} pairs: {figures}"] if pair.held_out else []
    if matched.evaluations:
        lines.append(f"\nEvaluated with known pairs, within labels, beside chance ({INFLATED}):")
        for pair in found.pairs:
            figures = "   ".join(
                f"{name} {pair.known[name]:.3f} (chance {chance:g})" for name, chance in CHANCE.items() if pair.known
            )
            lines += [f"  {pair.source} → {pair.target}, {pair.n_known:,} pairs: {figures}"] if pair.known else []
    lines += ["\nNotes:", *(f"  {note}" for note in found.notes)] if found.notes else []
    lines.append(f"\nDone in {seconds:.0f} s. Files: {folder}")
    return "\n".join(lines)


def many_record(matched: MatchedModalities, folder: Path, seconds: float) -> dict[str, Any]:
    """The same as plain data; what was not measured is absent or null."""
    found = several_figures(matched)
    return {
        "folder": str(folder),
        "files": sorted(path.name for path in folder.iterdir()),
        "seconds": seconds,
        "reference": found.names[0],
        "plans": found.plans,
        "modalities": to_plain(found.modalities),
        "labels": matched.labels.to_dict("records"),
        "matches": [
            {
                "source": pair.source,
                "target": pair.target,
                "verdict": pair.verdict.value,
                "reasons": pair.reasons,
                "labels": dict(Counter(row.verdict.value for row in pair.labels if row.verdict is not None)),
                "n_effective": pair.n_effective,
                "n_candidates": pair.n_candidates,
            }
            for pair in found.pairs
            if pair.verdict is not None
        ],
        "cycle_consistency": found.cycle or None,
        "held_out_evaluation": [
            {"source": pair.source, "target": pair.target, "pairs": "held out", **pair.held_out, "chance": CHANCE}
            for pair in found.pairs
            if pair.held_out
        ],
        "evaluation": [
            {"source": pair.source, "target": pair.target, "pairs": "all, inflated", **pair.known, "chance": CHANCE}
            for pair in found.pairs
            if pair.known
        ],
        "notes": found.notes,
    }
