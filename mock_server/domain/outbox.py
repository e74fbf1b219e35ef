"""Which e-mails a command makes the platform send, and to whom (behaviour.md 6.11)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from immutables import Map
from msgspec.structs import replace

from mock_server.domain.model import Dossier, Mail, MailKind, NewDossier
from mock_server.domain.world import World


def with_import_mails(world: World, now: datetime, *, dossier: Dossier, wanted: NewDossier) -> World:
    """The world in which a new dossier was made known: to its third party, and to people of the account.

    behaviour.md 6.11 (documented; whom a registered third party hears of it: inferred).
    """
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    codes = _codes(dossier)
    if thirdparty.registered:
        contacts = [*(user.email for user in thirdparty.users), *wanted.thirdparty_email]
        world = _with(world, now, MailKind.REQUEST, dossier, contacts, codes)
    else:
        world = with_invitations(world, now, dossier=dossier, addresses=wanted.thirdparty_email)
    strangers = [address for address in wanted.user_in_charge if not _is_user(world, dossier, address)]
    return _with(world, now, MailKind.USER_IN_CHARGE, dossier, strangers)


def with_invitations(world: World, now: datetime, *, dossier: Dossier, addresses: Iterable[str]) -> World:
    """The world in which these addresses were invited to answer for the third party of the dossier.

    behaviour.md 6.11 (carried-over).
    """
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    key = None if thirdparty.registered else thirdparty.subscription_key
    return _with(world, now, MailKind.INVITATION, dossier, addresses, _codes(dossier), key)


def with_requests(world: World, now: datetime, *, dossier: Dossier, codes: tuple[str, ...]) -> World:
    """The world in which the users of the dossier's third party were asked for these documents.

    behaviour.md 6.11 (inferred).
    """
    users = [user.email for user in world.thirdparties[dossier.thirdparty_id].users]
    return _with(world, now, MailKind.REQUEST, dossier, users if codes else (), codes)


def without_mails(world: World) -> World:
    """The world with an empty outbox; numbers go on."""
    return replace(world, mails=Map())


def _codes(dossier: Dossier) -> tuple[str, ...]:
    return tuple(document.code for document in dossier.documents)


def _is_user(world: World, dossier: Dossier, address: str) -> bool:
    """Whether it is the name of a user who may log in to the dossier's account."""
    return any(
        login.username.casefold() == address.casefold() and dossier.account_id in login.account_ids
        for login in world.admission.logins.values()
    )


def _with(
    world: World,
    now: datetime,
    kind: MailKind,
    dossier: Dossier,
    addresses: Iterable[str],
    codes: tuple[str, ...] = (),
    key: str | None = None,
) -> World:
    """The world with another e-mail to each address; no address gets it twice."""
    first = world.next_ids.mail
    made = [
        Mail(
            number=first + at,
            sent_at=now,
            kind=kind,
            account_id=dossier.account_id,
            dossier_id=dossier.dossier_id,
            thirdparty_id=dossier.thirdparty_id,
            to=address,
            document_codes=codes,
            subscription_key=key,
        )
        for at, address in enumerate(dict.fromkeys(addresses))
    ]
    if not made:
        return world
    mails = world.mails.update({mail.number: mail for mail in made})
    return replace(world, mails=mails, next_ids=replace(world.next_ids, mail=first + len(made)))
