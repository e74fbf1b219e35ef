"""The e-mails that the platform would have sent; the sandbox sends none."""

from __future__ import annotations

from typing import Any

from flask import Response

from mock_server.control.calls import route
from mock_server.control.problems import json_answer
from mock_server.dialects import wire
from mock_server.domain.model import Mail
from mock_server.web.services import named_sandbox


@route("GET /outbox")
def get_outbox() -> Response:
    """Return the e-mails that would have been sent, oldest first: invitations, requests for documents.

    `POST /reset` with `{"only": ["outbox"]}` empties it.
    """
    mails = named_sandbox().read().mails
    return json_answer({"mails": [_mail(mails[number]) for number in sorted(mails)]})


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "number": mail.number,
        "sentAt": wire.instant(mail.sent_at),
        "kind": mail.kind.value,
        "to": mail.to,
        "accountId": mail.account_id,
        "dossierId": mail.dossier_id,
        "thirdpartyId": mail.thirdparty_id,
        "documentCodes": list(mail.document_codes),
        "subscriptionKey": mail.subscription_key,
    }
