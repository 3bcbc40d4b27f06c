"""What a run needs is told before it trains, and a run that does not fit is refused with what does."""

import json
import re
import sys

import pytest

from benchmarks.needs import WHOLE_RUNS, shares_of_many, small
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.needs import (
    DISK_PER_PREDICTED_VALUE,
    GB,
    MB,
    PER_STORED_VALUE,
    SHARES_OF_MANY,
    SideSize,
    check_needs,
    estimate_needs,
    gigabytes,
    memory_budget,
    minutes,
)
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_modality

LARGE = SideSize(400_000, 20_000, 800_000_000), SideSize(300_000, 200, 60_000_000)


@pytest.mark.parametrize(("asked", "expected"), [("16 GB", 16 * GB), ("800MB", 800 * MB), (" 1.5 gb ", 1.5 * GB)])
def test_a_budget_is_read(asked, expected):
    assert memory_budget({"PSMATCH_MEMORY_BUDGET": asked}) == expected


@pytest.mark.parametrize("asked", ["16", "lots", "-1 GB", "8 TB", "1,5 GB", "nan GB"])
def test_a_budget_that_is_no_size_is_refused(asked):
    with pytest.raises(PsmatchError, match="no size of memory"):
        memory_budget({"PSMATCH_MEMORY_BUDGET": asked})


def test_without_a_budget_all_of_the_machine_may_be_used():
    found = memory_budget({})
    assert found is None or found > 500 * MB


def test_more_data_and_more_features_need_more():
    small = estimate_needs(Recipe(), *(side.scaled(0.5) for side in LARGE))
    whole = estimate_needs(Recipe(), *LARGE)
    assert small.memory < whole.memory
    assert small.disk < whole.disk
    few = estimate_needs(Recipe().with_setting("source_preprocessing.n_top_genes", 100), *LARGE)
    assert few.memory < whole.memory
    components = Recipe().with_setting("source_preprocessing.n_components", 50)
    assert estimate_needs(components, *LARGE).memory < whole.memory


def test_each_cell_is_given_the_features_of_the_other_modality():
    """As many values are stored; 40 more features of the target are predicted for each of 1,000 source cells."""
    recipe = Recipe()
    for side in ("source", "target"):
        recipe = recipe.with_setting(f"{side}_preprocessing.n_top_genes", 0)
    few, many = (
        estimate_needs(recipe, SideSize(1_000, 50, 20_000), SideSize(10, n_features, 400)).disk
        for n_features in (50, 90)
    )
    assert many - few == pytest.approx(DISK_PER_PREDICTED_VALUE * 1_000 * 40)


def test_a_large_modality_beside_a_small_one_takes_time_in_proportion_to_its_cells():
    """Shortcuts of many cells are measured where both modalities have many."""
    small = SideSize(1_000, 100, 100_000)
    times = [estimate_needs(Recipe(), SideSize(n, 2_000, 100 * n), small).processor for n in (20_000, 120_000, 220_000)]
    assert times[2] - times[1] == pytest.approx(times[1] - times[0])


def test_more_labels_need_more_memory_and_time_and_the_size_that_is_proposed_knows_them():
    few, many = (estimate_needs(Recipe(), *LARGE, n_labels=n) for n in (10, 1000))
    assert few.memory < many.memory
    assert few.seconds < many.seconds
    hints = []
    for n_labels in (10, 1000):
        with pytest.raises(PsmatchError) as error:
            check_needs(Recipe(), *LARGE, budget=10 * GB, n_labels=n_labels)
        hints.append(int(re.search(r"at most about ([\d,]+)", error.value.hint)[1].replace(",", "")))
    assert hints[1] < hints[0]


@pytest.mark.parametrize("budget", [4 * GB, 10 * GB, 25 * GB])
def test_the_size_that_the_refusal_names_fits_and_a_larger_one_does_not(budget):
    with pytest.raises(PsmatchError) as error:
        check_needs(Recipe(), *LARGE, budget=budget)
    assert error.value.code == "PM-R02"
    assert f"{gigabytes(budget)} are allowed" in error.value.problem
    cells = [int(each.replace(",", "")) for each in re.findall(r"([\d,]{3,}) (?:and|cells)", error.value.hint)]
    assert len(cells) == 2
    factor = cells[0] / LARGE[0].n_cells
    assert check_needs(Recipe(), *(side.scaled(factor) for side in LARGE), budget=budget).memory <= budget
    with pytest.raises(PsmatchError):
        check_needs(Recipe(), *(side.scaled(factor * 1.01) for side in LARGE), budget=budget)


def test_three_modalities_need_more_than_any_two_and_the_proposed_size_fits_all():
    three = (*LARGE, SideSize(200_000, 500, 100_000_000))
    whole = estimate_needs(Recipe(), *three)
    for left_out in range(3):
        two = [each for at, each in enumerate(three) if at != left_out]
        assert estimate_needs(Recipe(), *two).memory < whole.memory
        assert estimate_needs(Recipe(), *two).seconds < whole.seconds
    with pytest.raises(PsmatchError, match=r"needs about .* of memory; 10\.0 GB are allowed") as error:
        check_needs(Recipe(), *three, budget=10 * GB)
    cells = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]{3,}\d", error.value.hint)]
    assert len(cells) == 3
    factor = cells[0] / three[0].n_cells
    assert check_needs(Recipe(), *(each.scaled(factor) for each in three), budget=10 * GB).memory <= 10 * GB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process tree is read from /proc")
