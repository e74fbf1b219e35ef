"""The rate limit of an account, where the variant `rateLimit` is on (behaviour.md 1.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import ACCOUNT, OTHER_SIRET, SECOND_ACCOUNT, Api, is_protocol_error

pytestmark = pytest.mark.dialects("rest", "edge")


@pytest.fixture
def limited(make_variant_api: Callable[..., Api]) -> Api:
    """An api whose requests are limited, at the start of a second of a clock that stands still."""
    api = make_variant_api(rateLimit="on")
    api.set_clock("2031-05-02T10:00:00")
    return api


def accepted(api: Api, requests: int) -> int:
    """How many of so many requests are not refused."""
    return sum(api.get("/requirements").status_code == 200 for _ in range(requests))


def test_a_request_too_many_is_a_protocol_error_with_the_limit_s_headers(limited: Api) -> None:
    accepted(limited, 20)

    answer = limited.get("/requirements")

    assert is_protocol_error(answer, 429)
    assert {name: value for name, value in answer.headers.items() if name.lower().startswith("x-rate")} == {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-burst-capacity": "20",
        "x-ratelimit-replenish-rate": "10",
    }


@pytest.mark.parametrize(
    ("by", "refilled"),
    [
        pytest.param("PT0.999S", 0, id="not within the second"),
        pytest.param("PT1S", 10, id="ten at the next second"),
        pytest.param("PT1.999S", 10, id="no more before the one after"),
        pytest.param("PT2S", 20, id="twenty after two"),
        pytest.param("P1D", 20, id="never more than twenty"),
    ],
)
def test_the_bucket_is_refilled_on_the_sandbox_s_clock(limited: Api, by: str, refilled: int) -> None:
    accepted(limited, 20)

    limited.advance(by)

    assert accepted(limited, 25) == refilled


def test_a_bucket_used_in_part_is_refilled_to_twenty(limited: Api) -> None:
    accepted(limited, 5)

    limited.advance("PT1S")

    assert accepted(limited, 25) == 20


def test_rejected_requests_use_nothing_up(limited: Api) -> None:
    accepted(limited, 40)

    limited.advance("PT1S")

    assert accepted(limited, 25) == 10


def test_every_operation_of_the_account_counts_also_one_that_is_rejected(limited: Api) -> None:
    limited.post("/dossiers", {})
    limited.get("/dossiers/1")
    limited.try_import(companyIdValue=OTHER_SIRET)

    assert accepted(limited, 20) == 17


def test_every_account_has_its_own_bucket(limited: Api) -> None:
    multi = Api(limited.client, limited.sandbox, user="multi", account=ACCOUNT)
    accepted(multi, 20)

    second = Api(limited.client, limited.sandbox, user="multi", account=SECOND_ACCOUNT)

    assert [accepted(multi, 1), accepted(second, 1)] == [0, 1]


def test_a_reset_of_the_limit_fills_the_bucket(limited: Api) -> None:
    accepted(limited, 20)

    limited.control("POST", "/reset", {"only": ["rateLimit"]})

    assert accepted(limited, 25) == 20
