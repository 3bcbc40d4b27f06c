"""When work ends: by measured epochs where networks train, by the rate of its share else, and silent before that."""

import pytest

from psmatch_core.base.progress import Event
from psmatch_core.workspace.eta import estimate_time_left

STAGE = "propensity: RNA"


def epoch(at, member, number, *, members=3, most=60):
    values = {"member": member, "members": members, "epoch": number, "most_epochs": most, "training_loss": 1.0}
    return at, Event(STAGE, (member + number / most) / members, "", values)


def end(at, member, epochs, best, *, members=3, most=60):
    values = {"member": member, "members": members, "best_epoch": best, "epochs": epochs, "most_epochs": most}
    return at, Event(STAGE, (member + 1) / members, "", values)


def test_nothing_is_said_before_something_is_measured():
    assert estimate_time_left([], 0).seconds is None
    assert estimate_time_left([epoch(0, 0, 1), epoch(2, 0, 2)], 2).seconds is None
    assert estimate_time_left([(0, Event("match", 0.0)), (5, Event("match", 0.01))], 5).seconds is None


def test_before_a_network_has_ended_the_time_is_a_bound():
    found = estimate_time_left([epoch(2 * k, 0, k) for k in range(1, 11)], 20)
    assert found.is_bound
    assert found.seconds == pytest.approx(2 * (50 + 2 * 60))
    assert found.trainings[0].epoch == 10


def test_networks_to_come_are_taken_to_stop_where_the_finished_one_did():
    events = [epoch(k, 0, k) for k in range(1, 21)] + [end(20, 0, 20, 12)] + [epoch(20 + k, 1, k) for k in range(1, 6)]
    found = estimate_time_left(events, 25)
    assert not found.is_bound
    assert found.seconds == pytest.approx((20 - 5) + 20, rel=0.1)
    assert found.trainings[0].stopped == ((20, 12),)
    assert found.trainings[0].n_early == 1
    assert estimate_time_left(events, 35).seconds == pytest.approx(found.seconds - 10)  # it runs down between two words


def test_the_slower_modality_decides():
    events = [epoch(k, 0, k) for k in range(1, 9)]
    slow = [(at * 3, Event("propensity: B", 0.0, "", event.values)) for at, event in events]
    both = sorted([*events, *slow], key=lambda each: each[0])
    assert estimate_time_left(both, 24).seconds == pytest.approx(estimate_time_left(slow, 24).seconds)


def test_other_stages_go_by_the_rate_since_their_own_first_word():
    events = [*(epoch(k, 0, k) for k in range(1, 5)), (100, Event("match", 0.2)), (110, Event("match", 0.6))]
    assert estimate_time_left(events, 110).seconds == pytest.approx(10)
    ridge = [*(epoch(k, 0, k) for k in range(1, 5)), end(4, 0, 4, 4)]
    ridge += [(at, Event(STAGE, share, "", {"C": 1.0})) for at, share in ((5, 0.5), (15, 0.75))]
    assert estimate_time_left(ridge, 15).seconds == pytest.approx(10)
