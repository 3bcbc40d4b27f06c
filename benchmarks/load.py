"""Many people at once: `python -m benchmarks.load`, on this machine only, over Streamlit's own protocol.

Each user opens a finished run by its link, walks through all pages with a pause after each, and now and then uploads a
small file and opens another tab, while other runs compute. Printed are the times of actions, errors, and the memory
that the server gained, also after tabs were opened and closed many times.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.visitor import Visitor
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore

ROOT = Path(__file__).parents[1]
PAGES = ("", "propensity", "match", "monitor", "translate", "evaluate", "export")
PAUSE = (1.0, 3.0)  # seconds that a person looks at a page
UPLOADS = 10  # actions of a user from one upload to the next
MOST_USERS, MOST_MINUTES, MOST_CYCLES = 100, 120.0, 1000
WARM_CYCLES = 130  # before memory is read: Streamlit keeps the last 128 closed tabs for two minutes
LONG = {"classifier": {"kind": "MLPClassifier", "hidden": [512, 512], "n_epochs": 5000, "patience": 5000}}


@dataclass
class Seen:
    """What all users together have seen: seconds of actions, and errors."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def quantile(self, q: float) -> float:
        """Seconds below which this share of actions took."""
        return float(np.quantile(self.seconds, q)) if self.seconds else float("nan")


@dataclass(frozen=True)
class Load:
    """How much: users, minutes, runs that compute meanwhile, and tabs that are opened and closed afterwards."""

    users: int
    minutes: float
    runs: int
    cycles: int

    def __post_init__(self) -> None:
        """Keep within what one machine is asked for."""
        if not (0 < self.users <= MOST_USERS and 0 < self.minutes <= MOST_MINUTES and 0 <= self.cycles <= MOST_CYCLES):
            raise SystemExit(f"At most {MOST_USERS} users, {MOST_MINUTES:g} minutes and {MOST_CYCLES} cycles.")


@contextmanager
def serving(workspace: Path) -> Iterator[tuple[str, int]]:
    """The app on a free port of this machine: its address and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"]
    environment = {**os.environ, "PSMATCH_WORKSPACE": str(workspace), "PSMATCH_DEMO_AHEAD": "0", "PSMATCH_SHARED": "1"}
    with open(workspace / "server.log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while True:
            with suppress(OSError):
                if urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).status == 200:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((workspace / "server.log").read_text())
            time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def memory(pid: int) -> float:
    """Memory of a process [MB]; NaN where the system does not show it."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return float("nan")


def processor(pid: int) -> float:
    """Processor time that a process has used [s]; NaN where the system does not show it."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return float("nan")


def use(url: str, run: str, until: float, *, seed: int, seen: Seen) -> None:
    """One user, until a time of the monotonic clock."""
    chance = random.Random(seed)
    visitor = Visitor(url, f"run={run}")
    table = "cell,label,g1\n" + "".join(f"c{i},{'AB'[i % 2]},{i}\n" for i in range(40))
    try:
        time.sleep(chance.uniform(0, PAUSE[1]))
        seen.seconds.append(visitor.open())
        action = seed
        while time.monotonic() < until:
            time.sleep(chance.uniform(*PAUSE))
            action += 1
            if action % UPLOADS:
                seen.seconds.append(visitor.rerun(PAGES[action % len(PAGES)]))
            else:
                visitor.rerun(PAGES[0])
                seen.seconds.append(visitor.upload("upload.source", f"user{seed}.csv", table.encode()))
                visitor.close()  # the file took the place of the run
                visitor = Visitor(url, f"run={run}", problems=visitor.problems)
                seen.seconds.append(visitor.open())
    except Exception as error:  # what goes wrong for a user is the result
        seen.errors.append(f"{type(error).__name__}: {error}")
    finally:
        seen.errors += visitor.problems
        visitor.close()


def crowd(url: str, run: str, load: Load) -> Seen:
    """All users at once."""
    seen, until = Seen(), time.monotonic() + 60 * load.minutes
    users = [
        threading.Thread(target=use, args=(url, run, until), kwargs={"seed": seed, "seen": seen})
        for seed in range(load.users)
    ]
    for user in users:
        user.start()
    for user in users:
        user.join()
    return seen


def open_and_close(url: str, run: str, times: int) -> None:
    """Open a run and close the tab again."""
    for _ in range(times):
        visitor = Visitor(url, f"run={run}")
        visitor.open()
        visitor.close()


def measure(load: Load) -> dict[str, float | list[str]]:
    """Run a load on a new server: figures in seconds and MB, and errors."""
    with tempfile.TemporaryDirectory() as place:
        store = RunStore(Path(place))
        finished = store.start(demo_recipe(Recipe(classifier=LinearClassifier()), "screen"), name="finished")
        while finished.status().is_active:
            time.sleep(0.5)
        if finished.status().state != DONE:
            raise SystemExit(finished.status().problem)
        with serving(store.root) as (url, pid):
            working = [_start(store, seed) for seed in range(load.runs)]
            try:
                open_and_close(url, finished.id, 1)
                before, spent = memory(pid), processor(pid)
                seen = crowd(url, finished.id, load)
                during, spent = memory(pid), processor(pid) - spent
            finally:
                for folder in working:
                    store.cancel(folder)
            open_and_close(url, finished.id, WARM_CYCLES)
            warm = memory(pid)
            open_and_close(url, finished.id, load.cycles)
            return {
                "actions": len(seen.seconds),
                "median": seen.quantile(0.5),
                "p95": seen.quantile(0.95),
                "longest": seen.quantile(1.0),
                "processor": spent / max(len(seen.seconds), 1),
                "before": before,
                "during": during,
                "grown": memory(pid) - warm,
                "errors": seen.errors,
            }


def _start(store: RunStore, seed: int) -> RunFolder:
    recipe = demo_recipe(Recipe.from_dict(LONG).with_setting("seed", seed), "screen")
    return store.start(recipe, name=f"working {seed}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=2, help="runs that compute meanwhile")
    parser.add_argument("--cycles", type=int, default=100, help="tabs opened and closed afterwards")
    parser.add_argument("--short", action="store_true", help="8 users, 1.5 minutes, 1 run, 20 cycles: for CI")
    given = parser.parse_args(arguments)
    load = Load(8, 1.5, 1, 20) if given.short else Load(given.users, given.minutes, given.runs, given.cycles)
    os.environ["PSMATCH_RUNS_AT_ONCE"] = str(max(load.runs, 1))
    found = measure(load)
    errors = list(found.pop("errors"))  # type: ignore[arg-type]
    print(f"{load.users} users, {load.minutes:g} minutes, {load.runs} runs working: {found['actions']} actions")
    print(f"seconds of an action: median {found['median']:.3f}, p95 {found['p95']:.3f}, longest {found['longest']:.3f}")
    print(f"processor time of the server: {found['processor']:.3f} s an action")
    print(f"memory of the server: {found['before']:.0f} MB with one tab, {found['during']:.0f} MB with all")
    print(f"grown by {found['grown']:.1f} MB over {load.cycles} tabs opened and closed")
    print(f"errors: {len(errors)}", *sorted(set(errors))[:10], sep="\n")
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
