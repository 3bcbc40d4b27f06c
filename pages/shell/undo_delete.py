"""Undo a deletion, at once or later: the same for runs and for sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import streamlit as st

from pages.shell import session
from pages.shell.clicks import act_on_click
from pages.shell.places import in_own_place
from pages.shell.text import plain, when


class DeletedItem(Protocol):
    """A deleted run or sweep; ``created`` in seconds since the epoch."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> float: ...


@dataclass(frozen=True)
class DeletedItems:
    """The deleted items of one kind.

    Parameters
    ----------
    kind
        What they are called in the singular, such as ``run``.
    items
        Those that can be restored now.
    restore
        Restores one, by its id.
    """

    kind: str
    items: Sequence[DeletedItem]
    restore: Callable[[str], object]

    @in_own_place
    def undo_button(self) -> None:
        """A button that restores what this visitor deleted last, while that is possible."""
        last = session.get(_last(self.kind))
        if last and last in {each.id for each in self.items}:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"The {self.kind} was deleted.")
                if act_on_click("Undo", partial(self._restore, last), key=f"undo.{self.kind}", icon=":material/undo:"):
                    st.rerun()

    @in_own_place
    def show_list(self) -> None:
        """All of them, folded; each with a button that restores it."""
        if not self.items:
            return
        with st.expander(f"Deleted {self.kind}s ({len(self.items)})", icon=":material/restore_from_trash:"):
            for each in self.items:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"{plain(each.name or each.id, 80)}  \n{when(each.created)}", width="stretch")
                    hint = f"{self.kind.capitalize()} {each.id}"
                    back = partial(self._restore, each.id)
                    if act_on_click("Restore", back, key=f"restore.{each.id}", icon=":material/undo:", help=hint):
                        st.rerun()

    def _restore(self, item_id: str) -> None:
        self.restore(item_id)
        session.pop(_last(self.kind))


def remember_deleted(kind: str, item_id: str) -> None:
    """Record what was deleted last, for the undo button."""
    session.put(_last(kind), item_id)


def _last(kind: str) -> str:
    return f"{kind}.deleted"
