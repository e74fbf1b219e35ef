"""An e-mail that the platform would have sent; none ever leaves (behaviour.md 1.1, 6.11)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class MailKind(StrEnum):
    """What an e-mail is for (behaviour.md 6.11)."""

    INVITATION = "invitation"
    REQUEST = "request"
    USER_IN_CHARGE = "userInCharge"


class Mail(Struct, frozen=True, kw_only=True, eq=False):
    """One e-mail to one address, about one dossier; with the key that an invited third party registers by."""

    number: int
    sent_at: datetime
    kind: MailKind
    account_id: int
    dossier_id: int
    thirdparty_id: int
    to: str
    document_codes: tuple[str, ...] = ()
    subscription_key: str | None = None
