"""The only file that touches Streamlit's session state and the address of the page."""

from __future__ import annotations

import gc
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shell.workspace import Workspace, from_files, from_recipe
from psmatch_core.base.disk import explain_full_disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore

_FROZEN = {"modules": 0}


def root() -> Path:
    """Where uploads, runs and shared stages lie: ``PSMATCH_WORKSPACE``, or ``psmatch-workspace`` beside the start."""
    return Path(os.environ.get("PSMATCH_WORKSPACE") or "psmatch-workspace").absolute()


def store() -> RunStore:
    """The runs of this workspace."""
    return RunStore(root())


def workspace() -> Workspace:
    """What this visitor works on; a run named in the address is opened first."""
    held: Workspace = st.session_state.setdefault("workspace", Workspace())
    asked = st.query_params.get("run", "")
    if asked and asked != held.run_id and asked != st.session_state.get("link"):
        st.session_state["link"] = asked
        try:
            held = opened(asked)
        except PsmatchError as error:
            say("link", error)
        else:
            hush("link")
            keep(held)
    return held


def opened(run_id: str) -> Workspace:
    """The workspace in which a run was started.

    Raises
    ------
    PsmatchError
        If there is no such run, or its settings are those of another version of the program.
    """
    folder = store().open(run_id)
    try:
        return from_recipe(folder.recipe, run_id)
    except PsmatchError as error:
        raise PsmatchError(
            f"The run was made by another version of the program; its settings cannot be read here: {error.problem}",
            hint="Start a new run with its files. What it exported still lies in its folder of the workspace.",
        ) from None


def salvaged(run_id: str) -> Workspace | None:
    """The files of a run whose settings are those of another version; None where not even they can be told."""
    try:
        text = (store().open(run_id).path / "recipe.json").read_text(encoding="utf-8")
        return from_files(json.loads(text))
    except (PsmatchError, OSError, ValueError):
        return None


def keep(changed: Workspace) -> None:
    """Remember the workspace, and let the address carry its run."""
    st.session_state["workspace"] = changed
    if changed.run_id:
        hush("link")
    show_link()


def show_link() -> None:
    """Write the run into the address: changing pages empties it."""
    held: Workspace = st.session_state["workspace"]
    if held.run_id:
        st.session_state["link"] = held.run_id
        if st.query_params.get("run") != held.run_id:
            st.query_params["run"] = held.run_id
    elif "run" in st.query_params and st.session_state.get("link") == st.query_params["run"]:
        del st.query_params["run"]


def current_run() -> RunFolder | None:
    """The folder of the workspace's run."""
    held = workspace()
    if not held.run_id:
        return None
    try:
        return store().open(held.run_id)
    except PsmatchError as error:
        say("link", error)
        keep(held.with_run(""))
        return None


def uploads() -> Path:
    """A folder for the visitor's uploads, under a name that nobody can guess."""
    name = st.session_state.setdefault("uploads", secrets.token_hex(16))
    folder = root() / "uploads" / str(name)
    with explain_full_disk("an upload"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(where: str, error: PsmatchError) -> None:
    """Keep an error to be shown at its place until something there succeeds."""
    st.session_state.setdefault("errors", {})[where] = error


def hush(where: str) -> None:
    """Forget the error of a place."""
    st.session_state.setdefault("errors", {}).pop(where, None)


def said(where: str) -> PsmatchError | None:
    """The error kept for a place."""
    found: PsmatchError | None = st.session_state.setdefault("errors", {}).get(where)
    return found


def take(name: str, default: Any = None) -> Any:
    """A value left by a callback, which is then gone."""
    return st.session_state.pop(name, default)


def peek(name: str) -> Any:
    """A value left by a callback, which stays."""
    return st.session_state.get(name)


def leave(name: str, value: Any) -> None:
    """Leave a value for the script that follows a callback."""
    st.session_state[name] = value


def value_of(key: str) -> Any:
    """What a widget holds, for its own callback."""
    return st.session_state.get(key)


def key(name: str) -> str:
    """The widget key of ``name`` in its current version; see :func:`renew`."""
    return f"{name}.{st.session_state.setdefault('versions', {}).get(name, 0)}"


def renew(name: str) -> None:
    """Make the widgets of ``name`` new ones: they begin with the workspace's values, and let go of what they held."""
    versions = st.session_state.setdefault("versions", {})
    versions[name] = versions.get(name, 0) + 1


def settle() -> None:
    """Take what the imports made out of garbage collection: every rerun ends in a full one (0.1 s of CPU and more)."""
    if len(sys.modules) > _FROZEN["modules"] + 50:
        _FROZEN["modules"] = len(sys.modules)
        gc.collect()
        gc.freeze()


def next_name(stop_after: str) -> str:
    """What to call a new run, so that it is known again in the list: both modalities, and how far it goes."""
    held = workspace()
    if held.source is None or held.target is None:
        return ""
    epsilon = getattr(held.matcher, "epsilon", None)
    kind = type(held.matcher).__name__.removesuffix("Matcher").lower()
    method = kind if epsilon is None else f"ε = {epsilon:g}" if kind == "sinkhorn" else f"{kind}, ε = {epsilon:g}"
    return f"{held.source.name} → {held.target.name}, {'scores only' if stop_after == 'propensity' else method}"


def may_know_pairs() -> bool:
    """Whether true pairs may be known: a pair column on both sides, or cell names on both sides that agree."""
    held = workspace()
    if held.source is None or held.target is None:
        return False
    if held.source.pair_key and held.target.pair_key:
        return True
    if held.source.summary is None or held.target.summary is None:
        return True
    return held.source.summary.cells.shared_with(held.target.summary.cells)[0] > 0
