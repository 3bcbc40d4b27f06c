"""Doses and times in names: ``10 µM``, ``10uM`` and ``10000 nM`` are one dose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from psmatch_core.data.names.controls import is_control_name
from psmatch_core.data.names.look_alikes import folded
from psmatch_core.data.names.spellings import spelling

LONGEST = 120  # characters; a longer text is no name of a condition
# Each unit by its usual spellings: what it measures, and how many of the smallest it holds.
_UNITS = {
    "pM": ("molar", 1), "nM": ("molar", 10**3), "uM": ("molar", 10**6), "mM": ("molar", 10**9), "M": ("molar", 10**12),
    "pg/ml": ("mass", 1), "ng/ml": ("mass", 10**3), "ug/ml": ("mass", 10**6), "mg/ml": ("mass", 10**9),
    "min": ("time", 1), "h": ("time", 60), "d": ("time", 1440), "w": ("time", 10080),
}  # fmt: skip
_UNIT = r"[pnuµμm]?M|[nuµμ]m|[pnuµμm]g[/ ]?m[lL]|min(?:utes?|s)?|h(?:rs?|ours?)?|d(?:ays?)?|w(?:ks?|eeks?)"
_NUMBER = r"\d{1,15}(?:[.,]\d{1,15})?(?:[eE][+-]?\d{1,2})?"
_AMOUNT = rf"(?P<number>{_NUMBER})\s*[_-]?\s*(?P<unit>{_UNIT})?"
_NAMED = re.compile(rf"(?P<name>.*?\w\)?)[\s_|(×@:.-]+{_AMOUNT}\s*\)?")
_FIRST = re.compile(
    rf"(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})(?:[\s_|×@:]+|-(?=[A-Za-z]))(?P<name>\w.*)"
)  # 10µM Nutlin
_ALONE = re.compile(rf"\s*{_AMOUNT}\s*")
_TIME = r"min(?:utes?|s)?|h(?:rs?|ours?)?|d(?:ays?)?|w(?:ks?|eeks?)"
# 24hpi and 24 h post infection are 24 h, t=24h and t24h too; T1D is a disease.
_POST = re.compile(
    rf"(?i)(?P<time>\b\d+(?:\.\d+)?\s*(?:{_TIME}))[\s_-]*(?:p\.?i\.?|post[\s_-]*(?:infection|treatment|stim(?:ulation)?"
    r"|transfection|transduction|induction))$"
)
_AT = re.compile(
    rf"(?i)t\s*(?:=\s*(?P<one>{_NUMBER}\s*(?:{_TIME}))|[_ ]?(?P<other>{_NUMBER}\s*(?:min|h(?:rs?|ours?)?)))"
)
_WORD_FIRST = re.compile(rf"(?i)(?P<unit>minute|hour|hr|day|week|wk)s?[\s_-]*(?P<number>{_NUMBER})")
# T24, t = 24 and LPS_T24: a time, if the other side writes the same number with a unit.
_BARE_TIME = re.compile(r"(?:(?P<name>.*?\w\)?)[\s_|-]+)?[tT]\s*[=_-]?\s*(?P<number>\d{1,4}(?:\.\d{1,3})?)")
LEAST_ALONE = 10  # T1 alone may be anything; T24 beside 24 h is a time
_ENDING = re.compile(rf"(?P<name>.+?)[\s_.(\[-]+(?P<unit>{_UNIT})[\])]?")


@dataclass(frozen=True)
class Dose:
    """A dose or a time, and what has it.

    Parameters
    ----------
    name
        What has the dose, with one spelling; empty if the text is the dose alone.
    value
        In the smallest unit of its kind, or as written where no unit is.
    measure
        ``molar``, ``mass`` or ``time``; empty without a unit.
    number
        As written.
    unit
        With one spelling; empty where none is.
    """

    name: str
    value: Decimal
    measure: str
    number: Decimal
    unit: str


def dose_of(text: str) -> Dose | None:
    """The dose or time at the end or start of a text, such as ``Taxol_10uM``, ``10µM JQ1`` or ``24h``; else None."""
    if len(text) > LONGEST:
        return None
    text = _plain_time(text)
    found = _ALONE.fullmatch(text) or _NAMED.fullmatch(text.strip()) or _FIRST.fullmatch(text.strip())
    if found is None:
        return None
    number = Decimal(found["number"].replace(",", "."))
    unit = _plain_unit(found["unit"] or "")
    measure, factor = _UNITS.get(unit, ("", 1))
    name = spelling(found.groupdict().get("name") or "").strip()
    return Dose(name, (number * factor).normalize(), measure, number.normalize(), unit)


def _plain_time(text: str) -> str:
    """A time in plain form: ``24 h`` for ``24hpi`` and ``t=24h``, ``3 day`` for ``day 3``; other texts as they are."""
    text = text.strip()
    if found := _POST.search(text):
        text = text[: found.start()] + found["time"]
    if found := _AT.fullmatch(text):
        return found["one"] or found["other"]
    if found := _WORD_FIRST.fullmatch(text):
        return f"{found['number']} {found['unit'].lower()}"
    return text


def is_bare_time(label: str) -> bool:
    """Whether a label may be a time without its unit, as T24 is."""
    return len(label) <= LONGEST and _BARE_TIME.fullmatch(label.strip()) is not None


def without_unit(column: str) -> tuple[str, str]:
    """The name of a column without the unit at its end, and that unit: ``dose`` and ``nM`` for ``dose_nM``."""
    found = _ENDING.fullmatch(column.strip()) if len(column) <= LONGEST else None
    return (found["name"].lower(), _plain_unit(found["unit"])) if found else (column.strip().lower(), "")


def same_doses(source: Mapping[str, int], target: Mapping[str, int]) -> dict[str, str]:
    """Labels of the target to those of the source that name the same dose in another unit or spelling.

    A dose without a unit is that of the other side only if all doses there have one unit. Controls stay as they are
    unless they are at a time, and so do labels that both sides have.

    Parameters
    ----------
    source, target
        Cells of each label [cells].
    """
    sides = [
        {
            label: dose
            for label in side
            if (dose := dose_of(label)) is not None and (dose.measure == "time" or not is_control_name(label))
        }
        for side in (source, target)
    ]
    units = [{dose.unit for dose in side.values()} for side in sides]
    found = _bare_times(source, target)
    if not any(units[0] | units[1]):
        return found
    # One side writes no unit, the other one unit: 10 is 10 uM.
    is_bare = {""} in units and all(len(each) == 1 for each in units)

    def key(dose: Dose) -> tuple[str, Decimal, str]:
        return (dose.name, dose.number, "") if is_bare else (dose.name, dose.value, dose.measure)

    known: dict[tuple[str, Decimal, str], str] = {}
    for label, dose in sides[0].items():
        known.setdefault(key(dose), label)
    for label, dose in sides[1].items():
        twin = known.get(key(dose), label)
        if label not in source and twin not in target and folded(twin) != folded(label):
            found[label] = twin
    return found


def _bare_times(source: Mapping[str, int], target: Mapping[str, int]) -> dict[str, str]:
    """Target labels to source labels where one side writes T24 and the other 24 h.

    Only if all names that the side with T has alone, controls apart, are such times, most of them stand on the other
    side, in one unit, and it has each of them once.
    """
    for i, (mine, other) in enumerate(((source, target), (target, source))):
        own = [label for label in mine if label not in other and not is_control_name(label)]
        if not own or not all(map(is_bare_time, own)):
            continue
        times: dict[tuple[str, Decimal], list[str]] = {}
        units = set()
        for label in other:
            dose = dose_of(label) if label not in mine else None
            if dose is not None and dose.measure == "time":
                times.setdefault((dose.name, dose.number), []).append(label)
                units.add(dose.unit)
        found = {label: twins[0] for label in own if len(twins := times.get(_bare_time(label), [])) == 1}
        is_sure = len(found) > 1 or any(_bare_time(label)[1] >= LEAST_ALONE for label in found)
        numbers = sorted(_bare_time(label)[1] for label in own)
        is_order = numbers == list(range(int(numbers[0]), int(numbers[0]) + len(own))) and numbers[0] <= 1  # T0, T1, T2
        is_most = len(found) == len(own) if is_order else 2 * len(found) >= len(own)
        if is_sure and is_most and len(units) == 1 and len({*found.values()}) == len(found):
            return found if i == 1 else {twin: label for label, twin in found.items()}
    return {}


def _bare_time(label: str) -> tuple[str, Decimal]:
    """What has the time, with one spelling, and the number."""
    found = _BARE_TIME.fullmatch(label.strip())
    assert found is not None
    return spelling(found["name"] or "").strip(), Decimal(found["number"]).normalize()


def _plain_unit(unit: str) -> str:
    plain = unit.replace("µ", "u").replace("μ", "u")
    if plain in ("nm", "um"):
        return f"{plain[0]}M"
    if plain.endswith(("ml", "mL")) and len(plain) > 2:
        return f"{plain[:2]}/ml"
    return "min" if plain.startswith("min") else plain[:1] if plain[:1] in ("h", "d", "w") else plain
