"""The small files of a folder: whatever lies there is an answer, and what is whole comes back."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.base.progress import Event
from psmatch_core.workspace.small_files import damage_error, is_time, read_events, read_plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LINE = {"time": 1.0, "stage": "match", "fraction": 0.5, "message": "", "values": {"epoch": 3}}


@settings(deadline=None, max_examples=200)
@given(data=PLAIN, cut=st.floats(0, 1))
def test_any_content_is_a_mapping_or_nothing(tmp_path_factory, data, cut):
    path = tmp_path_factory.mktemp("small") / "job.json"
    whole = json.dumps(data)
    path.write_text(whole[: round(len(whole) * cut)])
    found = read_plain(path)
    assert found is None or isinstance(found, dict)
    path.write_text(whole)
    assert isinstance(data, dict) == (read_plain(path) is not None)


@settings(deadline=None, max_examples=200)
@given(changed=st.dictionaries(st.sampled_from(list(LINE)), PLAIN, max_size=3), cut=st.integers(0, 60))
def test_a_damaged_line_costs_no_other(tmp_path_factory, changed, cut):
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    good = json.dumps(LINE)
    path.write_text(f"{good}\n{json.dumps(LINE | changed)}\n{good[:cut]}\n{good}\n{good[:cut]}")
    found = read_events(path)
    assert found[0] == found[-1] == (1.0, Event("match", 0.5, "", {"epoch": 3.0}))
    assert 2 <= len(found) <= 4


@pytest.mark.parametrize("value", [True, -1, "1", None, 1e12, float("nan"), float("inf"), 2**70])
def test_what_no_date_can_show_is_no_time(value):
    assert not is_time(value)
    assert is_time(1.7e9)


def test_the_worst_loss_comes_first():
    assert damage_error({}) is None
    error = damage_error({"recipe.json": True, "job.json": True})
    assert error.problem == "recipe.json and job.json of this run are damaged: its settings are lost."
    assert (
        damage_error({"status.json": False}).problem == "status.json of this run is missing: how it ended is unknown."
    )
