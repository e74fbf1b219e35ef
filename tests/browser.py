"""A headless Chromium for tests, driven by DevTools messages through a pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = next((Path(__file__).parent.parent / ".axe").glob("node_modules/axe-core/axe.min.js"), None)
"""The checker of accessibility; `make axe` installs it."""

_LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
_PATIENCE = 20.0
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}


class Page:
    """One page; `requested` lists the URLs of all its requests, `errors` the errors in its console."""

    def __init__(self, commands: int, messages: int) -> None:
        self._commands, self._messages = commands, messages
        self._number, self._unread, self._session = 0, b"", ""
        self.requested: list[str] = []
        self.errors: list[str] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._send("Network.enable")
        self._send("Runtime.enable")
        self._send("Log.enable")
        self._send("Page.enable")

    def open(self, url: str) -> None:
        self._send("Page.navigate", url=url)

    def press(self, *keys: str) -> None:
        """Press and release keys one by one: `Tab`, or a character such as `j`."""
        for key in keys:
            code = _KEYS.get(key, ord(key[0].upper()))
            text = {"text": "\r"} if key == "Enter" else {} if key in _KEYS else {"text": key}
            named: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            self._send("Input.dispatchKeyEvent", type="keyDown", **named, **text)
            self._send("Input.dispatchKeyEvent", type="keyUp", **named)

    def resize(self, scheme: str, width: int = 1280, height: int = 800) -> None:
        """Set the size of the window and the preferred colour scheme, `light` or `dark`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._send("Emulation.setDeviceMetricsOverride", **size)
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self._send("Emulation.setEmulatedMedia", features=preferred)

    def screenshot(self) -> bytes:
        """Return a screenshot of the window as PNG."""
        return b64decode(self._send("Page.captureScreenshot", format="png")["data"])

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        result = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of the expression as soon as it is truthy."""
        end = monotonic() + _PATIENCE
        while not (value := self.value(expression)):
            assert monotonic() < end, (
                f"{expression} never came: {self.value('document.body.innerText')[:500]}"
            )
            sleep(0.05)
        return value

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            received = self._read()
            self._note(received.get("method", ""), received.get("params", {}))
            if received.get("id") == self._number:
                assert "error" not in received, received
                return dict(received["result"])

    def _note(self, event: str, given: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requested.append(given["request"]["url"])
        if event == "Runtime.exceptionThrown":
            self.errors.append(
                given["exceptionDetails"].get("exception", {}).get("description", "an exception")
            )
        if event == "Runtime.consoleAPICalled" and given["type"] == "error":
            self.errors.append(" ".join(str(one.get("value")) for one in given["args"]))
        if event == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.errors.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            part = os.read(self._messages, 65536)
            assert part, "the browser has ended"
            self._unread += part
        first, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(first))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser with an empty page and its profile in that folder."""
    assert CHROMIUM
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    options = [*_OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        # Chromium takes commands from descriptor 3 and writes to 4, whichever numbers the pipes have here.
        ["bash", "-c", f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}', CHROMIUM, *options],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Page(ours_out, ours_in)
    finally:
        process.terminate()
        process.wait(timeout=20)
        os.close(ours_out)
        os.close(ours_in)


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe finds against these rules, or WCAG 2.2 AA, on the page, with the elements."""
    assert AXE
    if not page.value("!!window.axe"):
        page.value(f"{AXE.read_text(encoding='utf-8')}; 0")
    chosen = json.dumps(rules or _LEVELS)
    found = page.value(f"axe.run({{runOnly: {chosen}}}).then((result) => result.violations)")
    return [f"{one['id']}: {', '.join(node['html'] for node in one['nodes'][:3])}" for one in found]
