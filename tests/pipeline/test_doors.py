"""The same data get the same findings at every door: inspect and page, match, and Python."""

from pathlib import Path
from random import Random

import pytest

from tests.data.kinds import cells_and_features, foreign_files, hdf5_files, label_columns, pairs, text_files
from tests.data.kinds.doors import at_inspect, at_match, at_python
from tests.data.kinds.kind import KINDS

# How pairs are known is one note of a run, with the user's decision; a layer that is not chosen is not looked at again.
AT_INSPECT_ONLY = {"PM-P02", "PM-M32"}
# How a file was written is nothing that an object in memory can tell.
OF_FILES = {"PM-P01", "PM-F42", "PM-F50"}
HELD = [
    each
    for each in KINDS
    if each.draw.__module__ in {each.__name__ for each in (cells_and_features, label_columns, pairs)}
]
OTHERS = [
    each
    for each in KINDS
    if each.draw.__module__ in {each.__name__ for each in (foreign_files, text_files, hdf5_files)}
]


def drawn(kind, folder):
    return kind.draw(Random(f"{kind.name} at every door"), Path(folder))


def assert_same(here, there, left_out):
    """A refusal is one everywhere, though another problem may be met first; else the findings are the same.

    The Data page offers to merge labels that look alike; elsewhere they must be renamed if nothing else is shared.
    """
    if here.verdict == "reject":
        assert there.verdict == "reject", (here.text, there.text)
    elif there.codes == {"PM-L15"}:
        assert here.codes & {"PM-L05", "PM-L06", "PM-L07"}, (here.text, there.text)
    else:
        assert here.codes - left_out == there.codes - left_out, (here.text, there.text)


@pytest.mark.parametrize("kind", [*HELD, *OTHERS], ids=lambda each: each.name)
def test_inspect_and_match_say_the_same(kind, tmp_path):
    member = drawn(kind, tmp_path)
    if member.label_key:  # match asks for one
        assert_same(at_inspect(member), at_match(member), AT_INSPECT_ONLY)


@pytest.mark.parametrize("kind", HELD, ids=lambda each: each.name)
def test_inspect_and_python_say_the_same(kind, tmp_path):
    member = drawn(kind, tmp_path)
    if all(path.suffix == ".h5ad" for path in member.files):
        assert_same(at_inspect(member), at_python(member), AT_INSPECT_ONLY | OF_FILES)
