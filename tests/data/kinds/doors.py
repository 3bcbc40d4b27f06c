"""The doors through which data come in, and what each says of the same member: ``inspect``, ``match``, Python."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anndata
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, Severity, check_pair
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.shared_labels import reconcile
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, FileSummary, shown_name
from psmatch_core.data.readers.clean_copy import copy_here
from psmatch_core.data.readers.inspection import summarise
from psmatch_core.pipeline import inputs
from tests.data.kinds.kind import ACCEPT, REJECT, WARN, Member

MEMORY_MB = 2048


@dataclass(frozen=True)
class Said:
    """A verdict, the codes and the whole text of the messages."""

    verdict: str
    codes: frozenset[str]
    messages: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.messages)


def refused(error: PsmatchError) -> Said:
    return Said(REJECT, frozenset({error.code}), (str(error),))


def said(findings: Iterable[Finding]) -> Said:
    found = list(findings)
    rejected = any(each.severity is Severity.REJECT for each in found)
    verdict = REJECT if rejected else WARN if found else ACCEPT
    return Said(verdict, frozenset(each.code for each in found), tuple(map(str, found)))


def keys_of(member: Member) -> tuple[str, str]:
    return member.label_key, member.target_label_key or member.label_key


def look(path: Path, label_key: str = "") -> FileSummary:
    """Inspect without the child process, which has tests of its own and costs half a second each time."""
    found = summarise(DataSpec(path=str(path), label_key=label_key), shown_name(path.name), memory_mb=MEMORY_MB)
    return FileSummary.from_dict(json.loads(json.dumps(found.to_dict())))


def at_inspect(member: Member) -> Said:
    """What ``inspect`` and the Data page say."""
    keys = keys_of(member)
    try:
        sides = [look(path, key) for path, key in zip(member.files, keys, strict=False)]
    except PsmatchError as error:
        return refused(error)
    findings = [each for side in sides for each in side.findings]
    if len(sides) == 2:
        findings += check_pair(*sides, source_label_key=keys[0], target_label_key=keys[1])
        one, other = (side.column(key) for side, key in zip(sides, keys, strict=True))
        if one is not None and other is not None:
            findings += reconcile(one.counts, other.counts, source_name="one", target_name="two").findings
    return said(findings)


def at_match(member: Member) -> Said:
    """What ``match`` says before it matches: the findings of both files, and those of both together."""

    def copy(spec: DataSpec, path: Path) -> Path:
        request = {"spec": spec.to_dict(), "partial": f"{path}.partial", "destination": str(path)}
        copy_here({**request, "memory_mb": MEMORY_MB})
        return path

    def modality(path: Path, key: str, side: str) -> Modality:
        spec = DataSpec(str(path), key, name=side, pair_key=member.pair_key, missing_labels="drop")
        return inputs.read_input(spec, side=side)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "copy_into", copy)
        return _of_modalities(member, modality)


def at_python(member: Member) -> Said:
    """What ``Modality.from_anndata`` says of the same objects, read by anndata itself."""

    def modality(path: Path, key: str, side: str) -> Modality:
        pair_key = member.pair_key or None
        adata = anndata.read_h5ad(path)
        return Modality.from_anndata(adata, label_key=key, name=side, pair_key=pair_key, missing_labels="drop")

    return _of_modalities(member, modality)


def _of_modalities(member: Member, modality) -> Said:
    try:
        sides = [
            modality(path, key, side)
            for path, key, side in zip(member.files, keys_of(member), ("one", "two"), strict=False)
        ]
        if len(sides) == 2:
            notes: tuple[str, ...] = ()
            with suppress(LookupError):
                notes = inputs.prepare_inputs(LabelRules(), *sides).notes
            coded = [each for each in notes if "[PM-" in each]
            codes = frozenset(each.rpartition("[")[2].rstrip("]") for each in coded)
            return Said(WARN if coded else ACCEPT, codes, tuple(coded))
    except PsmatchError as error:
        return refused(error)
    return said(sides[0].findings)
