"""Bare Flask under the same server: two routes that return ready bytes.

Arguments: port, file of the page, file of the dossier.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask, Response

from mock_server import server

JSON_TYPE = "application/json;charset=UTF-8"

port, page_file, dossier_file = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
PAGE, DOSSIER = page_file.read_bytes(), dossier_file.read_bytes()

app = Flask("bare", static_folder=None)


@app.get("/api/v1/account/<int:account_id>/dossiers")
def page(account_id: int) -> Response:  # noqa: ARG001  # the route has it
    """The bytes of a page."""
    return Response(PAGE, content_type=JSON_TYPE)


@app.get("/api/v1/account/<int:account_id>/dossiers/<int:dossier_id>")
def dossier(account_id: int, dossier_id: int) -> Response:  # noqa: ARG001
    """The bytes of a dossier."""
    return Response(DOSSIER, content_type=JSON_TYPE)


@app.get("/__admin/health")
def health() -> str:
    """Up."""
    return "{}"


server.serve(app.wsgi_app, server.bind("127.0.0.1", port), max_body=2**20, announce=lambda: None)
