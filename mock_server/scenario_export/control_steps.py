"""Commands of control calls as steps: the call that executes the same command again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from mock_server.client.calls import path_part
from mock_server.domain.names import counted
from mock_server.fixtures.entries import MIN_FILE_SIZE
from mock_server.sandbox.commands import (
    AddRules,
    AddToTimeline,
    AdvanceClock,
    AnyCommand,
    ChangeAccount,
    ChangeDossier,
    ChangeRequirement,
    ClearTimeline,
    CloseThirdparty,
    CreateAccount,
    CreateDossier,
    DeleteSnapshot,
    DepositEvidence,
    MarkPactStates,
    RegisterThirdparty,
    RemoveRules,
    RestoreSnapshot,
    SetClock,
    SetProcessOutcome,
    SetScenarioState,
    SetStrict,
    SetVariants,
    StopScenario,
    TakeSnapshot,
)
from mock_server.scenario_export.given import instant_text
from mock_server.scenario_export.steps import ExportedStep, control_step, duration_text, members_of

Call = tuple[str, Any]
"""A control call such as `PUT /strict`, and its body, None for none."""


def has_no_step(command: AnyCommand) -> bool:
    """Whether the command needs no step: it changes nothing that a client sees in the scenario.

    Freezing or unfreezing the clock is such a command: the scenario's clock is always frozen.
    """
    return isinstance(command, MarkPactStates | DeleteSnapshot) or (
        isinstance(command, SetClock) and command.at is None
    )


def command_step(name: str, command: AnyCommand, scenario: str | None) -> ExportedStep | None:
    """Return the step that executes a command; None if no single control call does.

    `scenario` is the name of the scenario that is active then.
    """
    if isinstance(command, SetScenarioState):
        return control_step(name, f"PUT /scenarios/{scenario}/state", {"state": command.state})
    write = WRITERS.get(type(command))
    call = None if write is None else write(command)
    if call is None:
        return None
    step = control_step(name, *call)
    if isinstance(command, DepositEvidence) and command.given.content:
        size = len(command.given.content)
        step.comments.append(
            f"The file of {counted(size, 'byte')} is not in this scenario: a generated one stands for it."
        )
    return step


def _advance_clock(command: AdvanceClock) -> Call:
    days = f"{command.days}D" if command.days else ""
    rest = duration_text(command.rest).removeprefix("P") if command.rest or not days else ""
    tokens = {} if command.tokens_aged_at is None else {"tokens": True}
    return "POST /clock/advance", {"by": f"P{days}{rest}", **tokens}


def _remove_rules(command: RemoveRules) -> Call:
    query = "" if command.name is None else f"?{urlencode({'name': command.name})}"
    return f"DELETE /rules{query}", None


def _change_requirement(command: ChangeRequirement) -> Call:
    account = {} if command.account_id is None else {"accountId": command.account_id}
    return f"PATCH /requirements/{path_part(command.code)}", {"withdrawn": command.withdrawn, **account}


def _deposit(command: DepositEvidence) -> Call:
    evidence = command.given
    size = max(len(evidence.content), MIN_FILE_SIZE) if evidence.content else evidence.file_size
    body = {
        "fileSize": size,
        "expirationDate": evidence.expiration_date and evidence.expiration_date.isoformat(),
        "metadata": dict(evidence.metadata),
        "formdata": [members_of(answer) for answer in evidence.formdata],
    }
    call = f"POST /dossiers/{command.dossier_id}/documents/{path_part(command.code)}/evidences"
    empty = {} if evidence.content is None or evidence.content else {"content": ""}
    return call, {name: value for name, value in body.items() if value} | empty


def _set_outcome(command: SetProcessOutcome) -> Call:
    code = {} if command.code is None else {"code": command.code}
    return f"POST /processes/{command.process_id}", {"outcome": command.outcome, **code}


WRITERS: dict[type, Callable[[Any], Call | None]] = {
    AddRules: lambda command: ("POST /rules", {"rules": [members_of(rule) for rule in command.rules]}),
    AddToTimeline: lambda command: ("POST /timeline", {"timeline": list(map(members_of, command.entries))}),
    AdvanceClock: _advance_clock,
    ChangeAccount: lambda command: (f"PATCH /accounts/{command.account_id}", members_of(command.change)),
    ChangeDossier: lambda command: (f"PATCH /dossiers/{command.dossier_id}", members_of(command.patch)),
    ChangeRequirement: _change_requirement,
    ClearTimeline: lambda _: ("DELETE /timeline", None),
    CloseThirdparty: lambda command: (f"POST /thirdparties/{command.thirdparty_id}/close", None),
    CreateAccount: lambda command: (
        "POST /accounts",
        members_of(command.account) | ({"users": list(command.users)} if command.users else {}),
    ),
    CreateDossier: lambda command: ("POST /dossiers", members_of(command.dossier)),
    DepositEvidence: _deposit,
    RegisterThirdparty: lambda command: (
        ("POST /thirdparties", members_of(command.thirdparty)) if command.dated else None
    ),
    RemoveRules: _remove_rules,
    SetClock: lambda command: ("PUT /clock", {"now": instant_text(command.at)}),
    SetProcessOutcome: _set_outcome,
    SetStrict: lambda command: ("PUT /strict", {"strict": command.strict}),
    SetVariants: lambda command: ("PUT /variants", dict(command.variants)),
    StopScenario: lambda _: ("DELETE /scenario", None),
    RestoreSnapshot: lambda command: (f"POST /snapshots/{path_part(command.name)}/restore", None),
    TakeSnapshot: lambda command: (f"POST /snapshots/{path_part(command.name)}", None),
}
