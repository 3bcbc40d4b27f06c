"""The how-to of docs/server.md behind a real nginx: base path, secret, web socket, uploads, and a log without keys."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install playwright)")

from playwright.sync_api import expect

from pages.shell.sharing import SECRET_VARIABLE
from tests.e2e.conftest import ROOT, Server
from tests.e2e.steps import go, no_exception, settle, upload
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.nginx]
SECRET = "four words of your lab"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "workspace", tmp_path, {SECRET_VARIABLE: SECRET}, {"server.baseUrlPath": "/psmatch"})
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def nginx(server: Server, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx with the file that the how-to shows; without a certificate, on ports of this test."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx-light)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shown = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "server.md").read_text(encoding="utf-8"), re.S)
    assert shown is not None
    site = re.sub(r"^ *ssl_.*\n", "", shown.group(1), flags=re.M)
    for old, new in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "127.0.0.1:8501": urlsplit(server.url).netloc,
        "/var/log/nginx/": f"{tmp_path}/",
    }.items():
        assert old in site
        site = site.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if getattr(os, "geteuid", lambda: 1)() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off;\npid {tmp_path}/nginx.pid;\nerror_log {tmp_path}/start.log;\nevents {{}}\n"
        f"http {{\nclient_body_temp_path {tmp_path}/body;\n{temporary}{site}}}\n"
    )
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])

    def listens() -> bool:
        assert process.poll() is None, (tmp_path / "start.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens, "nginx did not start")
    yield f"http://127.0.0.1:{port}/psmatch/"
    process.terminate()
    process.wait()


def test_the_how_to_works(nginx: str, server: Server, new_page: Any, tmp_path: Path) -> None:
    page, failed = new_page(), []

    def note(answer: Any) -> None:
        is_search = "/match/_stcore/" in answer.url  # the browser tries out where the base path ends
        if answer.status > 401 and not is_search:
            failed.append(f"{answer.status} {answer.url}")

    page.on("response", note)
    page.goto(nginx)
    page.get_by_label("Secret of your lab").fill("not the secret")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the secret of this lab.")
    page.get_by_label("Secret of your lab").fill(SECRET)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Data", exact=True, level=1)).to_be_visible()
    settle(page)

    values = np.random.default_rng(0).normal(size=(2000, 100))  # more than the megabyte that nginx lets through unasked
    frame = pd.DataFrame(values, columns=[f"gene{i}" for i in range(100)], index=[f"cell_{i}" for i in range(2000)])
    frame.insert(0, "label", ["A", "B"] * 1000)
    frame.to_csv(tmp_path / "rna.csv", index_label="cell")
    assert (tmp_path / "rna.csv").stat().st_size > 2 * 2**20
    upload(page, "source", tmp_path / "rna.csv")
    expect(page.get_by_text("2,000 cells × 100 features")).to_be_visible()

    go(page, "Match")
    assert urlsplit(page.url).path == "/psmatch/match"
    (key,) = parse_qs(urlsplit(page.url).query)["key"]
    page.reload()
    settle(page)
    assert parse_qs(urlsplit(page.url).query)["key"] == [key]
    no_exception(page)
    assert not failed
    logged = "".join(
        path.read_text() for path in (tmp_path / "psmatch.log", tmp_path / "psmatch-error.log", server.log)
    )
    assert "GET /psmatch/match" in logged
    assert key not in logged
    assert SECRET not in logged
