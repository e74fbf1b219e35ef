"""How far a playing scenario has got: which rule applies to which call, how often, and in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from mock_server.clock import monotonic_now
from mock_server.fixtures.fixture import load_fixture
from mock_server.fixtures.state_file import StateFile, convert_struct, json_struct
from mock_server.sandbox.commands import AddRules, RemoveRules, RestoreState, SetClock, SetScenarioState
from mock_server.sandbox.sandbox import SandboxOptions, ServerSandbox
from mock_server.sandbox.state import SandboxConfig, export_state, first_state
from mock_server.scenarios.active import Progress
from mock_server.scenarios.file_format import STARTED, Rule, Scenario
from mock_server.scenarios.matching import ReceivedRequest
from mock_server.scenarios.setup import ScenarioSetup
from tests.support import run_at_once

EMPTY = load_fixture("empty", date(2026, 1, 15))

CALL = ReceivedRequest(operation="getDossier", method="GET", path="/api/v1/account/1/dossiers/2")
OTHER_CALL = ReceivedRequest(operation="stopDossier", method="POST", path="/api/v1/account/1/dossiers/2/stop")


def rule(name: str = "rule", *, operation: Any = "getDossier", nth: Any = None, **members: Any) -> Rule:
    """A rule as a file writes it, that answers 503."""
    when = {"operation": operation, "nth": nth}
    written = {"name": name, "when": when, "then": {"respond": {"status": 503}}} | members
    return msgspec.convert(written, type=Rule)


class Play:
    """A sandbox whose rules are called without a request."""

    def __init__(self, scenario: Scenario | None = None) -> None:
        config = SandboxConfig(setup=ScenarioSetup(EMPTY, scenario))
        self.sandbox = ServerSandbox("story", first_state(config, monotonic_now()), SandboxOptions())
        self.apply = self.sandbox.apply_rule

    def add(self, rules: Iterable[Rule]) -> None:
        self.sandbox.execute(AddRules(tuple(rules)))

    def remove(self, name: str | None = None) -> int:
        return self.sandbox.execute(RemoveRules(name))

    def set_state(self, state: str) -> None:
        self.sandbox.execute(SetScenarioState(state))

    @property
    def rules(self) -> Sequence[Rule]:
        return self.sandbox.active_scenario.rules

    @property
    def ad_hoc_rules(self) -> Sequence[Rule]:
        return self.sandbox.active_scenario.ad_hoc_rules

    @property
    def progress(self) -> Progress:
        return self.sandbox.active_scenario.progress


def playing(*rules: Rule, seed: int = 0) -> Play:
    return Play(Scenario(version=1, scenario="story", title="A story", seed=seed, rules=rules))


def ad_hoc(*rules: Rule) -> Play:
    """Rules with no scenario."""
    made = Play()
    made.add(rules)
    return made


def name_applied(play: Play, asked: ReceivedRequest = CALL) -> str | None:
    """The rule that applies to a call."""
    applied = play.apply(asked)
    return applied.rule.name if applied else None


def applied_to(play: Play, calls: int) -> list[int]:
    """Which of so many calls, counted from 1, a rule applies to."""
    return [number for number in range(1, calls + 1) if play.apply(CALL)]


@pytest.mark.parametrize(
    ("nth", "expected"),
    [
        pytest.param(None, [1, 2, 3, 4, 5, 6, 7, 8, 9], id="left out is every call"),
        pytest.param(1, [1], id="the first"),
        pytest.param(3, [3], id="one"),
        pytest.param([2, 5], [2, 5], id="a list"),
        pytest.param({"first": 2}, [1, 2], id="the first so many"),
        pytest.param({"from": 7}, [7, 8, 9], id="from one on"),
        pytest.param({"every": 4}, [4, 8], id="every so many"),
        pytest.param({"first": 7, "every": 3}, [3, 6], id="every so many of the first"),
        pytest.param({"from": 3, "first": 5}, [3, 4, 5], id="from one to another"),
    ],
)
def test_nth_selects_calls_by_their_number(nth: Any, expected: list[int]) -> None:
    assert applied_to(playing(rule(nth=nth)), calls=9) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({"times": 2}, [1, 2], id="the first two"),
        pytest.param({"times": 2, "nth": {"every": 2}}, [2, 4], id="two of those that are picked"),
        pytest.param({"times": 5, "nth": 3}, [3], id="no more than are picked"),
    ],
)
def test_times_limits_how_often_a_rule_applies(members: dict[str, Any], expected: list[int]) -> None:
    assert applied_to(playing(rule(**members)), calls=9) == expected


def test_a_call_that_does_not_match_is_not_counted() -> None:
    play = playing(rule(nth=2))

    assert [name_applied(play, asked) for asked in (CALL, OTHER_CALL, CALL)] == [None, None, "rule"]


def test_only_rules_that_match_a_call_count_it() -> None:
    elsewhere = {"operation": "stopDossier", "path": "/elsewhere"}
    play = playing(rule("a"), rule("b", operation="stopDossier"), rule("c", when=elsewhere))

    assert name_applied(play, OTHER_CALL) == "b"
    assert dict(play.progress.matched) == {"b": 1}


@pytest.mark.parametrize("operation", ["stopDossier", ["stopDossier", "updateDossier"], None])
def test_a_rule_matches_its_operations_or_all(operation: Any) -> None:
    assert name_applied(playing(rule(operation=operation)), OTHER_CALL) == "rule"


# Time


def applied_at(play: Play, *seconds: int) -> list[int]:
    """At which of these times, in seconds since the start, the rule applies."""
    began = play.sandbox.now()
    found = []
    for second in seconds:
        play.sandbox.execute(SetClock(frozen=True, at=began + timedelta(seconds=second)))
        if play.apply(CALL):
            found.append(second)
    return found


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        ({"after": "30s"}, [30, 89, 90, 629, 630, 689, 690]),
        ({"for": "30s"}, [0, 29]),
        ({"after": "PT30S", "for": "PT1M"}, [30, 89]),
        ({"after": "PT30S", "for": "PT1M", "every": "PT10M"}, [30, 89, 630, 689]),
    ],
)
@pytest.mark.parametrize("make", [playing, ad_hoc])
def test_a_rule_is_active_at_its_times(
    make: Callable[..., Play], active: dict[str, str], expected: list[int]
) -> None:
    assert applied_at(make(rule(active=active)), 0, 29, 30, 89, 90, 629, 630, 689, 690) == expected


def test_a_ramp_changes_the_share_evenly_and_then_stays() -> None:
    def share(play: Play, second: int) -> int:
        play.sandbox.execute(SetClock(frozen=True, at=began + timedelta(seconds=second)))
        return len(applied_to(play, calls=400))

    play = playing(rule(probability={"from": 1, "to": 0.5, "over": "100s"}))
    rising = playing(rule(probability={"from": 0.5, "to": 1, "over": "100s"}))
    began = play.sandbox.now()

    assert 170 < share(rising, -100) < 230
    assert share(play, 0) == 400
    assert 270 < share(play, 50) < 330
    assert 170 < share(play, 100) < 230
    assert 170 < share(play, 9_000) < 230


def test_a_ramp_counts_from_the_active_time_and_a_reset_counts_again() -> None:
    play = playing(rule(active={"after": "1m"}, probability={"to": 1, "over": "1m"}))

    assert applied_at(play, 59, 60, 120) == [120]
    play.sandbox.reset()
    assert not play.apply(CALL)


def test_a_rule_that_is_added_again_counts_its_time_again() -> None:
    late = rule(active={"after": "1m"})
    play = ad_hoc(late)

    assert applied_at(play, 59, 60) == [60]
    play.remove()
    play.add([late])
    assert applied_at(play, 59, 60) == [60]


def test_another_rule_does_not_count_the_time_of_the_earlier_ones_again() -> None:
    play = playing(rule("slow", active={"after": "10m"}))

    assert applied_at(play, 480) == []
    play.add([rule("fast", operation="getToken", active={"after": "1m"})])
    assert applied_at(play, 119, 120) == [120]


# Chance


def drawn(seed: int, name: str = "rule", calls: int = 1000) -> list[int]:
    return applied_to(playing(rule(name, probability=0.3), seed=seed), calls)


def test_probability_selects_the_same_calls_in_every_run() -> None:
    assert drawn(seed=7) == drawn(seed=7)


def test_another_seed_or_rule_selects_other_calls() -> None:
    assert len({tuple(drawn(seed=7)), tuple(drawn(seed=8)), tuple(drawn(seed=7, name="other"))}) == 3


def test_the_share_of_selected_calls_is_close_to_the_probability() -> None:
    assert [250 < len(drawn(seed)) < 350 for seed in range(10)] == [True] * 10


@pytest.mark.parametrize(("probability", "expected"), [(0, []), (1, [1, 2, 3])])
def test_probability_0_never_applies_and_1_always(probability: float, expected: list[int]) -> None:
    assert applied_to(playing(rule(probability=probability)), calls=3) == expected


def test_times_counts_only_applied_calls() -> None:
    assert applied_to(playing(rule(probability=0.3, times=4)), calls=1000) == drawn(seed=0)[:4]


def test_the_random_numbers_of_the_effect_do_not_depend_on_those_of_the_probability() -> None:
    play = playing(rule(probability=0.1))
    applications = [applied for applied in (play.apply(CALL) for _ in range(1000)) if applied]

    highest = max(applied.random.random() for applied in applications)

    assert highest > 0.8


def test_the_random_numbers_of_the_effect_repeat_in_every_run_and_differ_between_calls() -> None:
    one, other = playing(rule(), seed=3), playing(rule(), seed=3)

    thrown = [[play.apply(CALL).random.random() for _ in range(5)] for play in (one, other)]  # type: ignore[union-attr]  # it always applies

    assert thrown[0] == thrown[1]
    assert len(set(thrown[0])) == 5


# States


OUTAGE = (
    rule("down", state=STARTED, newState="down"),
    rule("still down", state="down", newState="up", nth=2),
    rule("up", state="up", then={"delay": {"type": "fixed", "milliseconds": 1}}),
)


def test_a_rule_applies_in_its_state_and_changes_the_state() -> None:
    play = playing(*OUTAGE)

    found = [(name_applied(play), play.progress.state) for _ in range(5)]

    assert found == [
        ("down", "down"),
        (None, "down"),
        ("still down", "up"),
        ("up", "up"),
        ("up", "up"),
    ]


def test_a_rule_counts_only_the_calls_of_its_state() -> None:
    play = playing(rule("a", state=STARTED, newState="next"), rule("b", state="next", nth=1))

    assert [name_applied(play) for _ in range(3)] == ["a", "b", None]


def test_a_rule_without_a_state_applies_in_all_states() -> None:
    play = playing(rule("always", newState="down"))

    assert [name_applied(play) for _ in range(2)] == ["always", "always"]


def test_setting_the_state_keeps_the_counts() -> None:
    play = playing(*OUTAGE)
    applied_to(play, calls=2)

    play.set_state("up")

    assert name_applied(play) == "up"
    assert dict(play.progress.applied) == {"down": 1, "up": 1}


# Several rules


def test_the_first_rule_that_applies_wins() -> None:
    play = playing(rule("a", nth=2), rule("b"), rule("c"))

    assert [name_applied(play) for _ in range(3)] == ["b", "a", "b"]


def test_a_rule_counts_calls_to_which_an_earlier_rule_applies() -> None:
    play = playing(rule("a", nth={"first": 2}), rule("b", nth=3), rule("c"))

    assert [name_applied(play) for _ in range(4)] == ["a", "a", "b", "c"]
    assert dict(play.progress.matched) == {"a": 4, "b": 4, "c": 4}
    assert dict(play.progress.applied) == {"a": 2, "b": 1, "c": 1}


def test_a_transition_does_not_let_a_later_rule_count_the_same_call() -> None:
    play = playing(rule("a", state=STARTED, newState="next"), rule("b", state="next"))

    applied_to(play, calls=1)

    assert dict(play.progress.matched) == {"a": 1}


def test_ad_hoc_rules_come_first_in_the_order_of_their_creation() -> None:
    play = playing(rule("of the scenario"))

    play.add([rule("first", times=1)])
    play.add([rule("second", times=1)])

    assert [found.name for found in play.rules] == ["first", "second", "of the scenario"]
    assert [name_applied(play) for _ in range(3)] == ["first", "second", "of the scenario"]


@pytest.mark.parametrize(
    "added",
    [
        pytest.param([rule("fine"), rule("of the scenario")], id="the scenario's"),
        pytest.param([rule("fine"), rule("ad hoc")], id="that of another ad hoc rule"),
        pytest.param([rule("fine"), rule("fine")], id="one of the same call"),
    ],
)
def test_a_rule_name_that_is_taken_is_rejected_and_no_rule_is_added(added: Sequence[Rule]) -> None:
    play = playing(rule("of the scenario"))
    play.add([rule("ad hoc")])

    with pytest.raises(ValueError, match=f"there is already a rule named '{added[1].name}'"):
        play.add(added)

    assert [found.name for found in play.rules] == ["ad hoc", "of the scenario"]


def test_ad_hoc_rules_are_removed_all_or_by_name() -> None:
    play = playing(rule("of the scenario"))
    play.add([rule("a"), rule("b"), rule("c")])

    assert [play.remove("b"), play.remove("b"), play.remove("of the scenario")] == [1, 0, 0]
    assert [found.name for found in play.ad_hoc_rules] == ["a", "c"]
    assert play.remove() == 2
    assert [found.name for found in play.rules] == ["of the scenario"]


def test_removing_a_rule_removes_only_its_counts() -> None:
    play = playing(rule("of the scenario"))
    play.add([rule("ad hoc", times=1)])
    applied_to(play, calls=2)

    play.remove()

    assert dict(play.progress.matched) == {"of the scenario": 2}
    assert dict(play.progress.applied) == {"of the scenario": 1}


def test_a_rule_that_is_added_again_counts_from_zero() -> None:
    play = ad_hoc(rule(nth=1))
    applied_to(play, calls=2)
    play.remove()

    play.add([rule(nth=1)])

    assert applied_to(play, calls=2) == [1]


def test_removing_the_last_ad_hoc_rule_resets_the_state() -> None:
    play = ad_hoc(rule("a", state=STARTED, newState="down"), rule("b", state="down"))
    applied_to(play, calls=1)

    assert play.remove("a") == 1
    assert play.progress.state == "down"
    assert play.remove("b") == 1
    assert play.progress == Progress()


def test_removing_ad_hoc_rules_keeps_the_state_of_a_scenario() -> None:
    play = playing(rule("of the scenario", state="down"))
    play.add([rule("ad hoc", newState="down")])
    applied_to(play, calls=1)

    play.remove()

    assert name_applied(play) == "of the scenario"


def test_progress_can_be_continued_in_another_sandbox() -> None:
    play = playing(*OUTAGE)
    play.add([rule("ad hoc", times=1)])
    applied_to(play, calls=2)

    successor = Play()
    exported = export_state(play.sandbox.state, play.sandbox.now())
    wanted = msgspec.json.decode(exported, type=json_struct(StateFile))
    successor.sandbox.execute(RestoreState(convert_struct(wanted, StateFile)))

    assert [found.name for found in successor.ad_hoc_rules] == ["ad hoc"]
    assert [name_applied(successor) for _ in range(2)] == [None, "still down"]


# Many threads


@pytest.mark.usefixtures("frequent_switches")
def test_with_many_calls_at_once_a_rule_applies_exactly_times_times() -> None:
    play = playing(rule(times=10))

    applied = run_at_once(16, lambda _: len(applied_to(play, calls=50)))

    assert sum(applied) == 10
    assert play.progress.matched["rule"] == 800


@pytest.mark.usefixtures("frequent_switches")
def test_with_many_calls_at_once_each_has_its_own_number() -> None:
    play = playing(rule(nth={"every": 8}))

    applied = run_at_once(16, lambda _: len(applied_to(play, calls=50)))

    assert sum(applied) == 100


@pytest.mark.usefixtures("frequent_switches")
def test_with_many_calls_at_once_exactly_one_makes_each_transition() -> None:
    states = [STARTED, *(f"state {number}" for number in range(40))]
    rules = [rule(f"to {after}", state=before, newState=after) for before, after in pairwise(states)]
    play = playing(*rules)

    applied = run_at_once(16, lambda _: [name_applied(play) for _ in range(10)])

    assert Counter(name for names in applied for name in names if name) == dict.fromkeys(
        [found.name for found in rules], 1
    )
    assert play.progress.state == states[-1]
