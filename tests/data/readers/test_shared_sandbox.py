"""One process forks for all files of a command: each child is as limited and as harmless as one that starts anew."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import anndata
import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, copy_into, inspect_file, sandbox, shared_sandbox
from psmatch_core.data.readers.sandbox import run_sandboxed, shared_sandbox as one_sandbox
from psmatch_core.data.readers.shared_sandbox import CAN_FORK, current_server
from tests.data.readers.made_files import readable, write
from tests.waiting import HANG, until

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="only Linux forks for files; elsewhere each has a new process")

OWN = """
import json
order = json.loads(__import__("sys").stdin.buffer.read())
open("answer.json", "w").write(json.dumps({"result": {"by": "a process of its own"}}))
"""


@pytest.fixture
def served(monkeypatch):
    """Makes the children of a server run ``code`` for orders whose request says so; others answer their pid."""

    def start(code: str, prepare: str = "pass"):
        program = f"""
import json, os, sys, time
from pathlib import Path
from psmatch_core.data.readers import sandbox_child, sandbox_server
def carry_out(order):
    if order["request"].get("is_bad"):
        exec({code!r})
    Path(order["folder"], "answer.json").write_text(json.dumps({{"result": {{
        "by": os.getppid(), "folder": os.getcwd(), "temporary": __import__("tempfile").gettempdir(),
        "secret": os.environ.get("SECRET_TOKEN", ""), "threads": len(os.listdir("/proc/self/task"))}}}}))
