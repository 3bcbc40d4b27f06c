"""What commands share: settings from the command line into a recipe, and progress on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.pipeline.recipe import Recipe


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with every NAME=VALUE set."""
    for each in settings:
        recipe = recipe.with_setting(*setting(each))
    return recipe


def setting(text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals:
        raise PsmatchError(f"--set {text!r} is not NAME=VALUE.", hint="Write it as --set matcher.epsilon=0.02.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def absolute(recipe: Recipe) -> Recipe:
    """The same recipe, its files found from any folder."""
    found = {
        side: replace(spec, path=str(Path(spec.path).resolve()))
        for side in ("source", "target")
        if (spec := getattr(recipe, side)) is not None and not spec.path.startswith("demo:")
    }
    return replace(recipe, **found)


def watcher(*, quiet: bool) -> Progress:
    """Progress on this terminal, or none."""
    return silent if quiet else Printer()


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
