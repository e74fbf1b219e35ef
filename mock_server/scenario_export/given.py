"""A state as start data of a scenario: its differences from the fixture if they are few, else all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from mock_server.client.login import DEFAULT_PASSWORD
from mock_server.domain.local_time import ZONE
from mock_server.domain.model import Document, Dossier, Thirdparty
from mock_server.domain.names import counted
from mock_server.domain.settlement import settle
from mock_server.domain.world import World
from mock_server.fixtures.actions import take_action
from mock_server.fixtures.entries import (
    DocumentEntry,
    DossierEntry,
    FileEntry,
    ThirdpartyPatch,
    UserInformationEntry,
)
from mock_server.fixtures.state_file import WorldState, export_world
from mock_server.input_errors import InputError
from mock_server.sandbox.state import SandboxState, export_state
from mock_server.scenario_export.steps import ExportedStep, control_step, duration_text, members_of
from mock_server.scenarios.active import ActiveScenario
from mock_server.scenarios.file_format import STARTED, Rule, Scenario, ScenarioGiven
from mock_server.scenarios.setup import ScenarioSetup

Entry = TypeVar("Entry", bound=Struct)

MAX_DOSSIERS = 5_000
"""Dossiers of a state that is written into a scenario file in full: a larger one is too long to read."""

_PARTS_OF_ENTRIES = {"dossiers", "thirdparties", "relations", "next_ids"}
"""The parts of a state that entries of dossiers and third parties can change."""

_FIRST_YEAR_OF_WHOLE_MINUTES = 1912
"""Before it, the offset of French time had seconds, which ISO 8601 cannot write."""

_MAX_DIFFERENT = 50
"""Dossiers and third parties that are listed one by one."""


class StateTooLarge(Exception):
    """The state is too large for a scenario file; the message says what to do."""


class Start(Struct, frozen=True, kw_only=True):
    """The start of an exported scenario: start data and rules, and control calls for everything else.

    `active` is the name of the scenario that is active after these calls.
    """

    scenario: Scenario
    steps: tuple[ExportedStep, ...]
    active: str | None
    comments: tuple[str, ...] = ()


def write_start(state: SandboxState, now: datetime, content_since: datetime | None, *, name: str) -> Start:
    """Return this state at `now` as start data of the scenario `name`.

    `content_since` is when its content was set up, None if that is not known.

    Raises:
        StateTooLarge: it is too large, and differs too much from its fixture.
    """
    start = _small_start(state, now, content_since, name=name) or _full_start(state, now, name=name)
    return start if state.strict == "off" else replace(start, steps=(*start.steps, _strict_step(state)))


def start_over_steps(
    name: str, before: SandboxState, state: SandboxState, now: datetime, *, scenario: str
) -> tuple[ExportedStep, ...]:
    """Return the steps for a command that starts over: they replace the state `before` by `state`, at `now`.

    Raises:
        StateTooLarge: it is too large, and differs too much from its fixture.
    """
    start = _small_start(state, now, None, name=scenario)
    strict = [] if state.strict == before.strict else [_strict_step(state)]
    if start is None:
        steps = [state_step(name, state, now), *strict]
    else:
        scenario_body = scenario_members(replace(start.scenario, title=name))
        delete_rules = [control_step("no rules", "DELETE /rules")] if before.active.ad_hoc_rules else []
        play = control_step(name, "PUT /scenario", {"scenario": scenario_body})
        steps = [*delete_rules, play, *start.steps, *strict]
    for step in steps:
        if step.members["name"] != name:
            step.members["name"] = f"{name}: {step.members['name']}"
    return tuple(steps)


def instant_text(instant: datetime) -> str:
    """Return an instant as local time with its offset; without it before 1912, when it had seconds."""
    local = instant.astimezone(ZONE)
    if local.year < _FIRST_YEAR_OF_WHOLE_MINUTES:
        local = local.replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if instant.microsecond else "seconds")


# Few differences from the fixture


def _small_start(
    state: SandboxState, now: datetime, content_since: datetime | None, *, name: str
) -> Start | None:
    if not state.setup.fixture.is_bundled:
        return None
    scenario = state.active.scenario
    instants = [now] if content_since is None or content_since >= now else [now, content_since]
    for instant in instants:
        ad_hoc = _remaining_rules(state.active.ad_hoc_rules, state.active, now)
        rules = _remaining_rules(scenario.rules if scenario else (), state.active, instant)
        if ad_hoc is None or rules is None:
            continue
        given = _small_given(state, instant, now)
        if given is not None:
            seed = scenario.seed if scenario else 0
            return Start(
                scenario=Scenario(version=1, scenario=name, title=name, seed=seed, given=given, rules=rules),
                steps=tuple(_completing_steps(state.active, ad_hoc, now - instant, name)),
                active=name,
            )
    return None


def _completing_steps(
    active: ActiveScenario, ad_hoc: Sequence[Rule], elapsed: timedelta, name: str
) -> Iterator[ExportedStep]:
    """Yield the control calls for what start data and rules cannot say."""
    if elapsed:
        yield control_step("the time at the start", "POST /clock/advance", {"by": duration_text(elapsed)})
    if ad_hoc:
        yield control_step("the ad hoc rules", "POST /rules", {"rules": list(map(members_of, ad_hoc))})
    if active.scenario is not None and active.progress.state != STARTED:
        call = f"PUT /scenarios/{name}/state"
        yield control_step("the state of the scenario", call, {"state": active.progress.state})


def _remaining_rules(
    rules: Sequence[Rule], active: ActiveScenario, begin: datetime
) -> tuple[Rule, ...] | None:
    """Return the rules that were set at `begin` with the `times` that remain.

    None if the effect of one depends on earlier calls in another way.
    """
    if any(_depends_on_progress(rule, active, begin) for rule in rules):
        return None
    remaining = (_remaining(rule, active) for rule in rules)
    return tuple(rule for rule in remaining if rule is not None)


def _depends_on_progress(rule: Rule, active: ActiveScenario, begin: datetime) -> bool:
    """Whether the next effect of a rule depends on earlier calls, except by `times`, or on elapsed time."""
    progress = active.progress
    if progress.since.get(rule.name, begin) != begin:
        return True
    depends_on_calls = not (rule.when.nth is None and rule.probability is None and rule.then.delay is None)
    return depends_on_calls and bool(progress.matched.get(rule.name))


def _remaining(rule: Rule, active: ActiveScenario) -> Rule | None:
    """Return the rule with the `times` that remain, None if they are used up."""
    if rule.times is None:
        return rule
    times = rule.times - active.progress.applied.get(rule.name, 0)
    return replace(rule, times=times) if times > 0 else None


def _small_given(state: SandboxState, start: datetime, now: datetime) -> ScenarioGiven | None:
    """Return the start data of a sandbox that begins at `start` and has this content at `now`.

    None if the content differs from the fixture too much, or in parts for which there are no entries.
    """
    scenario = state.setup.scenario
    previous = scenario.given if scenario else ScenarioGiven()
    fixture = state.setup.fixture.name
    given = replace(previous, fixture=fixture, clock=instant_text(start), variants=_variants(state))
    base = _world_of(state, given, start, now)
    if base is None:
        return None
    different = _different_parts(base, state.world)
    if not different:
        return given
    completed = _with_entries(given, base, state.world) if different <= _PARTS_OF_ENTRIES else None
    result = None if completed is None else _world_of(state, completed, start, now)
    return None if result is None or _different_parts(result, state.world) else completed


def _variants(state: SandboxState) -> dict[str, str]:
    """Return the variants; always with `refusals`: without it, the scenario would run with both values."""
    return {**state.variants.chosen, "refusals": state.variants.of("rest")["refusals"]}


def _world_of(state: SandboxState, given: ScenarioGiven, start: datetime, now: datetime) -> World | None:
    scenario = Scenario(version=1, scenario="exported", title="exported", given=given)
    try:
        world = ScenarioSetup(state.setup.fixture, scenario).world(start)
    except InputError:
        return None
    return settle(world, now, take_action)[0]


def _different_parts(base: World, wanted: World) -> set[str]:
    """Return the names of the parts that differ."""
    base_state, wanted_state = export_world(base), export_world(wanted)
    return {
        name
        for name in WorldState.__struct_fields__
        if not _equal(getattr(base_state, name), getattr(wanted_state, name))
    }


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; lists are compared element by element: most are the same objects."""
    if not isinstance(one, tuple) or not isinstance(other, tuple):
        return one is other or msgspec.json.encode(one) == msgspec.json.encode(other)
    return len(one) == len(other) and all(
        element is other_element or msgspec.json.encode(element) == msgspec.json.encode(other_element)
        for element, other_element in zip(one, other, strict=True)
    )


