"""Progress, stopping and workers: none of them changes the answer, and none rests on the speed of a machine.

A stop is obeyed at the next check. How often checks come is measured in entries of kernels visited, not in seconds.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

from psmatch_core.base.cluster import Cluster
from psmatch_core.base.cores import CORES_VARIABLE, Workers, a_core, computing_on, is_unwanted
from psmatch_core.base.errors import Cancelled
from psmatch_core.base.progress import Event
from psmatch_core.transport import SolveOptions, SolveStatus, TransportResult, cancellation, context, solve
from psmatch_core.transport.entropic import all_pairs, fixed_epsilon, iteration
from psmatch_core.transport.kernels import dense_pass, tile_pass
from psmatch_core.transport.options import AnnealingSchedule
from tests.transport.entropic.test_solve import clouds

X, Y = clouds(21, 3000, 2500, 8)
DENSE = AnnealingSchedule(sparse_below=-1.0)


@pytest.fixture
def many_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of a few hundred rows, as a far larger problem would have."""
    monkeypatch.setattr(context, "_SERIAL_PAIRS", 10_000)


def solved(epsilon: float = 0.15, **options: Any) -> TransportResult:
    result = solve(X, Y, epsilon, options=SolveOptions(**options))
    assert result.converged
    return result


def assert_same(one: TransportResult, other: TransportResult) -> None:
    np.testing.assert_allclose(one.f, other.f, atol=1e-10, rtol=0)
    np.testing.assert_allclose(one.g, other.g, atol=1e-10, rtol=0)


@pytest.mark.usefixtures("many_tiles")
@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(("budget", "schedule"), [(1024.0, AnnealingSchedule()), (1.0, DENSE)])
def test_threads_change_nothing(workers: int, budget: float, schedule: AnnealingSchedule) -> None:
    options = {"memory_budget_mb": budget, "schedule": schedule}
    alone = solved(**options)
    with ThreadPoolExecutor(workers) as executor:
        assert_same(alone, solved(executor=executor, **options))


@pytest.mark.usefixtures("many_tiles")
@pytest.mark.parametrize(("budget", "schedule"), [(1024.0, AnnealingSchedule()), (1024.0, DENSE), (1.0, DENSE)])
def test_idle_cores_take_tiles_and_change_no_bit(
    budget: float, schedule: AnnealingSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense_pass, "_CHECKED_PAIRS", 100_000)
    threads = set()
    for name in ("soft_minimum", "dense_rows", "sinkhorn_rows"):
        loop = getattr(tile_pass, name)

        def watched(*arguments: Any, loop: Callable[..., Any] = loop) -> Any:
            threads.add(threading.get_ident())
            return loop(*arguments)

        monkeypatch.setattr(tile_pass, name, watched)
    options = {"memory_budget_mb": budget, "schedule": schedule}
    alone = solved(**options)
    assert len(threads) == 1
    monkeypatch.setenv(CORES_VARIABLE, "3")
    with a_core():
        together = solved(**options)
    assert len(threads) > 1
    np.testing.assert_array_equal(alone.f, together.f)
    np.testing.assert_array_equal(alone.g, together.g)


@pytest.mark.usefixtures("many_tiles")
def test_processes_change_nothing() -> None:
    alone = solved()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert_same(alone, solved(executor=executor))


@pytest.mark.slow
@pytest.mark.usefixtures("many_tiles")
def test_a_dask_cluster_changes_nothing() -> None:
    distributed = pytest.importorskip("distributed")
    alone = solved()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert_same(alone, solved(executor=client.get_executor()))


