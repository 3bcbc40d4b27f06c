"""What was deleted, and the way back: runs and sweeps alike are undone at once or brought back later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import streamlit as st

from pages.shell import session
from pages.shell.errors import told
from pages.shell.text import plain, when


class Gone(Protocol):
    """What a list of deleted things tells of each; ``created`` in seconds since the epoch."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> float: ...


@dataclass(frozen=True)
class Deleted:
    """The deleted things of one kind.

    Parameters
    ----------
    kind
        What they are called, such as ``run``.
    found
        What lies aside now.
    restore
        Brings one back, by its id.
    """

    kind: str
    found: Sequence[Gone]
    restore: Callable[[str], object]

    def undo(self) -> None:
        """A button for what this visitor deleted last, as long as it lies aside."""
        last = session.peek(_last(self.kind))
        if last and last in {each.id for each in self.found}:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"The {self.kind} was deleted.")
                if st.button("Undo", key=f"undo.{self.kind}", icon=":material/undo:"):
                    self._bring_back(last)

    def listed(self) -> None:
        """All of them, folded; each with a button that brings it back."""
        if not self.found:
            return
        with st.expander(f"Deleted {self.kind}s ({len(self.found)})", icon=":material/restore_from_trash:"):
            for each in self.found:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"{plain(each.name or each.id, 80)}  \n{when(each.created)}", width="stretch")
                    hint = f"{self.kind.capitalize()} {each.id}"
                    if st.button("Bring back", key=f"restore.{each.id}", icon=":material/undo:", help=hint):
                        self._bring_back(each.id)

    def _bring_back(self, gone: str) -> None:
        with told():
            self.restore(gone)
            session.take(_last(self.kind))
            st.rerun()


def remember(kind: str, gone: str) -> None:
    """What was deleted last, for the undo."""
    session.leave(_last(kind), gone)


def _last(kind: str) -> str:
    return f"{kind}.deleted"
