"""Open the app in the browser of the person who starts it; with Streamlit's own server this happens by itself."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit.starlette import App
from streamlit.web.server.server_util import get_url


@asynccontextmanager
async def open_in_browser(app: App) -> AsyncIterator[None]:
    """Open the address once the server starts, unless it has no display (``server.headless``)."""
    if not st.get_option("server.headless"):
        url = get_url(st.get_option("browser.serverAddress"))
        threading.Thread(target=webbrowser.open, args=(url,), name="psmatch-browser", daemon=True).start()
    yield
