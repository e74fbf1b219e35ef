"""The domain on the wire: one module per published shape of the API, all behind one Protocol.

A dialect knows JSON and the domain. It knows neither Flask nor where an answer goes.
"""

from __future__ import annotations

from mock_server.dialects import edge, rest
from mock_server.dialects.protocol import Dialect, Json

__all__ = ["DIALECTS", "Dialect", "Json"]

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (rest.Rest(), edge.Edge())}
"""Every dialect by name."""
