"""Executors: where a run trains and solves, here or on the workers of a dask cluster that is already running."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from psmatch_core.base.cluster import Cluster
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION

EXECUTOR_VARIABLE = "PSMATCH_EXECUTOR"
DASK = "dask://"
CONNECT_SECONDS = 20


@contextmanager
def open_executor(address: str) -> Iterator[Executor | None]:
    """The executor at an address such as ``dask://HOST:PORT``; None for an empty one, which means the cores here.

    A worker that dies loses nothing: the scheduler gives what it had to another one.

    Raises
    ------
    PsmatchError
        If the address is of another kind, dask is not installed, no scheduler or worker answers, or a worker lacks
        this version of psmatch.

    Source: ``distributed.Client.get_executor``.
    """
    if not address:
        yield None
        return
    if not address.startswith(DASK) or ":" not in address.removeprefix(DASK):
        raise PsmatchError(f"{address!r} is no address of a cluster.", hint="Write it as dask://HOST:PORT.")
    try:
        from distributed import Client
    except ImportError:
        raise PsmatchError(
            "A cluster needs dask, which is not installed.", hint='Install it: pip install "psmatch[cluster]".'
        ) from None
    place = address.removeprefix(DASK)
    try:
        client: Any = Client(f"tcp://{place}", timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):  # no answer in time is an OSError too
        raise PsmatchError(
            f"No dask scheduler answers at {place}.", hint="Check the address, or leave out the executor."
        ) from None
    with client:
        _check_workers(client, place)
        yield Cluster(client, place)


def _check_workers(client: Any, place: str) -> None:
    try:
        versions = client.run(installed_version)
    except ImportError:
        versions = {"a worker": "no psmatch"}
    if not versions:
        raise PsmatchError(
            f"The dask cluster at {place} has no workers.", hint=f"Start one: dask worker tcp://{place} --nthreads 1"
        )
    other = sorted(set(versions.values()) - {VERSION})
    if other:
        raise PsmatchError(
            f"The workers at {place} have {other[0]}, this is psmatch {VERSION}.",
            hint="Install the same version on all machines and start the workers again.",
        )


def installed_version() -> str:
    """The version of psmatch where this runs."""
    return VERSION
