"""The chapters of a report, in order. Each adds its part to the page, or nothing if the run has no results for it."""

from __future__ import annotations

from collections.abc import Callable

from psmatch_core.report.chapters.attention import attention_chapter
from psmatch_core.report.chapters.cells import cells_chapter
from psmatch_core.report.chapters.data import data_chapter
from psmatch_core.report.chapters.evaluate import distributions_chapter, evaluation_chapter
from psmatch_core.report.chapters.markers import markers_chapter
from psmatch_core.report.chapters.match import l_curve_chapter, match_chapter
from psmatch_core.report.chapters.monitor import monitor_chapter
from psmatch_core.report.chapters.propensity import propensity_chapter
from psmatch_core.report.chapters.settings import settings_chapter
from psmatch_core.report.chapters.translate import leave_out_chapter, translate_chapter
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page

CHAPTERS: tuple[Callable[[LoadedRun, Page], None], ...] = (
    attention_chapter,
    cells_chapter,
    data_chapter,
    propensity_chapter,
    match_chapter,
    l_curve_chapter,
    markers_chapter,
    monitor_chapter,
    translate_chapter,
    leave_out_chapter,
    evaluation_chapter,
    distributions_chapter,
    settings_chapter,
)
