"""`mock-server fixtures pull`: the same structure, states and counts, and no value of the source."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from errno import ENOSPC
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mock_server.cli import main
from mock_server.client import Sandbox
from mock_server.compare.shapes import divergences, shape
from mock_server.domain.operations import DialectName
from mock_server.pull import PullReport, pull
from mock_server.pull.replacements import Originals, Replacements
from mock_server.pull.source import Pace, SourceError
from mock_server.scenarios.target import find_target
from tests.wire import wire_server

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with wire_server("plain", tmp_path_factory.mktemp("server"), max_body=4_000_000) as url:
        yield url


@pytest.fixture
def source(server: str) -> Iterator[Sandbox]:
    found = Sandbox(server, f"pulled{next(_numbers)}")
    found.clock.freeze()
    yield found
    found.drop()


class Waits(list[float]):
    """The seconds that a pull would have waited; its clock stands still."""

    @property
    def pace(self) -> Pace:
        return Pace(10, self.append, lambda: 0.0)


def change(source: Sandbox, operation: str, then: Any, **members: Any) -> None:
    """Change the answers of an operation; `nth` says which."""
    when = {"operation": operation} | ({"nth": members.pop("nth")} if "nth" in members else {})
    rule = {"name": f"{operation} {then}", "when": when, "then": then} | members
    source.call("POST", "/rules", {"rules": [rule]})


def run_pull(source: Sandbox, out: Path, dialect: DialectName = "edge", **options: Any) -> PullReport:
    target = find_target(
        f"{source.url}/{dialect}", dialect=dialect, auth_url=source.url, username=source.username
    )
    usual: dict[str, Any] = {"pace": Waits().pace, "progress": str}
    return pull(target, out, **usual | options)


def answers(sandbox: Sandbox, dialect: str, username: str) -> dict[str, Any]:
    """All that the API shows of the first account of a user, by operation."""
    session = sandbox.session(username)

    def get(path: str, **query: Any) -> Any:
        answer = session.get(f"{sandbox.base_url_in(dialect)}/account{path}", params=query)
        assert answer.ok, answer.text
        return answer.json()["content"]

    account = get("")[0]["id"]
    dossiers = get(f"/{account}/dossiers", pageSize=1000)
    numbers = sorted({each["thirdpartyId"] for each in dossiers})
    return {
        "account": get(""),
        "statistics": get(f"/{account}"),
        "requirements": get(f"/{account}/requirements"),
        "dossiers": dossiers,
        "thirdparties": [get(f"/{account}/thirdparties/{number}") for number in numbers],
    }


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        for member, inner in value.items() if isinstance(value, dict) else ((name, one) for one in value):
            yield from leaves(inner, member)
    elif not isinstance(value, bool) and value is not None:
        yield name, str(value)


STAY = {
    *("code", "documentCode", "companyIdType", "companyCountryCode", "addressCountryCode", "status"),
    *("stoppingReason", "capitalCurrency", "turnoverCurrency", "subscriptionStatus", "indicatorCode", "type"),
    *("legalCategoryLabel", "legalCategoryCode", "activityLabel", "activityCode"),  # from a fixed list
}
STATES = ("monitored", "state", "stoppingReason", "companyIdType", "companyCountryCode")


@pytest.mark.parametrize("dialect", ["rest", "edge"])
def test_what_is_pulled_and_served_has_the_same_shapes_counts_and_states_and_no_value_of_the_source(
    source: Sandbox, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: DialectName
) -> None:
    out = tmp_path / "mine.yaml"
    monkeypatch.setattr("mock_server.pull.source._PAGE_SIZE", 50)  # the last page has one dossier

    report = run_pull(source, out, dialect)

    served = Sandbox(server, f"{source.name}-served")
    served.load_fixture(out)
    before = answers(source, dialect, "api@example.com")
    after = answers(served, dialect, "api@example.com")
    assert report.dossiers == len(before["dossiers"]) == 151
    assert report.other_states == 0
    assert after["statistics"] | {"accountId": 0} == before["statistics"] | {"accountId": 0}
    assert [[each[name] for name in STATES] for each in after["dossiers"]] == [
        [each[name] for name in STATES] for each in before["dossiers"]
    ]
    for operation, there in before.items():
        different = list(divergences(shape(there), shape(after[operation]), lambda _: True))
        assert not different, operation
    ends = [[each["expirationDate"] for each in found["dossiers"]] for found in (before, after)]
    assert ends[0] == ends[1]
    made_up = r'"(legalCategory\w*|activity\w*|dateCreation|lastBalanceSheetDate)": "[^"]*"'
    assert '"dateCreation": ' in out.read_text(encoding="utf-8")
    text = re.sub(made_up, "", out.read_text(encoding="utf-8")).casefold()
    words = set(re.findall(r"\w+", text))
    for operation, there in before.items():
        for name, value in leaves(there):
            is_label = operation == "requirements" or name in {"name", "documentName", "documentNameEn"}
            if len(value) >= 5 and name not in STAY and value != "false" and not is_label:
                # One word may be a part of another one by chance.
                is_word = re.fullmatch(r"\w+", value) is not None
                assert value.casefold() not in (words if is_word else text), (operation, name)
    served.drop()


def test_it_gives_up_after_too_many_rejections(source: Sandbox, tmp_path: Path) -> None:
    waits = Waits()
    change(source, "listDossiers", {"respond": {"status": 429, "headers": {"Retry-After": "7"}}})

    with pytest.raises(SourceError, match="too many requests: use a lower --rate, then run the same command"):
        run_pull(source, tmp_path / "mine.yaml", pace=waits.pace)

    assert waits.count(7.0) == 20


def test_nothing_is_written_with_a_value_of_the_source(
    source: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.pull.find_originals", lambda *_: ["name"])

    with pytest.raises(SourceError, match="not written, because values of the source are left in name"):
        run_pull(source, tmp_path / "mine.yaml", limit=1)

    assert not (tmp_path / "mine.yaml").exists()


def test_another_run_continues_after_a_connection_that_was_cut(source: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    waits: list[float] = []
    part = tmp_path / "mine.yaml.part"
    cut = {"fault": "CONNECTION_RESET_BY_PEER"}
    change(source, "getThirdparty", cut, nth={"from": 3}, times=4)

    with pytest.raises(SourceError, match="4 times: run the same command again to continue"):
        run_pull(source, out, pace=Pace(0, waits.append))

    assert not out.exists()
    assert waits == [1.0, 2.0, 4.0]
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    with part.open("a") as file:
        file.write('{"request": "/acc')  # killed while it wrote
    source.reset("journal")
    report = run_pull(source, out)
    read = source.requests()
    assert not part.exists()
    assert {each["method"] for each in read} <= {"GET", "POST"}
    assert {each["operation"] for each in read} == {"getToken", "getThirdparty"}
    assert report.requests == len(read) - 1


def test_a_second_interruption_keeps_the_answers_from_before_the_first(
    source: Sandbox, tmp_path: Path
) -> None:
    part = tmp_path / "mine.yaml.part"
    change(source, "getThirdparty", {"fault": "CONNECTION_RESET_BY_PEER"}, nth={"from": 3}, times=8)
    with pytest.raises(SourceError):
        run_pull(source, tmp_path / "mine.yaml")
    kept = part.read_text(encoding="utf-8")
    with part.open("a") as file:
        file.write('{"request": "/acc')

    with pytest.raises(SourceError):
        run_pull(source, tmp_path / "mine.yaml")

    assert part.read_text(encoding="utf-8") == kept


def test_each_answer_is_on_the_disk_before_the_next_request(source: Sandbox, tmp_path: Path) -> None:
    part = tmp_path / "mine.yaml.part"
    lines: list[int] = []

    def note(_: str) -> None:
        lines.append(part.read_text(encoding="utf-8").count("\n"))

    run_pull(source, part.with_suffix(""), limit=3, progress=note)

    assert len(lines) > 3
    assert lines == list(range(lines[0], lines[0] + len(lines)))


def test_two_pulls_at_once_do_not_share_a_file(source: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    refused: list[str] = []

    def pull_too(_: str) -> None:
        with pytest.raises(SourceError) as rejected:
            run_pull(source, out)
        refused.append(str(rejected.value))

    report = run_pull(source, out, limit=3, progress=pull_too)

    assert set(refused) == {f"{out}.part: another pull uses it: wait for its end, or choose another --out"}
    assert report.dossiers > 0
    assert out.exists()
    assert run_pull(source, out, limit=3).dossiers == report.dossiers


def test_replacements_of_a_kind_differ_unless_they_may_be_equal() -> None:
    made = Replacements(Originals(()))

    assert made.replace("city", "Lyon", lambda _: "Bal") == "Bal"
    assert made.replace("city", "Lyon", lambda _: "Fab") == "Bal"
    assert made.replace("city", "Paris", lambda _: "Bal", unique=False) == "Bal"
    with pytest.raises(ValueError, match="no replacement of the kind 'city' is left"):
        made.replace("city", "Nantes", lambda _: "Bal")
    assert made.counts == {"city": 2}


def test_it_waits_as_long_as_the_server_says_and_logs_in_again(source: Sandbox, tmp_path: Path) -> None:
    waits = Waits()
    full = {"respond": {"status": 429, "headers": {"Retry-After": "7"}}}
    change(source, "listDossiers", full, nth=1)
    odd = {"respond": {"status": 429, "headers": {"Retry-After": "nan"}}}
    change(source, "listRequirements", odd, nth=1)
    change(source, "getThirdparty", {"token": "expired"}, nth=2)
    change(source, "getThirdparty", {"respond": {"status": 503}}, nth=4)

    report = run_pull(source, tmp_path / "mine.yaml", limit=10, pace=waits.pace)

    assert report.dossiers == 10
    assert {7.0, 1.0} <= set(waits)
    assert max(wait for wait in waits if wait not in {7.0, 1.0}) == pytest.approx(report.requests / 10 - 0.1)
    assert min(filter(None, waits)) == pytest.approx(0.1)


def test_it_waits_for_the_seconds_or_until_the_date_of_retry_after(source: Sandbox, tmp_path: Path) -> None:
    expected = {
        "7": 7.0,
        "-5": 0.0,
        "nan": 0.0,
        "9999": 300.0,
        "soon": 1.0,
        "Wed, 21 Oct 2015 07:28:00 GMT": 0.0,
        "Fri, 21 Oct 2995 07:28:00 GMT": 300.0,
        None: 1.0,
    }
    for number, value in enumerate(expected, 1):
        headers = {} if value is None else {"Retry-After": value}
        change(source, "listDossiers", {"respond": {"status": 429, "headers": headers}}, nth=number)
    waits: list[float] = []

    run_pull(source, tmp_path / "mine.yaml", limit=1, pace=Pace(0, waits.append))

    assert waits == [*expected.values()]


def test_a_pause_is_not_made_up_for_by_more_requests_a_second(source: Sandbox, tmp_path: Path) -> None:
    waits: list[float] = []
    instants = chain([0.0] * 2, repeat(1000.0))

    run_pull(source, tmp_path / "mine.yaml", limit=1, pace=Pace(10, waits.append, lambda: next(instants)))

    assert waits == pytest.approx([0.1, 0.2])


def test_a_dossier_on_two_pages_is_read_once_and_two_of_a_reference_are_an_error(
    source: Sandbox, tmp_path: Path
) -> None:
    [dossier, *_] = answers(source, "edge", "api@example.com")["dossiers"]
    other = dossier | {"dossierId": dossier["dossierId"] + 1, "documents": []}
    for pages in ([dossier, dossier], [dossier, other]):
        body = {"content": pages, "totalElements": 2}
        change(source, "listDossiers", {"respond": {"status": 200, "body": body}}, times=1)

    assert run_pull(source, tmp_path / "one.yaml", limit=2).dossiers == 1

    with pytest.raises(
        SourceError,
        match=r"because the recipe would be invalid: \$.dossiers\[1\].dossierReference: the third party has",
    ):
        run_pull(source, tmp_path / "two.yaml", limit=2)
    assert not (tmp_path / "two.yaml").exists()


ODD = """version: 1
include: [catalogue]
requirements:
  - {documentId: 500, code: CONTRAT_ACME, labelFr: Contrat cadre}
  - {documentId: 501, code: OWN, labelFr: Own}
