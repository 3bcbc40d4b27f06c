"""The settings of the translation: the translator and its options."""

from __future__ import annotations

from dataclasses import replace

from pages.shell import session
from pages.shell.forms import config_form, strategy_box
from psmatch_core.translation.translators import Translator

HELP = (
    "How the features of the other modality are predicted, in both directions. A trained translator also predicts "
    "cells that are measured later."
)


def translator_settings() -> None:
    """The form; changes are saved in the workspace."""
    workspace, base = session.workspace(), session.workspace().base.translator
    translator = strategy_box(
        Translator.menu(), workspace.translator, base, label="Translator", name="translator", help=HELP
    )
    translator = config_form(translator, base, name="translator")
    session.set_workspace(replace(workspace, translator=translator))
