"""Pictures of the values of each modality: library size, features per cell, missing values, one feature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.shell import charts, session
from pages.shell.name_search import name_search
from pages.shell.places import in_own_place
from pages.shell.several import sides_of
from pages.shell.text import number, plain
from pages.shell.workspace import Side, Workspace
from pages.views.data.cell_samples import side_sample
from psmatch_core.data.cell_sample import CellSample
from psmatch_core.data.checks import display
from psmatch_core.data.readers import MatrixSummary
from psmatch_core.data.sides import ALL_SIDES

COUNTED = ("counts",)  # kinds of values whose sum is a library size


@dataclass(frozen=True)
class _Shown:
    """What is drawn of one side; ``sample`` is None where there is nothing to draw."""

    which: str
    name: str
    color: str
    matrix: MatrixSummary | None
    sample: CellSample | None

    @property
    def is_counted(self) -> bool:
        return self.matrix is not None and self.matrix.kind in COUNTED

    def sentence(self) -> str:
        """From which cells the pictures are, or why there are none."""
        if self.matrix is not None and self.matrix.image_shape is not None:
            return f"{self.name}: images have no counts per cell."
        if self.sample is None:
            return f"{self.name}: no values to draw."
        of = self.sample.medians.sample_text
        cut = (
            f", evenly spaced among the first {self.sample.n_read:,}"
            if self.sample.n_read < self.sample.n_cells
            else ""
        )
        return f"{self.name}: {of}{cut}."


@in_own_place
def value_pictures(workspace: Workspace) -> None:
    """The section with all pictures; a change in it draws nothing else on the page anew."""
    if any(side.summary is not None for side in sides_of(workspace)):
        st.subheader("Values of the cells")
        fragment: Callable[[], None] = st.fragment(lambda: _pictures(session.workspace()))
        fragment()


def _pictures(workspace: Workspace) -> None:
    from psmatch_core.plotting import PALETTE

    colors = dict(zip(ALL_SIDES, PALETTE, strict=False))
    first, second, third = (_shown(which, workspace.side(which), colors[which]) for which in ALL_SIDES)
    for draw in (_depth, _features_per_cell, _missing, _one_feature):
        for place, side in zip(st.columns(2, gap="large"), (first, second), strict=True):
            if side is not None:
                with place:
                    draw(side)
    if third is not None:  # below the other two, its own pictures beside each other
        left, right = st.columns(2, gap="large")
        for place, draws in ((left, (_depth, _missing)), (right, (_features_per_cell, _one_feature))):
            with place:
                for draw in draws:
                    draw(third)


def _shown(which: str, side: Side | None, color: str) -> _Shown | None:
    if side is None or side.summary is None:
        return None
    usable = side.summary.matrix(side.matrix)
    matrix = usable or side.summary.matrices[0]
    return _Shown(which, side.name, color, matrix, side_sample(which, side))


def _depth(side: _Shown) -> None:
    st.caption(plain(side.sentence()))
    if side.sample is None or side.matrix is None:
        return
    if not side.is_counted:
        st.caption(f"These values are not counts, so they have no library size: {plain(side.matrix.reason)}.")
        return
    from psmatch_core.plotting import value_histogram

    median = side.sample.medians.total
    charts.show(
        value_histogram(
            side.sample.totals,
            title=f"{display(side.name, 24)}: median library size {median:,.0f} counts",
            axis="library size [counts per cell]",
            is_log=True,
            color=side.color,
        ),
        key=f"values.depth.{side.which}",
        alt=f"Cells by library size, {side.which}",
    )


def _features_per_cell(side: _Shown) -> None:
    if side.sample is None:
        return
    if not side.sample.has_zeros:
        st.caption("All features have a value other than 0 in all cells.")
        return
    from psmatch_core.plotting import value_histogram

    n_features = len(side.sample.names)
    charts.show(
        value_histogram(
            side.sample.features_per_cell.astype(float),
            title=f"{display(side.name, 24)}: median {side.sample.medians.features:,.0f} of {n_features:,} features "
            "per cell",
            axis="features with a value other than 0",
            is_log=False,
            color=side.color,
        ),
        key=f"values.features.{side.which}",
        alt=f"Cells by the number of their features, {side.which}",
    )


def _missing(side: _Shown) -> None:
    if side.sample is None:
        return
    of_features, of_cells = side.sample.missing_per_feature, side.sample.missing_per_cell
    at = np.flatnonzero(of_features)
    if not at.size:
        return
    from psmatch_core.plotting import missing_features, value_histogram

    charts.show(
        missing_features(
            [side.sample.names[each] for each in at],
            of_features[at],
            title=f"{at.size:,} of {of_features.size:,} features lack values, at most {of_features.max():.1%} of cells",
            color=side.color,
        ),
        key=f"values.missing.{side.which}",
        alt=f"Share of cells without a value by feature, {side.which}",
    )
    n_lacking = int((of_cells > 0).sum())
    charts.show(
        value_histogram(
            100 * of_cells,
            title=f"{n_lacking:,} of {of_cells.size:,} cells lack values, at most {of_cells.max():.1%} of features",
            axis="features without a value [%]",
            is_log=False,
            color=side.color,
        ),
        key=f"values.missing.cells.{side.which}",
        alt=f"Cells by the share of features without a value, {side.which}",
    )


def _one_feature(side: _Shown) -> None:
    if side.sample is None:
        return
    key = session.widget_key(f"values.{side.which}.feature")
    chosen = name_search(list(side.sample.names), what="feature", key=key)
    if chosen is None:
        return
    from psmatch_core.plotting import value_histogram

    values = side.sample.feature(chosen)
    charts.show(
        value_histogram(
            values,
            title=_feature_title(chosen, values, has_zeros=side.sample.has_zeros),
            axis=f"{display(chosen, 40)}{' [counts]' if side.is_counted else ''}",
            is_log=side.is_counted,
            color=side.color,
        ),
        key=f"values.feature.{side.which}",
        alt=f"Cells by their value of one feature, {side.which}",
    )


def _feature_title(name: str, values: np.ndarray, *, has_zeros: bool) -> str:
    shown = display(name, 40)
    if not values.size:
        return f"{shown}: no value in these cells"
    if has_zeros and (values == 0).any():
        return f"{shown}: not 0 in {np.mean(values != 0):.0%} of cells"
    return f"{shown}: median {number(float(np.median(values)))}, from {number(values.min())} to {number(values.max())}"
