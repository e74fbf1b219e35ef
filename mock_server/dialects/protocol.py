"""The interface of a dialect: how it renders each resource, results and errors, and its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from mock_server.domain.errors import ErrorCode, Refusal
from mock_server.domain.model import Account, Document, Dossier, ImportProcess, Requirement, Thirdparty
from mock_server.domain.overview import Statistics
from mock_server.domain.query import Field
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation

Json = Any
"""Any value of JSON."""


class Dialect(Protocol):
    """One published shape of the API.

    `host` is the beginning of its host name. `title` and `version` are those of its OpenAPI document.
    `file_id` is the name of the member with the id of a file, `file_schema` the name of the schema of a file,
    `file_label` the word for files in texts, in the plural. `ignored_parameters` are the query parameters
    that only the other dialect has. `search_fields` are the members of a third party that a search expression
    may name; each is read from the account's id, the third party and the relation. With
    `forbids_altered_tokens` an altered token is a 403, else a 401.
    """

    name: str
    host: str
    title: str
    version: str
    file_id: str
    file_schema: str
    file_label: str
    ignored_parameters: frozenset[str]
    search_fields: Mapping[str, Field]
    forbids_altered_tokens: bool

    def __hash__(self) -> int: ...

    def account(self, account: Account) -> Json:
        """An account with its subscriptions."""

    def statistics(self, account_id: int, figures: Statistics) -> Json:
        """The figures of an account."""

    def requirement(self, account_id: int, requirement: Requirement) -> Json:
        """A document type of an account."""

    def dossier_requirement(self, dossier: Dossier, requirement: Requirement) -> Json:
        """A document type as requested in a dossier."""

    def thirdparty_summary(self, relation: Relation, thirdparty: Thirdparty) -> Json:
        """A third party as a row of the list."""

    def thirdparty(self, relation: Relation, thirdparty: Thirdparty, account_id: int) -> Json:
        """A third party in full."""

    def dossier(
        self,
        dossier: Dossier,
        thirdparty: Thirdparty,
        thirdparty_code: str | None,
        requirements: Mapping[str, Requirement],
        variants: Variants,
    ) -> Json:
        """A dossier with its documents, and their files or evidences."""

    def document(
        self, document: Document, requirements: Mapping[str, Requirement], variants: Variants
    ) -> Json:
        """A document with its files or evidences."""

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """The items of the document's list of files or evidences."""

    def import_answer(self, process: ImportProcess) -> Json:
        """The answer of an import."""

    def process(self, process: ImportProcess, uri: str) -> Json:
        """The status of an import; `uri` is the path of the account's imports."""

    def result(self, refusals: Iterable[Refusal], uri: str) -> Json:
        """The result of a command: accepted when there is no refusal."""

    def message(self, refusal: Refusal, uri: str) -> Json:
        """A refusal as a message; `uri` is the path of the request."""

    def label(self, error: ErrorCode) -> str:
        """The message of a code, in the language of the dialect."""

    def error(self, refusal: Refusal) -> ErrorCode:
        """The code under which a refusal is reported."""
