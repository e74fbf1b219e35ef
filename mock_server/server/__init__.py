"""The app on a socket: granian's embedded server, one process, the WSGI app called on its event loop.

There is no worker process and no thread that holds state, so nothing is left on the port when this one dies.
The loop runs until a signal, or in a thread of whoever wants a server meanwhile.
"""

from __future__ import annotations

from mock_server.server.listening import PortMistake, base_url, bind
from mock_server.server.serving import serve, serving

__all__ = ["PortMistake", "base_url", "bind", "serve", "serving"]
