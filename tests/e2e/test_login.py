"""The login of an institute: an OpenID provider on this machine, two people, and what each of them sees."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.e2e.conftest import PATIENCE_MS, Server
from tests.e2e.steps import no_exception, settle
from tests.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_spec("oidc_provider_mock") is None, reason="no OpenID provider is installed (requirements-dev.txt)"
    ),
]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None
        try:
            return bool(urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=5).status == 200)
        except OSError:
            return False

    until(answers, "the OpenID provider did not start")
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def server(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place, port = tmp_path_factory.mktemp("app"), free_port()
    (place / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"a1b2c3d4" * 4}"\n'
        f'client_id = "psmatch"\nclient_secret = "of psmatch"\n'
        f'server_metadata_url = "{issuer}/.well-known/openid-configuration"\n'
    )
    options = {"server.port": str(port), "secrets.files": str(place / "secrets.toml")}
    server = Server(place / "workspace", place, options=options)
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text(), server.log.read_text()[-4000:]


@pytest.fixture
def new_browser(chromium: Any) -> Iterator[Callable[[], Any]]:
    """Pages of browsers that know nothing; the provider's own page asks a host for its style, which is not answered."""
    contexts = []

    def open_page() -> Any:
        contexts.append(chromium.new_context())
        contexts[-1].set_default_timeout(PATIENCE_MS)
        contexts[-1].route(lambda address: "//127.0.0.1" not in address, lambda route: route.abort())
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def log_in(page: Any, address: str, subject: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Log in").click()
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text(f"Logged in as {subject}")).to_be_visible()
    settle(page)


def test_people_who_log_in_find_their_runs_in_any_browser(
    server: Server, issuer: str, new_browser: Callable[[], Any]
) -> None:
    def owner(subject: str) -> str:
        return hash_owner(f"login\n{issuer}\n{subject}")

    ada = RunFolder.create(server.workspace / "runs", demo_recipe(Recipe(), "screen"), name="the run of ada")
    PersonalStore(server.workspace, owner=owner("ada"))._claim(ada)

    page = new_browser()
    page.goto(server.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_text("the run of ada")).to_have_count(0)
    upload = f"{server.url}/_stcore/upload_file/session/file"
    assert page.request.put(upload, data="a").status == 403
    assert page.request.put(upload, data="a").text() == "Log in to upload a file."

    log_in(page, server.url, "ada")
    assert page.request.put(upload, data="a").text() != "Log in to upload a file."  # but that there is no such session
    expect(page.get_by_text("the run of ada")).to_be_visible()
    assert "key=" not in page.url

    other = new_browser()
    log_in(other, server.url, "bob")
    expect(other.get_by_role("button", name="Demo: images")).to_be_visible()
    expect(other.get_by_text("the run of ada")).to_have_count(0)
    assert [each.name for each in RunStore(server.workspace).entries()] == ["the run of ada"]

    again = new_browser()  # no bookmark is needed
    log_in(again, f"{server.url}/match", "ada")
    again.goto(server.url)
    expect(again.get_by_text("the run of ada")).to_be_visible()
    no_exception(again)

    again.get_by_role("button", name="Log out").click()
    again.get_by_role("button", name="End session").click()  # the provider asks
    expect(again.get_by_role("button", name="Log in")).to_be_visible()
    expect(again.get_by_text("the run of ada")).to_have_count(0)


def test_a_link_opens_nothing_without_a_login(server: Server, new_browser: Callable[[], Any]) -> None:
    run = RunFolder.create(server.workspace / "runs", demo_recipe(Recipe(), "screen"), name="by its link")
    page = new_browser()
    page.goto(f"{server.url}/match?run={run.id}")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    settle(page)
    expect(page.get_by_text("by its link")).to_have_count(0)
