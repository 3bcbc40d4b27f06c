"""What the server does beside answering: it opens the browser of who starts it, and gives memory back."""

from __future__ import annotations

import asyncio
import threading
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.starlette import App
from streamlit.web.server.server_util import get_url

from pages.server.closed_tabs import ClosedTabs
from pages.server.upload_addresses import keep_upload_addresses
from psmatch_core.base.memory import free_arrays_at_once, give_back_memory

LOOK_SECONDS = 10.0  # between two looks at which tabs are closed


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """From the start of the server to its end."""
    free_arrays_at_once()  # with maps from 256 kB on, comparing two runs took 1.4 s instead of 0.9
    keep_upload_addresses()
    if not st.get_option("server.headless"):  # without a display nothing opens
        url = get_url(st.get_option("browser.serverAddress"))
        threading.Thread(target=webbrowser.open, args=(url,), name="psmatch-browser", daemon=True).start()
    looking = asyncio.create_task(_give_back())
    yield
    looking.cancel()


async def _give_back() -> None:
    """Freed memory to the system, and uploads of a closed tab, which Streamlit keeps until another visitor comes."""
    runtime, tabs = get_instance(), ClosedTabs()
    uploads = runtime.uploaded_file_mgr
    while isinstance(uploads, MemoryUploadedFileManager):
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(give_back_memory)
        for session in tabs.closed_for_long(list(uploads.file_storage), runtime.is_active_session, time.monotonic()):
            uploads.remove_session_files(session)
