"""What one visitor works on: two modalities, the settings, and their run. Does not use Streamlit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pages.shell.data_steps import DataStep
from pages.shell.text import count
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import Classifier
from psmatch_core.classification.networks.devices import CPU
from psmatch_core.classification.propensity import PropensityScores, Scoring
from psmatch_core.classification.scored_modality import Space
from psmatch_core.data.checks import KnownPairs, decide_pairs
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.labels.several_labels import rules_of_two
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import ColumnSummary, DataSpec, FileSummary
from psmatch_core.data.sides import ALL_SIDES, SIDES, THIRD
from psmatch_core.evaluation.compared_cells import Comparing
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.matching.link import Linking
from psmatch_core.matching.matchers import Matcher
from psmatch_core.pipeline.preset_words import nearest_preset
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from psmatch_core.translation.translators import Translator

DEMO = "demo:"
# The visitor decides about labels that one modality lacks: nothing is left out until a button is pressed.
START_RULES = LabelRules(unshared="refuse")


@dataclass(frozen=True)
class Side:
    """One modality as the visitor chose it.

    Parameters
    ----------
    path
        The file's path on the server, or ``demo:NAME``.
    shown
        The file's name on pages.
    summary
        What the file contains; None until it is inspected in this session.
    labels_path, labels_shown
        Path and name of a separate table of labels, if there is one.
    """

    path: str
    shown: str
    summary: FileSummary | None
    labels_path: str = ""
    labels_shown: str = ""
    label_key: str = ""
    label_with: tuple[str, ...] = ()
    part: str = ""
    cells: tuple[str, ...] = ()
    matrix: str = "X"
    roles: tuple[tuple[str, str], ...] = ()
    bad_values: str = "refuse"
    most_missing: float = 0.05
    guide_umis: int = 0
    guide_ratio: float = 0.0
    name: str = ""
    pair_key: str = ""
    missing_labels: str = "refuse"
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def spec(self) -> DataSpec:
        """The side as it stands in a recipe."""
        has_hash = self.summary is not None and not self.path.startswith(DEMO)
        chosen = {name: getattr(self, name) for name in DataSpec.options() if name != "sha256"}
        return DataSpec(**chosen, sha256=self.summary.sha256 if has_hash and self.summary else "")

    @property
    def content(self) -> DataSpec:
        """What determines the cells and values of a run; all its results depend on it."""
        return replace(self.spec, name="", pair_key="", sha256="")

    @property
    def label_content(self) -> DataSpec:
        """What determines the labels of the side."""
        return replace(self.content, matrix="X", missing_labels="refuse")

    @property
    def label_column(self) -> ColumnSummary | None:
        """The chosen label column."""
        return self.summary.column(self.spec.label_name) if self.summary else None

    @property
    def has_missing(self) -> bool:
        """Whether some cells have no label."""
        return self.label_column is not None and self.label_column.n_missing > 0

    @property
    def missing(self) -> int:
        """Number of cells without a label that still need a decision."""
        column = self.label_column
        return column.n_missing if column is not None and self.missing_labels == "refuse" else 0


@dataclass(frozen=True)
class Workspace:
    """Two sides, perhaps a third, the settings of a recipe, and what was last started or opened.

    ``with_…`` returns a new workspace without anything that the change makes invalid.

    Parameters
    ----------
    third
        A third modality. A run of the first two knows nothing of it: it is matched with both by a job of its own.
    run_id, several_id
        The run of the first two, and the matching of all three.
    """

    source: Side | None = None
    target: Side | None = None
    third: Side | None = None
    labels: LabelRules = START_RULES
    preset: str = "recommended"
    space: Space = field(default_factory=PropensityScores)
    classifier: Classifier = field(default_factory=lambda: Recipe().classifier)
    scoring: Scoring = field(default_factory=Scoring)
    matcher: Matcher = field(default_factory=lambda: Recipe().matcher)
    linking: Linking = field(default_factory=Linking)
    translator: Translator = field(default_factory=lambda: Recipe().translator)
    judging: Judging = field(default_factory=Judging)
    comparing: Comparing = field(default_factory=Comparing)
    exports: ExportRules = field(default_factory=ExportRules)
    seed: int = 0
    device: str = CPU
    run_id: str = ""
    several_id: str = ""

    def side(self, which: str) -> Side | None:
        """``source``, ``target`` or ``third``."""
        return dict(zip(ALL_SIDES, (self.source, self.target, self.third), strict=True))[which]

    def with_side(self, which: str, side: Side | None) -> Workspace:
        """Another file, matrix, label column or preprocessing on one side."""
        before = self.side(which)
        if which == THIRD:
            is_same = before is not None and side is not None and before.content == side.content
            return replace(self, third=side, several_id=self.several_id if is_same else "")
        changed = replace(self, source=side) if which == "source" else replace(self, target=side)
        if before is not None and side is not None and before.content == side.content:
            return (
                changed  # other names or preprocessing: the page warns that the results are those of earlier settings
            )
        same_labels = before is not None and side is not None and before.label_content == side.label_content
        return replace(changed, run_id="", several_id="", labels=self.labels if same_labels else START_RULES)

    def with_sides(self, source: Side, target: Side) -> Workspace:
        """The same sides with their summaries; nothing else changes."""
        return replace(self, source=source, target=target)

    def with_labels(self, rules: LabelRules) -> Workspace:
        """Other rules for the labels."""
        if rules == self.labels:
            return self
        changed = replace(self, labels=rules, several_id="")
        return changed if changed.labels_of_two == self.labels_of_two else replace(changed, run_id="")

    @property
    def labels_of_two(self) -> LabelRules:
        """The rules for the labels of the first two, in which nothing of a third is renamed."""
        target, third = (side.label_column if side else None for side in (self.target, self.third))
        return (
            self.labels if target is None or third is None else rules_of_two(self.labels, target.counts, third.counts)
        )

    def with_preset(self, name: str) -> Workspace:
        """The space, classifier, matcher and link of a preset; results stay, and the page warns where they differ."""
        recipe = Recipe.preset(name)
        chosen = {each: getattr(recipe, each) for each in ("space", "classifier", "scoring", "matcher", "linking")}
        return replace(self, preset=name, **chosen)

    def with_run(self, run_id: str) -> Workspace:
        """The run that belongs to these settings."""
        return replace(self, run_id=run_id)

    @property
    def recipe(self) -> Recipe:
        """Everything a run needs."""
        source, target = self._both
        return Recipe(
            source_preprocessing=source.preprocessing,
            target_preprocessing=target.preprocessing,
            labels=self.labels_of_two,
            space=self.space,
            classifier=self.classifier,
            scoring=self.scoring,
            matcher=self.matcher,
            linking=self.linking,
            translator=self.translator,
            judging=self.judging,
            comparing=self.comparing,
            exports=self.exports,
            seed=self.seed,
            device=self.device,
            source=source.spec,
            target=target.spec,
        )

    @property
    def _both(self) -> tuple[Side, Side]:
        if self.source is None or self.target is None:
            raise PsmatchError(self.missing, hint="Go to Data.")
        return self.source, self.target

    @property
    def base(self) -> Recipe:
        """The preset that forms compare with."""
        return Recipe.preset(self.preset)

    @property
    def missing(self) -> str:
        """What is still to be done on the Data page, in words; empty if a run can start."""
        return next((text for _, text in self.questions), "")

    @property
    def questions(self) -> tuple[tuple[DataStep, str], ...]:
        """All that is still to be done on the Data page: its step, and what, in the order in which it is asked."""
        return tuple(self._questions())

    def _questions(self) -> Iterator[tuple[DataStep, str]]:
        for which in SIDES:
            yield from self.questions_on(which)
        if self.source is None or self.target is None:
            return
        if self.source.name.strip() == self.target.name.strip():
            yield DataStep.FILES, "Give the two modalities different names."
        report = self.report
        if report is not None and (report.only_source or report.only_target) and self.labels.unshared == "refuse":
            yield DataStep.LABELS, "Decide what to do with the labels that only one modality has."
        if report is not None and len(report.shared) < 2:
            yield DataStep.LABELS, "Choose label columns that share at least two labels."

    def questions_on(self, which: str) -> Iterator[tuple[DataStep, str]]:
        """What is still to be done about one modality alone."""
        side = self.side(which)
        if side is None:
            yield DataStep.FILES, f"Load a file for the {which} modality, or open a demo."
            return
        if not side.label_key:
            yield DataStep.LABELS, f"Choose the label column of the {which} modality."
        matrix = side.summary.matrix(side.matrix) if side.summary else None
        if matrix is not None and matrix.needs_mending:
            yield DataStep.VALUES, f"Decide what to do with the missing values of the {which} modality."
        if side.missing:
            cells = count(side.missing, "cell")
            yield DataStep.LABELS, f"Decide what to do with the {cells} without a label in the {which} modality."

    @property
    def label_counts(self) -> tuple[Mapping[str, int], Mapping[str, int]] | None:
        """Cells of each label as the files have them [cells]; None until both columns are chosen."""
        source = self.source.label_column if self.source else None
        target = self.target.label_column if self.target else None
        return None if source is None or target is None else (source.counts, target.counts)

    @property
    def report(self) -> LabelReport | None:
        """The labels of both sides under the current rules; None until both columns are chosen."""
        counts = self.label_counts
        if self.source is None or self.target is None or counts is None:
            return None
        return reconcile_by_rules(
            self.labels_of_two,
            *counts,
            source_name=self.source.name,
            target_name=self.target.name,
        )

    @property
    def known_pairs(self) -> KnownPairs | None:
        """How the next run will know true pairs; None until both files are inspected."""
        source, target = self.source, self.target
        if source is None or target is None or source.summary is None or target.summary is None:
            return None
        renamings = [self.labels.renaming(side) for side in SIDES]
        labels = [
            tuple(renaming.get(label, label) for label in (side.label_column.listed if side.label_column else ()))
            for side, renaming in zip((source, target), renamings, strict=True)
        ]
        return decide_pairs(
            source.summary.cells,
            target.summary.cells,
            (labels[0], labels[1]) if all(labels) else None,
            self.judging.pairs,
            columns=(bool(source.pair_key), bool(target.pair_key)),
        )


def from_recipe(recipe: Recipe, run_id: str) -> Workspace:
    """The workspace in which a run was started, as far as its recipe records it."""
    return Workspace(
        source=side_of(recipe.source, recipe.source_preprocessing, "source"),
        target=side_of(recipe.target, recipe.target_preprocessing, "target"),
        labels=recipe.labels,
        preset=nearest_preset(recipe),
        space=recipe.space,
        classifier=recipe.classifier,
        scoring=recipe.scoring,
        matcher=recipe.matcher,
        linking=recipe.linking,
        translator=recipe.translator,
        judging=recipe.judging,
        comparing=recipe.comparing,
        exports=recipe.exports,
        seed=recipe.seed,
        device=recipe.device,
        run_id=run_id,
    )


def from_files(data: Any) -> Workspace | None:
    """The data files of a recipe that another version wrote, with the default settings; None if it names none."""
    found = {}
    for which in SIDES:
        stored = data.get(which) if isinstance(data, Mapping) else None
        if not isinstance(stored, Mapping) or not isinstance(stored.get("path"), str):
            return None
        readable = {name: stored[name] for name in DataSpec.options() if name in stored}
        found[which] = side_of(DataSpec.from_dict(readable), Preprocessing(), which)
    return Workspace(source=found["source"], target=found["target"])


def side_of(spec: DataSpec | None, preprocessing: Preprocessing, which: str) -> Side | None:
    """The side that a recipe names, as far as it records it; its file is inspected when a page shows it."""
    if spec is None:
        return None
    chosen = {name: getattr(spec, name) for name in DataSpec.options() if name != "sha256"}
    return Side(
        **{**chosen, "name": spec.name or which},
        shown=_file_name(spec.path),
        summary=None,
        labels_shown=_file_name(spec.labels_path),
        preprocessing=preprocessing,
    )


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
