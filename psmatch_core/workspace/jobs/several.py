"""Matching several modalities as a job: the work of ``psmatch match-many``, for the files of the Data page.

Its folder holds ``recipe.json`` (the settings, with the files of the first two), ``several.json`` (all files and their
preprocessing), ``several_figures.json`` (what pages show) and ``exports/``, the files that ``match-many`` writes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality_names import check_modality_names
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.readers.sandbox import shared_sandbox
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.new_folder import make_folder
from psmatch_core.workspace.run_folder import RunFolder, new_id


class SeveralJob(Job):
    """Three modalities or more, scored once each and matched pair by pair."""

    kind = "several"
    noun = "matching"
    place = "several"  # in the workspace

    @classmethod
    def create(
        cls,
        root: Path,
        recipe: Recipe,
        specs: Mapping[str, DataSpec],
        preprocessing: Mapping[str, Preprocessing] | None = None,
    ) -> Self:
        """A new job in the workspace at ``root``, ready for a worker.

        Parameters
        ----------
        recipe
            The settings. Labels that are not in all modalities are left out, and named.
        specs
            The files by name of the modality, the reference first.
        preprocessing
            Of single modalities, by name, instead of the recipe's.

        Raises
        ------
        PsmatchError
            For names that cannot be used, or if the disk is full; nothing is left behind.
        """
        check_modality_names(specs)
        source, target, *_ = specs.values()
        recipe = replace(recipe.with_data(source, target), labels=replace(recipe.labels, unshared="leave out"))
        job_id = new_id()
        partial = root / cls.place / f".{job_id}"  # not the id of a job yet, so it is not listed before it is whole
        asked = files.SeveralRequest(
            {name: spec.to_dict() for name, spec in specs.items()},
            {name: each.to_dict() for name, each in (preprocessing or {}).items()},
        )
        try:
            folder = RunFolder.create_at(partial, recipe, name=" → ".join(specs), kind=cls.kind)
            files.SEVERAL_REQUEST.write(folder, asked)
        except PsmatchError:  # the disk is full
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return cls(RunFolder(folder.path.rename(root / cls.place / job_id)))

    @property
    def title(self) -> str:
        return f"Matching {self.name}"

    @property
    def specs(self) -> dict[str, DataSpec]:
        """The files by name of the modality, the reference first.

        Raises
        ------
        PsmatchError
            If the request is damaged, or another version wrote it.
        """
        return {name: DataSpec.from_dict(each) for name, each in self._request.files.items()}

    @property
    def preprocessing(self) -> dict[str, Preprocessing]:
        """Of single modalities, by name.

        Raises
        ------
        PsmatchError
            If the request is damaged, or another version wrote it.
        """
        return {name: Preprocessing.from_dict(each) for name, each in self._request.preprocessing.items()}

    @property
    def _request(self) -> files.SeveralRequest:
        found = files.SEVERAL_REQUEST.read(self.folder)
        if found is None:
            raise PsmatchError(
                f"The matching {self.id} does not say any more which files it is of.",
                hint="Delete it, and match the files again.",
            )
        return found

    def do(self, work: Work) -> None:
        with work.turn() as turn:
            if turn is not None:
                work.log.status(started=time.time())
            self._match(work)

    def _match(self, work: Work) -> None:
        from psmatch_core.exports.provenance import versions  # heavy, and other kinds of jobs do without
        from psmatch_core.exports.several_files import export_several
        from psmatch_core.pipeline.match_modalities import match_modalities
        from psmatch_core.pipeline.several_figures import several_figures
        from psmatch_core.pipeline.several_inputs import read_files

        files.ENVIRONMENT.write(self.folder, versions())
        specs = self.specs
        is_demo = all(spec.path.startswith(DEMO_PREFIX) for spec in specs.values())
        with nullcontext() if is_demo else shared_sandbox():
            modalities = read_files(specs, progress=work.log)
        store = FolderStageStore(self.folder, work.cache or self.folder.path / "stages")
        with self.computing() as executor:
            matched = match_modalities(
                modalities,
                self.folder.recipe,
                preprocessing=self.preprocessing,
                store=store,
                progress=work.log,
                executor=executor,
            )
        made_by = {"files": {name: {**spec.to_dict(), "path": Path(spec.path).name} for name, spec in specs.items()}}
        make_folder(self.folder.exports)
        export_several(matched, self.folder.exports, made_by=made_by, progress=work.log)
        files.SEVERAL_FIGURES.write(self.folder, several_figures(matched))
