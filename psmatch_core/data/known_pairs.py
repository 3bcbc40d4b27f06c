"""Known pairs of two modalities: the decision of how they are known, written into both, once, before a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import read_only
from psmatch_core.base.errors import plural
from psmatch_core.data.checks import AUTOMATIC, CellNames, KnownPairs, Pairing, decide_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.data.names.core_names import core_names


def with_known_pairs(source: Modality, target: Modality, how: str = AUTOMATIC) -> tuple[Modality, Modality, KnownPairs]:
    """Decide how true pairs are known, and give both modalities the names of the physical cells.

    Parameters
    ----------
    how
        ``automatic``, or the user's decision: take ``equal names`` for pairs, or there are ``none``.

    Returns
    -------
    Both modalities, and the decision. ``pair_ids`` is the name of the physical cell where it is in both modalities and
    empty elsewhere; None where no pairs are known.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> source, target, how = psmatch.with_known_pairs(source, target)
    >>> source.pair_ids is None
    True
    >>> print(how)
    True pairs: not known. 850 cell names are equal but for an ending or prefix (rna_00000, img_00000), but they only
    number the cells (rna_00000, rna_00001): equal numbers need not be the same cell.
    """
    columns = (source.pair_ids is not None, target.pair_ids is not None)
    (names, at), (other_names, other_at) = (CellNames.of(each.obs_names.tolist()) for each in (source, target))
    labels = (source.labels[at].tolist(), target.labels[other_at].tolist())
    pairs = decide_pairs(names, other_names, labels, how, columns=columns)
    if not pairs.are_known:
        return replace(source, pair_ids=None), replace(target, pair_ids=None), pairs
    ids = _ids(source, target, pairs.how)
    shared = np.intersect1d(_once(ids[0]), _once(ids[1]))
    if pairs.how is Pairing.COLUMN:
        pairs = _counted(pairs, shared.size, n_repeated=_n_repeated(ids[0]) + _n_repeated(ids[1]))
    else:
        pairs = replace(pairs, n_equal=int(shared.size))
    if not shared.size:
        return replace(source, pair_ids=None), replace(target, pair_ids=None), replace(pairs, how=Pairing.NONE)
    found = [read_only(np.where(np.isin(each, shared), each, "")) for each in ids]
    return replace(source, pair_ids=found[0]), replace(target, pair_ids=found[1]), pairs


def _ids(source: Modality, target: Modality, how: Pairing) -> tuple[np.ndarray, np.ndarray]:
    """What names the physical cell on both sides, ``(n_cells,)`` and ``(m_cells,)``."""
    if how is Pairing.COLUMN and source.pair_ids is not None and target.pair_ids is not None:
        return source.pair_ids, target.pair_ids
    if how is Pairing.NAMES:
        return source.obs_names, target.obs_names
    cores = core_names(source.obs_names.tolist(), target.obs_names.tolist())
    return np.array(cores[0], dtype=str), np.array(cores[1], dtype=str)


def _counted(pairs: KnownPairs, n_equal: int, *, n_repeated: int) -> KnownPairs:
    """The decision for pair columns, after both are read."""
    reason = f"{plural(n_equal, 'cell')} {'has' if n_equal == 1 else 'have'} the same value in both pair columns."
    if not n_equal:
        reason = "The pair columns share no value that names one cell on each side."
    if n_repeated:
        reason += f" {plural(n_repeated, 'value')} that several cells of a file share do not name a cell."
    return replace(pairs, n_equal=n_equal, reason=reason)


def _once(ids: np.ndarray) -> np.ndarray:
    """The ids that one cell alone has, ``(n,)``."""
    distinct, counts = np.unique(ids, return_counts=True)
    return np.asarray(distinct[(counts == 1) & (distinct != "")])


def _n_repeated(ids: np.ndarray) -> int:
    return int((np.unique(ids[ids != ""], return_counts=True)[1] > 1).sum())
