"""Rules on the names of cells and features: present, unique, and not mistaken for missing values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.data.checks.findings import Finding, display, name_list, rejection, warning
from psmatch_core.data.checks.not_measured import not_measured, unmeasured_finding

# Texts that table readers turn into "missing" by default, so that such a name is lost in other programs.
LOST_NAMES = frozenset({"na", "n/a", "nan", "none", "null", "<na>", "#n/a"})
LONGEST_LOST = max(map(len, LOST_NAMES))
# Rows that instruments and spreadsheets write above or below the cells.
_SUMMARY = re.compile(
    r"(?i)((grand[ _]?)?(sub)?totals?|sum|mean|average|avg|median|s\.?d|std([ _.]*dev)?|stdev|standard[ _]deviation|sem"
    r"|%?cv|variance|m(in|ax)(imum)?|count|all([ _]cells)?|units?)[.:]?"
)
LONGEST_SUMMARY = 20
# Barcodes and numbered cells.
_CELL = re.compile(r"(?i)(.*[_\-:#])?[ACGT]{10,}([-_.].*)?$|(cell|barcode|bc)[-_. ]?\d+|.*-\d+-\d+$")
# Peaks of open chromatin, features of ATAC: chr1-0-499, chr1:0-499, chr1_0_499, 1:100-200, GL000194.1:55758-56597.
_PEAK = re.compile(r"(?i)(chr\w+(\.\d+)?|\d{1,2}|x|y|mt?|[23][lr]|[ivx]+|[a-z]{2}\d{4,}(\.\d+)?)[-:_]\d+[-:_]\d+")
# Gene symbols that a spreadsheet has turned into dates (SEPT1, MARCH2, DEC1); a number may come first or last.
_DATED = re.compile(r"(?i)\d{1,2}-(mar|sep|sept|dec|oct|apr|feb)|(mar|sep|sept|dec|oct|apr|feb)-\d{1,2}")
# Names such as 2310009E13Rik and 2E10 that a spreadsheet has turned into numbers.
_NUMBERED = re.compile(r"\d(\.\d+)?E\+\d{2,3}")
_WHOLE = re.compile(r"\d+(\.0)?")
MOST_NAMES = 0.8  # the share of names that must look like cells (or like features)
RECOGNISED_BY = 200  # characters by which a name is recognised: patterns must not search through megabytes


def is_peak(name: str) -> bool:
    """Whether a feature is named like a peak of open chromatin, such as chr1:100-600."""
    return _PEAK.fullmatch(name[:RECOGNISED_BY]) is not None


def check_names(
    obs_names: Sequence[str], var_names: Sequence[str], *, name: str, measured: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Check the names of cells ``(n_cells,)`` and features ``(n_features,)`` of the data called ``name``.

    Parameters
    ----------
    measured
        Features that the user has said to be measured, which are not doubted whatever they are called.
    """
    findings: list[Finding] = []
    name = display(name, 40)
    every = [*map(str, obs_names), *map(str, var_names)]
    lengths = np.fromiter(map(len, map(str.strip, every)), dtype=np.int64, count=len(every))
    empty = int((lengths[: len(obs_names)] == 0).sum())
    if empty:
        cells = plural(empty, "cell name")
        findings.append(
            rejection("PM-F57", f"{name}: {cells} of {len(obs_names):,} {_is(empty)} empty.", "Give every cell a name.")
        )
    repeated = [each for each in _repeated(obs_names) if str(each).strip()]
    if repeated:
        findings.append(
            rejection(
                "PM-F20",
                f"{name}: {plural(len(repeated), 'cell name')} used more than once (duplicates): "
                f"{name_list(repeated)}.",
                "Make the cell names unique, for instance by adding the sample to each barcode.",
            )
        )
    doubled = _repeated(var_names)
    if doubled:
        example = unique_names([doubled[0], doubled[0]])[1]
        findings.append(
            warning(
                "PM-F19",
                f"{name}: {plural(len(doubled), 'feature name')} {_is(len(doubled))} repeated: {name_list(doubled)}.",
                f"Repeats get a number ({name_list([example])}); rename them if they are different features.",
            )
        )
    unmeasured = [each for each in not_measured([str(each) for each in var_names]) if each not in measured]
    if unmeasured:
        findings.append(unmeasured_finding(name, unmeasured, are_left_out=False))
    unnamed = int((lengths[len(obs_names) :] == 0).sum())
    if unnamed:
        findings.append(
            warning(
                "PM-F56", f"{name}: {plural(unnamed, 'feature')} {_has(unnamed)} an empty name.", "Name every feature."
            )
        )
    if obs_names and all(_WHOLE.fullmatch(str(each)[:RECOGNISED_BY]) for each in obs_names):
        problem = f"{name}: all cell names are whole numbers ({name_list(obs_names, 2)}), perhaps only row numbers."
        findings.append(
            warning("PM-F29", problem, "Use barcodes as cell names; check that the first column is not a feature.")
        )
    dated = [each for each in var_names if _DATED.fullmatch(str(each)[:RECOGNISED_BY])]
    if dated:
        problem = f"{name}: {plural(len(dated), 'feature')} named like a date: {name_list(dated, 3)}."
        findings.append(
            warning("PM-F36", problem, "A spreadsheet turns genes such as SEPT1 into dates; restore their names.")
        )
    numbered = [each for each in var_names if _NUMBERED.fullmatch(str(each)[:RECOGNISED_BY])]
    if numbered:
        problem = f"{name}: {plural(len(numbered), 'feature')} named like a large number: {name_list(numbered, 3)}."
        way = "A spreadsheet turns genes such as 2310009E13Rik into numbers; restore their names."
        findings.append(warning("PM-F36", problem, way))
    worded = [each for each in obs_names if not each[-1:].isdigit()]  # no summary ends with a digit; most cells do
    summaries = [each for each in worded if len(each) <= LONGEST_SUMMARY and _SUMMARY.fullmatch(each.strip())]
    if summaries:
        problem = f"{name}: {plural(len(summaries), 'row')} called like a summary of the cells: {name_list(summaries)}."
        findings.append(warning("PM-F74", problem, "Delete such rows from the table: as cells they would be matched."))
    short = np.flatnonzero(lengths <= LONGEST_LOST).tolist()
    lost = [every[at] for at in short if every[at].strip().lower() in LOST_NAMES]
    if lost:
        findings.append(
            warning(
                "PM-F25",
                f"{name}: {plural(len(lost), 'name')} of cells or features read like missing values: "
                f"{name_list(lost)}.",
                "They are kept here; rename them, since other programs may drop them.",
            )
        )
    if looks_transposed(obs_names, var_names):
        findings.append(
            warning(
                "PM-F23",
                f"{name} looks transposed: its columns are named like cells ({name_list(var_names, 2)}), its rows like "
                f"genes or other features ({name_list(obs_names, 2)}).",
                "Rows must be cells: transpose it, or give a table with the labels of the cells.",
            )
        )
    return tuple(findings)


