"""Effective matches: one definition for label and run, and never more of them than candidates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.matching.blocks import DenseBlock, uniform_block
from psmatch_core.matching.effective_matches import effective_in_label, effective_in_run
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.monitor.run_figures import match_figures
from psmatch_core.plotting import effective_matches


def test_a_label_counts_the_median_over_its_cells_that_have_a_match():
    rows = np.zeros((4, 8))
    rows[0, 0] = rows[1, 1] = 1  # one match each
    rows[2, :8] = 1 / 8  # eight
    found = effective_in_label(DenseBlock(rows / rows.sum()))  # the fourth cell has none
    assert (found.matches, found.candidates, found.n_cells) == (pytest.approx(1), 8, 3)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=6))
def test_no_run_has_more_effective_matches_than_candidates(shapes):
    """Uniform plans have exactly as many, whatever the sizes of the labels."""
    blocks = {str(place): uniform_block(n, m) for place, (n, m) in enumerate(shapes)}
    found = effective_in_run(type("Plans", (), {"blocks": blocks})())
    assert found.matches <= found.candidates
    assert found.matches == pytest.approx(found.candidates)
    assert found.n_cells == sum(n for n, _ in shapes)


def test_the_figures_and_the_title_of_a_run_show_the_same(models):
    """Most labels are small and most cells are in a large one: medians over labels and over cells differ."""
    coupling = match(*models, UniformMatcher())
    shapes = {"A": (5, 3), "B": (5, 4), "C": (40, 30)}
    uneven = replace(coupling, blocks={label: uniform_block(*shape) for label, shape in shapes.items()})
    found = effective_in_run(uneven)
    assert (found.matches, found.candidates) == (pytest.approx(30), 30)
    title = effective_matches(uneven).layout.title.text.replace("<br>", " ")
    assert "30 effective matches among 30 candidates (medians over cells)" in title
    figures = match_figures(coupling)
    typical = effective_in_run(coupling)
    assert (figures.n_effective, figures.n_candidates) == (typical.matches, typical.candidates)


def test_a_run_without_a_plan_has_none(models):
    found = effective_in_run(replace(match(*models), blocks={}))
    assert np.isnan(found.matches)
    assert found.n_cells == 0
