"""Devices: where networks train, on the processor or on a graphics card, and what torch sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from psmatch_core.base.errors import PsmatchError

CPU, AUTO, CUDA, MPS = "cpu", "auto", "cuda", "mps"
_ASKED: ContextVar[str] = ContextVar("device", default=CPU)


@contextmanager
def training_on(device: str) -> Iterator[None]:
    """Inside, networks train on this device; ``auto`` is a graphics card where there is one, else the processor."""
    outer = _ASKED.set(device)
    try:
        yield
    finally:
        _ASKED.reset(outer)


def asked_device() -> str:
    """The device that was asked for by :func:`training_on`."""
    return _ASKED.get()


def seen_devices() -> dict[str, str]:
    """The devices that torch sees on this machine, and what each is called; the processor comes first."""
    import torch  # heavy

    seen = {CPU: "processor"}
    if torch.cuda.is_available():  # also where a card of AMD is used
        seen[CUDA] = torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        seen[MPS] = "Apple GPU"
    return seen


def find_device(asked: str) -> str:
    """The device on which a network trains.

    Raises
    ------
    PsmatchError
        If it is not there.
    """
    seen = seen_devices()
    if asked == AUTO:
        return next((each for each in (CUDA, MPS) if each in seen), CPU)
    if asked not in seen:
        listed = ", ".join(f"{device} ({name})" for device, name in seen.items())
        raise PsmatchError(
            f"The device {asked} was asked for, but torch sees only {listed}.",
            hint="Set device to auto or cpu, or install torch and the driver for it; psmatch doctor lists devices.",
        )
    return asked


def device_notes(asked: str) -> tuple[str, ...]:
    """What the user must know about the device; nothing where the processor was asked for."""
    if asked == CPU:
        return ()
    used = find_device(asked)
    if used == CPU:
        return ("network: trained on the processor, since torch sees no graphics card here (device = auto).",)
    return (
        f"network: trained on {used} ({seen_devices()[used]}); its numbers differ slightly from those of a processor.",
    )
