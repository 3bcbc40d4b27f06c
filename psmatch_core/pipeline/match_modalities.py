"""match_modalities: several modalities scored once each and matched in the one space that their labels give."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from psmatch_core.base.cores import computing_on
from psmatch_core.base.progress import Event, Progress, StagePart, silent
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import KnownPairs
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing, Preprocessing
from psmatch_core.data.proposals import propose_preprocessing
from psmatch_core.evaluation.evaluate import Evaluation, evaluate
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import NEVER
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.several import BARYCENTER, PAIRS, Couplings, check_plans, match_several, solved_pairs
from psmatch_core.monitor import MonitorReport
from psmatch_core.monitor.cycle_consistency import CycleConsistency, cycle_consistency
from psmatch_core.pipeline.judge_pairs import judge_held_out_groups
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.monitor_matching import monitor_matching
from psmatch_core.pipeline.needs import SideSize, check_needs
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.score_modalities import preprocessing_of, score_several
from psmatch_core.pipeline.several_inputs import prepare_several
from psmatch_core.pipeline.stage_store import MemoryStageStore, StageStore


@dataclass(frozen=True, eq=False)
class MatchedModalities(HtmlSummary):
    """Several matched modalities.

    Parameters
    ----------
    recipe
        The settings.
    modalities
        The matched cells with the values they came with, by name; the first is the reference.
    preprocessing
        The fitted preprocessing of each, which can also transform new cells.
    couplings
        Which cells match, for every pair of modalities.
    monitors
        What the matches between the reference and each other modality are good for, by the name of the other.
    further_monitors
        The same of the pairs without the reference, by source and target; empty where these are composed.
    cycles
        Direct matches compared with those through a third modality; None if there is nothing to compare.
    labels
        One row for each label of any modality: its cells in each, whether it is matched, and why not.
    evaluations
        Metrics from all known pairs, by source and target; empty if no pair is known. They are inflated: classifiers
        were trained on the same physical cells.
    held_out_evaluations
        The same of cells that no classifier saw (:mod:`psmatch_core.evaluation.held_out_groups`); empty if no pair is
        known or none can be judged so.
    notes
        What the user should know, in the order in which it happened.
    """

    recipe: Recipe
    modalities: Mapping[str, Modality]
    preprocessing: Mapping[str, FittedPreprocessing] = field(repr=False)
    couplings: Couplings
    monitors: Mapping[str, MonitorReport]
    cycles: CycleConsistency | None
    labels: pd.DataFrame
    evaluations: Mapping[tuple[str, str], Evaluation] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    further_monitors: Mapping[tuple[str, str], MonitorReport] = field(default_factory=dict, repr=False)
    held_out_evaluations: Mapping[tuple[str, str], Evaluation] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, the reference first."""
        return tuple(self.modalities)

    def coupling(self, source: str, target: str) -> Coupling:
        """The coupling from one modality to another, both by name."""
        return self.couplings.between(source, target)

    def monitor(self, source: str, target: str) -> MonitorReport | None:
        """What the matches of a pair are good for, by its order in the names; None where they are composed."""
        return self.monitors.get(target) if source == self.names[0] else self.further_monitors.get((source, target))

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """All excluded cells, with their modality and the reason."""
        rows = [(cells.name, cell, reason) for cells in self.modalities.values() for cell, reason in cells.excluded]
        return pd.DataFrame(rows, columns=["modality", "cell", "reason"])

    def __repr__(self) -> str:
        reference = self.names[0]
        facts = [
            " × ".join(f"{cells.n_cells:,}" for cells in self.modalities.values()) + " cells",
            f"{int(self.labels['matched'].sum())} labels matched",
            *(
                f"{reference} → {name} {monitor.verdict.title.lower()} ({monitor.counted()})"
                for name, monitor in self.monitors.items()
            ),
            f"{len(self.excluded):,} cells excluded",
            f"{len(self.notes)} notes",
            *([repr(self.cycles)] if self.cycles is not None else []),
        ]
        return f"MatchedModalities({' · '.join(self.names)}: {', '.join(facts)})"


