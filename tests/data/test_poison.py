"""A bad file harms only its owner: the process that had it read is unchanged, and the next file is read as ever."""

from pathlib import Path
from random import Random

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, inspect_file
from tests.data.kinds import foreign_files, hdf5_files, text_files
from tests.data.kinds.kind import KINDS
from tests.data.parent_process import parent_facts

# Members that a reader in this process would crash on, follow, unpack or run.
HOSTILE = ("M21", "X03", "X05", "X20", "X11", "F02", "F46")


@pytest.fixture
def own_scratch(tmp_path, monkeypatch):
    """Temporary files of this test alone, so that those of others do not count."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("start", HOSTILE)
def test_a_hostile_file_leaves_the_process_as_it_was(start, own_scratch):
    folder = own_scratch / "files"
    folder.mkdir()
    kind = next(each for each in KINDS if each.name.startswith(start))
    assert kind.draw.__module__ in {each.__name__ for each in (foreign_files, text_files, hdf5_files)}
    member = kind.draw(Random(f"{kind.name} poison"), Path(folder))
    before, size = parent_facts(), member.files[0].stat().st_size
    with pytest.raises(PsmatchError):
        inspect_file(DataSpec(path=str(member.files[0]), label_key=member.label_key))
    assert parent_facts() == before
    assert member.files[0].stat().st_size == size
