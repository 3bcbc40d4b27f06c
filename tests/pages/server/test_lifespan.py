"""The browser of who starts the app opens by itself, where there is a display; freed memory goes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from pages.server import lifespan


@pytest.mark.parametrize(("headless", "opened"), [(False, ["http://localhost:8501"]), (True, [])])
def test_the_browser_opens_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, headless: bool, opened: list[str]
) -> None:
    asked: list[str] = []
    options = {"server.headless": headless, "browser.serverAddress": "localhost"}
    monkeypatch.setattr(lifespan.st, "get_option", options.__getitem__)
    monkeypatch.setattr(lifespan, "get_url", lambda host: f"http://{host}:8501")
    monkeypatch.setattr(lifespan.webbrowser, "open", asked.append)

    async def start_and_stop() -> None:
        async with lifespan.lifespan(None):  # type: ignore[arg-type]
            for thread in lifespan.threading.enumerate():
                if thread.name == "psmatch-browser":
                    thread.join()

    asyncio.run(start_and_stop())
    assert asked == opened


FREED = """
import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from pages.server import lifespan
def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 10**6
runtime = SimpleNamespace(uploaded_file_mgr=MemoryUploadedFileManager("/"), is_active_session=bool)
lifespan.get_instance, lifespan.LOOK_SECONDS = lambda: runtime, 0.0
pieces = [bytes(50_000) for _ in range(2_000)]  # 100 MB, each too small to be mapped for itself
last = bytes(50_000)  # lies above them, so that the heap cannot shrink
before = held()
del pieces
async def look():
    task = asyncio.create_task(lifespan._give_back())
    while held() > before - 80:
        await asyncio.sleep(0.01)
    task.cancel()
asyncio.run(asyncio.wait_for(look(), 300))
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux keeps what was freed")
def test_what_visitors_left_goes_back_to_the_system_while_the_server_runs() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 80
