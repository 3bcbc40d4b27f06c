"""A visitor without a browser: opens the app, presses, types and uploads over Streamlit's own protocol."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

XSRF = "_streamlit_xsrf"


@dataclass
class Visitor:
    """One open tab.

    Parameters
    ----------
    url
        The address of the app, with its base path, without a query.
    query
        What stands behind the question mark.
    headers
        Sent with every request.
    wait
        Seconds for one script.
    """

    url: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 120.0
    session: str = ""
    page: str = ""
    texts: list[str] = field(default_factory=list)
    widgets: dict[str, str] = field(default_factory=dict)  # the user's key of a widget, and its id
    problems: list[str] = field(default_factory=list)  # exceptions that a page showed
    socket: ClientConnection | None = field(default=None, repr=False)

    def open(self) -> float:
        """Connect and draw the page; returns how long that took [s]."""
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        begun = time.perf_counter()
        self.socket = connect(
            f"{scheme}://{parts.netloc}{parts.path}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Origin": f"{parts.scheme}://{parts.netloc}", **self.headers},
            max_size=None,
            open_timeout=self.wait,
            ping_timeout=None,
            legacy=True,
        )
        self.rerun()
        return time.perf_counter() - begun

    def rerun(self, page: str = "", **states: Any) -> float:
        """Run the page with new states of widgets, by their ids; returns how long that took [s]."""
        assert self.socket is not None
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.page = page or self.page
        for name, value in states.items():
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = name
            if isinstance(value, bool):
                widget.trigger_value = value
            elif isinstance(value, str):
                widget.string_value = value
            else:
                widget.file_uploader_state_value.uploaded_file_info.add().MergeFrom(value)
        begun = time.perf_counter()
        self.texts.clear()
        self.socket.send(message.SerializeToString())
        while self._receive() != "script_finished":
            pass
        return time.perf_counter() - begun

    def press(self, key: str) -> float:
        """Press the button with this key."""
        return self.rerun(**{self.widgets[key]: True})

    def upload(self, key: str, name: str, content: bytes) -> float:
        """Hand a file to the uploader whose key begins so; returns how long that took [s]."""
        widget = next(self.widgets[each] for each in reversed(self.widgets) if each.startswith(key))
        file_id = str(uuid.uuid4())
        begun = time.perf_counter()
        with requests.Session() as web:
            web.headers.update(self.headers)
            web.get(f"{self.url}/_stcore/health", timeout=self.wait)
            target = f"{self.url}/_stcore/upload_file/{self.session}/{file_id}"
            token = {"X-Xsrftoken": web.cookies.get(XSRF) or ""}
            web.put(target, files={"f": (name, content)}, headers=token, timeout=self.wait).raise_for_status()
        info = BackMsg().rerun_script.widget_states.widgets.add().file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = file_id, name, len(content)
        info.file_urls.file_id, info.file_urls.upload_url, info.file_urls.delete_url = file_id, target, target
        self.rerun(**{widget: info})
        return time.perf_counter() - begun

    def close(self) -> None:
        """Close the tab."""
        if self.socket is not None:
            self.socket.close()

    def _receive(self) -> str:
        assert self.socket is not None
        message = ForwardMsg()
        message.ParseFromString(self.socket.recv(self.wait))  # type: ignore[arg-type]
        kind = str(message.WhichOneof("type"))
        if kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return "another run follows"
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            self._note(str(element.WhichOneof("type")), getattr(element, str(element.WhichOneof("type"))))
        return kind

    def _note(self, kind: str, element: Any) -> None:
        widget = getattr(element, "id", "")
        if isinstance(widget, str) and widget.startswith("$$ID-"):
            self.widgets[widget.split("-", 2)[2]] = widget
        body = getattr(element, "body", "")
        if isinstance(body, str) and body:
            self.texts.append(body)
        if kind == "exception":
            self.problems.append(f"{element.type}: {element.message}")
