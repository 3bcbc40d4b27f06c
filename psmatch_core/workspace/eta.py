"""How fast work goes and when it ends, from its events: measured steps, never a guess at what has not begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psmatch_core.base.progress import Event

TimedEvent = tuple[float, Event]  # seconds since the epoch, and what was said
FEWEST_EPOCHS = 3  # before that the first epoch, which loads libraries, would speak for all
LEAST_DONE = 0.05  # share of a stage from which on its rate says something


@dataclass(frozen=True)
class Training:
    """Where the networks of one stage stand.

    Parameters
    ----------
    stage
        Such as ``propensity: RNA``.
    network, n_networks
        Which of how many trains, from 1.
    epoch, most_epochs
        Its epoch, and how many it may have.
    stopped
        Of each network that is finished: how many epochs it had, and which was the best.
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
        """Epochs to come, if the other networks stop where the finished ones did; all they may have where none has."""
        typical = sum(epochs for epochs, _ in self.stopped) / len(self.stopped) if self.stopped else self.most_epochs
        is_finished = len(self.stopped) >= self.network
        return (0 if is_finished else max(typical - self.epoch, 0)) + (self.n_networks - self.network) * typical


@dataclass(frozen=True)
class Pace:
    """When the stage at work ends.

    Parameters
    ----------
    seconds
        Until then, from its own measured speed; None while too little of it is done to say.
    is_bound
        Whether it may well end earlier: no network has finished yet that shows where they stop.
    trainings
        Networks at work or finished, by stage.
    """

    seconds: float | None
    is_bound: bool = False
    trainings: tuple[Training, ...] = ()


def pace(events: Sequence[TimedEvent], now: float) -> Pace:
    """The pace of work from all it has said so far.

    Parameters
    ----------
    events
        In the order in which they came.
    now
        Seconds since the epoch.

    Stages that go on side by side, the two modalities, end with the slower of them.
    """
    if not events:
        return Pace(None)
    by_stage: dict[str, list[TimedEvent]] = {}
    for timed in events:
        by_stage.setdefault(timed[1].stage, []).append(timed)
    kind = events[-1][1].stage.partition(":")[0]
    at_work = [each for stage, each in by_stage.items() if stage.partition(":")[0] == kind and not _is_done(each)]
    trainings = {stage: found for stage, each in by_stage.items() if (found := _training(each)) is not None}
    left: list[float] = []
    is_bound = False
    for each in at_work:
        stage = each[0][1].stage
        mine = trainings.get(stage)
        is_network = mine is not None and _is_of_network(_last_number(each))
        seconds = _by_epochs(each, mine, now) if mine is not None and is_network else _by_share(each, now)
        if seconds is None:
            return Pace(None, trainings=tuple(trainings.values()))
        left.append(seconds)
        is_bound = is_bound or (is_network and mine is not None and not mine.stopped)
    return Pace(max(left) if left else None, is_bound, tuple(trainings.values()))


def _is_done(events: list[TimedEvent]) -> bool:
    return events[-1][1].fraction >= 1


def _is_of_network(values: Mapping[str, float]) -> bool:
    return "epoch" in values or "best_epoch" in values


def _last_number(events: list[TimedEvent]) -> dict[str, float]:
    """The last values that were told: an epoch's, or those of another method of the same stage."""
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
    """Seconds for the epochs that are left, at the mean speed so far."""
    times = [time for time, event in events if "epoch" in event.values]
    if len(times) < FEWEST_EPOCHS:
        return None
    each = (times[-1] - times[0]) / (len(times) - 1)
    return max(0.0, each * training.epochs_left - (now - times[-1]))


def _by_share(events: list[TimedEvent], now: float) -> float | None:
    """Seconds for the rest of a stage, at the rate since its first word (or its method's, after networks)."""
    after = max((at for at, (_, event) in enumerate(events) if _is_of_network(event.values)), default=-1) + 1
    events = events[after:]
    (began, first), (_, last) = events[0], events[-1]
    done = last.fraction - first.fraction
    if done < LEAST_DONE:
        return None
    spent = max(events[-1][0] - began, 1e-3)
    return max(0.0, spent * (1 - last.fraction) / done - (now - events[-1][0]))
