"""Entities as the emulated API answers them, in the server's own dialect."""

from __future__ import annotations

from typing import Any

from mock_server.dialects import DIALECTS
from mock_server.domain.world import holder_of
from mock_server.sandbox import Sandbox
from mock_server.web.services import services


def answered_dossier(found: Sandbox, dossier_id: int) -> dict[str, Any]:
    """The dossier, of whatever account.

    Raises:
        NotFound: E200, no account has it.
    """
    dialect = DIALECTS[services().settings.dialect]
    world = found.read()
    portfolio = holder_of(world, dossier_id)
    dossier = portfolio.dossiers[dossier_id]
    shown: dict[str, Any] = dialect.dossier(
        dossier,
        world.thirdparties[dossier.thirdparty_id],
        portfolio.relations[dossier.thirdparty_id].thirdparty_code,
        portfolio.account.requirements,
        found.variants_for(dialect.name),
    )
    return shown