accounts:
  - {accountId: 77001, name: ACME Industrie, subscriptionStatus: INACTIVE, withdrawn: [RIB_IBAN]}
thirdparties:
  - thirdpartyId: 31337
    companyIdType: CIT002
    companyIdValue: IT00743110157
    name: OFFICINE ROSSI
    acronym: OFR
  - thirdpartyId: 31338
    companyIdType: CIT003
    companyIdValue: "123456789"
    name: JOHNSON INC
    acronym: ""
    outOfBusiness: true
dossiers:
  - dossierReference: "-"
    thirdpartyId: 31337
    documents:
      - documentCode: CONTRAT_ACME
        files:
          - fileSize: 2000000
            formdata: [{type: TEXT, key: a, title: Le gérant, order: 1, value: Mario Rossi}]
            metadata: {par: Rossi, verified: "true"}
      - {documentCode: RIB_IBAN}
      - {documentCode: OWN}
      - {documentCode: ADCÀLFPTI}
  - dossierReference: "-"
    thirdpartyId: 31337
    stoppingReason: UNKNOWN
    description: Dossier Rossi
    documents: [{documentCode: ATT_VIGI}]
  - dossierReference: PO-1
    thirdpartyId: 31338
    expirationDate: "9999-12-31"
    purchasingCategory: ""
    startingDate: null
