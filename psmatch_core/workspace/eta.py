"""The time left in the current stage of a job, from its progress; stages that have not started are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psmatch_core.base.progress import Event

TimedEvent = tuple[float, Event]  # seconds since the epoch, and the progress
FEWEST_EPOCHS = 3  # the first epoch loads libraries, so one or two say little about the others
LEAST_DONE = 0.05  # share of a stage below which its rate says little


@dataclass(frozen=True)
class Training:
    """The progress of the networks of one stage.

    Parameters
    ----------
    stage
        Such as ``propensity: RNA``.
    network, n_networks
        The network that trains, counted from 1, and how many there are.
    epoch, most_epochs
        Its epoch, and the most epochs that it may train.
    stopped
        For each finished network: how many epochs it trained, and the best one.
    """

    stage: str
    network: int
    n_networks: int
    epoch: int
    most_epochs: int
    stopped: tuple[tuple[int, int], ...] = ()

    @property
    def n_early(self) -> int:
        """Networks that stopped before their last epoch."""
        return sum(epochs < self.most_epochs for epochs, _ in self.stopped)

    @property
    def epochs_left(self) -> float:
        """Epochs to come if the other networks stop where the finished ones did; the most they may have if none has."""
        typical = sum(epochs for epochs, _ in self.stopped) / len(self.stopped) if self.stopped else self.most_epochs
        is_finished = len(self.stopped) >= self.network
        return (0 if is_finished else max(typical - self.epoch, 0)) + (self.n_networks - self.network) * typical


@dataclass(frozen=True)
class TimeLeft:
    """When the current stage will end.

    Parameters
    ----------
    seconds
        Time left at the speed measured so far; None while too little is done to estimate it.
    is_bound
        Whether it may well end earlier: no network has finished yet, so it is unknown where they stop.
    trainings
        Networks that train or have finished, by stage.
    """

    seconds: float | None
    is_bound: bool = False
    trainings: tuple[Training, ...] = ()


def estimate_time_left(events: Sequence[TimedEvent], now: float) -> TimeLeft:
    """Estimate when the current stage of a job will end, from its progress so far.

    Parameters
    ----------
    events
        In the order in which they came.
    now
        Seconds since the epoch.

    Stages of both modalities that run side by side end with the slower one.
    """
    if not events:
        return TimeLeft(None)
    by_stage: dict[str, list[TimedEvent]] = {}
    for timed in events:
        by_stage.setdefault(timed[1].stage, []).append(timed)
    kind = events[-1][1].stage.partition(":")[0]
    current = [each for stage, each in by_stage.items() if stage.partition(":")[0] == kind and not _is_done(each)]
    trainings = {stage: found for stage, each in by_stage.items() if (found := _training(each)) is not None}
    left: list[float] = []
    is_bound = False
    for each in current:
        training = trainings.get(each[0][1].stage)
        is_network = training is not None and _is_of_network(_last_values(each))
        seconds = _by_epochs(each, training, now) if training is not None and is_network else _by_share(each, now)
        if seconds is None:
            return TimeLeft(None, trainings=tuple(trainings.values()))
        left.append(seconds)
        is_bound = is_bound or (is_network and training is not None and not training.stopped)
    return TimeLeft(max(left) if left else None, is_bound, tuple(trainings.values()))


def _is_done(events: list[TimedEvent]) -> bool:
    return events[-1][1].fraction >= 1


def _is_of_network(values: Mapping[str, float]) -> bool:
    return "epoch" in values or "best_epoch" in values


def _last_values(events: list[TimedEvent]) -> dict[str, float]:
    """The last values in the progress: of an epoch, or of another method in the same stage."""
    return dict(next((event.values for _, event in reversed(events) if event.values), {}))


def _training(events: list[TimedEvent]) -> Training | None:
    epochs = [event for _, event in events if {"epoch", "most_epochs"} <= event.values.keys()]
    if not epochs:
        return None
    last = epochs[-1].values
    ends = [event.values for _, event in events if "best_epoch" in event.values]
    return Training(
        stage=epochs[-1].stage,
        network=int(last.get("member", 0)) + 1,
        n_networks=int(last.get("members", 1)),
        epoch=int(last["epoch"]),
        most_epochs=int(last["most_epochs"]),
        stopped=tuple((int(each["epochs"]), int(each["best_epoch"])) for each in ends),
    )


def _by_epochs(events: list[TimedEvent], training: Training, now: float) -> float | None:
    """Seconds for the remaining epochs, at the mean speed so far."""
    times = [time for time, event in events if "epoch" in event.values]
    if len(times) < FEWEST_EPOCHS:
        return None
    each = (times[-1] - times[0]) / (len(times) - 1)
    return max(0.0, each * training.epochs_left - (now - times[-1]))


def _by_share(events: list[TimedEvent], now: float) -> float | None:
    """Seconds for the rest of a stage, at the rate since its first event, or the first one after its networks."""
    start = max((place for place, (_, event) in enumerate(events) if _is_of_network(event.values)), default=-1) + 1
    events = events[start:]
    (began, first), (_, last) = events[0], events[-1]
    done = last.fraction - first.fraction
    if done < LEAST_DONE:
        return None
    spent = max(events[-1][0] - began, 1e-3)
    return max(0.0, spent * (1 - last.fraction) / done - (now - events[-1][0]))
