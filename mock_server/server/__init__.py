"""The app on a socket: one event loop in one thread reads HTTP/1.1 and calls the WSGI app."""

from mock_server.server.connection import Service
from mock_server.server.runner import Background, serve
from mock_server.server.sockets import PortError, base_url, bind

__all__ = ["Background", "PortError", "Service", "base_url", "bind", "serve"]
