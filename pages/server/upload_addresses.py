"""The address to which a browser uploads a file, kept when a script starts.

A browser asks the server for this address before it sends a file. Streamlit (1.67) empties the queue of messages to the
browser when a script starts, and an address that was not sent yet goes with it: the browser then waits for ever, and
the file is gone without a word.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

ADDRESS = "file_urls_response"


class AddressKeepingQueue(ForwardMsgQueue):
    """Messages to a browser; the addresses for uploads are among those that outlive the start of a script."""

    def clear(self, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None) -> None:
        addresses = [message for message in self._queue if message.WhichOneof("type") == ADDRESS]
        super().clear(retain_lifecycle_msgs, fragment_ids_this_run)
        if retain_lifecycle_msgs:
            kept = {id(message) for message in self._queue}
            self._queue += [message for message in addresses if id(message) not in kept]


def keep_upload_addresses() -> None:
    """Let every session of this server use such a queue; called before the first one opens."""
    from streamlit.runtime import app_session

    module: Any = app_session
    module.ForwardMsgQueue = AddressKeepingQueue
