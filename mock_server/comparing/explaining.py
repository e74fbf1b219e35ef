"""Which variants explain what differs: under each the sandbox is asked again, and may answer as they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec.structs import replace

from mock_server.comparing.comparison import Differing, Played, played_here
from mock_server.domain.variants import VARIANTS, resolve
from mock_server.scenarios.client import new_session
from mock_server.scenarios.logins import Logins
from mock_server.scenarios.script import Background, Scenario
from mock_server.scenarios.target import Target, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A variant under which fewer things differ, and how many fewer."""

    variant: str
    value: str
    explains: int

    def __str__(self) -> str:
        return f"{self.variant}={self.value} explains {self.explains}"


@contextmanager
def sandbox_of(ours: Target, variants: Mapping[str, str]) -> Iterator[Target]:
    """A new sandbox with these variants, as an environment like any other; it is dropped in the end.

    Raises:
        ControlRefused: there is none to be had.
    """
    blank = Scenario(
        version=1, scenario="compare", title="Compare", given=Background(variants=dict(variants))
    )
    with new_session(ours.base_url) as session, opened(ours, blank, session) as control:
        username = Logins(ours, control.sandbox if control else None, session).tagged(ours.username)
        yield replace(ours, control_url=None, username=username)


def explanations(
    found: Sequence[Played], ours: Target, dialect: str, variants: Mapping[str, str]
) -> Iterator[Explanation]:
    """The variants that each explain some of what was found under `variants`, until all of it is explained.

    Raises:
        ControlRefused: there is no sandbox to be had.
    """
    differing = [one for one in found if one.differing]
    before = _all_of(differing)
    others = list(_others(dialect, variants))
    # What stays as it is under all of them together is explained by none.
    if before <= _under({**variants, **dict(others)}, differing, ours, dialect):
        return
    unexplained = len(before)
    for name, value in others:
        explains = len(before) - len(_under({**variants, name: value}, differing, ours, dialect))
        if explains > 0:
            unexplained -= explains
            yield Explanation(variant=name, value=value, explains=explains)
        if unexplained <= 0:
            return


def _under(
    variants: Mapping[str, str], differing: Sequence[Played], ours: Target, dialect: str
) -> set[Differing]:
    """What differs when the sandbox has these variants."""
    if not differing:
        return set()
    with sandbox_of(ours, variants) as target:
        return _all_of([played_here(one.scenario, one.theirs, target, dialect) for one in differing])


def _all_of(found: Sequence[Played]) -> set[Differing]:
    return {one for each in found for one in each.differing}


def _others(dialect: str, variants: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    in_force = resolve(variants, dialect)
    for variant in VARIANTS.values():
        yield from ((variant.name, value) for value in variant.values if value != in_force[variant.name])
