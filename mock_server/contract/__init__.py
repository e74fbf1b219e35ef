"""The published contract of each dialect: JSON Schemas, what operations take and answer, OpenAPI."""

from __future__ import annotations

from mock_server.contract.checking import answer_mistake, body_mistake
from mock_server.contract.document import document

__all__ = ["answer_mistake", "body_mistake", "document"]
