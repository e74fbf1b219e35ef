"""What a client was expected to do, judged; and what it met of the API, counted."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from mock_server.control.calls import serves
from mock_server.control.problems import json_answer, problem_answer
from mock_server.domain.operations import OPERATIONS
from mock_server.journal.coverage import CoverageRow, compute_coverage
from mock_server.journal.near_misses import ExplainContext
from mock_server.journal.verify import NearMiss, Verdict, Verification, check_verification
from mock_server.journal.verify import verify as verify_journal
from mock_server.web.services import named_sandbox, services

verification = Blueprint("verification", __name__)


@serves(verification, "POST /verify", body=Verification)
def verify(wanted: Verification) -> Response:
    """Whether the client did what is expected; 422 with the nearest misses when it did not.

    An expectation that a journal which has forgotten exchanges cannot vouch for does not hold: `unknown`.
    """
    check_verification(wanted)
    sandbox = named_sandbox()
    found_slice = sandbox.journal.read()
    known = ExplainContext(world=sandbox.read(), variants=sandbox.variants_for(services().settings.dialect))
    judged = verify_journal(wanted, found_slice, known)
    failed = [verdict for verdict in judged if verdict.judgment != "held"]
    members = {
        "verified": not failed,
        "complete": found_slice.complete,
        "expectations": [_shown(verdict) for verdict in judged],
    }
    if not failed:
        return json_answer(members)
    return problem_answer(422, " ".join(_sentence(verdict) for verdict in failed), **members)


@serves(verification, "GET /coverage")
def get_coverage() -> Response:
    """What the client met of the API and what it never met, over all its calls since the start or a reset."""
    sandbox = named_sandbox()
    spoken = services().settings.dialect
    served = [row.name for row in OPERATIONS.values() if spoken in row.dialects]
    met = compute_coverage(sandbox.journal.counts, served)
    operations = {
        name: {"calls": calls, "statuses": met.statuses[name]} for name, calls in met.operations.met.items()
    }
    return json_answer(
        {
            "sandbox": sandbox.name,
            "complete": True,
            "operations": {"met": operations, "never": met.operations.never},
            "codes": _part(met.codes),
            "pages": {search: _part(part) for search, part in met.pages.items()},
            "processes": _part(met.processes),
            "unmatched": met.unmatched,
        }
    )


def _shown(verdict: Verdict) -> dict[str, Any]:
    return {
        "request": verdict.expectation.request.given,
        "expected": str(verdict.expectation.times),
        "found": len(verdict.found),
        "requests": verdict.found,
        "verdict": verdict.judgment,
        "why": verdict.why,
        "nearMisses": [
            {"number": miss.entry.number, "request": _named(miss), "differences": miss.reasons}
            for miss in verdict.misses
        ],
    }


def _named(miss: NearMiss) -> str:
    entry = miss.entry
    return f"{entry.operation or 'unmatched'}: {entry.method} {entry.path}"


def _sentence(verdict: Verdict) -> str:
    """The verdict in words, with the nearest miss."""
    name = " or ".join(verdict.expectation.request.operation_names) or "Any call"
    if not verdict.misses:
        return f"{name}: {verdict.why}."
    nearest = verdict.misses[0]
    return f"{name}: {verdict.why}. Nearest is request {nearest.entry.number}: {'; '.join(nearest.reasons)}."


def _part(part: CoverageRow) -> dict[str, Any]:
    return {"met": part.met, "never": part.never}
