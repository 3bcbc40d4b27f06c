"""Executors: where a run trains and solves, here or on the workers of a dask cluster that is already running."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from importlib import metadata
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
        If the address is of another kind, dask is not installed, no scheduler or worker answers, or a worker has
        another version of psmatch or of a library that computes.

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
        found: dict[str, dict[str, str]] = client.run(installed_versions)
    except Exception:  # dask gives its own for whatever a worker cannot import
        found = {"a worker": {"psmatch": "none, or an earlier one"}}
    if not found:
        raise PsmatchError(
            f"The dask cluster at {place} has no workers.", hint=f"Start one: dask worker tcp://{place} --nthreads 1"
        )
    here = installed_versions()
    for there in found.values():
        for name, version in here.items():
            other = there.get(name, "none")
            if other != version:
                raise PsmatchError(
                    f"A worker at {place} has another {name} ({other}) than this machine ({version}).",
                    hint="Install the same versions on all machines and start the workers again.",
                )


def installed_versions() -> dict[str, str]:
    """The versions where this runs of what the numbers of a run depend on."""
    found = {"psmatch": VERSION, "Python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("numpy", "scipy", "numba", "torch"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name).partition("+")[0]  # 2.13.0+cpu computes as 2.13.0 does
    return found
