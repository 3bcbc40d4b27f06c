"""Every case of the corpus of bad and good input: its verdict, and the words that its message must contain."""

import json
from pathlib import Path

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, Severity, check_pair
from psmatch_core.data.labels.shared_labels import reconcile
from psmatch_core.data.readers import DataSpec, inspect_file, shown_name
from tests.data.parent_process import parent_facts

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
MANIFEST = CORPUS / "manifest.json"
CASES = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.is_file() else []
FORBIDDEN = ("Traceback", "Error:", "dtype", "object at", "/tmp", "h5py", "numpy.", "pandas", "KeyError", "float32")

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES, reason="the corpus of bad input is not beside the checkout (../shared/corpus)"),
]


@pytest.fixture(autouse=True)
def parent_is_unchanged(tmp_path, monkeypatch):
    """A bad file harms only its owner: every case leaves this process as it was."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = parent_facts()
    yield
    assert parent_facts() == before


def verdict_of(case) -> tuple[str, list[Finding | PsmatchError]]:
    """What the app would say: each file alone, then both together."""
    key = case["label_col"] or ""
    is_pair = len(case["files"]) == 2
    findings: list[Finding] = []
    try:
        sides = []
        for file, upload_name in zip(case["files"], case["upload_names"], strict=True):
            side = inspect_file(
                DataSpec(path=str(CORPUS / file), label_key="" if is_pair else key), display_name=upload_name
            )
            findings += side.findings
            sides.append(side)
    except PsmatchError as error:
        return "reject", [error]
    if is_pair:
        source, target = sides
        findings += check_pair(source, target, source_label_key=key, target_label_key=key)
        here, there = source.column(key), target.column(key)
        if here and there:
            findings += reconcile(here.counts, there.counts, source_name=source.name, target_name=target.name).findings
    if any(each.severity is Severity.REJECT for each in findings):
        return "reject", list(findings)
    return ("warn" if findings else "accept"), list(findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case_gets_its_verdict_and_its_words(case):
    verdict, messages = verdict_of(case)
    text = " ".join(str(each) for each in messages)
    for name in case["upload_names"]:  # file names of the corpus tell what is wrong: the message itself must
        text = text.replace(shown_name(name), "FILE")
    assert verdict == case["expected"], text
    for group in case["keywords"]:
        assert any(word.lower() in text.lower() for word in group), (group, text)
    for each in messages:
        assert len(str(each)) <= 300, str(each)
        assert not any(word in str(each) for word in FORBIDDEN), str(each)


def test_no_case_leaves_a_trace_or_reads_another_file():
    canary = (CORPUS / "canary_host_secret.bin").read_bytes()[:16]
    for case in CASES:
        if case["group"] == "security":
            _, messages = verdict_of(case)
            assert canary.decode("latin-1") not in " ".join(str(each) for each in messages)
    assert not list(CORPUS.glob("PWNED_*"))
    assert not list(Path.cwd().glob("PWNED_*"))
