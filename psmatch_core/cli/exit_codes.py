"""The exit codes of the command line, each with its meaning; docs/guide.md lists the same."""

from __future__ import annotations

from enum import IntEnum

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.run_status import CANCELLED, UNEXPECTED, RunStatus


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNEXPECTED = 3
    STOPPED = 130  # as shells count: 128 and the number of the signal of Ctrl-C

    @property
    def meaning(self) -> str:
        """What it tells a script, in a few words."""
        return {
            ExitCode.DONE: "done",
            ExitCode.REFUSED: "refused by the data, a setting or the machine; the message says what to do",
            ExitCode.USAGE: "the command line is wrong",
            ExitCode.UNEXPECTED: "an unexpected error of the program; please report it",
            ExitCode.STOPPED: "stopped by Ctrl-C or a signal; `psmatch resume` goes on",
        }[self]


class UnfinishedJobError(PsmatchError):
    """A job that did not get done, with the exit code that says how.

    Parameters
    ----------
    status
        Of the job when it ended.
    resume
        The command that goes on with it, for one that was stopped.
    """

    def __init__(self, status: RunStatus, *, resume: str = "") -> None:
        is_stopped = status.state == CANCELLED
        hint = f"{status.hint} To go on with it: {resume}" if is_stopped and resume else status.hint
        super().__init__(status.problem, hint=hint)
        is_fault = status.problem.startswith(UNEXPECTED)
        self.exit_code = ExitCode.STOPPED if is_stopped else ExitCode.UNEXPECTED if is_fault else ExitCode.REFUSED