def _with_entries(given: ScenarioGiven, base: World, wanted: World) -> ScenarioGiven | None:
    """Add the dossiers and third parties that differ; None if they are too many."""
    thirdparties = [
        _thirdparty_entry(entity)
        for number, entity in sorted(wanted.thirdparties.items())
        if not _equal(base.thirdparties.get(number), entity)
    ]
    before = dict(chain.from_iterable(entity.dossiers.items() for entity in base.portfolios.values()))
    dossiers = [
        _dossier_entry(wanted, entity)
        for _, portfolio in sorted(wanted.portfolios.items())
        for number, entity in sorted(portfolio.dossiers.items())
        if not _equal(before.get(number), entity)
    ]
    if len(thirdparties) + len(dossiers) > _MAX_DIFFERENT:
        return None
    numbers = {entry.dossier_id for entry in dossiers}
    thirdparty_ids = {entry.thirdparty_id for entry in thirdparties}
    other_dossiers = [entry for entry in given.dossiers if entry.dossier_id not in numbers]
    other_thirdparties = [entry for entry in given.thirdparties if entry.thirdparty_id not in thirdparty_ids]
    return replace(
        given, dossiers=(*other_dossiers, *dossiers), thirdparties=(*other_thirdparties, *thirdparties)
    )


def _thirdparty_entry(thirdparty: Thirdparty) -> ThirdpartyPatch:
    return _entry_from(
        ThirdpartyPatch,
        thirdparty,
        siret=None,
        company_id_type=thirdparty.company_id.type.value,
        company_id_value=thirdparty.company_id.value,
        users=tuple(_entry_from(UserInformationEntry, user) for user in thirdparty.users),
        **asdict(thirdparty.company),
    )


