"""The grammar of names in screens: guides of a gene, several guides in one name, calls of a demultiplexer."""

from __future__ import annotations

import re

# Callers of hashtags and guides write these where they name no condition (Cell Ranger, HTODemux, hashsolo, demuxlet,
# vireo, crispat, pertpy). "None" is missing here: screens also call untreated cells so.
_CALL = re.compile(
    r"(?i)(doublet|multiplet|negative|ambiguous|unassigned|unmapped|unknown|undetermined|uncertain|unclassified|"
    r"unlabell?ed|blank|background|debris|low[-_ ]?(quality|q|confidence)|empty([-_ ]?droplet)?|filtered|"
    r"uncalled|unclear|unresolved|indeterminate|inconclusive)s?|.{1,40}[-_ ]doublets?|(not|non)[-_ ]?singlets?"
    r"|(multi(ple)?|several|no|0)[-_ ]*(s?g?rnas?|guides?|calls?|hashtags?|hto)([-_ ]?(assigned|detected|called))?"
    r"|multi|multiple|(not|none|nothing)[-_ ](assigned|called|detected)|(dbl|amb)-.*|na|n/a|#n/a|nan|null|missing"
)
_PREFIX = r"(?:p[-_]?)?(?:sg|sh|si)(?:RNA)?[-_ ]?(?=[A-Z0-9])|(?:gRNA|guide)[-_ ]"
_MARK = r"[-_. ](?i:sgrna|crrna|grna|guide|sg|g)[-_. ]?#?\d+|(?<=[A-Z0-9])(?:sg|g)\d+"
_HASH = r"(?:[-_. ]#?|#)"
_REPEAT = r"(?i:replicates?|repeat|repl?|r|batch|b|plate|p|pool|run|lane|l|library|lib|sample|s|donor|d|clone|c|well|w)"
# How the guides of a gene are named, surest first: the stem is the gene.
EXPLICIT = {
    "mark": re.compile(rf"(?:{_PREFIX})?(?P<stem>.+?)(?:{_MARK})"),  # STAT1_g2, IFNGR2g1, sgSTAT1_sg2
    "sequence": re.compile(rf"(?:{_PREFIX})?(?P<stem>.+?)[-_. ][ACGT]{{17,23}}"),
    "coordinate": re.compile(rf"(?:{_PREFIX})?(?P<stem>.+?)_[-+]_\d+\.\d+-\w+"),  # ARID1A_+_27022903.23-P1P2
    # 10005_ZBTB4_P1P2_ENSG00000174282
    "transcript": re.compile(r"(?:\d+_)?(?P<stem>.+?)_(?:P1P2|P1|P2|ENST[\d.]+)(?:_ENSG[\d.]+)?"),
    "prefix and number": re.compile(rf"(?:{_PREFIX})(?P<stem>.+?){_HASH}\d{{1,5}}"),  # sgSTAT1_2
    # STAT1 KO, STAT1-KO-2, STAT1 (KO): one word a pattern, so that a knock-out is never joined with a knock-down
    **{
        word: re.compile(rf"(?P<stem>.+?)[-_. ]\(?(?i:{word})\)?(?:[-_. ]?#?\d{{1,3}})?")
        for word in (
            "KO",
            "KD",
            "OE",
            "knock[-_ ]?out",
            "knock[-_ ]?down",
            "CRISPRi",
            "CRISPRa",
            "over[-_ ]?expression",
        )
    },
}
# Genes are named like these too (NKX2-1), so that the stem must be a label of the other modality.
DOUBTFUL = {
    "prefix": re.compile(rf"(?:{_PREFIX})(?P<stem>.+)"),
    "number": re.compile(rf"(?P<stem>.+?){_HASH}(?:\d{{1,5}}|[A-F])"),
    "repeat": re.compile(rf"(?P<stem>.+?)[-_. ]\(?{_REPEAT}[-_. ]?#?\d{{1,3}}\)?"),  # TP53_rep1
    "repeat first": re.compile(rf"{_REPEAT}[-_. ]?#?\d{{1,3}}[-_. ](?P<stem>.+)"),  # plate2_TP53
}
# Tags of samples (HTODemux, MULTI-seq, CITE-seq-Count, Cell Ranger): HTO1, Hashtag-3, B0251, CMO305, HTO_A-ACCCACCAG.
_HASHTAG = re.compile(
    r"(?i)(hto|hash(ed)?[-_. ]?tag|htag|cmo|lmo|totalseq)[-_. ]?[a-z]?[-_. ]?\d*([-_. ][acgt]{8,})?|B0?25\d"
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,15},\d{1,15}")
_JOINT = re.compile(r"\s*[|;&+,]\s*|__")
GENE_ID = r"ENS[A-Z]{0,6}G\d{11}"  # of Ensembl; a number after its point is the version of the annotation
_WITH_VERSION = re.compile(rf"(?i:{GENE_ID})\.\d+")
_MAYBE_VERSION = re.compile(rf"(?i:{GENE_ID})(\.\d+)?")
LONGEST = 120  # characters; a longer text is no name of a guide


def is_call(label: str) -> bool:
    """Whether a label is what a demultiplexer or a guide caller writes where it names no condition, as Doublet."""
    return len(label) <= LONGEST and _CALL.fullmatch(label.strip()) is not None


def is_hashtag(label: str) -> bool:
    """Whether a label is the name of a tag that marks samples, as HTO1."""
    return len(label) <= LONGEST and _HASHTAG.fullmatch(label.strip()) is not None


def stem_of(label: str, pattern: re.Pattern[str]) -> str:
    """The gene of a guide's name by one of the patterns; empty if the name does not follow it."""
    found = pattern.fullmatch(label.strip()) if len(label) <= LONGEST else None
    stem = found["stem"] if found else ""
    is_name = len(stem) > 1 and any(each.isalpha() for each in stem) and not _WITH_VERSION.fullmatch(label.strip())
    return stem if is_name else ""


def is_guide(label: str) -> bool:
    """Whether a name says that it is a guide's."""
    return any(stem_of(label, pattern) for pattern in EXPLICIT.values())


def is_gene_id(label: str) -> bool:
    """Whether a label is the identifier of a gene in Ensembl, as ENSG00000141510, not its name."""
    return len(label) <= LONGEST and _MAYBE_VERSION.fullmatch(label.strip()) is not None


def has_prefix(label: str) -> bool:
    """Whether a name begins like a guide's, as siTP53 does; few genes do so, too."""
    return bool(stem_of(label, DOUBTFUL["prefix"]))


def parts_of(label: str) -> tuple[str, ...]:
    """The names that a label joins, as in ``STAT1_g1|JAK2_g2``; none if it is a single name."""
    if _DECIMAL_COMMA.fullmatch(label.strip()):
        return ()
    parts = tuple(_JOINT.split(label.strip()))
    return parts if len(parts) > 1 and all(parts) else ()
