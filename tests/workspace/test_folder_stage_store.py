"""Stages that runs share: made once, also if two runs want the same at the same time."""

import threading

import numpy as np

from psmatch_core.base import locks
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.manifest import MANIFEST_LOCK, damage_in, is_listed, write_manifest
from psmatch_core.workspace.run_folder import RunFolder
from tests.waiting import HANG, until


def a_map(seed: int) -> ScoreMap:
    xy = np.random.default_rng(seed).normal(size=(3, 2))
    return ScoreMap(np.arange(3), np.arange(3), xy, xy)


def store(tmp_path, name):
    return FolderStageStore(RunFolder.create_at(tmp_path / name, Recipe()), tmp_path / "stages")


def test_a_stage_that_another_run_is_making_is_waited_for(tmp_path):
    """A run that was trained draws its map; a match of the same scores wants the same map meanwhile."""
    made, may_end, found = [], threading.Event(), {}

    def make():
        made.append(threading.current_thread().name)
        assert may_end.wait(HANG)
        return a_map(len(made))

    def run(name):
        found[name] = store(tmp_path, name).load_or_make("map_umap", "key", files.SCORE_MAP.load, make)

    threads = [threading.Thread(target=run, args=(name,), name=name) for name in ("first", "second")]
    threads[0].start()
    until(lambda: made, "the first does not begin")
    threads[1].start()
    threads[1].join(0.5)
    assert threads[1].is_alive()
    may_end.set()
    for thread in threads:
        thread.join(HANG)
    assert made == ["first"]
    np.testing.assert_array_equal(found["first"].source_xy, found["second"].source_xy)
    assert all(files.SCORE_MAP.is_in(RunFolder(tmp_path / name), "umap") for name in found)


def test_a_stage_that_failed_is_made_by_the_next(tmp_path):
    def fail():
        raise ValueError("no map")

    for make in (fail, lambda: a_map(7)):
        try:
            found = store(tmp_path, make.__name__).load_or_make("map_umap", "key", files.SCORE_MAP.load, make)
        except ValueError:
            continue
    np.testing.assert_array_equal(found.source_xy, a_map(7).source_xy)


def test_other_keys_are_made_side_by_side(tmp_path):
    one, other = store(tmp_path, "one"), store(tmp_path, "other")

    def make():
        return other.load_or_make("map_umap", "another key", files.SCORE_MAP.load, lambda: a_map(2))

    found = one.load_or_make("map_umap", "key", files.SCORE_MAP.load, make)
    np.testing.assert_array_equal(found.source_xy, a_map(2).source_xy)


def test_a_stage_of_a_finished_run_is_listed_and_keeps_nobody_waiting_while_it_is_made(tmp_path):
    """A run is measured again for minutes; meanwhile its user keeps a selection."""
    folder = RunFolder.create_at(tmp_path / "run", Recipe())
    write_manifest(folder.path)
    path = files.SCORE_MAP.path(folder, "umap")

    def make():
        assert not locks.is_held(folder.path / MANIFEST_LOCK)
        return a_map(1)

    for cache in (None, tmp_path / "stages", tmp_path / "stages"):  # made, made and shared, found
        FolderStageStore(folder, cache).load_or_make("map_umap", "key", files.SCORE_MAP.load, make)
        assert is_listed(folder.path, path)
        assert damage_in(folder.path) is None
        files.SCORE_MAP.read(folder, which="umap")
