"""The usual label column is found whatever marks and case its name has, and never where nothing tells."""

import pytest

from psmatch_core.data.names.usual_labels import usual_label

NAMES = [
    "perturbation", "Perturbations", "perturbation name", "Metadata_Gene", "target.gene", "TARGET-GENE", "KO",
    "Compound", "Cells_Metadata_Treatment", "cell type", "Labels",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_usual_names_are_recognised_among_others(name):
    assert usual_label(["leiden", "phase", name, "batch"]) == name


def test_the_best_name_is_taken_first_and_that_of_another_file_before_it():
    assert usual_label(["cell_type", "condition", "perturbation"]) == "perturbation"
    assert usual_label(["cell_type", "condition", "perturbation"], ["ko", "cell_type"]) == "cell_type"
    assert usual_label(["leiden", "phase"], ["phase"]) == "phase"


def test_one_candidate_needs_no_name_and_several_without_a_usual_one_stay_open():
    assert usual_label(["arm"]) == "arm"
    assert usual_label(["arm", "leiden"]) == usual_label([]) == usual_label([], ["label"]) == ""
