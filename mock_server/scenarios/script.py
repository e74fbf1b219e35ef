"""What a scenario file says: what is given, the rules that bend behaviour, the steps that prove it.

Immutable, camelCase in YAML. Only the form is judged here; `checking` judges what it means.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, field

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.operations import DIALECTS, OPERATIONS, DialectName
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.entries import Instant, Overrides, Text
from mock_server.scenarios.faults import FaultName

STARTED = "Started"
"""The first state of every scenario."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="lower case, digits and dashes")]
OperationName = Annotated[str, Meta(extra_json_schema={"enum": list(OPERATIONS)})]
Code = Annotated[str, Meta(extra_json_schema={"enum": list(ERRORS)})]
ProviderCode = Annotated[str, Meta(extra_json_schema={"enum": [error.code for error in PROVIDER_ERRORS]})]
Duration = Annotated[str, Meta(description="such as 200ms, 2s, 5m, 1h, or ISO 8601: PT1M30S, P30D")]
Milliseconds = Annotated[float, Meta(ge=0, le=3_600_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Status = Annotated[int, Meta(ge=200, le=599)]
Expected = Any
"""A value to be equal to; a mapping names some members, or an operator such as $matches."""


class Written(
    Struct, kw_only=True, forbid_unknown_fields=True, frozen=True, rename="camel", omit_defaults=True
):
    """Something that a person writes in a scenario."""


class Background(Overrides, frozen=True, kw_only=True):
    """What is given: a fixture, and over it what is spelled out here; `clock` freezes the sandbox's clock."""

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


class Nth(Written, frozen=True, kw_only=True):
    """Which of the calls that a rule means: the `first` so many, all `from` one on, or `every` so many."""

    first: Count | None = None
    beginning: Count | None = field(default=None, name="from")
    every: Count | None = None


class Request(Written, frozen=True, kw_only=True):
    """Which calls are meant: all that is given has to hold.

    Ids are those of the path; `thirdpartyId` is also that of the dossier in the path. `user` is a user name
    without its tag. Of query, headers and JSON body only what is named is looked at.
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


class When(Request, frozen=True, kw_only=True):
    """The calls that a rule is about; `nth` picks some of them by number, counted from 1."""

    nth: Count | tuple[Count, ...] | Nth | None = None


class Fixed(Written, frozen=True, kw_only=True, tag="fixed"):
    """Always as long."""

    milliseconds: Milliseconds


class Uniform(Written, frozen=True, kw_only=True, tag="uniform"):
    """Between two lengths, each as likely; in milliseconds."""

    lower: Milliseconds
    upper: Milliseconds


class Lognormal(Written, frozen=True, kw_only=True, tag="lognormal"):
    """As real servers are: mostly near the median (milliseconds), seldom much longer, the more with sigma."""

    median: Milliseconds
    sigma: Annotated[float, Meta(ge=0, le=5)]


class Dribble(Written, frozen=True, kw_only=True, tag="dribble"):
    """The body in so many pieces, spread over so many milliseconds."""

    chunks: Annotated[int, Meta(ge=1, le=1000)]
    milliseconds: Milliseconds


Delay = Fixed | Uniform | Lognormal | Dribble


class Respond(Written, frozen=True, kw_only=True):
    """An answer of the scenario's own; the call is not carried out. A body that is text is sent as it is."""

    status: Status
    headers: dict[str, str] = {}
    body: Any = UNSET


class ImportCourse(Written, frozen=True, kw_only=True):
    """How an import goes on: it hangs, or ends after a time, and may fail as the provider has it fail."""

    hold: bool = False
    after: Duration | None = None
    fail: ProviderCode | None = None


EFFECTS = ("respond", "fault", "process", "patch", "token", "rateLimit", "delay")
"""What a rule can do to a call."""


class Then(Written, frozen=True, kw_only=True):
    """What happens to a call: one of the first six, and a delay; the delay alone is enough.

    A call that meets a `fault` is carried out only with `carriedOut`: then its answer is lost on the way.
    """

    respond: Respond | None = None
    fault: FaultName | None = None
    process: ImportCourse | None = None
    patch: Any = UNSET
    token: Literal["expired", "refused"] | None = None
    rate_limit: Literal["enforced", "exceeded"] | None = None
    delay: Delay | None = None
    carried_out: bool | None = None

    @property
    def effect(self) -> str:
        """The first of `EFFECTS` that is given, a fault by its name; `none` where there is none of them."""
        patch = None if self.patch is UNSET else "patched"
        given = (self.respond, self.fault, self.process, patch, self.token, self.rate_limit, self.delay)
        names = ("respond", self.fault, *EFFECTS[2:])
        return next((name for name, value in zip(names, given, strict=True) if name and value), "none")


AS_IT_IS = Then()
"""What no rule bends."""


class Rule(Written, frozen=True, kw_only=True):
    """What bends the behaviour of calls. It holds in `state`, leads to `newState`, applies `times` times."""

    name: Text
    when: When
    then: Then = Then()
    times: Count | None = None
    probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    state: Text | None = None
    new_state: Text | None = None


class Login(Written, frozen=True, kw_only=True):
    """Who calls, if it is not the user of the run."""

    username: Text
    password: Text = "demo"  # noqa: S105  # that of the bundled fixtures


class Took(Written, frozen=True, kw_only=True):
    """How long the answer is to take."""

    at_least: Duration | None = None
    at_most: Duration | None = None


class Expect(Written, frozen=True, kw_only=True):
    """What the answer is to be. `refused` names the codes of a refusal, whichever way it is told.

    `found` is how many a search finds in all; that it finds none may be told by a 404 as well. `fault` is
    what the client sees instead of an answer, `text` the whole body as it is.
    """

    status: Status | tuple[Status, ...] | None = None
    headers: dict[str, Expected] = {}
    body: Expected = UNSET
    text: str | None = None
    refused: tuple[Code, ...] | None = None
    found: Annotated[int, Meta(ge=0)] | None = None
    fault: FaultName | None = None
    took: Took | None = None


class Sending(Written, frozen=True, kw_only=True):
    """What is sent, what is to come back, and what is kept of it.

    `{name}` in any text is what a step before saved. `token` is sent in place of the user's; empty, none is.
    `text` is a body sent as it is. `form` is one of a form: of getToken, it is laid over that of a login, and
    null leaves a field out. It is sent `repeat` times; with `until` (places in the answer's body, such as
    content.complete) again and again until that is what is answered, for `timeout` at most.
    """

    login: Login | None = field(default=None, name="as")
    token: str | None = None
    path: dict[str, Any] = {}
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    body: Any = UNSET
    text: str | None = None
    form: dict[str, str | None] | None = None
    repeat: Annotated[int, Meta(ge=1, le=1000)] = 1
    timeout: Duration | None = None
    until: dict[str, Expected] = {}
    expect: Expect = Expect()
    save: dict[str, str] = {}


class Call(Sending, frozen=True, kw_only=True):
    """A call of the API by the name of its operation."""

    call: OperationName
    name: Text | None = None


class Step(Sending, frozen=True, kw_only=True):
    """One of: a `call` of the API, a `control` call such as POST /clock/advance, calls made `together`.

    With a `dialect` it is about that one alone, and left out where the other is spoken.
    """

    name: Text
    dialect: DialectName | None = None
    call: OperationName | None = None
    control: Annotated[str, Meta(pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S+$")] | None = None
    together: tuple[Call, ...] = ()

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that it calls, by name."""
        return tuple(name for name in (self.call, *(call.call for call in self.together)) if name)

    @property
    def dialects(self) -> tuple[DialectName, ...]:
        """Those in which it is played: the one that it names, or all that have its operations."""
        if self.dialect is not None:
            return (self.dialect,)
        known = [OPERATIONS[name] for name in self.operations if name in OPERATIONS]
        return tuple(name for name in DIALECTS if all(name in operation.dialects for operation in known))


class Scenario(Written, frozen=True, kw_only=True):
    """A scenario file. `seed` decides what is left to chance: probabilities and delays."""

    version: Literal[1]
    scenario: Name
    title: Text
    description: str = ""
    tags: tuple[str, ...] = ()
    seed: int = 0
    given: Background = Background()
    rules: tuple[Rule, ...] = ()
    steps: tuple[Step, ...] = ()
