"""Takes the picture of the dashboard in the README anew: a client whose update is refused. Needs Chromium.

.venv/bin/python tools/dashboard.py [FOLDER]    with a folder, every view as well, in light, dark and narrow
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import Page, browser  # noqa: E402  # found by the line above
from tests.support import TOKEN_URL, running_server  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "dashboard.png"
PLACES = (
    "requests/11",
    "dossiers",
    "dossiers/804127",
    "scenarios",
    "clock",
    "coverage",
    "outbox",
    "sandboxes",
)
LOOKS = {"light": ("light", 1440, 900), "dark": ("dark", 1440, 900), "narrow": ("light", 400, 860)}
IMPORT = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-2026-117"}
LIVE = "document.querySelector('#state .link')?.textContent === 'live' && !!document.querySelector('main h1, main h2')"


def main() -> None:
    """Write the picture, and into the folder given those of all views."""
    with running_server("--clock", "2026-03-02T09:00:00") as (url, _), TemporaryDirectory() as profile:
        tell_a_story(url)
        with browser(Path(profile)) as page:
            PICTURE.parent.mkdir(exist_ok=True)
            page.look("light", 1240, 760)
            PICTURE.write_bytes(picture(page, url, "requests"))
            for folder in sys.argv[1:]:
                write_all(page, url, Path(folder))


def tell_a_story(url: str) -> None:
    """What the client of the picture did: eleven requests, the last one refused."""
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api@example.com"}
    requests.post(url + TOKEN_URL, data=form | {"password": "wrong"}, timeout=5)
    token = requests.post(url + TOKEN_URL, data=form | {"password": "demo"}, timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "purchasing/2.4"}

    def call(method: str, path: str, **options: Any) -> Any:
        account = f"{url}/api/v1/account/119631"
        return requests.request(method, account + path, headers=headers, timeout=5, **options).json()

    def import_dossier(**members: Any) -> None:
        launched = call("POST", "/dossiers", json=IMPORT | members)
        requests.post(f"{url}/__admin/clock/advance", json={"by": "PT20S"}, timeout=5)
        call("GET", f"/dossiers/process/{launched['content']['processId']}")

    call("GET", "/dossiers", params={"siren": "503829368", "pagesize": "50"})
    import_dossier(thirdpartyEmail=["paul@example.com"])
    import_dossier(dossierReference=" PO-2026-117 ")
    call("GET", "/dossier/804127")
    call("POST", "/dossiers/804127/stop")
    requests.post(f"{url}/__admin/clock/advance", json={"by": "PT5M"}, timeout=5)
    call("GET", "/dossiers/804127")
    call("POST", "/dossiers/804127", json={"dossierReference": "PO-2026-118", "description": "Façade, lot 3"})


def write_all(page: Page, url: str, folder: Path) -> None:
    """Every view in every look."""
    folder.mkdir(parents=True, exist_ok=True)
    for look, (scheme, width, height) in LOOKS.items():
        page.look(scheme, width, height)
        for place in PLACES:
            folder.joinpath(f"{place.replace('/', '-')}-{look}.png").write_bytes(picture(page, url, place))


def picture(page: Page, url: str, place: str) -> bytes:
    """What the window shows there, once all has come."""
    page.open("about:blank")
    page.open(f"{url}/__admin/ui#/{place}")
    page.wait_for(LIVE)
    page.value("new Promise((done) => setTimeout(done, 600))")
    return page.picture()


if __name__ == "__main__":
    main()
