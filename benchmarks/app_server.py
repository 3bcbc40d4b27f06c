"""What the benchmark of the app uses: its own server, a browser, large runs, and timed steps."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from playwright.sync_api import Browser, Page, expect

from benchmarks.app_watch import Traffic, watched
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import Matcher, SinkhornMatcher
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from psmatch_core.workspace import files, worker
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import CANCELLED, RunFolder, RunStatus
from psmatch_core.workspace.store import RunStore

ROOT = Path(__file__).parents[1]
TITLES = {"data": "Data", "propensity": "Propensity", "match": "Match", "evaluate": "Evaluate", "export": "Export"}
LARGE = ("label 00", "label 01")
FEW = [100] * 8  # so that the space of the large labels' scores has ten axes, as one of a screen does
SIZES = {
    "small": [100] * 8,
    "500": [500, 500, *FEW],
    "2000": [2_000, 2_000, *FEW],
    "5000": [5_000, 5_000, *FEW],
    "2k": [100] * 20,
    "20k": [1_000] * 20,
    "50k": [1_000] * 50,
}


@dataclass
class Bench:
    """One server on a workspace with runs of several sizes, and a browser."""

    browser: Browser
    workspace: Path
    runs: int
    url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    made: dict[str, str] = field(default_factory=dict)
    kilobytes: dict[str, list[float]] = field(default_factory=dict)
    traffic: Traffic | None = None
    hour: tuple[float, ...] = ()

    def find_runs(self) -> None:
        """Use the finished runs that the workspace has already."""
        store = RunStore(self.workspace)
        for entry in store.entries():
            if store.open(entry.id).status().state == "done":
                self.made.setdefault(entry.name, entry.id)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        command += [part for name, value in options.items() for part in (f"--server.{name}", str(value))]
        environment = {**os.environ, "PSMATCH_WORKSPACE": str(self.workspace), "PSMATCH_DEMO_AHEAD": "0"}
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
        self.url = f"http://127.0.0.1:{port}"
        deadline = time.time() + 60
        while time.time() < deadline:
            try:
                if urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).read() == b"ok":
                    return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the server did not start")

    def stop(self) -> None:
        """End the server."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def memory(self) -> float:
        """Memory of the server [MB]."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return float(status.split("VmRSS:")[1].split()[0]) / 1024

    @contextmanager
    def visitor(self, page: str = "data", run: str = ""):
        """A page of a visitor's own, opened on a run; its web socket is counted in ``traffic``."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        watched(context)
        tab = context.new_page()
        self.traffic = Traffic(tab)
        try:
            tab.goto(f"{self.url}/{'' if page == 'data' else page}" + (f"?run={self.run(run)}" if run else ""))
            arrived(tab, page)
            yield tab
        finally:
            context.close()

    def sent(self, page: Page, step: str, since: int) -> None:
        """Keep what an interaction sent and received since the count ``since`` [kB]."""
        page.wait_for_timeout(30)  # the last frames are counted here a moment after they are drawn there
        self.kilobytes.setdefault(step, []).append((self.traffic.bytes - since) / 1024)

    def run(self, name: str) -> str:
        """The id of a run by its name here; made at first use."""
        if name not in self.made:
            self.made[name] = made_run(self.workspace, name, SIZES[name])
        return self.made[name]

    def other(self, name: str, epsilon: float) -> str:
        """Make another run on the same cells; its name, as the page offers it."""
        self.run(name)
        other = f"{name}, epsilon {epsilon:g}"
        if other not in self.made:
            self.made[other] = made_run(self.workspace, name, SIZES[name], SinkhornMatcher(epsilon=epsilon), other)
        return other

    def folder(self, name: str) -> RunFolder:
        return RunStore(self.workspace).open(self.run(name))

    def without_ladders(self, name: str) -> None:
        """Mark the epsilon paths of a run's two large labels as cancelled: the page then draws the run's plan."""
        for label in LARGE:
            EpsilonPathJob.create(self.folder(name), label).folder.write_status(RunStatus(state=CANCELLED))

    def with_ladder(self, name: str) -> EpsilonPathJob:
        """Compute the epsilon path of a run's first label, in this process."""
        job = EpsilonPathJob.create(self.folder(name), LARGE[0])
        if worker.execute(job).state != "done":
            raise SystemExit(f"the epsilon path of {name} failed: {job.status().problem}")
        return job


def made_run(workspace: Path, name: str, cells: list[int], matcher: Matcher | None = None, called: str = "") -> str:
    """A finished run of synthetic cells, that many per label and modality, with only the linear map of scores."""
    specs = []
    for seed, side in enumerate(("source", "target")):
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(len(cells)), cells)
        corner = np.random.default_rng(9).normal(size=(len(cells), 12))
        X = (corner[y] + rng.normal(size=(y.size, 12))).astype(np.float32)
        obs = pd.DataFrame({"label": [f"label {i:02d}" for i in y]}, index=[f"{side}_{i}" for i in range(y.size)])
        path = workspace / f"{name}_{side}.h5ad"
        path.parent.mkdir(parents=True, exist_ok=True)
        AnnData(X=X, obs=obs).write_h5ad(path)
        specs.append(DataSpec(path=str(path), label_key="label", name=side))
    rules = ExportRules(top=1, smallest=0.01)
    recipe = Recipe(classifier=LinearClassifier(strength=0.1), matcher=matcher or Recipe().matcher, exports=rules)
    folder = RunFolder.create(RunStore(workspace).runs, recipe.with_data(*specs), name=called or name)
    maps, files.MAPS = files.MAPS, ("pca",)  # the page draws as many points; UMAP would take minutes
    try:
        status = worker.execute(RunJob(folder))
    finally:
        files.MAPS = maps
    if status.state != "done":
        raise SystemExit(f"the run {name} failed: {status.problem}")
    return folder.id


def arrived(page: Page, name: str) -> None:
    """Wait until a page is ready: its title is shown, its script has ended, and no placeholder is left."""
    expect(page.get_by_role("heading", name=TITLES[name], exact=True, level=1)).to_be_visible(timeout=60_000)
    settled(page)


def settled(page: Page) -> None:
    """Wait until the script has ended and everything is drawn."""
    page.wait_for_function(
        "() => document.querySelector('[data-test-script-state=notRunning]')"
        " && !document.querySelector('[data-testid=stSkeleton]')",
        timeout=60_000,
    )


def go(page: Page, name: str) -> float:
    """Seconds from the click in the sidebar until the page is ready."""
    began = time.perf_counter()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=TITLES[name]).click()
    arrived(page, name)
    return time.perf_counter() - began
