"""The load of many users: what they see is counted, what goes wrong is an error, and every load has bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.load import Load, Seen, crowd, memory, serving


@pytest.mark.parametrize("wrong", [(0, 1, 0, 0), (101, 1, 0, 0), (1, 0, 0, 0), (1, 121, 0, 0), (1, 1, 0, 1001)])
def test_a_load_is_bounded(wrong: tuple[int, float, int, int]) -> None:
    with pytest.raises(SystemExit, match="At most"):
        Load(*wrong)


def test_users_walk_through_the_app_and_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSE", (0.0, 0.1))
    monkeypatch.setattr(load, "UPLOADS", 3)
    with serving(tmp_path) as (url, pid):
        seen = crowd(url, "", Load(users=2, minutes=0.1, runs=0, cycles=0))
        assert memory(pid) != 0
    assert seen.errors == []
    assert len(seen.seconds) > 2
    assert seen.quantile(0.5) <= seen.quantile(0.95) <= seen.quantile(1.0) == max(seen.seconds)
    assert not [line for line in (tmp_path / "server.log").read_text().splitlines() if "Traceback" in line]


def test_what_goes_wrong_for_a_user_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PAUSE", (0.0, 0.0))
    seen = Seen()
    load.use("http://127.0.0.1:9", "", until=0.0, seed=0, seen=seen)
    assert seen.seconds == []
    assert ["refused" in each.lower() for each in seen.errors] == [True]
