"""The published contract of each dialect: JSON Schemas, requests and answers of operations, OpenAPI."""

from __future__ import annotations

from mock_server.contract.checking import answer_error, body_error
from mock_server.contract.document import document

__all__ = ["answer_error", "body_error", "document"]