def match_modalities(
    modalities: Mapping[str, Modality],
    recipe: Recipe | None = None,
    *,
    plans: str = PAIRS,
    preprocessing: Mapping[str, Preprocessing] | None = None,
    store: StageStore | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> MatchedModalities:
    """Match two or more modalities within the labels that all of them have.

    One classifier is trained for each modality, whatever it is matched with; all of them predict the same labels.

    Parameters
    ----------
    modalities
        By name; the first is the reference, to whose cells the others are matched.
    recipe
        The settings; the source's hold for the reference, the target's for all others.
    plans
        Which plans are solved: one of :data:`~psmatch_core.matching.several.PLANS`.
    preprocessing
        Of single modalities, by name, instead of the recipe's.
    store
        Keeps finished stages; in memory unless given.

    Raises
    ------
    PsmatchError
        For anything in the data or the settings that a user can solve.
    """
    recipe = recipe or Recipe()
    check_plans(plans, modalities)
    prepared = prepare_several(recipe.labels, modalities, seed=recipe.seed)
    cells = list(prepared.modalities.values())
    check_needs(recipe, *map(SideSize.of, cells), n_labels=len(cells[0].label_names))
    store = store or MemoryStageStore()
    with computing_on(executor):
        fitted, models = score_several(
            recipe, prepared.modalities, preprocessing=preprocessing, store=store, progress=progress
        )
        notes = [*prepared.notes, *(note for each in fitted.values() for note in each.notes)]
        notes += [note for model in models.values() for note in model.notes]
        notes += _proposed(prepared.modalities, preprocessing_of(recipe, tuple(prepared.modalities), preprocessing))
        couplings, linked = _matched(recipe, models, plans, progress, executor)
        reference = couplings.names[0]
        judged = {
            (one, other): monitor_matching(
                couplings.between(one, other),
                (prepared.modalities[one], prepared.modalities[other]),
                recipe,
                store=store,
                progress=progress,
            )
            for one, other in itertools.combinations(couplings.names, 2)
            if one == reference or plans == PAIRS
        }
        cycles = cycle_consistency(
            couplings, recipe.matcher, judging=recipe.judging, seed=recipe.seed, progress=progress
        )
        evaluations, how_known, known = _evaluated(couplings, recipe, progress)
        held_out, why_not = judge_held_out_groups(recipe, couplings, known, store=store, progress=progress)
    return MatchedModalities(
        recipe=recipe,
        modalities=prepared.modalities,
        preprocessing=fitted,
        couplings=couplings,
        monitors={other: each for (one, other), each in judged.items() if one == reference},
        further_monitors={pair: each for pair, each in judged.items() if pair[0] != reference},
        cycles=cycles,
        evaluations=evaluations,
        held_out_evaluations=held_out,
        labels=prepared.labels,
        notes=(*notes, *linked, *how_known, *([why_not] if why_not else [])),
    )


def _proposed(modalities: Mapping[str, Modality], current: Mapping[str, Preprocessing]) -> list[str]:
    """The preprocessing that suits each modality, where it has another."""
    notes = []
    for name, cells in modalities.items():
        said = propose_preprocessing(cells).note(current[name], name)
        if said:
            notes.append(f"{name}: " + said.replace(f"--set {name}_preprocessing.", f"--set preprocessing.{name}."))
    return notes


def _evaluated(
    couplings: Couplings, recipe: Recipe, progress: Progress
) -> tuple[dict[tuple[str, str], Evaluation], list[str], dict[tuple[str, str], tuple[Modality, Modality]]]:
    """The metrics of each pair of modalities with known pairs, how they are known, and both with the ids of each."""
    found, notes, both = {}, [], {}
    pairs = list(itertools.combinations(couplings.names, 2))
    whole = StagePart(progress, "evaluate", "")
    for part, (source, target) in zip(whole.split(len(pairs)), pairs, strict=True):
        first, second, known = _knowing_pairs((couplings.models[source], couplings.models[target]), recipe)
        notes.append(f"{source} and {target}: {known}")
        both[source, target] = first.modality, second.modality
        if known_ids(first.modality, second.modality) is not None:
            of_pair = replace(part, message=f"{source} and {target}")
            progress(Event("evaluate", part.start, of_pair.message))
            coupling = replace(couplings.between(source, target), source=first, target=second)
            found[source, target] = evaluate(coupling, recipe.judging, progress=of_pair.hear)
    return found, notes, both


def _knowing_pairs(
    models: tuple[ScoredModality, ScoredModality], recipe: Recipe
) -> tuple[ScoredModality, ScoredModality, KnownPairs]:
    """Both models with the names of the physical cells that both modalities have, and how they are known."""
    first, second, known = with_known_pairs(models[0].modality, models[1].modality, recipe.judging.pairs)
    return replace(models[0], modality=first), replace(models[1], modality=second), known


def _matched(
    recipe: Recipe,
    models: Mapping[str, PropensityModel],
    plans: str,
    progress: Progress,
    executor: Executor | None,
) -> tuple[Couplings, list[str]]:
    """The couplings, each pair linked as the recipe asks, and what was decided about that."""
    if plans == BARYCENTER:
        center = match_several(
            models, recipe.matcher, plans=plans, seed=recipe.seed, progress=progress, executor=executor
        )
        is_asked = recipe.linking.use != NEVER
        return center, ["Not linked: a barycentre lies in the space of the scores."] if is_asked else []
    solved, notes = {}, []
    wanted = solved_pairs(tuple(models), plans)
    for part, (source, target) in zip(StagePart(progress, "match", "").split(len(wanted)), wanted, strict=True):
        matching = part.begin(f"{source} and {target}")
        first, second, _ = _knowing_pairs((models[source], models[target]), recipe)
        pair, said = link_modalities(recipe, (first, second), progress=progress)
        notes += [f"{source} and {target}: {note}" for note in said]
        solved[source, target] = match(
            *pair, recipe.matcher, seed=recipe.seed, executor=executor, progress=matching.hear
        )
    progress(Event("match", 1.0))
    return Couplings(dict(models), plans, solved), notes
