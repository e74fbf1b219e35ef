"""The domain on the wire: one module per published shape of the API, all behind one Protocol.

A dialect knows JSON and the domain. It knows neither Flask nor where an answer goes.
"""

from __future__ import annotations

from mock_server.dialects import rest
from mock_server.dialects.protocol import Dialect, Json

__all__ = ["DEFAULT_DIALECT", "DIALECTS", "Dialect", "Json"]

DIALECTS: dict[str, Dialect] = {"rest": rest.Rest()}
"""Every dialect by name."""

DEFAULT_DIALECT = "rest"
