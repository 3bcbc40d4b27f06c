"""Progress by callback; silence is a null object, so that no verb asks whether anyone listens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """One report of a verb at work.

    Parameters
    ----------
    stage
        What is being done, such as ``propensity: RNA``.
    fraction
        How much of the stage is done, 0 to 1.
    message
        One line for a person.
    values
        Numbers a page may plot, such as ``{"epoch": 3, "validation_loss": 1.2}`` (nats per cell).
    """

    stage: str
    fraction: float
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


class Progress(Protocol):
    """Anything that takes events; it may raise :class:`~psmatch_core.base.errors.Cancelled`."""

    def __call__(self, event: Event, /) -> None: ...


def silent(event: Event, /) -> None:
    """The progress of a verb that nobody watches."""
