"""The figures of several matched modalities: those of what was computed, and the same after a file."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.monitor import Verdict
from psmatch_core.monitor.cycle_consistency import CYCLE_FIGURES
from psmatch_core.pipeline.demo_data import VIEWS, demo_specs
from psmatch_core.pipeline.match_modalities import match_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.several_figures import SeveralFigures, several_figures
from psmatch_core.pipeline.several_inputs import read_files

QUICK = Recipe(classifier=LinearClassifier(strength=0.05)).with_setting("monitoring.stability", False)


@pytest.fixture(scope="module")
def matched():
    return match_modalities(read_files({spec.name: spec for spec in demo_specs(VIEWS)}), QUICK)


@pytest.fixture(scope="module")
def figures(matched):
    return several_figures(matched)


def test_the_record_comes_back_from_a_file(figures):
    again = from_plain(json.loads(json.dumps(to_plain(figures))), SeveralFigures)
    assert repr(again) == repr(figures)  # a text, because NaN is not equal to itself


def test_every_pair_has_the_figures_of_its_coupling(matched, figures):
    assert [(pair.source, pair.target) for pair in figures.pairs] == [
        ("RNA", "Protein"), ("RNA", "Image"), ("Protein", "Image")
    ]  # fmt: skip
    for pair in figures.pairs:
        known = matched.evaluations[pair.source, pair.target]
        assert pair.known["foscttm"] == known.micro["foscttm"]
        assert pair.uniform["foscttm"] == pytest.approx(0.5)
        held_out = matched.held_out_evaluations[pair.source, pair.target]
        assert (pair.held_out["rank"], pair.n_held_out) == (held_out.micro["rank"], len(held_out.per_cell))
        rows = matched.cycles.table.query(f"source == '{pair.source}' and target == '{pair.target}'")
        assert pair.cycle["agreement"] == pytest.approx(np.average(rows["agreement"], weights=rows["n_cells"]))
        assert [row.label for row in pair.labels] == list(matched.coupling(pair.source, pair.target).blocks)
        by_label = dict(zip(rows["label"], rows["shared_mass"], strict=True))
        assert all(row.cycle["shared_mass"] == pytest.approx(by_label[row.label]) for row in pair.labels)


def test_a_pair_is_judged_as_its_monitor_says(matched, figures):
    assert list(matched.further_monitors) == [("Protein", "Image")]
    for pair in figures.pairs:
        monitor = matched.monitor(pair.source, pair.target)
        assert monitor.names == (pair.source, pair.target)
        assert (pair.verdict, pair.reasons, pair.counted()) == (monitor.verdict, monitor.reasons, monitor.counted())
        counts = Counter(row.verdict for row in pair.labels)
        assert counts == Counter(row.verdict for row in monitor.labels)


def test_the_means_over_all_pairs_weigh_cells(matched, figures):
    for name in CYCLE_FIGURES:
        assert figures.cycle[name] == pytest.approx(matched.cycles.mean(name))


def test_the_answer_says_the_labels_the_verdicts_and_the_baseline(figures):
    said = figures.answer()
    assert said.startswith("RNA, Protein and Image share 13 labels, in which their cells are matched; ")
    assert "RNA and Protein: use the matches with caution" in said  # nothing was measured on halves
    assert "Protein and Image: use the matches with caution" in said
    agreement, turned = figures.cycle["agreement"], figures.cycle["agreement_turned"]
    assert f"agree to {agreement:.2f}, and to {turned:.2f} if the third is turned at random." in said


def test_what_was_not_measured_is_not_said(figures):
    unknown = replace(figures, cycle={**figures.cycle, "agreement_turned": float("nan")})
    assert "nan" not in unknown.answer() + unknown.cycles_in_words()
    none = replace(figures, cycle={}, pairs=tuple(replace(pair, verdict=None) for pair in figures.pairs))
    assert none.cycles_in_words() == ""
    assert none.answer() == "RNA, Protein and Image share 13 labels, in which their cells are matched."


def test_a_pair_that_is_composed_is_not_judged():
    composed = several_figures(
        match_modalities(read_files({spec.name: spec for spec in demo_specs(VIEWS)}), QUICK, plans="reference")
    )
    assert [pair.verdict is None for pair in composed.pairs] == [False, False, True]
    assert composed.cycle == {}


def test_the_demo_is_read_as_it_is_made(matched):
    assert all(each.verdict in (None, *Verdict) for each in several_figures(matched).pairs)
    assert [cells.n_cells for cells in matched.modalities.values()] == [600, 600, 600]
