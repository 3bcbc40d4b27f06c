"""What to type when there is a third modality: the app matches two, the command line as many as there are."""

from __future__ import annotations

import re
import shlex

import streamlit as st

from pages.shell import session
from pages.shell.workspace import DEMO, Side

HOW_TO = "docs/how-to/three-modalities.md"


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
        st.code(many_command(sides[0], sides[1]), language="bash", wrap_lines=True)
        st.caption(
            f"Preprocessing and other settings are added by --set; {HOW_TO} shows how, and what a third is worth."
        )


def many_command(source: Side, target: Side) -> str:
    """The command line that matches the files of both sides and a third one, as both sides are read."""
    names = [_name(source), _name(target)]
    names[1] = names[1] if names[1] != names[0] else f"{names[1]}2"
    words = ["psmatch", "match-many"]
    words += [f"{name}={side.shown}" for name, side in zip(names, (source, target), strict=True)]
    words.append("third=THIRD_FILE")
    for name, side in zip(names, (source, target), strict=True):
        words += ["--label", f"{name}={side.label_key}"]
        words += ["--matrix", f"{name}={side.matrix}"] if side.matrix != "X" else []
        words += ["--part", f"{name}={side.part}"] if side.part else []
    words += ["--label", "third=COLUMN"]
    return shlex.join(words)


def _name(side: Side) -> str:
    """A short name for a modality, as a name of a column may be."""
    return re.sub(r"\W+", "_", side.name or side.shown.split(".")[0]).strip("_") or "cells"