def _dossier_entry(world: World, dossier: Dossier) -> DossierEntry:
    relation = world.portfolios[dossier.account_id].relations[dossier.thirdparty_id]
    change_dates = [indicator.last_change_date for indicator in dossier.indicators]
    return _entry_from(
        DossierEntry,
        dossier,
        thirdparty_code=relation.thirdparty_code,
        dossier_reference=dossier.reference,
        stopping_reason=None if dossier.monitored else dossier.stopping_reason.value,
        indicator_last_change_date=instant_text(change_dates[0]) if change_dates else None,
        documents=tuple(map(_document_entry, dossier.documents)),
    )


def _document_entry(document: Document) -> DocumentEntry:
    files = tuple(
        _entry_from(FileEntry, evidence, file_id=evidence.evidence_id, file_size=evidence.file_size or None)
        for evidence in document.evidences
    )
    return _entry_from(DocumentEntry, document, document_code=document.code, files=files)


def _entry_from(kind: type[Entry], source: Struct, **given: Any) -> Entry:
    """Return an entry of this type with the given members, and those of the source with the same names."""
    names = [name for name in kind.__struct_fields__ if name not in given and hasattr(source, name)]
    return kind(**{name: _entry_text(getattr(source, name)) for name in names}, **given)


def _entry_text(value: Any) -> Any:
    """Return an instant or a day as a text for an entry; any other value is unchanged."""
    if isinstance(value, datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, date) else value


# The complete state


def _full_start(state: SandboxState, now: datetime, *, name: str) -> Start:
    active = state.active.scenario
    given = ScenarioGiven(fixture="empty", clock=instant_text(now), variants=_variants(state))
    return Start(
        scenario=Scenario(version=1, scenario=name, title=name, given=given),
        steps=(state_step("the state at the start", state, now),),
        active=None if active is None else active.scenario,
        comments=("The state at the start is not near a bundled fixture: the first step loads all of it.",),
    )


def _strict_step(state: SandboxState) -> ExportedStep:
    return control_step("strict mode", "PUT /strict", {"strict": state.strict})


def state_step(name: str, state: SandboxState, now: datetime) -> ExportedStep:
    """Return the control call that loads this state, frozen at `now`, without passwords and file contents.

    Raises:
        StateTooLarge: it has too many dossiers.
    """
    count = state.world.dossier_count
    if count > MAX_DOSSIERS:
        raise StateTooLarge(
            f"the state there has {counted(count, 'dossier')} and is not near a bundled fixture: too many for"
            f" a scenario file, which has at most {MAX_DOSSIERS}; start at another request, or share"
            " GET /__admin/state"
        )
    exported = msgspec.json.decode(export_state(state, now))
    exported["clock"]["frozen"] = True
    exported["variants"] = _variants(state)
    for user in exported["content"]["users"]:
        user["password"] = DEFAULT_PASSWORD
    documents = chain.from_iterable(dossier["documents"] for dossier in exported["content"]["dossiers"])
    for evidence in chain.from_iterable(dossier["evidences"] for dossier in documents):
        evidence.pop("content", None)
    step = control_step(name, "PUT /state", exported)
    step.as_text = True
    return step


def scenario_members(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as a file has it; in `given`, the fixture comes first."""
    given = members_of(scenario.given)
    first = {name: given[name] for name in ("fixture", "clock", "variants") if name in given}
    return members_of(scenario) | {"given": first | given}
