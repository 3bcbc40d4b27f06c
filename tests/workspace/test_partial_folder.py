"""A folder is filled out of sight: its place holds all or what it held before, and nothing is left of what failed."""

import pytest

from psmatch_core.base import locks
from psmatch_core.workspace.new_folder import LOCK, PARTIAL, check_free
from psmatch_core.workspace.partial_folder import partial_folder
from tests.workspace.test_new_folder import contents

LAST = "last.json"


def fill(place, text="new", *, may_replace=False, in_between=lambda: None):
    with partial_folder(place) as partial:
        (partial.path / "a.csv").write_text(text)
        (partial.path / LAST).write_text(text)
        in_between()
        return partial.put_in_place(last=LAST, may_replace=may_replace)


def everything(path):
    return sorted(str(each.relative_to(path)) for each in path.rglob("*"))


@pytest.mark.parametrize("there", ["nothing", "no parents", "an empty folder"])
def test_a_complete_folder_gets_its_place(tmp_path, there):
    place = tmp_path / ("deep/er/one" if there == "no parents" else "one")
    if there == "an empty folder":
        place.mkdir()
        before = place.stat().st_ino
    assert fill(place) == (place, "")
    assert everything(place) == ["a.csv", LAST]
    assert not [each for each in tmp_path.rglob("*") if each.name.startswith(PARTIAL)]
    if there == "an empty folder":  # it may be a disk of its own, which cannot be renamed
        assert place.stat().st_ino == before


@pytest.mark.parametrize("there", ["nothing", "no parents", "an empty folder", "an earlier result"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_changes_if_it_is_not_completed(tmp_path, there, error):
    place = tmp_path / ("deep/er/one" if there == "no parents" else "one")
    if there == "an empty folder":
        place.mkdir()
    if there == "an earlier result":
        fill(place, "old")
    before = everything(tmp_path), contents(tmp_path)

    def stop():
        raise error

    with pytest.raises(error):
        fill(place, may_replace=True, in_between=stop)
    assert (everything(tmp_path), contents(tmp_path)) == before


def test_an_earlier_result_is_moved_aside_once_the_new_one_is_complete(tmp_path):
    place = tmp_path / "one"
    fill(place, "old")
    seen = []
    assert fill(place, may_replace=True, in_between=lambda: seen.append((place / "a.csv").read_text()))[0] == place
    assert seen == ["old"]
    assert (place / "a.csv").read_text() == "new"
    assert (tmp_path / "one.earlier-1" / "a.csv").read_text() == "old"


@pytest.mark.parametrize("may_replace", [True, False])
def test_a_place_that_is_taken_in_the_meantime_costs_no_result(tmp_path, may_replace):
    place = tmp_path / "one"

    def take():
        place.mkdir()
        (place / "thesis.docx").write_text("mine")

    where, said = fill(place, may_replace=may_replace, in_between=take)
    assert where == tmp_path / "one.new-1"
    assert "was taken in the meantime" in said
    assert everything(where) == ["a.csv", LAST]
    assert everything(place) == ["thesis.docx"]


@pytest.mark.parametrize("is_there", [True, False])
def test_what_a_killed_process_left_is_no_obstacle_and_is_removed(tmp_path, is_there):
    place = tmp_path / "one"
    if is_there:
        place.mkdir()
    left, alive = ((place if is_there else tmp_path) / f"{PARTIAL}one-{which}" for which in ("killed", "working"))
    for each in (left, alive):
        each.mkdir()
        (each / LOCK).touch()
    lock = locks.acquire(alive / LOCK)
    check_free(place)
    assert fill(place) == (place, "")
    assert not left.exists()
    assert alive.exists()
    lock.release()
