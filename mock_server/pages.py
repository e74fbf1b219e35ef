"""The page of the documentation about an error: one table, by command and control call.

A topic is a page and a section, such as `control#the-clock`. A server shows it at `/__admin/docs/`, and
`mock-server explain` prints it (`mock_server.documentation`).
"""

from __future__ import annotations

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "serve": "troubleshooting#the-server-does-not-start",
    "healthcheck": "troubleshooting#the-server-does-not-answer",
    "doctor": "troubleshooting#the-doctor",
    "explain": "index",
    "fixtures": "recipes#errors",
    "scenarios": "scenarios#errors-in-a-file",
    "compare": "contract#compare-with-another-environment",
    "journal": "verify#export-the-journal",
    "coverage": "verify#coverage",
    "openapi": "contract#the-openapi-documents",
    "state": "control#keep-sandboxes-over-a-restart",
}
"""For each command of `mock-server`, the page about its errors."""

CONTROL_CALLS: Mapping[str, str] = {
    "accounts": "control#create-and-change-data",
    "clock": "control#the-clock",
    "coverage": "verify#coverage",
    "docs": "index",
    "dossiers": "control#create-and-change-data",
    "events": "verify#follow-requests-live",
    "fixture": "recipes#start-a-server-with-a-recipe",
    "history": "control#undo-and-try-the-other-path",
    "metrics": "control#metrics",
    "outbox": "control#read-the-e-mails",
    "pact": "contract#set-up-a-state",
    "processes": "control#imports",
    "provenance": "fidelity#how-sure-each-rule-is",
    "report": "verify#a-report",
    "requests": "verify#list-count-and-find-requests",
    "requirements": "control#create-and-change-data",
    "reset": "control#reset-a-sandbox",
    "rewind": "control#undo-and-try-the-other-path",
    "rules": "scenarios#rules",
    "sandboxes": "control#a-sandbox-per-test",
    "scenario": "scenarios#run-a-scenario",
    "scenarios": "scenarios#run-a-scenario",
    "snapshots": "control#snapshots",
    "state": "control#a-whole-sandbox-as-json",
    "strict": "verify#strict-mode",
    "thirdparties": "control#create-and-change-data",
    "timeline": "control#actions-that-take-place-later",
    "variants": "fidelity#variants",
    "verify": "verify#verify-what-the-client-did",
}
"""For the first part of a control call's path, the page that explains the call."""

ANY_CONTROL_CALL = "control"
WHO_MAY = "control#who-may-make-control-calls"
"""For 401 and 403 of the control API."""

UNMATCHED = "troubleshooting#a-path-that-the-api-does-not-have"
NO_SANDBOX = "control#a-sandbox-per-test"
STRICT = CONTROL_CALLS["strict"]
CLOCKS = "troubleshooting#clocks-that-differ"
PROXY = "troubleshooting#a-proxy-in-between"


def of_control_call(path: str, status: int) -> str:
    """Return the page about a control call that failed with this status; `path` is without the prefix."""
    if status in {401, 403}:
        return WHO_MAY
    return CONTROL_CALLS.get(path.strip("/").partition("/")[0], ANY_CONTROL_CALL)


def command(topic: str) -> str:
    """Return the command that prints a topic."""
    return f"mock-server explain {topic}"
