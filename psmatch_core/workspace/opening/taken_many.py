"""The folder of ``psmatch match-many`` taken as a matching of several modalities, as the app would have made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import from_plain
from psmatch_core.data.modality_names import SEVERAL_FILE, check_modality_names
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe
from psmatch_core.pipeline.several_figures import SeveralFigures
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.manifest import write_manifest
from psmatch_core.workspace.opening.named_data import MayRead, NamedData
from psmatch_core.workspace.opening.taken_files import MOST_RESULT_FILES, damaged_error, read_list, take_file
from psmatch_core.workspace.opening.taken_job import TakenResult, check_several
from psmatch_core.workspace.run_folder import DONE, RunFolder, RunStatus

NEEDED = ("figures", "written", "recipe", "files", "preprocessing", "modalities")


def take_many(origin: Path, place: Path, final: Path, may_read: MayRead) -> TakenResult:
    """Copy the files of ``match-many``, and write beside them what pages read.

    Parameters
    ----------
    place
        A new folder that is filled.
    final
        The name that it gets.

    Raises
    ------
    PsmatchError
        If a file is missing or not as it was written, or an earlier version made the folder.
    """
    about = read_list(origin / SEVERAL_FILE)
    missing = [name for name in NEEDED if name not in about]
    if missing:
        raise PsmatchError(
            f"{SEVERAL_FILE} lacks {', '.join(missing)}: an earlier version of psmatch made this result.",
            hint="Match the files again with this version; its settings are in the same file.",
            code="PM-R13",
        )
    written = about["written"]
    if not isinstance(written, Mapping) or not all(isinstance(each, Mapping) for each in written.values()):
        raise damaged_error(SEVERAL_FILE, "cannot be read")
    if len(written) > MOST_RESULT_FILES or any("/" in name for name in written):
        raise damaged_error(SEVERAL_FILE, "names files that are not in its folder")
    specs = _specs_in(about, origin, may_read, final)
    check_modality_names(specs)
    if len(specs) < 2:
        raise damaged_error(SEVERAL_FILE, "names no files")
    source, target, *_ = specs.values()
    first, second, *_ = (Preprocessing.from_dict(about["preprocessing"][name]) for name in specs)
    recipe = replace(
        Recipe.from_dict(about["recipe"]).with_data(source, target),
        source_preprocessing=first,
        target_preprocessing=second,
    )
    folder = RunFolder.create_at(place, recipe, name=" → ".join(specs), kind=SeveralJob.kind)
    for name, facts in written.items():
        take_file(origin, name, facts, folder.exports / name)
    take_file(origin, SEVERAL_FILE, disk.facts_of(origin / SEVERAL_FILE), folder.exports / SEVERAL_FILE)
    files.SEVERAL_REQUEST.write(
        folder, files.SeveralRequest({name: spec.to_dict() for name, spec in specs.items()}, about["preprocessing"])
    )
    files.SEVERAL_FIGURES.write(folder, _figures(about["figures"]))
    versions = {str(name): str(value) for name, value in dict(about.get("versions", {})).items()}
    files.ENVIRONMENT.write(folder, versions)
    write_manifest(folder.path)
    folder.write_status(RunStatus(DONE, stage="done", fraction=1.0))
    check_several(folder)
    made = about.get("made", 0.0)
    made = float(made) if isinstance(made, int | float) else 0.0
    return TakenResult(folder.job, made, versions.get("psmatch", ""))


def _specs_in(about: Mapping[str, Any], origin: Path, may_read: MayRead, final: Path) -> dict[str, DataSpec]:
    """The data files by name of the modality, the reference first.

    ``modalities.json`` names them without folders, so they are looked for beside the folder and in it.
    """
    try:
        hashes = {name: str(each.get("sha256", "")) for name, each in about["modalities"].items()}
        named = NamedData(may_read, final, hashes)
        found = {name: DataSpec.from_dict(spec) for name, spec in about["files"].items()}
    except (AttributeError, TypeError, ValueError):
        raise damaged_error(SEVERAL_FILE, "cannot be read") from None
    places = (origin.parent, origin)
    return {
        name: named.of(
            spec
            if spec.path.startswith(DEMO_PREFIX)
            else replace(
                spec,
                path=_beside(spec.path, places),
                labels_path=_beside(spec.labels_path, places) if spec.labels_path else "",
            ),
            name,
        )
        for name, spec in found.items()
    }


def _beside(path: str, places: tuple[Path, ...]) -> str:
    """The file of this name in one of the places; the name alone if it is in none."""
    name = PurePosixPath(path.replace("\\", "/")).name
    return next((str(place / name) for place in places if name.strip(".") and (place / name).exists()), name)


def _figures(plain: Any) -> SeveralFigures:
    try:
        return from_plain(plain, SeveralFigures)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise PsmatchError(
            f"The figures in {SEVERAL_FILE} are those of another version of psmatch.",
            hint="Open it with the version that made it, or match the files again.",
            code="PM-R13",
        ) from None
