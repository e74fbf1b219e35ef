"""Bare Flask under the same server: routes that return ready bytes, those that the sandbox answers.

Arguments: port, folder with the bytes of each call, and `tls` for HTTPS.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from calls import ACCOUNT, CALLS, DOSSIERS, TOKEN_PATH
from flask import Flask, Response, request

from mock_server import server
from mock_server.auth.certificates import tls_of
from mock_server.settings import Settings

JSON_TYPE = "application/json;charset=UTF-8"

port, folder = int(sys.argv[1]), Path(sys.argv[2])
BYTES = {call.name: (folder / call.name).read_bytes() for call in CALLS}
POLL = (folder / "poll").read_bytes()
TLS = tls_of(Settings(tls_self_signed="tls" in sys.argv))
app = Flask("bare", static_folder=None)


def answer(content: bytes) -> Response:
    """Ready bytes as JSON."""
    return Response(content, content_type=JSON_TYPE)


@app.get(DOSSIERS.replace("119631", "<int:account_id>"))
def page(account_id: int) -> Response:  # noqa: ARG001  # the route has it
    """A page, all or those of a company."""
    return answer(BYTES["page of ten dossiers" if "siren" not in request.args else "filter by SIREN"])


@app.get(f"{DOSSIERS.replace('119631', '<int:account_id>')}/<int:dossier_id>")
def dossier(account_id: int, dossier_id: int) -> Response:  # noqa: ARG001
    """A dossier."""
    return answer(BYTES["one dossier"])


@app.get(f"{ACCOUNT.replace('119631', '<int:account_id>')}/thirdparties")
def thirdparties(account_id: int) -> Response:  # noqa: ARG001
    """A page of third parties."""
    return answer(BYTES["page of third parties"])


@app.post(TOKEN_PATH)
def login() -> Response:
    """A token."""
    return answer(BYTES["login"] if request.form["username"] else b"")


@app.post(DOSSIERS.replace("119631", "<int:account_id>"))
def launch(account_id: int) -> Response:  # noqa: ARG001
    """An import."""
    return answer(BYTES["import and its poll"] if request.get_json() else b"")


@app.get(f"{DOSSIERS.replace('119631', '<int:account_id>')}/process/<process_id>")
def poll(account_id: int, process_id: str) -> Response:  # noqa: ARG001
    """The state of an import."""
    return answer(POLL)


@app.get("/__admin/health")
def health() -> str:
    """Up."""
    return "{}"


service = server.Service(wsgi=app.wsgi_app, max_body=2**20, tls=TLS.context if TLS else None)
gc.freeze()
server.serve(service, server.bind("127.0.0.1", port), announce=lambda _: None)
