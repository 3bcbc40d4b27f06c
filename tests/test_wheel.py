"""The wheel in an environment outside the checkout: what `pip install psmatch` gives a user."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest

from psmatch_core.base.version import VERSION
from tests.conftest import make_adata
from tests.waiting import HANG, until

ROOT = Path(__file__).parents[1]
BUILT_FROM = (
    "psmatch", "psmatch_core", "pages", "static", ".streamlit", "app.py", "main.py", "setup.py", "pyproject.toml",
    "MANIFEST.in", "README.md", "LICENSE", "CITATION.cff",
)  # fmt: skip
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
# Streamlit runs the page as for a visitor; what the page raises or shows as an error ends this program.
OPEN_PAGE = """
import sys
from pathlib import Path
from psmatch_core.cli.app import app_script
from streamlit.testing.v1 import AppTest

folder = app_script().parent
sys.path.insert(0, str(folder))
page = AppTest.from_file(str(folder / "main.py"), default_timeout=300).run()
assert not page.exception, page.exception
print(page.title[0].value, [each.value for each in page.error], [each.value for each in page.text_input])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that the checkout stays clean."""
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds nothing but the wheel; the libraries beside it are those that the tests use."""
    place = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True)
    (site,) = place.rglob("site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def call(python: Path, *command: str, cwd: Path, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *command], cwd=cwd, env={**kept, **variables}, capture_output=True, text=True, timeout=HANG,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_app_and_nothing_of_the_checkout_beside_it(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "psmatch/__init__.py", "psmatch/py.typed", "psmatch_core/py.typed", "psmatch/app/app.py",
        "psmatch/app/pages/match.py", "psmatch/app/static/inter.woff2", "psmatch/app/.streamlit/config.toml",
        "psmatch/app/static/samples/sample_rna.h5ad", "psmatch_core/report/page.html",
        "psmatch_core/report/cells/cells.html", "psmatch_core/report/cells/maps.js",
    ):  # fmt: skip
        assert name in names
    assert {name.split("/")[0] for name in names} == {"psmatch", "psmatch_core", f"psmatch-{VERSION}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_every_file_of_the_core_and_of_the_app_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in (("psmatch_core", ""), ("pages", "psmatch/app/"), ("static", "psmatch/app/")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{inside}{path.relative_to(ROOT).as_posix()}" in names


def test_the_installed_package_is_not_the_checkout(installed, tmp_path):
    code = "import psmatch, psmatch_core; print(psmatch_core.__file__); print(psmatch.Recipe is psmatch_core.Recipe)"
    where, is_same = call(installed, "-c", code, cwd=tmp_path).split("\n")[:2]
    assert Path(where).is_relative_to(installed.parents[1])
    assert is_same == "True"
    console = installed.with_name("psmatch.exe" if os.name == "nt" else "psmatch")
    said = subprocess.run([str(console), "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == f"psmatch {VERSION}\n"
    assert call(installed, "-m", "psmatch", "--version", cwd=tmp_path) == said.stdout


def test_the_page_of_the_installed_app_opens_the_files_that_are_named(installed, tmp_path):
    make_adata(n=45).write_h5ad(tmp_path / "rna.h5ad")
    make_adata(n=36, n_features=5, seed=1).write_h5ad(tmp_path / "adt.h5ad")
    named = {
        f"PSMATCH_OPEN_{which}": str(tmp_path / f"{name}.h5ad")
        for which, name in (("SOURCE", "rna"), ("TARGET", "adt"))
    }
    quiet = {"PSMATCH_WORKSPACE": str(tmp_path / "workspace"), "PSMATCH_DEMO_AHEAD": "0", "PSMATCH_SHARED": "0"}
    said = call(installed, "-c", OPEN_PAGE, cwd=tmp_path, **quiet, **named)
    assert said.startswith("Data [] ")
    assert "'rna'" in said
    assert "'adt'" in said


def test_psmatch_app_serves_the_installed_app(installed, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PSMATCH_WORKSPACE": str(tmp_path / "workspace"), "PSMATCH_DEMO_AHEAD": "0"}
    console = installed.with_name("psmatch")
    log = tmp_path / "server.log"
    with open(log, "wb") as stream:
        server = subprocess.Popen(
            [str(console), "app", "--port", str(port), "--no-open"], cwd=tmp_path, env=environment, stdout=stream,
            stderr=stream,
        )  # fmt: skip

    def answer(path: str) -> bytes:
        try:
            return urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=5).read()
        except OSError:
            assert server.poll() is None, log.read_text()
            return b""

    try:
        until(lambda: answer("/_stcore/health") == b"ok", log.read_text)
        assert b"<html" in answer("/match")
        assert answer("/app/static/inter.woff2") == (ROOT / "static" / "inter.woff2").read_bytes()
    finally:
        server.terminate()  # reaches the server itself: nothing is left on the port
        server.wait(HANG)
    assert answer_is_refused(port)


def answer_is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_the_installed_program_computes_the_demo(installed, tmp_path):
    """In a fresh environment the engine compiles first, which takes most of the time."""
    quick = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--quiet"]
    call(installed, "-m", "psmatch", "demo", "--out", "demo", *quick, cwd=tmp_path)
    for name in ("pairs.csv", "coupling.h5ad", "recipe.json"):
        assert list((tmp_path / "demo").rglob(name))
