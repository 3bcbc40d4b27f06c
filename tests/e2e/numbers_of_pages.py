"""What each page must say in numbers of a run, by the core: the text of every title and metric, tab by tab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pages.shell.text import decimals_of, number
from pages.views.translate.features import PICTURES
from psmatch_core import plotting
from psmatch_core.base.arrays import to_dense
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.evaluation.intervals import bootstrap_intervals
from psmatch_core.exploration.matched_cell import matched_cell
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.matching.match_features import FeatureRules
from psmatch_core.plotting.style import rounded
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.results import features_of, load_figures, load_matching, load_models, load_readable
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.waiting import until

LABEL = "control"  # the largest label, which Match shows first
Metric = tuple[str, str, str]  # label, value, what it is compared with


@dataclass(frozen=True)
class Tab:
    """What one tab of a page or step of Data must say, or a page without tabs.

    Parameters
    ----------
    titles
        Lines in bold; all that have a number, in their order.
    metrics
        All of them, in their order.
    box
        In the only box with a number.
    text
        Anywhere.
    """

    page: str
    name: str = ""
    titles: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    box: str = ""
    text: str = ""


def first_line(figure: Any) -> str:
    return plotting.title_text(figure)[0]


def data_numbers(run: RunFolder) -> Iterator[Tab]:
    report = files.LABEL_REPORT.read(run)
    assert report is not None
    names = [model.modality.name for model in load_models(run)]
    counted = (
        ("Shared labels", report.shared),
        ("Only in source", report.only_source),
        ("Only in target", report.only_target),
        ("Too small", report.too_small),
    )
    title = f"{names[0]} and {names[1]} share {len(report.shared)} labels"
    yield Tab("data", "Files")
    yield Tab("data", "Labels", titles=(title,), metrics=tuple((name, f"{len(each)}", "") for name, each in counted))
    yield Tab("data", "Values", titles=tuple(titles_of_values(run)))
    yield Tab("data", "Match and judge")


def titles_of_values(run: RunFolder) -> Iterator[str]:
    """The titles above the values of both files: counts of genes, and features of images that are no counts."""
    cells = [files.DATA.read(run, which=side) for side in files.BOTH_SIDES]
    rna, image = (to_dense(each.X) for each in cells if each is not None)
    yield f"RNA: median library size {np.median(rna.sum(axis=1)):,.0f} counts"
    yield f"RNA: median {np.median((rna != 0).sum(axis=1)):,.0f} of {rna.shape[1]:,} features per cell"
    yield f"gene_000: not 0 in {np.mean(rna[:, 0] != 0):.0%} of cells"
    first = image[:, 0]
    yield f"image_00: median {number(float(np.median(first)))}, from {number(first.min())} to {number(first.max())}"


def propensity_numbers(run: RunFolder) -> Iterator[Tab]:
    models = load_models(run)
    scores = files.SCORE_MAP.read(run, which="pca")
    assert scores is not None
    metrics: list[Metric] = []
    for model in models:
        metrics += [
            ("Loss [nats]", number(model.validation_loss), f"entropy {number(model.label_entropy)}"),
            ("Accuracy", f"{model.accuracy:.0%}", f"balanced {model.balanced_accuracy:.0%}"),
            ("Calibration", f"{model.reliability.expected_error:.1%}", f"temperature {number(model.temperature, 2)}"),
        ]
    cells = " and ".join(f"{model.modality.n_cells:,} {model.modality.name} cells" for model in models)
    titles = {
        "Map of scores": f"{cells}: close cells have similar propensity scores",
        "Loss by epoch": "",  # ridge regression has none
        "Loss by label": first_line(plotting.label_losses(*models)),
        "Calibration": first_line(plotting.reliability(*models)),
        "Confusion": first_line(plotting.confusion(models[0])),
    }
    for name, title in titles.items():
        yield Tab("propensity", name, titles=(title,) if title else (), metrics=tuple(metrics))


def monitor_numbers(run: RunFolder) -> Iterator[Tab]:
    report = files.MONITOR_REPORT.read(run)
    assert report is not None
    assert report.hidden is not None
    assert report.modalities is not None
    box = f"{report.verdict.title}. Labels: {report.counted()}. {' '.join(report.reasons)}"
    metrics: list[Metric] = [
        ("Hidden labels found", f"{report.hidden.score:.2f}", f"chance {np.mean(report.hidden.shuffled):.2f}"),
        ("Agreement of the matches", number(report.agreement, 2), "1 same, 0 unrelated"),
        (
            "Modalities agree",
            f"{report.modalities.means.value:.2f}",
            f"chance up to {report.modalities.means.chance:.2f}",
        ),
    ]
    for model in load_models(run):
        metrics.append(
            (
                f"{model.modality.name} loss [nats]",
                number(model.validation_loss),
                f"entropy {number(model.label_entropy)}",
            )
        )
    titles = {
        "Label by label": str(report.table()["label"].iloc[0]),  # its reasons stand below the table
        "Hidden labels": first_line(plotting.hidden_label_matrix(report.hidden)),
        "Agreement": first_line(plotting.agreement_bars(report)),
        "Losses": first_line(plotting.loss_evidence(report)),
        "Shuffled labels": "",
    }
    for name, title in titles.items():
        yield Tab("monitor", name, titles=(title,) if title else (), metrics=tuple(metrics), box=box)


def match_numbers(run: RunFolder) -> Iterator[Tab]:
    models = load_models(run)
    coupling = load_matching(run, models)
    spread = effective_in_run(coupling)
    figures = load_figures(run)
    assert figures is not None
    assert (figures.n_effective, figures.n_candidates) == (spread.matches, spread.candidates)
    head: list[Metric] = [("Labels matched", f"{len(coupling.blocks)} of {len(models[0].label_names)}", "")]
    head += [(f"{model.modality.name} cells", f"{model.modality.n_cells:,}", "") for model in models]
    head.append(
        ("Effective matches per cell", number(spread.matches, 2), f"of {number(spread.candidates, 2)} candidates")
    )
    yield slider_numbers(run, models, head)
    weights = np.asarray(coupling[LABEL].rows(0, 1)[0])
    cell = coupling.source.modality.obs_names[coupling.source_cells[LABEL][0]]
    share = float(weights.max() / weights.sum())
    pair = matched_cell(coupling, load_readable(run), int(coupling.source_cells[LABEL][0]))
    best = f"The best match of {cell} has {share:.1%} of the weight, "
    titles = {
        "Linked maps": (),
        "One cell": (
            first_line(plotting.cell_profile(pair, cell=cell, modality="RNA")),
            f"{best}{rounded(share * weights.size)} × uniform",
            first_line(plotting.match_profile(pair, modality="Image")),
        ),
        "Effective matches": (first_line(plotting.effective_matches(coupling)),),
    }
    of_cell = ("Effective matches", number(float(coupling[LABEL].n_effective[0]), 2), f"of {weights.size} candidates")
    for name, found in titles.items():
        yield Tab("match", name, titles=found, metrics=(*head, of_cell) if name == "One cell" else tuple(head))


def slider_numbers(run: RunFolder, models: tuple[PropensityModel, PropensityModel], head: list[Metric]) -> Tab:
    """The tab with the slider of a label at the epsilon of the run; the page has its plans solved when it is opened."""
    job = EpsilonPathJob.latest(run, LABEL) or RunStore(run.path.parents[1]).start_job(
        EpsilonPathJob.create(run, LABEL)
    )
    until(lambda: not job.is_active, "the plans of the slider were not solved")
    path = job.result(models)
    assert path is not None
    at = path.own_step
    marks = {name: float(path.values[place]) for name, place in path.named_steps.items()}
    curve = plotting.l_curve_figure(path.curve, current=float(path.values[at]), marks=marks)
    n_candidates = path.problem.y.shape[0]
    metrics: list[Metric] = [
        ("ε", f"{path.values[at]:.3g}", ""),
        ("Effective matches per cell", number(float(np.median(path.n_effective[at]))), f"of {n_candidates}"),
        ("Cost", number(path.points[at].cost), ""),
        ("FOSCTTM, inflated", number(float(path.foscttm[at])), "chance 0.5"),
        ("Status", "converged", ""),
    ]
    titles = (plotting.spread_title(path.n_effective[at], n_candidates), first_line(curve))
    return Tab("match", "One label", titles=titles, metrics=(*head, *metrics))


def translate_numbers(run: RunFolder) -> Iterator[Tab]:
    accuracy = files.ACCURACY.read(run)
    fitted = files.TRANSLATOR.read(run, which=TO_SOURCE)
    assert accuracy is not None
    assert fitted is not None
    own, probe = accuracy[TO_SOURCE]
    best = sorted(own.features, key=lambda each: -np.nan_to_num(own.feature_gain(each).value, nan=-np.inf))
    name, *_ = best
    gained = [each for each in best if each in own.gained][:PICTURES]
    bars = [first_line(plotting.feature_r2_bars(each, top=25)) for each in (own, probe)]
    yield Tab("translate", "One feature", titles=(f"{name}: {own.feature_finding(name)}",))
    yield Tab(
        "translate",
        "All features",
        titles=(bars[0], *(f"{each}: {own.feature_finding(each)}" for each in gained), bars[1]),
        metrics=(("Training cells", f"{fitted.n_training:,}", f"{len(fitted.held_out):,} held out"),),
    )
    yield Tab("translate", "Leave a perturbation out")
    yield Tab("translate", "Distributions")
    found = features_of(run, FeatureRules())
    yield Tab("translate", "Feature pairs", titles=(first_line(plotting.feature_heatmap(found, of="target", top=30)),))


def evaluate_numbers(run: RunFolder) -> Iterator[Tab]:
    figures, accuracy = load_figures(run), files.ACCURACY.read(run)
    judged = files.HELD_OUT_EVALUATION.read(run)
    cells, labels = files.HELD_OUT_EVALUATION_CELLS.read(run), files.HELD_OUT_EVALUATION_LABELS.read(run)
    assert figures is not None
    assert accuracy is not None
    assert judged is not None
    assert figures.foscttm is not None
    assert figures.trace_fold is not None
    found = bootstrap_intervals(cells, seed=run.recipe.seed)
    metrics: list[Metric] = []
    for name, title, value, unit in (
        ("foscttm", "FOSCTTM", figures.held_out_foscttm, ""),
        ("trace_fold", "Weight on the true partner", figures.held_out_trace_fold, " ×"),
        ("rank", "Rank of the true partner", figures.held_out_rank, ""),
    ):
        interval = found[1]["micro"][name]
        digits = f".{decimals_of(interval.low, interval.high)}f"
        beside = f"{interval.low:{digits}} to {interval.high:{digits}}"
        uniform = f"uniform {number(judged.uniform_micro[name], 2)}"
        metrics.append((title, f"{value:{digits}}{unit}", f"{beside}, {uniform}"))
    findings = [each.finding() for results in accuracy.values() for each in results]
    with_intervals = labels.merge(found[0][["label", "foscttm_low", "foscttm_high"]], on="label", how="left")
    titles = (first_line(plotting.metric_bars(with_intervals, "foscttm")), *findings)
    inflated = (
        f"{INFLATED}: FOSCTTM {number(figures.foscttm)}, Weight on the true partner {number(figures.trace_fold)} ×"
    )
    yield Tab("evaluate", titles=titles, metrics=tuple(metrics), text=inflated)


def export_numbers(run: RunFolder) -> Tab:
    return Tab("export", metrics=(("Pairs", f"{len(pd.read_csv(run.exports / 'pairs.csv')):,}", ""),))
