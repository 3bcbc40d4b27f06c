"""Exit codes: one for each way to end, the same in the code, in the help and in the guide."""

import re
import signal
from pathlib import Path

import pytest

from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.cli import warm
from psmatch_core.cli.command import Command
from psmatch_core.cli.exit_codes import ExitCode, UnfinishedJobError
from psmatch_core.cli.main import main
from psmatch_core.workspace.run_folder import CANCELLED, FAILED, LOST, RunStatus
from psmatch_core.workspace.run_status import UNEXPECTED

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")


def ending(monkeypatch, error):
    """The exit code of a command that ends with an error."""

    def do(options):
        raise error

    monkeypatch.setattr("psmatch_core.cli.main.COMMANDS", (Command("warm", "compile", warm.COMMAND.add_arguments, do),))
    return main(["warm"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PsmatchError("No cells.", hint="Add some."), ExitCode.REFUSED),
        (KeyError("x"), ExitCode.UNEXPECTED),
        (MemoryError(), ExitCode.UNEXPECTED),
        (KeyboardInterrupt(), ExitCode.STOPPED),
        (Cancelled(), ExitCode.STOPPED),
        (UnfinishedJobError(RunStatus(FAILED, problem="No cells.")), ExitCode.REFUSED),
        (UnfinishedJobError(RunStatus(LOST, problem="The process stopped.")), ExitCode.REFUSED),
        (UnfinishedJobError(RunStatus(FAILED, problem=f"{UNEXPECTED} (KeyError).")), ExitCode.UNEXPECTED),
        (UnfinishedJobError(RunStatus(CANCELLED, problem="It was cancelled.")), ExitCode.STOPPED),
    ],
    ids=lambda each: str(getattr(each, "name", None) or type(each).__name__),
)
def test_each_way_to_end_has_its_code(monkeypatch, error, code, capsys):
    assert ending(monkeypatch, error) == code
    assert capsys.readouterr().err.splitlines()[-1].lstrip().startswith(("→", "✗"))


def test_a_fault_of_the_program_shows_where_it_happened(monkeypatch, capsys):
    ending(monkeypatch, KeyError("x"))
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert f"✗ {UNEXPECTED} (KeyError)." in err


def test_a_wrong_command_line_is_usage():
    for arguments in ([], ["mach"], ["doctor", "--jsn"], ["match", "rna.h5ad"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == ExitCode.USAGE


def test_what_is_done_is_zero_and_what_was_stopped_as_shells_count():
    assert ExitCode.DONE == 0
    assert ExitCode.STOPPED == 128 + signal.SIGINT


def test_the_guide_and_the_help_list_every_code_with_its_meaning(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    listed = dict(re.findall(r"^\| `(\d+)` \| (.*?) \|$", GUIDE, flags=re.M))
    assert {int(code): text for code, text in listed.items()} == {code.value: code.meaning for code in ExitCode}
    for code in ExitCode:
        assert re.search(rf"^  {code.value} +{re.escape(code.meaning)}$", shown, flags=re.M)
