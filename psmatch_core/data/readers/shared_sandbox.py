"""One process for all files of a command: it loads the libraries of the readers once and forks a child for each order.

A child has limits and an end of its own, as it has without this. The process that forks never opens a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import IO, Any

SERVER = ("-P", "-m", "psmatch_core.data.readers.sandbox_server")  # -P: imports nothing from the working folder
LATE = "late"  # how a child ended that took too long
GRACE_SECONDS = 20.0  # after which a server that should have killed a late child is itself taken for stuck
# Only Linux tells that a process has ended without giving its number away (pidfd), and forks libraries of numerics
# safely. Elsewhere each order has a process that starts anew.
CAN_FORK = sys.platform == "linux" and hasattr(os, "pidfd_open")


class SandboxServer:
    """The process that forks, as its parent sees it.

    Parameters
    ----------
    environment
        The variables of a process, by the folder that is its own.
    """

    def __init__(self, environment: Callable[[str], Mapping[str, str]]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="psmatch-", ignore_cleanup_errors=True)
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, *SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            # the allocator of pyarrow would otherwise start a thread, and what has threads is not forked
            env={**environment(self._folder.name), "JE_ARROW_MALLOC_CONF": "background_thread:false"},
            start_new_session=True,
        )

    def carry_out(self, order: Mapping[str, Any], seconds: float) -> str | None:
        """Let a child carry out an order within a time limit [s]; how it ended: ``late`` or ``code N``.

        None if this process cannot: it has ended, has another order in hand, or will not fork. The order then needs a
        process of its own.
        """
        if not self._turn.acquire(blocking=False):
            return None
        ended = None
        try:
            sent, answers = _open_pipes(self._process)
            sent.write(json.dumps({**order, "wall_seconds": seconds}).encode() + b"\n")
            sent.flush()
            ended = _line(answers, seconds + GRACE_SECONDS)
            answer = LATE if ended == LATE else json.loads(ended)
            return None if answer is None else str(answer)
        except (OSError, ValueError):  # it has ended
            return None
        finally:
            if ended in (None, LATE):  # interrupted or stuck: the child ends with the server
                self.close()
            self._turn.release()

    def close(self) -> None:
        """End the process and the child that it may have."""
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()  # it kills its child and ends when nobody is left to ask
        try:
            self._process.wait(GRACE_SECONDS / 10)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the child ends with it
            self._process.wait()
        self._folder.cleanup()


def _open_pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stdin.closed:
        raise ValueError
    return process.stdin, process.stdout


def _line(stream: IO[bytes], seconds: float) -> str:
    """The next line; ``late`` if it does not come within a time limit [s].

    Raises
    ------
    ValueError
        If the stream ends.
    """
    found, until = b"", time.monotonic() + seconds
    while not found.endswith(b"\n"):
        if not select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
            return LATE
        part = os.read(stream.fileno(), 4096)
        if not part:
            raise ValueError
        found += part
    return found.decode()


_SERVER: ContextVar[SandboxServer | None] = ContextVar("sandbox_server", default=None)


def current_server() -> SandboxServer | None:
    """The process that forks for what runs here; None outside :func:`one_server`."""
    return _SERVER.get()


@contextlib.contextmanager
def one_server(environment: Callable[[str], Mapping[str, str]]) -> Iterator[None]:
    """While inside, orders are carried out by children of one process; the outermost of several starts and ends it."""
    if not CAN_FORK or _SERVER.get() is not None:
        yield
        return
    server = SandboxServer(environment)
    token = _SERVER.set(server)
    try:
        yield
    finally:
        _SERVER.reset(token)
        server.close()
