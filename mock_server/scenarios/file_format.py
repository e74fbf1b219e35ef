"""The file format of scenarios: start data, rules that change answers, steps that check the result.

All types are immutable; YAML writes their members in camelCase. Only the form is checked here: `validation`
checks the meaning.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from msgspec import UNSET, Meta, Struct, field

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.model import Int64
from mock_server.domain.operations import DIALECTS, OPERATIONS, DialectName
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.entries import Instant, Overrides, Text, TimelineEntry

STARTED = "Started"
"""The first state of every scenario."""

MAX_REPEAT = 1000
"""The number of times that one step may send its request."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")

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
ScenarioName = Annotated[
    str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="lower case, digits and dashes")
]


def scenario_name(text: str) -> str:
    """Return a text as the name of a scenario: `test_import[1]` is `test-import-1`."""
    return _NOT_IN_NAMES.sub("-", text.lower()).strip("-") or "exported"


OperationName = Annotated[str, Meta(extra_json_schema={"enum": list(OPERATIONS)})]
Code = Annotated[str, Meta(extra_json_schema={"enum": list(ERRORS)})]
ProviderCode = Annotated[str, Meta(extra_json_schema={"enum": [error.code for error in PROVIDER_ERRORS]})]
Duration = Annotated[str, Meta(description="such as 200ms, 2s, 5m, 1h, or ISO 8601: PT1M30S, P30D")]
Probability = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(ge=0, le=3_600_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Status = Annotated[int, Meta(ge=200, le=599)]
Expected = Any
"""A value for equality, a mapping of some members, or an operator such as $matches."""


class Fault(Struct, frozen=True):
    """A failure on the wire, and what the client sees of it.

    With `needs_answer`, the call is executed and its answer is changed. With `keeps_body`, that answer still
    has a body.
    """

    name: FaultName
    description: str
    needs_answer: bool = False
    keeps_body: bool = False


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("CONNECTION_RESET_BY_PEER", "The connection is reset: no answer, an RST."),
        Fault("EMPTY_RESPONSE", "The connection is closed without a byte."),
        Fault("MALFORMED_RESPONSE_CHUNK", "Status 200, an invalid chunk, then the connection is closed."),
        Fault("RANDOM_DATA_THEN_CLOSE", "Bytes that are not HTTP, then the connection is closed."),
        Fault("NO_RESPONSE", "Nothing, until the client times out."),
        Fault("TRUNCATED_BODY", "The real answer, cut off in the middle of its body.", needs_answer=True),
        Fault(
            "MALFORMED_BODY",
            "The real answer with a body that is not JSON.",
            needs_answer=True,
            keeps_body=True,
        ),
        Fault("EMPTY_BODY", "The real answer without its body.", needs_answer=True),
    )
}
"""Every fault by name. The server implements them."""

assert tuple(FAULTS) == get_args(FaultName)  # noqa: S101  # the type checker needs the names as literals


class StrictStruct(
    Struct, kw_only=True, forbid_unknown_fields=True, frozen=True, rename="camel", omit_defaults=True
):
    """The base of everything that a user writes: camelCase, and unknown keys are errors."""


class ScenarioGiven(Overrides, frozen=True, kw_only=True):
    """The start data: a fixture, and entries that are applied on top. `clock` freezes the clock there.

    `timeline` has actions of third parties and the platform that take place later.
    """

    fixture: Text | None = None
    clock: Instant | None = None
    variants: Annotated[
        dict[str, str],
        Meta(
            extra_json_schema={
                "properties": {name: {"enum": list(variant.values)} for name, variant in VARIANTS.items()},
                "additionalProperties": False,
            }
        ),
    ] = {}
    timeline: tuple[TimelineEntry, ...] = ()


class CallNumbers(StrictStruct, frozen=True, kw_only=True):
    """Which of the matching calls: the `first` N, all `from` number N, or `every` Nth."""

    first: Count | None = None
    start: Count | None = field(default=None, name="from")
    every: Count | None = None


