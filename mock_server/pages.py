"""The page of the documentation about an error: one table, by command and control call."""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "serve": "docs/troubleshooting.md#the-server-does-not-start",
    "healthcheck": "docs/troubleshooting.md#the-server-does-not-answer",
    "doctor": "docs/troubleshooting.md#the-doctor",
    "fixtures": "docs/recipes.md#errors",
    "scenarios": "docs/scenarios.md#errors-in-a-file",
    "compare": "docs/contract.md#compare-with-another-environment",
    "journal": "docs/verify.md#export-the-journal",
    "coverage": "docs/verify.md#coverage",
    "openapi": "docs/contract.md#the-openapi-documents",
    "state": "docs/control.md#keep-sandboxes-over-a-restart",
}
"""Per command of `mock-server` the page on what can be wrong with it."""

CONTROL_CALLS: Mapping[str, str] = {
    "accounts": "docs/control.md#create-and-change-data",
    "clock": "docs/control.md#the-clock",
    "coverage": "docs/verify.md#coverage",
    "dossiers": "docs/control.md#create-and-change-data",
    "events": "docs/verify.md#follow-requests-live",
    "fixture": "docs/recipes.md#start-a-server-with-a-recipe",
    "history": "docs/control.md#undo-and-try-the-other-path",
    "metrics": "docs/control.md#metrics",
    "outbox": "docs/control.md#read-the-e-mails",
    "pact": "docs/contract.md#set-up-a-state",
    "processes": "docs/control.md#imports",
    "provenance": "docs/fidelity.md#how-sure-each-rule-is",
    "report": "docs/verify.md#a-report",
    "requests": "docs/verify.md#list-count-and-find-requests",
    "requirements": "docs/control.md#create-and-change-data",
    "reset": "docs/control.md#reset-a-sandbox",
    "rewind": "docs/control.md#undo-and-try-the-other-path",
    "rules": "docs/scenarios.md#rules",
    "sandboxes": "docs/control.md#a-sandbox-per-test",
    "scenario": "docs/scenarios.md#run-a-scenario",
    "scenarios": "docs/scenarios.md#run-a-scenario",
    "snapshots": "docs/control.md#snapshots",
    "state": "docs/control.md#a-whole-sandbox-as-json",
    "strict": "docs/verify.md#strict-mode",
    "thirdparties": "docs/control.md#create-and-change-data",
    "variants": "docs/fidelity.md#variants",
    "verify": "docs/verify.md#verify-what-the-client-did",
}
"""Per first word of a control call's path the page that explains it."""

ANY_CONTROL_CALL = "docs/control.md"
WHO_MAY = "docs/control.md#who-may-make-control-calls"
"""For 401 and 403 of the control API."""

UNMATCHED = "docs/troubleshooting.md#a-path-that-the-api-does-not-have"
NO_SANDBOX = "docs/control.md#a-sandbox-per-test"
STRICT = CONTROL_CALLS["strict"]
CLOCKS = "docs/troubleshooting.md#clocks-that-differ"
PROXY = "docs/troubleshooting.md#a-proxy-in-between"


def of_control_call(path: str, status: int) -> str:
    """The page on a control call that was answered with this error; `path` is without the prefix."""
    if status in {401, 403}:
        return WHO_MAY
    return CONTROL_CALLS.get(path.strip("/").partition("/")[0], ANY_CONTROL_CALL)
