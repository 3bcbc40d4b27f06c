"""The visitor's session: the only file that touches Streamlit's session state and the address of the page."""

from __future__ import annotations

import gc
import json
import re
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shell.data_steps import DataStep
from pages.shell.login import has_login, person
from pages.shell.sharing import is_shared
from pages.shell.workspace import Workspace, from_files, from_recipe, side_of
from psmatch_core.base.disk import explain_full_disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.sides import THIRD
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.new_folder import workspace_folder
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.run_folder import RUN_ID, RunFolder
from psmatch_core.workspace.store import RunStore

MATCHING = "matching"  # in the address: the matching of three modalities
KEY = "key"  # in the address of a shared server: the secret by which a browser finds its runs again
_KEY = re.compile(r"[A-Za-z0-9_-]{32}")
STEP_ASKED = "step"  # in the address: the step of the Data page to show
_FROZEN = {"modules": 0}


def root() -> Path:
    """The folder of uploads, runs and shared stages."""
    return workspace_folder()


def store() -> RunStore:
    """The runs of the workspace folder; on a shared server, as this visitor may see and change them."""
    if not is_shared():
        return RunStore(root())
    return PersonalStore(root(), owner=hash_owner(_identity()), held=frozenset(st.session_state.get("held", ())))


def _identity() -> str:
    """Who the visitor is: their login if the server has one, else whoever has the key in their address."""
    if has_login():
        return f"login\n{person() or secrets.token_hex(16)}"  # nobody, should a page draw without a login
    return _key()


def _key() -> str:
    """The visitor's secret: the one in the address, or a new one, which the address then keeps.

    It is chosen once per session. An address whose key is not one of ours gets a new one, so that nobody uses a word
    that others can guess.
    """
    if "key" not in st.session_state:
        given = st.query_params.get(KEY, "")
        st.session_state["key"] = given if _KEY.fullmatch(given) else secrets.token_urlsafe(24)
    return str(st.session_state["key"])


def run_link(run_id: str) -> str:
    """The address of a run without the visitor's key, to be passed on."""
    return f"{st.context.url or ''}?run={run_id}"


def matching_link(job_id: str) -> str:
    """The same of a matching of three modalities, which the Data page shows."""
    return f"{st.context.url or ''}?{MATCHING}={job_id}"


def workspace() -> Workspace:
    """What this visitor works on; a run named in the address is opened first."""
    current: Workspace = st.session_state.setdefault("workspace", Workspace())
    linked = st.query_params.get("run", "")
    if linked and linked != current.run_id and linked != st.session_state.get("link"):
        st.session_state["link"] = linked
        try:
            current = workspace_of(linked)
        except PsmatchError as error:
            put_error("link", error)
        else:
            clear_error("link")
            st.session_state["held"] = {*st.session_state.get("held", ()), linked}
            set_workspace(current)
    matching = st.query_params.get(MATCHING, "")
    if matching and matching != current.several_id and matching != st.session_state.get("matching"):
        st.session_state["matching"] = matching
        try:
            current = workspace_with_several(current, matching)
        except PsmatchError as error:
            put_error("link", error)
        else:
            set_workspace(current)
            ask_for_step(DataStep.JUDGE)  # which shows it
    return current


def several_job(job_id: str) -> SeveralJob | None:
    """The matching of three modalities with this id, read-only if it is somebody else's; None if there is none."""
    found = store()
    folder = RunFolder(found.root / SeveralJob.place / job_id)
    if not RUN_ID.fullmatch(job_id) or not folder.path.is_dir():
        return None
    return SeveralJob(folder if found.owns(folder) else replace(folder, is_read_only=True))


def workspace_with_several(current: Workspace, job_id: str) -> Workspace:
    """The workspace with a matching of three modalities and its files; all else stays if they are files of two.

    Raises
    ------
    PsmatchError
        If there is none with this id, its files are damaged, or another version wrote them.
    """
    job = several_job(job_id)
    if job is None:
        raise PsmatchError(
            "No matching has this link.", hint="Open one from the list on Data, or match the files again."
        )
    spec, preprocessing = list(job.specs.values())[:3][-1], list(job.preprocessing.values())[:3]
    opened = from_recipe(job.folder.recipe, "")
    contents = [[side.content for side in (each.source, each.target) if side is not None] for each in (current, opened)]
    kept = current if contents[0] == contents[1] else opened
    third = side_of(spec, preprocessing[-1] if preprocessing else Preprocessing(), THIRD)
    return replace(kept, third=third, several_id=job.id)


def workspace_of(run_id: str) -> Workspace:
    """The workspace in which a run was started.

    Raises
    ------
    PsmatchError
        If there is no such run, or another version of psmatch wrote its settings.
    """
    folder = store().open(run_id)
    try:
        return from_recipe(folder.recipe, run_id)
    except PsmatchError as error:
        raise PsmatchError(
            f"Another version of psmatch made this run, and its settings cannot be read here: {error.problem}",
            hint="Start a new run with the same files. The exports of this run are still in its folder.",
        ) from None


def files_of(run_id: str) -> Workspace | None:
    """The data files of a run whose settings cannot be read; None if even the files cannot be found out."""
    try:
        text = (store().open(run_id).path / "recipe.json").read_text(encoding="utf-8")
        return from_files(json.loads(text))
    except (PsmatchError, OSError, ValueError):
        return None


