"""What a rule makes of an import, in the words of the domain."""

from __future__ import annotations

from mock_server.domain.imports import PROVIDER_ANSWERS
from mock_server.domain.process import BY_ITSELF, Course
from mock_server.scenarios.script import Then
from mock_server.settings import duration

_CONDITIONS = {error.code: condition for condition, error in PROVIDER_ANSWERS.items()}


def course_of(then: Then) -> Course:
    """How the import that is launched goes."""
    wanted = then.process
    if wanted is None:
        return BY_ITSELF
    return Course(
        held=wanted.hold,
        lasts=None if wanted.after is None else duration(wanted.after),
        condition=None if wanted.fail is None else _CONDITIONS[wanted.fail],
    )
