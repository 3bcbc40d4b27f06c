"""Figures: what they show sums to what was given, and no text of a file becomes markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from anndata import AnnData

from psmatch_core import plotting
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.within_labels import FeatureAccuracy, feature_accuracy
from psmatch_core.exploration.l_curve import l_curve
from psmatch_core.exploration.maps import map_scores
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.matched_cell import matched_cell
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.plotting.style import POINT_SCALE, TITLE_WIDTH, wrapped
from tests.conftest import make_modality

HOSTILE = ("<b>KO</b>", '<a href="http://x.example">A</a>', "$x^2$", "%{customdata}", "A & B")


OURS = re.compile(r"<br>|<extra></extra>|</?span[^<>]*>")


TAG = re.compile(r"<\s*/?\s*[a-zA-Z]")


def hostile_model(name: str, seed: int) -> PropensityModel:
    """A trained modality whose name, labels and cells are full of markup."""
    rng = np.random.default_rng(seed)
    labels = np.array(HOSTILE)[np.arange(60) % len(HOSTILE)]
    corner = np.random.default_rng(9).normal(size=(len(HOSTILE), 4))[np.arange(60) % len(HOSTILE)]
    obs = pd.DataFrame({"label": labels}, index=[f"<i>{seed}-{i}</i>" for i in range(60)])
    adata = AnnData(X=(corner + rng.normal(size=(60, 4))).astype(np.float32), obs=obs)
    return fit_propensity(Modality.from_anndata(adata, label_key="label", name=name), LinearClassifier(), seed=0)


@pytest.fixture(scope="module")
def hostile() -> tuple[PropensityModel, PropensityModel]:
    return hostile_model("<u>RNA</u>", 1), hostile_model("$ADT$", 2)


def table(labels: tuple[str, ...]) -> pd.DataFrame:
    values = np.linspace(0.1, 0.6, len(labels))
    return pd.DataFrame({"label": labels, "n_pairs": 5, "foscttm": values, "foscttm_uniform": 0.5})


def accuracy(of: Modality) -> FeatureAccuracy:
    """A matching that predicts a third of the features perfectly, beside a uniform plan."""
    X = of.X.toarray() if hasattr(of.X, "toarray") else np.asarray(of.X)
    means = np.stack([X[of.labels == label].mean(axis=0) for label in of.labels.tolist()])
    predicted = np.where(np.arange(X.shape[1]) % 3 == 0, X, means)
    plans = {"matched": predicted, "uniform": means}
    about = {"direction": "target_to_source", "at": "<u>RNA</u>", "translator": "Ridge regression"}
    return feature_accuracy(plans, of, np.arange(of.n_cells), **about)


def every_figure(models: tuple[PropensityModel, PropensityModel]) -> dict[str, go.Figure]:
    source, target = models
    coupling = match(source, target, SinkhornMatcher(), seed=0)
    label = coupling.labels[0]
    rows = source.modality.obs_names[coupling.source_cells[label]]
    columns = target.modality.obs_names[coupling.target_cells[label]]
    index, weight = coupling[label].top(4)
    name, other = source.modality.name, target.modality.name
    curve = {0: np.array([[1, 2.0, 2.1], [2, 1.0, 1.5]])}
    scores = map_scores(source, target)
    counts = {each: 5 + place for place, each in enumerate(source.label_names)}
    return {
        "counts": plotting.label_counts(counts, {"<s>alone</s>": 3}, source_name=name, target_name=other),
        "curves": plotting.loss_curves({f"propensity: {name}": curve}, entropies={name: 2.0, other: 1.1}),
        "joint": plotting.joint_training({name: np.full((3, 5), 0.5), other: np.full((3, 5), 0.4)}),
        "losses": plotting.label_losses(source, target),
        "reliability": plotting.reliability(source, target),
        "confusion": plotting.confusion(source),
        "map": plotting.score_map_figure(scores, source, target),
        "map of losses": plotting.score_map_figure(scores, source, target, color="loss", stacked=True),
        "map of one": plotting.score_map_figure(scores, source, target, highlight=label),
        "heatmap": plotting.coupling_heatmap(coupling[label], row_names=rows, column_names=columns),
        "effective": plotting.effective_matches(coupling),
        "l-curve": plotting.l_curve_figure(l_curve(source, target, epsilons=[0.02, 0.05, 0.1, 0.4, 2]), current=0.05),
        "l-curve of one": plotting.l_curve_figure(l_curve(source, target, epsilons=[0.1, 1], labels=[label])),
        "cell": plotting.cell_matches(
            columns[index[0]], weight[0], 0.1, cell=rows[0], measured_true=columns[index[0, 1]]
        ),
        "profile": plotting.cell_profile(
            matched_cell(coupling, (source.modality, target.modality), 0), cell=rows[0], modality=name
        ),
        "profile of matches": plotting.match_profile(
            matched_cell(coupling, (source.modality, target.modality), 0), modality=other
        ),
        "shared profile": plotting.shared_profile(matched_cell(coupling, (source.modality, source.modality), 0)),
        "markers": plotting.marker_bars(
            find_markers(
                coupling,
                (source.modality, target.modality),
                Selection("source", coupling.source_cells[label][:5], name="<u>five</u>"),
            ),
            "projected",
        ),
        "metric": plotting.metric_bars(table(source.label_names), "foscttm"),
        "r2": plotting.feature_r2_bars(accuracy(source.modality)),
        "feature": plotting.feature_scatter(
            *np.ones((3, source.modality.n_cells)),
            labels=source.modality.labels,
            title=f"{label}: nothing",
            what="cell",
        ),
    }


def texts(value: Any) -> list[str]:
    """Every text anywhere in a figure."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, each in value.items() if key not in ("bdata", "template") for text in texts(each)]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [text for each in value for text in texts(each)]
    return []


