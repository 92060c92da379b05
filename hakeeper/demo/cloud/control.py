"""The control API: POST /_control/COMMAND with a JSON object, and a client for it."""

import http.client
import json
import urllib.parse
from typing import Any

from hakeeper.demo.cloud.command_table import MAX_WAIT_S, CommandTable
from hakeeper.demo.cloud.connection import Connection
from hakeeper.demo.cloud.front import CloudFront
from hakeeper.demo.cloud.listener import Listener
from hakeeper.demo.cloud.server_front import CommandError, ServerFront
from hakeeper.demo.cloud.wire import HttpAnswer, HttpRequest, json_bytes

CONTROL_PATH = "/_control/"
_OK = 200
_REFUSED = 400


class ControlService:
    """Serves commands on a separate port, which faults do not affect."""

    def __init__(self, commands: CommandTable, address: tuple[str, int]) -> None:
        """Bind the address."""
        self._commands = commands
        self.listener = Listener(address, self._serve)

    def _serve(self, connection: Connection) -> None:
        while (request := connection.read_request(lambda: None)) is not None:
            if not connection.send(self._answer(request).to_bytes()) or not request.keep_alive:
                return

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        if not request.path.startswith(CONTROL_PATH):
            return HttpAnswer(404, {}, json_bytes({"error": f"use {CONTROL_PATH}COMMAND"}))
        try:
            arguments = json.loads(request.body or b"{}")
            if not isinstance(arguments, dict):
                raise CommandError("the arguments must be a JSON object")
            result = self._commands.run(request.path.removeprefix(CONTROL_PATH), arguments)
        except ValueError as error:
            return HttpAnswer(_REFUSED, {}, json_bytes({"error": str(error)}))
        return HttpAnswer(_OK, {}, json_bytes({"result": result}))


class ControlClient(ServerFront):
    """A simulated API that runs in another process."""

    def __init__(self, *, url: str, control_url: str) -> None:
        """Take the two URLs that the process prints when it has begun to serve."""
        self.url = url
        parts = urllib.parse.urlsplit(control_url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"not a control URL: {control_url}")
        self._address = (parts.hostname, parts.port)

    def call(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Send the command; raises OSError if the simulator does not run."""
        connection = http.client.HTTPConnection(*self._address, timeout=2 * MAX_WAIT_S)
        try:
            connection.request("POST", CONTROL_PATH + command, json_bytes(arguments))
            response = connection.getresponse()
            body = json.loads(response.read())
        finally:
            connection.close()
        if response.status != _OK:
            raise CommandError(body["error"])
        return body["result"]


class CloudClient(ControlClient, CloudFront):
    """A simulated cloud that runs in another process: `python -m hakeeper.demo.cloud`."""
