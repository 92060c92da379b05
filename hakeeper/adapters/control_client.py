"""The client of the daemon's control socket, for `hakeeper status`, `check` and those that act."""

import contextlib
import json
import os
import socket
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hakeeper.adapters.control_codes import BAD_REQUEST, REQUEST_LIMIT_BYTES, UNKNOWN_COMMAND
from hakeeper.adapters.control_rights import denial

ANSWER_LIMIT_BYTES: Final = 4 << 20
RETRY_S: Final = 0.05
"""How long to wait before trying again when the daemon is busy."""
_FOR_AN_ANSWER: Final = 0.25
"""The part of the time that any try has left for its answer: one that is cut short would tell of a
daemon that does not answer, where it is busy."""
_SHOWN: Final = 200
"""The longest part of an unusable answer that is shown."""
_READ_BYTES: Final = 65536
NO_FOLDER: Final = "no_folder"
NO_ROOM: Final = "no_room"
IN_THE_WAY: Final = "in_the_way"
_RUNS: Final = "hakeeper runs (process {pid}) and moves addresses, but cannot be asked: {why}"


class ControlError(Exception):
    """The daemon gave no usable answer, or none in time."""


class Busy(ControlError):  # noqa: N818 - a state of affairs, not a mistake
    """The daemon runs, but accepts no further clients now."""


class NotAsked(ControlError):  # noqa: N818 - a state of affairs, not a mistake
    """The daemon could not be asked: whatever was wanted of it, it knows nothing of it."""


class Unreachable(NotAsked):
    """The system lets this user get nowhere near the daemon, so nothing is known of it."""


class Denied(Unreachable):
    """This user may not ask; the message names the way in."""


class NoSocket(NotAsked):
    """The daemon runs, but its socket is missing."""

    def __init__(self, text: str, place: str, lack: str) -> None:
        """`lack`: a word for what keeps the socket away, "" if it is not known; `place`: where."""
        super().__init__(text)
        self.place = place
        self.lack = lack


class Refused(ControlError):  # noqa: N818 - it works as it should
    """The daemon does not do it; `code` says why, and is empty where the daemon is an old one."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class NotRunning(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """The socket does not exist, or nothing listens on it."""


def ask(path: str, request: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
    """Send a request, again while the daemon is busy; raises NotRunning or a ControlError."""
    deadline_s = time.monotonic() + timeout_s
    line = json.dumps(request).encode() + b"\n"
    if len(line) > REQUEST_LIMIT_BYTES:
        text = f"more than {REQUEST_LIMIT_BYTES} bytes: shorten the name or the reason"
        raise Refused(f"not sent to hakeeper: {text}", BAD_REQUEST)
    last_try_s = deadline_s - _FOR_AN_ANSWER * timeout_s
    while True:
        answer = _asked(path, line, deadline_s)
        if answer is not None:
            break
        if time.monotonic() + RETRY_S >= last_try_s:
            text = f"hakeeper runs, but is busy with other clients at {path}; try again"
            raise Busy(text)
        time.sleep(RETRY_S)
    if "error" in answer:
        text, code = str(answer["error"])[:_SHOWN], str(answer.get("code", ""))
        raise Refused(f"hakeeper refused: {text}", code or _code_of(text))
    return answer


def _code_of(text: str) -> str:
    """Return the code of an answer that has none: that of a daemon before 1.0."""
    return UNKNOWN_COMMAND if text.startswith("unknown command ") else ""


def _asked(path: str, request: bytes, deadline_s: float) -> dict[str, Any] | None:
    """Send the request once; None: the daemon is busy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(max(0.01, deadline_s - time.monotonic()))
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if _is_no_socket(path):
                raise _in_the_way(path) from None
            raise _not_there(path, str(error.strerror)) from None
        except BlockingIOError:
            return None  # the queue of waiting connections is full
        except OSError as error:
            text = f"cannot connect to hakeeper at {path} ({error})"
            if not isinstance(error, PermissionError):
                raise NotAsked(text) from None
            why = denial(path)
            if why is None:  # it is not the socket that lets nobody in
                way = "; run this with sudo" if os.geteuid() else ""
                raise Unreachable(f"{text}{way}") from None
            raise Denied(why) from None
        try:
            # A busy daemon may answer and close without reading the request.
            with contextlib.suppress(BrokenPipeError):
                client.sendall(request)
            received = _receive(client, deadline_s)
        except OSError as error:
            raise ControlError(f"hakeeper does not answer at {path} ({error})") from None
    try:
        answer = json.loads(received)
    except (ValueError, RecursionError):
        raise ControlError(f"hakeeper gave no usable answer at {path}") from None
    if not isinstance(answer, dict):
        raise ControlError(f"hakeeper refused: {str(answer)[:_SHOWN]}")
    return None if "busy" in answer else answer


def _is_no_socket(path: str) -> bool:
    """Say whether something else is there: that says nothing of whether the daemon runs."""
    try:
        return not stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def _in_the_way(path: str) -> NotAsked:
    """Tell a wrong path from one where the daemon wants to have its socket."""
    from hakeeper.adapters.daemon_process import pid_of_daemon  # noqa: PLC0415  # hardly ever needed

    pid = pid_of_daemon(path)
    if pid is None:
        return NotAsked(f"{path} is no socket, so no hakeeper answers there")
    text = _RUNS.format(pid=pid, why=f"{path} is no socket, and is in its way")
    return NoSocket(text, path, IN_THE_WAY)


def _not_there(path: str, reason: str) -> NotRunning | NoSocket:
    """Tell a daemon that does not run from one whose socket is missing."""
    from hakeeper.adapters.daemon_process import pid_of_daemon  # noqa: PLC0415  # hardly ever needed

    pid = pid_of_daemon(path)
    if pid is None:
        return NotRunning(f"hakeeper does not run: no answer at {path} ({reason})")
    folder = str(Path(path).parent)
    lack, why = _lack_of(folder)
    text = _RUNS.format(pid=pid, why=f"no answer at {path} ({why or reason})")
    return NoSocket(text, folder, lack)


def _lack_of(folder: str) -> tuple[str, str]:
    """Return why no socket can be made there, as a word and for people; both empty: not known."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return NO_FOLDER, f"{folder} is missing"
    if found.f_flag & os.ST_RDONLY:
        return "", f"{folder} is read-only"
    if found.f_files and not found.f_favail:
        return NO_ROOM, f"no inode is free in {folder}"
    if found.f_blocks and not found.f_bavail:
        return NO_ROOM, f"no space is left in {folder}"
    return "", ""


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
