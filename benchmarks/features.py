"""Does a protein find its own gene? Matchers and L's feature matching on the real data sets next to the checkout.

``python -m benchmarks.features`` prints the tables of docs/features.md (two cores, about three minutes).
"""

from __future__ import annotations

import time
from pathlib import Path

import anndata
import numpy as np

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.match_features import FeatureMatching, FeatureRules, match_features
from psmatch_core.matching.matchers import (
    KnownPairsMatcher,
    LabeledCootMatcher,
    LabeledGromovMatcher,
    Matcher,
    SinkhornMatcher,
    UniformMatcher,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MATCHERS: dict[str, Matcher] = {
    "uniform": UniformMatcher(),
    "entropic": SinkhornMatcher(),
    "labeled Gromov-Wasserstein, features": LabeledGromovMatcher(),
    "labeled Gromov-Wasserstein, scores": LabeledGromovMatcher(space="scores"),
    "labeled co-optimal transport, features": LabeledCootMatcher(),
    "labeled co-optimal transport, exact": LabeledCootMatcher(solver="exact"),
    "labeled co-optimal transport, scores": LabeledCootMatcher(space="scores"),
    "true pairs": KnownPairsMatcher(),
}
EXAMPLES = ("entropic", "true pairs")
# Genes that encode a protein whose antibody goes by another name; equal names need no entry.
OWN = {
    "CD3": ("CD3E", "CD3D", "CD3G"), "CD8": ("CD8A", "CD8B"), "CD8a": ("CD8A",), "CD16": ("FCGR3A",),
    "CD56": ("NCAM1",), "CD11c": ("ITGAX",), "CD11b": ("ITGAM",), "CD20": ("MS4A1",), "CD25": ("IL2RA",),
    "CD127": ("IL7R",), "CD45RA": ("PTPRC",), "CD45RO": ("PTPRC",), "PD-1": ("PDCD1",), "CD15": ("FUT4",),
    "CD64": ("FCGR1A",), "CD123": ("IL3RA",), "CD62L": ("SELL",), "CD161": ("KLRB1",), "CD71": ("TFRC",),
    "HLA-DR": ("HLA-DRA",),
}  # fmt: skip


def main() -> None:
    for name, top_genes in (("bmmc_cite", -1), ("pbmc10k_cite_mini", 0)):
        one_set(name, top_genes)


def one_set(name: str, top_genes: int) -> None:
    sides = [
        Modality.from_anndata(anndata.read_h5ad(DATA / name / f"mod{k}.h5ad"), label_key="label", name=kind)
        for k, kind in ((1, "RNA"), (2, "protein"))
    ]
    configs = (Preprocessing(n_top_genes=top_genes), Preprocessing())
    fitted = [config.fit(side) for config, side in zip(configs, sides, strict=True)]
    rna, protein = (one.readable(side) for one, side in zip(fitted, sides, strict=True))
    models = [
        fit_propensity(one.transform(side), LinearClassifier(strength=0.05))
        for one, side in zip(fitted, sides, strict=True)
    ]
    print(f"\n## {name}: {rna.n_cells} cells, {rna.n_features:,} genes × {protein.n_features} proteins\n")
    print("| matcher | FOSCTTM | weight × | seconds | by plan | by correlation | by plan, within | q < 0.05 |")
    print("|---|---|---|---|---|---|---|---|")
    examples = {}
    for title, matcher in MATCHERS.items():
        began = time.perf_counter()
        coupling = match(models[0], models[1], matcher)
        seconds = time.perf_counter() - began
        judged = evaluate(coupling).micro
        overall = match_features(coupling, rna, protein)
        within = match_features(coupling, rna, protein, FeatureRules(scaling="within labels"))
        by_plan = ranks(overall, overall.plan)
        medians = [
            f"{np.median(list(found.values())):g}"
            for found in (by_plan, ranks(overall, overall.correlation), ranks(within, within.plan))
        ]
        table = within.table(top=1)
        print(
            f"| {title} | {judged['foscttm']:.3f} | {judged['trace_fold']:.2f} | {seconds:.1f} | "
            f"{' | '.join(medians)} | {(table['q_value'] < 0.05).sum()} of {len(table)} |"
        )
        if title in EXAMPLES:
            examples[title] = (overall.table(top=3), by_plan)
    for title, (table, by_plan) in examples.items():
        print(f"\n{title}: rank of each protein's own gene: {by_plan}")
        for feature, part in list(table.groupby("feature", sort=False))[:10]:
            print(f"  {feature}: " + ", ".join(f"{row.partner} ({row.correlation:.2f})" for row in part.itertuples()))


def ranks(found: FeatureMatching, table: np.ndarray) -> dict[str, float]:
    """Place of each protein's own gene (the best of them) among all genes; 1 is first, ties count half."""
    genes = {name: k for k, name in enumerate(found.source_features.tolist())}
    places = {}
    for k, protein in enumerate(found.target_features.tolist()):
        bare = protein.removesuffix("_TotalSeqB")
        mine = [genes[gene] for gene in OWN.get(bare, (bare,)) if gene in genes]
        if mine:
            column = table[:, k]
            best = column[mine].max()
            places[protein] = float((column > best).sum() + ((column == best).sum() + 1) / 2)
    return places


if __name__ == "__main__":
    main()
