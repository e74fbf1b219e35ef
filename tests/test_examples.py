"""The examples work: the client's tests run in every mode of its README, the other files are valid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from mock_server import __version__
from mock_server.settings import SETTINGS
from tests.support import running_server

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "examples" / "client"
NODE = ROOT / "examples" / "node"
JAVA = ROOT / "examples" / "java" / "src" / "test" / "java"
JARS = [
    Path("/usr/share/java") / f"{name}.jar"  # of Debian's junit5 and libjackson2-databind-java
    for name in (
        *("junit-jupiter-api", "junit-jupiter-engine", "opentest4j", "apiguardian-api", "picocli"),
        *(f"junit-platform-{part}" for part in ("commons", "engine", "launcher", "console", "reporting")),
        *(f"jackson-{part}" for part in ("annotations", "core", "databind")),
    )
]
JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""For a fast start."""
FILES = {
    "examples/ci/github-actions.yml": "vendor.github-workflows",
    "examples/ci/gitlab-ci.yml": "vendor.gitlab-ci",
    "examples/compose/compose.yaml": "vendor.compose-spec",
    "examples/replicas/compose.yaml": "vendor.compose-spec",
    ".github/workflows/ci.yml": "vendor.github-workflows",
    ".github/workflows/nightly.yml": "vendor.github-workflows",
    ".github/workflows/release.yml": "vendor.github-workflows",
}
MANIFEST = "examples/kubernetes/mock-server.yaml"
WORKFLOWS = [name for name, schema in FILES.items() if schema == "vendor.github-workflows"]
BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}
IMAGE = "dossiers-mock-server"
TYPESCRIPT = ROOT / ".examples" / "node_modules" / ".bin" / "tsc"


