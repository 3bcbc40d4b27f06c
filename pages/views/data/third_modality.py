"""What to type when there is a third modality: the app matches two, the command line as many as there are."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Collection

import streamlit as st

from pages.shell import session
from pages.shell.workspace import DEMO, START_RULES, Side
from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.modality_names import MOST_LETTERS, check_modality_names
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec

HOW_TO = "docs/how-to/three-modalities.md"
# Settings of a file that options of their own say, or that hold on this machine only.
IN_WORDS = ("path", "name", "sha256", "label_key", "matrix", "part", "labels_path")


def third_modality() -> None:
    """The command that matches both files with a third one, folded; nothing until both files are there."""
    workspace = session.workspace()
    sides = [side for side in (workspace.source, workspace.target) if side is not None]
    if len(sides) < 2 or any(side.path.startswith(DEMO) or not side.label_key for side in sides):
        return
    with st.expander("A third modality", icon=":material/add_circle:"):
        st.markdown(
            "The app matches two modalities. Three or more are matched by the command line, in the folder of your "
            "files, or in Python; the result is a folder with one MuData file, not a run of the app. Put in the file "
            "and the label column of the third:"
        )
        st.code(many_command(sides[0], sides[1], workspace.labels), language="bash", wrap_lines=True)
        st.caption(
            "It says all that is chosen on this page; new names of labels of the second file hold for the third too. "
            f"Settings of other pages are not in it: add them by --set. {HOW_TO} shows how, and what a third is worth."
        )


def many_command(source: Side, target: Side, labels: LabelRules = START_RULES) -> str:
    """The command line that matches the files of both sides and a third one, read and labelled as on the page."""
    sides = (source, target)
    *names, third = _names(sides)
    words = ["psmatch", "match-many"]
    words += [f"{name}={side.shown}" for name, side in zip(names, sides, strict=True)]
    words.append(f"{third}=THIRD_FILE")
    for name, side in zip(names, sides, strict=True):
        words += ["--label", f"{name}={side.label_key}"]
        words += ["--matrix", f"{name}={side.matrix}"] if side.matrix != "X" else []
        words += ["--part", f"{name}={side.part}"] if side.part else []
        words += ["--labels", f"{name}={side.labels_shown}"] if side.labels_path else []
    words += ["--label", f"{third}=COLUMN"]
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


def _names(sides: tuple[Side, Side]) -> list[str]:
    """Short names for both modalities and a third, which match-many takes."""
    names: list[str] = []
    for wanted in (*(side.name or side.shown.split(".")[0] for side in sides), "third"):
        short = re.sub(r"\W+", "_", wanted)[: MOST_LETTERS - 1].strip("_") or "cells"
        taken = {name.casefold() for name in names}
        numbered = (f"{short}{number}" for number in itertools.count(2))
        names.append(short if short.casefold() not in taken else next(x for x in numbered if x.casefold() not in taken))
    try:
        check_modality_names(names)
    except PsmatchError:
        return ["one", "two", "third"]
    return names
