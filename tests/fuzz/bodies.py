"""API answers: whatever comes back, one request ends in a value of right types or a failure."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.core.calls import (
    Identify,
    ReadActions,
    ReadAll,
    ReadServer,
    Request,
)
from hakeeper.core.kind import HttpRequest, Kind, UnreadableAnswer
from hakeeper.core.observation import Reading
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS, KINDS
from tests.fuzz.canned import SEPARATOR, answer_bytes, call
from tests.fuzz.shapes import mistyped
from tests.support.hetzner_bodies import (
    TOKEN,
    action_json,
    error,
    floating_ip_json,
    page_json,
    server_json,
)
from tests.support.resources import CLOUD, LIST, assign, read

REQUESTS: tuple[tuple[Request, int], ...] = (
    (Identify(CLOUD), 0),
    (Identify(CLOUD, 7), 1),
    (Identify(CLOUD), 2),
    (LIST, 0),
    (read(4711), 0),
    (assign(4711, 42), 0),
    (ReadActions(CLOUD, (13, 14)), 0),
    (ReadServer(CLOUD, 43), 0),
    (ReadAll(ALIAS_IPS.name, (7,)), 0),
    (ReadAll(ALIAS_IPS.name), 0),
)


def _list_readers() -> Iterator[Callable[[Any], object]]:
    """Return what reads the lists of all kinds, for each request that may bring one."""
    for kind in KINDS.values():
        for request in (*kind.list_requests(()), *kind.list_requests((1,))):
            yield _list_reader(kind, request)


def _list_reader(kind: Kind, request: HttpRequest) -> Callable[[Any], object]:
    def read(answer: Any) -> Reading:  # noqa: ANN401  # JSON
        return kind.read_list(request, answer)

    return read


READERS: tuple[Callable[[Any], object], ...] = (
    *_list_readers(),
    FLOATING_IPS.read_one,
    parse.server,
    parse.action,
)
_MEMBER = {"id": 42, "type": "server", "ip": "10.0.0.2", "alias_ips": ["10.0.0.100"]}
_FAILED = {"code": "action_failed", "message": f"for token '{TOKEN[:32]}' reached"}
BODIES: tuple[tuple[int, dict[str, object]], ...] = (
    (0, {"server": server_json()}),
    (1, {"server": {"id": 42, "name": "n", "status": "off", "datacenter": {"location": {}}}}),
    (2, {"servers": [server_json(41, name="web0"), server_json()]}),
    (3, page_json([4711, 4712])),
    (4, {"floating_ip": floating_ip_json(ip="2001:db8:1:2::/64", server=None)}),
    (5, {"action": action_json()}),
    (6, {"actions": [action_json(13, status="error", error=_FAILED), action_json(14)]}),
    (7, {"server": server_json(43, status="deleting")}),
    (8, {"members": [_MEMBER, _MEMBER | {"id": 5, "type": "load_balancer", "alias_ips": []}]}),
    (9, {"networks": [{"id": 7, "name": "internal", "ip_range": "10.0.0.0/16"}]}),
)
"""An index into REQUESTS, and a right answer to that request."""


def block(status: int, body: object, **headers: object) -> bytes:
    """Write an answer as `canned.answer_bytes` reads it."""
    lines = [str(status), *(f"{name.replace('_', '-')}: {v}" for name, v in headers.items())]
    return "\n".join([*lines, "", json.dumps(body)]).encode()


def seeds() -> Iterator[bytes]:
    """Give a right answer to every request, and of every kind of wrong one an example."""
    for index, body in BODIES:
        yield bytes((index,)) + block(200, body)
        yield bytes((index,)) + block(201, body, RateLimit_Limit=3600, RateLimit_Remaining=0)
    two_pages = (block(200, page_json(range(50), 2)), block(200, page_json([99])))
    yield b"\x03" + SEPARATOR.join(two_pages)
    codes = ((423, "locked"), (429, "rate_limit_exceeded"), (404, "not_found"), (504, "timeout"))
    for status, code in codes:
        body = {"error": {"code": code, "message": f"for token '{TOKEN}'", "details": None}}
        yield b"\x05" + block(status, body, Retry_After=7, X_Correlation_Id="abc")
        yield b"\x00" + error(status, code, "no")
    yield b"\x05502\n\n<html><h1>Bad Gateway</h1>"
    yield b"\x05302\nLocation: /elsewhere\n\n"
    yield b"\x03HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield b"\x04HTTP/1.0 200 OK\r\n\r\n" + b'{"floating_ip": {"id": 1e999, "name": "\\ud800"}}'


def run(data: bytes) -> None:
    """Answer the request that the first byte names with the blocks that follow."""
    request, identity = REQUESTS[data[0] % len(REQUESTS) if data else 0]
    blocks = data[1:].split(SEPARATOR)
    call(request, map(answer_bytes, blocks), identity=identity)
    _parse(blocks[0].partition(b"\n\n")[2])


def _parse(body: bytes) -> None:
    """Read any JSON as each of our values."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for member in (value, *(value.values() if isinstance(value, dict) else ())):
        for reader in READERS:
            with suppress(UnreadableAnswer):
                assert [] == mistyped(reader(member), reader.__annotations__["return"])
        with suppress(UnreadableAnswer):
            page = parse.next_page(member, 1, is_full=True)
            assert page is None or page > 1
