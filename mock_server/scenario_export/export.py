"""Write a scenario file from a sandbox's history and journal: start data, and the client's calls as steps.

The file has no secret and no personal data. A comment marks each request or change that it cannot express.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from textwrap import indent, wrap
from typing import Any

import yaml
from msgspec.structs import replace

from mock_server import __version__
from mock_server.domain.local_time import local_date
from mock_server.domain.settlement import settle
from mock_server.domain.world import World
from mock_server.fixtures.actions import take_action
from mock_server.journal.entries import Entry, read_entries
from mock_server.sandbox.commands import (
    AdvanceClock,
    AnyCommand,
    ImportDossier,
    RestoreSnapshot,
    SetClock,
    TakeSnapshot,
    Together,
)
from mock_server.sandbox.history import HistoryEntry, NotKept, Record
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.sandbox.state import SandboxState
from mock_server.scenario_export.call_steps import CallContext, SavedIds, call_step, reason_to_leave_out
from mock_server.scenario_export.control_steps import command_step, has_no_step
from mock_server.scenario_export.given import (
    Start,
    StateTooLarge,
    scenario_members,
    start_over_steps,
    write_start,
)
from mock_server.scenario_export.moment import START_OVER_COMMANDS, Moment, find_moment, state_after
from mock_server.scenario_export.privacy import Privacy
from mock_server.scenario_export.steps import (
    ExportedStep,
    control_step,
    duration_text,
    step_of_file,
)
from mock_server.scenarios.file_format import MAX_REPEAT
from mock_server.settings import Settings

_OK = 200
_WIDTH = 110
"""Characters of a line in the file."""
_MAX_LAG = timedelta(seconds=1)
"""How much the scenario's clock may be behind before a request that does not depend on the time."""

_MAX_ADVANCE = timedelta(days=10_000)
"""The longest time by which one step advances the clock."""


def export_scenario(sandbox: ServerSandbox, *, name: str, since: int | str = "start") -> str:
    """Return a scenario file that repeats the requests after `since` and expects the same answers.

    `name` is that of a scenario. `since` is the number of a request, the name of a snapshot, or
    `start`.

    Raises:
        NoSuchStart: the history has no such snapshot.
        StateTooLarge: the state there does not fit into a file.
    """
    moment = find_moment(sandbox, since)
    start = write_start(moment.state, moment.now, moment.content_since, name=name)
    writer = _Writer(name, sandbox, moment, start)
    writer.write()
    return _format_file(name, sandbox, moment, start, writer.steps)


