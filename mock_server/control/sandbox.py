"""The reset of a sandbox."""

from __future__ import annotations

from flask import Blueprint, Response
from msgspec import Struct

from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.sandbox import PARTS, Part
from mock_server.web.services import named_sandbox

sandbox = Blueprint("sandbox", __name__)


class Reset(Struct, forbid_unknown_fields=True):
    """`only` names the parts to reset; left out, all of them."""

    only: list[Part] | None = None


@serves(sandbox, "POST /reset", body=Reset)
def reset(wanted: Reset) -> Response:
    """Be as after the start, wholly or in part."""
    found = named_sandbox()
    parts = PARTS if wanted.only is None else wanted.only
    found.reset(parts)
    return json_answer({"sandbox": found.name, "reset": list(parts)})
