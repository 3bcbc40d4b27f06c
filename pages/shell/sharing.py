"""Whether several people use this server: then each sees only their own runs, and those that they hold a link to."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress

import streamlit as st

from pages.shell.login import has_login

SHARED_VARIABLE = "PSMATCH_SHARED"
SECRET_VARIABLE = "PSMATCH_SECRET"


def is_shared() -> bool:
    """Whether more than one person uses this server.

    A server with a login is shared. Else ``PSMATCH_SHARED`` says so (1, or 0 for one person); unless it is set, one
    is shared that asks for a secret or listens on an address that other machines can reach.
    """
    if has_login():
        return True
    said = os.environ.get(SHARED_VARIABLE, "").strip()
    if said:
        return said != "0"
    return bool(os.environ.get(SECRET_VARIABLE)) or not is_local(st.get_option("server.address") or "")


def is_local(address: str) -> bool:
    """Whether only this machine can reach a server at an address."""
    if address == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    return False
