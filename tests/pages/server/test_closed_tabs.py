"""Uploads leave the server's memory: at once when they are on disk, and after half a minute if their tab was closed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from benchmarks.visitor import Visitor
from pages.server import closed_tabs, lifespan
from pages.server.closed_tabs import KEPT_SECONDS, ClosedTabs
from tests.e2e.conftest import Server

LARGE = 64 * 2**20  # bytes


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory of a process is read from /proc")
def test_a_saved_upload_is_not_kept_in_memory(serve: Callable[..., Server]) -> None:
    server = serve()

    def memory() -> int:
        assert server.process is not None
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]

    visitor = Visitor(server.url)
    visitor.open()
    visitor.upload("upload.source", "first.h5ad", b"no")  # what the first upload loads is not counted
    before = memory()
    for name in ("one.h5ad", "two.h5ad"):
        visitor.upload("upload.source", name, name[:1].encode() * LARGE)
        assert any(name in text.replace("\\", "") for text in visitor.texts)
    assert memory() - before < LARGE / 2  # while the tab is still open
    assert len(list((server.workspace / "uploads").rglob("*.h5ad"))) == 3
    visitor.close()


def test_a_tab_that_comes_back_in_time_keeps_its_files() -> None:
    tabs, is_open = ClosedTabs(), {"a": False, "b": False}

    def look(now: float) -> list[str]:
        return tabs.closed_for_long(is_open, is_open.__getitem__, now)

    assert look(0.0) == []
    is_open["b"] = True
    assert look(KEPT_SECONDS - 1) == []
    is_open["b"] = False
    assert look(KEPT_SECONDS) == ["a"]
    assert look(2 * KEPT_SECONDS - 1) == ["a"]
    assert look(2 * KEPT_SECONDS) == ["a", "b"]


def test_sessions_that_hold_nothing_are_forgotten() -> None:
    tabs = ClosedTabs()
    tabs.closed_for_long(["a", "b"], lambda _: False, 0.0)
    tabs.closed_for_long(["b"], lambda _: False, 1.0)
    assert set(tabs.since) == {"b"}


def test_the_server_forgets_what_closed_tabs_left(monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = MemoryUploadedFileManager("/upload")
    for session in ("open", "closed"):
        uploads.add_file(session, UploadedFileRec("id", "x.h5ad", "", b"x"))
    runtime = SimpleNamespace(uploaded_file_mgr=uploads, is_active_session=lambda session: session == "open")
    monkeypatch.setattr(lifespan, "get_instance", lambda: runtime)
    monkeypatch.setattr(lifespan, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(closed_tabs, "KEPT_SECONDS", 0.0)

    async def look() -> None:
        task = asyncio.create_task(lifespan._give_back())
        while "closed" in uploads.file_storage:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(asyncio.wait_for(look(), 60))
    assert list(uploads.file_storage) == ["open"]


def test_the_promise_is_kept_with_room_to_spare() -> None:
    assert KEPT_SECONDS + 2 * lifespan.LOOK_SECONDS <= 60
