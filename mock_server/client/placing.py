"""What the client cannot do: what third parties, the data provider and the platform do."""

from __future__ import annotations

from typing import Any, Unpack

from mock_server.client.control import Control, in_path, wire
from mock_server.client.shapes import (
    AccountChange,
    DossierChange,
    Evidence,
    NewAccount,
    NewDossier,
    NewThirdparty,
)


class Placing(Control):
    """Content put in place or changed, past the API's rules. What is made is answered as JSON."""

    def dossier(self, **members: Unpack[NewDossier]) -> dict[str, Any]:
        """Put a dossier in place: `dossier(siret="99050000100013", dossier_reference="PO-1")`.

        It is answered as the API shows it.
        """
        return dict(self.call("POST", "/dossiers", wire(members)))

    def change_dossier(self, dossier_id: int, **changes: Unpack[DossierChange]) -> dict[str, Any]:
        """Change a dossier, stopped or not: `change_dossier(804127, stopping_reason="OUTOFBUSINESS")`."""
        return dict(self.call("PATCH", f"/dossiers/{dossier_id}", wire(changes)))

    def deposit(self, dossier_id: int, code: str, **evidence: Unpack[Evidence]) -> int:
        """The third party answers a document that is asked for; the id of the file.

        `deposit(804127, "ATT_VIGI", expiration_date="2031-06-30")`.
        """
        path = f"/dossiers/{dossier_id}/documents/{in_path(code)}/evidences"
        return int(self.call("POST", path, wire(evidence))["fileId"])

    def thirdparty(self, **members: Unpack[NewThirdparty]) -> dict[str, Any]:
        """Register a third party on the platform: `thirdparty(siret="99050000100013")`."""
        return dict(self.call("POST", "/thirdparties", wire(members)))

    def close_thirdparty(self, thirdparty_id: int) -> None:
        """The company goes out of business: its dossiers stop, in every account."""
        self.call("POST", f"/thirdparties/{thirdparty_id}/close")

    def account(self, **members: Unpack[NewAccount]) -> dict[str, Any]:
        """Make an account more: `account(account_id=7, users=["api@example.com"])`."""
        return dict(self.call("POST", "/accounts", wire(members)))

    def change_account(self, account_id: int, **changes: Unpack[AccountChange]) -> dict[str, Any]:
        """Change an account: `change_account(119631, subscription_status="INACTIVE")`."""
        return dict(self.call("PATCH", f"/accounts/{account_id}", wire(changes)))

    def withdraw_requirement(
        self, code: str, *, account_id: int | None = None, withdrawn: bool = True
    ) -> None:
        """Withdraw a document type, for all accounts or one: asking for it is refused with E301.

        With `withdrawn=False` take that back.
        """
        wanted = {"withdrawn": withdrawn, "accountId": account_id}
        self.call("PATCH", f"/requirements/{in_path(code)}", wanted)

    def processes(self) -> list[dict[str, Any]]:
        """Every import of the sandbox, as they were launched."""
        return list(self.call("GET", "/processes")["processes"])

    def finish_import(self, process_id: str) -> dict[str, Any]:
        """Let a running import end now, as it would have ended; its process."""
        return self._decide(process_id, {"outcome": "finish"})

    def hold_import(self, process_id: str) -> dict[str, Any]:
        """Let a running import never end by itself; its process."""
        return self._decide(process_id, {"outcome": "hold"})

    def fail_import(self, process_id: str, code: str) -> dict[str, Any]:
        """Let a running import fail now with a code of the data provider, E101 to E105; its process."""
        return self._decide(process_id, {"outcome": "fail", "code": code})

    def outbox(self) -> list[dict[str, Any]]:
        """The e-mails that the platform would have sent, oldest first."""
        return list(self.call("GET", "/outbox")["mails"])

    def _decide(self, process_id: str, outcome: dict[str, str]) -> dict[str, Any]:
        return dict(self.call("POST", f"/processes/{in_path(process_id)}", outcome))
