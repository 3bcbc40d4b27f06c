"""The sandbox: whatever happens to the child, the parent gets an answer in time and nothing stays behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, inspect_file, sandbox, sandbox_child
from tests.data.readers.made_files import readable, write
from tests.waiting import HANG, until

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and process groups as POSIX has them")


def answer_of(monkeypatch, code: str, seconds: float = HANG) -> str:
    """The refusal when the child runs ``code`` instead."""
    monkeypatch.setattr(sandbox, "_CHILD", ("-c", code))
    with pytest.raises(PsmatchError) as caught:
        sandbox.run_sandboxed("inspect", {}, shown="a.h5ad", seconds=seconds, memory_mb=512)
    return readable(caught.value)


@POSIX
def test_crash_is_a_damaged_file(monkeypatch):
    assert "a.h5ad is damaged: reading it stopped unexpectedly" in answer_of(
        monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    )


def test_silent_end_and_nonsense_are_a_damaged_file(monkeypatch):
    assert "is damaged" in answer_of(monkeypatch, "pass")
    assert "is damaged" in answer_of(monkeypatch, "open('answer.json', 'w').write('nonsense')")


def test_endless_loop_ends_in_time(monkeypatch):
    assert "could not be read within 1 seconds" in answer_of(monkeypatch, "while True: pass", seconds=1)


@POSIX
def test_loop_ends_by_the_time_of_the_processor_however_busy_the_machine(monkeypatch):
    code = "from psmatch_core.data.readers import sandbox_child as s; s._limit(1, 4096)\nwhile True: pass"
    assert "could not be read within" in answer_of(monkeypatch, code)


TRACE = """open("answer.json", "w").write('{"trace": "Traceback"}')"""


@pytest.mark.parametrize("child", [TRACE, "raise SystemExit(3)"], ids=["trace", "end"])
def test_no_traceback_reaches_the_terminal(child):
    code = f"""
from psmatch_core.data.readers import sandbox
sandbox._CHILD = ("-c", {child!r})
try:
    sandbox.run_sandboxed("inspect", {{}}, shown="a.h5ad", seconds={HANG}, memory_mb=512)
except Exception as error:
    print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("PM-F61", "PM-F62")
    assert done.stderr == ""


@POSIX
def test_what_the_child_started_ends_with_it(monkeypatch, tmp_path):
    sign = tmp_path / "pid"
    code = f"import subprocess as s; open({str(sign)!r}, 'w').write(str(s.Popen(['sleep', '{2 * HANG}']).pid))"
    answer_of(monkeypatch, code)
    asked = ["ps", "-o", "stat=", "-p", sign.read_text()]

    def is_gone():
        listed = subprocess.run(asked, capture_output=True, text=True, check=False)
        return listed.stdout.strip()[:1] in ("", "Z")  # dead and not yet reaped, niced or not

    until(is_gone, "the child's child lives on")


@POSIX
def test_child_limits_memory_and_time_and_leaves_no_dump(monkeypatch):
    import resource

    limits = {}
    monkeypatch.setattr(resource, "setrlimit", lambda limit, pair: limits.update({limit: pair[0]}))
    monkeypatch.setattr(resource, "getrlimit", lambda limit: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sandbox_child._limit(7.5, 512)
    assert limits[resource.RLIMIT_AS] == 512 * 2**20
    assert limits[resource.RLIMIT_CPU] == 8
    assert limits[resource.RLIMIT_CORE] == 0


def test_child_sees_none_of_our_secrets_and_its_own_folder(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    environment = sandbox._environment("/somewhere")
    assert "SECRET_TOKEN" not in environment
    assert environment["TMPDIR"] == "/somewhere"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited on Linux only")
def test_memory_limit_is_an_answer(tmp_path):
    with pytest.raises(PsmatchError) as caught:
        inspect_file(DataSpec(path=str(write(tmp_path))), memory_mb=150)
    assert "memory" in readable(caught.value) or "damaged" in readable(caught.value)


def test_inspection_crosses_the_boundary_whole(tmp_path):
    summary = inspect_file(DataSpec(path=str(write(tmp_path)), label_key="cell_type"), display_name="../RNA.h5ad")
    assert summary.name == "RNA.h5ad"
    assert summary.label_key == "cell_type"
    assert type(summary).from_dict(summary.to_dict()) == summary


def test_child_imports_little_and_the_parent_less():
    heavy = ["anndata", "scanpy", "torch", "sklearn", "streamlit", "umap"]
    code = "import sys, {0}; print([each for each in {1} if each in sys.modules])"
    child = code.format("psmatch_core.data.readers.sandbox_child, psmatch_core.data.readers.inspection", [*heavy])
    parent = code.format(
        "psmatch_core.data.readers, psmatch_core.cli.file_summary", [*heavy, "pandas", "h5py", "scipy"]
    )
    for program in (child, parent):
        printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert printed.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_child_ends_with_a_parent_that_is_killed():
    """Its input stays open, so it would wait for its order for ever."""
    read_end, write_end = os.pipe()
    code = (
        "import subprocess, sys; from psmatch_core.data.readers.sandbox import _CHILD;"
        "child = subprocess.Popen([sys.executable, *_CHILD], stdin=0); print(child.pid, flush=True); child.wait()"
    )
    root = Path(sandbox.__file__).parents[3]
    with os.fdopen(write_end, "wb"), os.fdopen(read_end, "rb") as order:
        parent = subprocess.Popen(
            [sys.executable, "-c", code], stdin=order, stdout=subprocess.PIPE, cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        stat = Path("/proc", parent.stdout.readline().decode().strip(), "stat")
        seen = []

        def waits():
            """It has slept in ten looks one after another: it waits for its order."""
            seen.append(_state(stat))
            return seen[-10:] == ["S"] * 10

        until(waits, "it does not start")
        parent.kill()
        parent.wait()
        parent.stdout.close()
        until(lambda: _state(stat) in ("", "Z"), "the child stays")


def _state(stat: Path) -> str:
    """The state of a process, such as S for sleeping; empty if it is gone."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
