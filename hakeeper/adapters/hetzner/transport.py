"""HTTP on one connection to the API, under requests and hcloud.

requests lets an adapter do the sending. This one speaks HTTP on a socket of its own, because only
then can a call have one total deadline, be stopped while it connects or shakes hands, and know
whether its bytes went out. It retries nothing, follows nothing, reads no environment, and keeps no
cookies.
"""

import errno
import io
import time
from collections.abc import Mapping

import requests
from requests.adapters import BaseAdapter

from hakeeper.adapters.hetzner.call_guard import CallGuard, read_head
from hakeeper.adapters.hetzner.connect_race import explain
from hakeeper.adapters.hetzner.connection import UNACKNOWLEDGED_S, Connection
from hakeeper.adapters.hetzner.errors import (
    CallEndedError,
    LocalFailureError,
    TransportError,
)
from hakeeper.adapters.hetzner.http1 import (
    AnswerError,
    HttpAnswer,
    SilentError,
    read_answer,
)
from hakeeper.adapters.hetzner.options import Endpoint


class Transport(BaseAdapter):
    """Sends for one worker. `guard` must be set to that of the call being made."""

    def __init__(self, endpoint: Endpoint, connection: Connection) -> None:
        """Send over this connection, which nobody else uses."""
        super().__init__()
        self.guard: CallGuard | None = None
        self.connection = connection
        self._endpoint = endpoint

    def send(  # the signature is that of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002  # likewise
        timeout: object = None,  # noqa: ARG002  # the guard knows the time
        verify: object = True,  # noqa: ARG002, FBT002  # the context knows the CA
        cert: object = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002  # there are none
    ) -> requests.Response:
        """Send a request and read its answer whole.

        Raises TransportError, or CallEndedError when the guard gives no leave to go on.
        """
        guard = self.guard
        if guard is None:
            raise RuntimeError("a request outside of any call")
        data = _encode(request, self._endpoint)
        try:
            sock = self.connection.ready(guard)
            sock.settimeout(guard.remaining_s())
            guard.permit_send(request.method or "")
            sent_at_s = time.monotonic()
            try:
                sock.sendall(data)
                guard.left.set()
                answer = read_answer(sock, guard.remaining_s)
            except CallEndedError:
                self.connection.lost(sent_at_s)
                raise
            except OSError as error:
                self.connection.lost(sent_at_s)
                raise _lost(error, guard) from error
            except AnswerError as error:
                if isinstance(error, SilentError):  # so Python calls a dead way under TLS, too
                    self.connection.lost(sent_at_s)
                else:
                    self.connection.unanswered()
                raise TransportError(error.code, str(error)) from error
        except LocalFailureError:  # nothing was sent, and the connection is as good as before
            guard.unwatch()
            raise
        except BaseException:
            self.connection.drop(guard)
            raise
        guard.unwatch()
        self.connection.answered()
        if answer.will_close:
            self.close()
        return self._response(request, answer, guard)

    def close(self) -> None:
        """Close the connection, if there is one."""
        self.connection.close()

    def _response(
        self,
        request: requests.PreparedRequest,
        answer: HttpAnswer,
        guard: CallGuard,
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = answer.status
        response.reason = answer.reason
        response.headers = answer.headers
        response.raw = io.BytesIO(answer.body)
        response.url = request.url or ""
        response.request = request
        guard.answered = read_head(answer.status, response.headers)
        if response.is_redirect:
            self.close()
            raise TransportError("redirected", "the API endpoint answered with a redirect")
        if not (200 <= answer.status < 300 or 400 <= answer.status < 600):  # noqa: PLR2004  # HTTP's
            # hcloud takes all that is no 4xx or 5xx for success, and would read a body into it.
            self.close()
            raise TransportError("bad_answer", f"HTTP status {answer.status} means nothing here")
        return response


def _encode(request: requests.PreparedRequest, endpoint: Endpoint) -> bytes:
    """Write a request as bytes, so that it goes out in one piece."""
    body = request.body or b""
    if not isinstance(body, str | bytes):
        raise TypeError("only requests with a body in memory are sent")
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    for name, value in request.headers.items():
        lines.append(f"{name}: {value}")
        if not (lines[-1].isascii() and lines[-1].isprintable()):
            # requests before 2.31 lets a line feed at the end pass. The value may be the token.
            raise TransportError("bad_header", f"the value of {name} does not fit a header")
    head = "\r\n".join((*lines, "", "")).encode("ascii")
    return head + (body.encode() if isinstance(body, str) else body)


def _lost(error: OSError, guard: CallGuard) -> TransportError:
    if error.errno == errno.ETIMEDOUT:
        text = f"what was sent was not acknowledged within {UNACKNOWLEDGED_S:g} s"
        return TransportError("connection_silent", text)
    if isinstance(error, TimeoutError):
        # The socket ran out of time a moment before the watcher, who would say the same.
        failure = guard.out_of_time()
        return TransportError(failure.code, failure.message)
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return TransportError("connection_reset", "the connection was reset")
    return TransportError("connection_lost", f"the connection was lost: {explain(error)}")
