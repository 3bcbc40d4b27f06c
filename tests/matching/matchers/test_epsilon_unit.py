"""The unit of epsilon: a multiple of the mean cost, or units of cost."""

from dataclasses import fields

import numpy as np
import pytest

from psmatch_core.matching.matchers import Matcher
from tests.matching.matchers.test_matchers import couple, problem

KINDS = [kind for kind in Matcher.kinds().values() if "epsilon_unit" in {each.name for each in fields(kind)}]


@pytest.mark.parametrize("kind", KINDS)
def test_an_absolute_epsilon_is_the_relative_one_times_the_mean_cost(kind):
    given = problem(noise=0.3)
    relative, status = couple(kind(epsilon=0.1, epsilon_unit="mean cost"), given)
    absolute, other = couple(kind(epsilon=status.epsilon, epsilon_unit="absolute"), given)
    assert status.epsilon != pytest.approx(0.1, rel=0.05)  # else the two units could not be told apart
    assert other.epsilon == pytest.approx(status.epsilon)
    assert np.allclose(absolute.to_array(), relative.to_array(), atol=1e-6)
