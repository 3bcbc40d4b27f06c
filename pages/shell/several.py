"""Three modalities that are matched together: what is still to be decided, and the job's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pages.shell import session
from pages.shell.data_steps import DataStep
from pages.shell.workspace import Side, Workspace
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.several_labels import SeveralLabels, check_shared, compare_labels, look_alikes
from psmatch_core.data.modality_names import check_modality_names
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.sides import ALL_SIDES
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import own_jobs

SIDE_FORMS = (
    *(f"{form}{which}" for which in ALL_SIDES for form in ("side.", "roles.", "prep-")), "labels.minimum",
)  # fmt: skip


def reset_side_forms() -> None:
    """Let the forms of all modalities start from the workspace's values."""
    for name in SIDE_FORMS:
        session.reset_widgets(name)


def has_own_work() -> bool:
    """Whether the person has a run or a matching of three."""
    store = session.store()
    return bool(store.entries()) or bool(own_jobs(store, SeveralJob))


def sides_of(workspace: Workspace) -> tuple[Side, ...]:
    """The modalities that are there, the reference first."""
    return tuple(side for which in ALL_SIDES if (side := workspace.side(which)) is not None)


def several_questions(workspace: Workspace) -> tuple[tuple[DataStep, str], ...]:
    """What is still to be done before all three can be matched: its step, and what; nothing without a third."""
    return () if workspace.third is None else tuple(_questions(workspace))


def _questions(workspace: Workspace) -> Iterator[tuple[DataStep, str]]:
    for which in ALL_SIDES:
        yield from workspace.questions_on(which)
    sides = sides_of(workspace)
    if len(sides) < len(ALL_SIDES):
        return
    try:
        check_modality_names([side.name for side in sides])
    except PsmatchError as error:
        yield DataStep.FILES, f"{error.problem} {error.hint}"
        return
    try:
        labels = several_labels(workspace)
        if labels is not None:
            check_shared(labels, _rules(workspace))
    except PsmatchError as error:
        helps = (
            "Merge those that look alike." if third_look_alikes(workspace) else "Choose label columns that share two."
        )
        yield DataStep.LABELS, f"{error.problem} {helps}"


def several_labels(workspace: Workspace) -> SeveralLabels | None:
    """The labels of all three under the current rules; None until all columns are chosen.

    Raises
    ------
    PsmatchError
        For labels that cannot be compared.
    """
    columns = {side.name: side.label_column for side in sides_of(workspace)}
    counts = {name: column.counts for name, column in columns.items() if column is not None}
    return compare_labels(_rules(workspace), counts) if len(counts) == len(ALL_SIDES) else None


def third_look_alikes(workspace: Workspace) -> dict[str, str]:
    """Labels of the third that differ from one of the first by spelling only, with that one; empty without columns."""
    columns = [side.label_column for side in sides_of(workspace)]
    counts = {str(at): column.counts for at, column in enumerate(columns) if column is not None}
    return look_alikes(_rules(workspace), counts) if len(counts) == len(ALL_SIDES) else {}


def _rules(workspace: Workspace) -> LabelRules:
    """The rules of a matching of all three: labels that one of them lacks are left out, and named."""
    return replace(workspace.labels, unshared="leave out")


def several_recipe(workspace: Workspace) -> Recipe:
    """The settings of a matching of all three."""
    return replace(workspace.recipe, labels=_rules(workspace))


def start_several(workspace: Workspace) -> SeveralJob:
    """Start the job that matches all three, in the background.

    Raises
    ------
    PsmatchError
        If it cannot be started, such as on a full disk.
    """
    store = session.store()
    specs, preprocessing = _asked(workspace)
    return store.start_job(SeveralJob.create(store.root, several_recipe(workspace), specs, preprocessing))


def _asked(workspace: Workspace) -> tuple[dict[str, DataSpec], dict[str, Preprocessing]]:
    sides = sides_of(workspace)
    return {side.name: side.spec for side in sides}, {side.name: side.preprocessing for side in sides}


def is_as_asked(job: SeveralJob, workspace: Workspace) -> bool:
    """Whether a job is what a press of the button would start now; of more than three modalities, the first three.

    Raises
    ------
    PsmatchError
        If the job cannot be read.
    """
    specs, preprocessing = _asked(workspace)
    shown = list(job.specs)[: len(ALL_SIDES)]
    return (
        _without_hashes({name: job.specs[name] for name in shown}) == _without_hashes(specs)
        and {name: each for name, each in job.preprocessing.items() if name in shown} == preprocessing
        and job.folder.recipe.with_data(None, None) == several_recipe(workspace).with_data(None, None)
    )


def _without_hashes(specs: Mapping[str, DataSpec]) -> list[tuple[str, DataSpec]]:
    """The files in order; of one that was not inspected in this session, the hash is not known."""
    return [(name, replace(spec, sha256="")) for name, spec in specs.items()]


def current_several(workspace: Workspace) -> SeveralJob | None:
    """The matching of all three that was last started or opened."""
    return session.several_job(workspace.several_id)
