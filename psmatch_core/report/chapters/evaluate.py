"""The chapters on quality: metrics where true pairs are known, and distances between distributions where none is."""

from __future__ import annotations

from psmatch_core.base.errors import plural
from psmatch_core.evaluation.distributions import CAVEAT, DISTANCE_MEASURES
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.evaluations import load_evaluation

SHOWN_METRICS = ("foscttm", "trace_fold", "rank")


def evaluation_chapter(run: LoadedRun, page: Page) -> None:
    """How good the matching is where the true pairs are known."""
    shown = load_evaluation(run.folder)
    if shown is None:
        return
    found, table, cells = shown.summary, shown.labels, shown.cells
    from psmatch_core.evaluation.intervals import bootstrap_intervals
    from psmatch_core.plotting import metric_bars

    page.heading("Evaluate: how good is the matching where the true pairs are known?")
    if not found.n_pairs or table is None:
        page.text("True pairs are known, but every label has too few of them for an evaluation.")
        return
    page.text(
        "Each pair was judged by classifiers that saw neither of its cells; the two sides were trained on different "
        f"cells. The last column is {INFLATED}."
        if shown.is_held_out
        else f"These figures are {INFLATED}. No pairs were held out."
    )
    page.text(f"{plural(found.n_pairs, 'true pair')}. The baseline is a uniform plan within each label (chance).")
    means = [found.micro, found.uniform_micro, found.macro, found.uniform_macro]
    headings = ["metric", "mean over cells", "uniform", "mean over labels", "uniform"]
    if shown.is_held_out:
        means.append(shown.inflated.micro)
        headings.append("inflated, mean over cells")
    page.table(headings, [[metric, *(each[metric] for each in means)] for metric in SHOWN_METRICS])
    for metric in SHOWN_METRICS[:2]:
        page.figure(metric_bars(table, metric))
    if cells is not None and len(cells):
        intervals = bootstrap_intervals(cells, seed=run.folder.recipe.seed)[1]["micro"]
        ranges = ", ".join(f"{each} {intervals[each].low:.3g} to {intervals[each].high:.3g}" for each in SHOWN_METRICS)
        page.text(f"95% intervals, if other cells of the same labels had been evaluated: {ranges}.", "small")
    if found.skipped:
        page.table(("label not evaluated", "reason"), list(found.skipped.items()))


def distributions_chapter(run: LoadedRun, page: Page) -> None:
    """Translated cells compared with observed ones, where no pair is known."""
    compared = files.DISTRIBUTIONS.read(run.folder)
    if not compared:
        return
    from psmatch_core.plotting import distance_dots

    page.heading("Translated cells compared with observed ones, where no pair is known")
    page.text(
        "Baselines: the same translation through a uniform plan, and a floor, which compares one half of the observed "
        f"cells with the other. {CAVEAT}"
    )
    for direction, found in compared.items():
        page.subheading(run.describe(direction))
        if found.per_label:
            page.table(
                ("mean over cells", *(each.replace("_", " ") for each in DISTANCE_MEASURES)),
                [
                    (name.replace("_", " "), *(values[each] for each in DISTANCE_MEASURES))
                    for name, values in found.micro.items()
                ],
            )
            page.figure(distance_dots(found, "energy"))
        page.points(found.notes)
        if found.skipped:
            page.table(("label not compared", "reason"), list(found.skipped.items()))
