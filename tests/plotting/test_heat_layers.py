"""A heatmap for a script of ours: a weight keeps three digits, and texts, ticks and names are those of the figure."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from psmatch_core import plotting
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.plotting.coupling_heatmap import means_heatmap
from psmatch_core.plotting.heat_layers import PER_POWER, SMALLEST_POWER, heat_cells, heat_names, three_digits

WEIGHTS = st.one_of(
    st.floats(2.0**-140, 2.0**80, width=32), st.just(0.0), st.integers(1, 10_000).map(float), st.just(1.125)
)


def decoded(codes: np.ndarray) -> list[str]:
    """The weights as the script says them, by whole numbers alone."""
    return [
        f"{(100 + (code - 1) % PER_POWER) / 100:.2f}e{(code - 1) // PER_POWER + SMALLEST_POWER:+03d}"
        if code
        else "0.00e+00"
        for code in codes.ravel().tolist()
    ]


def framed_parts(data: bytes) -> tuple[dict, np.ndarray]:
    length = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + length])
    kind, at, size = head["arrays"]["weights"]
    return head, np.frombuffer(data, dtype=kind, count=size, offset=4 + length + at)


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 30), elements=WEIGHTS))
def test_a_weight_keeps_the_three_digits_that_a_hover_shows(values: np.ndarray) -> None:
    for said, value in zip(decoded(three_digits(values)), values.tolist(), strict=True):
        low, high = sorted(float(f"{each:.2e}") for each in (value * (1 - 1e-12), value * (1 + 1e-12)))  # half a digit
        assert float(said) in (low, high)


def test_the_script_gets_the_weights_ticks_and_names_of_the_figure() -> None:
    rng = np.random.default_rng(0)
    found = plotting.block_means(DenseBlock(rng.random((23, 17)) ** 8), max_bins=10)
    names = np.array([f"cell <{at}>" for at in range(23)]), np.array([f"protein {at}" for at in range(17)])
    figure = means_heatmap(found, "title", row_names=names[0], column_names=names[1])
    head, weights = framed_parts(heat_cells(found, "a name", alt="what it shows"))
    (trace,) = figure.data
    assert head["shape"] == list(trace.z.shape)
    assert decoded(weights) == [f"{value:.2e}" for value in trace.customdata.ravel().tolist()]
    assert [text for _, text in head["ticks"]] == list(trace.colorbar.ticktext)
    assert [255 * (tick / head["highest"]) ** 0.5 for tick, _ in head["ticks"]] == list(trace.colorbar.tickvals)
    assert [head["alt"], head["names"]] == ["what it shows", "a name"]
    assert head["axes"] == [figure.layout.yaxis.title.text, figure.layout.xaxis.title.text]
    data = heat_names(found, *names)
    texts = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
    assert [each.replace("<", "&lt;").replace(">", "&gt;") for each in texts["rows"]] == list(
        figure.layout.yaxis.ticktext
    )
    assert texts["columns"] == list(figure.layout.xaxis.ticktext)


def test_a_plan_without_cells_or_without_weight_is_nothing_to_draw() -> None:
    for shape in ((0, 4), (3, 0), (2, 2)):
        head, weights = framed_parts(heat_cells(plotting.block_means(DenseBlock(np.zeros(shape))), ""))
        assert head["highest"] == 0
        assert not weights.any()
