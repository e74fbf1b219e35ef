"""Bytes of dossiers are remembered as long as the dossiers live, and no longer."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

from tests.support import SEED_DOSSIER, Api, content

CHANGES = 200


def traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_dossier_that_was_changed_is_not_remembered_as_it_was(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(journal_entries=0)

    def change_and_look(times: int) -> None:
        for number in range(times):
            api.post(f"/dossiers/{SEED_DOSSIER}", {"description": f"{number}"})
            assert content(api.get(f"/dossiers/{SEED_DOSSIER}"))["description"] == f"{number}"

    tracemalloc.start()
    change_and_look(CHANGES)
    before = traced()
    change_and_look(CHANGES)
    after = traced()
    tracemalloc.stop()

    assert after - before < CHANGES * 100