def looks_transposed(obs_names: Sequence[str], var_names: Sequence[str]) -> bool:
    """Whether most columns are named like cells, and few rows are."""
    return bool(obs_names and var_names) and (
        _share_of_cells(var_names) > MOST_NAMES and _share_of_cells(obs_names) < 1 - MOST_NAMES
    )


def _share_of_cells(names: Sequence[str]) -> float:
    """The share of names that are those of cells."""
    sample = [str(each)[:RECOGNISED_BY] for each in names[:1000]]
    return sum(_CELL.match(each) is not None and _PEAK.fullmatch(each) is None for each in sample) / len(sample)


def unique_names(names: Sequence[str]) -> list[str]:
    """The names with ``-1``, ``-2`` … added to repeated ones, as in anndata."""
    taken, seen, result = set(names), Counter[str](), []
    for name in names:
        if seen[name]:
            while (candidate := f"{name}-{seen[name]}") in taken:
                seen[name] += 1
            taken.add(candidate)
            result.append(candidate)
        else:
            result.append(name)
        seen[name] += 1
    return result


def _repeated(names: Sequence[str]) -> list[str]:
    """The names that are used more than once, in order; counted only if there are any."""
    return [] if len(set(names)) == len(names) else [each for each, count in Counter(names).items() if count > 1]


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"