def test_no_text_of_a_file_becomes_markup(hostile: tuple[PropensityModel, PropensityModel]) -> None:
    for name, fig in every_figure(hostile).items():
        for text in texts(fig.to_plotly_json()):
            assert not TAG.search(OURS.sub("", text)), (name, text)
            assert "$" not in text, (name, text)
        for trace in fig.data:
            template = getattr(trace, "hovertemplate", None) or ""
            assert "&lt;" not in template or "%{customdata}" not in template
            assert "%{" not in (trace.name or "")


def test_figures_leave_text_and_background_to_the_theme(models: tuple[PropensityModel, PropensityModel]) -> None:
    for name, fig in every_figure(models).items():
        layout = fig.layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)", name
        assert layout.font.color is None, name
        assert layout.title.font.color is None, name
        assert all(note.font.color is None for note in layout.annotations), name
        assert layout.title.text, name
        assert layout.height > layout.margin.t + layout.margin.b, name


def test_no_box_lies_behind_the_tools_of_a_figure(models: tuple[PropensityModel, PropensityModel]) -> None:
    """Where the paper is transparent, plotly's own choice is half-transparent black."""
    for name, fig in every_figure(models).items():
        assert fig.layout.modebar.bgcolor == "rgba(0,0,0,0)", name
        for color in (fig.layout.modebar.color, fig.layout.modebar.activecolor):
            assert min(contrast(color, each) for each in ("#ffffff", "#10171c")) >= 2.9, name


def test_a_loss_at_the_edge_of_the_figure_is_drawn_whole(models: tuple[PropensityModel, PropensityModel]) -> None:
    drawn = [each for each in plotting.label_losses(*models).data if each.showlegend is not False]
    assert len(drawn) == 2
    assert all(each.cliponaxis is False for each in drawn)


def test_what_may_be_chance_is_pale_in_the_legend_too(models: tuple[PropensityModel, PropensityModel]) -> None:
    """Plotly draws the colour of a bar in the legend, but not its opacity."""
    bars = [each for each in every_figure(models)["markers"].data if each.type == "bar"]
    names, colors = [each.name for each in bars], [each.marker.color for each in bars]
    assert "within, may be chance" in names
    assert all(each.marker.opacity is None for each in bars)
    assert [each.startswith("rgba(") and each.endswith(",0.35)") for each in colors] == [
        each == "within, may be chance" for each in names
    ]


def test_titles_fit_a_phone_and_lose_no_word() -> None:
    text = "RNA predicts &lt;b&gt;control&lt;/b&gt; for 30% of JAK2 &amp; STAT1 cells, its most frequent error by far"
    lines = wrapped(text, TITLE_WIDTH)
    assert " ".join(lines) == text
    assert all(
        len(line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) <= TITLE_WIDTH for line in lines
    )


