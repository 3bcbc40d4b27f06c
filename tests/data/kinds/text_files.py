"""Kinds of text tables whose layout, numbers or encoding are wrong."""

from __future__ import annotations

import gzip

from tests.data.kinds.drawn_table import draw_table, write_lines
from tests.data.kinds.kind import AGAIN, REJECT, WARN, Member, kind
from tests.data.kinds.members import file_of, h5_member, text_member


@kind("F11 a damaged parquet or feather table", REJECT, ("damaged",), AGAIN)
def damaged_columns(rng, folder):
    return file_of(rng, folder, rng.choice([b"PAR1", b"ARROW1\0\0"]) + rng.randbytes(rng.randint(4, 400)))


@kind("F14 another separator", WARN, ("tab", "semicolon", "comma", "separated"))
def other_separator(rng, folder):
    table = draw_table(rng)
    separator, ending = rng.choice(
        [("\t", "csv"), (";", "csv"), (",", "tsv"), (";", "tsv"), ("\t", "csv.gz"), ("|", "csv")]
    )
    return Member((write_lines(folder / f"t.{ending}", table.lines(separator), rng),), table.key)


@kind("F81 spaces between the columns", WARN, ("spaces",), ("csv",))
def spaces(rng, folder):
    table = draw_table(rng)
    rows = [line.split(",") for line in table.lines(",")]
    fields = [[f'"{each}"' if " " in each else each for each in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*fields, strict=True)]
    form = rng.choice(["one", "aligned", "right", "R"])
    if form == "R":
        lines = [" ".join(row[1 if i == 0 else 0 :]) for i, row in enumerate(fields)]
    elif form == "one":
        lines = [" ".join(row) for row in fields]
    else:
        put = str.ljust if form == "aligned" else str.rjust
        lines = [" ".join(put(each, n) for each, n in zip(row, widths, strict=True)) for row in fields]
    return Member((write_lines(folder / f"t.{rng.choice(['txt', 'csv', 'txt.gz'])}", lines, rng),), table.key)


@kind("F81b each line in quotation marks", WARN, ("quotation marks",))
def quoted_lines(rng, folder):
    table = draw_table(rng)
    lines = [f'"{line}"' for line in table.lines(rng.choice(",;"))]
    return Member((write_lines(folder / "t.txt", lines, rng),), table.key)


@kind("F82 column names again among the rows", REJECT, ("column names",), ("again",))
def names_again(rng, folder):
    return text_member(rng, folder, lambda rows: rows.insert(rng.randrange(2, len(rows)), list(rows[0])))


@kind("F16 decimal commas", WARN, ("decimal", "comma"))
def decimal_commas(rng, folder):
    table = draw_table(rng)
    table = table.changed(X=table.X + 0.25)
    separator, ending = rng.choice([("\t", "tsv"), (";", "csv"), ("\t", "txt"), (";", "csv.gz")])
    lines = table.lines("\x00")
    lines = [
        lines[0].replace("\x00", separator),
        *(each.replace(".", ",").replace("\x00", separator) for each in lines[1:]),
    ]
    return Member((write_lines(folder / f"t.{ending}", lines, rng),), table.key)


@kind("F16b numbers with marks that can be read in one way", WARN, ("plain decimals", "commas"), ("point",))
def marked_numbers(rng, folder):
    mark = rng.choice(
        [
            lambda t: f"1 {t:0>3}",
            lambda t: f"1'{t:0>3}",
            lambda t: f'"{t},5"',
            lambda t: f'"1.{t:0>3},5"',
            lambda t: f'"1,{t:0>3}.5"',
            lambda t: f'"1,{t:0>3},000"',
        ]
    )

    def change(rows):
        at = rng.randrange(-5, -1)
        for row in rows[1:]:
            row[at] = mark(str(int(float(row[at]))))

    return text_member(rng, folder, change)


@kind("F16c numbers whose marks are thousands or decimals", REJECT, ("thousands",), ("without a separator",))
def doubtful_marks(rng, folder):
    def change(rows):
        at = rng.randrange(-5, -1)
        for i, row in enumerate(rows[1:]):
            row[at] = f'"{i % 9 + 1},{i:0>3}"' if i % 3 else str(i)

    return text_member(rng, folder, change)


@kind("F26b numbers with a sign", WARN, ("numbers with", "sign"), ("annotation",))
def signed_numbers(rng, folder):
    mark = rng.choice(["{}%", "${}", "{} €", "{}.5 %"])

    def change(rows):
        at = rng.randrange(-5, -1)
        for row in rows[1:]:
            row[at] = mark.format(int(float(row[at])))

    return text_member(rng, folder, change)


@kind("F26c all numbers with a sign", REJECT, ("no features", "sign"), ("plain numbers",))
def only_signed_numbers(rng, folder):
    mark = rng.choice(["{}%", "${}", "{} €", "{}.5 %"])

    def change(rows):
        for row in rows[1:]:
            row[1:] = [
                mark.format(int(float(each))) if each.replace(".", "", 1).isdecimal() else each for each in row[1:]
            ]

    return text_member(rng, folder, change)


@kind("F24 genes turned into dates", WARN, ("date",), ("gene", "feature"))
def dated_genes(rng, folder):
    def change(rows):
        rows[0][-1] = rng.choice(["1-Sep", "2-Mar", "1-Dec", "Sep-01", "14-Sep"])

    return text_member(rng, folder, change)


