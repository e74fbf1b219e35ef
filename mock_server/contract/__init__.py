"""The published contract as JSON Schemas: what a request body has to look like before any rule is asked.

A schema checks JSON types only. Whatever has a meaning, a code of its own or a state behind it is for the
domain.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["body_mistake"]


def body_mistake(operation: str, body: Any) -> str | None:
    """What is wrong with the JSON types of the operation's request body; None when nothing is.

    behaviour.md 3.0 (inferred).
    """
    mistakes = _validator(operation).iter_errors(body)
    first = next(iter(mistakes), None)
    return None if first is None else f"{first.json_path}: {first.message[:200]}"


@cache
def _validator(operation: str) -> Validator:
    # jsonschema takes a tenth of a second to import: the first body pays for it, not the start.
    from jsonschema import Draft202012Validator

    document = json.loads(files(__package__).joinpath("bodies.json").read_text(encoding="utf-8"))
    return Draft202012Validator({**document, "$ref": f"#/$defs/{operation}"})
