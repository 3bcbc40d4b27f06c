"""How well features are predicted: one feature against its measurement, and what the matching adds to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import accuracy, charts
from pages.shell.cell_maps import picture_and_controls
from pages.shell.name_search import name_search
from pages.shell.text import plain
from pages.views.translate import predictions
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.checks import display
from psmatch_core.evaluation.within_labels import PROBE, SEEN_BY_CLASSIFIERS
from psmatch_core.matching.matchers import KnownPairsMatcher
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.within_labels import FeatureAccuracy
    from psmatch_core.translation.translators import FittedTranslator
    from psmatch_core.workspace.predictions import Predicted

PICTURES = 3  # of features to which the matching adds, side by side


def one_feature_tab(folder: RunFolder, direction: str) -> None:
    """A feature as predicted and as measured in known pairs, both as differences from the mean of the label."""
    from psmatch_core.workspace.predictions import load_predictions

    found = load_predictions(folder, direction)
    if found is None:
        if predictions.are_pixels(folder, direction):
            st.info(
                "The features are pixels, which are not shown one by one. → See the images on Match, in “One cell”.",
                icon=":material/arrow_forward:",
            )
            return
        predictions.say_no_predictions()
        return
    if not predictions.known_pairs(folder, direction)[0].size:
        accuracy.say_not_measured(folder)
        return
    names = found.features.tolist()
    known = next((each for each in accuracy.accuracy_of(folder, direction) if each.translator != PROBE), None)
    picture, controls = picture_and_controls()
    with controls:
        if known is not None:
            gains = dict(zip(known.features, known.table()["gain"].tolist()[1:], strict=True))
            names = sorted(names, key=lambda name: -_number(gains.get(name)))
        name = name_search(names, what="feature", key=f"feature.{folder.id}.{direction}")
        if known is not None:
            st.caption("The feature to which the matching adds most comes first.")
    if name is None:
        return
    with picture:
        _picture(folder, found, name, title=_title(folder, known, name), key=f"feature.figure.{folder.id}.{direction}")
        st.caption(f"{accuracy.MEANING} {SEEN_BY_CLASSIFIERS if known is not None else ''}")


def _picture(folder: RunFolder, found: Predicted, name: str, *, title: str, key: str) -> None:
    """A feature as predicted and as measured in known pairs."""
    from psmatch_core.plotting import feature_scatter

    *rows, is_held_out = predictions.known_pairs(folder, found.direction)
    predicted, measured, baseline, labels = predictions.values_in_pairs(folder, found, name, (rows[0], rows[1]))
    charts.show(
        feature_scatter(
            predicted,
            measured,
            baseline,
            labels=labels,
            title=f"{display(name, 40)}: {title}",
            what="held-out cell" if is_held_out else "cell",
        ),
        key=f"{key}.{name}",
        alt=f"{display(name)} as predicted and as measured, as differences from the mean of the label",
        grows=True,
    )


def _title(folder: RunFolder, known: FeatureAccuracy | None, name: str) -> str:
    if known is not None:
        return known.feature_finding(name)
    if isinstance(folder.recipe.matcher, KnownPairsMatcher):
        return "true pairs are the matching, so that predictions are right by construction"
    return "what the matching adds was not measured"


def _number(value: float | None) -> float:
    """The value; minus infinity where there is none, so that it is sorted last."""
    return value if value is not None and value == value else float("-inf")


def all_features_tab(folder: RunFolder, fitted: FittedTranslator | None, direction: str) -> None:
    """What the matching adds to all features, and how the translator was trained."""
    found = accuracy.accuracy_of(folder, direction)
    if not found:
        accuracy.say_not_measured(folder)
    else:
        st.caption(accuracy.MEANING)
    for index, each in enumerate(found):
        if predictions.are_pixels(folder, direction):
            accuracy.show_finding(each)
        else:
            accuracy.show_features(each, key=f"{folder.id}.{direction}.{index}")
            if each.translator != PROBE:
                _gained_features(folder, each, direction)
    kind = kind_title(type(folder.recipe.translator))
    st.markdown(f"**Translator: {kind}**")
    if fitted is not None:
        _training(folder, fitted, direction)
    else:
        st.caption(
            "The features of a cell are the weighted mean of its matches; nothing is trained. To predict cells that "
            "are measured later, choose a trained translator under “Settings” below."
        )


def _gained_features(folder: RunFolder, known: FeatureAccuracy, direction: str) -> None:
    """Pictures of the features to which the matching adds most."""
    from psmatch_core.workspace.predictions import load_predictions

    found = load_predictions(folder, direction) if known.gained else None
    if found is None:
        return
    gains = dict(zip(known.features, known.table()["gain"].tolist()[1:], strict=True))
    names = sorted(known.gained, key=lambda name: -gains[name])[:PICTURES]
    for place, name in zip(st.columns(len(names)), names, strict=True):
        with place:
            title = known.feature_finding(name)
            _picture(folder, found, name, title=title, key=f"gained.figure.{folder.id}.{direction}")
    more = len(known.gained) - len(names)
    if more:
        st.caption(
            f"The {len(names)} features that gain most of {len(known.gained):,}; “One feature” shows the others."
        )


def _training(folder: RunFolder, fitted: FittedTranslator, direction: str) -> None:
    charts.metrics([("Training cells", f"{fitted.n_training:,}", f"{len(fitted.held_out):,} held out", "")])
    for note in fitted.notes:
        st.caption(plain(note))
    if not fitted.curves:
        st.caption("This translator has no epochs, so there is no curve.")
        return
    from psmatch_core.plotting import translator_curves

    charts.show(
        translator_curves(fitted.curves),
        key=f"translator.{folder.id}.{direction}",
        alt="Loss of the translator by epoch, on training and on held-out cells",
    )
