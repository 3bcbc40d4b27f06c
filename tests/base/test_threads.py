"""One thread: for BLAS, OpenMP and torch alike, and afterwards everything as it was."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from psmatch_core.base.threads import one_thread


def threads() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))  # the library is loaded
    pools = [each for each in threadpool_info() if each["user_api"] in ("blas", "openmp")]  # others read files
    return [torch.get_num_threads(), *(each["num_threads"] for each in pools)]


@pytest.fixture
def two_threads():
    """Two threads everywhere, on a machine of any size."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(limits=2):
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_inside_there_is_one_thread_and_outside_as_many_as_before():
    before = threads()
    assert set(before) == {2}
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before


@pytest.mark.usefixtures("two_threads")
def test_an_error_inside_gives_the_threads_back():
    before = threads()
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert threads() == before
