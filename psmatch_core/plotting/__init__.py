"""Plotly figures from result objects, for notebooks and pages alike.

Every figure is transparent and leaves text colours to the theme around it; data colours read on white and on
dark. Titles state the finding. Text from files (labels, cell names) is escaped: plotly renders some tags.
"""

from psmatch_core.matching.blocks.heatmap_bins import BlockMeans, block_means
from psmatch_core.plotting.columns import CellColumn
from psmatch_core.plotting.counts import label_counts
from psmatch_core.plotting.coverage import coverage_curves
from psmatch_core.plotting.distributions import distance_dots
from psmatch_core.plotting.evidence import loss_evidence, null_strips, stability_bars
from psmatch_core.plotting.features import feature_heatmap
from psmatch_core.plotting.heatmap import coupling_heatmap, means_heatmap, spread_title
from psmatch_core.plotting.held_out import predicted_means, shifted_features
from psmatch_core.plotting.joint import joint_training
from psmatch_core.plotting.l_curve import l_curve
from psmatch_core.plotting.linked import linked_map
from psmatch_core.plotting.matches import cell_matches, effective_matches
from psmatch_core.plotting.panels import label_panels
from psmatch_core.plotting.predictions import feature_scatter, label_shift, shift_dots
from psmatch_core.plotting.quality import feature_r2, metric_bars
from psmatch_core.plotting.runs import rank_heatmap, runs_panels, runs_scatter
from psmatch_core.plotting.scores import score_map
from psmatch_core.plotting.separability import confusion, label_losses, reliability
from psmatch_core.plotting.style import (
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    inked,
    palette,
    plain,
    template,
    title_of,
    untitled,
)
from psmatch_core.plotting.training import fitted_curves, loss_curves
from psmatch_core.plotting.translation import translator_curves

__all__ = [
    "PALETTE",
    "SOURCE_COLOR",
    "TARGET_COLOR",
    "BlockMeans",
    "CellColumn",
    "block_means",
    "cell_matches",
    "confusion",
    "coupling_heatmap",
    "coverage_curves",
    "distance_dots",
    "effective_matches",
    "feature_heatmap",
    "feature_r2",
    "feature_scatter",
    "fitted_curves",
    "inked",
    "joint_training",
    "l_curve",
    "label_counts",
    "label_losses",
    "label_panels",
    "label_shift",
    "linked_map",
    "loss_curves",
    "loss_evidence",
    "means_heatmap",
    "metric_bars",
    "null_strips",
    "palette",
    "plain",
    "predicted_means",
    "rank_heatmap",
    "reliability",
    "runs_panels",
    "runs_scatter",
    "score_map",
    "shift_dots",
    "shifted_features",
    "spread_title",
    "stability_bars",
    "template",
    "title_of",
    "translator_curves",
    "untitled",
]
