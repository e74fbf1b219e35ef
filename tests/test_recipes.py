"""Recipes and the states generated from them: consistent on any day, the same from the same seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.app import create_app
from mock_server.domain.local_time import from_local, local_date
from mock_server.domain.model import Dossier
from mock_server.domain.settlement import settle
from mock_server.domain.world import World
from mock_server.fixtures import fixture
from mock_server.fixtures.actions import take_action
from mock_server.fixtures.build_dossiers import build_contents
from mock_server.fixtures.contents import Contents, IdCounter
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.fixture import (
    Fixture,
    GeneratedState,
    decode_fixture,
    generate_state,
    load_fixture,
    load_state,
    save_state,
)
from mock_server.fixtures.library import bundled, recipe_names
from mock_server.fixtures.recipes import read_recipe
from mock_server.settings import Settings
from tests.consistency import inconsistencies, nothing_due
from tests.properties import example_count
from tests.support import SEED_DOSSIER, Api

ORIGIN = date(2026, 3, 2)
NINE = from_local("2026-03-02T09:00:00")
STARTS = {
    "on its own day": "2026-03-02T09:00:00",
    "as its own day begins": "2026-03-02T00:00:00",
    "just before its own day ends": "2026-03-02T23:59:59",
    "on the next day": "2026-03-03T14:00:00",
    "in summer time": "2026-07-14T00:30:00",
    "years later": "2031-01-01T08:00:00",
    "years before": "2019-06-15T08:00:00",
}

LISTED = """\
version: 1
include: [catalogue]
accounts:
  - accountId: 1
dossiers:
  - siret: "99050000100013"
    dossierReference: A
    startingDate: "2025-01-10T10:00:00"
    documents:
      - documentCode: ATT_VIGI
        files:
          - {uploadDate: "2025-01-12T10:00:00", expirationDate: "2026-02-15"}
