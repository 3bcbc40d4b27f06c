"""Results with one row a line say what other JSON says."""

import json

from hypothesis import given, settings, strategies as st

from benchmarks.result_rows import write_rows
from psmatch_core.base import disk

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(results=st.dictionaries(st.text(), PLAIN, max_size=4))
def test_the_same_is_read_from_rows_as_from_other_json(tmp_path_factory, results):
    place = tmp_path_factory.getbasetemp()
    rows = write_rows(place / "rows.json", results)
    other = disk.write_json(place / "other.json", results)
    assert json.loads(rows.read_text("utf-8")) == json.loads(other.read_text("utf-8"))


def test_each_row_has_a_line(tmp_path):
    found = write_rows(tmp_path / "rows.json", {"run": {"a": 1}, "rows": [{"x": [1, 2]}, {"x": []}], "none": []})
    rows = [' "rows": [', '  {"x": [1, 2]},', '  {"x": []}', " ],"]
    assert found.read_text("utf-8").splitlines() == ["{", ' "run": {"a": 1},', *rows, ' "none": []', "}"]
