"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import errno
import gc
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner

from mock_server import __version__
from mock_server.__main__ import main as start_command
from mock_server.cli import main
from mock_server.settings import SETTINGS, Setting
from tests import processes
from tests.support import running_server


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the server to its end."""
    return processes.run(*arguments, **{"COLUMNS": "100"} | environment)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that another program uses."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def port_of(url: str) -> str:
    return str(urlsplit(url).port)


def test_the_version_is_printed() -> None:
    found = run("--version")

    assert (found.returncode, found.stdout, found.stderr) == (0, f"mock-server, version {__version__}\n", "")


def test_the_console_script_is_the_same_as_the_module() -> None:
    script = Path(sys.executable).with_name("mock-server")

    found = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=20, check=True)
    module = processes.end_of(processes.start_python("--version"))

    assert found.stdout == module.stdout == run("--version").stdout


def test_a_command_runs_with_the_garbage_collector_that_is_off_while_it_is_imported() -> None:
    gc.disable()
    try:
        CliRunner().invoke(main, ["explain", "E103"])
        assert gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_the_commands(flag: str) -> None:
    found = run(flag)

    assert found.returncode == 0
    assert re.findall(r"^  ([a-z]+) ", found.stdout, re.MULTILINE) == sorted(
        [
            "coverage",
            "serve",
            "state",
            "healthcheck",
            "doctor",
            "explain",
            "fixtures",
            "journal",
            "openapi",
            "scenarios",
            "compare",
        ]
    )


def described(setting: Setting) -> str:
    """What the help says about a setting."""
    default = f" [default: {setting.default}]" if setting.default else ""
    text = f"{setting.flag} {setting.metavar} {setting.help}{default} [env var: {setting.variable}]"
    return " ".join(text.split())


def test_help_lists_every_option_with_its_default_and_its_variable() -> None:
    shown = " ".join(run("serve", "--help").stdout.split())

    assert [described(setting) for setting in SETTINGS if described(setting) not in shown] == []


def test_the_help_of_a_command_shows_the_default_of_a_setting_if_there_is_one() -> None:
    shown = {
        arguments: " ".join(CliRunner().invoke(main, [*arguments, "--help"]).output.split())
        for arguments in (("openapi",), ("fixtures", "list"))
    }

    assert "[env var: MOCK_SERVER_DIALECT; default: rest]" in shown["openapi",]
    assert "[env var: MOCK_SERVER_FIXTURES_DIR]" in shown["fixtures", "list"]


@pytest.mark.parametrize("command", ["serve", "healthcheck", "fixtures", "scenarios"])
def test_every_command_has_help(command: str) -> None:
    found = run(command, "--help")

    assert found.returncode == 0
    assert found.stdout.startswith(f"Usage: python -m mock_server {command} [OPTIONS]")


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "http"], {}, "'http' is not a number from 0 to 65535"),
        (["--clock", "soon"], {}, "'soon' is not an ISO date-time"),
        (["--auth", "on"], {}, "'on' is not one of any, declared, off"),
        (["--variant", "refusals"], {}, "'refusals' is not name=value"),
        ([], {"MOCK_SERVER_PORT": "http"}, "'http' is not a number from 0 to 65535"),
        ([], {"MOCK_SERVER_VARIANTS": "a=b"}, "there is no variant 'a'"),
        (["--import-duration", ""], {}, "the value is empty"),
        (["--prot", "1"], {}, "No such option"),
        (["now"], {}, "Got unexpected extra argument (now)"),
    ],
    ids=["port", "clock", "auth", "variant", "variable", "variants", "empty", "unknown option", "argument"],
)
def test_a_wrong_option_ends_with_2_and_a_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    found = run("serve", *arguments, **environment)

    assert found.returncode == 2
    assert sentence in " ".join(found.stderr.split())
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


UNKNOWN_COMMANDS = {
    "server": "there is no command 'server'; did you mean serve?",
    "run": "there is no command 'run'; there are compare, coverage, doctor, ",
    "scenarios runs": "there is no command 'runs'; did you mean run?\nSee: mock-server explain scenarios",
    "fixtures": "Commands:",
}


def test_an_unknown_command_ends_with_2() -> None:
    for arguments, sentence in UNKNOWN_COMMANDS.items():
        found = CliRunner().invoke(main, arguments.split())

        assert found.exit_code == 2, arguments
        assert sentence in found.stderr, arguments


def test_a_wrong_recipe_ends_with_1_and_is_reported_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\naccounts:\n  - accountId: one\n")

    found = run("serve", "--port", "0", "--fixture", str(path))

    assert found.returncode == 1
    message, page = found.stderr.splitlines()
    assert message == f"Error: {path}:3: $.accounts[0].accountId: 'one' is not an integer"
    assert page == "See: mock-server explain troubleshooting#the-server-does-not-start"
    assert found.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fixture", "defaults"], "Error: there is no recipe 'defaults'"),
        (["--fixture", "nowhere.yaml"], "Error: nowhere.yaml: No such file or directory"),
        (["--fixture", "."], "Error: there is no recipe '.'"),
        (["--signing-key", "nowhere.pem"], "nowhere.pem"),
        (["--signing-key", __file__], "test_cli.py"),
        (["--host", "256.1.1.1"], "Error: cannot listen on 256.1.1.1 port 0: "),
        (["--host", "192.0.2.1"], "Error: cannot listen on 192.0.2.1 port 0: "),
    ],
    ids=["name", "path", "folder", "no key file", "not a key", "no address", "another machine's address"],
)
def test_a_server_that_cannot_start_ends_with_1_and_a_sentence(arguments: list[str], sentence: str) -> None:
    found = run("serve", "--port", "0", *arguments)

    assert found.returncode == 1
    assert sentence in found.stderr
    assert "Traceback" not in found.stderr
    _, page = found.stderr.splitlines()
    assert page == "See: mock-server explain troubleshooting#the-server-does-not-start"
    assert found.stdout == ""


def test_a_port_in_use_ends_with_1_and_a_sentence(taken_port: int) -> None:
    found = run("serve", "--port", str(taken_port))

    assert found.returncode == 1
    message = f"Error: cannot listen on 127.0.0.1 port {taken_port}: Address already in use\n"
    assert found.stderr == f"{message}See: mock-server explain troubleshooting#the-server-does-not-start\n"
    assert found.stdout == ""


def test_a_second_server_on_the_same_port_is_refused() -> None:
    with running_server() as (url, _):
        found = run("serve", "--port", port_of(url))

        assert found.returncode == 1
        assert requests.get(f"{url}/__admin/health", timeout=5).json()["status"] == "UP"


def test_port_0_picks_a_free_port_for_each_server() -> None:
    with running_server() as (one, _), running_server() as (other, _):
        answers = [requests.get(f"{url}/__admin/health", timeout=5).status_code for url in (one, other)]

    assert one != other
    assert answers == [200, 200]


def test_stdout_has_the_ready_line_and_nothing_else() -> None:
    with running_server("--log-level", "debug") as (url, process):
        requests.get(f"{url}/api/v1/account", timeout=5)
        process.terminate()
        output, log = process.communicate(timeout=5)

    assert output == ""
    assert "GET /api/v1/account 401" in log


def test_the_ready_line_is_before_the_log_where_both_go_to_one_stream() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mock_server", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        process.terminate()

    assert (first.split(" on ")[0], second.split(":")[0]) == ("mock-server ready", "the server has started")


def test_the_log_of_a_server_that_another_process_runs_is_on_stderr_once_it_has_started() -> None:
    with subprocess.Popen(
        [*processes.COMMAND, "serve", "--child", "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        _, log = process.communicate(timeout=5)  # it ends as its standard input does

    assert log.startswith("the server has started: ")


def test_requests_are_answered_as_soon_as_the_ready_line_is_there() -> None:
    with running_server() as (url, _):
        assert requests.get(f"{url}/__admin/health", timeout=5).status_code == 200


def test_the_log_in_json_has_one_object_per_line() -> None:
    with running_server("--log-format", "json", "--log-level", "info") as (url, process):
        requests.get(f"{url}/nothing", timeout=5)
        process.terminate()
        _, log = process.communicate(timeout=5)

    lines = [json.loads(line) for line in log.splitlines()]

    start, request, end = (line["message"] for line in lines)
    assert start.startswith(f"the server has started: {url} ")
    assert request.split()[:3] == ["GET", "/nothing", "404"]
    assert end == "the server has stopped"
    assert {"time", "level", "logger", "message"} <= lines[0].keys()


@pytest.mark.parametrize("how", ["url", "port", "variable"])
def test_a_server_that_is_up_is_healthy(server: str, how: str) -> None:
    arguments = {"url": ["--url", server], "port": ["--port", port_of(server)]}.get(how, [])

    found = run("healthcheck", *arguments, MOCK_SERVER_PORT=port_of(server))

    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["status"] == "UP"


def test_a_healthcheck_ignores_proxies(server: str) -> None:
    found = run("healthcheck", "--url", server, http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://x:9")

    assert found.returncode == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "[::1]", "::"])  # noqa: S104
def test_a_healthcheck_works_for_any_listening_address(host: str) -> None:
    with running_server("--host", host) as (url, _):
        found = run("healthcheck", "--port", port_of(url), MOCK_SERVER_HOST=host)

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [["--port", "1"], ["--url", "nonsense"], ["--url", "http://127.0.0.1:x"], ["--host", "no.such.invalid"]],
    ids=["no server", "no URL", "no port of a URL", "no host"],
)
def test_a_server_that_is_down_ends_with_1_and_a_sentence(arguments: list[str]) -> None:
    found = run("healthcheck", *arguments)

    assert found.returncode == 1
    problem = r"(\S+/__admin/health does not answer: .+|--url: '\S+' is not a URL such as \S+)"
    assert re.fullmatch(rf"Error: {problem}\nSee: mock-server explain \S+\n", found.stderr)
    assert found.stdout == ""


def test_a_healthcheck_uses_the_default_port() -> None:
    found = run("healthcheck", "--host", "no.such.invalid")

    tried = re.findall(r"(\S+)/__admin/health does not answer", found.stderr)
    assert tried == ["http://no.such.invalid:8080", "https://no.such.invalid:8080"]


def test_another_kind_of_server_is_not_healthy(server: str) -> None:
    found = run("healthcheck", "--url", f"{server}/elsewhere")

    assert found.returncode == 1
    assert "404" in found.stderr


def test_a_port_in_use_that_never_answers_is_not_healthy(taken_port: int) -> None:
    found = run("healthcheck", "--port", str(taken_port))

    assert found.returncode == 1
    assert "timed out" in found.stderr


def test_a_misspelt_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_SERVER_PRT", "9000")

    found = run("serve")

    assert found.returncode == 2
    assert "there is no variable MOCK_SERVER_PRT; did you mean MOCK_SERVER_PORT?" in found.stderr


def service_links(service: str) -> dict[str, str]:
    """The variables that Kubernetes sets for a service of this name."""
    name = service.upper().replace("-", "_")
    return {
        f"{name}_SERVICE_HOST": "10.96.12.3",
        f"{name}_SERVICE_PORT": "8080",
        f"{name}_SERVICE_PORT_HTTP": "8080",
        f"{name}_PORT": "tcp://10.96.12.3:8080",
        f"{name}_PORT_8080_TCP": "tcp://10.96.12.3:8080",
        f"{name}_PORT_8080_TCP_PROTO": "tcp",
        f"{name}_PORT_8080_TCP_PORT": "8080",
        f"{name}_PORT_8080_TCP_ADDR": "10.96.12.3",
    }


@pytest.mark.parametrize("service", ["mock-server", "mock-server-dossiers", "mock-server-v2"])
def test_service_links_of_kubernetes_are_ignored_with_one_line_of_the_log(service: str) -> None:
    with running_server(MOCK_SERVER_LOG_LEVEL="info", **service_links(service)) as (url, process):
        status = requests.get(f"{url}/__admin/health", timeout=5).status_code
        process.terminate()
        _, log = process.communicate(timeout=10)

    assert status == 200
    [line] = [line for line in log.splitlines() if line.startswith("ignored: ")]
    assert all(name in line for name in service_links(service))


def test_a_healthcheck_ignores_service_links(server: str) -> None:
    found = run("healthcheck", "--port", port_of(server), **service_links("mock-server"))

    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", ["MOCK_SERVER_SERVICE", "MOCK_SERVER_PORTS", "MOCK_SERVER_HTTP_PORT"])
def test_a_variable_that_is_almost_a_service_link_stops_the_start(name: str) -> None:
    found = run("serve", **{name: "8080"})

    assert found.returncode == 2
    assert f"there is no variable {name}" in found.stderr


def test_the_healthcheck_of_a_container_finds_the_port_of_its_server() -> None:
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no process namespace can be made here")
    serve = 'exec 3< <(exec "$0" -m mock_server serve --port 0); read -r _ <&3'
    script = f'{serve}; "$0" -m mock_server healthcheck'
    command = [*alone, "bash", "-c", script, sys.executable]

    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert '"status"' in found.stdout, found.stderr


FOREIGN = "\u0152uvre \u00c0 \u6728"
"""Characters that no console below has all of."""
UTF8_COMMANDS = [
    "openapi",
    "openapi --dialect edge",
    "doctor --json",
    "fixtures show {folder}/foreign.yaml",
    "scenarios show {folder}/dated.yaml",
    "healthcheck --url {server}",
]
OTHER_COMMANDS = [
    "--help",
    "fixtures list --fixtures-dir {folder}",
    "fixtures check {folder}/foreign.yaml",
    "fixtures check {folder}/\u6728.yaml",
    "fixtures generate {folder}/foreign.yaml --out {folder}/\u6728.json",
    "scenarios list --scenarios-dir {folder}",
    "scenarios check {folder}/dated.yaml",
    "scenarios run --scenarios-dir {folder}",
    "doctor",
    "compare --base-url {server} --username a --password b --sandbox-url {server}",
    "serve --host \u6728",
]


def foreign_folder(folder: Path) -> str:
    """A folder with a recipe and a scenario that contain such characters, quoted for a shell."""
    recipe = Path("fixtures/empty.yaml").read_text(encoding="utf-8")
    text = recipe.replace("One account without any dossier", FOREIGN)
    (folder / "foreign.yaml").write_text(text, encoding="utf-8")
    (folder / "catalogue.yaml").write_bytes(Path("fixtures/catalogue.yaml").read_bytes())
    step = {"call": "listDossiers", "name": FOREIGN, "expect": {"status": 418}}
    scenario = {"version": 1, "scenario": "dated", "title": FOREIGN, "steps": [step]}
    (folder / "dated.yaml").write_text(json.dumps(scenario, ensure_ascii=False), encoding="utf-8")
    return shlex.quote(str(folder))


def written(text: str) -> bytes:
    """The bytes that a command has written."""
    return text.encode("utf-8", "surrogateescape")


def run_in_console(command: str, encoding: str) -> tuple[int, bytes, bytes]:
    """Run a command whose standard output has this encoding; its status, output and errors."""
    found = run(*shlex.split(command), PYTHONIOENCODING=encoding)
    return found.returncode, written(found.stdout), written(found.stderr)


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        *((command, "ascii") for command in UTF8_COMMANDS),
        *(("fixtures show {folder}/foreign.yaml", encoding) for encoding in ("cp437", "cp1252", "utf-8")),
    ],
)
def test_json_and_yaml_are_utf8_in_every_console(
    tmp_path: Path, server: str, command: str, encoding: str
) -> None:
    line = command.format(folder=foreign_folder(tmp_path), server=server)

    status, output, errors = run_in_console(line, encoding)

    printed = output.decode("utf-8")
    assert [status, errors] == [0, b""]
    if "{folder}" in command:
        assert FOREIGN in printed
    else:
        assert json.loads(printed)


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        *((command, "ascii") for command in OTHER_COMMANDS),  # it has the fewest characters
        *(("fixtures list --fixtures-dir {folder}", encoding) for encoding in ("cp437", "cp1252")),
    ],
)
def test_no_encoding_of_a_console_causes_a_traceback(
    tmp_path: Path, server: str, command: str, encoding: str
) -> None:
    line = command.format(folder=foreign_folder(tmp_path), server=server)

    status, output, errors = run_in_console(line, encoding)

    assert status in {0, 1, 2}
    assert output + errors
    assert b"Traceback" not in output + errors


def test_another_python_process_writes_the_same_to_a_console(tmp_path: Path) -> None:
    line = f"fixtures list --fixtures-dir {foreign_folder(tmp_path)}"

    started = processes.start_python(*shlex.split(line), PYTHONIOENCODING="cp437", COLUMNS="100")

    found = processes.end_of(started)
    assert (found.returncode, written(found.stdout), written(found.stderr)) == run_in_console(line, "cp437")


def test_a_path_cannot_add_a_line_to_the_log() -> None:
    with running_server(MOCK_SERVER_LOG_LEVEL="info") as (url, process):
        requests.get(f"{url}/nothing%0aFAKE%00LINE", timeout=5)
        process.terminate()
        _, log = process.communicate(timeout=10)

    assert [line for line in log.splitlines() if line.startswith("FAKE")] == []
    assert "/nothing\\nFAKE\\x00LINE 404" in log


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["mock_server.cli.main", "mock_server.cli.openapi.write_utf8"])
def test_an_interrupted_command_ends_quietly_with_130(
    place: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(place, interrupt)
    monkeypatch.setattr(sys, "argv", ["mock-server", "openapi"])

    with pytest.raises(SystemExit) as ended:
        start_command()
    gc.enable()

    assert ended.value.code == 130
    assert capfd.readouterr() == ("", "")


def test_an_error_of_the_program_is_not_one_of_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OSError(errno.EBADF, "bad"), OSError(errno.ENOSPC, "full", "a.yaml")):

        def fail(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr("mock_server.cli.openapi.write_utf8", fail)
        assert CliRunner().invoke(main, ["openapi"]).exception is error