@pytest.mark.usefixtures("many_tiles")
@pytest.mark.parametrize(
    ("epsilon", "budget", "schedule"),
    [(0.02, 1024.0, AnnealingSchedule()), (0.15, 1.0, DENSE)],
    ids=["sparse", "matrix-free"],
)
def test_workers_of_a_cluster_take_groups_of_tiles_and_change_no_bit(
    epsilon: float, budget: float, schedule: AnnealingSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    options = {"epsilon": epsilon, "memory_budget_mb": budget, "schedule": schedule}
    monkeypatch.setattr(context, "_TILE_PAIRS", 200_000)  # several tiles in a group
    alone = solved(**options)
    monkeypatch.setattr(context, "_TRAVELLING_PAIRS", 2_000_000)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        cluster, parts = Cluster(client, "here"), []
        compute = cluster.compute
        monkeypatch.setattr(cluster, "compute", lambda *those: parts.append(those) or compute(*those))
        with computing_on(cluster):
            together = solved(**options)
        kept = len(cluster._there)
    np.testing.assert_array_equal(alone.f, together.f)
    np.testing.assert_array_equal(alone.g, together.g)
    assert alone.path is together.path
    assert len(parts) >= 16
    assert kept <= 12  # sources, targets and weights, in both precisions and directions; no potentials


def test_a_stop_is_obeyed_while_workers_compute(many_tiles: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_TRAVELLING_PAIRS", 2_000_000)

    class Slow(Workers):
        """Workers that work until they are not wanted."""

        n_started = n_forgotten = 0
        is_idle = threading.Event()

        def compute(self, *_: Any) -> Any:
            self.n_started += 1
            while not is_unwanted():
                self.is_idle.wait(0.01)
            raise Cancelled

        def remember_part(self, *_: Any) -> None: ...

        def forget(self, values: Any) -> None:
            self.n_forgotten += len(values)

    slow = Slow()
    options = SolveOptions(memory_budget_mb=1.0, schedule=DENSE, should_stop=lambda: slow.n_started > 0)
    with computing_on(slow):
        assert solve(X, Y, 0.15, options=options).status == SolveStatus.STOPPED
    assert slow.n_forgotten > 0


def test_tiles_are_the_whole(many_tiles: None) -> None:
    tiled = solved()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "_SERIAL_PAIRS", 10**9)
        assert_same(solved(), tiled)


def test_the_same_seed_gives_the_same_answer() -> None:
    assert_same(solved(seed=3), solved(seed=3))


@pytest.mark.parametrize(
    ("epsilon", "budget"), [(0.05, 1024.0), (2.0, 1024.0), (2.0, 0.1)], ids=["sparse", "dense", "matrix-free"]
)
def test_a_stop_is_obeyed_at_the_next_check(epsilon: float, budget: float) -> None:
    n_checks = 0

    def solve_until(limit: float) -> TransportResult:
        nonlocal n_checks
        n_checks = 0

        def should_stop() -> bool:
            nonlocal n_checks
            n_checks += 1
            return n_checks >= limit

        options = SolveOptions(1e-9, memory_budget_mb=budget, should_stop=should_stop, max_iterations=200)
        return solve(X[:1500], Y[:1400], epsilon, options=options)

    solve_until(np.inf)
    total = n_checks
    assert total > 5
    for limit in np.linspace(1, total, 6).round():
        result = solve_until(limit)
        assert result.status == SolveStatus.STOPPED
        assert not result.converged
        assert n_checks == limit  # no further check, so no further work


class WorkCounter:
    """Work of the compiled loops between two checks: pairs visited, and passes of Newton's method."""

    def __init__(self) -> None:
        self.pairs = self.passes = 0
        self.most_pairs = self.most_passes = 0
        self.total_pairs = self.total_passes = 0

    def check(self) -> bool:
        self.most_pairs, self.most_passes = max(self.most_pairs, self.pairs), max(self.most_passes, self.passes)
        self.total_pairs, self.total_passes = self.total_pairs + self.pairs, self.total_passes + self.passes
        self.pairs = self.passes = 0
        return False

    def count_pairs(self, loop: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(loop)
        def counted(points: Any, leaves: Any, *others: Any) -> Any:
            self.pairs += len(points) * leaves.shape[0] * leaves.shape[2]
            return loop(points, leaves, *others)

        return counted

    def count_passes(self, newton: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(newton)
        def counted(*arguments: Any) -> Any:
            found = newton(*arguments)
            self.passes += found[3]
            return found

        return counted


@pytest.mark.parametrize(
    ("epsilon", "schedule", "budget"),
    [(0.02, AnnealingSchedule(), 1024.0), (0.05, DENSE, 1024.0), (1.0, DENSE, 0.5)],
    ids=["sparse", "dense", "matrix-free"],
)
def test_the_work_between_two_checks_does_not_grow_with_the_problem(
    epsilon: float, schedule: AnnealingSchedule, budget: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits a hundred times smaller than the engine's stand for a problem a hundred times larger."""
    counter, limit = WorkCounter(), 300_000
    for module, name in (
        (context, "_SERIAL_PAIRS"), (context, "_TILE_PAIRS"), (dense_pass, "_CHECKED_PAIRS"),
        (fixed_epsilon, "_VISITS_SPARSE"), (all_pairs, "_VISITS_DENSE"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, limit)
    for name in ("soft_minimum", "dense_rows", "sinkhorn_rows", "support_rows"):
        monkeypatch.setattr(tile_pass, name, counter.count_pairs(getattr(tile_pass, name)))
    monkeypatch.setattr(iteration, "newton", counter.count_passes(iteration.newton))
    options = SolveOptions(
        1e-9, memory_budget_mb=budget, schedule=schedule, should_stop=counter.check, max_iterations=150
    )
    solve(X, Y, epsilon, options=options)
    assert counter.total_pairs > 20 * limit
    # a tile and an estimate of the density may come between two checks
    assert counter.most_pairs <= limit + 2 * 32 * (len(Y) + 64)
    # a call of Newton's method makes six passes, or more to complete a step; without a limit it makes about a hundred
    assert counter.most_passes <= 6 + 32


def test_reports_follow_the_clock_and_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**9))
    monkeypatch.setattr(cancellation.time, "monotonic", lambda: next(ticks) / 10)  # every check takes 0.1 s
    events: list[Event] = []
    n_checks = 0

    def should_stop() -> bool:
        nonlocal n_checks
        n_checks += 1
        return False

    solve(X, Y, 0.05, options=SolveOptions(1e-4, progress=events.append, should_stop=should_stop))
    assert n_checks // 3 - 1 <= len(events) <= n_checks // 3  # one every 0.3 s
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(event.stage == "transport" for event in events)
    assert any("marginal_error" in event.values for event in events)


def test_a_listener_may_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "_REPORT_INTERVAL", 0.0)

    def cancel(event: Event) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        solve(X, Y, 0.15, options=SolveOptions(progress=cancel))


def test_not_converged_is_a_status_with_the_error_reached() -> None:
    result = solve(X, Y, 0.05, options=SolveOptions(1e-6, max_iterations=30))
    assert result.status == SolveStatus.NOT_CONVERGED
    assert 1e-6 < result.marginal_error < np.inf
    assert np.isfinite(result.f).all()
