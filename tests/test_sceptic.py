"""Data without signal come out as without signal: no verdict, export or README claims more than chance."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.modality import Modality
from psmatch_core.exports.files import export
from psmatch_core.monitor import Flag, Verdict
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run

N_LABELS, N_CELLS, N_STATE = 10, 30, 6  # labels, cells of each, dimensions of a cell's state
PANELS = (("RNA", 60), ("ADT", 40))


def screen(kind, seed=0):
    """Two modalities of a made-up screen; what they share is said by ``kind``."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(N_LABELS), N_CELLS)
    shared = rng.normal(size=(N_LABELS, N_STATE))
    sides = []
    for name, d in PANELS:
        effects = {
            "independent draws": shared[y],
            "shuffled labels": shared[rng.permutation(y)],
            "noise in one": shared[y] if name == "RNA" else np.zeros((y.size, N_STATE)),
            "private effects": rng.normal(size=(N_LABELS, N_STATE))[y],
        }[kind]
        state = effects if kind == "independent draws" else effects + rng.normal(size=effects.shape)
        X = state @ rng.normal(size=(N_STATE, d)) / np.sqrt(N_STATE)
        X += rng.normal(size=X.shape) * (1 if kind == "independent draws" else 0.5)
        if kind == "noise in one" and name == "ADT":
            X = rng.normal(size=X.shape)
        order = rng.permutation(y.size)
        sides.append(
            Modality(
                name=name,
                X=X[order],
                labels=np.array([f"KO{label}" for label in y[order]]),
                obs_names=np.array([f"{name}{rng.integers(10**9):09d}-{cell}" for cell in order]),
                var_names=np.array([f"{name}{index}" for index in range(d)]),
            )
        )
    return sides


@pytest.fixture(scope="module", params=["independent draws", "shuffled labels", "noise in one", "private effects"])
def blind(request):
    """A run whose matches cannot be better than chance within labels."""
    return request.param, run(Recipe(), *screen(request.param))


def test_no_label_is_called_use(blind):
    kind, found = blind
    report = found.monitor
    assert report.count(Verdict.USE) == 0
    assert report.verdict is Verdict.LABEL_ONLY, (kind, report)
    assert report.count(Verdict.LABEL_ONLY) >= 0.9 * N_LABELS


def test_the_reason_names_what_is_missing(blind):
    kind, found = blind
    reasons = " ".join([*found.monitor.reasons, *(row.reasons[0] for row in found.monitor.labels)])
    expected = {
        "independent draws": "follow noise of single features",
        "shuffled labels": "hidden labels are not found again",
        "noise in one": "the ADT classifier (target) has learned nothing about the labels",
        "private effects": "the labels change something that only one modality sees",
    }[kind]
    assert expected in reasons


def test_the_labels_themselves_are_still_found_where_they_are_shared(blind):
    """Independent draws have shared labels and nothing shared within them: that is not the same as no labels."""
    kind, found = blind
    assert found.monitor.hidden.are_found == (kind == "independent draws")


def test_exports_carry_the_verdict_and_claim_nothing(blind, tmp_path):
    _, found = blind
    folder = export(found, tmp_path)
    pairs = pd.read_csv(folder / "pairs.csv")
    assert set(pairs["verdict"]) <= {Verdict.LABEL_ONLY.value, Verdict.CAUTION.value}
    assert (pairs["verdict"] == Verdict.LABEL_ONLY.value).mean() >= 0.9
    readme = (folder / "README.txt").read_text(encoding="utf-8")
    assert "The cells are matched by label only" in readme
    assert "reproducible" not in readme


def test_a_screen_with_signal_is_not_refused_by_the_same_rules():
    """The rules above would be easy to satisfy by calling everything 'matched by label only'."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(N_LABELS), N_CELLS)
    state = rng.normal(size=(N_LABELS, N_STATE))[y] + rng.normal(size=(y.size, N_STATE))
    sides = screen("independent draws")
    for index, (name, d) in enumerate(PANELS):
        X = state @ rng.normal(size=(N_STATE, d)) / np.sqrt(N_STATE) + 0.5 * rng.normal(size=(y.size, d))
        labels = np.array([f"KO{label}" for label in y])
        sides[index] = replace(sides[index], X=X, labels=labels, name=name)
    report = run(Recipe(), *sides).monitor
    assert report.verdict is Verdict.USE
    assert report.hidden.are_found
    assert not report.modalities.disagree


def test_labels_that_are_their_batch_are_flagged_and_not_called_use():
    source, target = screen("independent draws")
    batches = pd.DataFrame({"plate": np.char.replace(source.labels, "KO", "P")}, index=source.obs_names)
    report = run(Recipe(), replace(source, obs=batches), target).monitor
    for row in report.labels:
        assert Flag.BATCH in {each.flag for each in row.flags}
        assert row.verdict.level >= Verdict.CAUTION.level
        assert any("RNA: its cells are plate P" in each.detail for each in row.flags)
