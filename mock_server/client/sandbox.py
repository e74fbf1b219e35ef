"""A sandbox and its server, as a test uses them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from mock_server.client.calls import ControlClient, json_members, path_part, server_url
from mock_server.client.errors import ControlRefused, NoServer
from mock_server.client.journal import JournalClient
from mock_server.client.login import LoginClient
from mock_server.client.members import (
    AccountMembers,
    DossierChangeMembers,
    EvidenceMembers,
    NewAccountMembers,
    NewDossierMembers,
    NewThirdpartyMembers,
    RuleMembers,
)
from mock_server.deprecation import renamed_method
from mock_server.domain.local_time import from_local
from mock_server.settings import SANDBOX_HEADER
from mock_server.values import token

__tracebackhide__ = True  # pytest shows the line of the test

Part = Literal["state", "scenario", "rules", "clock", "variants", "rateLimit", "strict", "outbox", "journal"]


class Effect(TypedDict):
    """Something that happened as time passed: a dossier or document expired, a process finished."""

    what: str
    at: str
    accountId: int
    dossierId: int | None
    processId: NotRequired[str]


class SandboxClock:
    """The clock of a sandbox. An instant given as text is ISO 8601; without offset it is French local time.

    The methods that change it return the effects.
    """

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    def now(self) -> datetime:
        """Return the time in the sandbox."""
        return from_local(self._control.call("GET", "/clock")["now"])

    def is_frozen(self) -> bool:
        """Whether the clock is frozen."""
        return bool(self._control.call("GET", "/clock")["frozen"])

    def advance(
        self,
        by: str | timedelta | None = None,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        tokens: bool = False,
    ) -> list[Effect]:
        """Advance the clock by an ISO duration such as `P30D`, or by days, hours, minutes and seconds.

        Days are those of the calendar in France: the local time stays. A `timedelta` is exact, as hours are.
        With `tokens`, the tokens issued so far age as well.
        """
        if not isinstance(by, str):
            whole_days, rest = divmod(days, 1)
            exact = timedelta(days=rest, hours=hours, minutes=minutes, seconds=seconds)
            by = _iso_duration(int(whole_days), exact + (by or timedelta()))
        body = {"by": by, "tokens": tokens}
        return list(self._control.call("POST", "/clock/advance", body)["effects"])

    def set(self, now: str | datetime) -> list[Effect]:
        """Freeze the clock at this instant."""
        return self._put({"now": now})

    def freeze(self) -> list[Effect]:
        """Freeze the clock."""
        return self._put({"frozen": True})

    def run(self) -> list[Effect]:
        """Unfreeze the clock: it continues from its present instant."""
        return self._put({"frozen": False})

    def _put(self, change: dict[str, object]) -> list[Effect]:
        return list(self._control.call("PUT", "/clock", change)["effects"])


class Sandbox(LoginClient, JournalClient):
    """One sandbox of a server, by its name. It is created when it is first used.

    Every method may raise `ControlRefused`, with the server's sentence, and `NoServer`.
    """

    @property
    def clock(self) -> SandboxClock:
        """The clock of the sandbox."""
        return SandboxClock(self)

    # State

    def reset(self, *parts: Part) -> None:
        """Reset the sandbox to its start, or only these parts of it."""
        self.call("POST", "/reset", {"only": parts} if parts else {})

    def drop(self) -> None:
        """Delete the sandbox, if it is there. When it is used again, it is as after the start."""
        try:
            self.call("DELETE", f"/sandboxes/{path_part(self.name)}")
        except ControlRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def fixture(self) -> dict[str, Any]:
        """Return the fixture of the sandbox: users, accounts, magic identifiers."""
        return dict(self.call("GET", "/fixture"))

    def load_fixture(self, fixture: str | Path | Mapping[str, Any]) -> None:
        """Start again from a recipe: the name of one that the server has, a file, or the recipe itself.

        It can also be a state that `state()` exported, or a file of one, whose name ends in `.json`.
        """
        if isinstance(fixture, Path) and fixture.suffix == ".json":
            fixture = json.loads(fixture.read_bytes())
        is_state = isinstance(fixture, Mapping) and "content" in fixture
        self._put_document("/fixture", "state" if is_state else "recipe", fixture)

    def snapshot(self, name: str) -> None:
        """Save content and time under a name."""
        self.call("POST", f"/snapshots/{path_part(name)}")

    def restore(self, name: str) -> None:
        """Restore a snapshot; it can be restored again."""
        self.call("POST", f"/snapshots/{path_part(name)}/restore")

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        self.call("DELETE", f"/snapshots/{path_part(name)}")

    def snapshots(self) -> list[str]:
        """Return the names of the snapshots, oldest first."""
        return [snapshot["name"] for snapshot in self.call("GET", "/snapshots")["snapshots"]]

    def history(self) -> list[dict[str, Any]]:
        """Return the commands that changed the sandbox, oldest first, with the number of their request."""
        return list(self.call("GET", "/history")["commands"])

    def rewind(self, before: int | None = None, *, before_command: int | None = None) -> int:
        """Go back to the state before a request, or before a command of the history.

        Return how many commands are undone. Without arguments, the last command is undone.
        """
        if before is None and before_command is None:
            before_command = self.call("GET", "/history")["last"]
        body = {"before": before, "beforeCommand": before_command}
        return int(self.call("POST", "/rewind", body)["undone"])

    def fork(self, name: str, before: int | None = None, *, before_command: int | None = None) -> Sandbox:
        """Create a sandbox that continues this state, or that before a request or a command; return it."""
        body = {"as": name, "before": before, "beforeCommand": before_command}
        self.call("POST", f"/sandboxes/{path_part(self.name)}/fork", body)
        forked = Sandbox(self.url, name)
        forked.headers = self.headers | {SANDBOX_HEADER: name}
        return forked

    def state(self) -> dict[str, Any]:
        """Export the state as JSON, passwords and files included."""
        return dict(self.call("GET", "/state"))

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load a state that `state()` exported, from this sandbox or any other."""
        self.call("PUT", "/state", state)

    # Behaviour

    def scenario(self, scenario: str | Path | Mapping[str, Any]) -> None:
        """Activate a scenario: the name of one that the server has, a file, or the scenario itself.

        Content, clock and variants become those of the scenario.
        """
        self._put_document("/scenario", "scenario", scenario)

    def stop_scenario(self) -> None:
        """Stop the active scenario: its rules end; content, clock and variants stay."""
        self.call("DELETE", "/scenario")

    def scenario_state(self, scenario: str, state: str) -> None:
        """Set the state of the active scenario's state machine."""
        self.call("PUT", f"/scenarios/{path_part(scenario)}/state", {"state": state})

    def scenarios(self) -> list[dict[str, Any]]:
        """Return the scenarios that the server has."""
        return list(self.call("GET", "/scenarios")["scenarios"])

    def rule(self, name: str, **members: Unpack[RuleMembers]) -> None:
        """Add a rule; it comes before those of the scenario.

        `rule("down", when={"operation": "getDossier"}, then={"respond": {"status": 503}}, times=2)`.
        """
        self.call("POST", "/rules", {"rules": [{"name": name, **json_members(members)}]})

    def rules(self) -> list[dict[str, Any]]:
        """Return the active rules, with how often each was `matched` and `applied`."""
        return list(self.call("GET", "/rules")["rules"])

    def delete_rules(self, name: str | None = None) -> None:
        """Delete the ad hoc rules, or the one of that name; those of the scenario stay."""
        self.call("DELETE", "/rules", **({} if name is None else {"name": name}))

    def variants(self) -> dict[str, str]:
        """Return the variants."""
        return dict(self.call("GET", "/variants"))

    def set_variants(self, **variants: str) -> dict[str, str]:
        """Set variants: `set_variants(refusals="result")`; all others get their default."""
        return dict(self.call("PUT", "/variants", variants))

    def strict(self) -> str:
        """Return the strict mode: `off`, `warn` or `fail`."""
        return str(self.call("GET", "/strict")["strict"])

    def set_strict(self, strict: Literal["off", "warn", "fail"]) -> None:
        """Set the strict mode, for input that the API ignores: `warn` adds a header, `fail` answers 400."""
        self.call("PUT", "/strict", {"strict": strict})

    # Content: what a third party, the data provider and the platform do. The API's rules are not checked.

    def dossier(self, **members: Unpack[NewDossierMembers]) -> dict[str, Any]:
        """Create a dossier and return it as the API shows it.

        `dossier(siret="99050000100013", dossier_reference="PO-1")`.
        """
        return dict(self.call("POST", "/dossiers", json_members(members)))

    def change_dossier(self, dossier_id: int, **changes: Unpack[DossierChangeMembers]) -> dict[str, Any]:
        """Change a dossier, stopped or not: `change_dossier(804127, stopping_reason="OUTOFBUSINESS")`."""
        return dict(self.call("PATCH", f"/dossiers/{dossier_id}", json_members(changes)))

    def deposit(self, dossier_id: int, code: str, **evidence: Unpack[EvidenceMembers]) -> int:
        """Answer the request for a document as the third party, and return the id of the file.

        `deposit(804127, "ATT_VIGI", expiration_date="2031-06-30")`.
        """
        path = f"/dossiers/{dossier_id}/documents/{path_part(code)}/evidences"
        return int(self.call("POST", path, json_members(evidence))["fileId"])

    def thirdparty(self, **members: Unpack[NewThirdpartyMembers]) -> dict[str, Any]:
        """Register a third party on the platform: `thirdparty(siret="99050000100013")`."""
        return dict(self.call("POST", "/thirdparties", json_members(members)))

    def close_thirdparty(self, thirdparty_id: int) -> None:
        """Close a company: its dossiers stop, in every account."""
        self.call("POST", f"/thirdparties/{thirdparty_id}/close")

    def account(self, **members: Unpack[NewAccountMembers]) -> dict[str, Any]:
        """Create an account: `account(account_id=7, users=["api@example.com"])`."""
        return dict(self.call("POST", "/accounts", json_members(members)))

    def change_account(self, account_id: int, **changes: Unpack[AccountMembers]) -> dict[str, Any]:
        """Change an account: `change_account(119631, subscription_status="INACTIVE")`."""
        return dict(self.call("PATCH", f"/accounts/{account_id}", json_members(changes)))

    def withdraw_requirement(
        self, code: str, *, account_id: int | None = None, withdrawn: bool = True
    ) -> None:
        """Withdraw a document type, for all accounts or one: a request for it is rejected with E301.

        `withdrawn=False` makes it available again.
        """
        body = {"withdrawn": withdrawn, "accountId": account_id}
        self.call("PATCH", f"/requirements/{path_part(code)}", body)

    def processes(self) -> list[dict[str, Any]]:
        """Return every import process, in the order of their start."""
        return list(self.call("GET", "/processes")["processes"])

    def finish_import(self, process_id: str) -> dict[str, Any]:
        """Finish a running import now, with the result that it would have; return its process."""
        return self._set_outcome(process_id, {"outcome": "finish"})

    def hold_import(self, process_id: str) -> dict[str, Any]:
        """Keep an import running until another outcome is set; return its process."""
        return self._set_outcome(process_id, {"outcome": "hold"})

    def fail_import(self, process_id: str, code: str) -> dict[str, Any]:
        """Fail a running import now with a code of the data provider, E101 to E105; return its process."""
        return self._set_outcome(process_id, {"outcome": "fail", "code": code})

    def outbox(self) -> list[dict[str, Any]]:
        """Return the e-mails that the platform would have sent, oldest first."""
        return list(self.call("GET", "/outbox")["mails"])

    def timeline(self) -> list[dict[str, Any]]:
        """Return what third parties and the platform will do, the next action first."""
        return list(self.call("GET", "/timeline")["timeline"])

    def past_actions(self) -> list[dict[str, Any]]:
        """Return the latest actions of the timeline that took place; one that failed has its `error`."""
        return list(self.call("GET", "/timeline")["past"])

    def add_to_timeline(
        self, after: str | timedelta, control: str, body: Mapping[str, Any] | None = None
    ) -> None:
        """Let a third party or the platform do something later on the sandbox's clock.

        `add_to_timeline("P60D", "POST /thirdparties/875/close")`.
        """
        after = after if isinstance(after, str) else _iso_duration(0, after)
        action = {"after": after, "control": control} | ({} if body is None else {"body": body})
        self.call("POST", "/timeline", {"timeline": [action]})

    def clear_timeline(self) -> int:
        """Remove the actions that have not taken place, and return how many they are."""
        return int(self.call("DELETE", "/timeline")["removed"])

    # Old names, until version 0.3

    start_over_from = renamed_method("start_over_from", load_fixture)
    become = renamed_method("become", load_state)
    leave_scenario = renamed_method("leave_scenario", stop_scenario)
    take_back_rules = renamed_method("take_back_rules", delete_rules)
    choose_variants = renamed_method("choose_variants", set_variants)

    def _put_document(self, path: str, member: str, document: str | Path | Mapping[str, Any]) -> None:
        """Send a recipe or scenario: by its name, as the text of a file, or as JSON."""
        if isinstance(document, Path):
            self.call("PUT", path, document.read_bytes())
        else:
            self.call("PUT", path, {"name" if isinstance(document, str) else member: document})

    def _set_outcome(self, process_id: str, outcome: dict[str, str]) -> dict[str, Any]:
        return dict(self.call("POST", f"/processes/{path_part(process_id)}", outcome))


