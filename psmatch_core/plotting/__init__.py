"""Plotly figures from result objects, for notebooks and pages alike.

Every figure is transparent and takes its text colours from the theme around it; data colours are readable on white and
on dark. Titles state the finding. Text from files (labels, cell names) is escaped, because plotly renders some tags.
"""

from psmatch_core.matching.blocks.heatmap_bins import BlockMeans, block_means
from psmatch_core.plotting.cell_columns import CellColumn
from psmatch_core.plotting.cell_profiles import cell_profile, match_profile, shared_profile
from psmatch_core.plotting.cell_values import missing_features, value_histogram
from psmatch_core.plotting.classifier_quality import confusion, label_losses, reliability
from psmatch_core.plotting.coupling_heatmap import coupling_heatmap, means_heatmap, spread_title
from psmatch_core.plotting.distribution_distances import distance_dots
from psmatch_core.plotting.feature_matching import feature_heatmap
from psmatch_core.plotting.hidden_labels import hidden_label_matrix
from psmatch_core.plotting.joint_vae_training import joint_training
from psmatch_core.plotting.l_curve import l_curve_figure
from psmatch_core.plotting.label_counts import label_counts
from psmatch_core.plotting.left_out_baselines import predicted_shifts
from psmatch_core.plotting.left_out_label import predicted_means, shifted_features
from psmatch_core.plotting.linked_maps import linked_map
from psmatch_core.plotting.loss_curves import fitted_curves, loss_curves
from psmatch_core.plotting.marker_bars import marker_bars
from psmatch_core.plotting.matches import cell_matches, effective_matches
from psmatch_core.plotting.monitor_evidence import agreement_bars, loss_evidence, null_strips
from psmatch_core.plotting.pair_metrics import metric_bars
from psmatch_core.plotting.predicted_features import feature_r2_bars, feature_scatter
from psmatch_core.plotting.run_comparison import rank_heatmap, runs_panels, runs_scatter
from psmatch_core.plotting.score_map import score_map_figure
from psmatch_core.plotting.style import (
    PALETTE,
    SOURCE_COLOR,
    TARGET_COLOR,
    escaped,
    palette,
    set_ink,
    take_title,
    template,
    title_text,
)
from psmatch_core.plotting.translator_training import translator_curves
from psmatch_core.plotting.two_matchings import shared_mass_bars

__all__ = [
    "PALETTE",
    "SOURCE_COLOR",
    "TARGET_COLOR",
    "BlockMeans",
    "CellColumn",
    "agreement_bars",
    "block_means",
    "cell_matches",
    "cell_profile",
    "confusion",
    "coupling_heatmap",
    "distance_dots",
    "effective_matches",
    "escaped",
    "feature_heatmap",
    "feature_r2_bars",
    "feature_scatter",
    "fitted_curves",
    "hidden_label_matrix",
    "joint_training",
    "l_curve_figure",
    "label_counts",
    "label_losses",
    "linked_map",
    "loss_curves",
    "loss_evidence",
    "marker_bars",
    "match_profile",
    "means_heatmap",
    "metric_bars",
    "missing_features",
    "null_strips",
    "palette",
    "predicted_means",
    "predicted_shifts",
    "rank_heatmap",
    "reliability",
    "runs_panels",
    "runs_scatter",
    "score_map_figure",
    "set_ink",
    "shared_mass_bars",
    "shared_profile",
    "shifted_features",
    "spread_title",
    "take_title",
    "template",
    "title_text",
    "translator_curves",
    "value_histogram",
]
