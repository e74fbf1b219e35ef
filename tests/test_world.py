"""A world under any commands in any order: what has to hold of it, counted again the slow way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import UNSET, UnsetType

from mock_server.domain import dossiers as commands
from mock_server.domain.errors import Rejected
from mock_server.domain.evidences import Deposit, deposit
from mock_server.domain.imports import ImportPlatform, ImportRequest, launch_import
from mock_server.domain.local_time import local_date
from mock_server.domain.model import (
    Account,
    Company,
    CompanyId,
    CompanyIdType,
    Condition,
    Dossier,
    Establishment,
    Requirement,
)
from mock_server.domain.overview import statistics
from mock_server.domain.platform import close_thirdparty
from mock_server.domain.search import list_dossiers
from mock_server.domain.settlement import settle
from mock_server.domain.variants import resolve
from mock_server.domain.world import World
from mock_server.fixtures.actions import take_action
from mock_server.fixtures.contents import Contents, build_world
from tests.consistency import (
    figures,
    listed,
    next_due,
    portfolio_index,
    portfolios,
    present,
    vigilant,
    world_index,
)
from tests.properties import example_count

BEGINNING = datetime(2026, 3, 27, 21, 30, tzinfo=UTC)  # the night in which French clocks change is near
VARIANTS = resolve({}, "rest")
ACCOUNTS = (1, 2)
SIRETS = ("99050000100013", "99050001900015", "99050002700018")
CLOSED_SIRET = "99010300000015"
GERMAN = "DE136695976"
PAGE = "3"
CODES = ("ATT_VIGI", "JUSTIF_IMM", "RIB", "OLD")


def requirement(code: str) -> Requirement:
    return Requirement(
        document_type_id=CODES.index(code) + 1,
        code=code,
        name=code,
        label_fr=code,
        label_en=None,
        category_fr="",
        category_en="",
        description_fr="",
        description_en="",
        withdrawn=code == "OLD",
    )


def account(account_id: int) -> Account:
    return Account(
        account_id=account_id,
        technical_name="T",
        name="N",
        company="C",
        creation=BEGINNING,
        max_dossiers=1,
        subscription_date=BEGINNING,
        subscription_status="ACTIVE",
        subscriptions=(),
        international=account_id == 1,
        requirements={code: requirement(code) for code in CODES},
        default_requirements=("ATT_VIGI", "RIB"),
    )


def small_world() -> World:
    closed = CompanyId(CompanyIdType.SIRET, CLOSED_SIRET)
    return build_world(
        Contents(
            accounts=tuple(map(account, ACCOUNTS)),
            establishments=(Establishment(company_id=closed, condition=Condition.CLOSED),),
            invalid_email_domains=("invalid.example",),
        )
    )


def invented(company_id: CompanyId) -> Company:
    return Company(name=f"Company {company_id.value[-2:]}")


days = st.integers(-1, 6).map(lambda number: local_date(BEGINNING) + timedelta(days=number))
dates = days.map(date.isoformat)
references = st.sampled_from(["A", "B", " a ", "-", ""])
party_codes = st.sampled_from([None, "F1", "F2", ""])
code_lists = st.lists(st.sampled_from([*CODES, "UNKNOWN"]), max_size=3)
companies = st.sampled_from([("CIT001", siret) for siret in (*SIRETS, CLOSED_SIRET)] + [("CIT002", GERMAN)])
durations = st.sampled_from([timedelta(), timedelta(), timedelta(hours=5)])
steps = st.sampled_from([timedelta(minutes=40), timedelta(hours=9), timedelta(days=1)])
picks = st.integers(0, 7)

Command = Callable[[World, datetime], World]


class AnyWorld(RuleBasedStateMachine):
    """Commands as a sandbox carries them out: what is due is settled after each."""

    def __init__(self) -> None:
        super().__init__()
        self.world = small_world()
        self.now = BEGINNING

    @property
    def dossiers(self) -> list[Dossier]:
        return [dossier for portfolio in portfolios(self.world) for dossier in portfolio.dossiers.values()]

    def has_dossiers(self) -> bool:
        return bool(self.dossiers)

    def command(self, change: Command) -> None:
        """Carry it out; a refused one has to leave the very same world."""
        before = self.world
        try:
            self.world = change(self.world, self.now)
        except Rejected:
            assert self.world is before
        self.settle(since=self.now)

    def on_dossier(self, pick: int, change: Callable[..., World]) -> None:
        chosen = sorted(self.dossiers, key=lambda dossier: dossier.dossier_id)[pick % len(self.dossiers)]
        self.command(partial(change, account_id=chosen.account_id, dossier_id=chosen.dossier_id))

    def settle(self, since: datetime) -> None:
        self.world, events = settle(self.world, self.now, take_action)
        instants = [event.at for event in events]
        assert instants == sorted(instants)
        assert all(since <= at <= self.now for at in instants)

    @rule(
        account_id=st.sampled_from(ACCOUNTS),
        company=companies,
        reference=references,
        code=party_codes,
        until=st.none() | dates,
        codes=st.none() | code_lists,
        duration=durations,
    )
    def launch(
        self,
        account_id: int,
        company: tuple[str, str],
        reference: str,
        code: str | None,
        until: str | None,
        codes: list[str] | None,
        duration: timedelta,
    ) -> None:
        wanted = ImportRequest(
            company_id_type=company[0],
            company_id_value=company[1],
            dossier_reference=reference,
            thirdparty_code=code,
            expiration_date=until,
            required_documents=codes,
        )

        def launched(world: World, now: datetime) -> World:
            following, _ = launch_import(
                world,
                now,
                account_id=account_id,
                request=wanted,
                platform=ImportPlatform(VARIANTS, duration, invented),
            )
            return following

        self.command(launched)

    @precondition(has_dossiers)
    @rule(
        pick=picks,
        reference=st.none() | references,
        code=party_codes,
        until=st.just(UNSET) | st.none() | dates,
    )
    def update(
        self, pick: int, reference: str | None, code: str | None, until: str | UnsetType | None
    ) -> None:
        wanted = commands.DossierUpdate(
            dossier_reference=reference, thirdparty_code=code, expiration_date=until
        )
        self.on_dossier(pick, partial(commands.update_dossier, update=wanted, variants=VARIANTS))

    @precondition(has_dossiers)
    @rule(pick=picks)
    def stop(self, pick: int) -> None:
        self.on_dossier(pick, commands.stop_dossier)

    @precondition(has_dossiers)
    @rule(pick=picks, until=st.just(UNSET) | st.none() | dates)
    def reactivate(self, pick: int, until: str | UnsetType | None) -> None:
        self.on_dossier(pick, partial(commands.reactivate_dossier, expiration_date=until))

    @precondition(has_dossiers)
    @rule(pick=picks, codes=code_lists, add=st.booleans())
    def change_requirements(self, pick: int, codes: list[str], add: bool) -> None:  # noqa: FBT001
        self.on_dossier(pick, partial(commands.update_requirements, codes=codes, add=add))

    @precondition(has_dossiers)
    @rule(pick=picks, code=st.sampled_from(CODES), until=st.none() | days)
    def deposit(self, pick: int, code: str, until: date | None) -> None:
        given = Deposit(file_size=5000, expiration_date=until)
        self.on_dossier(pick, partial(deposit, code=code, answer=given))

    @rule(thirdparty_id=st.integers(1, 9))
    def close(self, thirdparty_id: int) -> None:
        self.command(partial(close_thirdparty, thirdparty_id=thirdparty_id))

    @rule(account_id=st.integers(1, 3))
    def stop_what_is_not_there(self, account_id: int) -> None:
        self.command(partial(commands.stop_dossier, account_id=account_id, dossier_id=1000))

    @rule(by=steps)
    def wait(self, by: timedelta) -> None:
        before = self.now
        self.now += by
        self.settle(since=before)

    @invariant()
    def a_third_party_has_each_reference_once(self) -> None:
        named = Counter(
            (dossier.account_id, dossier.thirdparty_id, dossier.reference)
            for dossier in self.dossiers
            if dossier.reference != "-"
        )
        assert set(named.values()) <= {1}

    @invariant()
    def a_code_belongs_to_one_third_party_of_an_account(self) -> None:
        for portfolio in portfolios(self.world):
            codes = [relation.thirdparty_code for relation in portfolio.relations.values()]
            given = [code for code in codes if code is not None]
            assert len(given) == len(set(given))

    @invariant()
    def the_indexes_find_what_is_there(self) -> None:
        for portfolio in portfolios(self.world):
            assert listed(portfolio.index) == portfolio_index(portfolio)
            dossiers = portfolio.dossiers.values()
            assert list(portfolio.dossier_ids) == sorted(portfolio.dossiers)
            assert list(portfolio.monitored_ids) == sorted(d.dossier_id for d in dossiers if d.monitored)
            assert list(portfolio.stopped_ids) == sorted(d.dossier_id for d in dossiers if not d.monitored)
            assert list(portfolio.relation_ids) == sorted(portfolio.relations)
        assert listed(self.world.index) == world_index(self.world)

    @invariant()
    def the_counts_of_each_third_party_are_true(self) -> None:
        for portfolio in portfolios(self.world):
            for thirdparty_id, relation in portfolio.relations.items():
                own = [d for d in portfolio.dossiers.values() if d.thirdparty_id == thirdparty_id]
                active = [d for d in own if d.monitored]
                assert list(relation.dossiers) == sorted(d.dossier_id for d in own)
                assert relation.active == len(active)
                assert relation.complete == sum(d.complete for d in active)
                assert relation.vigilant == sum(d.indicators[0].state for d in active)
                assert relation.state is (all(d.complete for d in active) if active else None)
                assert (relation.state_last_change_date is None) is not bool(active)

    @invariant()
    def documents_state_and_indicator_agree(self) -> None:
        today = local_date(self.now)
        for dossier in self.dossiers:
            for document in dossier.documents:
                assert document.present is present(document, today)
        for dossier in filter(lambda dossier: dossier.monitored, self.dossiers):
            assert dossier.complete is all(document.present for document in dossier.documents)
            assert [indicator.state for indicator in dossier.indicators] == [vigilant(dossier)]

    @invariant()
    def the_agenda_holds_what_comes_next(self) -> None:
        expected = [due for dossier in self.dossiers if (due := next_due(dossier)) is not None]
        for portfolio in portfolios(self.world):
            for process in portfolio.processes.values():
                if not process.complete:
                    assert process.ends is not None
                    expected.append((process.ends, process.number, process.account_id, 0, process.process_id))
        assert [tuple(due) for due in self.world.agenda] == sorted(expected)
        assert all(due.at > self.now for due in self.world.agenda)

    @invariant()
    def the_statistics_are_true(self) -> None:
        for account_id, portfolio in self.world.portfolios.items():
            found = statistics(self.world, account_id=account_id)
            assert found.by_state == figures(portfolio, lambda dossier: dossier.complete)
            assert found.by_vigilance == figures(portfolio, vigilant)

    @invariant()
    def a_walk_over_the_pages_meets_everything_once(self) -> None:
        for account_id, portfolio in self.world.portfolios.items():
            active = sorted(d.dossier_id for d in portfolio.dossiers.values() if d.monitored)
            named = sorted(d.dossier_id for d in portfolio.dossiers.values() if d.reference == "A")
            walked = partial(self.walked, account_id)
            assert walked() == sorted(portfolio.dossiers)
            assert walked(monitored="true") == active
            assert walked(dossier_reference="A") == named
            assert walked(dossier_reference="A", monitored="true") == sorted({*named} & {*active})

    def walked(self, account_id: int, **query: str) -> list[int]:
        found: list[int] = []
        for number in range(len(self.dossiers) // int(PAGE) + 2):
            page = list_dossiers(
                self.world,
                self.now,
                account_id=account_id,
                query={**query, "page": str(number), "page_size": PAGE},
                variants=VARIANTS,
            )
            found += [dossier.dossier_id for dossier in page.content]
        assert page.total_elements == len(found)
        return found


AnyWorld.TestCase.settings = example_count(80, steps=40)
TestAnyWorld = AnyWorld.TestCase