@dataclass(frozen=True)
class Server:
    """A server, on this machine or another, and its sandboxes.

    Raises:
        ValueError: no header can carry the token.
    """

    url: str
    control_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Reject a token that no call could send."""
        if self.control_token:
            token(self.control_token)

    def sandbox(self, name: str = "default") -> Sandbox:
        """Return the sandbox of that name."""
        return Sandbox(self.url, name, control_token=self.control_token)

    def sandboxes(self) -> list[str]:
        """Return the names of the sandboxes."""
        return [sandbox["name"] for sandbox in self._control.call("GET", "/sandboxes")["sandboxes"]]

    def health(self) -> dict[str, Any]:
        """Return version, fixture, dialect and counts of the server.

        Raises:
            NoServer: no server answers at the URL, or it is another kind of server.
        """
        try:
            health = self._control.call("GET", "/health")
        except (ControlRefused, ValueError) as error:
            raise NoServer(f"{server_url(self.url)} is not a mock-server: {error}") from None
        return dict(health)

    @property
    def _control(self) -> ControlClient:
        return ControlClient(self.url, control_token=self.control_token)


def _iso_duration(days: int, exact: timedelta) -> str:
    if exact < timedelta():  # an ISO duration has no negative parts
        days, exact = 0, timedelta(days=days) + exact
    return f"P{days}DT{exact / timedelta(seconds=1):.6f}S"
