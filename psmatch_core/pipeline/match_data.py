"""match, as users call it: AnnData, MuData or modalities in, a finished run out; of scored modalities a coupling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Progress, silent
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.pipeline.annotate import annotate as write_results
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import Run, run

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

# The settings of a file that say what is read of an object: those of Modality.from_anndata.
READING = tuple(name for name in DataSpec.options() if name not in ("path", "label_key", "name", "sha256"))


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
    source: AnnData | MuData | Modality,
    target: AnnData | Modality | None = None,
    matcher: Matcher | None = None,
    *,
    label: str | tuple[str, str] | None = None,
    modalities: tuple[str, str] | None = None,
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
    label: str | tuple[str, str] | None = None,
    modalities: tuple[str, str] | None = None,
    names: tuple[str, str] | None = None,
    recipe: Recipe | None = None,
    annotate: bool = True,
    seed: int | None = None,
    progress: Progress = silent,
    executor: Executor | None = None,
    **reading: Any,
) -> Run | Coupling:
    """Match the cells of two modalities: train both classifiers, match within labels, and measure what it is good for.

    Parameters
    ----------
    source, target
        Two AnnData objects (cells × features, in memory or backed, dense or sparse), or one MuData object alone, or two
        :class:`~psmatch_core.data.modality.Modality`. Two scored modalities
        (:func:`~psmatch_core.classification.propensity.fit_propensity`) are matched as they are, without a recipe.
    matcher
        How the cells of a label are matched; that of the recipe unless given.
    label
        Column of ``obs`` with the label of each cell, or a pair of columns, source first.
    modalities
        Which two modalities of a MuData object, source first; both if it holds two.
    names
        Names of the two sides in tables and messages; by default those in the MuData object, or source and target.
    recipe
        All other settings; ``Recipe()`` unless given.
    annotate
        Whether the results are also written into both objects, under the keys that
        :func:`~psmatch_core.pipeline.annotate.annotate` lists. Nothing else in them changes.
    seed
        Instead of the recipe's.
    executor
        Matches labels in parallel.
    reading
        Settings of :meth:`~psmatch_core.data.modality.Modality.from_anndata` for both sides (``matrix``, ``cells``,
        ``roles``, ``label_with``, ``pair_key``, ``missing_labels`` …), or a tuple of two of them, source first; several
        rules or columns for both sides are a list.

    Returns
    -------
    The finished :class:`~psmatch_core.pipeline.run.Run`; of scored modalities the
    :class:`~psmatch_core.matching.coupling.Coupling`.

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
    recipe = recipe or Recipe()
    recipe = replace(recipe, matcher=matcher or recipe.matcher, seed=recipe.seed if seed is None else seed)
    if isinstance(source, Modality) and isinstance(target, Modality):
        return run(recipe, source, target, progress=progress, executor=executor)
    given, own_names, shared = _two_objects(source, target, modalities)
    read = [
        _modality(adata, which=which, name=name, label=_of_side(label, which), shared=shared, reading=reading)
        for which, adata, name in zip(SIDES, given, names or own_names, strict=True)
    ]
    found = run(recipe, read[0], read[1], progress=progress, executor=executor)
    if annotate:
        write_results(found, *given)
    return found


def _two_objects(
    source: Any, target: Any, modalities: tuple[str, str] | None
) -> tuple[tuple[AnnData, AnnData], tuple[str, str], Any]:
    """The two AnnData objects, their names, and the columns that both share (``obs`` of a MuData object) or None."""
    if _is_mudata(source) and target is None:
        held = list(source.mod)
        chosen = tuple(modalities or held)
        if len(chosen) != len(SIDES) or set(chosen) - set(held):
            raise PsmatchError(
                f"The MuData object holds {plural(len(held), 'modality', 'modalities')}: {some(held, 8)}; "
                "match takes two.",
                hint=f"Name two of them, source first: modalities=({', '.join(map(repr, held[:2]))}).",
            )
        return (source.mod[chosen[0]], source.mod[chosen[1]]), (chosen[0], chosen[1]), source.obs
    if _is_anndata(source) and _is_anndata(target):
        if source is target:
            raise PsmatchError(
                "Source and target are the same AnnData object.",
                hint="Give the other modality as the second argument.",
            )
        return (source, target), (SIDES[0], SIDES[1]), None
    raise PsmatchError(
        f"match takes two AnnData objects, one MuData object, two modalities or two scored modalities; {_kind(source)} "
        f"and {_kind(target)} were given.",
        hint='psmatch.match(rna, adt, label="ko") for AnnData; files are read by anndata.read_h5ad, or by '
        "`psmatch match A B` on the command line.",
    )


def _modality(
    adata: AnnData, *, which: str, name: str, label: str | None, shared: Any, reading: Mapping[str, Any]
) -> Modality:
    if not label:
        raise PsmatchError(
            f"{name}: no label column was named.",
            hint=f'label="…", one of {some(_columns(adata, shared), 12) or "none: add one to obs"}.',
            code="PM-L01",
        )
    unknown = [each for each in reading if each not in READING]
    if unknown:
        raise PsmatchError(
            f"match does not know {some(unknown, 4)}.", hint=f"Settings of reading are {', '.join(READING)}."
        )
    settings = {key: _of_side(value, which) for key, value in reading.items()}
    wanted = [each for each in (label, settings.get("pair_key")) if each and each not in adata.obs]
    lent = [each for each in wanted if shared is not None and each in shared]
    if lent:  # columns of the whole MuData object, found by the name of the cell; the user's object stays as it is
        obs = adata.obs.assign(**{each: shared[each].reindex(adata.obs_names) for each in lent})
        adata = _with_obs(adata, obs)
    return Modality.from_anndata(adata, label_key=label, name=name, **settings)


def _with_obs(adata: AnnData, obs: Any) -> AnnData:
    """The same matrices, not copied, with other columns of the cells."""
    from anndata import AnnData

    raw = {"raw": {"X": adata.raw.X, "var": adata.raw.var}} if adata.raw is not None else {}
    return AnnData(
        X=adata.X, obs=obs, var=adata.var, uns=adata.uns, obsm=dict(adata.obsm), layers=dict(adata.layers), **raw
    )


def _columns(adata: AnnData, shared: Any) -> Sequence[str]:
    return [*adata.obs.columns, *(shared.columns if shared is not None else ())]


def _of_side(value: Any, which: str) -> Any:
    """The value for one side: its own if two were given, source first."""
    return value[SIDES.index(which)] if isinstance(value, tuple) and len(value) == len(SIDES) else value


def _is_anndata(value: Any) -> bool:
    return any(each.__name__ == "AnnData" and each.__module__.startswith("anndata") for each in type(value).__mro__)


def _is_mudata(value: Any) -> bool:
    return any(each.__name__ == "MuData" for each in type(value).__mro__)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"the text {value!r}" if isinstance(value, str) else f"an object of type {type(value).__name__}"