class _Writer:
    """Writes the steps, and computes the state and the clock after each of them."""

    def __init__(self, name: str, sandbox: ServerSandbox, moment: Moment, start: Start) -> None:
        self.steps: list[ExportedStep] = list(start.steps)

        self._name = name
        self._sandbox = sandbox
        self._moment = moment
        self._state = moment.state
        self._now = moment.now
        self._scenario = start.active
        self._snapshots: dict[str, tuple[World, set[str]]] = {}
        self._on_hold: set[str] = set()
        states = (sandbox.state, *(entry.state for entry in moment.commands), moment.state)
        rules = {rule.name: rule for state in states for rule in state.active.rules}
        users = moment.state.world.admission.logins
        self._context = CallContext(
            ids=SavedIds(moment.state.world),
            users=users,
            rules=rules,
            refusals=start.scenario.given.variants["refusals"],
        )

    def write(self) -> None:
        """Write the requests and, in their places, the control calls between them."""
        waiting = deque(self._moment.commands)
        for entry in read_entries(self._moment.requests):
            own_commands: list[HistoryEntry] = []
            while waiting and _is_before(waiting[0].record, entry):
                command = waiting.popleft()
                if own_commands or command.record.request is not None:
                    own_commands.append(command)
                else:
                    self._write_command(command)
            self._write_request(entry, own_commands)
        if any({None, "getToken"} & {*rule.when.operations} for rule in self._context.rules.values()):
            self.steps = [*_earlier_logins(self.steps), *self.steps]

    # Control calls

    def _write_command(self, entry: HistoryEntry) -> None:
        command = entry.record.command
        if has_no_step(command):
            self._follow(entry)
            return
        self._advance_to(entry.now)
        starts_over = isinstance(command, START_OVER_COMMANDS) and not self._is_own_snapshot(entry)
        if starts_over or not (self._write_advance_in_parts(entry) or self._write_single(entry)):
            self._write_start_over(entry)
            return
        self._follow(entry)
        self._now = self._state.clock.at(entry.record.machine)

    def _write_advance_in_parts(self, entry: HistoryEntry) -> bool:
        """Write a change of the clock in parts if imports on hold end during it; return whether it was."""
        command = entry.record.command
        if not isinstance(command, AdvanceClock | SetClock):
            return False
        until = state_after(entry, self._sandbox.history).clock.at(entry.record.machine)
        events = settle(self._state.world, max(until, self._now), take_action)[1]
        if not any(event.process_id in self._on_hold for event in events):
            return False
        self._advance_to(
            until, tokens=isinstance(command, AdvanceClock) and command.tokens_aged_at is not None
        )
        return True

    def _is_own_snapshot(self, entry: HistoryEntry) -> bool:
        """Whether it restores a snapshot that a step of this scenario takes."""
        command = entry.record.command
        if not isinstance(command, RestoreSnapshot) or command.name not in self._snapshots:
            return False
        return self._snapshots[command.name][0] is entry.state.snapshots[command.name].world

    def _write_single(self, entry: HistoryEntry) -> bool:
        """Write a step for the command, or for each of several commands; return False if one has no step."""
        number, executed, steps = entry.record.number, entry.record.command, []
        for index, command in enumerate(executed.commands if isinstance(executed, Together) else [executed]):
            if has_no_step(command):
                continue
            name = f"command {number}{f'.{index + 1}' if index else ''}: {_command_words(command)}"
            step = command_step(name, command, self._scenario)
            if step is None:
                return False
            steps.append(step)
            if isinstance(command, TakeSnapshot):
                self._snapshots[command.name] = entry.state.world, set(self._on_hold)
            if isinstance(command, RestoreSnapshot):
                self._on_hold = set(self._snapshots[command.name][1])
        self.steps += steps
        return True

    def _write_start_over(self, entry: HistoryEntry) -> None:
        """Write the state after a command that starts over."""
        before = self._state
        self._follow(entry)
        self._now = self._state.clock.at(entry.record.machine)
        self._write_state(f"command {entry.record.number}: {_command_words(entry.record.command)}", before)

    def _write_state(self, name: str, before: SandboxState) -> None:
        """Write steps that replace the state `before` by the current one."""
        steps = start_over_steps(name, before, self._state, self._now, scenario=self._name)
        self.steps += steps
        self._on_hold.clear()
        active = self._state.active.scenario
        is_played = any(step.members["control"] == "PUT /scenario" for step in steps)
        self._scenario = self._name if is_played else None if active is None else active.scenario

    def _follow(self, entry: HistoryEntry) -> None:
        """Continue from the state after this command."""
        try:
            self._state = state_after(entry, self._sandbox.history)
        except NotKept:
            self._state = self._sandbox.state
        if isinstance(entry.record.command, AdvanceClock | SetClock):
            now = self._state.clock.at(entry.record.machine)
            self._state = replace(self._state, world=settle(self._state.world, now, take_action)[0])

    # Requests

    def _write_request(self, entry: Entry, commands: Sequence[HistoryEntry]) -> None:
        reason = reason_to_leave_out(entry, self._context)
        if reason is not None:
            self._leave_out(entry, commands, reason)
            return
        self._advance_if_needed(commands[-1].now if commands else entry.exchange.at, is_write=bool(commands))
        step = call_step(entry, self._context)
        if not self._merge_repetition(step, entry):
            self.steps.append(step)
        for command in commands:
            self._follow(command)
            self._hold_import(command)

    def _leave_out(self, entry: Entry, commands: Sequence[HistoryEntry], reason: str) -> None:
        """Write a comment instead of a request, and the state after it if it changed something."""
        text = f"Request {entry.number} is left out, {entry.method} {entry.path}: {reason}."
        self.steps.append(ExportedStep(comments=[text]))
        if not commands:
            return
        self._advance_to(commands[-1].now)
        before = self._state
        for command in commands:
            self._follow(command)
        try:
            self._write_state(f"what request {entry.number} changed", before)
        except StateTooLarge:
            self.steps.append(ExportedStep(comments=["What it changed is missing from here on."]))

    def _merge_repetition(self, step: ExportedStep, entry: Entry) -> bool:
        """Count the step as a repetition of the last one if it is one; return whether it was counted."""
        if not self.steps:
            return False
        last = self.steps[-1]
        times = last.members.get("repeat", 1)
        repeated = step.members | {"name": last.members.get("name"), "repeat": times}
        is_same = repeated == {"repeat": 1} | last.members and step.comments == last.comments
        if not is_same or times >= MAX_REPEAT or "timeout" in step.members:
            return False
        if not self._context.ids.merge(step, last):
            return False
        last.members["repeat"] = times + 1
        first = last.members["name"].split()[1].rstrip(":")
        last.members["name"] = f"requests {first} to {entry.number}: {entry.operation}"
        return True

    # Time

    def _advance_if_needed(self, instant: datetime, *, is_write: bool) -> None:
        """Advance the clock before a request, if the request or a later one depends on the time."""
        is_due = self._state.world.is_due(max(instant, self._now))
        is_timed = any(rule.depends_on_time for rule in self._state.active.rules)
        is_late = instant - self._now >= _MAX_LAG or local_date(instant) != local_date(self._now)
        if is_write or is_due or is_timed or is_late:
            self._advance_to(instant)

    def _advance_to(self, instant: datetime, *, tokens: bool = False) -> None:
        """Write steps that advance the clock to `at`, and that end the imports on hold at their times."""
        world, events = settle(self._state.world, max(instant, self._now), take_action)
        for event in events:
            if event.process_id in self._on_hold:
                self._write_advance(event.at, tokens=tokens)
                name, call = f"import {event.process_id} ends", f"POST /processes/{event.process_id}"
                self.steps.append(control_step(name, call, {"outcome": "finish"}))
        self._write_advance(instant, tokens=tokens)
        self._state = replace(self._state, world=world)

    def _write_advance(self, instant: datetime, *, tokens: bool) -> None:
        remaining = instant - self._now
        tokens_member = {"tokens": True} if tokens else {}
        while remaining > timedelta():
            part = min(remaining, _MAX_ADVANCE)
            remaining -= part
            end = instant.isoformat(timespec="milliseconds")
            name = f"advance the clock by {_seconds_text(part)}, until {end}"
            self.steps.append(
                control_step(name, "POST /clock/advance", {"by": duration_text(part), **tokens_member})
            )
        self._now = max(instant, self._now)

    def _hold_import(self, entry: HistoryEntry) -> None:
        """Write a step that holds an import until its time, if another server would end it at another one."""
        command, before = entry.record.command, entry.state.world
        if not isinstance(command, ImportDossier) or command.duration == Settings().import_duration:
            return
        world = self._state.world
        processes = world.portfolio(command.account_id).processes.values()
        process = next(process for process in processes if process.number == before.next_ids.process)
        row = world.establishments.get(process.wanted.company_id)
        is_in_registry = row is not None and (row.import_duration is not None or row.never_ends)
        if is_in_registry or command.plan.held or command.plan.lasts is not None:
            return
        self._on_hold.add(process.process_id)
        if command.duration:
            name = f"import {process.process_id} takes {_seconds_text(command.duration)}"
            call = f"POST /processes/{process.process_id}"
            self.steps.append(control_step(name, call, {"outcome": "hold"}))


