"""Transport between shared features: by name, and refused where the space is not shared."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SharedSpaceMatcher, SinkhornMatcher
from tests.matching.matchers.test_matchers import problem

NAMES = np.array(["CD3", "CD4", "CD8", "CD19", "CD14", "CD56"])


def named(source, target, **changes):
    return replace(problem(noise=0.3), x_names=np.array(source), y_names=np.array(target), **changes)


def plan(matcher, given):
    return matcher.couple(given, progress=silent)[0].to_array()


def test_it_is_entropic_transport_on_the_features():
    given = problem(noise=0.3)
    scores = replace(given, x=given.x_features, y=given.y_features)
    assert np.allclose(plan(SharedSpaceMatcher(), given), plan(SinkhornMatcher(align=False), scores))


def test_features_in_another_order_are_matched_by_name():
    given = named(NAMES, NAMES)
    order = np.array([3, 0, 5, 1, 4, 2])
    mixed = replace(given, y_names=NAMES[order], y_features=given.y_features[:, order])
    assert np.allclose(plan(SharedSpaceMatcher(), given), plan(SharedSpaceMatcher(), mixed))


def test_other_features_are_refused_and_named():
    with pytest.raises(PsmatchError, match=r"6 and 6 features, of which 2 are in one only \(CD56, CD99\)") as caught:
        plan(SharedSpaceMatcher(), named(NAMES, [*NAMES[:5], "CD99"]))
    assert "n_top_genes = 0" in caught.value.hint


def test_another_number_of_features_is_refused_where_no_names_are_known():
    given = problem()
    with pytest.raises(PsmatchError, match="share no feature space: 6 source and 4 target features"):
        plan(SharedSpaceMatcher(), replace(given, y_features=given.y_features[:, :4]))


def test_principal_components_of_each_side_are_refused():
    components = [f"PC{i + 1}" for i in range(6)]
    with pytest.raises(PsmatchError, match="equal names, different axes") as caught:
        plan(SharedSpaceMatcher(), named(components, components))
    assert "n_components = 0" in caught.value.hint


def test_match_refuses_before_work(models):
    with pytest.raises(PsmatchError, match=r"share no feature space: 8 and 5 features, of which 3 are in one only"):
        match(*models, SharedSpaceMatcher())
