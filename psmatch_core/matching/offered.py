"""Which methods can match two modalities, so that those that cannot are not offered."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.matching.matchers import Matcher


def methods_that_cannot_work(source: Modality, target: Modality) -> dict[type[Matcher], str]:
    """The methods whose check refuses these features with default options, and why.

    Parameters
    ----------
    source, target
        The features that a run would match, after preprocessing.
    """
    refused: dict[type[Matcher], str] = {}
    for kind in Matcher.menu():
        try:
            kind().check(source, target)
        except PsmatchError as error:
            refused[kind] = error.problem
    return refused
