"""The institute's login (OpenID Connect), where ``.streamlit/secrets.toml`` has a section ``[auth]``."""

from __future__ import annotations

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from pages.shell.text import plain


def has_login() -> bool:
    """Whether this server asks people to log in."""
    return bool(get_secrets_auth_section())


def person() -> str:
    """Who has logged in, as their provider identifies them: the issuer and the subject; empty if nobody has.

    Names and addresses of e-mail may change hands, an issuer's subject never does.
    """
    if not st.user.get("is_logged_in"):
        return ""
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    return f"{issuer}\n{subject}" if issuer and subject else ""


def require_login() -> None:
    """Stop the page here until the visitor has logged in, if the server has a login."""
    if not has_login() or person():
        return
    st.title("psmatch")
    st.markdown("Log in to see your runs.")
    st.button("Log in", key="login", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()


def show_login() -> None:
    """Who has logged in, and a button to log out."""
    name = next((str(st.user[each]) for each in ("name", "email", "sub") if st.user.get(each)), "")
    st.caption(f"Logged in as {plain(name, 60)}. Only you see your runs.")
    st.button("Log out", key="logout", icon=":material/logout:", on_click=st.logout)
