"""The control API in Python, for tests against any server: in this process, beside it, or in a container.

    from mock_server.client import Sandbox

    sandbox = Sandbox("http://127.0.0.1:8080", "gw3")
    dossier = sandbox.dossier(siret="99050000100013", dossier_reference="PO-1")
    sandbox.clock.advance(days=30)
    sandbox.verify("getDossier", dossier_id=dossier["dossierId"])

It imports nothing of the server.
"""

from __future__ import annotations

from mock_server.client.asking import Request
from mock_server.client.clock import Caused, Clock
from mock_server.client.mistakes import ControlRefused, NoServer, NotVerified
from mock_server.client.sandbox import Sandbox, Server

__all__ = ["Caused", "Clock", "ControlRefused", "NoServer", "NotVerified", "Request", "Sandbox", "Server"]
