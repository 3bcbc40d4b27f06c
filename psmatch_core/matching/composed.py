"""Couplings one after the other and the other way round: what follows of two couplings that share a modality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.matching.blocks.composed import compose_blocks
from psmatch_core.matching.coupling import Coupling, Outcome, Status


def compose(first: Coupling, second: Coupling) -> Coupling:
    """The coupling from the source of one to the target of another, through the modality between them.

    Parameters
    ----------
    first, second
        The target of the first and the source of the second are the same cells in the same order.

    Returns
    -------
    A plan for each label that has one in both; the others have a status that says in which it is missing.

    Raises
    ------
    PsmatchError
        If the cells in the middle are not the same.

    Examples
    --------
    >>> import psmatch
    >>> cells = psmatch.demo_views()
    >>> sides = [psmatch.Modality.from_anndata(each, label_key="label", name=name) for name, each in cells.items()]
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> rna, protein, image = (psmatch.fit_propensity(each, quick) for each in sides)
    >>> psmatch.compose(psmatch.match(rna, protein), psmatch.match(protein, image))
    Coupling(RNA → Image: 13 labels, ... cells, 0 needing attention)
    """
    middle = first.target.modality, second.source.modality
    if not np.array_equal(middle[0].obs_names, middle[1].obs_names):
        raise PsmatchError(
            f"Two couplings are composed through the same cells; the first ends at {middle[0].name} "
            f"({middle[0].n_cells:,} cells), the second starts at {middle[1].name} ({middle[1].n_cells:,} cells).",
            hint="Give a coupling a → c and one c → b of the same cells of c, in the same order.",
        )
    blocks = {
        label: compose_blocks(block, second.blocks[label])
        for label, block in first.blocks.items()
        if label in second.blocks
    }
    others = {status.label: status for status in second.statuses}
    statuses = [
        joined_status(status, others[status.label], middle[0].name)
        for status in first.statuses
        if status.label in others
    ]
    return Coupling(source=first.source, target=second.target, blocks=blocks, statuses=tuple(statuses))


def transposed(coupling: Coupling) -> Coupling:
    """The same plans read the other way: source and target exchanged."""
    return Coupling(
        source=coupling.target,
        target=coupling.source,
        blocks={label: block.T for label, block in coupling.blocks.items()},
        statuses=tuple(replace(each, n_source=each.n_target, n_target=each.n_source) for each in coupling.statuses),
    )


def joined_status(first: Status, second: Status, through: str) -> Status:
    """The status of two plans one after the other: what needs attention in either needs it here.

    Parameters
    ----------
    through
        What the plans share, as messages call it.
    """
    how = f"composed through {through}"
    worst = next((each for each in (first, second) if not each.outcome.is_usable), None)
    worst = worst or next((each for each in (first, second) if each.outcome.needs_attention), None)
    if worst is None:
        outcome, message = Outcome.CLOSED_FORM, how
    else:
        step = "the step to it" if worst is first else "the step from it"
        outcome, message = worst.outcome, f"{how}; {step}: {worst.message or worst.outcome.value}"
    error = first.marginal_error + second.marginal_error  # at most: L1 errors add up
    return Status(first.label, first.n_source, second.n_target, outcome, message, marginal_error=error)
