"""Query parameters of control calls, read."""

from __future__ import annotations

from flask import request

from mock_server.control.problems import Problem

_LONGEST_NUMBER = 18


def number(name: str) -> int | None:
    """A query parameter that is a number, None when it is not given.

    Raises:
        Problem: it is none.
    """
    given = request.args.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= _LONGEST_NUMBER):
        raise Problem(f"{name} is a number such as 10, not {given!r}")
    return int(given)
