"""The benchmark of peers: what does not install here has a row that says why."""

import sys

import numpy as np
import pytest

from benchmarks.paper.peers import Row, Unavailable, installed, run_peer, scot_row, table


def test_a_peer_without_an_environment_says_so():
    with pytest.raises(Unavailable, match="no environment was given"):
        installed("", "scglue")


def test_a_peer_that_does_not_import_gives_its_own_reason():
    with pytest.raises(Unavailable, match="does not install here: ModuleNotFoundError: No module named 'no_such_peer'"):
        installed(sys.executable, "no_such_peer")
    assert installed(sys.executable, "numpy") == np.__version__


def test_a_peer_that_fails_gives_its_last_line(tmp_path):
    with pytest.raises(Unavailable, match=r"installs, but fails: .*"):
        run_peer("scot", tmp_path, sys.executable, {})


def test_scot_needs_a_checkout_since_it_has_no_package(tmp_path):
    with pytest.raises(Unavailable, match="SCOT has no package on PyPI"):
        scot_row(tmp_path, (None, None), (), 0, sys.executable, "", 0.0)


def test_the_table_keeps_a_row_without_figures():
    figures = {"trace_fold": 1.0, "foscttm": 0.5, "rank": 0.5}
    text = table([Row("uniform", 0, 1.0, figures), Row("scGLUE + OT", 0, 0.0, {}, "does not install here: why")])
    assert "| uniform | 1.000 (1.000–1.000) |" in text
    assert "| scGLUE + OT | – | – | – | – | does not install here: why |" in text
