"""Whole answers, as a client reads them: a test makes calls, and its snapshot has all that they answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support import SEED_DOSSIER, Api
from tests.transcript import NOW, Transcript


@pytest.fixture
def story(make_api: Callable[..., Api], request: pytest.FixtureRequest) -> Transcript:
    """A transcript of a new sandbox that is named as the test, with its clock frozen at the same time."""
    api = make_api(sandbox=request.node.name.removeprefix("test_").replace("_", "-")[:40])
    api.set_clock(NOW)
    return Transcript(api)


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
