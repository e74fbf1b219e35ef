"""How often a scenario is played, and under which variants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, structs

from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.domain.variants import VARIANTS
from mock_server.scenarios.judging import has_own_status
from mock_server.scenarios.script import Scenario


class Performance(Struct, frozen=True, kw_only=True):
    """A scenario as it is played once: with the variants chosen for it, and what tells it from the others."""

    scenario: Scenario
    label: str = ""
    refusals: str | None = None
    file: Path | None = None


def performances(
    scenario: Scenario, variants: Mapping[str, str], *, on_sandbox: bool, file: Path | None = None
) -> list[Performance]:
    """How often the scenario is played: once, or under each value of `refusals` where one shows."""
    chosen = {**scenario.given.variants, **variants}
    if not on_sandbox:
        return [Performance(scenario=scenario, file=file)]
    if "refusals" in chosen or not _shows_refusals(scenario):
        return [Performance(scenario=_with(scenario, chosen), refusals=chosen.get("refusals"), file=file)]
    return [
        Performance(
            scenario=_with(scenario, {**chosen, "refusals": value}),
            label=f"refusals={value}",
            refusals=value,
            file=file,
        )
        for value in VARIANTS["refusals"].values
    ]


def _shows_refusals(scenario: Scenario) -> bool:
    """Whether a command is expected to be refused in a way that the variant decides."""
    calls = [
        *((step.call, step.expect) for step in scenario.steps),
        *((call.call, call.expect) for step in scenario.steps for call in step.together),
    ]
    return any(
        name is not None
        and OPERATIONS[name].kind is Kind.COMMAND
        and expect.refused
        and not has_own_status(expect.refused)
        for name, expect in calls
    )


def _with(scenario: Scenario, variants: Mapping[str, str]) -> Scenario:
    given = structs.replace(scenario.given, variants=dict(variants))
    return structs.replace(scenario, given=given)
