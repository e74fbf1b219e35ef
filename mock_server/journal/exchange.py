"""An exchange as it is recorded: what there was anyway, nothing parsed; and packed, to be kept.

Kept as they are, its forty objects would cost a request more than recording them: freed long after they were
made, each is out of the processor's cache by then. Packed they are two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from mock_server.journal.facts import Fact

FRAME = 300
"""Bytes that a packed exchange takes besides its own, measured."""


class Exchange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One request and its answer, as the server found them, the body of the answer apart.

    `texts` is WSGI's environ without its objects; `ids` are those of the path, by their Python names. `fault`
    is what the client saw instead of `status`; `ended` is in real time, `seconds` how long it took. `bent` is
    what a rule did to the call, None where none applied.
    """

    operation: str | None
    dialect: str | None
    user: str | None
    at: datetime
    ended: float
    seconds: float
    texts: Mapping[str, Any]
    body: bytes
    ids: Mapping[str, Any]
    thirdparty_id: int | None
    status: int
    headers: Sequence[tuple[str, str]]
    facts: tuple[Fact, ...]
    fault: str | None
    matched: bool
    bent: str | None
    dropped: bool = False


class Packed(NamedTuple):
    """An exchange in few bytes, and the body of its answer, None where it is not kept; both take `size`."""

    exchange: bytes
    answer: bytes | None
    size: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Exchange).decode


def packed(exchange: Exchange, answer: bytes | None, largest: int) -> Packed:
    """The exchange as it is kept; without both bodies where it would be larger than `largest`."""
    encoded = _encoded(exchange)
    size = FRAME + len(encoded) + len(answer or b"")
    if size <= largest:
        # A copy of the answer, since orjson's own bytes have kilobytes of room behind them.
        return Packed(encoded, answer and bytes(memoryview(answer)), size)
    encoded = _encoded(msgspec.structs.replace(exchange, body=b"", dropped=True))
    return Packed(encoded, b"", FRAME + len(encoded))


def unpacked(kept: Packed) -> Exchange:
    """The exchange as it was."""
    return _decode(kept.exchange)


def _encoded(exchange: Exchange) -> bytes:
    try:
        return _encode(exchange)
    except (TypeError, UnicodeEncodeError):
        # Objects of a server that is not ours, or texts that no encoding has.
        return _encode(msgspec.structs.replace(exchange, **_plain(exchange)))


def _plain(exchange: Exchange) -> dict[str, Any]:
    texts = {name: _text(value) for name, value in exchange.texts.items() if isinstance(value, str)}
    headers = [(name, _text(value)) for name, value in exchange.headers]
    return {"texts": texts, "headers": headers, "user": exchange.user and _text(exchange.user)}


def _text(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
