"""What somebody else's run offers: all of it can be read, and nothing of it can be changed."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.sharing import is_shared
from psmatch_core.workspace.run_folder import RunFolder


def may_change(folder: RunFolder, *, to: str) -> bool:
    """Whether the visitor may change a run; if not, the page says what a copy would allow.

    Parameters
    ----------
    to
        What could be done, such as ``save selections``.
    """
    if session.store().owns(folder):
        return True
    st.caption(f":material/lock: To {to}, press “Copy to my runs” above: this run belongs to somebody else.")
    return False


def link_to_matching(job_id: str) -> None:
    """A link by which a colleague can read a matching of three modalities; nothing where one person uses the app."""
    if is_shared():
        st.caption("Read-only link: whoever has it can look at this matching and take its files, but change nothing.")
        st.code(session.matching_link(job_id), language=None, wrap_lines=True)


def link_to_share(folder: RunFolder) -> None:
    """A link by which a colleague can read a run, or what to do where there can be none."""
    if is_shared():
        st.caption("Read-only link: whoever has it can look at everything in this run and copy it, but change nothing.")
        st.code(session.run_link(folder.id), language=None, wrap_lines=True)
    else:
        st.caption(
            "To show this run to a colleague, send the report: one file that opens in any browser. On a server for a "
            "lab, a read-only link stands here (documentation: A server for a lab)."
        )
