"""How far a playing scenario has got: its state, how often each rule was met and applied, its dice.

Progress is a value; a `Playing` swaps it under one lock, so a transition happens once however many calls
come at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from threading import Lock

from immutables import Map
from msgspec import Struct
from msgspec.structs import replace

from mock_server.scenarios.asking import Asked, means
from mock_server.scenarios.script import STARTED, Nth, Rule, Scenario


class Progress(Struct, frozen=True):
    """A state; by the name of a rule how many calls it matched, and how often it was applied."""

    state: str = STARTED
    matched: Map[str, int] = Map()
    applied: Map[str, int] = Map()


_NONE_YET = Progress()


class Application(Struct, frozen=True):
    """A rule that applies to a call, and the dice for it: the same in every run."""

    rule: Rule
    random: Random


class NameTaken(ValueError):
    """A rule is to have the name of another one."""


class Playing:
    """The rules in force in a sandbox: those made by hand, then those of the scenario; the first one wins."""

    def __init__(
        self,
        scenario: Scenario | None = None,
        ad_hoc_rules: tuple[Rule, ...] = (),
        progress: Progress = _NONE_YET,
    ) -> None:
        self.scenario = scenario
        self.progress = progress
        self._ad_hoc_rules = ad_hoc_rules
        self._lock = Lock()
        self._arrange()

    @property
    def ad_hoc_rules(self) -> tuple[Rule, ...]:
        """The rules that do not come from the scenario."""
        return self._ad_hoc_rules

    def add(self, rules: Iterable[Rule]) -> None:
        """Put rules in force, after those added before and ahead of the scenario's.

        Raises:
            NameTaken: a rule of that name is in force.
        """
        with self._lock:
            added = (*self._ad_hoc_rules, *rules)
            names = [rule.name for rule in (*added, *(self.scenario.rules if self.scenario else ()))]
            twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
            if twice is not None:
                raise NameTaken(f"there is a rule named {twice!r} already")
            self._ad_hoc_rules = added
            self._arrange()

    def refuse_names_of(self, scenario: Scenario | None) -> None:
        """Refuse a scenario with a rule that is named as one made by hand.

        Raises:
            NameTaken: the message has the name.
        """
        taken = {rule.name for rule in self._ad_hoc_rules}
        for rule in scenario.rules if scenario else ():
            if rule.name in taken:
                raise NameTaken(
                    f"there is a rule named {rule.name!r}, made by hand: DELETE /__admin/rules first"
                )

    def remove(self, name: str | None = None) -> int:
        """Take back the rules made by hand, or the one of that name; how many it were.

        With the last rule of a sandbox in which no scenario plays, the state that they led to ends.
        """
        with self._lock:
            kept = tuple(rule for rule in self._ad_hoc_rules if name not in {None, rule.name})
            removed = len(self._ad_hoc_rules) - len(kept)
            self._ad_hoc_rules = kept
            names = {rule.name for rule in self.rules}
            self._arrange()
            self._forget(names - {rule.name for rule in self.rules})
            return removed

    def _forget(self, gone: set[str]) -> None:
        progress = self.progress
        self.progress = Progress(
            state=progress.state if self.scenario or self.rules else STARTED,
            matched=_without(progress.matched, gone),
            applied=_without(progress.applied, gone),
        )

    def jump(self, state: str) -> None:
        """Be in that state."""
        with self._lock:
            self.progress = replace(self.progress, state=state)

    def apply(self, asked: Asked) -> Application | None:
        """The rule that applies to this call, counted and its transition made; None when none does."""
        if asked.operation not in self._operations and None not in self._operations:
            return None
        with self._lock:
            return self._apply(asked)

    def _apply(self, asked: Asked) -> Application | None:
        """Every rule whose `when` holds counts the call, also when another one wins it."""
        progress, winner = self.progress, None
        state = progress.state
        for rule in self.rules:
            if rule.state not in {None, state} or not means(rule.when, asked):
                continue
            number = progress.matched.get(rule.name, 0) + 1
            progress = replace(progress, matched=progress.matched.set(rule.name, number))
            if winner is None and self._holds(rule, number, progress):
                winner = Application(rule, self._dice(rule, number, "application"))
                progress = replace(
                    progress,
                    state=rule.new_state or progress.state,
                    applied=progress.applied.set(rule.name, progress.applied.get(rule.name, 0) + 1),
                )
        self.progress = progress
        return winner

    def _holds(self, rule: Rule, number: int, progress: Progress) -> bool:
        if rule.times is not None and progress.applied.get(rule.name, 0) >= rule.times:
            return False
        if not _is_picked(rule.when.nth, number):
            return False
        return rule.probability is None or self._dice(rule, number, "chance").random() < rule.probability

    def _dice(self, rule: Rule, number: int, purpose: str) -> Random:
        """Those that decide whether a rule applies are not those that it then throws."""
        seed = self.scenario.seed if self.scenario else 0
        return Random(f"{seed}/{rule.name}/{number}/{purpose}")

    def _arrange(self) -> None:
        self.rules = (*self._ad_hoc_rules, *(self.scenario.rules if self.scenario else ()))
        self._operations = {name for rule in self.rules for name in _operations(rule)}


def _operations(rule: Rule) -> tuple[str | None, ...]:
    """The operations that a rule is about; None stands for all of them."""
    meant = rule.when.operation
    return meant if isinstance(meant, tuple) else (meant,)


def _is_picked(nth: int | tuple[int, ...] | Nth | None, number: int) -> bool:
    if nth is None:
        return True
    if isinstance(nth, Nth):
        return (
            (nth.first is None or number <= nth.first)
            and (nth.beginning is None or number >= nth.beginning)
            and (nth.every is None or number % nth.every == 0)
        )
    return number in (nth if isinstance(nth, tuple) else (nth,))


def _without(counts: Map[str, int], names: set[str]) -> Map[str, int]:
    kept: Mapping[str, int] = {name: count for name, count in counts.items() if name not in names}
    return Map(kept)
