"""Reject control calls by clients that may not make them."""

from __future__ import annotations

from flask import request

from mock_server.auth.access import AccessDenied, check_control_call
from mock_server.control.problems import Problem
from mock_server.web.services import services


def guard() -> None:
    """Run before each control call.

    Raises:
        Problem: the client may not make it.
    """
    try:
        check_control_call(services().settings, request.environ)
    except AccessDenied as denied:
        raise Problem(str(denied), denied.status) from None
