"""A server of our own and a real, headless Chromium: Debian's, driven by Playwright without any download."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import STAND_INS
from tests.waiting import HANG, until

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("libtorch", "sklearn", "numba", "h5py")  # what the app's server never loads
SCREENSHOTS = Path(__file__).with_name("screenshots")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Streamlit's own, where a tab is closed in the moment its script ends: the session is over, and nothing is lost.
CLOSING_RACE = re.compile(
    r"Exception in thread ScriptRunner\.scriptThread:\nTraceback(?:(?!Traceback).)*?_reset_triggers"
    r"(?:(?!Traceback).)*?RuntimeError: dictionary changed size during iteration\n",
    re.DOTALL,
)
PATIENCE_MS = 1000 * HANG / 2  # for one thing to happen on a page: no machine is too slow, and it ends before the test


def without_stand_ins(path: str) -> str:
    """A search path on which the server and its workers find the real libraries."""
    return os.pathsep.join(part for part in path.split(os.pathsep) if part and part != str(STAND_INS))


@dataclass
class Server:
    """The app on a free port, with a workspace of its own; more environment and options where they are given."""

    workspace: Path
    roots: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.workspace.parent / "server.log"

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "PYTHONPATH": without_stand_ins(os.environ.get("PYTHONPATH", "")),  # a browser shows the real maps
            "PSMATCH_WORKSPACE": str(self.workspace),
            "PSMATCH_DATA_ROOTS": str(self.roots),
            "PSMATCH_DEMO_AHEAD": "0",  # two cores: only the tests that want the finished demo pay for it
            **self.environment,
        }
        options = {
            "server.port": str(port),
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            **self.options,
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.url = f"http://127.0.0.1:{options['server.port']}{options.get('server.baseUrlPath', '')}"
        until(self._answers, lambda: "the server did not start: " + self.log.read_text())

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(self.log.read_text())
        try:
            return bool(urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).read() == b"ok")
        except OSError:
            return False

    def loads(self, libraries: Sequence[str]) -> list[str]:
        """Which of these libraries the server has loaded, where the system shows it (Linux)."""
        assert self.process is not None
        maps = Path(f"/proc/{self.process.pid}/maps")
        return [each for each in libraries if maps.exists() and each in maps.read_text()]

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Servers that nobody has visited yet; each call starts another on the same workspace."""
    started: list[Server] = []

    def start() -> Server:
        server = Server(tmp_path / "workspace", tmp_path)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a file; its log must not hold a traceback when they are done."""
    place = tmp_path_factory.mktemp("app")
    server = Server(place / "workspace", place)
    server.start()
    yield server
    server.stop()
    said = CLOSING_RACE.sub("", server.log.read_text())
    assert "Traceback" not in said, said[-4000:]


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The browser."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: object) -> Iterator[Callable[..., object]]:
    """Pages, each in a visitor's context of its own; none may ask another host, or do what our policy forbids."""
    contexts: list[object] = []
    foreign: list[str] = []
    forbidden: list[str] = []

    def listen(message: object) -> None:
        if "Content Security Policy" in message.text:  # type: ignore[attr-defined]
            forbidden.append(message.text)  # type: ignore[attr-defined]

    def note(request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if url.startswith(("http", "ws")) and "//127.0.0.1" not in url:
            foreign.append(url)

    def open_page(*, width: int = 1280, height: int = 900, scheme: str = "light", is_phone: bool = False) -> object:
        context = chromium.new_context(  # type: ignore[attr-defined]
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            accept_downloads=True,
            has_touch=is_phone,
            is_mobile=is_phone,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("console", listen)
        return page

    yield open_page
    for context in contexts:
        context.close()  # type: ignore[attr-defined]
    assert not foreign, f"requests left the host: {foreign}"
    assert not forbidden, f"the content policy stopped: {forbidden}"
