"""The app on a socket: one event loop in one thread, which reads HTTP/1.1 and calls the WSGI app.

No other process or thread has state, so nothing stays on the port when this one ends. The loop runs until a
signal, or in a thread as long as a caller wants a server.
"""

from __future__ import annotations

from mock_server.server.connection import Service
from mock_server.server.listening import PortMistake, base_url, bind
from mock_server.server.serving import serve, serving

__all__ = ["PortMistake", "Service", "base_url", "bind", "serve", "serving"]