def luminance(color: str) -> float:
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(color: str, background: str) -> float:
    bright, dim = sorted((luminance(color), luminance(background)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("color", [*plotting.PALETTE, *(color for _, color in POINT_SCALE)])
@pytest.mark.parametrize("background", ["#ffffff", "#10171c"])
def test_colours_read_on_white_and_on_dark(color: str, background: str) -> None:
    assert contrast(color, background) >= 2.9


def test_more_colours_than_can_be_distinguished_are_refused() -> None:
    assert len(set(plotting.palette(8))) == 8
    with pytest.raises(PsmatchError, match=r"9 colours were requested, but more than 8 cannot be distinguished\."):
        plotting.palette(9)


@pytest.mark.parametrize("largest", [40, 40_000])
def test_bars_hold_the_counts_on_both_sides(largest: int) -> None:
    source, target = {"A": largest, "B": 3, "only": 2}, {"A": 7, "B": 5}
    left, right, alone = plotting.label_counts(source, target, source_name="RNA", target_name="ADT").data
    assert left.customdata.sum() == sum(source.values())
    assert right.customdata.sum() == sum(target.values())
    assert (np.asarray(left.x) <= 0).all()
    assert (np.asarray(right.x) >= 0).all()
    assert np.array_equal(np.argsort(-np.asarray(left.x)), np.argsort(left.customdata))
    assert len(alone.y) == 1


def test_labels_cut_alike_stay_two_rows() -> None:
    long = "CD8+ T CD57+ CD45RA+ " * 3
    names = [f"{long}{each}{long}" for each in "12"]
    fig = plotting.label_counts(dict.fromkeys(names, 5), {}, source_name="RNA", target_name="ADT")
    assert len(set(fig.layout.yaxis.tickvals)) == 2
    assert len(set(fig.layout.yaxis.ticktext)) == 1


def test_a_long_label_is_cut_in_its_middle_and_whole_in_the_hover() -> None:
    label = "a perturbation that goes on " * 7 + "dose <b>7"
    fig = plotting.label_counts({label: 5}, {label: 5}, source_name="RNA", target_name="ADT")
    (tick,) = fig.layout.yaxis.ticktext
    assert len(html.unescape(tick)) <= 24
    assert html.unescape(tick).endswith("dose <b>7")
    lines = fig.data[0].hovertext[0].partition(": 5")[0].split("<br>")
    assert html.unescape(" ".join(lines)) == label
    assert max(len(html.unescape(line)) for line in lines) <= 60


def test_the_figure_grows_with_its_labels() -> None:
    few, many = (
        plotting.label_counts({f"L{i}": 5 for i in range(n)}, {}, source_name="a", target_name="b") for n in (20, 60)
    )
    assert many.layout.height - few.layout.height >= 40 * 15


def test_boxes_hold_the_quantiles_and_the_candidates(models: tuple[PropensityModel, PropensityModel]) -> None:
    coupling: Coupling = match(*models, SinkhornMatcher(), seed=0)
    box, candidates = plotting.effective_matches(coupling).data
    medians = [np.median(block.n_effective) for block in coupling.blocks.values()]
    assert np.allclose(np.sort(box.median), np.sort(medians), rtol=1e-5)
    assert sorted(candidates.x) == sorted(block.shape[1] for block in coupling.blocks.values())


def test_the_matches_of_a_cell_keep_their_weights_heaviest_first() -> None:
    fig = plotting.cell_matches(list("abc"), np.array([0.2, 0.5, 0.3]), 0.1, cell="s", measured_true="c")
    others, true, _ = fig.data
    assert np.sum(others.x) + np.sum(true.x) == pytest.approx(1.0)
    assert list(fig.layout.yaxis.ticktext) == ["b", "★ c", "a"]
    assert "its true partner is match 2" in fig.layout.title.text


def test_a_true_partner_that_is_not_drawn_is_said() -> None:
    fig = plotting.cell_matches(["a"], np.array([1.0]), 0.1, cell="s", measured_true="z")
    assert "its true partner is not among these 1" in fig.layout.title.text
    assert "has no match" in plotting.cell_matches([], np.zeros(0), 0.1, cell="s").layout.title.text


def test_metric_bars_count_the_labels_that_beat_the_baseline() -> None:
    labels = ("a", "b", "c", "d", "e", "f")
    fig = plotting.metric_bars(table(labels), "foscttm")
    assert np.allclose(fig.data[0].x, table(labels)["foscttm"])
    assert "better in 4 of 6 labels" in fig.layout.title.text.replace("<br>", " ")
    with pytest.raises(PsmatchError, match=r"There is no metric 'speed'\."):
        plotting.metric_bars(table(labels), "speed")


def test_with_intervals_a_label_is_better_or_worse_only_where_its_interval_excludes_the_uniform_plan() -> None:
    ends = {"foscttm_low": [0.1, 0.4, 0.55, np.nan], "foscttm_high": [0.4, 0.6, 0.7, np.nan]}
    rows = pd.DataFrame(
        {"label": list("abcd"), "n_pairs": 9, "foscttm": [0.3, 0.45, 0.6, 0.0], "foscttm_uniform": 0.5} | ends
    )
    title = plotting.metric_bars(rows, "foscttm").layout.title.text.replace("<br>", " ")
    assert "better in 1 and worse in 1 of 4 labels" in title
    # For a metric of which more is better, the same intervals say the opposite.
    rows = rows.rename(columns=lambda name: name.replace("foscttm", "trace_fold"))
    assert "better in 1 and worse in 1 of 4 labels" in plotting.metric_bars(rows, "trace_fold").layout.title.text
    only = rows.assign(trace_fold_low=0.6, trace_fold_high=0.7)
    assert "better in 4 and worse in 0" in plotting.metric_bars(only, "trace_fold").layout.title.text.replace(
        "<br>", " "
    )


def test_the_features_of_largest_and_smallest_gain_are_drawn_each_with_its_uniform_plan() -> None:
    uniform = np.linspace(0.1, 0.2, 21)
    matched = uniform + np.append(np.arange(10, -10, -1) / 10, np.nan)
    names = tuple(f"f{i}" for i in range(21))
    found = replace(
        accuracy(make_modality("ADT", n=60, n_features=21)),
        features=names,
        feature_r2={"matched": tuple(matched), "uniform": tuple(uniform)},
        gain_errors=(0.01,) * 21,
    )
    fig = plotting.feature_r2_bars(found, top=6)
    assert list(fig.layout.yaxis.ticktext) == ["f0", "f1", "f2", "f17", "f18", "f19"]
    bars, diamonds = fig.data[0], fig.data[1]
    assert bars.x == pytest.approx(np.maximum(matched, -1)[[0, 1, 2, 17, 18, 19]], rel=1e-5)
    assert diamonds.x == pytest.approx(uniform[[0, 1, 2, 17, 18, 19]], rel=1e-5)
    assert bars.error_x.array == pytest.approx([0.0196] * 6, rel=1e-3)
    title = " ".join(OURS.sub(" ", fig.layout.title.text).split())
    assert f"{found.finding()}; 10 of 20 features gain" in title
    assert "the 3 largest and 3 smallest gains" in title
    none = replace(found, feature_r2={"matched": (np.nan,) * 21, "uniform": (np.nan,) * 21})
    assert plotting.feature_r2_bars(none).layout.title.text == "No feature varies within labels"


def test_l_curve_draws_labels_their_mean_the_corner_and_the_epsilon_in_use(
    models: tuple[PropensityModel, PropensityModel],
) -> None:
    curve = l_curve(*models, epsilons=[0.02, 0.05, 0.1, 0.4, 2])
    fig = plotting.l_curve_figure(curve, current=0.05)
    assert len([trace for trace in fig.data if trace.legendgroup == "labels"]) == len(curve.points)
    (mean,) = [trace for trace in fig.data if trace.name == "mean over labels"]
    assert np.allclose(mean.y, curve.pooled["cost"], rtol=1e-5)
    names = [trace.name for trace in fig.data]
    assert "in use: epsilon 0.05" in names
    assert (f"suggested: epsilon {curve.corner:.3g}" in names) == (curve.corner is not None)
    assert "in use" not in str([trace.name for trace in plotting.l_curve_figure(curve, current=0.07).data])
    assert "No true pairs are used" in fig.layout.title.text
    ends = dict(zip(("first", "last"), curve.epsilons[[0, -1]].tolist(), strict=True))
    named = {
        trace.text[0]: trace.textposition for trace in plotting.l_curve_figure(curve, marks=ends).data if trace.text
    }
    assert named == {"first": "bottom right", "last": "top left"}  # no name is cut by the right edge


def test_four_hundred_labels_are_drawn_at_both_ends_and_said() -> None:
    labels = tuple(f"label {i:03d}" for i in range(400))
    bars = plotting.metric_bars(table(labels), "foscttm")
    assert len(bars.data[0].x) == 60
    assert "of 400 labels" in bars.layout.title.text.replace("<br>", " ")
    counts = {label: 1000 - i for i, label in enumerate(labels)}
    fig = plotting.label_counts(counts, counts, source_name="RNA", target_name="ADT")
    assert fig.layout.height < 1500
    assert {fig.layout.yaxis.ticktext[0], fig.layout.yaxis.ticktext[-1]} == {"label 000", "label 399"}
    assert "share 400 labels" in fig.layout.title.text
    assert "the 30 largest and 30 smallest of 400 labels" in " ".join(plotting.title_text(fig)[:2])
