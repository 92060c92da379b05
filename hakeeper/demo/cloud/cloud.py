"""The simulated cloud in this process: engine, ports and interface in one object."""

import ssl

from hakeeper.demo.cloud.api import BASE_PATH
from hakeeper.demo.cloud.api_service import ApiService
from hakeeper.demo.cloud.commands import Commands
from hakeeper.demo.cloud.engine import CloudEngine
from hakeeper.demo.cloud.front import CloudFront
from hakeeper.demo.cloud.metadata import METADATA_PATH, MetadataService
from hakeeper.demo.cloud.ports import LOOPBACK, Ports, Simulator, Where, netloc
from hakeeper.demo.cloud.service import Observer
from hakeeper.demo.cloud.values import Rules


class SimCloud(Simulator, CloudFront):
    """A simulated Hetzner Cloud on a loopback port; use it as a context manager.

    With `tls` the API speaks HTTPS. Addresses other than loopback are refused unless
    `allow_non_loopback`, since it is not meant to be reachable from outside.
    """

    _commands: Commands

    def __init__(  # noqa: PLR0913 - all named, all with a default
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        control_host: str | None = None,
        control_port: int = 0,
        tls: ssl.SSLContext | None = None,
        rules: Rules | None = None,
        observer: Observer | None = None,
        allow_non_loopback: bool = False,
    ) -> None:
        """Bind the ports and start to serve; OSError if a port is taken."""
        engine = CloudEngine(rules or Rules())
        ports = _CloudPorts(engine, allow_non_loopback=allow_non_loopback)
        self.serve(
            ports,
            Commands(engine, ports),
            lambda: ApiService(engine, (host, port), tls, observer),
            Where((host, port), (control_host or host, control_port)),
        )
        self.url += BASE_PATH


class _CloudPorts(Ports):
    """The ports of a cloud: the API's, the control port, metadata ports."""

    def __init__(self, engine: CloudEngine, *, allow_non_loopback: bool) -> None:
        super().__init__(engine, allow_non_loopback=allow_non_loopback)
        self._cloud = engine

    def metadata_url(self, server: int, host: str | None, port: int) -> str:
        address = (host or self.api.host, port)
        self.check(address)
        listener = self.start(MetadataService(self._cloud, address, server).listener)
        return f"http://{netloc(listener)}{METADATA_PATH}"
