"""How the sandbox behaves: its scenario, rules made by hand, variants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from mock_server.client.control import Control, in_path, wire
from mock_server.client.shapes import RuleMembers


class Bending(Control):
    """What bends the behaviour of a sandbox."""

    def scenario(self, scenario: str | Path | Mapping[str, Any]) -> None:
        """Play a scenario from its beginning: one that the server has, by name; a file; or a whole one.

        The content, clock and variants are those that it gives.
        """
        if isinstance(scenario, Path):
            self.call("PUT", "/scenario", scenario.read_bytes())
        else:
            member = "name" if isinstance(scenario, str) else "scenario"
            self.call("PUT", "/scenario", {member: scenario})

    def leave_scenario(self) -> None:
        """Let the rules of the scenario end; content, clock and variants stay."""
        self.call("DELETE", "/scenario")

    def scenario_state(self, scenario: str, state: str) -> None:
        """Jump to a state of the scenario that plays."""
        self.call("PUT", f"/scenarios/{in_path(scenario)}/state", {"state": state})

    def scenarios(self) -> list[dict[str, Any]]:
        """The scenarios that the server has."""
        return list(self.call("GET", "/scenarios")["scenarios"])

    def rule(self, name: str, **members: Unpack[RuleMembers]) -> None:
        """Put a rule in force, ahead of the scenario's.

        `rule("down", when={"operation": "getDossier"}, then={"respond": {"status": 503}}, times=2)`.
        """
        self.call("POST", "/rules", {"rules": [{"name": name, **wire(members)}]})

    def rules(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each was `matched` and `applied`."""
        return list(self.call("GET", "/rules")["rules"])

    def take_back_rules(self, name: str | None = None) -> None:
        """Take back the rules made by hand, or the one of that name."""
        self.call("DELETE", "/rules", **({} if name is None else {"name": name}))

    def variants(self) -> dict[str, str]:
        """The variants in force."""
        return dict(self.call("GET", "/variants"))

    def choose_variants(self, **variants: str) -> dict[str, str]:
        """Choose variants: `choose_variants(refusals="result")`; every other one is at its default."""
        return dict(self.call("PUT", "/variants", variants))