"""


def summary(text: str) -> dict[str, Any]:
    recipe = yaml.safe_load(text)
    return {
        "title": recipe["title"],
        "accounts": [(each["accountId"], each["subscriptionStatus"]) for each in recipe["accounts"]],
        "requirements": [(each["documentId"], each["labelFr"]) for each in recipe["requirements"]],
        "acronyms": ["acronym" in each for each in recipe["thirdparties"]],
    }


def test_foreign_companies_forms_own_document_types_and_stopped_dossiers(
    source: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "odd.yaml").write_text(ODD, encoding="utf-8")
    source.load_fixture(tmp_path / "odd.yaml")
    out = tmp_path / "mine.yaml"

    report = run_pull(source, out)

    text = out.read_text(encoding="utf-8")
    assert (report.dossiers, report.other_states) == (3, 0)
    asked = [each["operation"] for each in source.requests()]
    assert [asked.count(name) for name in ("listAccounts", "listDossiers", "getThirdparty")] == [1, 1, 2]
    # A code without a name stays.
    assert [each for each in ('"code": "OWN"', '"documentCode": "ADCÀLFPTI"') if each not in text] == []
    assert summary(text) == {
        "title": "Pulled",
        "accounts": [(100001, "INACTIVE")],
        "requirements": [(9001, "Document type 1"), (9002, "Document type 2")],
        "acronyms": [True, False],
    }
    assert text.count('"outOfBusiness": true') == 1
    # The size is within a fifth of that of the source.
    assert all(
        re.search(entry, text) for entry in (r'"acronym": "[A-Z]+"', r'"fileSize": (1[6-9]|2[0-3])[0-9]{5}\b')
    )
    words = re.split(r"[\W_]+", text.casefold())  # made-up digits may have those of a number within
    for name in ("acme", "rossi", "mario", "johnson", "officine", "gérant", "ofr", "123456789", "31337"):
        assert name not in words, name
    source.load_fixture(out)
    first, stopped, never = answers(source, "edge", "api@example.com")["dossiers"]
    assert [first["dossierReference"], stopped["dossierReference"]] == ["-", "-"]
    assert [stopped["stoppingReason"], stopped["isComplete"]] == ["UNKNOWN", "false"]
    assert [never["companyIdType"], never["startingDate"], never["purchasingCategory"]] == [
        "CIT003",
        None,
        "",
    ]
    [evidence] = first["documents"][0]["evidences"]
    assert [evidence["formdata"][0]["type"], evidence["formdata"][0]["order"]] == ["TEXT", 1]
    made_up, verified = evidence["metadata"].items()
    assert made_up != ("par", "Rossi")
    assert verified == ("verified", "true")
    assert [each["state"] for each in stopped["indicators"]] == [False]


def test_times_stay_as_far_from_the_start(source: Sandbox, tmp_path: Path) -> None:
    times = ["P0D", "P0DT620M", "P1D", "P2DT1439M", "-P1D", "-P0DT1M", "-P2DT1439M", "-P36000D"]
    recipe = "version: 1\ninclude: [catalogue]\naccounts: [{accountId: 7}]\n"
    recipe += "thirdparties: [{thirdpartyId: 9, siret: '99050000100013', name: ACME}]\ndossiers:\n"
    recipe += "".join(
        f"  - {{thirdpartyId: 9, dossierReference: '-', startingDate: {at}}}\n" for at in (*times, "-P36001D")
    )
    (tmp_path / "times.yaml").write_text(recipe, encoding="utf-8")
    source.load_fixture(tmp_path / "times.yaml")

    run_pull(source, tmp_path / "mine.yaml")

    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert re.findall(r'"startingDate": "(.*?)"', text) == [*times, "-P36000D"]  # the longest time


def test_a_missing_third_party_and_an_empty_account_may_be_a_404(source: Sandbox, tmp_path: Path) -> None:
    change(source, "getThirdparty", {"respond": {"status": 404}}, nth=1)
    assert run_pull(source, tmp_path / "some.yaml", limit=3).dossiers == 3

    recipe = "version: 1\ninclude: [catalogue]\naccounts: [{accountId: 7}]\n"
    (tmp_path / "empty.yaml").write_text(recipe, encoding="utf-8")
    source.load_fixture(tmp_path / "empty.yaml")
    source.call("PUT", "/variants", {"emptySearch": "not-found"})
    assert run_pull(source, tmp_path / "none.yaml").dossiers == 0


def command(out: Path, *options: str, password: str = "demo") -> Result:
    arguments = ["fixtures", "pull", "--out", str(out), "--rate", "0", *options]
    return CliRunner().invoke(main, arguments, env={"DOSSIERS_PASSWORD": password})


def test_the_command_says_what_it_replaced(source: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"

    done = command(
        out,
        "--base-url",
        source.url,
        "--username",
        source.username,
        "--limit",
        "3",
        "--accounts",
        "119631,119631",
    )

    assert done.exit_code == 0, done.output
    assert re.fullmatch(f"{out}: 3 dossiers of [123] third parties, by \\d+ requests\n", done.stdout)
    *replaced, checked = done.stderr.splitlines()
    assert "replaced 3 of the kind reference" in replaced
    kinds = [line.partition(" kind ")[2] for line in replaced]
    assert kinds == sorted(kinds)
    assert re.fullmatch(
        rf"checked: none of [\d,]+ values of the source is in {out}; kept are states, types, countries,"
        " currencies, codes of document types, and dates as times from the start",
        checked,
    )
    assert CliRunner().invoke(main, ["fixtures", "check", str(out)]).output == f"{out}: ok\n"


@pytest.mark.parametrize(
    ("options", "password", "expected"),
    [
        (["--base-url", "http://127.0.0.1:9"], "demo", "http://127.0.0.1:9 does not answer"),
        (["--base-url", "no URL"], "demo", "Error: "),
        (["--accounts", "1"], "demo", "the user may not read the account 1: its accounts are 119631"),
        (
            ["--accounts", "one"],
            "demo",
            "--accounts one: write ids separated by commas, such as 119631,119700",
        ),
        (["--accounts", f"119631,{'1' * 5000}"], "demo", "11...: write ids separated by commas"),
        (["--accounts", "0"], "demo", "--accounts 0: write ids separated by commas"),
        (["--accounts", ""], "demo", "--accounts is empty: write ids separated by commas"),
        (["--rate", "nan"], "demo", "--rate nan: write a number"),
        (["--out", "mine.json"], "demo", "--out mine.json: the name of a recipe ends in .yaml"),
    ],
)
def test_what_cannot_be_pulled_is_an_error_with_the_remedy(
    server: str, tmp_path: Path, options: list[str], password: str, expected: str
) -> None:
    usual = ["--base-url", server, "--username", "api@example.com"]

    done = command(tmp_path / "mine.yaml", *usual, *options, password=password)

    assert done.exit_code in {1, 2}
    assert expected in done.output, done.output
    assert not (tmp_path / "mine.yaml").exists()


def test_a_wrong_password_another_server_and_another_pull_are_named(source: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    usual = ["--base-url", source.url, "--username", source.username]

    assert "could not log in" in command(out, *usual, password="wrong").output
    for body in ("<html>", "[" * 100_000):
        change(source, "listAccounts", {"respond": {"status": 200, "body": body}})
        assert "200 is not an answer of this API: check --base-url" in command(out, *usual).output
        source.delete_rules()
    change(source, "listAccounts", {"respond": {"status": 200, "body": {"content": []}}})
    assert "the user may not read any account: use another --username" in command(out, *usual).output
    source.delete_rules()
    (tmp_path / "mine.yaml.part").unlink()
    for status in (401, 403):
        change(source, "listDossiers", {"respond": {"status": status}})
        assert f"{status}: the user may not read this; --accounts" in command(out, *usual).output
        source.delete_rules()
    (tmp_path / "mine.yaml.part").write_text(json.dumps({"baseUrl": "other", "day": "2026-01-01"}) + "\n")
    assert "belongs to another pull: delete it" in command(out, *usual).output
    (tmp_path / "mine.yaml.part").write_text("[]\n")
    assert "mine.yaml.part is damaged: delete it to begin again" in command(out, *usual).output


def test_an_answer_of_another_form_is_named_with_its_member(source: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    usual = ["--base-url", source.url, "--username", source.username]
    change(source, "listDossiers", {"patch": {"content": [{"dossierId": None, "id": 7}]}})
    said = command(out, *usual, "--limit", "1").output
    page = "GET /account/119631/dossiers?page=0&pageSize=100: $.content[0]"
    assert (
        f"{page}.dossierId: null is not an integer; this is not the form of the API: check --dialect" in said
    )
    source.delete_rules()
    change(source, "listDossiers", {"patch": {"content": [{"startingDate": "soon"}]}})
    assert f"{page}.startingDate: 'soon' does not fit: a date" in command(out, *usual, "--limit", "1").output
    source.delete_rules()
    change(source, "getThirdparty", {"patch": {"content": {"thirdpartyUsers": [{"email": ["a@b.fr"]}]}}})
    said = command(out, *usual, "--limit", "1").output
    assert "thirdparties/875: $.content.thirdpartyUsers[0].email: a list is not " in said
    source.delete_rules()
    (tmp_path / "mine.yaml.part").unlink()
    change(source, "getThirdparty", {"patch": {"content": {"companyIdType": "CIT009"}}})
    said = command(out, *usual, "--limit", "1").output
    assert "an answer has another form than the API's ('CIT009' is not a valid CompanyIdType)" in said
    assert f"delete {out}.part, which has this answer, before another run" in said
    source.delete_rules()


def test_a_folder_in_the_place_of_the_kept_answers_is_named(source: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml.part").mkdir()

    done = command(tmp_path / "mine.yaml", "--base-url", source.url, "--username", source.username)

    assert f"Error: {tmp_path}/mine.yaml.part: Is a directory\n" in done.output


def test_a_recipe_that_cannot_be_written_keeps_the_answers(
    source: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    out = tmp_path / "mine.yaml"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(SourceError, match=r"mine\.yaml: No space left on device$"):
            run_pull(source, out, limit=1)
    source.reset("journal")
    run_pull(source, out, limit=1)

    assert out.exists()
    assert source.requests() == []
