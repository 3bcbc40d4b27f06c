"""A script that starts does not swallow the address for which a browser waits before it uploads a file."""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from pages.server.upload_addresses import AddressKeepingQueue, keep_upload_addresses


def filled(queue: ForwardMsgQueue) -> ForwardMsgQueue:
    address, drawn, started = ForwardMsg(), ForwardMsg(), ForwardMsg()
    address.file_urls_response.response_id = "asked"
    drawn.delta.new_element.markdown.body = "drawn before"
    started.session_status_changed.run_on_save = False
    for message in (drawn, address, started):
        queue.enqueue(message)
    return queue


def kinds(queue: ForwardMsgQueue) -> list[str]:
    return [message.WhichOneof("type") for message in queue.flush()]


def test_the_address_outlives_the_start_of_a_script_and_what_was_drawn_does_not() -> None:
    queue = filled(AddressKeepingQueue())
    queue.clear(retain_lifecycle_msgs=True)
    assert sorted(kinds(queue)) == ["file_urls_response", "session_status_changed"]


def test_the_address_is_sent_once_where_a_part_of_the_page_runs_again() -> None:
    queue = filled(AddressKeepingQueue())
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["part"])
    assert kinds(queue).count("file_urls_response") == 1


def test_a_session_that_ends_keeps_nothing() -> None:
    queue = filled(AddressKeepingQueue())
    queue.clear()
    assert kinds(queue) == []


def test_streamlit_still_drops_it_by_itself() -> None:
    """When this fails, Streamlit keeps the address, and our queue can go."""
    queue = filled(ForwardMsgQueue())
    queue.clear(retain_lifecycle_msgs=True)
    assert "file_urls_response" not in kinds(queue)


def test_the_sessions_of_the_server_use_it(monkeypatch) -> None:
    monkeypatch.setattr(app_session, "ForwardMsgQueue", ForwardMsgQueue)
    keep_upload_addresses()
    assert app_session.ForwardMsgQueue is AddressKeepingQueue
