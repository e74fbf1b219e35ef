"""The active scenario and rules of a sandbox: its state, and how often each rule matched and was applied.

The progress is a value that an `ActiveScenario` swaps under one lock. So a transition happens once, however
many calls arrive at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from threading import Lock

from immutables import Map
from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.imports import PROVIDER_ANSWERS
from mock_server.domain.model import DEFAULT_OUTCOME, ImportPlan
from mock_server.scenarios.file_format import STARTED, CallNumbers, Rule, Scenario, Then
from mock_server.scenarios.matching import ReceivedRequest, matches_request
from mock_server.settings import duration

_CONDITIONS = {error.code: condition for condition, error in PROVIDER_ANSWERS.items()}


class Progress(Struct, frozen=True):
    """The state of the scenario, and for each rule name how often it matched and was applied."""

    state: str = STARTED
    matched: Map[str, int] = Map()
    applied: Map[str, int] = Map()


_START = Progress()


class AppliedRule(Struct, frozen=True):
    """A rule that applies to a call, with the random numbers for its effect: the same in every run."""

    rule: Rule
    random: Random


class NameTaken(ValueError):
    """Another active rule has this name."""


class ActiveScenario:
    """The active rules of a sandbox: ad hoc rules, then those of the scenario. The first match wins."""

    def __init__(
        self,
        scenario: Scenario | None = None,
        ad_hoc_rules: tuple[Rule, ...] = (),
        progress: Progress = _START,
    ) -> None:
        self.scenario = scenario
        self.progress = progress
        self._ad_hoc_rules = ad_hoc_rules
        self._lock = Lock()
        self._collect_rules()

    @property
    def ad_hoc_rules(self) -> tuple[Rule, ...]:
        """The rules that do not come from the scenario."""
        return self._ad_hoc_rules

    def add(self, rules: Iterable[Rule]) -> None:
        """Add ad hoc rules, after earlier ones and before those of the scenario.

        Raises:
            NameTaken: an active rule has the name of one of them.
        """
        with self._lock:
            added = (*self._ad_hoc_rules, *rules)
            names = [rule.name for rule in (*added, *(self.scenario.rules if self.scenario else ()))]
            duplicate = next((name for at, name in enumerate(names) if name in names[:at]), None)
            if duplicate is not None:
                raise NameTaken(f"there is already a rule named {duplicate!r}")
            self._ad_hoc_rules = added
            self._collect_rules()

    def check_rule_names(self, scenario: Scenario | None) -> None:
        """Reject a scenario that has a rule with the name of an ad hoc rule.

        Raises:
            NameTaken: the message has the name.
        """
        taken = {rule.name for rule in self._ad_hoc_rules}
        for rule in scenario.rules if scenario else ():
            if rule.name in taken:
                raise NameTaken(f"there is an ad hoc rule named {rule.name!r}: DELETE /__admin/rules first")

    def remove(self, name: str | None = None) -> int:
        """Remove the ad hoc rules, or the one of that name; return how many were removed.

        Without a scenario, removing the last rule also resets the state.
        """
        with self._lock:
            kept = tuple(rule for rule in self._ad_hoc_rules if name not in {None, rule.name})
            removed = len(self._ad_hoc_rules) - len(kept)
            self._ad_hoc_rules = kept
            names = {rule.name for rule in self.rules}
            self._collect_rules()
            self._forget(names - {rule.name for rule in self.rules})
            return removed

    def _forget(self, removed: set[str]) -> None:
        progress = self.progress
        self.progress = Progress(
            state=progress.state if self.scenario or self.rules else STARTED,
            matched=_without(progress.matched, removed),
            applied=_without(progress.applied, removed),
        )

    def set_state(self, state: str) -> None:
        """Change the state."""
        with self._lock:
            self.progress = replace(self.progress, state=state)

    def apply(self, request: ReceivedRequest) -> AppliedRule | None:
        """Return the rule that applies to this call, or None; count it and change the state."""
        if request.operation not in self._operations and None not in self._operations:
            return None
        with self._lock:
            return self._apply(request)

    def _apply(self, request: ReceivedRequest) -> AppliedRule | None:
        """Every rule that matches counts the call, also if another one wins."""
        progress, winner = self.progress, None
        state = progress.state
        for rule in self.rules:
            if rule.state not in {None, state} or not matches_request(rule.when, request):
                continue
            number = progress.matched.get(rule.name, 0) + 1
            progress = replace(progress, matched=progress.matched.set(rule.name, number))
            if winner is None and self._applies(rule, number, progress):
                winner = AppliedRule(rule, self._random(rule, number, "application"))
                progress = replace(
                    progress,
                    state=rule.new_state or progress.state,
                    applied=progress.applied.set(rule.name, progress.applied.get(rule.name, 0) + 1),
                )
        self.progress = progress
        return winner

    def _applies(self, rule: Rule, number: int, progress: Progress) -> bool:
        if rule.times is not None and progress.applied.get(rule.name, 0) >= rule.times:
            return False
        if not _is_selected(rule.when.nth, number):
            return False
        return rule.probability is None or self._random(rule, number, "chance").random() < rule.probability

    def _random(self, rule: Rule, number: int, purpose: str) -> Random:
        """Random numbers for one purpose: whether the rule applies must not depend on those of its effect."""
        seed = self.scenario.seed if self.scenario else 0
        return Random(f"{seed}/{rule.name}/{number}/{purpose}")

    def _collect_rules(self) -> None:
        self.rules = (*self._ad_hoc_rules, *(self.scenario.rules if self.scenario else ()))
        self._operations = {name for rule in self.rules for name in rule.when.operations}


def import_plan(then: Then) -> ImportPlan:
    """Return the plan of the import that the call starts."""
    effect = then.process
    if effect is None:
        return DEFAULT_OUTCOME
    return ImportPlan(
        held=effect.hold,
        lasts=None if effect.after is None else duration(effect.after),
        condition=None if effect.fail is None else _CONDITIONS[effect.fail],
    )


def _is_selected(nth: int | tuple[int, ...] | CallNumbers | None, number: int) -> bool:
    if nth is None:
        return True
    if isinstance(nth, CallNumbers):
        return (
            (nth.first is None or number <= nth.first)
            and (nth.start is None or number >= nth.start)
            and (nth.every is None or number % nth.every == 0)
        )
    return number in (nth if isinstance(nth, tuple) else (nth,))


def _without(counts: Map[str, int], names: set[str]) -> Map[str, int]:
    kept: Mapping[str, int] = {name: count for name, count in counts.items() if name not in names}
    return Map(kept)
