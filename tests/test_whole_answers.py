"""Whole answers, as a client reads them: a test makes calls, and its snapshot has all that they answered."""

from __future__ import annotations

from syrupy.assertion import SnapshotAssertion

from tests.support import SEED_DOSSIER
from tests.transcript import NOW, Transcript


def test_clock_and_timeline(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.control("GET /clock")
    story.control("POST /clock/advance", {"by": "P1D"})
    story.control(
        "POST /timeline",
        {
            "timeline": [
                {"after": "P2D", "control": "POST /thirdparties/875/close"},
                {
                    "after": "PT1H",
                    "control": f"PATCH /dossiers/{SEED_DOSSIER}",
                    "body": {"description": "later"},
                },
                {"after": "P3D", "control": "POST /thirdparties/999999/close"},
            ]
        },
    )
    story.control("GET /timeline")
    story.control("POST /clock/advance", {"by": "P5D", "tokens": True})
    story.control("GET /timeline")
    story.control("DELETE /timeline")
    story.control("PUT /clock", {"frozen": False, "now": NOW})
    story.control("PUT /clock", {"now": "2031-02-30T00:00:00"})
    story.control("POST /clock/advance", {"by": "1 day"})
    story.control("POST /clock/advance", {"by": "PT1S", "hours": 2})
    story.control("POST /clock/advance")
    story.control("DELETE /clock")
    assert str(story) == snapshot
