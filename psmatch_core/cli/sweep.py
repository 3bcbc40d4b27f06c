"""`psmatch sweep`: repeat a run with some settings varied, and compare the results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import duration
from psmatch_core.cli.command import (
    SHORT,
    Command,
    add_cache_and_queue,
    add_executor,
    add_force,
    add_json,
    add_quiet,
    with_executor,
)

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.workspace.jobs.sweep import SweepJob
    from psmatch_core.workspace.sweeps.budget import Budget
    from psmatch_core.workspace.sweeps.table import RankCorrelation

SWEEP_FOLDER = "psmatch-sweep"
FIGURE_COLUMNS = ("loss", "raw_loss", "stability", "n_effective", "cost", "foscttm", "rank", "trace_fold")
PREDICTORS = ("loss", "raw_loss", "stability", "n_effective", "cost")  # of the true error, where no pair is known


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="a finished run whose settings to vary, or a sweep to continue")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=V1,V2",
        dest="axes",
        help="a setting with its values, for example matcher.epsilon=0.01,0.02,0.05; several make a grid",
    )
    parser.add_argument("--list", action="store_true", help="combine values by position instead of as a grid")
    parser.add_argument(
        "--no-stability",
        action="store_true",
        help="skip the trainings on halves of the data, which take about a third of the time",
    )
    parser.add_argument("--dry-run", action="store_true", help="only print what the sweep would cost")
    parser.add_argument(
        "--out", type=Path, default=Path(SWEEP_FOLDER), help=f"folder of the sweep (default: ./{SWEEP_FOLDER})"
    )
    add_force(parser)
    add_cache_and_queue(parser)
    add_executor(parser)
    add_quiet(parser)
    add_json(parser)


def _sweep(options: argparse.Namespace) -> int:
    from psmatch_core.base.records import to_plain
    from psmatch_core.cli.common import check_done, free_folder, open_run, progress_of
    from psmatch_core.cli.json_output import as_json
    from psmatch_core.workspace import files
    from psmatch_core.workspace.jobs.sweep import SweepJob, open_sweep
    from psmatch_core.workspace.run_folder import RunFolder
    from psmatch_core.workspace.sweeps.budget import estimate_budget
    from psmatch_core.workspace.sweeps.points import GRID, LIST, Sweep, parse_axis
    from psmatch_core.workspace.worker import execute

    if files.SWEEP_REQUEST.is_in(RunFolder(options.folder)):
        if options.axes:
            raise PsmatchError("This folder is a sweep already.", hint="Omit --set to continue it.")
        job = open_sweep(options.folder.resolve())
    else:
        run = open_run(options.folder)
        sweep = Sweep(tuple(parse_axis(text) for text in options.axes), LIST if options.list else GRID)
        budget = estimate_budget(run, sweep, cache=options.cache, stability=not options.no_stability)
        if not options.json:
            print(budget_text(budget))
        elif options.dry_run:
            print(as_json({"budget": to_plain(budget)}))
        if options.dry_run:
            return 0
        sweep.recipes(run.recipe)  # a setting that does not exist leaves an earlier sweep where it is
        folder = free_folder(options, options.out, run.recipe)
        job = SweepJob.create_at(folder, run.recipe, sweep, base_id=run.id, stability=not options.no_stability)
    check_done(execute(job, cache=options.cache, queue=options.queue, also=progress_of(options)))
    print(as_json(sweep_record(job)) if options.json else sweep_text(job))
    return 0


def budget_text(budget: Budget) -> str:
    """What a sweep will cost, in a sentence or two."""
    reused = f" ({budget.n_reused} already finished and reused)" if budget.n_reused else ""
    parts = [f"{plural(budget.n_runs, 'run')}, {plural(budget.n_trainings, 'training')}{reused}"]
    if budget.n_halvings:
        parts.append(f"{plural(budget.n_halvings, 'training')} on halves of the data")
    text = "; ".join(parts) + ". "
    if budget.seconds is None:
        return text + "The time is unknown, because the stages of this run were not timed."
    kind = "" if budget.is_same_kind else ", if every classifier takes as long as that of the original run"
    return text + f"About {duration(budget.seconds)}, judging by the original run{kind}."


def sweep_text(job: SweepJob) -> str:
    """The table of a sweep for a terminal, and how the losses rank with the truth."""
    from psmatch_core.monitor.run_figures import FIGURES
    from psmatch_core.workspace.sweeps.points import short_names
    from psmatch_core.workspace.sweeps.table import sweep_table

    table = sweep_table(job)
    axes = short_names(axis.name for axis in job.sweep.axes).values()
    columns = ["run", "state", *axes, *(name for name in FIGURE_COLUMNS if name in table)]
    lines = [table[columns].to_string(index=False, float_format=SHORT)]
    if "foscttm" in table:
        lines.append(
            "\nRank correlation (Spearman) with FOSCTTM (inflated: a sweep holds no pairs out) across the runs:"
        )
        for name, found in truth_correlations(table).items():
            lines.append(f"  {FIGURES[name].title():<20} {found.rho:+.2f} (n = {found.n})")
    failed = table[table["problem"] != ""]
    lines += [f"  run {row.run} failed: {row.problem}" for row in failed.itertuples()]
    lines.append(f"\nFolder of the sweep: {job.path}")
    return "\n".join(lines)


def sweep_record(job: SweepJob) -> dict[str, Any]:
    """The same as plain data."""
    from psmatch_core.base.records import to_plain
    from psmatch_core.workspace.sweeps.table import sweep_table

    table = sweep_table(job)
    found = {name: to_plain(each) for name, each in truth_correlations(table).items()}
    return {"folder": job.path, "runs": table.to_dict("records"), "rank_correlation_with_foscttm": found}


def truth_correlations(table: pd.DataFrame) -> dict[str, RankCorrelation]:
    """How the figures that need no pairs rank with FOSCTTM over the runs of a sweep; empty if no pair is known."""
    from psmatch_core.workspace.sweeps.table import rank_correlation

    if "foscttm" not in table:
        return {}
    return {name: rank_correlation(table[name], table["foscttm"]) for name in PREDICTORS if name in table}


COMMAND = Command(
    "sweep",
    "repeat a run with some settings varied, and compare the results",
    _add_arguments,
    with_executor(_sweep),
    example="psmatch sweep my-run --set matcher.epsilon=0.01,0.02,0.05 --dry-run",
)
