"""Monitoring a run again as a job: every run is measured when it is matched; here shuffles of the labels are added.

``monitor.json``, in the run's own folder, holds the report; the job's folder ``monitor/`` its settings and progress.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.monitor import Monitoring, MonitorReport
from psmatch_core.pipeline.monitor_matching import monitor_matching
from psmatch_core.workspace import files, results
from psmatch_core.workspace.expected_seconds import expected_seconds
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.job import SingleJob, Work
from psmatch_core.workspace.run_folder import RunFolder


class MonitorJob(SingleJob):
    """Measuring how stable a run's matches are, and what shuffled labels give."""

    kind = "monitor"
    noun = "measurement"
    place = "monitor"  # in the run's folder

    @classmethod
    def create(cls, run: RunFolder, monitoring: Monitoring | None = None) -> Self:
        """A new job of a run, ready for a worker; the report of an earlier one stays until a new one is written.

        Raises
        ------
        PsmatchError
            If the run has no coupling yet, or is being measured.
        """
        if not results.has_coupling(run):
            raise PsmatchError("This run has no coupling to judge yet.", hint="Match first.")
        return cls._create(run, monitoring=(monitoring or Monitoring()).to_dict())

    @property
    def title(self) -> str:
        return "Measuring what the matches are good for"

    @property
    def monitoring(self) -> Monitoring:
        """The settings; a job of an earlier version has none and gets the default ones."""
        return Monitoring.from_dict(self.folder.job.get("monitoring", {}))

    def do(self, work: Work) -> None:
        with work.turn(expected_seconds(self.run.recipe, work.cache, trains=True)), self.computing():
            _measure(self.run, self.monitoring, work.cache or self.folder.path / "stages", work.log)

    def result(self) -> MonitorReport | None:
        """The report of the run."""
        return files.MONITOR_REPORT.read(self.run)


def _measure(run: RunFolder, monitoring: Monitoring, cache: Path, progress: Progress) -> None:
    progress(Event("monitor", 0.0, "loading the run"))
    coupling = results.load_matching(run, results.load_models(run))
    cells = results.load_modalities(run)
    store = FolderStageStore(run, cache)
    report = monitor_matching(coupling, cells, run.recipe, monitoring, store=store, progress=progress)
    keep_report(run, report)


def keep_report(run: RunFolder, report: MonitorReport) -> None:
    """Keep a report with its run, and add its figures to the run's."""
    files.MONITOR_REPORT.write(run, report)
    results.add_figures(run, **report.figures.to_dict())
