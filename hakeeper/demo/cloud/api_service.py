"""The API's port: requests with a token, to the simulated cloud behind it."""

import ssl

from hakeeper.demo.cloud.access import limit_reached
from hakeeper.demo.cloud.api import ApiRequest, Reply
from hakeeper.demo.cloud.engine import CloudEngine
from hakeeper.demo.cloud.faults import Fault
from hakeeper.demo.cloud.service import Met, Observer, PortService
from hakeeper.demo.cloud.wire import HttpAnswer, HttpRequest, json_bytes

_TOO_MANY_REQUESTS = 429
_NO_FAULT = Fault()


class ApiService(PortService):
    """The port of Hetzner Cloud's API."""

    def __init__(
        self,
        engine: CloudEngine,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Bind the address."""
        super().__init__(engine, address, tls, observer)
        self._cloud = engine

    def client_of(self, request: HttpRequest) -> str:
        """Return the client of the token."""
        with self.engine.changed:
            return self._cloud.tokens.client_of(request.headers.get("authorization", ""))

    def decide(self, request: HttpRequest, met: Met) -> tuple[HttpAnswer, str]:
        """Call the API, unless a fault answers instead."""
        engine = self._cloud
        now = engine.now()
        fault = met.fault
        asked = ApiRequest(
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body,
            authorization=request.headers.get("authorization", ""),
        )
        if fault.handles:
            quirk = fault.quirk(met.id or 0)
            reply = engine.api.handle(asked, now, quirk=quirk, stale_s=fault.stale_s)
        else:
            engine.bucket.take(now)
            reply = Reply(status=500, body=fault.error_body(), headers=engine.api.headers(now))
        if fault.status is not None:
            if fault.body is not None:
                answer = HttpAnswer(fault.status, {}, fault.body.encode(), "text/html")
                return answer, ""
            reply = self._replaced(fault, asked, now)
        self.observe(request, reply.status, reply.body)
        return HttpAnswer(reply.status, reply.headers, json_bytes(reply.body)), reply.code

    def _replaced(self, fault: Fault, asked: ApiRequest, now: float) -> Reply:
        status = fault.status or 500
        throttled = status == _TOO_MANY_REQUESTS
        headers = self._cloud.api.headers(now, empty=throttled)
        if throttled and fault.message == _NO_FAULT.message:
            limit = limit_reached(self._cloud.bucket.limit_per_hour, asked.authorization)
            return Reply(status=status, body=limit.body(), headers=headers)
        return Reply(status=status, body=fault.error_body(), headers=headers)