sandbox_server.carry_out = carry_out
{prepare}
sandbox_server.serve_orders()
"""
        monkeypatch.setattr(shared_sandbox, "SERVER", ("-c", program))
        monkeypatch.setattr(sandbox, "_CHILD", ("-c", OWN))
        return one_sandbox()

    return start


def ask(is_bad: bool = False, seconds: float = HANG) -> dict:
    return run_sandboxed("inspect", {"is_bad": is_bad}, shown="a.h5ad", seconds=seconds, memory_mb=4096)


def refusal(seconds: float = HANG) -> str:
    with pytest.raises(PsmatchError) as caught:
        ask(is_bad=True, seconds=seconds)
    return readable(caught.value)


def test_files_are_read_as_by_a_process_of_their_own(tmp_path):
    spec = DataSpec(path=str(write(tmp_path)), label_key="cell_type")
    alone = inspect_file(spec), anndata.read_h5ad(copy_into(spec, tmp_path / "alone.h5ad"))
    with one_sandbox():
        for _ in range(2):
            assert inspect_file(spec) == alone[0]
            together = anndata.read_h5ad(copy_into(spec, tmp_path / "together.h5ad"))
            np.testing.assert_array_equal(together.to_df(), alone[1].to_df())
            assert together.obs.equals(alone[1].obs)
            assert str(together.uns) == str(alone[1].uns)
        with pytest.raises(PsmatchError, match="no label column"):
            copy_into(DataSpec(path=spec.path, label_key="nothing"), tmp_path / "refused.h5ad")
        assert not (tmp_path / "refused.h5ad").exists()


def test_the_outermost_scope_has_the_only_process_and_ends_it(served):
    with served("pass"):
        first = ask()
        with one_sandbox():
            assert ask()["by"] == first["by"]
        assert ask()["by"] == first["by"]
        assert Path("/proc", str(first["by"])).exists()
        folder = Path(f"/proc/{first['by']}/cwd").resolve()
    assert current_server() is None
    assert not Path("/proc", str(first["by"])).exists()
    assert not folder.exists()
    assert not Path(first["folder"]).exists()


def test_a_child_has_its_own_folder_and_none_of_our_secrets(served, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with served("pass"):
        found = [ask() for _ in range(2)]
    assert all(each["secret"] == "" and each["temporary"] == each["folder"] for each in found)
    assert found[0]["folder"] != found[1]["folder"]
    assert found[0]["threads"] == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), 11)", "is damaged"),
        ("os._exit(0)", "is damaged"),
        ("raise SystemExit(3)", "is damaged"),
        ("raise RuntimeError", "is damaged"),
        ("open('answer.json', 'w').write('nonsense'); os._exit(0)", "is damaged"),
        ("os.write(1, b'\"code 0\"\\n'); os.close(0); os._exit(1)", "is damaged"),  # it does not speak for the server
        ("sandbox_child._limit(1, 4096)\nwhile True: pass", "could not be read within"),
    ],
)
def test_a_child_that_breaks_harms_nothing_but_its_file(served, code, words):
    with served(code):
        before = ask()["by"]
        assert words in refusal()
        assert ask()["by"] == before


def test_an_endless_child_ends_in_time(served):
    with served("time.sleep(1000)"):
        before = ask()["by"]
        assert "could not be read within 1 seconds" in refusal(seconds=1)
        assert ask()["by"] == before


def test_what_a_child_started_ends_with_it(served, tmp_path):
    sign = tmp_path / "pid"
    code = f"import subprocess as s; open({str(sign)!r}, 'w').write(str(s.Popen(['sleep', '999']).pid)); os._exit(0)"
    with served(code):
        refusal()
        until(lambda: _state(int(sign.read_text())) in ("", "Z"), "the child's child lives on")


@pytest.mark.parametrize("code", ["os.kill(os.getppid(), 9); time.sleep(1000)", "pass"], ids=["killed", "idle"])
def test_without_the_server_files_have_processes_of_their_own(served, code):
    prepare = "sandbox_server.IDLE_SECONDS = 0.2" if code == "pass" else "pass"
    with served(code, prepare):
        server = ask()["by"]
        if code == "pass":
            until(lambda: _state(server) in ("", "Z"), "the idle process stays")
        assert ask(is_bad=True)["by"] == "a process of its own"
        assert ask()["by"] == "a process of its own"


def test_a_process_with_threads_does_not_fork(served):
    thread = "import threading; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"
    with served("pass", thread):
        assert ask()["by"] == "a process of its own"


def test_two_at_once_do_not_wait_for_each_other(served, tmp_path):
    with served("time.sleep(3)"):
        ask()
        server, found = current_server(), []
        order = {"function": "inspect", "request": {"is_bad": True}, "folder": str(tmp_path)}
        slow = threading.Thread(target=lambda: found.append(server.carry_out(order, HANG)))
        slow.start()
        until(lambda: server._turn.locked(), "it does not start")
        assert ask()["by"] == "a process of its own"
        slow.join()
        assert found == ["code 0"]


def test_memory_is_limited_as_well(tmp_path):
    with one_sandbox():
        inspect_file(DataSpec(path=str(write(tmp_path))))
        with pytest.raises(PsmatchError) as caught:
            inspect_file(DataSpec(path=str(write(tmp_path))), memory_mb=150)
    assert "memory" in readable(caught.value) or "damaged" in readable(caught.value)


def test_server_and_child_end_with_a_parent_that_is_killed(tmp_path):
    sign = tmp_path / "pids"
    program = f"""
from psmatch_core.data.readers import sandbox, shared_sandbox
shared_sandbox.SERVER = ("-c", '''
import os, time
from psmatch_core.data.readers import sandbox_server
def carry_out(order):
    open({str(sign)!r} + ".new", "w").write(str(os.getppid()) + " " + str(os.getpid()))
    os.rename({str(sign)!r} + ".new", {str(sign)!r})
    time.sleep(1000)
sandbox_server.carry_out = carry_out
sandbox_server.serve_orders()
''')
with sandbox.shared_sandbox():
    sandbox.run_sandboxed("inspect", {{}}, shown="a", seconds=1000, memory_mb=4096)
"""
    root = str(Path(sandbox.__file__).parents[3])
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONPATH": root})
    until(sign.exists, "the child does not start")
    parent.kill()
    parent.wait()
    for pid in map(int, sign.read_text().split()):
        until(lambda pid=pid: _state(pid) in ("", "Z"), "a process stays")


def _state(pid: int) -> str:
    """The state of a process, such as S for sleeping; empty if it is gone."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
