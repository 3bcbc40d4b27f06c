"""The progress of a job in words: only measured speeds become estimates, and what is not estimated is named."""

from __future__ import annotations

import pytest

from pages.shell import progress_text
from psmatch_core.workspace.eta import TimeLeft, Training
from psmatch_core.workspace.run_folder import LastStage, RunStatus

TRAINING = RunStatus(stage="propensity: RNA", message="network 2/5: epoch 31")


@pytest.mark.parametrize(
    ("stage", "left", "text"),
    [
        ("propensity: RNA", TimeLeft(20.0), " · training: about 20 s left"),
        ("propensity: RNA", TimeLeft(20.0, is_bound=True), " · training: at most 20 s left"),
        ("sweep", TimeLeft(600.0), " · about 10 min left"),
        ("halves: RNA, cells", TimeLeft(20.0), " · measuring agreement: about 20 s left"),
        ("null", TimeLeft(600.0), " · about 10 min left"),
        ("propensity: RNA", TimeLeft(None), ""),
    ],
)
def test_the_time_left_is_that_of_a_measured_stage(stage: str, left: TimeLeft, text: str) -> None:
    assert progress_text.time_left(RunStatus(stage=stage), left) == text


def test_later_stages_are_named_and_not_estimated() -> None:
    later = progress_text.not_estimated(TRAINING, LastStage.MATCH)
    assert later == (
        "Not started and not part of this estimate: matching, measuring agreement, hidden labels, training the "
        "translator, evaluation, judging held-out pairs, export. "
    )
    assert progress_text.not_estimated(RunStatus(stage="latents: RNA"), LastStage.MATCH) == later
    assert progress_text.not_estimated(TRAINING, LastStage.PROPENSITY) == ""
    assert progress_text.not_estimated(RunStatus(stage="read"), LastStage.PROPENSITY).endswith(
        "estimate: preprocessing, training. "
    )


def test_a_waiting_job_says_how_many_come_first() -> None:
    assert progress_text.doing(RunStatus(), 0) == progress_text.STARTING
    assert progress_text.doing(RunStatus(), 2) == "waiting for 2 other runs to finish"
    assert progress_text.message(RunStatus(), 2) == "in the queue"


def test_networks_are_named_without_their_nesting() -> None:
    assert progress_text.message(TRAINING, 0) == "network 2 of 5, epoch 31"
    state = Training("propensity: RNA", 2, 5, epoch=31, most_epochs=200, stopped=((80, 60),))
    assert progress_text.training_state(state) == (
        "RNA: network 2 of 5, epoch 31 of at most 200; 1 done, 1 stopped early, after epoch 80 (best 60)"
    )


def test_a_run_ends_while_doing_something() -> None:
    assert progress_text.while_doing(TRAINING) == " while training the propensity models"
    assert progress_text.while_doing(RunStatus(stage="map")) == ""
    assert progress_text.while_doing(RunStatus()) == ""
