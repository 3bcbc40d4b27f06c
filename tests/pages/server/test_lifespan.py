"""The browser of who starts the app opens by itself, where there is a display."""

from __future__ import annotations

import asyncio

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
