"""Files or a result that `psmatch app` names: the Data page opens them for whoever started the server."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from pages.shell import session
from pages.shell.opened_results import open_named
from pages.shell.sharing import is_shared
from pages.shell.workspace import Workspace
from psmatch_core.cli.app import OPENED_VARIABLES


def open_once(workspace: Workspace) -> None:
    """Hand the named files to the forms of an empty workspace, once per session; a shared server opens none."""
    if session.get("given") or workspace.source or workspace.target or workspace.run_id or is_shared():
        return
    session.put("given", True)
    if open_named():
        st.rerun()
    for which, variable in OPENED_VARIABLES.items():
        path = os.environ.get(variable, "")
        if path:
            session.put(f"new.{which}.path", (path, Path(path).name))
