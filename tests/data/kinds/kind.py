"""A kind of input: what must be said of its members, and how one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

Words = tuple[tuple[str, ...], ...]
REJECT, WARN, ACCEPT = "reject", "warn", "accept"
AGAIN = ("again", "re-export", "copy")


@dataclass(frozen=True)
class Member:
    """The files of one member, and the label column that a user would pick."""

    files: tuple[Path, ...]
    label_key: str = ""
    pair_key: str = ""
    target_label_key: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Parameters
    ----------
    name
        Its number in the list of kinds, and what it is.
    verdict
        ``reject``, ``warn`` or ``accept``.
    words
        Groups of words; the message holds one of each group.
    draw
        Writes a new member into a folder.
    """

    name: str
    verdict: str
    words: Words
    draw: Callable[[Random, Path], Member]


KINDS: list[Kind] = []
_Draw = Callable[[Random, Path], Member]


def kind(name: str, verdict: str, *words: tuple[str, ...]) -> Callable[[_Draw], _Draw]:
    """Add a function that draws members to the list of kinds."""

    def add(draw: _Draw) -> _Draw:
        KINDS.append(Kind(name, verdict, words, draw))
        return draw

    return add
