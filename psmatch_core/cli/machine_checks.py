"""Whether this machine can run psmatch: each check says what was found, and what to do where that is not good.

Nothing heavy is imported at the top: a machine on which a library is missing is told so too.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.version import VERSION

OLDEST_PYTHON = (3, 11)
SMALL_MEMORY, SMALL_DISK = 2 * 10**9, 10**9  # bytes; a small run takes about 1 GB of memory (docs/performance.md)
INSTALL = "Install psmatch again as its README says, in an environment of its own."


class Health(StrEnum):
    """Whether something is as it should be: good; a warning, with which psmatch still works; or bad."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class MachineCheck:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What was looked at.
    found
        What was found.
    health
        Whether that is as it should be.
    advice
        What to do; empty where it is good.
    """

    name: str
    found: str
    health: Health = Health.GOOD
    advice: str = ""


def check_machine() -> list[MachineCheck]:
    """All checks, in the order in which a reader needs them."""
    checks = [MachineCheck("psmatch", VERSION), _python(), *_libraries()]
    for check in (_cores, _memory, _engine, _devices):
        try:
            checks.append(check())
        except PsmatchError as error:
            checks.append(MachineCheck(check.__name__[1:], error.problem, Health.BAD, error.hint))
        except ImportError as error:
            checks.append(MachineCheck(check.__name__[1:], f"not checked: {error}", Health.BAD, INSTALL))
    return [*checks, *_folders(), _browser()]


def library_ranges() -> dict[str, str]:
    """The libraries that psmatch needs and the versions that it works with: those of its metadata or its checkout."""
    try:
        lines = metadata.requires("psmatch") or []
    except metadata.PackageNotFoundError:
        import tomllib

        file = Path(__file__).parents[2] / "pyproject.toml"
        lines = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"] if file.is_file() else []
    found = {"packaging": ""}  # other libraries need it; here it reads the ranges
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        if name is not None and "extra ==" not in line:
            found[name[0]] = line[name.end() :].partition(";")[0].strip()
    return found


def _python() -> MachineCheck:
    found = f"{platform.python_version()} on {platform.platform(terse=True)}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return MachineCheck("Python", found, Health.BAD, "Make an environment with Python 3.11 or later.")
    return MachineCheck("Python", found)


def _libraries() -> Iterator[MachineCheck]:
    good = []
    for name, versions in library_ranges().items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield MachineCheck(name, "not installed", Health.BAD, f"python -m pip install '{name}{versions}'")
            continue
        if is_within(version, versions):
            good.append(f"{name} {version}")
        else:
            advice = f"Tested with {versions}: python -m pip install '{name}{versions}'"
            yield MachineCheck(name, version, Health.WARNING, advice)
    if good:
        yield MachineCheck("libraries", ", ".join(good))


def is_within(version: str, versions: str) -> bool:
    """Whether a version is within a range such as ``>=2.4,<3``; a range that cannot be read holds every version."""
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
    except ImportError:  # it is among the libraries that are looked for
        return True
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _cores() -> MachineCheck:
    from psmatch_core.base.cores import CORES_VARIABLE, core_count

    count = core_count()
    return MachineCheck("cores", f"{count} (set by {CORES_VARIABLE})" if os.environ.get(CORES_VARIABLE) else str(count))


def _memory() -> MachineCheck:
    from psmatch_core.pipeline.needs import BUDGET_VARIABLE, memory_budget

    budget = memory_budget()
    if budget is None:
        return MachineCheck(
            "memory", "unknown on this system", Health.WARNING,
            f"Set {BUDGET_VARIABLE}, such as 16 GB, so that a run that is too large is refused at its start.",
        )  # fmt: skip
    found = f"{_gigabytes(budget)} for a run"
    if budget < SMALL_MEMORY:
        advice = "A run needs 1 GB or more: use few cells and features, or another machine."
        return MachineCheck("memory", found, Health.WARNING, advice)
    return MachineCheck("memory", found)


def _engine() -> MachineCheck:
    from psmatch_core.transport import is_compiled

    if is_compiled():
        return MachineCheck("engine", "compiled")
    advice = "The first match compiles it, about a minute. To do so now: psmatch warm"
    return MachineCheck("engine", "not compiled yet", Health.WARNING, advice)


def _devices() -> MachineCheck:
    from psmatch_core.classification.networks.devices import seen_devices

    return MachineCheck("devices", ", ".join(f"{device} ({name})" for device, name in seen_devices().items()))


def _folders() -> Iterator[MachineCheck]:
    """The folders that are written to; the compiled engine lies with the program unless ``NUMBA_CACHE_DIR`` is set."""
    kernels = Path(__file__).parents[1] / "transport" / "kernels"
    places: dict[str, tuple[Callable[[], Path], Health, str]] = {
        "this folder": (Path.cwd, Health.BAD, "Change to a folder of yours: runs are written here."),
        "app's folder": (_workspace, Health.BAD, "Set PSMATCH_WORKSPACE to a folder that you can write to."),
        "temporary": (lambda: Path(tempfile.gettempdir()), Health.BAD, "Set TMPDIR to a folder that you can write to."),
        "engine cache": (
            lambda: Path(os.environ.get("NUMBA_CACHE_DIR") or kernels),
            Health.WARNING,
            "Set NUMBA_CACHE_DIR to a folder of yours; otherwise each session may compile the engine again.",
        ),
    }  # fmt: skip
    for name, (place_of, health, advice) in places.items():
        try:
            place = place_of()
        except OSError as error:  # no temporary folder at all, or this folder was removed
            yield MachineCheck(name, error.strerror or str(error), health, advice)
            continue
        except ImportError as error:
            yield MachineCheck(name, f"not checked: {error}", Health.BAD, INSTALL)
            continue
        yield _folder(name, place, MachineCheck(name, f"{place} cannot be written to", health, advice))


def _workspace() -> Path:
    from psmatch_core.workspace.new_folder import workspace_folder

    return workspace_folder()


def _folder(name: str, place: Path, unwritable: MachineCheck) -> MachineCheck:
    there = next(each for each in (place, *place.absolute().parents) if os.path.lexists(each))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return unwritable
    free = shutil.disk_usage(there).free
    found = f"{place}, {_gigabytes(free)} free"
    if free < SMALL_DISK:
        return MachineCheck(name, found, Health.WARNING, "Free space on this disk: a run that does not fit stops.")
    return MachineCheck(name, found)


def _browser() -> MachineCheck:
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        advice = (
            "Open the address that `psmatch app --no-open` prints in a browser of another machine (docs/server.md)."
        )
        return MachineCheck("browser", "none on this machine", Health.WARNING, advice)
    return MachineCheck("browser", getattr(found, "name", "") or "the system's own")


def _gigabytes(count: float) -> str:
    return f"{count / 10**9:.1f} GB"
