"""What to type to match the modalities of the Data page on another machine, and more than the app takes."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Collection, Sequence

import streamlit as st

from pages.shell import session
from pages.shell.places import in_own_place
from pages.shell.several import sides_of
from pages.shell.workspace import DEMO, START_RULES, Side
from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.modality_names import MOST_LETTERS, check_modality_names
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.sides import ALL_SIDES

HOW_TO = "docs/how-to/three-modalities.md"
# Settings of a file that options of their own say, or that hold on this machine only.
IN_WORDS = ("path", "name", "sha256", "label_key", "matrix", "part", "labels_path")


@in_own_place
def several_command() -> None:
    """The command that matches all files, folded; nothing until two files are there, or for a demo."""
    workspace = session.workspace()
    sides = sides_of(workspace)
    both = workspace.source is not None and workspace.target is not None
    if not both or any(side.path.startswith(DEMO) or not side.label_key for side in sides):
        return
    with st.expander("Three modalities and more by the command line", icon=":material/terminal:"):
        more = "" if workspace.third is not None else " Put in the file and the label column of the third:"
        st.markdown(
            "The same on another machine or a cluster, in the folder of your files; for four modalities and more, add "
            "NAME=FILE of each. The result is a folder with one MuData file, which step 1 opens under “Open a result "
            f"of the command line or a cluster”.{more}"
        )
        st.code(many_command(*sides, labels=workspace.labels), language="bash", wrap_lines=True)
        st.caption(
            "It says all that is chosen on this page; new names of labels of the second file hold for the third too. "
            f"Settings of other pages are not in it: add them by --set. {HOW_TO} shows how, and what a third is worth."
        )


def many_command(*sides: Side, labels: LabelRules = START_RULES) -> str:
    """The command line that matches the files of all sides, read and labelled as on the page.

    Of two sides, with a place for a third file.
    """
    names, third = _names(sides)
    words = ["psmatch", "match-many"]
    words += [f"{name}={side.shown}" for name, side in zip(names, sides, strict=True)]
    words += [f"{third}=THIRD_FILE"] if third else []
    for name, side in zip(names, sides, strict=True):
        words += ["--label", f"{name}={side.label_key}"]
        words += ["--matrix", f"{name}={side.matrix}"] if side.matrix != "X" else []
        words += ["--part", f"{name}={side.part}"] if side.part else []
        words += ["--labels", f"{name}={side.labels_shown}"] if side.labels_path else []
    words += ["--label", f"{third}=COLUMN"] if third else []
    for name, side in zip(names, sides, strict=True):
        words += _changed(f"data.{name}.", side.spec, DataSpec(path=""), but=IN_WORDS)
        words += _changed(f"preprocessing.{name}.", side.preprocessing, Preprocessing())
    # Until the visitor decides, the page refuses labels of one modality only; match-many leaves them out and says so.
    words += _changed("labels.", labels, LabelRules(), but=("unshared",))
    return shlex.join(words)


def _changed(prefix: str, config: Config, default: Config, but: Collection[str] = ()) -> list[str]:
    """``--set`` with each option that is not at its default."""
    usual = default.to_dict()
    changed = {name: value for name, value in config.to_dict().items() if value != usual.get(name) and name not in but}
    return [word for name, value in changed.items() for word in ("--set", f"{prefix}{name}={_typed(value)}")]


def _typed(value: object) -> str:
    """A value as ``--set`` reads it: text as it is, unless it would be read as something else."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except json.JSONDecodeError:
            return value
    return json.dumps(value, ensure_ascii=False)


def _names(sides: Sequence[Side]) -> tuple[list[str], str]:
    """Short names for the modalities, which match-many takes, and one for a third where there are only two."""
    names: list[str] = []
    more = ["third"] if len(sides) < len(ALL_SIDES) else []
    for wanted in (*(side.name or side.shown.split(".")[0] for side in sides), *more):
        short = re.sub(r"\W+", "_", wanted)[: MOST_LETTERS - 1].strip("_") or "cells"
        taken = {name.casefold() for name in names}
        numbered = (f"{short}{number}" for number in itertools.count(2))
        names.append(short if short.casefold() not in taken else next(x for x in numbered if x.casefold() not in taken))
    try:
        check_modality_names(names)
    except PsmatchError:
        names = ["one", "two", "third"]
    return names[: len(sides)], (names[-1] if more else "")