class RequestPattern(StrictStruct, frozen=True, kw_only=True):
    """Which requests match: every member that is given must fit.

    Ids are those of the path; `thirdpartyId` is also that of the dossier in the path. `user` is a user name
    without its tag. Other members of query, headers and JSON body are ignored.
    """

    operation: OperationName | tuple[OperationName, ...] | None = None
    method: str | None = None
    path: Expected = UNSET
    query: dict[str, Expected] = {}
    headers: dict[str, Expected] = {}
    body: Expected = UNSET
    json_path: dict[str, Expected] = {}
    account_id: Expected = UNSET
    dossier_id: Expected = UNSET
    thirdparty_id: Expected = UNSET
    document_id: Expected = UNSET
    process_id: Expected = UNSET
    user: Expected = UNSET

    @property
    def operations(self) -> tuple[str | None, ...]:
        """The operations that can match; None stands for all of them."""
        return self.operation if isinstance(self.operation, tuple) else (self.operation,)


class When(RequestPattern, frozen=True, kw_only=True):
    """The requests of a rule. `nth` selects some of them by number, counted from 1."""

    nth: Count | tuple[Count, ...] | CallNumbers | None = None


class FixedDelay(StrictStruct, frozen=True, kw_only=True, tag="fixed"):
    """The same delay for each answer."""

    milliseconds: Milliseconds


class UniformDelay(StrictStruct, frozen=True, kw_only=True, tag="uniform"):
    """A delay between two limits in milliseconds; each value is equally likely."""

    lower: Milliseconds
    upper: Milliseconds


class LognormalDelay(StrictStruct, frozen=True, kw_only=True, tag="lognormal"):
    """A delay like that of real servers: mostly near the median (milliseconds), rarely much longer.

    A larger sigma makes long delays more frequent.
    """

    median: Milliseconds
    sigma: Annotated[float, Meta(ge=0, le=5)]


class DribbleDelay(StrictStruct, frozen=True, kw_only=True, tag="dribble"):
    """The body arrives in this number of chunks, spread over this number of milliseconds."""

    chunks: Annotated[int, Meta(ge=1, le=1000)]
    milliseconds: Milliseconds


Delay = FixedDelay | UniformDelay | LognormalDelay | DribbleDelay


class Respond(StrictStruct, frozen=True, kw_only=True):
    """A scripted answer; the call is not executed. A body that is a text is sent unchanged."""

    status: Status
    headers: dict[str, str] = {}
    body: Any = UNSET


class ProcessEffect(StrictStruct, frozen=True, kw_only=True):
    """How an import ends: never (`hold`), `after` a time, or with an error code of the provider (`fail`)."""

    hold: bool = False
    after: Duration | None = None
    fail: ProviderCode | None = None


EFFECTS = ("respond", "fault", "process", "patch", "token", "rateLimit", "delay")
"""The effects that a rule can have on a call."""


class Then(StrictStruct, frozen=True, kw_only=True):
    """The effect of a rule: one of the first six, with or without a delay; or a delay alone.

    A `fault` prevents the call, except with `carriedOut`: then the call is executed and its answer is lost.
    """

    respond: Respond | None = None
    fault: FaultName | None = None
    process: ProcessEffect | None = None
    patch: Any = UNSET
    token: Literal["expired", "refused"] | None = None
    rate_limit: Literal["enforced", "exceeded"] | None = None
    delay: Delay | None = None
    carried_out: bool | None = None

    @property
    def effect(self) -> str:
        """The name of the first of `EFFECTS` that is given; for a fault its own name; `none` without any."""
        patch = None if self.patch is UNSET else "patched"
        given = (self.respond, self.fault, self.process, patch, self.token, self.rate_limit, self.delay)
        names = ("respond", self.fault, *EFFECTS[2:])
        return next((name for name, value in zip(names, given, strict=True) if name and value), "none")


NO_EFFECT = Then()
"""The effect on a call to which no rule applies."""


class ActiveTime(StrictStruct, frozen=True, kw_only=True):
    """When a rule applies, counted on the sandbox's clock since it was set.

    It begins `after` a duration and lasts `for` a duration; with `every`, it begins again in that interval.
    """

    after: Duration | None = None
    lasts: Duration | None = field(default=None, name="for")
    every: Duration | None = None


class Ramp(StrictStruct, frozen=True, kw_only=True):
    """A probability that changes evenly `from` one value `to` another `over` a time; then it stays."""

    start: Probability = field(default=0.0, name="from")
    to: Probability
    over: Duration


class Rule(StrictStruct, frozen=True, kw_only=True):
    """Changes the answers of matching calls, at most `times` times.

    With `state` it applies in that state only. `newState` is the state after it was applied. With `active` it
    applies at certain times only, from which a ramp of its `probability` counts.
    """

    name: Text
    when: When
    then: Then = Then()
    times: Count | None = None
    active: ActiveTime | None = None
    probability: Probability | Ramp | None = None
    state: Text | None = None
    new_state: Text | None = None

    @property
    def depends_on_time(self) -> bool:
        """Whether it applies at certain times only."""
        return self.active is not None or isinstance(self.probability, Ramp)


