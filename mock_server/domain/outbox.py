"""Which e-mails a command makes the platform send, and to whom (behaviour.md 6.11)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from immutables import Map
from msgspec.structs import replace

from mock_server.domain.model import Dossier, Mail, MailKind, NewDossier
from mock_server.domain.world import World, with_next_ids


def with_import_mails(world: World, now: datetime, *, dossier: Dossier, new_dossier: NewDossier) -> World:
    """The world with the e-mails about a new dossier, to its third party and to users of the account.

    behaviour.md 6.11 (documented; e-mails to a registered third party: inferred).
    """
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    codes = _codes(dossier)
    if thirdparty.registered:
        contacts = [*(user.email for user in thirdparty.users), *new_dossier.thirdparty_email]
        world = _with_mails(world, now, MailKind.REQUEST, dossier, contacts, codes)
    else:
        world = with_invitations(world, now, dossier=dossier, addresses=new_dossier.thirdparty_email)
    not_users = [address for address in new_dossier.user_in_charge if not _is_user(world, dossier, address)]
    return _with_mails(world, now, MailKind.USER_IN_CHARGE, dossier, not_users)


def with_invitations(world: World, now: datetime, *, dossier: Dossier, addresses: Iterable[str]) -> World:
    """The world with an invitation to each address, to answer for the third party of the dossier.

    behaviour.md 6.11 (carried-over).
    """
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    key = None if thirdparty.registered else thirdparty.subscription_key
    return _with_mails(world, now, MailKind.INVITATION, dossier, addresses, _codes(dossier), key)


def with_requests(world: World, now: datetime, *, dossier: Dossier, codes: tuple[str, ...]) -> World:
    """The world with a request for these documents to each user of the dossier's third party.

    behaviour.md 6.11 (inferred).
    """
    users = [user.email for user in world.thirdparties[dossier.thirdparty_id].users]
    return _with_mails(world, now, MailKind.REQUEST, dossier, users if codes else (), codes)


def without_mails(world: World) -> World:
    """The world with an empty outbox; the next e-mail still has the next number."""
    return replace(world, mails=Map())


def _codes(dossier: Dossier) -> tuple[str, ...]:
    return tuple(document.code for document in dossier.documents)


def _is_user(world: World, dossier: Dossier, address: str) -> bool:
    """Whether it is the name of a user who may log in to the dossier's account."""
    return any(
        login.username.casefold() == address.casefold() and dossier.account_id in login.account_ids
        for login in world.admission.logins.values()
    )


def _with_mails(
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
    new_mails = [
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
    if not new_mails:
        return world
    mails = world.mails.update({mail.number: mail for mail in new_mails})
    return replace(with_next_ids(world, mail=first + len(new_mails)), mails=mails)
