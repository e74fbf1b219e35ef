"""A small application: which dossiers are monitored, and not complete? A line for each."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from dossiers_client import DossiersClient, DossiersError, Environment


def main() -> None:
    """`python -m dossiers_client 119631`.

    Raises:
        SystemExit: with a sentence, when the API cannot be asked.
    """
    parser = ArgumentParser(prog="dossiers_client", description=__doc__)
    parser.add_argument("account", type=int, help="the id of the account")
    account_id = parser.parse_args().account
    try:
        with DossiersClient(Environment.from_variables(), account_id) as client:
            for dossier in client.dossiers(monitored="true"):
                if not dossier.complete:
                    print(f"{dossier.dossier_id}  {dossier.reference}")  # noqa: T201
    except KeyError as missing:
        sys.exit(f"the environment has no {missing.args[0]}")
    except DossiersError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
