"""AnnData and MuData objects as users hand them over: what they are, and the modalities that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec

if TYPE_CHECKING:
    from anndata import AnnData

# The settings of a file that say what is read of an object: those of Modality.from_anndata.
READING = tuple(name for name in DataSpec.options() if name not in ("path", "label_key", "name", "sha256"))


def read_object(adata: AnnData, *, name: str, label: str | None, shared: Any, settings: Mapping[str, Any]) -> Modality:
    """The modality in an AnnData object.

    Parameters
    ----------
    label
        Its label column.
    shared
        ``obs`` of the MuData object that holds it, whose columns count as its own; None if there is none.
    settings
        Of :meth:`~psmatch_core.data.modality.Modality.from_anndata`.

    Raises
    ------
    PsmatchError
        Without a label column, for unknown settings, and for data that cannot be used.
    """
    if not label:
        raise PsmatchError(
            f"{name}: no label column was named.",
            hint=f'label="…", one of {some(_columns(adata, shared), 12) or "none: add one to obs"}.',
            code="PM-L01",
        )
    unknown = [each for each in settings if each not in READING]
    if unknown:
        raise PsmatchError(
            f"match does not know {some(unknown, 4)}.", hint=f"Settings of reading are {', '.join(READING)}."
        )
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


def is_anndata(value: Any) -> bool:
    """Whether a value is an AnnData object; anndata is not imported for that."""
    return any(each.__name__ == "AnnData" and each.__module__.startswith("anndata") for each in type(value).__mro__)


def is_mudata(value: Any) -> bool:
    """Whether a value is a MuData object; mudata is not imported for that."""
    return any(each.__name__ == "MuData" for each in type(value).__mro__)


def type_in_words(value: Any) -> str:
    """What a value is, for a message."""
    if value is None:
        return "nothing"
    return f"the text {value!r}" if isinstance(value, str) else f"an object of type {type(value).__name__}"
