"""The client of the daemon's control socket, for `hakeeper status`, `reload` and `check`."""

import contextlib
import json
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

ANSWER_LIMIT_BYTES: Final = 4 << 20
RETRY_S: Final = 0.05
"""How long to wait before trying again when the daemon is busy."""
_READ_BYTES: Final = 65536


class ControlError(Exception):
    """The daemon gave no usable answer, or none in time."""


class Busy(ControlError):  # noqa: N818 - a state of affairs, not a mistake
    """The daemon runs, but accepts no further clients now."""


class NotRunning(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """The socket does not exist, or nothing listens on it."""


def ask(path: str, request: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
    """Send a request, again while the daemon is busy; raises NotRunning, Busy or ControlError."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = _asked(path, request, deadline_s)
        if answer is not None:
            break
        if time.monotonic() + RETRY_S >= deadline_s:
            text = f"hakeeper runs, but is busy with other clients at {path}; try again"
            raise Busy(text)
        time.sleep(RETRY_S)
    if "error" in answer:
        raise ControlError(f"hakeeper refused: {str(answer)[:200]}")
    return answer


def _asked(path: str, request: Mapping[str, object], deadline_s: float) -> dict[str, Any] | None:
    """Send the request once; None: the daemon is busy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(max(0.01, deadline_s - time.monotonic()))
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            text = f"hakeeper does not run: no answer at {path} ({error.strerror})"
            raise NotRunning(text) from None
        except BlockingIOError:
            return None  # the queue of waiting connections is full
        except OSError as error:
            raise ControlError(f"cannot connect to hakeeper at {path} ({error})") from None
        try:
            # A busy daemon may answer and close without reading the request.
            with contextlib.suppress(BrokenPipeError):
                client.sendall(json.dumps(request).encode() + b"\n")
            received = _receive(client, deadline_s)
        except OSError as error:
            raise ControlError(f"hakeeper does not answer at {path} ({error})") from None
    try:
        answer = json.loads(received)
    except (ValueError, RecursionError):
        raise ControlError(f"hakeeper gave no usable answer at {path}") from None
    if not isinstance(answer, dict):
        raise ControlError(f"hakeeper refused: {str(answer)[:200]}")
    return None if "busy" in answer else answer


def _receive(client: socket.socket, deadline_s: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= ANSWER_LIMIT_BYTES:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0.0:  # it may come in drops
            raise TimeoutError("timed out")
        client.settimeout(left_s)
        data = client.recv(_READ_BYTES)
        if not data:
            break
        received += data
    return bytes(received)
