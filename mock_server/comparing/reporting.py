"""What a comparison tells: lines for a person, JSON and JUnit XML for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from xml.etree.ElementTree import Element, SubElement, tostring  # only written, never read

from mock_server.comparing.comparison import Compared

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(results: Sequence[Compared]) -> Iterator[str]:
    """What differs, probe by probe, and a sentence on all of them."""
    for result in results:
        if result.divergences:
            yield f"{result.name} ({result.operation})"
            yield from (f"  {_printable(str(one))}" for one in result.divergences)
    differing = sum(bool(result.divergences) for result in results)
    skipped = sum(bool(result.skipped) for result in results)
    verdict = f"{differing} with differences" if differing else "nothing differs"
    left_out = f", {skipped} skipped" if skipped else ""
    yield f"{len(results) - skipped} compared: {verdict}{left_out}"


def as_json(results: Sequence[Compared]) -> bytes:
    """All of it, what did not differ included."""
    return json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False).encode()


def as_junit(results: Sequence[Compared]) -> bytes:
    """A case per probe or step."""
    counts = {
        "tests": str(len(results)),
        "failures": str(sum(bool(result.divergences) for result in results)),
        "skipped": str(sum(bool(result.skipped) for result in results)),
    }
    suite = Element("testsuite", {"name": "mock-server compare", **counts})
    for result in results:
        case = SubElement(suite, "testcase", classname=f"compare.{result.operation}", name=result.name)
        told = [_NOT_IN_XML.sub("\ufffd", str(one)) for one in result.divergences]
        if result.skipped:
            SubElement(case, "skipped", message=result.skipped)
        elif told:
            SubElement(case, "failure", message=told[0]).text = "\n".join(told)
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True))


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
