"""What a dialect has to offer: rendering of each resource, of results and of errors, and what it knows."""

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
"""What JSON can hold, or bytes of it already rendered (`orjson.Fragment`)."""


class Dialect(Protocol):
    """One published shape of the API.

    `host` is the first label of a host name that speaks it; `ignored_parameters` are those of the other one
    alone. `searched` are the members of a third party that an expression may name; each is read from the
    account's id, the third party and the relation. `forbids_altered_tokens`: they are a 403, not a 401.
    """

    name: str
    host: str
    ignored_parameters: frozenset[str]
    searched: Mapping[str, Field]
    forbids_altered_tokens: bool

    def __hash__(self) -> int: ...

    def account(self, account: Account) -> Json:
        """An account with its subscriptions."""

    def statistics(self, account_id: int, figures: Statistics) -> Json:
        """The figures of an account."""

    def requirement(self, account_id: int, requirement: Requirement) -> Json:
        """A document type of an account."""

    def dossier_requirement(self, dossier: Dossier, requirement: Requirement) -> Json:
        """A document type as asked in a dossier."""

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
        """A dossier with its documents and what answers them."""

    def document(
        self, document: Document, requirements: Mapping[str, Requirement], variants: Variants
    ) -> Json:
        """A document with what answers it."""

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """The items of the document's list of files or evidences."""

    def launched(self, process: ImportProcess) -> Json:
        """What an import answers."""

    def process(self, process: ImportProcess) -> Json:
        """How far an import has got."""

    def result(self, refusals: Iterable[Refusal], uri: str) -> Json:
        """The result of a command: accepted when there is no refusal."""

    def message(self, refusal: Refusal, uri: str) -> Json:
        """A refusal as a message; `uri` is the path that was asked for."""

    def error(self, refusal: Refusal) -> ErrorCode:
        """The code under which a refusal is told."""
