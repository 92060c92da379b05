"""A keeper that is master of three addresses, told by an API that may answer anything."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import IPv6Network
from random import Random

from hetzner_bench import action_json, floating_ip_json, page_json, server_json

from fuzz.bodies import block
from fuzz.canned import SEPARATOR, answer_bytes, call
from fuzz.shapes import mistyped
from hakeeper.core.calls import Assign
from hakeeper.core.events import Effect, LinesRead, Report, StartCall, Started, Tick
from hakeeper.core.keeper import Keeper
from hakeeper.core.lines import LineState, NotifyLine
from hakeeper.core.model import ById, ByName, ByNetwork, Settings, VrrpId, VrrpKind
from hakeeper.core.reports import EVENTS

ANSWERS = 12
"""So many answers are used up at most; after the last block every connection just closes."""
STEPS = 40
VI_1 = VrrpId(VrrpKind.INSTANCE, "VI_1")
VG_1 = VrrpId(VrrpKind.GROUP, "VG_1")
SETTINGS = Settings(
    addresses={
        VI_1: (ByName("web"), ByNetwork(IPv6Network("2001:db8:1:2::/64"))),
        VG_1: (ById(4712),),
    }
)


def _list(owner: int | None) -> bytes:
    web = floating_ip_json(4711, name="web", server=owner)
    net = floating_ip_json(4713, name="net", ip="2001:db8:1:2::/64", server=owner)
    body = page_json([]) | {"floating_ips": [web, floating_ip_json(4712, server=owner), net]}
    return block(200, body, RateLimit_Limit=3600, RateLimit_Remaining=3000)


def _read(owner: int | None) -> bytes:
    return block(200, {"floating_ip": floating_ip_json(4711, name="web", server=owner)})


def seeds() -> Iterator[bytes]:
    """Give claims that end well, are hindered, are lost again, and never begin."""
    me = block(200, {"server": server_json()})
    other = block(200, {"server": server_json(43, status="off")})
    accepted = block(201, {"action": action_json()})
    done = block(200, {"actions": [action_json(status="success")]})
    locked = block(423, {"error": {"code": "locked", "message": "no"}})
    wait = block(429, {"error": {"code": "rate_limit_exceeded", "message": "no"}}, Retry_After=3)
    denied = block(401, {"error": {"code": "unauthorized", "message": "no"}})
    yield SEPARATOR.join([me, _list(43), accepted, accepted, accepted, done, *[_read(42)] * 6])
    yield SEPARATOR.join([me, _list(43), *[accepted] * 3, done, *[_read(43), accepted, done] * 5])
    yield SEPARATOR.join([me, _list(None), locked, wait, locked, _read(43), accepted, other])
    yield SEPARATOR.join([denied, denied, me, wait, _list(42), _list(42), _list(43), _read(43)])
    yield SEPARATOR.join([_list(43), me, block(200, {}), b"502\n\n", accepted, _read(None)])


def run(data: bytes) -> None:
    """Let the keeper work until the answers are used up."""
    blocks = data.split(SEPARATOR)[:ANSWERS]
    answers = map(answer_bytes, blocks)
    keeper, now = Keeper(SETTINGS, Random(1), 0.0), 0.0  # noqa: S311 - not for secrets
    waiting = _calls(keeper.handle(Started(saved=None, keepalived=None), now))
    lines = tuple(NotifyLine(vrrp, LineState.MASTER, 150) for vrrp in (VI_1, VG_1))
    waiting += _calls(keeper.handle(LinesRead(lines), now))
    used = 0
    for _ in range(STEPS):
        if used > len(blocks):
            break
        if waiting:
            effect = waiting.pop(0)
            used += 1
            result = call(effect.request, answers, number=effect.call_id)
            waiting += _calls(keeper.handle(result, now))
        else:
            next_at = keeper.next_at()
            assert next_at is not None
            now = max(now, next_at)
            waiting += _calls(keeper.handle(Tick(), now))
    json.dumps(asdict(keeper.snapshot(now)))


def _calls(effects: tuple[Effect, ...]) -> list[StartCall]:
    for effect in effects:
        match effect:
            case Report(event=event, fields=fields):
                assert event in EVENTS
                assert [] == mistyped(effect, Report), fields
            case StartCall(request=Assign(server_id=server_id)):
                assert isinstance(server_id, int)
    return [effect for effect in effects if isinstance(effect, StartCall)]
