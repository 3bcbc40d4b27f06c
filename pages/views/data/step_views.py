"""What each step of the Data page shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pages.shell import session
from pages.shell.data_steps import DataStep
from pages.views.data.choices_table import choices_table
from pages.views.data.file_form import file_form
from pages.views.data.known_pairs import known_pairs_section
from pages.views.data.label_form import label_form
from pages.views.data.labels import label_comparison
from pages.views.data.match_button import match_button
from pages.views.data.several_button import several_button
from pages.views.data.several_command import several_command
from pages.views.data.several_labels import several_label_comparison
from pages.views.data.several_result import several_section
from pages.views.data.side_form import both_sides, third_side
from pages.views.data.steps import is_leaving, show_question, step_buttons
from pages.views.data.value_pictures import value_pictures
from pages.views.data.values_form import values_form


def _files() -> None:
    both_sides(file_form, with_uploader=True)
    third_side(file_form, with_uploader=True)
    _way_on(DataStep.FILES)


def _labels() -> None:
    both_sides(label_form)
    third_side(label_form)
    label_comparison(session.workspace(), with_figure=not is_leaving())
    several_label_comparison(session.workspace())
    _way_on(DataStep.LABELS)


def _values() -> None:
    both_sides(values_form)
    third_side(values_form)
    if not is_leaving():
        value_pictures(session.workspace())
    _way_on(DataStep.VALUES)


def _judge() -> None:
    several_section()
    choices_table(session.workspace())
    show_question(DataStep.JUDGE, session.workspace())
    match_button(is_last_step=True)
    several_button()
    known_pairs_section()
    several_command()
    step_buttons(DataStep.JUDGE, session.workspace())


def _way_on(step: DataStep) -> None:
    show_question(step, session.workspace())
    match_button(is_last_step=False)
    several_button()
    step_buttons(step, session.workspace())


STEP_VIEWS: Mapping[DataStep, Callable[[], None]] = {
    DataStep.FILES: _files,
    DataStep.LABELS: _labels,
    DataStep.VALUES: _values,
    DataStep.JUDGE: _judge,
}
