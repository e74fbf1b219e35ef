"""The dialects: each renders the domain as JSON, in one of the two published shapes of the API.

There is one module per dialect, and one Protocol for both. They depend on the domain alone, not on Flask.
"""

from __future__ import annotations

from mock_server.dialects import edge, rest
from mock_server.dialects.protocol import Dialect, Json

__all__ = ["DIALECTS", "Dialect", "Json"]

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (rest.Rest(), edge.Edge())}
"""Every dialect by name."""
