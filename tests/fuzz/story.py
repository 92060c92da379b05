"""A core that is master of three addresses, told by an API that may answer anything."""

import json
from collections import deque
from collections.abc import Iterator
from ipaddress import IPv6Network
from random import Random

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.status import document
from hakeeper.core.calls import (
    Identify,
    Mutate,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
)
from hakeeper.core.core import Core
from hakeeper.core.events import Effect, LinesRead, Report, StartCall, Started
from hakeeper.core.model import Settings, VrrpId, VrrpKind
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.kinds import KINDS
from tests.fuzz.bodies import block
from tests.fuzz.canned import SEPARATOR, answer_bytes, call
from tests.fuzz.shapes import mistyped
from tests.support.hetzner_bodies import action_json, floating_ip_json, page_json, server_json
from tests.support.resources import by_id, by_name, by_network

CALLS = 16
STEPS = 60
BLOCK_OF: dict[type[Request], bytes] = {
    Identify: b"I",
    ReadAll: b"L",
    ReadOne: b"F",
    Mutate: b"A",
    ReadActions: b"R",
    ReadServer: b"S",
}
"""The first byte of a block says which request it answers."""
VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
VG_1 = VrrpId(VrrpKind.GROUP, "VG_1")
SETTINGS = Settings(
    resources={
        VI_1: (by_name("web"), by_network(IPv6Network("2001:db8:1:2::/64"))),
        VG_1: (by_id(4712),),
    }
)


def _list(holder: int | None) -> bytes:
    web = floating_ip_json(4711, name="web", server=holder)
    net = floating_ip_json(4713, name="net", ip="2001:db8:1:2::/64", server=holder)
    body = page_json([]) | {"floating_ips": [web, floating_ip_json(4712, server=holder), net]}
    return b"L" + block(200, body, RateLimit_Limit=3600, RateLimit_Remaining=3000)


def _read(holder: int | None) -> bytes:
    return b"F" + block(200, {"floating_ip": floating_ip_json(4711, name="web", server=holder)})


def _error(kind: bytes, status: int, code: str, **headers: object) -> bytes:
    return kind + block(status, {"error": {"code": code, "message": "no"}}, **headers)


def seeds() -> Iterator[bytes]:
    """Give claims that end well, are hindered, are lost again, and never begin."""
    me = b"I" + block(200, {"server": server_json()})
    off = b"S" + block(200, {"server": server_json(43, status="off")})
    accepted = b"A" + block(201, {"action": action_json()})
    done = b"R" + block(200, {"actions": [action_json(status="success")]})
    failed = b"R" + block(200, {"actions": [action_json(status="error", error={"code": "x"})]})
    for reads in ((_read(42),), (_read(43),), (_read(None), _read(42)), (_read(42), _read(43))):
        yield SEPARATOR.join([me, _list(43), accepted, done, *reads, off])
        yield SEPARATOR.join([me, _list(42), _list(43), accepted, failed, done, *reads, off])
    locked, wait = _error(b"A", 423, "locked"), _error(b"A", 429, "x", Retry_After=3)
    yield SEPARATOR.join([me, _list(None), locked, wait, accepted, _read(43), _read(42), done])
    yield SEPARATOR.join([_error(b"I", 401, "unauthorized"), me, _error(b"L", 503, "unavailable")])
    yield SEPARATOR.join([me, b"L200\n\n{}", _list(43), b"A502\n\n", accepted, _read(None), done])


def run(data: bytes) -> None:
    """Let the core work; the last block of each kind answers all further requests."""
    blocks: dict[bytes, deque[bytes]] = {}
    for raw in data.split(SEPARATOR):
        blocks.setdefault(raw[:1], deque()).append(answer_bytes(raw[1:]))
    core, now = Core(SETTINGS, KINDS, Random(1), 0.0), 0.0  # noqa: S311 - not for secrets
    waiting = _calls(core.handle([Started(saved=None, keepalived=None)], now))
    lines = tuple(NotifyLine(vrrp, LineState.MASTER, 150) for vrrp in (VI_1, VG_1))
    waiting += _calls(core.handle([LinesRead(lines)], now))
    calls = 0
    for _ in range(STEPS):
        if calls >= CALLS:
            break
        if waiting:
            effect = waiting.pop(0)
            calls += 1
            answers = _answers(blocks.get(BLOCK_OF[type(effect.request)], deque()))
            result = call(effect.request, answers, number=effect.call_id)
            waiting += _calls(core.handle([result], now))
        else:
            next_at = core.next_at()
            assert next_at is not None
            now = max(now, next_at)
            waiting += _calls(core.handle([], now))
    json.dumps(document(snapshot_of(core, now), now))


def _answers(blocks: deque[bytes]) -> Iterator[bytes]:
    while blocks:
        yield blocks.popleft() if len(blocks) > 1 else blocks[0]


def _calls(effects: tuple[Effect, ...]) -> list[StartCall]:
    for effect in effects:
        match effect:
            case Report():
                assert entry_of(effect).event in EVENTS
                assert [] == mistyped(effect, Report), effect
            case StartCall(request=Mutate(step=step)):
                assert isinstance(step.holder, int)
    return [effect for effect in effects if isinstance(effect, StartCall)]