@pytest.mark.parametrize("n_modalities", [2, 3])
def test_the_memory_that_is_told_of_a_small_run_is_what_it_takes(tmp_path, n_modalities):
    """Of a real run, whose libraries are nearly all of it; beside other work as well as alone."""
    found = small(60, n_modalities, tmp_path)
    assert found["exit"] == 0
    assert 0.8 <= found["of_memory"] <= 1.3


def test_sparse_features_need_less_than_dense_ones_of_the_same_size():
    sparse, dense = (SideSize(200_000, 2_000, round(share * 4e8)) for share in (0.1, 0.9))
    small = SideSize(200_000, 100, 20_000_000)
    assert estimate_needs(Recipe(), sparse, small).memory < 16 * GB  # a laptop
    unscaled = Recipe().with_setting("source_preprocessing.scale", False)
    for recipe, is_less in ((Recipe(), True), (unscaled, False)):
        needs = [estimate_needs(recipe, side, small).memory for side in (sparse, dense)]
        stored = (dense.n_stored - sparse.n_stored) * PER_STORED_VALUE
        assert (needs[1] - needs[0] > stored + GB) == is_less


def test_values_in_a_file_need_memory_only_for_what_is_chosen_of_them():
    def needed(recipe=None, **changes):
        wide = SideSize(200_000, 30_000, 300_000_000, **changes)
        return estimate_needs(recipe or Recipe(), wide, SideSize(200_000, 100, 20_000_000)).memory

    held, mapped = needed(), needed(n_mapped=300_000_000)
    assert mapped < held - GB  # less the chosen genes, which have more values than others
    for name, value in (("normalize", "clr"), ("n_top_genes", 0)):  # which keep all features, or need all at once
        recipe = Recipe().with_setting(f"source_preprocessing.{name}", value)
        assert needed(recipe, n_mapped=300_000_000) >= needed(recipe) - 1
    half = SideSize(200_000, 30_000, 300_000_000, 300_000_000).scaled(0.5)
    assert (half.n_stored, half.n_mapped) == (150_000_000, 150_000_000)


def test_a_run_that_does_not_fit_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setenv("PSMATCH_MEMORY_BUDGET", "100 MB")
    stages = []
    sides = make_modality("RNA", n=30), make_modality("ADT", n=27, seed=1)
    with pytest.raises(PsmatchError, match=r"needs about \d+ MB of memory; 100 MB are allowed"):
        run(Recipe(classifier=LinearClassifier()), *sides, progress=lambda event: stages.append(event.stage))
    assert not any(stage.startswith("propensity") for stage in stages)


def test_more_data_and_labels_take_longer_and_other_methods_are_not_timed():
    half, whole = (estimate_needs(Recipe(), *(side.scaled(each) for side in LARGE)) for each in (0.5, 1.0))
    assert 0 < half.seconds < whole.seconds
    assert estimate_needs(Recipe(), *LARGE, n_labels=100).seconds > whole.seconds
    other = Recipe(classifier=LinearClassifier())
    assert estimate_needs(other, *LARGE).seconds is None
    assert estimate_needs(Recipe.preset("paper"), *LARGE).seconds is None


SCREEN = SideSize(100_000, 2_000, 32_000_000), SideSize(100_000, 100, 10_000_000)


@pytest.mark.parametrize(("n_cells", "steps"), json.loads(WHOLE_RUNS.read_text(encoding="utf-8")).items())
def test_the_time_that_is_told_of_many_cells_is_what_whole_runs_took(n_cells, steps):
    sides = (side.scaled(int(n_cells) / 100_000) for side in SCREEN)
    told = estimate_needs(Recipe(), *sides, n_labels=100).processor
    assert 0.8 < told / steps["whole"]["processor"] < 1.25


@pytest.mark.parametrize(("n_cells", "steps"), json.loads(WHOLE_RUNS.read_text(encoding="utf-8")).items())
def test_the_memory_that_is_told_of_many_cells_is_what_whole_runs_took_or_a_little_more(n_cells, steps):
    sides = (side.scaled(int(n_cells) / 100_000) for side in SCREEN)
    told = estimate_needs(Recipe(), *sides, n_labels=100).memory
    assert 1 < told / steps["whole"]["peak"] < 1.25


def test_more_cells_need_more_memory_at_any_size():
    needs = [estimate_needs(Recipe(), *(side.scaled(each / 10) for side in SCREEN)).memory for each in range(1, 40)]
    assert needs == sorted(needs)


def test_the_shares_of_many_cells_are_those_that_the_benchmark_prints():
    assert shares_of_many(json.loads(WHOLE_RUNS.read_text(encoding="utf-8"))) == SHARES_OF_MANY


def test_from_ten_thousand_cells_on_more_cells_take_longer_and_never_more_than_in_proportion():
    times = [
        estimate_needs(Recipe(), *(side.scaled(each) for side in SCREEN)).processor for each in (0.1, 0.3, 1, 3, 9)
    ]
    for shorter, longer, factor in zip(times, times[1:], (3, 10 / 3, 3, 3), strict=False):
        assert 1 < longer / shorter < factor * 1.001


@pytest.mark.parametrize(("seconds", "text"), [(3, "10 s"), (44, "40 s"), (95, "2 min"), (7_200, "2.0 h")])
def test_a_time_is_as_rough_as_an_estimate(seconds, text):
    assert minutes(seconds) == text