def _earlier_logins(steps: Sequence[ExportedStep]) -> Iterator[ExportedStep]:
    """Yield a login of each user whose token is older than the steps: a rule could change a later login."""
    users: list[Any] = []
    for step in steps:
        user, is_login = step.members.get("as", {}), step.members.get("call") == "getToken"
        is_rejected = is_login and step.members["expect"].get("status") != _OK
        if "call" not in step.members or "token" in step.members or is_rejected or user in users:
            continue
        users.append(user)
        if not is_login:
            members = {"name": "a login before", "call": "getToken"} | ({"as": user} if user else {})
            yield ExportedStep(members=members | {"expect": {"status": _OK}})


def _is_before(record: Record, entry: Entry) -> bool:
    """Whether the command was executed before the request of this entry, or by it."""
    return record.position < entry.number or (record.request is not None and record.position == entry.number)


def _command_words(command: AnyCommand) -> str:
    """Return the name of a command in words: `advance clock`."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", type(command).__name__).lower()


def _seconds_text(length: timedelta) -> str:
    return f"{length / timedelta(seconds=1):g} s"


# The file


def _format_file(
    name: str, sandbox: ServerSandbox, moment: Moment, start: Start, exported: Sequence[ExportedStep]
) -> str:
    privacy = Privacy(moment.state.world.invalid_email_domains, moment.state.world.admission.logins)
    title = f"What a client did in the sandbox {sandbox.name}"
    steps = [step_of_file(step, privacy) for step in _with_unique_names(exported)]
    dialects = {step.members["dialect"] for step in steps if "dialect" in step.members}
    scenario = replace(start.scenario, title=title, tags=("exported",), both_dialects=len(dialects) > 1)
    option = f" --dialect {min(dialects)}" if len(dialects) == 1 else ""
    comments = [
        f"Exported from a sandbox of mock-server {__version__}; secrets and personal data are replaced.",
        f"Run it again: mock-server scenarios run {name}.yaml{option}",
        *start.comments,
        *([moment.left_out] if moment.left_out else []),
    ]
    lines = [
        *chain.from_iterable(map(_comment_lines, comments)),
        _format_yaml(privacy.clean_value(scenario_members(scenario))),
        "steps:" if any(step.members for step in steps) else "steps: []",
        *chain.from_iterable(map(_step_lines, steps)),
    ]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def _with_unique_names(steps: Sequence[ExportedStep]) -> Sequence[ExportedStep]:
    """Number the steps that have the name of an earlier one."""
    counts = Counter[str]()
    for step in steps:
        name = step.members.get("name", "")
        counts[name] += 1
        if name and counts[name] > 1:
            step.members["name"] = f"{name} ({counts[name]})"
    return steps


def _step_lines(step: ExportedStep) -> Iterator[str]:
    for comment in step.comments:
        yield from _comment_lines(comment, "  ")
    if step.members:
        yield indent(_format_yaml([step.members]), "  ")


def _comment_lines(text: str, prefix: str = "") -> Iterator[str]:
    plain = "".join(character if character.isprintable() else " " for character in text)
    lines = wrap(plain, _WIDTH - len(prefix) - 2, break_on_hyphens=False)
    yield from (f"{prefix}# {line}" for line in lines)


class _Dumper(yaml.CSafeDumper if hasattr(yaml, "CSafeDumper") else yaml.SafeDumper):  # type: ignore[misc]
    """Writes no aliases, which a scenario file may not have."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _format_yaml(value: object) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=None, width=_WIDTH
    )
    return text
