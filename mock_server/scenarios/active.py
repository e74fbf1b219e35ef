"""The active scenario and rules of a sandbox: its state, and how often each rule matched and was applied.

Both are values. The sandbox replaces them under its lock, so a transition happens once, however many calls
arrive at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Annotated, Any, TypeVar

import msgspec
from immutables import Map
from msgspec import Meta, Struct
from msgspec.structs import replace

from mock_server.domain.imports import PROVIDER_ANSWERS
from mock_server.domain.model import DEFAULT_OUTCOME, ImportPlan, Int64
from mock_server.domain.names import shown
from mock_server.scenarios.file_format import STARTED, ActiveTime, CallNumbers, Ramp, Rule, Scenario, Then
from mock_server.scenarios.matching import ReceivedRequest, matches_request
from mock_server.values import duration

Value = TypeVar("Value")

_CONDITIONS = {error.code: condition for condition, error in PROVIDER_ANSWERS.items()}


class Progress(Struct, frozen=True):
    """The state of the scenario, and for each rule name how often the rule matched and was applied.

    `since` is when each rule that depends on time was set, on the sandbox's clock.
    """

    state: str = STARTED
    matched: Map[str, int] = Map()
    applied: Map[str, int] = Map()
    since: Map[str, datetime] = Map()


_NO_PROGRESS = Progress()


class AppliedRule(Struct, frozen=True):
    """A rule that applies to a call, and the random numbers for its effect: the same ones in every run."""

    rule: Rule
    random: Random


class NameTaken(ValueError):
    """Another active rule has this name."""


class ActiveScenario(Struct, frozen=True, kw_only=True, eq=False):
    """The active rules of a sandbox: ad hoc rules, then those of the scenario. The first match wins.

    It is immutable: each method returns a changed copy. Create one with `start`, not with the constructor.
    `operations` are those that its rules name; None stands for all.
    """

    scenario: Scenario | None
    ad_hoc_rules: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    operations: frozenset[str | None]
    progress: Progress = _NO_PROGRESS

    @classmethod
    def start(
        cls,
        scenario: Scenario | None = None,
        ad_hoc_rules: tuple[Rule, ...] = (),
        progress: Progress = _NO_PROGRESS,
    ) -> ActiveScenario:
        """Return the active rules: the ad hoc ones and those of the scenario, by default without progress."""
        rules = (*ad_hoc_rules, *(scenario.rules if scenario else ()))
        return cls(
            scenario=scenario,
            ad_hoc_rules=ad_hoc_rules,
            rules=rules,
            operations=frozenset(name for rule in rules for name in rule.when.operations),
            progress=progress,
        )

    def restart(self, scenario: Scenario | None) -> ActiveScenario:
        """Return the active rules with another scenario, or none, at its start; the ad hoc rules stay.

        Raises:
            NameTaken: one of its rules has the name of an ad hoc rule.
        """
        ad_hoc = {rule.name for rule in self.ad_hoc_rules}
        duplicates = [rule.name for rule in (scenario.rules if scenario else ()) if rule.name in ad_hoc]
        if duplicates:
            raise NameTaken(
                f"there is an ad hoc rule named {shown(duplicates[0])}: DELETE /__admin/rules first"
            )
        return ActiveScenario.start(scenario, self.ad_hoc_rules)

    def add(self, rules: Iterable[Rule]) -> ActiveScenario:
        """Add ad hoc rules, after earlier ones and before those of the scenario.

        Raises:
            NameTaken: an active rule has the name of one of them.
        """
        added = (*self.ad_hoc_rules, *rules)
        names = Counter(rule.name for rule in (*added, *(self.scenario.rules if self.scenario else ())))
        duplicate = next((name for name, count in names.items() if count > 1), None)
        if duplicate is not None:
            raise NameTaken(f"there is already a rule named {shown(duplicate)}")
        return ActiveScenario.start(self.scenario, added, self.progress)

    def remove(self, name: str | None = None) -> ActiveScenario:
        """Remove the ad hoc rules, or the one of that name.

        Without a scenario, removing the last rule also resets the state.
        """
        remaining = tuple(rule for rule in self.ad_hoc_rules if name not in {None, rule.name})
        removed = {rule.name for rule in self.ad_hoc_rules} - {rule.name for rule in remaining}
        progress = Progress(
            state=self.progress.state if self.scenario or remaining else STARTED,
            matched=_without(self.progress.matched, removed),
            applied=_without(self.progress.applied, removed),
            since=_without(self.progress.since, removed),
        )
        return ActiveScenario.start(self.scenario, remaining, progress)

    def begin(self, now: datetime, *, again: bool = False) -> ActiveScenario:
        """Start the time of rules that depend on it at `now`; with `again`, also where it has started."""
        since = Map[str, datetime]() if again else self.progress.since
        new = {rule.name: now for rule in self.rules if rule.depends_on_time and rule.name not in since}
        if not new and since is self.progress.since:
            return self
        return replace(self, progress=replace(self.progress, since=since.update(new)))

    def set_state(self, state: str) -> ActiveScenario:
        """Return the active rules with the scenario in this state."""
        return replace(self, progress=replace(self.progress, state=state))

    def match(self, request: ReceivedRequest, now: datetime) -> tuple[tuple[str, ...], AppliedRule | None]:
        """Return the names of all rules that match this call, and the first of them that applies, or None.

        A rule that matches does not apply if its `times` are used up, or by its `nth`, `active` or
        `probability`.
        """
        names: list[str] = []
        chosen: AppliedRule | None = None
        state = self.progress.state
        for rule in self.rules:
            if rule.state not in {None, state} or not matches_request(rule.when, request):
                continue
            names.append(rule.name)
            number = self.progress.matched.get(rule.name, 0) + 1
            if chosen is None and self._applies(rule, number, now):
                chosen = AppliedRule(rule, self._random(rule, number, "application"))
        return tuple(names), chosen

    def count(self, matched: Iterable[str], applied: str | None) -> ActiveScenario:
        """Count a call: the names of the rules that matched, and of the rule that was applied, or None.

        The applied rule also sets the state, if it has a `newState`.
        """
        progress = self.progress
        counts = {name: progress.matched.get(name, 0) + 1 for name in matched}
        progress = replace(progress, matched=progress.matched.update(counts))
        rule = next((rule for rule in self.rules if rule.name == applied), None)
        if rule is not None:
            times = progress.applied.get(rule.name, 0) + 1
            progress = replace(
                progress,
                state=rule.new_state or progress.state,
                applied=progress.applied.set(rule.name, times),
            )
        return replace(self, progress=progress)

    def _applies(self, rule: Rule, number: int, now: datetime) -> bool:
        if rule.times is not None and self.progress.applied.get(rule.name, 0) >= rule.times:
            return False
        if not _is_selected(rule.when.nth, number):
            return False
        active_for = _active_for(rule.active, now - self.progress.since.get(rule.name, now))
        if active_for is None:
            return False
        probability = _probability_at(rule.probability, active_for)
        return probability is None or self._random(rule, number, "chance").random() < probability

    def _random(self, rule: Rule, number: int, purpose: str) -> Random:
        """Return random numbers for one purpose: the chance of a rule must not change those of its effect."""
        seed = self.scenario.seed if self.scenario else 0
        return Random(f"{seed}/{rule.name}/{number}/{purpose}")


class ScenarioProgress(Struct, forbid_unknown_fields=True, rename="camel"):
    """The scenario and the rules of a sandbox; per rule name how often it was matched and applied.

    `since` is when each rule that depends on time was set.
    """

    scenario: Scenario | None = None
    state: str = STARTED
    rules: tuple[Rule, ...] = ()
    matched: dict[str, Int64] = {}
    applied: dict[str, Int64] = {}
    since: dict[str, Annotated[datetime, Meta(tz=True)]] = {}


def export_progress(active: ActiveScenario) -> Any:
    """Return the scenario, the rules and their progress as JSON, in the same order on any machine."""
    progress = ScenarioProgress(
        scenario=active.scenario,
        state=active.progress.state,
        rules=active.ad_hoc_rules,
        matched=dict(sorted(active.progress.matched.items())),
        applied=dict(sorted(active.progress.applied.items())),
        since=dict(sorted(active.progress.since.items())),
    )
    return msgspec.to_builtins(progress)


def read_progress(exported: Any) -> ActiveScenario:
    """Read and check an exported scenario and rules.

    Raises:
        InputError: they are invalid.
    """
    # Most servers load no state.
    from mock_server.scenarios.rule_validation import raise_first, rules_errors
    from mock_server.scenarios.validation import scenario_errors

    active = restore_progress(exported)
    raise_first(rules_errors(active.ad_hoc_rules, "$.playing.rules"))
    if active.scenario is not None:
        raise_first(scenario_errors(active.scenario, "$.playing.scenario"))
    return active


def restore_progress(saved: Any) -> ActiveScenario:
    """Read a saved scenario and rules without checking them: that was done when they were set.

    A later version may check more, and must still read what an earlier one saved.

    Raises:
        InputError: they are of another type.
    """
    # Most servers load no state.
    from mock_server.decode_errors import convert_plain

    decoded = convert_plain({} if saved is None else saved, ScenarioProgress, "$.playing")
    progress = Progress(decoded.state, Map(decoded.matched), Map(decoded.applied), Map(decoded.since))
    return ActiveScenario.start(decoded.scenario, decoded.rules, progress)


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


def _without(values: Map[str, Value], names: set[str]) -> Map[str, Value]:
    remaining: Mapping[str, Value] = {name: value for name, value in values.items() if name not in names}
    return Map(remaining)


def _active_for(active: ActiveTime | None, elapsed: timedelta) -> timedelta | None:
    """Return how long a rule has been active, `elapsed` after it was set; None if it is not active then."""
    if active is None:
        return elapsed
    elapsed -= duration(active.after or "0")
    if elapsed < timedelta():
        return None
    if active.every is not None:
        elapsed %= duration(active.every)
    return elapsed if active.lasts is None or elapsed < duration(active.lasts) else None


def _probability_at(probability: float | Ramp | None, elapsed: timedelta) -> float | None:
    """Return the probability of a rule that has been active for `elapsed`; None if it always applies."""
    if not isinstance(probability, Ramp):
        return probability
    share = min(max(elapsed / duration(probability.over), 0), 1)
    return probability.start + (probability.to - probability.start) * share