def run_client_tests(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run them with our plugin alone: the others of this environment start slowly."""
    alone = {"PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mock_server.pytest_plugin"],
        cwd=CLIENT,
        env=os.environ | alone | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a command that has to succeed, with our mock-server on the PATH; return its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def assert_valid(path: Path, schema: str) -> None:
    """The file is what the schema wants, which check-jsonschema has with it."""
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def variables(found: Any) -> Iterator[tuple[str, str]]:
    """Every variable of the server that is set anywhere in a file."""
    members = (
        found.items() if isinstance(found, dict) else enumerate(found if isinstance(found, list) else [])
    )
    for name, value in members:
        if str(name).startswith("MOCK_SERVER_"):
            yield str(name), str(value)
        yield from variables(value)


def test_the_tests_of_the_client_pass_with_a_server_that_they_start() -> None:
    ran = run_client_tests(DOSSIERS_SANDBOX_URL="")

    assert ran.returncode == 0, ran.stdout


def test_the_tests_of_the_client_pass_against_a_server_that_runs_with_https(tmp_path: Path) -> None:
    trusted = str(tmp_path / "mock-server" / "tls" / "ca.pem")
    with running_server("--tls-self-signed", XDG_CACHE_HOME=str(tmp_path)) as (url, _):
        given = {"REQUESTS_CA_BUNDLE": trusted, "SSL_CERT_FILE": trusted}
        ran = run_client_tests(DOSSIERS_SANDBOX_URL=url, **given)

    assert url.startswith("https://")
    assert ran.returncode == 0, ran.stdout


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_the_node_tests_pass_with_a_server_that_they_start_and_with_a_running_one(server: str) -> None:
    started = run("node", "--test", "--test-reporter=tap", folder=NODE, DOSSIERS_SANDBOX_URL="")
    running = run("node", "--test", "--test-reporter=tap", folder=NODE, DOSSIERS_SANDBOX_URL=f"{server}/")

    assert [re.findall(r"^# (?:pass|fail) (\d+)$", tap, re.MULTILINE) for tap in (started, running)] == [
        ["4", "0"]
    ] * 2


@pytest.mark.skipif(
    not shutil.which("javac") or not all(jar.exists() for jar in JARS),
    reason="needs Debian's default-jdk-headless, junit5 and libjackson2-databind-java",
)
def test_the_java_tests_pass_with_a_server_that_they_start(tmp_path: Path) -> None:
    path = os.pathsep.join(map(str, [tmp_path, *JARS]))
    sources = [str(source) for source in JAVA.glob("*.java")]
    options = [*(f"-J{option}" for option in JVM), "-Xlint:all,-path", "-Werror", "-d", str(tmp_path)]
    run("javac", *options, "-cp", path, *sources, folder=tmp_path)

    console = ["org.junit.platform.console.ConsoleLauncher", "--scan-class-path", str(tmp_path)]
    tests = run("java", *JVM, "-cp", path, *console, folder=tmp_path, DOSSIERS_SANDBOX_URL="")

    assert re.findall(r"(\d+) tests (?:found|successful)", tests) == ["4", "4"]


@pytest.mark.skipif(not TYPESCRIPT.exists(), reason="needs npm: make examples")
def test_the_testcontainers_snippet_for_node_is_typescript(tmp_path: Path) -> None:
    [written] = re.findall(r"```ts\n(.*?)```", text_of("docs/languages.md"), re.DOTALL)
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT.parent.parent)
    (tmp_path / "container.mts").write_text(written, encoding="utf-8")
    options = ["--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"]

    run(str(TYPESCRIPT), *options, "--types", "node", "container.mts", folder=tmp_path)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [(None, "804127  TEST\n"), ("DOSSIERS_AUTH_URL", "the environment has no DOSSIERS_AUTH_URL\n")],
    ids=["configured", "a variable missing"],
)
def test_the_application_is_configured_by_the_variables_that_compose_gives_it(
    server: str, left_out: str | None, said: str
) -> None:
    composed = yaml.safe_load(text_of("examples/compose/compose.yaml"))["services"]["application"][
        "environment"
    ]
    given = {
        name: value.replace("https://dossiers:8080", server)
        for name, value in composed.items()
        if name not in {left_out, "REQUESTS_CA_BUNDLE"}
    }

    command = [sys.executable, "-m", "dossiers_client", "119631"]
    ran = subprocess.run(
        command, cwd=CLIENT, env=os.environ | given, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.stdout + ran.stderr).startswith(said)
    assert (ran.returncode == 0) is (left_out is None)


@pytest.mark.parametrize(("name", "schema"), FILES.items(), ids=FILES)
def test_a_file_is_what_its_format_wants(name: str, schema: str) -> None:
    assert_valid(ROOT / name, schema)


@pytest.mark.parametrize("name", FILES)
def test_the_server_understands_the_variables_that_it_is_given(name: str) -> None:
    given = list(variables(yaml.safe_load(text_of(name))))

    read = {variable: BY_VARIABLE[variable].read(value) for variable, value in given}

    assert set(read) == set(re.findall(r"MOCK_SERVER_\w+", text_of(name)))


def test_the_text_on_pipelines_names_variables_that_there_are() -> None:
    named = set(re.findall(r"MOCK_SERVER_\w+", text_of("docs/ci.md")))

    assert named - set(BY_VARIABLE) == set()


def test_the_compose_file_of_the_text_is_one(tmp_path: Path) -> None:
    [written] = re.findall(r"```yaml\n(services:.*?)```", text_of("docs/ci.md"), re.DOTALL)
    (tmp_path / "compose.yaml").write_text(written, encoding="utf-8")

    assert_valid(tmp_path / "compose.yaml", "vendor.compose-spec")


def test_the_kubernetes_manifests_are_what_their_format_wants(tmp_path: Path) -> None:
    pytest.importorskip("kubernetes_validate")
    [patch] = yaml.safe_load_all(text_of("examples/kubernetes/replicas.yaml"))
    patch["spec"]["strategy"].pop("$retainKeys")
    [deployment] = [each for each in yaml.safe_load_all(text_of(MANIFEST)) if each["kind"] == "Deployment"]
    patched = tmp_path / "patched.yaml"
    patched.write_text(yaml.safe_dump(merged(deployment, patch)), encoding="utf-8")
    files = [ROOT / MANIFEST, ROOT / "examples/kubernetes/engine.yaml", patched]
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "--quiet", *map(str, files)]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    [container] = patch["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in container["env"]} <= set(BY_VARIABLE)


def merged(target: Any, patch: Any) -> Any:
    """Merge as Kubernetes does: objects by their members, lists of named objects by their names."""
    if isinstance(target, dict) and isinstance(patch, dict):
        return target | {key: merged(target.get(key), value) for key, value in patch.items()}
    if isinstance(target, list) and isinstance(patch, list):
        by_name = {each["name"]: each for each in target}
        return [
            *(by_name | {each["name"]: merged(by_name.get(each["name"]), each) for each in patch}).values()
        ]
    return patch


def test_the_nginx_of_the_replicas_is_configured_for_each_of_them() -> None:
    services = yaml.safe_load(text_of("examples/replicas/compose.yaml"))["services"]
    named = re.findall(r"server (replica-\d):8080;", text_of("examples/replicas/nginx.conf"))

    assert named == [name for name in services if name.startswith("replica-")]
    for name in named:
        assert set(services[name]["environment"]) <= set(BY_VARIABLE)


def test_a_server_starts_with_the_data_of_the_kubernetes_manifest(tmp_path: Path) -> None:
    data, deployment, _ = yaml.safe_load_all(text_of(MANIFEST))
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    for mount in container["volumeMounts"]:
        [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        folder = tmp_path / mount["mountPath"].lstrip("/")
        folder.mkdir(parents=True)
        for item in volume["configMap"]["items"]:
            (folder / item["path"]).write_text(data["data"][item["key"]], encoding="utf-8")
    inside = {
        name: str(tmp_path / value.lstrip("/")) if name.endswith("_DIR") else value
        for name, value in environment.items()
    }

    with running_server(**inside) as (url, _):
        counts = requests.get(f"{url}/__admin/health", timeout=10).json()["counts"]
        requests.put(f"{url}/__admin/scenario", json={"name": "slow-search"}, timeout=10).raise_for_status()

    assert counts["dossiers"] == 2
    assert set(environment) <= set(BY_VARIABLE)


@pytest.mark.parametrize("name", [f"examples/{each}README.md" for each in ("", "client/", "node/", "java/")])
def test_the_links_of_the_examples_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(name))

    assert [target for target in targets if not (folder / target).exists()] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_to_a_major_version(name: str) -> None:
    used = re.findall(r"uses: (\S+)", text_of(name))

    assert used
    assert [action for action in used if not re.search(r"@(v\d+|release/v\d+)$|^\./", action)] == []


def test_the_image_has_one_name_and_the_examples_this_version_of_it() -> None:
    named = {
        name: re.findall(rf"[\w./$-]*{IMAGE}(?::[\w.]+)?", text_of(name))
        for name in ("Makefile", *FILES)
        if IMAGE in text_of(name)
    }

    assert named["Makefile"] == [IMAGE]
    assert named["examples/compose/compose.yaml"] == [IMAGE]
    tags = {tag for images in named.values() for image in images if (tag := image.partition(":")[2])}
    assert tags == {__version__}
    assert f"docker build --tag {IMAGE} ." in text_of("README.md")


def test_the_documents_install_this_version_and_say_where_the_package_is() -> None:
    named = {
        name: text_of(name) for name in ("README.md", "docs/start.md", "examples/client/README.md", *FILES)
    }
    text = "\n".join(named.values())
    installs = [line for line in text.splitlines() if re.search(r'pip install .*"\.\[test\]"', line)]

    assert set(re.findall(r"@v([\d.]+)", re.sub(r"uses: .*", "", text))) == {__version__}
    assert set(re.findall(r"mock[-_]server(?:==|-)([\d.]+)(?=[- ])", text)) == {__version__}
    assert len(installs) >= 4
    assert [line for line in installs if not re.search(r'"git\+\S+" |"\$SANDBOX" | \.\./\.\. ', line)] == []


def test_the_image_says_what_it_is() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', text_of("Dockerfile")))

    assert set(labels) == {"title", "description", "version", "revision", "licenses"}
    assert (labels["title"], labels["version"]) == (IMAGE, "$VERSION")
