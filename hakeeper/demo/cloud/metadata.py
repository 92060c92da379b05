"""The metadata service, as a server sees it at 169.254.169.254 (docs.hetzner.cloud)."""

from hakeeper.demo.cloud.engine import CloudEngine
from hakeeper.demo.cloud.locations import LOCATIONS
from hakeeper.demo.cloud.project import Server
from hakeeper.demo.cloud.service import Met, Service
from hakeeper.demo.cloud.wire import HttpAnswer, HttpRequest

METADATA_PATH = "/hetzner/v1/metadata"
_TEXT = "text/plain; charset=utf-8"


class MetadataService(Service):
    """One server's view: no token, no rate limit. Logged as client `metadata:NAME`."""

    def __init__(self, engine: CloudEngine, address: tuple[str, int], server_id: int) -> None:
        """Serve one server's metadata on a separate address."""
        super().__init__(engine, address)
        self._model = engine.model
        self._server_id = server_id

    def client_of(self, request: HttpRequest) -> str:
        """Return the client name of the server that this port belongs to."""
        del request
        with self.engine.changed:
            server = self._model.servers.get(self._server_id)
            return f"metadata:{server.name if server is not None else self._server_id}"

    def decide(self, request: HttpRequest, met: Met) -> tuple[HttpAnswer, str]:
        """Return the value, unless a fault answers instead."""
        fault = met.fault
        if fault.status is not None:
            text = fault.message if fault.body is None else fault.body
            return HttpAnswer(fault.status, {}, text.encode(), _TEXT), ""
        server = self._model.servers.get(self._server_id)
        values = {} if server is None else _values(server)
        key = request.path.removeprefix(METADATA_PATH).strip("/")
        if request.method != "GET" or not request.path.startswith(METADATA_PATH):
            return HttpAnswer(404, {}, b"not found", _TEXT), ""
        if not key and values:
            text = "".join(f"{name}: {value}\n" for name, value in sorted(values.items()))
            return HttpAnswer(200, {}, text.encode(), _TEXT), ""
        if key == "private-networks":
            return HttpAnswer(200, {}, b"[]", _TEXT), ""
        if key not in values:
            return HttpAnswer(404, {}, b"not found", _TEXT), ""
        return HttpAnswer(200, {}, values[key].encode(), _TEXT), ""


def _values(server: Server) -> dict[str, str]:
    public = {} if server.ipv4 is None else {"public-ipv4": server.ipv4}
    return public | {
        "availability-zone": f"{server.location}-dc1",
        "hostname": server.name,
        "instance-id": str(server.id),
        "region": LOCATIONS[server.location].network_zone,
    }