def set_workspace(changed: Workspace) -> None:
    """Replace the visitor's workspace, and write its run into the address."""
    st.session_state["workspace"] = changed
    if changed.run_id:
        clear_error("link")
    write_address()


def set_several(job_id: str) -> None:
    """The matching of all three modalities to show on the Data page; empty for none."""
    set_workspace(replace(workspace(), several_id=job_id))


def write_address() -> None:
    """Write the run, the matching of three, and the key on a shared server into the address.

    Switching pages empties it.
    """
    current: Workspace = st.session_state["workspace"]
    if is_shared() and not has_login() and st.query_params.get(KEY) != _key():
        st.query_params[KEY] = _key()
    if current.run_id:
        st.session_state["link"] = current.run_id
        if st.query_params.get("run") != current.run_id:
            st.query_params["run"] = current.run_id
    elif "run" in st.query_params and st.session_state.get("link") == st.query_params["run"]:
        del st.query_params["run"]
    if current.several_id:
        st.session_state["matching"] = current.several_id
        if st.query_params.get(MATCHING) != current.several_id:
            st.query_params[MATCHING] = current.several_id
    elif st.query_params.get(MATCHING) == st.session_state.get("matching") is not None:
        del st.query_params[MATCHING]


def ask_for_step(step: str) -> None:
    """Let the Data page show one of its steps when it is drawn next, as a link that asks for it does."""
    st.query_params[STEP_ASKED] = step


def take_from_address(name: str) -> str:
    """What the link to this page asked for under a name, once; empty if it asked for nothing."""
    asked = st.query_params.get(name, "")
    if asked:
        del st.query_params[name]
    return asked


def current_run() -> RunFolder | None:
    """The folder of the workspace's run."""
    current = workspace()
    if not current.run_id:
        return None
    try:
        return store().open(current.run_id)
    except PsmatchError as error:
        put_error("link", error)
        set_workspace(current.with_run(""))
        return None


def upload_folder() -> Path:
    """A folder for the visitor's uploads, under a name that nobody can guess; each has one on a shared server."""
    new = hash_owner(f"uploads {_identity()}")[:32] if is_shared() else secrets.token_hex(16)
    folder = root() / "uploads" / str(st.session_state.setdefault("uploads", new))
    with explain_full_disk("an upload"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget_upload(file_id: str) -> None:
    """Remove an upload that is on disk from the server's memory, where Streamlit keeps it while the tab is open."""
    context = get_script_run_ctx()
    uploads = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if context is not None and isinstance(uploads, MemoryUploadedFileManager):
        uploads.remove_file(context.session_id, file_id)


def put_error(place: str, error: PsmatchError) -> None:
    """Show an error at a place of the page until something succeeds there."""
    st.session_state.setdefault("errors", {})[place] = error


def clear_error(place: str) -> None:
    """Remove the error of a place."""
    st.session_state.setdefault("errors", {}).pop(place, None)


def error_at(place: str) -> PsmatchError | None:
    """The error to be shown at a place."""
    found: PsmatchError | None = st.session_state.setdefault("errors", {}).get(place)
    return found


def get(name: str) -> Any:
    """A stored value, or what a widget holds, by its key; None if there is none."""
    return st.session_state.get(name)


def put(name: str, value: Any) -> None:
    """Store a value for later scripts of this visitor."""
    st.session_state[name] = value


def pop(name: str) -> Any:
    """Remove a stored value and return it; None if there is none."""
    return st.session_state.pop(name, None)


def widget_key(name: str) -> str:
    """The current key of the widgets called ``name``; see :func:`reset_widgets`."""
    return f"{name}.{st.session_state.setdefault('versions', {}).get(name, 0)}"


def reset_widgets(name: str) -> None:
    """Give the widgets called ``name`` new keys: they drop what they held and start from the workspace's values."""
    versions = st.session_state.setdefault("versions", {})
    versions[name] = versions.get(name, 0) + 1


def freeze_imported() -> None:
    """Exclude imported modules from garbage collection: each rerun ends in a full one, 0.1 s of CPU and more."""
    if len(sys.modules) > _FROZEN["modules"] + 50:
        _FROZEN["modules"] = len(sys.modules)
        gc.collect()
        gc.freeze()


def new_run_name(stop_after: str) -> str:
    """A name by which a new run is recognised in the list: both modalities, and its method."""
    current = workspace()
    if current.source is None or current.target is None:
        return ""
    epsilon = getattr(current.matcher, "epsilon", None)
    kind = kind_title(type(current.matcher)).partition(" (")[0].partition(":")[0]
    is_default = isinstance(current.matcher, SinkhornMatcher)
    method = kind if epsilon is None else f"ε = {epsilon:g}" if is_default else f"{kind}, ε = {epsilon:g}"
    return f"{current.source.name} → {current.target.name}, {'scores only' if stop_after == 'propensity' else method}"


def may_have_known_pairs() -> bool:
    """Whether the next run will know true pairs, as far as the files were inspected."""
    current = workspace()
    if current.source is None or current.target is None:
        return False
    found = current.known_pairs
    return found is None or found.are_known
