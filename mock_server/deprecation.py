"""Renamed public names: the old one works for one minor version, and warns."""

from __future__ import annotations

import warnings

REMOVED_IN = "0.3.0"
"""The version that removes the old names of 0.2."""


def renamed(old: str, new: str) -> str:
    """Return the sentence that a user of an old name gets."""
    return f"{old} is deprecated and will be removed in version {REMOVED_IN}: use {new}"


def warn_renamed(old: str, new: str) -> None:
    """Warn the caller of a renamed function; the warning names the line that calls it."""
    warnings.warn(renamed(old, new), DeprecationWarning, stacklevel=3)