"""
EMPTY = "    population: {dossiers: 0, thirdparties: 0}\n"


def started(fixture: Fixture, now: datetime) -> World:
    """The world as a sandbox shows it that starts at `now`."""
    world, _ = settle(fixture.world(now), now, take_action)
    return world


def dossiers(world: World) -> list[Dossier]:
    return [d for portfolio in world.portfolios.values() for d in portfolio.dossiers.values()]


def referred(among: list[Dossier], reference: str) -> list[Dossier]:
    return [dossier for dossier in among if dossier.reference == reference]


def made(folder: Path, text: str, day: date = ORIGIN) -> Fixture:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return Fixture(generate_state(read_recipe(path), day=day))


def encoded(world: GeneratedState) -> bytes:
    return msgspec.json.encode(world)


@pytest.fixture(scope="module")
def default() -> Fixture:
    return Fixture(generate_state(read_recipe(bundled("fixtures") / "default.yaml"), day=ORIGIN))


@pytest.mark.parametrize("name", sorted({*recipe_names()} - {"catalogue"}))
def test_a_bundled_recipe_loads_and_is_coherent(name: str) -> None:
    now = NINE

    assert inconsistencies(started(load_fixture(name, ORIGIN), now), now) == []


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_the_default_population_is_coherent_on_any_first_day(default: Fixture, start: str) -> None:
    now = from_local(start)

    assert inconsistencies(started(default, now), now) == []


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_nothing_changes_within_two_days_of_a_start(default: Fixture, start: str) -> None:
    now = from_local(start)

    assert nothing_due(default.world(now), now, within=timedelta(days=2))


def test_the_default_population_has_what_its_recipe_asks_for(default: Fixture) -> None:
    world = default.world(NINE)

    counts = {number: len(portfolio.dossiers) for number, portfolio in world.portfolios.items()}

    assert counts == {119631: 151, 119700: 40, 119800: 0, 119900: 10}


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (lambda dossier: dossier.monitored and dossier.complete, 30),
        (lambda dossier: dossier.monitored and not dossier.complete, 30),
        (lambda dossier: dossier.stopping_reason == "STOPREQUEST", 5),
        (lambda dossier: dossier.stopping_reason == "EXPIRATION", 3),
        (lambda dossier: dossier.stopping_reason == "OUTOFBUSINESS", 1),
        (lambda dossier: dossier.monitored and dossier.expiration_date, 10),
        (lambda dossier: any(len(document.evidences) > 1 for document in dossier.documents), 10),
        (lambda dossier: any(d.evidences and not d.present for d in dossier.documents), 3),
    ],
    ids=[
        "complete",
        "incomplete",
        "stopped",
        "expired",
        "closed",
        "expiring",
        "files replaced",
        "files expired",
    ],
)
def test_the_default_population_has_some_of_each_kind(
    default: Fixture, kind: Callable[[Dossier], object], count: int
) -> None:
    world = default.world(NINE)

    assert sum(bool(kind(dossier)) for dossier in dossiers(world)) >= count


def test_generated_dates_move_with_the_day_of_the_start(default: Fixture) -> None:
    first, second = (
        default.world(datetime(2026, 3, day, 9, tzinfo=UTC)).portfolio(119631).dossiers for day in (2, 12)
    )
    generated = [number for number in first if number != SEED_DOSSIER]

    moved = {
        second[number].state_last_change_date - first[number].state_last_change_date for number in generated
    }

    assert moved == {timedelta(days=10)}


def test_listed_dates_stay_on_any_first_day(default: Fixture) -> None:
    first, second = (
        default.world(datetime(2026, 3, day, 9, tzinfo=UTC)).portfolio(119631).dossier(SEED_DOSSIER)
        for day in (2, 12)
    )

    assert first.state_last_change_date == second.state_last_change_date
    assert first.state_last_change_date == from_local("2019-01-08T15:31:55.521")
    assert first.documents[0].request_date == second.documents[0].request_date


def test_a_dossier_without_an_account_is_in_the_default_one_or_else_in_the_first(tmp_path: Path) -> None:
    text = LISTED.replace("  - accountId: 1\n", f"  - accountId: 1\n  - accountId: 2\n{EMPTY}")
    user = "users: [{username: a@b+c.d, password: a, accounts: [1]}]\n"

    found = [
        {dossier.account_id for dossier in dossiers(made(tmp_path, text + more).world(NINE))}
        for more in (user, "defaultAccount: 2\n")
    ]

    assert found == [{1}, {2}]


@pytest.mark.parametrize(
    ("start", "present"),
    [("2026-03-02T09:00:00", False), ("2026-02-15T23:59:59", True), ("2026-02-16T00:00:00", False)],
    ids=["long after", "on its last day", "on the next day"],
)
def test_a_listed_file_is_valid_until_its_day_on_any_first_day(
    tmp_path: Path,
    start: str,
    present: bool,  # noqa: FBT001
) -> None:
    fixture, now = made(tmp_path, LISTED), from_local(start)

    [dossier] = dossiers(started(fixture, now))

    assert [document.present for document in dossier.documents] == [present]
    assert dossier.complete is present


@pytest.mark.parametrize(
    ("start", "monitored"),
    [("2026-03-02T09:00:00", False), ("2026-02-14T23:59:59", True), ("2026-02-15T00:00:00", False)],
    ids=["long after", "on the eve", "on the day"],
)
def test_a_listed_dossier_is_monitored_until_its_expiration_on_any_first_day(
    tmp_path: Path,
    start: str,
    monitored: bool,  # noqa: FBT001
) -> None:
    text = LISTED.replace("dossierReference: A", 'dossierReference: A\n    expirationDate: "2026-02-15"')
    fixture, now = made(tmp_path, text), from_local(start)

    [dossier] = dossiers(started(fixture, now))

    assert dossier.monitored is monitored
    assert dossier.stopping_date == (None if monitored else from_local("2026-02-15"))


@pytest.mark.parametrize(
    "start",
    ["2026-03-02T08:00:00", "2026-03-02T18:00:00", "2025-06-01T08:00:00", "2027-06-01T08:00:00"],
    ids=["in the morning", "in the evening", "a year before", "a year later"],
)
def test_dates_left_out_are_never_in_the_future(tmp_path: Path, start: str) -> None:
    text = LISTED.replace('    startingDate: "2025-01-10T10:00:00"\n', "").partition("    documents")[0]
    stopped = text + '  - {siret: "99050000100013", dossierReference: B, stoppingReason: UNKNOWN}\n'
    now = from_local(start)
    fixture = made(tmp_path, stopped, day=ORIGIN)

    assert inconsistencies(started(fixture, now), now) == []


def test_a_recipe_has_the_requested_number_of_dossiers_in_its_proportions(tmp_path: Path) -> None:
    def shares(populations: list[tuple[int, int]], total: int) -> list[tuple[int, int | None]]:
        lines = [
            f"  - {{accountId: {at}, population: {{dossiers: {count}, thirdparties: {parties}}}}}\n"
            for at, (count, parties) in enumerate(populations, 1)
        ]
        path = tmp_path / "mine.yaml"
        path.write_text(f"version: 1\naccounts:\n  - {{accountId: 9}}\n{''.join(lines)}", encoding="utf-8")
        accounts = read_recipe(path).resize(dossiers=total).recipe.accounts
        found = [entry.population for entry in accounts if entry.population is not None]
        return [(each.dossiers, each.thirdparties) for each in found]

    assert shares([(6, 3), (2, 2)], 4) == [(3, 2), (1, 1)]
    assert shares([(0, 5), (4, 4)], 2) == [(0, 5), (2, 2)]
    assert shares([(0, 0)], 2) == [(0, 0)]
    assert shares([(6, 3), (2, 2)], 0) == [(0, 1), (0, 1)]
    for total in range(40):
        assert sum(count for count, _ in shares([(1, 1), (3, 3), (3, 3), (3, 3)], total)) == total


def test_no_generated_company_is_one_that_the_recipe_lists(tmp_path: Path) -> None:
    text = LISTED.replace("accountId: 1", "accountId: 1\n    population: {dossiers: 9, foreign: 0}")

    def generated(more: str) -> list[str]:
        source = made(tmp_path, text + more).source
        return [thirdparty.company_id.value for thirdparty in source.generated.thirdparties]

    first, second, *_ = generated("")
    listed = (
        f"establishments: [{{siret: '{first}', condition: closed}}]\nthirdparties: [{{siret: '{second}'}}]\n"
    )

    assert not {first, second} & set(generated(listed))


def test_the_same_recipe_gives_the_same_state(default: Fixture) -> None:
    again = generate_state(read_recipe(bundled("fixtures") / "default.yaml"), day=ORIGIN)

    assert encoded(again) == encoded(default.source)


def test_another_seed_gives_another_population_and_the_same_listed_contents(tmp_path: Path) -> None:
    text = LISTED.replace("accountId: 1", "accountId: 1\n    population: {dossiers: 20}")
    now = NINE

    one, other = (dossiers(made(tmp_path, f"{text}seed: {seed}\n").world(now)) for seed in (1, 2))

    assert len(one) == len(other) == 21
    assert msgspec.json.encode(one) != msgspec.json.encode(other)
    assert msgspec.json.encode(referred(one, "A")) == msgspec.json.encode(referred(other, "A"))


def test_a_saved_and_loaded_state_is_the_same(default: Fixture, tmp_path: Path) -> None:
    path = tmp_path / "world.json"

    save_state(default.source, path)

    assert encoded(load_state(path)) == encoded(default.source)


@pytest.mark.parametrize("name", ["mine.yaml", "mine.json"])
def test_the_listed_entities_are_built_once_for_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "mine.yaml").write_text(LISTED, encoding="utf-8")
    save_state(generate_state(read_recipe(tmp_path / "mine.yaml"), day=ORIGIN), tmp_path / "mine.json")
    days: list[date] = []

    def count(recipe: Recipe, ids: IdCounter, day: date) -> Contents:
        days.append(day)
        return build_contents(recipe, ids, day)

    monkeypatch.setattr(fixture, "build_contents", count)
    today, tomorrow = ORIGIN + timedelta(days=7), ORIGIN + timedelta(days=8)
    loaded = load_fixture(str(tmp_path / name), today)

    found = [loaded.world(from_local(f"{day}T09:00:00")) for day in (today, tomorrow, today)]

    assert days == [today, tomorrow]
    assert found[0] is found[2]


def test_a_loaded_state_file_is_the_same_and_has_equal_values_once(default: Fixture) -> None:
    loaded = decode_fixture(default.encode(), "world.json").source

    assert encoded(loaded) == encoded(default.source)
    documents = [document for dossier in loaded.generated.dossiers for document in dossier.documents]
    evidences = [evidence for document in documents for evidence in document.evidences]
    for values in (
        [document.code for document in documents],
        [evidence.expiration_date for evidence in evidences],
        [evidence.metadata for evidence in evidences],
        [thirdparty.company.activity_label for thirdparty in loaded.generated.thirdparties],
    ):
        assert len({id(value) for value in values}) == len({repr(value) for value in values}) < len(values)


@pytest.mark.parametrize(
    "path",
    ["/dossiers/all", "/thirdparties?pageSize=1000", "/thirdparties/875", "/requirements", ""],
    ids=["dossiers", "third parties", "a third party", "requirements", "statistics"],
)
def test_a_server_answers_the_same_from_a_state_file_as_from_its_recipe(tmp_path: Path, path: str) -> None:
    today = local_date(datetime.now(UTC))
    saved = tmp_path / "world.json"
    save_state(
        generate_state(read_recipe(bundled("fixtures") / "default.yaml"), day=today - timedelta(days=40)),
        saved,
    )

    def answer(fixture: str) -> Any:
        client = create_app(Settings(fixture=fixture, log_level="error")).test_client()
        return Api(client, "default").get(path).data

    assert answer(str(saved)) == answer(str(bundled("fixtures") / "default.yaml"))


shares = st.sampled_from([0.0, 0.3, 1.0])
LIFETIMES = {"never": None, "P1D": 7, "P3D": 7, "P5D": 7, "P20D": 20, "P6M": 180, "P2Y": 730}
"""How many days a generated file is valid, by the period of its document type."""
periods = st.sampled_from([*LIFETIMES])
ages = st.sampled_from([0, 1, 2, 3, 5, 30, 400, 900])
populations = st.fixed_dictionaries(
    {"dossiers": st.integers(0, 25)},
    optional={
        "thirdparties": st.integers(1, 30),
        "stopped": shares,
        "expired": shares,
        "complete": shares,
        "answered": shares,
        "expiring": shares,
        "foreign": shares,
        "registered": shares,
        "outOfBusiness": shares,
        "coded": shares,
        "startedDaysAgo": st.tuples(ages, ages).map(sorted),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@example_count(40)
@given(
    first=populations,
    second=populations,
    validity=st.tuples(periods, periods),
    seed=st.integers(0, 99),
    days=st.integers(-400, 400),
)
def test_a_population_of_any_shape_is_coherent(
    folder: Path,
    first: dict[str, object],
    second: dict[str, object],
    validity: tuple[str, str],
    seed: int,
    days: int,
) -> None:
    requirements = [
        {"documentId": at, "code": code, "labelFr": code, "validity": period}
        for at, (code, period) in enumerate(zip(("ATT_VIGI", "RIB"), validity, strict=True), 1)
    ]
    accounts = [
        {"accountId": at, "population": population, "defaultRequirements": ["ATT_VIGI", "RIB"]}
        for at, population in enumerate((first, second), 1)
    ]
    recipe = {"version": 1, "seed": seed, "requirements": requirements, "accounts": accounts}
    now = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(days=days)

    # JSON is YAML as well.
    world = made(folder, msgspec.json.encode(recipe).decode()).world(now)

    assert inconsistencies(world, now) == []
    assert nothing_due(world, now, within=timedelta(days=2))
    assert {dossier.thirdparty_id for dossier in dossiers(world)} == set(world.thirdparties)
    days_valid = dict(zip(("ATT_VIGI", "RIB"), (LIFETIMES[period] for period in validity), strict=True))
    for document in (document for dossier in dossiers(world) for document in dossier.documents):
        for evidence in document.evidences:
            last = evidence.expiration_date
            found = None if last is None else (last - evidence.file_creation.date()).days
            assert found == days_valid[document.code]
    assert [len(portfolio.dossiers) for _, portfolio in sorted(world.portfolios.items())] == [
        first["dossiers"],
        second["dossiers"],
    ]
