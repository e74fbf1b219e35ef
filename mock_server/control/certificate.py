"""What clients have to trust when the server speaks HTTPS with a certificate of its own."""

from __future__ import annotations

from flask import Blueprint, Response

from mock_server.control.calls import serves
from mock_server.control.problems import Problem
from mock_server.web.services import services

certificate = Blueprint("certificate", __name__)

_PEM = "application/x-pem-file"


@serves(certificate, "GET /ca.pem", media_type=_PEM, sandboxed=False)
def get_ca_certificate() -> Response:
    """The certificate, in PEM, that clients of a server started with --tls-self-signed have to trust.

    Raises:
        Problem: 404, the server has no certificate of its own.
    """
    tls = services().tls
    if tls is None or tls.authority is None:
        raise Problem("there is a certificate to trust with --tls-self-signed only", 404)
    return Response(tls.authority, content_type=_PEM)
