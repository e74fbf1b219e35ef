"""What can go wrong on the wire, a closed vocabulary; the server knows how to do it."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

FaultName = Literal[
    "CONNECTION_RESET_BY_PEER",
    "EMPTY_RESPONSE",
    "MALFORMED_RESPONSE_CHUNK",
    "RANDOM_DATA_THEN_CLOSE",
    "NO_RESPONSE",
    "TRUNCATED_BODY",
    "MALFORMED_BODY",
    "EMPTY_BODY",
]


class Fault(Struct, frozen=True):
    """One way to fail: what the client sees, whether it takes the call's answer, and leaves that a body."""

    name: FaultName
    seen: str
    needs_answer: bool = False
    leaves_a_body: bool = False


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("CONNECTION_RESET_BY_PEER", "The connection is reset: no answer, an RST."),
        Fault("EMPTY_RESPONSE", "The connection is closed without a byte."),
        Fault("MALFORMED_RESPONSE_CHUNK", "Status 200, then a chunk that is none, and the end."),
        Fault("RANDOM_DATA_THEN_CLOSE", "Bytes that are no HTTP, and the end."),
        Fault("NO_RESPONSE", "Nothing, until the client gives up."),
        Fault("TRUNCATED_BODY", "The real answer, cut off in the middle of its body.", needs_answer=True),
        Fault(
            "MALFORMED_BODY",
            "The real answer with a body that is no JSON.",
            needs_answer=True,
            leaves_a_body=True,
        ),
        Fault("EMPTY_BODY", "The real answer without its body.", needs_answer=True),
    )
}
"""Every fault by name."""

assert tuple(FAULTS) == get_args(FaultName)  # noqa: S101  # one vocabulary, written twice for the type checker
