"""The commands ``monitor`` and ``sweep``: may this run be believed, and how do its figures move with its settings?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, plural

if TYPE_CHECKING:
    from psmatch_core.monitor import MonitorReport
    from psmatch_core.workspace.run_folder import RunFolder
    from psmatch_core.workspace.sweeps.budget import Budget
    from psmatch_core.workspace.sweeps.folder import SweepFolder

SWEEP_FOLDER = "psmatch-sweep"
SHOWN = ("loss", "raw_loss", "stability", "n_effective", "cost", "foscttm", "rank", "trace_fold")
NOTE_WIDTH = 90  # characters of a reason that a line of the table shows


def add(commands: Any) -> None:
    """Add both commands to a command line."""
    monitor = commands.add_parser("monitor", help="may a finished run be believed? losses, stability, null")
    monitor.add_argument("run", type=Path, help="the folder of a finished run")
    monitor.add_argument("--shuffles", type=int, default=20, help="shuffles of the labels; 0: no null (20)")
    monitor.add_argument("--null-cells", type=int, default=1500, help="cells a side in the null at most (1500)")
    monitor.add_argument("--no-stability", action="store_true", help="do not train on halves of the cells")
    monitor.add_argument("--cache", type=Path, default=None, help="folder in which runs share finished stages")
    monitor.add_argument("--queue", type=Path, default=None, help="folder in which it waits for other runs to end")
    monitor.add_argument("--quiet", action="store_true", help="no progress")
    monitor.set_defaults(do=_monitor)

    sweep = commands.add_parser("sweep", help="many runs with some settings varied, their figures side by side")
    sweep.add_argument("folder", type=Path, help="a finished run whose settings are varied, or a sweep to go on with")
    sweep.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=V1,V2",
        dest="axes",
        help="an option with its values, such as matcher.epsilon=0.01,0.02,0.05; several make a grid",
    )
    sweep.add_argument("--list", action="store_true", help="values position by position, not every combination")
    sweep.add_argument("--no-stability", action="store_true", help="do not measure match stability (halves the time)")
    sweep.add_argument("--dry-run", action="store_true", help="say what it would cost, and stop")
    sweep.add_argument("--out", type=Path, default=Path(SWEEP_FOLDER), help=f"folder of the sweep (./{SWEEP_FOLDER})")
    sweep.add_argument("--cache", type=Path, default=None, help="folder in which runs share finished stages")
    sweep.add_argument("--queue", type=Path, default=None, help="folder in which its runs wait for others to end")
    sweep.add_argument("--quiet", action="store_true", help="no progress")
    sweep.set_defaults(do=_sweep)


def _monitor(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import watcher
    from psmatch_core.monitor import Monitoring
    from psmatch_core.workspace.jobs.monitor import load_report, measure
    from psmatch_core.workspace.run_folder import DONE

    run = _run_folder(options.run)
    monitoring = Monitoring(
        stability=not options.no_stability, n_shuffles=options.shuffles, null_cells=options.null_cells
    )
    status = measure(run, monitoring, cache=options.cache, queue=options.queue, also=watcher(quiet=options.quiet))
    if status.state != DONE:
        raise PsmatchError(status.problem, hint=status.hint)
    report = load_report(run)
    if report is not None:
        print(report_text(report))
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from psmatch_core.cli.common import watcher
    from psmatch_core.workspace.jobs.sweep import do_sweep
    from psmatch_core.workspace.run_folder import DONE
    from psmatch_core.workspace.sweeps.budget import budget
    from psmatch_core.workspace.sweeps.folder import ABOUT, SweepFolder, open_sweep
    from psmatch_core.workspace.sweeps.points import GRID, LIST, Sweep, parse_axis

    if (options.folder / ABOUT).exists():
        if options.axes:
            raise PsmatchError("This folder is a sweep already.", hint="Leave the options out to go on with it.")
        folder = open_sweep(options.folder.resolve())
    else:
        run = _run_folder(options.folder)
        asked = Sweep(tuple(parse_axis(text) for text in options.axes), LIST if options.list else GRID)
        print(budget_text(budget(run, asked, cache=options.cache, stability=not options.no_stability)))
        if options.dry_run:
            return 0
        folder = SweepFolder.create(
            options.out.resolve(), run.recipe, asked, base_id=run.id, stability=not options.no_stability
        )
    also = watcher(quiet=options.quiet)
    status = do_sweep(folder, cache=options.cache, queue=options.queue, also=also)
    if status.state != DONE:
        raise PsmatchError(status.problem, hint=status.hint)
    print(sweep_text(folder))
    return 0


def report_text(report: MonitorReport) -> str:
    """A report for a terminal: the verdict, the labels, the null."""
    table = report.table()
    table["reasons"] = [text if len(text) <= NOTE_WIDTH else text[: NOTE_WIDTH - 1] + "…" for text in table["reasons"]]
    lines = [table.to_string(index=False, float_format=lambda value: f"{value:.3g}"), ""]
    for name, side in zip(report.names, report.sides, strict=True):
        lines.append(
            f"{name}: held-out loss {side.loss:.3f} calibrated, {side.raw_loss:.3f} raw, "
            f"of {side.baseline:.3f} nats label entropy"
        )
    lines.append(f"Match stability {report.stability:.2f}, shared mass {report.shared_mass:.2f}")
    if report.null is not None:
        lines.append(f"\nAgainst {plural(report.null.n_shuffles, 'shuffle')} of the labels (a cheap classifier):")
        for each in report.null.statistics:
            low, high = (f(each.shuffled) for f in (min, max))
            lines.append(
                f"  {each.name:<12} {each.observed:.3f}   shuffled {low:.3f} to {high:.3f}, p = {each.p_value:.2g}"
            )
    lines.append(f"\n{report.words}: " + "; ".join(report.reasons) + ".")
    return "\n".join(lines)


def budget_text(budget: Budget) -> str:
    """A budget in a sentence or two."""
    parts = [
        f"{plural(budget.n_runs, 'run')}, {plural(budget.n_trainings, 'training')}"
        + (f" ({budget.n_reused} of them lie finished and are used again)" if budget.n_reused else "")
    ]
    if budget.n_halvings:
        parts.append(f"{plural(budget.n_halvings, 'training')} on halves for the stability")
    text = "; ".join(parts) + ". "
    if budget.seconds is None:
        return text + "How long it takes is not known: the times of this run were not measured."
    kind = "" if budget.is_same_kind else ", if every classifier takes as long as that run's"
    return text + f"About {_duration(budget.seconds)} by the times of the run it starts from{kind}."


def sweep_text(folder: SweepFolder) -> str:
    """The table of a sweep for a terminal, and how the losses rank with the truth."""
    from psmatch_core.workspace.sweeps.points import short
    from psmatch_core.workspace.sweeps.table import FIGURES, rank_correlation, sweep_table

    table = sweep_table(folder)
    axes = [short(axis.name) for axis in folder.sweep.axes]
    columns = ["run", "state", *axes, *(name for name in SHOWN if name in table)]
    lines = [table[columns].to_string(index=False, float_format=lambda value: f"{value:.3g}")]
    if "foscttm" in table:
        lines.append("\nRank correlation (Spearman) with FOSCTTM over the runs:")
        for name in ("loss", "raw_loss", "stability", "n_effective", "cost"):
            if name in table:
                found = rank_correlation(table[name], table["foscttm"])
                lines.append(f"  {FIGURES[name].title:<20} {found.rho:+.2f} (n = {found.n})")
    failed = table[table["problem"] != ""]
    lines += [f"  run {row.run} failed: {row.problem}" for row in failed.itertuples()]
    lines.append(f"\nThe sweep lies in {folder.path}")
    return "\n".join(lines)


def _run_folder(path: Path) -> RunFolder:
    from psmatch_core.workspace.run_folder import RunFolder

    if not (path / "recipe.json").exists():
        raise PsmatchError(f"The folder {path.name} holds no run.", hint="Give the folder of a finished run.")
    return RunFolder(path.resolve())


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
