"""How often a run says what it does: ``python -m benchmarks.silence RUN_FOLDER``.

Reads the progress that a finished run kept, and prints every stage with its first second, its events, the share with
which it ended, and the longest time in which nothing was told while it was the last stage that spoke. Wall time: on a
busy machine it is longer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psmatch_core.workspace.eta import TimedEvent
from psmatch_core.workspace.run_folder import RunFolder


@dataclass
class Stage:
    """One stage: when it began [s], its events, its last share, its longest silence [s] and what went before that."""

    began: float
    n_events: int = 0
    share: float = 0.0
    silence: float = 0.0
    before: str = ""


def stages_of(events: Sequence[TimedEvent]) -> dict[str, Stage]:
    """The stages of a run in the order in which they began."""
    found: dict[str, Stage] = {}
    for at, (time, event) in enumerate(events):
        stage = found.setdefault(event.stage, Stage(time - events[0][0]))
        stage.n_events += 1
        stage.share = event.fraction
        silence = events[at + 1][0] - time if at + 1 < len(events) else 0.0
        if silence > stage.silence:
            stage.silence, stage.before = silence, f"{event.fraction:.0%} {event.message}".strip()
    return found


def main() -> None:
    """Print the stages of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    stages = stages_of(RunFolder(parser.parse_args().run).timed_events())
    print(f"{'stage':<32}{'began s':>9}{'events':>8}{'share':>7}{'silent s':>9}  after")
    for name, each in stages.items():
        line = f"{name:<32}{each.began:>9.1f}{each.n_events:>8}{each.share:>7.0%}{each.silence:>9.1f}  {each.before}"
        print(line[:160])


if __name__ == "__main__":
    main()
