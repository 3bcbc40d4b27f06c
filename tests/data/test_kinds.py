"""Every kind of bad and awkward input: new members are drawn, and each gets its verdict and its words."""

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.data.kinds import cells_and_features, foreign_files, hdf5_files, label_columns, pairs, text_files
from tests.data.kinds.doors import at_inspect
from tests.data.kinds.kind import KINDS, Kind

FORBIDDEN = ("Traceback", "Error:", "dtype", "object at", "/tmp", "h5py", "numpy.", "pandas", "KeyError", "float32")
# Importing them fills the list.
MODULES = (foreign_files, text_files, hdf5_files, cells_and_features, label_columns, pairs)


def drawn(kind: Kind, seed: int, folder: str):
    """A member of a kind; the same for the same seed."""
    return kind.draw(Random(f"{kind.name} {seed}"), Path(folder))


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.name)
@settings(max_examples=2, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_new_member_gets_the_verdict_and_the_words_of_its_kind(kind, seed):
    with tempfile.TemporaryDirectory() as folder:
        member = drawn(kind, seed, folder)
        said = at_inspect(member)
    text = said.text.lower()
    for path in member.files:  # the message itself must say it, not the file's name
        text = text.replace(path.name.lower(), "file")
    assert said.verdict == kind.verdict, text
    for group in kind.words:
        assert any(word in text for word in group), (group, text)
    for each in said.messages:
        assert len(each) <= 300, each
        assert not any(word in each for word in FORBIDDEN), each
        assert each.endswith("]"), each
        assert " → " in each, each


def test_kinds_are_many_and_each_is_named_once():
    names = [each.name for each in KINDS]
    assert len(names) > 90
    assert len({*names}) == len(names)
