"""The API and the metadata service on the network: sockets, TLS, and what can be wrong in them."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tests.chaos.api import QUOTA_PER_HOUR, Api, Sickness
from tests.chaos.rooms import NAME, PORT


class Front:
    """Serves the API at any number of doors."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api = api
        self.ca_file = folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(NAME).configure_cert(self._tls)
        self._servers: list[_Server] = []
        self._threads: list[threading.Thread] = []
        self.url = f"https://{NAME}:{PORT}/v1"

    def open(self, doors: Iterable[socket.socket]) -> None:
        """Serve at these sockets as well."""
        for door in doors:
            self._serve(_ApiServer(door, self.api, self._tls))

    def open_metadata(self, door: socket.socket, node: str, server: int) -> None:
        """Tell a node which server it is."""
        self._serve(_MetadataServer(door, self.api, node, server))

    def _serve(self, server: "_Server") -> None:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._servers.append(server)
        self._threads.append(thread)
        thread.start()

    def drop(self) -> None:
        """Reset every connection that is open."""
        for each in self._servers:
            each.drop()

    def close(self) -> None:
        """Stop."""
        self.api.heal()
        for each in self._servers:
            each.shutdown()
            each.drop()
            each.server_close()
        for thread in self._threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    handler: type[BaseHTTPRequestHandler]

    def __init__(self, door: socket.socket, api: Api) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        super().__init__(door.getsockname()[:2], self.handler, bind_and_activate=False)
        self.socket.close()
        self.socket = door

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as the base class has it
        self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:  # noqa: ANN401  # as the base class has it
        self._open.discard(request)
        super().close_request(request)

    def drop(self) -> None:
        """Shut every connection down."""
        for one in list(self._open):
            with contextlib.suppress(OSError):  # it has gone meanwhile
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as the base class has it
        """Say nothing of clients that go away: faults make them."""


class _ApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_ApiServer"

    def setup(self) -> None:
        """Shake hands, unless this address cannot."""
        self.address = self.request.getsockname()[0]
        if self._sickness() is Sickness.TLS_HANGS:
            self.server.api.hang()
        # The plain socket stays the server's to reset; the copy ends with the connection.
        self.request = self.server.tls.wrap_socket(self.request.dup(), server_side=True)
        super().setup()

    def finish(self) -> None:
        """Let the copy go as well."""
        super().finish()
        self.request.close()

    def _sickness(self) -> Sickness | None:
        return self.server.api.ills.sick.get(self.address)

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        api = self.server.api
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if self._sickness() is Sickness.NO_ANSWER:
            api.hang()
            self.close_connection = True
            return
        node = api.nodes.get((self.headers.get("Authorization") or "").removeprefix("Bearer "), "")
        one = api.take(node, self.command, self.path, body)
        ills = api.wait()
        status, answer = api.answer(ills, one) if node else (401, {"error": {}})
        if ills.mute or ills.away:
            self.close_connection = True
            return
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("RateLimit-Limit", str(QUOTA_PER_HOUR))
        self.send_header("RateLimit-Remaining", str(int(api.left)))
        self.send_header("RateLimit-Reset", str(int(time.time()) + 3600))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Keep still."""


class _ApiServer(_Server):
    handler = _ApiHandler

    def __init__(self, door: socket.socket, api: Api, tls: ssl.SSLContext) -> None:
        self.tls = tls
        super().__init__(door, api)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as the base class has it
        if self.api.ills.away:
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)


class _MetadataHandler(BaseHTTPRequestHandler):
    server: "_MetadataServer"

    def do_GET(self) -> None:
        said = self.server.api.ills.metadata.get(self.server.node, str(self.server.number))
        if said is None:
            self.server.api.hang()
            return
        data = said.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Keep still."""


class _MetadataServer(_Server):
    handler = _MetadataHandler

    def __init__(self, door: socket.socket, api: Api, node: str, number: int) -> None:
        self.node = node
        self.number = number
        super().__init__(door, api)
