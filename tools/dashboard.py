"""Take the screenshot of the dashboard for the README: a client whose update is refused. Needs Chromium.

.venv/bin/python tools/dashboard.py [FOLDER]    with a folder, also take every view, light, dark, wide and narrow
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

SCREENSHOT = ROOT / "docs" / "images" / "dashboard.png"
PLACES = (
    "requests",
    "requests/12",
    "dossiers",
    "dossiers/804127",
    "scenarios",
    "clock",
    "coverage",
    "outbox",
    "sandboxes",
    "imports",
    "history",
)
LOOKS = {
    "light": ("light", 1400, 900),
    "dark": ("dark", 1400, 900),
    "narrow": ("light", 400, 800),
    "narrow-dark": ("dark", 400, 800),
}
IMPORT = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-2026-117"}
HANGS = {"companyIdType": "CIT001", "companyIdValue": "99000201600014", "dossierReference": "PO-2026-119"}
LIVE = "document.querySelector('#state .link')?.textContent === 'live' && !!document.querySelector('main h1, main h2')"


def main() -> None:
    """Write the screenshot, and those of all views into each folder of the command line."""
    with running_server("--clock", "2026-03-02T09:00:00") as (url, _), TemporaryDirectory() as profile:
        send_requests(url)
        with browser(Path(profile)) as page:
            SCREENSHOT.parent.mkdir(exist_ok=True)
            page.resize("light", 1240, 760)
            SCREENSHOT.write_bytes(screenshot(page, url, "requests"))
            for folder in sys.argv[1:]:
                take_all(page, url, Path(folder))


def send_requests(url: str) -> None:
    """Send the twelve requests of the screenshot: an import hangs, and the last request is refused."""
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api@example.com"}
    requests.post(url + TOKEN_URL, data=form | {"password": "wrong"}, timeout=5)
    token = requests.post(url + TOKEN_URL, data=form | {"password": "demo"}, timeout=5).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "purchasing/2.4"}

    def call(method: str, path: str, **options: Any) -> Any:
        account = f"{url}/api/v1/account/119631"
        return requests.request(method, account + path, headers=headers, timeout=5, **options).json()

    def import_dossier(**members: Any) -> None:
        started = call("POST", "/dossiers", json=IMPORT | members)
        requests.post(f"{url}/__admin/clock/advance", json={"by": "PT20S"}, timeout=5)
        call("GET", f"/dossiers/process/{started['content']['processId']}")

    call("GET", "/dossiers", params={"siren": "503829368", "pagesize": "50"})
    import_dossier(thirdpartyEmail=["paul@example.com"])
    import_dossier(dossierReference=" PO-2026-117 ")
    call("POST", "/dossiers", json=HANGS)
    call("GET", "/dossier/804127")
    call("POST", "/dossiers/804127/stop")
    requests.post(f"{url}/__admin/clock/advance", json={"by": "PT5M"}, timeout=5)
    call("GET", "/dossiers/804127")
    call("POST", "/dossiers/804127", json={"dossierReference": "PO-2026-118", "description": "Façade, lot 3"})


def take_all(page: Page, url: str, folder: Path) -> None:
    """Take every view in every look."""
    folder.mkdir(parents=True, exist_ok=True)
    for look, (scheme, width, height) in LOOKS.items():
        page.resize(scheme, width, height)
        for place in PLACES:
            folder.joinpath(f"{place.replace('/', '-')}-{look}.png").write_bytes(screenshot(page, url, place))


def screenshot(page: Page, url: str, place: str) -> bytes:
    """Return a screenshot of the view as PNG, once it has loaded."""
    page.open("about:blank")
    page.open(f"{url}/__admin/ui#/{place}")
    page.wait_for(LIVE)
    page.value("new Promise((done) => setTimeout(done, 600))")
    return page.screenshot()


if __name__ == "__main__":
    main()