class StepLogin(StrictStruct, frozen=True, kw_only=True):
    """The user of a call, if it is not the user of the run."""

    username: Text
    password: Text = "demo"  # noqa: S105  # the password in the bundled fixtures


class DurationLimits(StrictStruct, frozen=True, kw_only=True):
    """How long the answer may take."""

    at_least: Duration | None = None
    at_most: Duration | None = None


class Expect(StrictStruct, frozen=True, kw_only=True):
    """The expected answer. `refused` lists the error codes, wherever the answer reports them.

    `found` is the total of a search; for 0, a 404 is accepted too. `fault` is what the client sees instead
    of an answer, `text` the exact body.
    """

    status: Status | tuple[Status, ...] | None = None
    headers: dict[str, Expected] = {}
    body: Expected = UNSET
    text: str | None = None
    refused: tuple[Code, ...] | None = None
    found: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    fault: FaultName | None = None
    took: DurationLimits | None = None

    @property
    def statuses(self) -> tuple[int, ...]:
        """The expected statuses; empty without `status`."""
        return self.status if isinstance(self.status, tuple) else (self.status,) if self.status else ()


class RequestSpec(StrictStruct, frozen=True, kw_only=True):
    """The request to send, the expected answer, and the values to save from it.

    `{name}` in a text is replaced by the value that an earlier step saved. `token` replaces the user's token;
    an empty one sends none. `text` is a body that is sent unchanged. `form` is a form body: for getToken its
    members are added to those of a login, and null removes one. The request is sent `repeat` times. With
    `until` (members of the answer's body, such as content.complete) it is sent again until they have these
    values, for at most `timeout`.
    """

    login: StepLogin | None = field(default=None, name="as")
    token: str | None = None
    path: dict[str, Any] = {}
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    body: Any = UNSET
    text: str | None = None
    form: dict[str, str | None] | None = None
    repeat: Annotated[int, Meta(ge=1, le=MAX_REPEAT)] = 1
    timeout: Duration | None = None
    until: dict[str, Expected] = {}
    expect: Expect = Expect()
    save: dict[str, str] = {}


class ParallelCall(RequestSpec, frozen=True, kw_only=True):
    """One of the calls that a step sends at the same time."""

    call: OperationName
    name: Text | None = None


class Step(RequestSpec, frozen=True, kw_only=True):
    """A `call` of the API, a `control` call such as POST /clock/advance, or several calls `together`.

    With `dialect` the step is skipped in the other dialect.
    """

    name: Text
    dialect: DialectName | None = None
    call: OperationName | None = None
    control: (
        Annotated[
            str,
            Meta(
                pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S+$",
                description="a method and a path, such as POST /clock/advance",
            ),
        ]
        | None
    ) = None
    together: tuple[ParallelCall, ...] = ()

    @property
    def calls(self) -> tuple[tuple[OperationName, RequestSpec], ...]:
        """Its calls of the API, each with the name of its operation."""
        single = () if self.call is None else ((self.call, self),)
        return (*single, *((call.call, call) for call in self.together))

    @property
    def dialects(self) -> tuple[DialectName, ...]:
        """The dialects in which it runs: the named one, or all that have its operations."""
        if self.dialect is not None:
            return (self.dialect,)
        operations = [OPERATIONS[name] for name, _ in self.calls if name in OPERATIONS]
        return tuple(name for name in DIALECTS if all(name in operation.dialects for operation in operations))


class Scenario(StrictStruct, frozen=True, kw_only=True):
    """A scenario file. `seed` is the seed of its random numbers: probabilities and delays.

    With `both_dialects`, a run has the steps of both dialects.
    """

    version: Literal[1]
    scenario: ScenarioName
    title: Text
    description: str = ""
    tags: tuple[str, ...] = ()
    seed: Int64 = 0
    both_dialects: bool = False
    given: ScenarioGiven = ScenarioGiven()
    rules: tuple[Rule, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def needs_sandbox(self) -> bool:
        """Whether it has start data or rules, or both dialects, so that only a sandbox can run it."""
        return bool(self.rules) or self.both_dialects or self.given != ScenarioGiven()
