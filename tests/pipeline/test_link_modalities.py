"""Whether a run links: only if asked, only where hidden labels are found again, and it says what it decided."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.matching.link import ALWAYS, IF_FOUND, Linking
from psmatch_core.matching.matchers import SharedSpaceMatcher
from psmatch_core.monitor import find_hidden_labels
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.link_modalities import link_modalities, linked_positions
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.pipeline.score_modalities import score_modalities
from psmatch_core.pipeline.stage_keys import translator_key
from tests.pipeline.test_monitor_matching import sides

RECIPE = Recipe(classifier=LinearClassifier(strength=0.1), linking=Linking(use=IF_FOUND, n_rounds=2))


def scored(recipe=RECIPE, **settings):
    return score_modalities(recipe, *sides(**settings)).models


@pytest.fixture(scope="module")
def models():
    return scored()


def test_nothing_is_linked_unless_asked(models):
    assert link_modalities(Recipe(), models) == (models, ())
    assert Recipe().linking.use == "never"


def test_found_labels_open_the_link_and_the_note_says_so(models):
    linked, notes = link_modalities(RECIPE, models)
    assert all(each.linked is not None for each in linked)
    assert len(notes) == 1
    assert notes[0].startswith("Linked: cells are matched by scores and by features")
    assert "hidden labels were found again (score" in notes[0]


def test_effects_that_differ_between_the_modalities_keep_it_closed():
    rng = np.random.default_rng(5)
    one, _ = sides(effects=1.5 * rng.normal(size=(8, 6)), seed=1)
    _, other = sides(effects=1.5 * rng.normal(size=(8, 6)), seed=2)
    models = score_modalities(RECIPE, one, other).models
    same, notes = link_modalities(RECIPE, models)
    assert same is models
    assert notes[0].startswith("Not linked: hidden labels were not found again")
    assert not linked_positions(same)


def test_few_cells_a_label_keep_it_closed_unless_it_is_always_wanted():
    models = scored(n=4)
    same, notes = link_modalities(RECIPE, models)
    assert same is models
    assert notes == ("Not linked: half of the cells are in labels of at most 4 cells, and a link needs 8.",)
    linked, _ = link_modalities(replace(RECIPE, linking=Linking(use=ALWAYS)), models)
    assert linked_positions(linked)


def test_methods_that_do_not_match_by_scores_are_named(models):
    _, notes = link_modalities(replace(RECIPE, matcher=SharedSpaceMatcher()), models)
    assert notes == ("Not linked: this method does not match by scores alone.",)


def test_hidden_labels_are_asked_of_the_scores_not_of_the_link(models):
    linked, _ = link_modalities(RECIPE, models)
    before, after = (find_hidden_labels(*each, RECIPE.matcher) for each in (models, linked))
    assert before == after


def test_a_linked_run_is_judged_as_it_was_matched():
    plain, linked = (run(replace(RECIPE, linking=each), *sides()) for each in (Linking(), RECIPE.linking))
    assert any(note.startswith("Linked:") for note in linked.notes)
    assert linked.coupling.source.linked is not None
    assert plain.monitor.figures != linked.monitor.figures


def test_positions_come_back_from_their_file(models, tmp_path):
    linked, _ = link_modalities(RECIPE, models)
    for before, positions, model in zip(linked, linked_positions(linked), models, strict=True):
        result_files.save(positions, tmp_path / "linked.npz")
        back = result_files.load_linked(tmp_path / "linked.npz").of(model)
        assert np.array_equal(back.linked, before.linked)


def test_a_translator_of_a_linked_run_is_another_stage(models):
    finished = run(RECIPE, *sides())
    keys = {
        translator_key("to_source", finished.coupling, recipe, inputs=finished.source, outputs=finished.target)
        for recipe in (RECIPE, replace(RECIPE, linking=Linking()))
    }
    assert len(keys) == 2
