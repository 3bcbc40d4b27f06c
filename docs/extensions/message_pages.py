"""One page for each code of a message, written from the tables of ``docs/messages.md`` when the site is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from generated_pages import write_pages
from sphinx.application import Sphinx

FOLDER = "codes"  # below docs, ignored by git
ROW = re.compile(r"^\| (PM-[A-Z]\d{2}) \| (.+) \| (.+) \|$")
SECTION = re.compile(r"^## [A-Z]: (.+)$")


class Message(NamedTuple):
    """A row of the tables."""

    code: str
    section: str
    meaning: str
    what_to_do: str


def read_messages(text: str) -> list[Message]:
    """The rows of the tables of ``messages.md``, in their order."""
    found, section = [], ""
    for line in text.splitlines():
        if heading := SECTION.match(line):
            section = heading[1]
        elif row := ROW.match(line):
            found.append(Message(row[1], section, row[2], row[3]))
    return found


def page(message: Message) -> str:
    """The page of a code. It stands in no menu: 120 entries there would hide the others."""
    return (
        f"---\norphan: true\n---\n\n# {message.code}\n\n**What it means.** {message.meaning}\n\n"
        f"**What to do.** {message.what_to_do}\n\nThis is a message about {message.section}; "
        "[all codes](../messages.md) are on one page. With `--json`, the command line gives the code as `code`.\n"
    )


def pages(text: str) -> dict[str, str]:
    """All pages by the name of their file."""
    messages = read_messages(text)
    lines = [f"- [{each.code}]({each.code}.md): {each.meaning}" for each in messages]
    index = "# One page for each code\n\n" + "\n".join(lines) + "\n"
    return {"index.md": index} | {f"{each.code}.md": page(each) for each in messages}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by sphinx, before it looks for files."""
    docs = Path(app.srcdir)
    write_pages(docs / FOLDER, pages((docs / "messages.md").read_text(encoding="utf-8")))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
