"""A container of the image for tests with Docker. Needs the extra `testcontainers`.

with DossiersContainer() as container:
    sandbox = container.server.sandbox("gw3")
"""

from __future__ import annotations

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from mock_server.client import Server
from mock_server.settings import HEALTH_PATH

IMAGE = "dossiers-mock-server"
PORT = 8080


class DossiersContainer(DockerContainer):
    """A server in a container; `start` waits until it is healthy.

    Environment variables are its settings: `DossiersContainer().with_env("MOCK_SERVER_DIALECT", "edge")`.
    """

    def __init__(self, image: str = IMAGE, *, control_token: str | None = None) -> None:
        super().__init__(image)
        self._control_token = control_token
        if control_token is not None:
            self.with_env("MOCK_SERVER_CONTROL_TOKEN", control_token)
        self.with_exposed_ports(PORT)
        self.waiting_for(HttpWaitStrategy(PORT, HEALTH_PATH).for_status_code(200))

    @property
    def server(self) -> Server:
        """A client of the server, with the address for this machine."""
        url = f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"
        return Server(url, self._control_token)