@kind("F18 another encoding of unicode", WARN, ("utf-16", "utf-32", "unicode text", "encoding"))
def utf16(rng, folder):
    table = draw_table(rng)
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    return Member(
        (write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", table.lines(","), rng, encoding),), table.key
    )


@kind("F33 not utf-8", WARN, ("encoding", "utf-8", "characters"))
def not_utf8(rng, folder):
    table = draw_table(rng)
    labels = ["naïve", "müde"]
    table = table.with_labels([labels[i % 2] for i in range(len(table.cells))])
    encoding = rng.choice(["latin-1", "cp1252", "mac-roman"])
    return Member(
        (write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", table.lines(","), rng, encoding),), table.key
    )


@kind("F21 rows of different lengths", REJECT, ("line",), ("field", "column"))
def uneven(rng, folder):
    def change(rows):
        row = rows[rng.randrange(2, len(rows))]
        if rng.random() < 0.5:
            del row[-rng.randint(1, 3) :]
        else:
            row += ["7"] * rng.randint(1, 3)

    return text_member(rng, folder, change)


@kind("F22 a quotation mark that is not closed", REJECT, ("quote", "quotation"), ("line", "row"))
def open_quote(rng, folder):
    def change(rows):
        row = rows[rng.randrange(1, len(rows))]
        at = rng.choice([0, 1, len(row) - 1])
        row[at] = '"' + row[at]

    return text_member(rng, folder, change)


@kind("F22b two quotation marks that swallow rows", REJECT, ("quote", "quotation"), ("line", "row"))
def swallowed(rng, folder):
    def change(rows):
        at = rng.choice([0, 1])
        first = rng.randrange(1, len(rows) - 6)
        last = first + rng.randint(1, 5)
        rows[first][at] = '"' + rows[first][at]
        rows[last][at] += '"'

    return text_member(rng, folder, change)


@kind(
    "F26 entries that are no numbers",
    REJECT,
    ("not a number", "non-numeric", "text", "empty field", "missing", "infinite"),
    ("column", "row", "line", "cell"),
)
def bad_entries(rng, folder):
    entry = rng.choice(["", "NA", "#DIV/0!", "nan", "-", "n.d.", "#VALUE!", "inf", "None", "?", "<LOD", " "])

    def change(rows):
        at = rng.randrange(-5, 0)
        for i in rng.sample(range(1, len(rows)), rng.randint(1, 4)):
            rows[i][at] = entry

    return text_member(rng, folder, change)


@kind("F28 no header", WARN, ("header", "column names"))
def no_header(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={})
    lines = table.lines(",")[1:]
    return Member((write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", lines, rng),), "")


@kind("F28b no header, with labels", WARN, ("header", "column names"))
def no_header_with_labels(rng, folder):
    table = draw_table(rng)
    lines = table.changed(columns={table.key: table.labels}).lines(",")[1:]
    return Member((write_lines(folder / "t.csv", lines, rng),), "")


@kind("F29 no cell names", WARN, ("barcode", "cell name", "first column"))
def no_names(rng, folder):
    table = draw_table(rng).changed(columns={})
    lines = [line.split(",", 1)[1] for line in table.lines(",")]
    return Member((write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", lines, rng),), "")


@kind("F29b labels first, no cell names", WARN, ("no cell names",), ("cell_1", "numbered"))
def labels_first(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={table.key: table.labels})
    lines = [line.split(",", 1)[1] for line in table.lines(",")]
    return Member((write_lines(folder / "t.csv", lines, rng),), "")


@kind("F30 damaged inside gzip", REJECT, ("incomplete", "truncated", "damaged", "cut off"), (*AGAIN, "download"))
def damaged_gzip(rng, folder):
    path = draw_table(rng).write(rng, folder, ("csv.gz", "tsv.gz"))
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(12, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data + (b"" if rng.random() < 0.7 else b"garbage"))
    return Member((path,), "")


@kind("F31 compressed or not, against its name", WARN, ("not compressed", "gzip", "plain"))
def gzip_name(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("csv", "tsv"))
    if rng.random() < 0.5:
        other = path.with_name(path.name + ".gz")
        other.write_bytes(path.read_bytes())
    else:
        other = path.with_name("packed." + path.suffix[1:])
        other.write_bytes(gzip.compress(path.read_bytes()))
    return Member((other,), table.key)


@kind("F34 lines before the header", WARN, ("comment", "#", "header", "skipped"))
def comments(rng, folder):
    def change(rows):
        extra = [["# made by x"], ["#", "#"], ["## a,b"], ["# date: 2024-01-01"], ["% matrix"], ["// export"]]
        return [*(rng.choice(extra) for _ in range(rng.randint(1, 3))), *rows]

    return text_member(rng, folder, change)


@kind("F34b a title before the header", REJECT, ("line 1", "header"))
def title(rng, folder):
    return text_member(
        rng, folder, lambda rows: [[rng.choice(["Experiment of May", "Table 1. Counts", "Exported 2024"])], *rows]
    )


@kind("F44 a table is missing", REJECT, ("var", "gene", "feature", "cell", "obs"), ("missing", "no ", "lacks"))
def missing_table(rng, folder):
    def change(file):
        place = rng.choice(["obs", "var", "obs/_index", "var/_index"])
        if place.endswith("_index"):
            table = file[place.split("/")[0]]
            del table[table.attrs["_index"]]
        else:
            del file[place]

    return h5_member(rng, folder, change)
