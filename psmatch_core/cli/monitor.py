"""`psmatch monitor`: what are the matches of a run good for? The run's own report, or measured again with shuffles."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from psmatch_core.base.errors import plural
from psmatch_core.cli.command import (
    SHORT,
    Command,
    add_cache_and_queue,
    add_executor,
    add_json,
    add_quiet,
    with_executor,
)

if TYPE_CHECKING:
    from psmatch_core.monitor import MonitorReport
    from psmatch_core.workspace.run_folder import RunFolder

REASON_WIDTH = 90  # characters of a reason in the table


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument(
        "--shuffles", type=int, default=20, help="number of label shuffles for the null; 0 skips it (default: 20)"
    )
    parser.add_argument(
        "--null-cells", type=int, default=1500, help="largest number of cells per modality in the null (default: 1500)"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--effects",
        action="store_true",
        help="only compare the effects of the labels in both modalities; changes nothing in the run",
    )
    instead.add_argument(
        "--unseen-labels",
        action="store_true",
        help="only ask classifiers that have never seen a label what they take its cells for, in both modalities; "
        "changes nothing in the run",
    )
    parser.add_argument("--no-stability", action="store_true", help="skip the trainings on halves of the data")
    add_cache_and_queue(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _monitor(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import check_done, check_matched, open_run, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.monitor import Monitoring
    from psmatch_core.workspace.jobs.monitor import MonitorJob
    from psmatch_core.workspace.worker import execute

    folder = open_run(options.run)
    if options.effects or options.unseen_labels:
        return _compare(folder, options)
    monitoring = Monitoring(
        stability=not options.no_stability, n_shuffles=options.shuffles, null_cells=options.null_cells
    )
    check_matched(folder)
    job = MonitorJob.create(folder, monitoring)
    check_done(execute(job, cache=options.cache, queue=options.queue, also=progress_of(options)))
    report = job.result()
    if report is not None:
        print(as_json(report.to_dict()) if options.json else report_text(report))
    return 0


def _compare(folder: RunFolder, options: argparse.Namespace) -> int:
    """Print whether the labels do the same in both modalities, by their features or by unseen labels."""
    from psmatch_core.cli.common import check_scored, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.workspace.results import effects_of, unseen_of

    check_scored(folder)
    found = effects_of(folder) if options.effects else unseen_of(folder, progress=progress_of(options))
    print(as_json(found.to_dict()) if options.json else "\n".join([found.finding(), *found.remarks()]))
    return 0


def report_text(report: MonitorReport) -> str:
    """A report for a terminal: labels, losses, halves, hidden labels, the null, and the verdict."""
    columns = ["label", "verdict", "agreement", "agreement_cells", "agreement_features", "reasons", "advice"]
    table = report.table()[columns].rename(columns={"agreement_cells": "cells", "agreement_features": "features"})
    table["reasons"] = [
        text if len(text) <= REASON_WIDTH else text[: REASON_WIDTH - 1] + "…" for text in table["reasons"]
    ]
    lines = [table.to_string(index=False, float_format=SHORT), ""]
    for name, side in zip(report.names, report.sides, strict=True):
        lines.append(
            f"{name}: held-out loss {side.loss:.3f} nats calibrated, {side.raw_loss:.3f} nats raw; "
            f"label entropy {side.baseline:.3f} nats"
        )
    lines.append(
        f"Agreement of the matches {report.agreement:z.2f}: {report.agreement_cells:z.2f} between halves of the cells, "
        f"{report.agreement_features:z.2f} between halves of the features (1 the same, 0 unrelated)"
    )
    if report.hidden is not None:
        lines.append(f"Hidden labels found again: {report.hidden.described()}")
    if report.modalities is not None:
        lines.append(f"Agreement of the modalities: {report.modalities.described()}")
    if report.epsilon is not None:
        lines.append(f"Epsilon: {report.epsilon.described()}")
    lines += [f"Not measured: {note}" for note in report.notes]
    if report.null is not None:
        lines.append(f"\nCompared with {plural(report.null.n_shuffles, 'shuffle')} of the labels (simple classifier):")
        for each in report.null.statistics:
            low, high = min(each.shuffled), max(each.shuffled)
            lines.append(
                f"  {each.name:<12} {each.observed:.3f}   shuffled {low:.3f} to {high:.3f}, p = {each.p_value:.2g}"
            )
    lines.append(f"\n{report.verdict.title} ({report.counted()}): " + "; ".join(report.reasons) + ".")
    return "\n".join(lines)


COMMAND = Command(
    "monitor",
    "say what the matches of a run are good for, without true pairs",
    _add_arguments,
    with_executor(_monitor),
    example="psmatch monitor my-run --shuffles 100",
)
