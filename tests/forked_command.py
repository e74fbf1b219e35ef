"""`mock-server` for scripts in tests: the fork server starts it, which takes milliseconds.

Run as `python -S -E forked_command.py PID ARGUMENTS`, with the process id of the fork server.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Start the command with the streams of this process, pass signals on, and end as it ends."""
    server, *arguments = sys.argv[1:]
    status, written = os.pipe()
    command = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.connect(f"\0mock-server-tests-{server}")
        socket.send_fds(asked, [json.dumps(command).encode()], [0, 1, 2, written])
        pid = int(asked.recv(100))
    os.close(written)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    code = int(os.read(status, 100))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
