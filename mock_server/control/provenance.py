"""How sure each behaviour is: documented, example, carried-over, observed or inferred."""

from __future__ import annotations

from flask import Blueprint, Response

from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS

provenance = Blueprint("provenance", __name__)


@serves(provenance, "GET /provenance", sandboxed=False)
def get_provenance() -> Response:
    """Every operation, error code and variant with how sure it is, and where docs/behaviour.md has it."""
    return json_answer(
        {
            "operations": [
                {"name": row.name, "behaviour": row.section, "provenance": row.provenance}
                for row in OPERATIONS.values()
            ],
            "errors": [
                {
                    "code": row.code,
                    "label": row.label_en,
                    "when": row.when,
                    "behaviour": "5",
                    "provenance": row.provenance,
                }
                for row in ERRORS.values()
            ],
            "variants": [
                {"name": row.name, "values": list(row.values), "effect": row.effect, "decision": row.decision}
                for row in VARIANTS.values()
            ],
        }
    )
