"""Progress moves on a terminal, with rate and time left, and is plain lines everywhere else."""

from io import StringIO

from psmatch_core.base.progress import Event
from psmatch_core.cli.terminal_progress import DRAW_SECONDS, TerminalProgress


class Screen(StringIO):
    """A stream that is a terminal or a pipe."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def shown(events, *, is_terminal):
    """What is written of events at given times [s]."""
    screen, times = Screen(is_terminal), iter([time for time, _ in events])
    progress = TerminalProgress(screen, lambda: next(times))
    for _, event in events:
        progress(event)
    return screen.getvalue()


MATCHING = [
    (0.0, Event("match", 0.0, "label A")),
    (2.0, Event("match", 0.25, "label B")),
    (4.0, Event("match", 0.5, "label C")),
    (8.0, Event("match", 1.0, "label D")),
]
TRAINING = [(float(at), Event("propensity: RNA", at / 20, f"epoch {at}", {"epoch": at})) for at in range(1, 9)]


def test_a_pipe_gets_plain_lines_with_what_each_stage_took():
    assert shown(MATCHING, is_terminal=False).splitlines() == ["· match", "  match: done in 8 s"]


def test_a_pipe_never_gets_a_character_that_moves():
    text = shown(MATCHING + [(9.0 + time, event) for time, event in TRAINING], is_terminal=False)
    assert "\r" not in text
    assert "\033" not in text


def test_a_terminal_says_how_much_is_done_and_left():
    text = shown(MATCHING, is_terminal=True)
    assert "match  25% label B · 2 s, about 6 s left" in text
    assert "match  50% label C · 4 s, about 4 s left" in text
    assert text.endswith("  match: done in 8 s\n")


def test_networks_have_a_rate_once_libraries_are_loaded():
    text = shown(TRAINING, is_terminal=True)
    assert "epochs/s" not in text.partition("epoch 2")[2].partition("epoch 3")[0]
    assert "epoch 8 · 7 s, 1 epochs/s, about" in text


def test_stages_side_by_side_end_once_each():
    events = [(float(at), Event(f"propensity: {name}", share)) for at, (name, share) in enumerate(
        [("RNA", 0.0), ("ADT", 0.0), ("RNA", 1.0), ("RNA", 1.0), ("ADT", 1.0)]
    )]  # fmt: skip
    text = shown(events, is_terminal=False)
    assert text.count("propensity: RNA: done in 2 s") == 1
    assert text.count("propensity: ADT: done in 3 s") == 1


def test_a_terminal_is_not_drawn_more_often_than_it_is_looked_at():
    step = DRAW_SECONDS / 10
    events = [(at * step, Event("match", at / 200)) for at in range(100)]
    assert shown(events, is_terminal=True).count("%") <= 11
