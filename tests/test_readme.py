"""The README is true: its commands run, its tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import requests

from mock_server.fixtures.fixture import load_fixture
from mock_server.fixtures.library import bundled
from tests.processes import run, shell_command
from tests.support import DAY, SIRET, TOKEN_URL, control_routes, running_server

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
EXECUTED = re.search(r"from here -->\n(.*?)<!-- executed.*?to here", README, re.DOTALL)


def blocks() -> list[str]:
    assert EXECUTED
    return re.findall(r"```sh\n(.*?)```", EXECUTED[1], re.DOTALL)


def test_the_commands_do_what_the_text_around_them_says(server: str, tmp_path: Path) -> None:
    requests.post(f"{server}/__admin/reset", timeout=10)  # other tests use this server as well
    script = "\n".join(["set -eu", *blocks()])

    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"BASE": server},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert '"dossierId":804127' in ran.stdout
    assert '"success":true' in ran.stdout
    assert '"complete":true' in ran.stdout


def test_the_control_calls_change_the_sandbox(server: str) -> None:
    requests.post(f"{server}/__admin/reset", timeout=10)
    [block] = re.findall(r"```sh\n(curl \S+ -d '{\"by\".*?)```", README, re.DOTALL)

    ran = subprocess.run(
        ["bash", "-c", block], env=os.environ | {"BASE": server}, capture_output=True, text=True, check=True
    )

    assert '"effects"' in ran.stdout
    assert '"sandbox":"default"' in ran.stdout


def test_the_expectation_is_judged_as_shown(server: str) -> None:
    [block] = re.findall(r"```sh\n(curl -s \S+/__admin/verify .*?)```", README, re.DOTALL)
    [shown] = re.findall(r"```text\n(importDossier: .*?)\n```", README)
    requests.post(f"{server}/__admin/reset", timeout=5)
    requests.delete(f"{server}/__admin/requests", timeout=5)
    headers = {"Authorization": f"Bearer {token(server)}"}
    body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": " PO-1 "}
    requests.post(f"{server}/api/v1/account/119631/dossiers", json=body, headers=headers, timeout=5)
    requests.post(f"{server}/__admin/clock/advance", json={"by": "PT1S"}, timeout=5)

    ran = subprocess.run(
        ["bash", "-c", block], env=os.environ | {"BASE": server}, capture_output=True, text=True, check=True
    )

    detail = json.loads(ran.stdout)["detail"]
    assert re.sub(r"request \d+", "request 2", detail) == shown


def token(server: str) -> str:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api@example.com"}
    answer = requests.post(server + TOKEN_URL, data=form | {"password": "demo"}, timeout=5)
    return str(answer.json()["access_token"])


def test_the_commands_on_recipes_run(tmp_path: Path) -> None:
    [recipe] = re.findall(r"```yaml\n(# recipe.yaml\n.*?)```", README, re.DOTALL)
    [block] = re.findall(r"```sh\n(mock-server fixtures check.*?)docker run", README, re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    command = shell_command()

    subprocess.run(
        ["bash", "-ec", block.replace("mock-server", command)], cwd=tmp_path, check=True, timeout=60
    )

    with running_server("--fixture", str(tmp_path / "recipe.yaml")) as (url, _):
        health = requests.get(f"{url}/__admin/health", timeout=5).json()
    assert health["counts"]["dossiers"] == 1


def test_a_generated_population_starts_a_server(tmp_path: Path) -> None:
    generate, serve = re.findall(
        r"```sh\n(mock-server fixtures generate .*?)\n(mock-server serve .*?)\n```",
        (DOCS / "recipes.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )[0]
    shutil.copy(bundled("fixtures") / "pages.yaml", tmp_path / "my-state.yaml")

    subprocess.run(
        [sys.executable, "-m", *generate.replace("mock-server", "mock_server").split()],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )

    assert serve == "mock-server serve --fixture my-state.json"
    with running_server("--fixture", str(tmp_path / "my-state.json")) as (url, _):
        health = requests.get(f"{url}/__admin/health", timeout=5).json()
    assert health["counts"]["dossiers"] == 72


def test_the_scenario_of_the_text_plays(tmp_path: Path) -> None:
    [written] = re.findall(r"```yaml\n(# flaky.yaml\n.*?)```", README, re.DOTALL)
    [block] = re.findall(r"```sh\n(mock-server scenarios check.*?)```", README, re.DOTALL)
    (tmp_path / "flaky.yaml").write_text(written, encoding="utf-8")
    *commands, serve = block.strip().splitlines()
    command = shell_command()

    for line in commands:
        subprocess.run(line.replace("mock-server", command, 1).split(), cwd=tmp_path, check=True, timeout=60)

    assert serve == "mock-server serve --scenario flaky.yaml"
    with running_server("--scenario", str(tmp_path / "flaky.yaml"), "--auth", "off") as (url, _):
        answers = [requests.get(f"{url}/api/v1/account/119631/dossiers", timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]


def test_the_run_of_the_bundled_scenarios_is_what_the_text_shows() -> None:
    [shown] = re.findall(
        r"```text\n\$ mock-server (scenarios run --dialect edge)\n(.*?)```",
        (DOCS / "scenarios.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    heading, *rows, _, _, summary = [" ".join(line.split()) for line in shown[1].splitlines()]
    names = dict.fromkeys(row.partition(" ")[0] for row in rows)  # `make scenarios` plays the others

    ran = run(*shown[0].split(), *names)

    printed = {" ".join(line.split()) for line in ran.stdout.splitlines()}
    assert ran.returncode == 0, ran.stdout
    assert [row for row in (heading, *rows) if row not in printed] == []
    assert re.sub(r"\d+", "N", summary) in {re.sub(r"\d+", "N", line) for line in printed}


def test_the_magic_identifiers_are_those_of_the_default_fixture() -> None:
    written = re.findall(r"^\| `(\d{14})` \|", README, re.MULTILINE)

    establishments = load_fixture("default", DAY).source.recipe.establishments
    assert written == [row.siret for row in establishments]


def test_every_control_call_has_its_row() -> None:
    page = (DOCS / "control.md").read_text(encoding="utf-8")

    written = set(re.findall(r"^\| `([A-Z]+ /__admin\S*)` \|", page, re.MULTILINE))

    assert written == control_routes(), "compare the table of docs/control.md"


def test_the_python_version_is_that_of_the_project() -> None:
    floor = re.search(
        r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )

    assert floor
    assert f"Python {floor[1]} or newer" in README
