"""Pull a real account into a recipe: read it by GET, replace every name and number, write what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from msgspec import convert
from msgspec.structs import replace

from mock_server.clock import real_now
from mock_server.domain.local_time import local_date
from mock_server.domain.model import Dossier
from mock_server.fixtures.build import check_companies, ids_for_recipe
from mock_server.fixtures.build_dossiers import build_contents
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.library import bundled
from mock_server.fixtures.recipes import read_recipe
from mock_server.input_errors import InputError
from mock_server.pull.recipe import RecipeWriter, recipe_text
from mock_server.pull.replacements import Originals, Replacements, find_originals
from mock_server.pull.source import AnswerFile, Json, Pace, Progress, PulledAccount, Source, SourceError
from mock_server.scenarios.http_client import new_session
from mock_server.scenarios.target import Target


class PullReport(NamedTuple):
    """What a pull has read, replaced and checked."""

    requests: int
    dossiers: int
    thirdparties: int
    replaced: Counter[str]
    checked: int
    other_states: int


def pull(
    target: Target,
    out: Path,
    *,
    accounts: Sequence[int] = (),
    limit: int | None = None,
    pace: Pace,
    progress: Progress,
) -> PullReport:
    """Read accounts of an environment into the recipe `out`; those of these ids, else all of the user.

    What was read is kept in a file next to it until the recipe is written, so that another run continues.

    Raises:
        LoginFailed: the user got no token.
        SourceError: the environment does not answer as the API, or a file cannot be used.
    """
    with (
        closing(AnswerFile(out.with_name(f"{out.name}.part"), target, local_date(real_now()))) as answers,
        _as_source_error(answers),
    ):
        with new_session(target.base_url) as session:
            source = Source(target, session, answers, pace)
            found = [
                source.read(account, limit=limit, progress=progress) for account in source.accounts(accounts)
            ]
        originals = Originals([[pulled._asdict() for pulled in found], {"username": target.username}])
        replaced, other_states = _write(found, originals, out, answers.day)
        answers.delete()
    return PullReport(
        requests=source.requests,
        dossiers=sum(len(pulled.dossiers) for pulled in found),
        thirdparties=len({number for pulled in found for number in pulled.thirdparties}),
        replaced=replaced,
        checked=len(originals.values),
        other_states=other_states,
    )


@contextmanager
def _as_source_error(answers: AnswerFile) -> Iterator[None]:
    """Report an answer from which no valid recipe can be made."""
    try:
        yield
    except InputError as error:
        message = f"not written, because the recipe would be invalid: {error.path}: {error}"
        raise SourceError(message) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        message = (
            f"an answer has another form than the API's ({error}): check --dialect,"
            f" and delete {answers.path}, which has this answer, before another run"
        )
        raise SourceError(message) from None


def _write(
    found: Sequence[PulledAccount], originals: Originals, out: Path, day: date
) -> tuple[Counter[str], int]:
    """Write the recipe, if it is valid and has no value of the source.

    Return what was replaced, and how many dossiers have another state than in the source.
    """
    catalogue = read_recipe(bundled("fixtures") / "catalogue.yaml").recipe
    replacements = Replacements(originals)
    codes = [entry.code for entry in catalogue.requirements]
    recipe = RecipeWriter(found, replacements, day, codes).recipe()
    dossiers = _build_dossiers(catalogue, recipe, day)
    states = (dossier.get("state") for pulled in found for dossier in pulled.dossiers)
    other_states = sum(
        state is not None and state != dossier.complete
        for state, dossier in zip(states, dossiers, strict=True)
    )
    left = find_originals(recipe, originals)
    if left:
        raise SourceError(f"not written, because values of the source are left in {', '.join(left)}")
    try:
        partial = out.with_name(f"{out.name}.new")
        partial.write_text(recipe_text(recipe), encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise SourceError(f"{out}: {error.strerror}") from None
    return replacements.counts, other_states


def _build_dossiers(catalogue: Recipe, recipe: Json, day: date) -> tuple[Dossier, ...]:
    """Build the dossiers of the recipe, as a start would.

    Raises:
        InputError: the recipe is invalid.
    """
    own = convert(recipe, Recipe)
    merged = replace(own, requirements=catalogue.requirements + own.requirements)
    check_companies(merged)
    return build_contents(merged, ids_for_recipe(merged), day).dossiers
