"""A dask cluster as an executor: what many parts read travels there once, and results are those of this machine.

A matrix is known by its content. Rows and columns that were chosen from one that is there are chosen there again
(:func:`~psmatch_core.base.cores.part_of`). What is lost with its workers travels again.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.cluster_parts import Order, StandIn, compute_part
from psmatch_core.base.cores import WANTED_SECONDS, Workers, is_unwanted
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.base.shifted_rows import ShiftedRows

MOST_LOSSES = 4  # times that the same part is computed again since its data were lost
WORKERS_SECONDS = 5  # between two looks at whether there are workers
WITHOUT_WORKERS_SECONDS = 120  # after which a cluster that has lost all its workers is given up

Choices = tuple[tuple[int, np.ndarray], ...]  # axis and positions


class Cluster(Workers):
    """The workers of a dask cluster.

    Parameters
    ----------
    client
        A connected ``distributed.Client``.
    place
        The address, for messages.
    """

    def __init__(self, client: Any, place: str) -> None:
        self._client, self._place = client, place
        self._plain = client.get_executor(pure=False)
        self._lock = threading.Lock()
        self._there: dict[str, Any] = {}  # what has travelled, by its content
        self._known: dict[int, _Known] = {}  # matrices of this process that were hashed or chosen, by their identity
        self._heard: dict[str, queue.SimpleQueue[Any]] = {}  # what is reported of the parts that are computed now
        self._topic = f"psmatch {uuid.uuid4().hex}"
        self._workers_seen, self._next_look = time.monotonic(), 0.0
        client.subscribe_topic(self._topic, self._hear)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self._plain.submit(fn, *args, **kwargs)
        return future

    def compute(
        self, function: Callable[..., Any], data: Sequence[Any], arguments: Sequence[Any], progress: Progress | None
    ) -> Any:
        """As :func:`psmatch_core.base.cores.compute`, on a worker.

        Raises
        ------
        PsmatchError
            If the scheduler or all workers are gone, or workers die of this part again and again.
        """
        reports = _Reports(progress)
        for _ in range(MOST_LOSSES):
            try:
                return self._compute(function, data, arguments, reports)
            except CancelledError:  # nobody here cancelled it: the workers that had its data are gone
                self._check_scheduler()
        raise PsmatchError(
            f"The cluster at {self._place} lost the data of the same work {MOST_LOSSES} times.",
            hint="Look at the logs of its workers, and give them more memory or fewer threads.",
        )

    def remember_part(self, part: Any, whole: Any, choices: Sequence[tuple[int, np.ndarray]]) -> None:
        with self._lock:
            known = self._known.get(id(whole))
            base = (known.whole, known.choices) if known is not None and known.whole is not None else (whole, ())
            self._know(part, _Known("", base[0], (*base[1], *choices)))

    def forget(self, values: Sequence[Any]) -> None:
        with self._lock:
            for each in values:
                known = self._known.pop(id(each), None)
                if known is not None:
                    self._there.pop(known.content, None)

    def _compute(
        self, function: Callable[..., Any], data: Sequence[Any], arguments: Sequence[Any], reports: _Reports
    ) -> Any:
        part = uuid.uuid4().hex
        heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._heard[part] = heard
        stand_ins, there = self._send(data)
        topic = self._topic if reports.progress is not None else ""
        order = Order(function, stand_ins, tuple(arguments), topic, part)
        future = self._client.submit(compute_part, there, order, pure=False, key=f"psmatch-{part}")
        future.add_done_callback(lambda _: heard.put(None))
        try:
            while (message := self._next(heard)) is not None:
                reports.pass_on(*message)
            result, events = self._result(future, there)
            for number, event in enumerate(events):
                reports.pass_on(number, event)
            return result
        finally:
            del self._heard[part]
            if not future.done():
                future.cancel()

    def _next(self, heard: queue.SimpleQueue[Any]) -> Any:
        """The next report of a part, None when it has ended; raises if it is not wanted or cannot be computed."""
        while True:
            try:
                return heard.get(timeout=WANTED_SECONDS)
            except queue.Empty:
                self._check_workers()
            finally:
                if is_unwanted():
                    raise Cancelled

    def _result(self, future: Any, there: Sequence[Any]) -> Any:
        from distributed import KilledWorker

        try:
            return future.result()
        except CancelledError:
            with self._lock:  # others may have sent them again already
                self._there = {
                    content: each for content, each in self._there.items() if all(each is not lost for lost in there)
                }
            raise
        except KilledWorker:
            raise PsmatchError(
                f"Workers of the cluster at {self._place} died again and again of the same work.",
                hint="Give them more memory or fewer threads each; their logs say why they died.",
            ) from None

    def _hear(self, event: tuple[float, Any]) -> None:
        part, number, stage, fraction, message, values = event[1]
        heard = self._heard.get(part)
        if heard is not None:
            heard.put((number, Event(stage, fraction, message, values)))

    def _check_scheduler(self) -> None:
        if self._client.status not in ("running", "connecting"):
            raise PsmatchError(
                f"The connection to the dask scheduler at {self._place} was lost.",
                hint="Start the cluster again, and resume the run: finished stages are kept.",
            )

    def _check_workers(self) -> None:
        """Refuse to wait for ever for a cluster that has lost all its workers."""
        self._check_scheduler()
        now = time.monotonic()
        if now < self._next_look:  # the parts that wait look in turn
            return
        self._next_look = now + WORKERS_SECONDS
        if self._client.scheduler_info()["workers"]:
            self._workers_seen = now
        elif now - self._workers_seen > WITHOUT_WORKERS_SECONDS:
            raise PsmatchError(
                f"The dask cluster at {self._place} has lost all its workers.",
                hint="Start workers again, and resume the run: finished stages are kept.",
            )

    def _send(self, data: Sequence[Any]) -> tuple[tuple[StandIn, ...], list[Any]]:
        """What a worker makes its data of, and everything that is needed for it, on the cluster."""
        there: list[Any] = []

        def place(each: Any) -> int:
            there.append(self._send_once(each))
            return len(there) - 1

        stand_ins = []
        with self._lock:
            for each in data:
                known = self._known.get(id(each))
                if known is None or known.whole is None:
                    stand_ins.append(StandIn(place(each)))
                else:
                    stand_ins.append(
                        StandIn(place(known.whole), tuple((axis, place(chosen)) for axis, chosen in known.choices))
                    )
        return tuple(stand_ins), there

    def _send_once(self, value: Any) -> Any:
        """The matrix on the cluster: on one worker at first, from which others take it when they need it.

        Not on all from the start: a scheduler that copies to a worker which dies meanwhile never ends.
        """
        known = self._known.get(id(value))
        if known is None or not known.content:
            known = self._know(value, _Known(content_of(value), None, ()))
        if known.content not in self._there:
            self._there[known.content] = self._scatter(value)
        return self._there[known.content]

    def _scatter(self, value: Any) -> Any:
        for _ in range(MOST_LOSSES):
            self._check_scheduler()
            key = f"psmatch-data-{uuid.uuid4().hex}"  # a new one each time: those of lost data may not come again
            try:
                return self._client.scatter({key: value})[key]
            except (OSError, TimeoutError):  # a worker died meanwhile, or there is none
                time.sleep(WANTED_SECONDS)
        raise PsmatchError(
            f"The dask cluster at {self._place} has lost its workers.",
            hint="Start workers again, and resume the run: finished stages are kept.",
        )

    def _know(self, value: Any, known: _Known) -> _Known:
        self._known[id(value)] = known
        weakref.finalize(value, self._known.pop, id(value), None)
        return known


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of a matrix: a hash of its content, or the whole and the choices from which it follows."""

    content: str
    whole: Any
    choices: Choices


class _Reports:
    """Reports of one part in their order, each once: a part that is computed again reports again."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.n_passed = progress, 0

    def pass_on(self, number: int, event: Event) -> None:
        if self.progress is not None and number == self.n_passed:
            self.n_passed += 1
            self.progress(event)


def content_of(value: Any) -> str:
    """A hash of a dense, sparse or shifted matrix; a name of its own for anything else."""
    if isinstance(value, ShiftedRows):
        parts = list(value.parts.values())
    elif isinstance(value, np.ndarray):
        parts = [value]
    elif sparse.issparse(value):
        parts = [value.data, value.indices, value.indptr]
    else:
        return uuid.uuid4().hex
    digest = hashlib.blake2b(f"{type(value).__name__}{value.shape}".encode(), digest_size=20)
    for each in parts:
        digest.update(f"{each.dtype.str}{each.shape}{each.strides}".encode())
        digest.update(np.ascontiguousarray(each).data if each.size else b"")
    return digest.hexdigest()
