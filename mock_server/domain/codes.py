"""Rules on codes and e-mail domains that imports and commands share (behaviour.md 6.6, 5)."""

from __future__ import annotations

from collections.abc import Iterable

from mock_server.domain.errors import E030, E112, E301, E302, Refusal
from mock_server.domain.model import Account
from mock_server.domain.world import Portfolio, World


def refused_codes(account: Account, codes: Iterable[str]) -> list[Refusal]:
    """E302 for a code the account may not ask for, E301 for a withdrawn one. behaviour.md 5 (documented)."""
    refusals = []
    for code in dict.fromkeys(codes):
        requirement = account.requirements.get(code)
        if requirement is None:
            refusals.append(Refusal(E302, None, (code,)))
        elif requirement.withdrawn:
            refusals.append(Refusal(E301, None, (code,)))
    return sorted(refusals, key=lambda refusal: refusal.error.code)


def refused_emails(addresses: Iterable[str], invalid_domains: frozenset[str]) -> list[Refusal]:
    """E030 for an address of a domain that takes no mail. behaviour.md 5 (list of domains: inferred)."""
    return [
        Refusal(E030, None, (address,))
        for address in dict.fromkeys(addresses)
        if address.rpartition("@")[2].lower() in invalid_domains
    ]


def taken_code(
    world: World, portfolio: Portfolio, code: str | None, thirdparty_id: int | None
) -> list[Refusal]:
    """E112 when another third party of the account has the code. behaviour.md 6.2 (documented)."""
    holders = list(portfolio.thirdparties_coded(code)) if code else []
    # A recipe may give one code to several third parties; each of them then keeps it.
    if not holders or thirdparty_id in holders:
        return []
    company_id = world.thirdparties[holders[0]].company_id
    return [Refusal(E112, None, (company_id.type.value, company_id.value))]
