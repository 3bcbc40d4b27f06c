"""match, as users call it: AnnData, MuData or modalities in, a finished run out; of scored modalities a coupling.

Two modalities make a run. Several, by name, make matched modalities, and several scored ones their couplings.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Progress, silent
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.matching.several import PAIRS, Couplings, match_several
from psmatch_core.pipeline.annotate import annotate as write_results
from psmatch_core.pipeline.given_objects import is_anndata, is_mudata, read_object, type_in_words
from psmatch_core.pipeline.match_modalities import MatchedModalities, match_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import Run, run
from psmatch_core.pipeline.several_objects import read_several, several_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData


@overload
def match_data(
    source: ScoredModality,
    target: ScoredModality,
    matcher: Matcher | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> Coupling: ...


@overload
def match_data(
    source: Mapping[str, ScoredModality],
    target: None = None,
    matcher: Matcher | None = None,
    *,
    plans: str = PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> Couplings: ...


@overload
def match_data(
    source: Mapping[str, AnnData] | Mapping[str, Modality],
    target: None = None,
    matcher: Matcher | None = None,
    *,
    label: str | Mapping[str, str] | None = None,
    modalities: tuple[str, ...] | None = None,
    plans: str = PAIRS,
    preprocessing: Mapping[str, Preprocessing] | None = None,
    recipe: Recipe | None = None,
    seed: int | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
    **reading: Any,
) -> MatchedModalities: ...


@overload
def match_data(
    source: MuData,
    target: None = None,
    matcher: Matcher | None = None,
    *,
    label: str | tuple[str, str] | Mapping[str, str] | None = None,
    modalities: tuple[str, ...] | None = None,
    plans: str = PAIRS,
    preprocessing: Mapping[str, Preprocessing] | None = None,
    names: tuple[str, str] | None = None,
    recipe: Recipe | None = None,
    annotate: bool = True,
    seed: int | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
    **reading: Any,
) -> Run | MatchedModalities: ...


@overload
def match_data(
    source: AnnData | Modality,
    target: AnnData | Modality,
    matcher: Matcher | None = None,
    *,
    label: str | tuple[str, str] | None = None,
    names: tuple[str, str] | None = None,
    recipe: Recipe | None = None,
    annotate: bool = True,
    seed: int | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
    **reading: Any,
) -> Run: ...


def match_data(
    source: Any,
    target: Any = None,
    matcher: Matcher | None = None,
    *,
    label: str | tuple[str, str] | Mapping[str, str] | None = None,
    modalities: tuple[str, ...] | None = None,
    plans: str = PAIRS,
    preprocessing: Mapping[str, Preprocessing] | None = None,
    names: tuple[str, str] | None = None,
    recipe: Recipe | None = None,
    annotate: bool = True,
    seed: int | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
    **reading: Any,
) -> Run | Coupling | MatchedModalities | Couplings:
    """Match the cells of two modalities: train both classifiers, match within labels, and measure what it is good for.

    Parameters
    ----------
    source, target
        Two AnnData objects (cells × features, in memory or backed, dense or sparse), or one MuData object alone, or two
        :class:`~psmatch_core.data.modality.Modality`. Two scored modalities
        (:func:`~psmatch_core.classification.propensity.fit_propensity`) are matched as they are, without a recipe.
        Several modalities are a mapping by name alone, ``{"rna": rna, "adt": adt, "atac": atac}``, of any of these, or
        a MuData object with more than two; the first is the reference.
    matcher
        How the cells of a label are matched; that of the recipe unless given.
    label
        Column of ``obs`` with the label of each cell, or a pair of columns, source first; of several modalities, one
        column or those by name.
    modalities
        Which modalities of a MuData object or a mapping, source or reference first; all by default.
    plans
        Of several modalities, which plans are solved: one of :data:`~psmatch_core.matching.several.PLANS`.
    preprocessing
        Of several modalities, by name, instead of the recipe's: ``{"adt": Preprocessing(normalize="clr")}``.
    names
        Names of the two sides in tables and messages; by default those in the MuData object, or source and target.
    recipe
        All other settings; ``Recipe()`` unless given.
    annotate
        Whether the results are also written into both objects, under the keys that
        :func:`~psmatch_core.pipeline.annotate.annotate` lists. Nothing else in them changes. Objects of several
        modalities stay as they are; :func:`~psmatch_core.exports.matched_tuples.write_tuples` writes their matches.
    seed
        Instead of the recipe's.
    executor
        Matches labels in parallel.
    reading
        Settings of :meth:`~psmatch_core.data.modality.Modality.from_anndata` for both sides (``matrix``, ``cells``,
        ``roles``, ``label_with``, ``pair_key``, ``missing_labels`` …), or a tuple of two of them, source first; several
        rules or columns for both sides are a list. Of several modalities, one value or those by name.

    Returns
    -------
    The finished :class:`~psmatch_core.pipeline.run.Run`; of scored modalities the
    :class:`~psmatch_core.matching.coupling.Coupling`. Of several modalities
    :class:`~psmatch_core.pipeline.match_modalities.MatchedModalities`; of several scored ones
    :class:`~psmatch_core.matching.several.Couplings`.

    Raises
    ------
    PsmatchError
        For anything in the data or the settings that a user can solve.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier())
    >>> result = psmatch.match(rna, image, label="label", recipe=quick)  # doctest: +SKIP
    >>> image.obs["psmatch_verdict"].value_counts()  # doctest: +SKIP
    """
    if isinstance(source, ScoredModality) and isinstance(target, ScoredModality):
        return match(source, target, matcher, seed=seed or 0, progress=progress, executor=executor)
    several = several_of(source, target, modalities)
    if several and all(isinstance(each, ScoredModality) for each in several.values()):
        return match_several(several, matcher, plans=plans, seed=seed or 0, progress=progress, executor=executor)
    recipe = recipe or Recipe()
    recipe = replace(recipe, matcher=matcher or recipe.matcher, seed=recipe.seed if seed is None else seed)
    if several is not None:
        read = read_several(several, label=label, shared=getattr(source, "obs", None), reading=reading)
        return match_modalities(
            read, recipe, plans=plans, preprocessing=preprocessing, progress=progress, executor=executor
        )
    if isinstance(source, Modality) and isinstance(target, Modality):
        return run(recipe, source, target, progress=progress, executor=executor)
    given, own_names, shared = _two_objects(source, target, modalities)
    sides = [
        read_object(
            adata,
            name=name,
            label=_of_side(label, which),
            shared=shared,
            settings={key: _of_side(value, which) for key, value in reading.items()},
        )
        for which, adata, name in zip(SIDES, given, names or own_names, strict=True)
    ]
    found = run(recipe, sides[0], sides[1], progress=progress, executor=executor)
    if annotate:
        write_results(found, *given)
    return found


def _two_objects(
    source: Any, target: Any, modalities: tuple[str, ...] | None
) -> tuple[tuple[AnnData, AnnData], tuple[str, str], Any]:
    """The two AnnData objects, their names, and the columns that both share (``obs`` of a MuData object) or None."""
    if is_mudata(source) and target is None:
        held = list(source.mod)
        chosen = tuple(modalities or held)
        if len(chosen) != len(SIDES) or set(chosen) - set(held):
            raise PsmatchError(
                f"The MuData object holds {plural(len(held), 'modality', 'modalities')}: {some(held, 8)}; "
                "match takes two.",
                hint=f"Name two of them, source first: modalities=({', '.join(map(repr, held[:2]))}).",
            )
        return (source.mod[chosen[0]], source.mod[chosen[1]]), (chosen[0], chosen[1]), source.obs
    if is_anndata(source) and is_anndata(target):
        if source is target:
            raise PsmatchError(
                "Source and target are the same AnnData object.",
                hint="Give the other modality as the second argument.",
            )
        return (source, target), (SIDES[0], SIDES[1]), None
    raise PsmatchError(
        "match takes two AnnData objects, one MuData object, two modalities or two scored modalities; "
        f"{type_in_words(source)} and {type_in_words(target)} were given.",
        hint='psmatch.match(rna, adt, label="ko") for AnnData; files are read by anndata.read_h5ad, or by '
        "`psmatch match A B` on the command line.",
    )


def _of_side(value: Any, which: str) -> Any:
    """The value for one side: its own if two were given, source first."""
    return value[SIDES.index(which)] if isinstance(value, tuple) and len(value) == len(SIDES) else value
