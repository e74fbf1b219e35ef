"""Renamed public names: the old one works for one minor version, and warns."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

REMOVED_IN = "0.3.0"
"""The version that removes the old names of 0.2."""
DEPRECATION_HEADER = ("Deprecation", "@1795910400")
"""The header of an answer that uses an old name, with the date since when (RFC 9745): 2026-11-29."""


def renamed(old: str, new: str) -> str:
    """Return the sentence that a user of an old name gets."""
    return f"{old} is deprecated and will be removed in version {REMOVED_IN}: use {new}"


def warn_renamed(old: str, new: str) -> None:
    """Warn the caller of a renamed function; the warning names the line that calls it."""
    warnings.warn(renamed(old, new), DeprecationWarning, stacklevel=3)


@cache
def log_renamed(old: str, new: str) -> None:
    """Log once that an old name is in use, where no Python code can be warned."""
    logging.getLogger("mock_server").info("%s", renamed(old, new))


def renamed_method(old: str, new: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Return the method of an old name: it warns and calls the new one."""

    @wraps(new)
    def deprecated(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        warn_renamed(f"{old}()", f"{new.__name__}()")
        return new(*args, **kwargs)

    deprecated.__doc__ = f"Deprecated: use `{new.__name__}`."
    return deprecated
