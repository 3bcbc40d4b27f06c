"""Real results of the command line: a run of two files, and three files matched together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspace.opening.command_line import match_three, match_two, write_cells


@pytest.fixture(scope="package")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data files."""
    return write_cells(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="package")
def two(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return match_two(cells, tmp_path_factory.mktemp("command line") / "my run")


@pytest.fixture(scope="package")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_cells(tmp_path_factory.mktemp("command line"))  # the same cells, beside the result
    return match_three(place, place / "my views")
