"""Methods that cannot match these data are not offered, and the reason is the one that a run would give."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.matching.matchers import Matcher, SharedSpaceMatcher, SinkhornMatcher
from psmatch_core.matching.offered import methods_that_cannot_work
from tests.conftest import make_modality

RNA, ADT = make_modality("RNA", n=60, seed=1), make_modality("ADT", n=60, seed=2)


def test_shared_features_are_offered_only_where_there_are_any():
    other = replace(ADT, var_names=np.array([f"protein {name}" for name in ADT.var_names]))
    assert SharedSpaceMatcher in methods_that_cannot_work(RNA, other)
    assert SharedSpaceMatcher not in methods_that_cannot_work(RNA, replace(ADT, X=RNA.X, var_names=RNA.var_names))


def test_the_reason_is_that_of_the_run():
    other = replace(ADT, var_names=np.array([f"protein {name}" for name in ADT.var_names]))
    with pytest.raises(PsmatchError) as refused:
        SharedSpaceMatcher().check(RNA, other)
    assert methods_that_cannot_work(RNA, other)[SharedSpaceMatcher] == refused.value.problem


def test_the_default_is_always_offered():
    refused = methods_that_cannot_work(RNA, ADT)
    assert SinkhornMatcher not in refused
    assert set(refused) < set(Matcher.menu())
