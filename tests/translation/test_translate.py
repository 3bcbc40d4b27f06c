"""translate: both directions, both translators, in the requested features."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base import rowwise
from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.matching.match import match
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET, carry, cells_with_features, translate
from psmatch_core.translation.translators import CarryingTranslator, SamplingTranslator, sampling

translating = importlib.import_module("psmatch_core.translation.translate")  # the function has the module's name


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


@pytest.mark.parametrize("translator", [kind() for kind in CarryingTranslator.kinds().values()], ids=repr)
@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_features_come_from_cells_of_the_same_label(coupling, translator, direction):
    result = translate(coupling, translator, direction=direction)
    of = coupling.target.modality if direction == TO_SOURCE else coupling.source.modality
    assert result.values.shape == (result.at.n_cells, of.n_features)
    for label in coupling:
        mine, theirs = result.values[result.at.labels == label], of.X[of.labels == label]
        assert (mine >= theirs.min(axis=0) - 1e-6).all()
        assert (mine <= theirs.max(axis=0) + 1e-6).all()


def test_barycentric_is_the_pull(coupling):
    values = translate(coupling).values
    assert np.allclose(values, coupling.pull(coupling.target.modality.X))


@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_samples_are_real_cells_and_average_to_the_projection(coupling, direction):
    of = coupling.target.modality if direction == TO_SOURCE else coupling.source.modality
    draws = [translate(coupling, SamplingTranslator(), direction=direction, seed=seed).values for seed in range(300)]
    cells = {tuple(np.round(row, 4)) for row in of.X.astype(float)}
    assert all(tuple(np.round(row, 4)) in cells for row in draws[0].astype(float))
    expected = translate(coupling, direction=direction).values
    assert np.abs(np.mean(draws, axis=0) - expected).mean() < 0.1


@pytest.mark.parametrize("translator", [kind() for kind in CarryingTranslator.kinds().values()], ids=repr)
@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_what_is_carried_when_asked_is_the_translation(coupling, translator, direction):
    whole = translate(coupling, translator, direction=direction)
    carried = carry(coupling, translator, direction=direction)
    cells = np.random.default_rng(0).permutation(whole.at.n_cells)[:25]  # of several labels, in any order
    assert carried.shape == whole.values.shape
    np.testing.assert_array_equal(carried[cells], whole.values[cells])
    np.testing.assert_array_equal(cells_with_features(carried), whole.has_match)
    np.testing.assert_array_equal(cells_with_features(whole.values), whole.has_match)


def test_cells_without_a_match_are_known_before_anything_is_carried(coupling):
    first = next(iter(coupling))
    without = replace(coupling, blocks={label: block for label, block in coupling.blocks.items() if label != first})
    carried, labels = carry(without), coupling.source.modality.labels
    np.testing.assert_array_equal(carried.has_match, labels != first)
    assert np.isnan(carried[np.flatnonzero(labels == first)]).all()


def test_other_cells_and_unknown_directions_are_refused(coupling):
    with pytest.raises(PsmatchError, match="direction must be target_to_source or source_to_target"):
        translate(coupling, direction="sideways")
    with pytest.raises(PsmatchError, match="not those of the matched cells"):
        translate(coupling, features=coupling.source.modality)


@pytest.mark.parametrize("translator", [kind() for kind in CarryingTranslator.kinds().values()], ids=repr)
@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_cells_of_large_plans_are_placed_before_they_are_carried_and_lie_where_they_lay(
    coupling, translator, direction, monkeypatch
):
    carried = carry(coupling, translator, direction=direction)
    axes = np.random.default_rng(0).normal(size=(carried.of.n_features, 3))
    widths = []

    def place(X):
        widths.append(X.shape[0])
        return X @ axes + 1

    for label in coupling:
        cells = carried.cells_of[label][::-2]
        monkeypatch.setattr(translating, "MANY_PAIRS", 10**9)
        expected = carried.placed(cells, place)
        monkeypatch.setattr(translating, "MANY_PAIRS", 1)
        np.testing.assert_allclose(carried.placed(cells, place), expected, rtol=1e-4, atol=1e-4)
        of = (coupling.target_cells if direction == TO_SOURCE else coupling.source_cells)[label]
        assert widths[-1] == (of.size if translator.is_mean else cells.size)


@pytest.mark.parametrize("translator", [kind() for kind in CarryingTranslator.kinds().values()], ids=repr)
@pytest.mark.parametrize("direction", [TO_SOURCE, TO_TARGET])
def test_cells_of_a_large_label_are_told_and_a_listener_may_stop_it(coupling, translator, direction, monkeypatch):
    for module, name in ((rowwise, "TILE_VALUES"), (rowwise, "CARRYING_VALUES"), (sampling, "TOLD_ROWS")):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setenv(CORES_VARIABLE, "1")  # others could carry all of a label before its own thread tells
    heard = []
    whole = translate(coupling, translator, direction=direction)
    found = translate(coupling, translator, direction=direction, progress=heard.append)
    np.testing.assert_array_equal(found.values, whole.values)
    shares = [each.fraction for each in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    for label in coupling:
        inside = [each.message for each in heard if each.message.startswith(f"label {label}, ")]
        assert len(inside) > 3
        assert all(text.endswith(f" of {coupling.source_cells[label].size} cells") for text in inside)
        assert f"label {label}" in [each.message for each in heard]

    def stop(event):
        if event.fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        translate(coupling, translator, direction=direction, progress=stop)
