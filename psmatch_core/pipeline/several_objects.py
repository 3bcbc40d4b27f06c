"""Several AnnData objects by name, or a MuData object with several modalities, as the modalities that are matched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.modality_names import check_modality_names
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.given_objects import is_anndata, is_mudata, read_object, type_in_words


def several_of(source: Any, target: Any, modalities: tuple[str, ...] | None) -> dict[str, Any] | None:
    """The objects by name if several modalities are to be matched; None if it is two of the usual forms.

    Parameters
    ----------
    source, target
        A mapping or a MuData object, and nothing.
    modalities
        Which of them, the reference first; all by default.

    Raises
    ------
    PsmatchError
        For a choice that cannot be made, and for names that cannot be used.
    """
    if target is not None or not (isinstance(source, Mapping) or is_mudata(source)):
        return None
    held = dict(source) if isinstance(source, Mapping) else dict(source.mod.items())
    chosen = tuple(modalities or held)
    if is_mudata(source) and len(chosen) < 3:
        return None
    if set(chosen) - set(held) or len(set(chosen)) < max(2, len(chosen)):
        raise PsmatchError(
            f"{plural(len(held), 'modality', 'modalities')} given: {some(held, 8)}; match takes two or more of them, "
            f"and {some(chosen, 8) or 'none'} cannot be chosen.",
            hint=f"Name different ones, the reference first: modalities=({', '.join(map(repr, list(held)[:3]))}).",
        )
    texts = [str(name) for name in chosen]
    if not all(isinstance(each, ScoredModality) for each in held.values()):  # of which no files are written
        check_modality_names(texts)
    return {text: held[name] for text, name in zip(texts, chosen, strict=True)}


def read_several(
    given: Mapping[str, Any], *, label: Any, shared: Any, reading: Mapping[str, Any]
) -> dict[str, Modality]:
    """The modalities in objects by name.

    Parameters
    ----------
    given
        AnnData objects, or modalities that are ready.
    label, reading
        Label column and settings of :meth:`~psmatch_core.data.modality.Modality.from_anndata`: for all modalities, or
        by name.
    shared
        ``obs`` of the MuData object that holds them, or None.

    Raises
    ------
    PsmatchError
        For a value that is neither, and for one object that is given twice in the same way.
    """
    found: dict[str, Modality] = {}
    seen: dict[tuple[int, str], str] = {}
    for name, value in given.items():
        if isinstance(value, Modality):
            found[name] = replace(value, name=name)
            continue
        if not is_anndata(value):
            raise PsmatchError(
                f"{name} is {type_in_words(value)}, and match takes AnnData objects by name.",
                hint='psmatch.match({"rna": rna, "adt": adt, "atac": atac}, label="ko"); files are read by '
                "anndata.read_h5ad, or by `psmatch match-many`.",
            )
        settings = {key: _of_name(each, name, given) for key, each in reading.items()}
        column = _of_name(label, name, given)
        twin = seen.setdefault((id(value), repr(sorted(settings.items(), key=str))), name)
        if twin != name:
            raise PsmatchError(
                f"{twin} and {name} are the same AnnData object, read in the same way.",
                hint='Give each modality its own, or its own matrix: matrix={"rna": "X", "adt": "obsm/protein"}.',
            )
        found[name] = read_object(value, name=name, label=column, shared=shared, settings=settings)
    return found


def _of_name(value: Any, name: str, given: Mapping[str, Any]) -> Any:
    """The value for one modality: its own if they are given by name."""
    if isinstance(value, Mapping) and value and set(value) <= set(given):
        return value.get(name)
    if isinstance(value, tuple) and len(value) == len(SIDES) == len(given):  # as for two objects, source first
        return value[list(given).index(name)]
    return value
