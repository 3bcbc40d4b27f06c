"""Progress, stopping, workers: none of them changes the answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from psmatch_core.base.errors import Cancelled
from psmatch_core.base.progress import Event
from psmatch_core.transport import TransportResult, problem, solve
from psmatch_core.transport.entropic.schedule import Schedule
from tests.transport.entropic.test_solve import clouds

X, Y = clouds(21, 3000, 2500, 8)
DENSE = Schedule(sparse_under=-1.0)


@pytest.fixture
def many_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of a few hundred rows, as a far larger problem would have."""
    monkeypatch.setattr(problem, "_SERIAL_PAIRS", 10_000)


def solved(**options: object) -> TransportResult:
    result = solve(X, Y, 0.15, **options)  # type: ignore[arg-type]
    assert result.converged
    return result


def same(one: TransportResult, other: TransportResult) -> None:
    np.testing.assert_allclose(one.f, other.f, atol=1e-10, rtol=0)
    np.testing.assert_allclose(one.g, other.g, atol=1e-10, rtol=0)


@pytest.mark.usefixtures("many_tiles")
@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(("budget", "schedule"), [(1024.0, Schedule()), (1.0, DENSE)])
def test_threads_change_nothing(workers: int, budget: float, schedule: Schedule) -> None:
    options = {"memory_budget_mb": budget, "schedule": schedule}
    alone = solved(**options)
    with ThreadPoolExecutor(workers) as executor:
        same(alone, solved(executor=executor, **options))


@pytest.mark.usefixtures("many_tiles")
def test_processes_change_nothing() -> None:
    alone = solved()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        same(alone, solved(executor=executor))


@pytest.mark.slow
@pytest.mark.usefixtures("many_tiles")
def test_a_dask_cluster_changes_nothing() -> None:
    distributed = pytest.importorskip("distributed")
    alone = solved()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        same(alone, solved(executor=client.get_executor()))


def test_tiles_are_the_whole(many_tiles: None) -> None:
    tiled = solved()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem, "_SERIAL_PAIRS", 10**9)
        same(solved(), tiled)


def test_the_same_seed_gives_the_same_answer() -> None:
    one, other = solved(seed=3), solved(seed=3)
    np.testing.assert_array_equal(one.f, other.f)
    np.testing.assert_array_equal(one.g, other.g)


@pytest.mark.parametrize("budget", [1024.0, 1.0])
def test_a_stop_is_obeyed_within_half_a_second(budget: float) -> None:
    x, y = clouds(22, 12_000, 12_000, 25)
    solve(x[:1500], y[:1500], 0.02)  # compiled by now
    solve(x[:1500], y[:1500], 1.0, memory_budget_mb=1.0, tolerance=0.1)
    for after in (0.1, 0.6, 1.3):
        stop = threading.Event()
        asked: list[float] = []

        def ask(stop: threading.Event = stop, asked: list[float] = asked) -> None:
            asked.append(time.perf_counter())
            stop.set()

        timer = threading.Timer(after, ask)
        timer.start()
        result = solve(
            x, y, 1.0 if budget == 1.0 else 0.02, tolerance=1e-9, memory_budget_mb=budget, should_stop=stop.is_set
        )
        ended = time.perf_counter()
        timer.join()
        assert result.status == "stopped"
        assert not result.converged
        assert ended - asked[0] < 0.5


def test_progress_comes_at_least_once_a_second() -> None:
    x, y = clouds(22, 9000, 9000, 25)
    solve(x[:1500], y[:1500], 0.02)
    times = [time.perf_counter()]
    events: list[Event] = []

    def listen(event: Event) -> None:
        times.append(time.perf_counter())
        events.append(event)

    solve(x, y, 0.02, tolerance=1e-4, progress=listen)
    times.append(time.perf_counter())
    assert np.diff(times).max() < 1.0
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(event.stage == "transport" for event in events)


def test_a_listener_may_cancel() -> None:
    def cancel(event: Event) -> None:
        raise Cancelled

    x, y = clouds(22, 6000, 6000, 25)
    with pytest.raises(Cancelled):
        solve(x, y, 0.02, tolerance=1e-8, progress=cancel)


def test_not_converged_is_a_status_with_the_error_reached() -> None:
    result = solve(X, Y, 0.05, tolerance=1e-6, max_iterations=30)
    assert result.status == "not converged"
    assert 1e-6 < result.marginal_error < np.inf
    assert np.isfinite(result.f).all()
