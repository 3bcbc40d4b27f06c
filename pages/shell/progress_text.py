"""The progress of a job in words: what it is doing, how long the stage will take, and what comes later."""

from __future__ import annotations

import re

from pages.shell.run_stages import DOING, SAME_AS, STAGE_NAMES, TRAINING
from pages.shell.text import count, duration, plain
from psmatch_core.workspace.eta import TimeLeft, Training
from psmatch_core.workspace.run_folder import LastStage, RunStatus

STARTING = "starting the worker (loading libraries takes about 10 s)"
SINGLE_STAGES = ("ladder", "sweep")  # jobs with only one stage
LAST_STAGES = (*SINGLE_STAGES, "null")  # the last and longest stages of jobs other than runs


def stage_of(status: RunStatus) -> str:
    """The current stage, without the modality."""
    return status.stage.partition(":")[0]


def doing(status: RunStatus, n_ahead: int) -> str:
    """What a job is doing; empty if its message says more.

    Parameters
    ----------
    n_ahead
        Runs that must finish before this job may start.
    """
    if n_ahead:
        return f"waiting for {count(n_ahead, 'other run')} to finish"
    return DOING.get(stage_of(status), "") if status.stage else STARTING


def message(status: RunStatus, n_ahead: int) -> str:
    """The worker's message, without how its networks are nested."""
    if n_ahead:
        return "in the queue"
    epoch = re.search(r"(\d+)/(\d+).*?: epoch (\d+)", status.message)
    if epoch:
        return f"network {epoch[1]} of {epoch[2]}, epoch {epoch[3]}"
    return plain(status.message) or "working"


def time_left(status: RunStatus, left: TimeLeft) -> str:
    """When the current stage will end, from its measured speed; empty while it is not known."""
    stage = stage_of(status)
    if left.seconds is None:
        return ""
    at_most = "at most" if left.is_bound else "about"
    if stage in STAGE_NAMES:
        return f" · {STAGE_NAMES[stage]}: {at_most} {duration(left.seconds)} left"
    return f" · {at_most} {duration(left.seconds)} left" if stage in LAST_STAGES else ""


def not_estimated(status: RunStatus, stop_after: str) -> str:
    """The stages of a run that are not part of the time left."""
    order = [each for each in STAGE_NAMES if each not in SAME_AS]
    stage = SAME_AS.get(stage_of(status), stage_of(status))
    if stage not in order:
        return ""
    later = order[order.index(stage) + 1 :]
    names = [STAGE_NAMES[each] for each in later if stop_after == LastStage.MATCH or each in TRAINING]
    return f"Not started and not part of this estimate: {', '.join(names)}. " if names else ""


def while_doing(status: RunStatus) -> str:
    """The stage during which a job ended, such as `` while reading the files``."""
    what = DOING.get(stage_of(status), "")
    return f" while {what}" if what and stage_of(status) != "map" else ""


def training_state(training: Training) -> str:
    """Which network of a modality is training, and which stopped early."""
    name = plain(training.stage.partition(": ")[2] or training.stage)
    which = f"network {training.network} of {training.n_networks}, " if training.n_networks > 1 else ""
    text = f"{name}: {which}epoch {training.epoch} of at most {training.most_epochs}"
    if training.stopped:
        ends = ", ".join(f"{epochs} (best {best})" for epochs, best in training.stopped)
        early = f", {training.n_early} stopped early" if training.n_early else ""
        text += f"; {len(training.stopped)} done{early}, after epoch {ends}"
    return text
