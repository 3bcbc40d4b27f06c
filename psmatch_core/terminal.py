"""Progress as a terminal shows it."""

from __future__ import annotations

import sys

from psmatch_core.progress import Event


class Printer:
    """Progress on a terminal: one line a stage, and the latest message where that is a terminal."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.live = sys.stderr.isatty()

    def __call__(self, event: Event, /) -> None:
        if event.stage not in self.seen:
            self.seen.add(event.stage)
            print(("\r\033[K" if self.live else "") + f"· {event.stage}", file=sys.stderr, flush=True)
        elif self.live:
            print(f"\r\033[K  {event.stage} {event.fraction:4.0%} {event.message}", end="", file=sys.stderr, flush=True)
