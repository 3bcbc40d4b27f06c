"""How long from the README's first line to an open app, and to its first paint?

    python -m benchmarks.start              # server start and first paint, three cold starts, warm page cache
    python -m benchmarks.start --install    # also the README's first line in a fresh folder (warm package cache)

Needs Chromium and Playwright (requirements-dev.txt). First paint is the moment when the demo button of the Data page is
visible in a real browser.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", help="measure the README's first line too")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if options.install:
        print(f"README's first line up to the start of the server: {installed():.0f} s")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        figures = [started(browser) for _ in range(options.runs)]
        browser.close()
    for name, values in zip(
        ("server answers", "first paint after start", "first paint, next visitor"),
        zip(*figures, strict=True),
        strict=True,
    ):
        print(f"{name}: {statistics.median(values):.2f} s (from {min(values):.2f} to {max(values):.2f})")


def installed() -> float:
    """Seconds of the README's first line, up to where the server would start, in a fresh copy."""
    line = re.search(
        r"^(python3 -m venv .*requirements\.lock) && .*streamlit", (ROOT / "README.md").read_text("utf-8"), re.M
    )
    if line is None:
        raise SystemExit("the README's first line was not found")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("requirements-torch.txt", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        begun = time.perf_counter()
        subprocess.run(line.group(1), shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun


def started(browser: Browser) -> tuple[float, float, float]:
    """Seconds to the server's first answer, to the first paint, and to the paint of a second visitor."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as workspace:
        environment = {**os.environ, "PSMATCH_WORKSPACE": workspace}
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            "--server.port",
            str(port),
            "--server.headless",
            "true",
        ]
        begun = time.perf_counter()
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not answers(address):
                time.sleep(0.02)
            answered = time.perf_counter() - begun
            paint(browser, address)
            first = time.perf_counter() - begun
            again = time.perf_counter()
            paint(browser, address)
            return answered, first, time.perf_counter() - again
        finally:
            server.terminate()
            server.wait()


def answers(address: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).read() == b"ok")
    except OSError:
        return False


def paint(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Demo").first.wait_for(timeout=60_000)
    context.close()


if __name__ == "__main__":
    main()
