"""The pages of the documentation, which the package contains: for the server and for `mock-server explain`.

A topic is a page, or a page and a section: `control`, `control#the-clock`. `mock_server.pages` has the topics
that errors name.
"""

from __future__ import annotations

import re
from pathlib import Path

from mock_server.fixtures.library import bundled

_HEADING = re.compile(r"^(#+) (.+)$")
_LINK_TO_REPOSITORY = re.compile(r"!?\[([^\]]+)\]\((?:\.\./|images/)[^)]+\)")
"""An image, or a link to a file of the repository: the package contains neither."""
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)


def page_names() -> list[str]:
    """Return the names of all pages."""
    return sorted(path.stem for path in bundled("docs").glob("*.md"))


def read_page(name: str) -> str | None:
    """Return the Markdown of a page without comments; None if there is no such page.

    Links to files that the package does not have are replaced by their text.
    """
    if name not in page_names():
        return None
    text = (bundled("docs") / f"{name}.md").read_text(encoding="utf-8")
    return _LINK_TO_REPOSITORY.sub(r"\1", _COMMENT.sub("", text))


def schema_file(name: str) -> Path | None:
    """Return the path of a JSON Schema, such as `scenario.schema.json`; None if there is none."""
    paths = {path.name: path for path in bundled("docs").glob("*.schema.json")}
    return paths.get(name)


def anchor_of(title: str) -> str:
    """Return the anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def headings(text: str) -> dict[str, str]:
    """Return the title of each section of a page, by its anchor, in their order."""
    lines = zip(text.splitlines(), _is_outside_code(text), strict=True)
    matches = (_HEADING.match(line) for line, is_text in lines if is_text)
    return {anchor_of(match[2]): match[2] for match in matches if match}


def section_of(text: str, anchor: str) -> str | None:
    """Return a section of a page, with its heading and its subsections; None without such an anchor."""
    section: list[str] = []
    level = 0  # of the heading of the section; 0 before it
    for line, is_text in zip(text.splitlines(), _is_outside_code(text), strict=True):
        match = _HEADING.match(line) if is_text else None
        if match and len(match[1]) <= level:
            break
        if match and not level and anchor_of(match[2]) == anchor:
            level = len(match[1])
        if level:
            section.append(line)
    return "\n".join(section).rstrip() + "\n" if section else None


def rule_of(number: str) -> str | None:
    """Return a rule or a section of the page `behaviour`, such as `6.1.2` or `6.1`; None if there is none."""
    text = read_page("behaviour") or ""
    for anchor, title in headings(text).items():
        if title.partition(" ")[0].rstrip(".") == number:
            return section_of(text, anchor)
    rule = re.search(
        rf"^- \*\*{re.escape(number)}\*\* .*?(?=\n(?:- |\n|\||#)|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return f"{rule[0]}\n" if rule else None


def behaviour_of(name: str) -> str | None:
    """Return the text of the page `behaviour` about an operation, a variant or a decision such as `C15`.

    None if there is none.
    """
    text = read_page("behaviour") or ""
    for anchor, title in headings(text).items():
        if name.lower() in title.lower().split()[1:2]:
            return section_of(text, anchor)
    header: list[str] = []
    lines = text[text.index("\n## 12. ") :].splitlines()  # decisions and variants
    for line, previous in zip(lines[1:], lines, strict=False):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ---"):
            header = [cell.strip() for cell in previous.strip("|").split(" | ")]
        elif line.startswith("| ") and cells[0].strip("`").lower() == name.lower():
            rows = zip(header[1:], cells[1:], strict=False)
            return f"# {cells[0]}\n\n" + "".join(f"- {label}: {cell}\n" for label, cell in rows if cell)
    return None


def _is_outside_code(text: str) -> list[bool]:
    """Return for each line whether it is outside blocks of code: inside, `#` begins a comment."""
    is_outside, flags = True, []
    for line in text.splitlines():
        is_fence = line.startswith("```")
        flags.append(is_outside and not is_fence)
        is_outside ^= is_fence
    return flags
