"""A short history in which all went well, for tests that spoil one thing of it."""

import json
from dataclasses import replace

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import AliasChange, HolderChange, LoggedRequest
from hakeeper.demo.history import (
    ADDRESS,
    ALIAS,
    INSTANCE,
    Act,
    Checkpoint,
    History,
    PowerCut,
    Said,
    Span,
)
from hakeeper.demo.lab import RoleChange

SERVERS = {"a": 101, "b": 102}
FOREIGN = {"a": "10.99.0.201", "b": "10.99.0.202"}
NETWORK = 7
ZERO_S = 1000.0
"""The monotonic clock at the start; all times below are seconds since then."""


def role(at_s: float, node: str, word: Role) -> RoleChange:
    return RoleChange(ZERO_S + at_s, node, VrrpId(VrrpKind.INSTANCE, INSTANCE), word)


def holder(at_s: float, old: str | None, new: str | None, cause: str = "") -> HolderChange:
    return HolderChange(
        at_s=ZERO_S + at_s,
        floating_ip=4711,
        old=SERVERS[old] if old else None,
        new=SERVERS[new] if new else None,
        cause=cause or new or "created",
    )


def alias(
    at_s: float, old: str | None, new: str | None, cause: str = "", ip: str = ALIAS
) -> AliasChange:
    """A release or a take: one of `old` and `new` is None."""
    return AliasChange(
        at_s=ZERO_S + at_s,
        network=NETWORK,
        ip=ip,
        old=SERVERS[old] if old else None,
        new=SERVERS[new] if new else None,
        cause=cause or new or "",
    )


def assign(
    at_s: float, node: str, status: int = 201, *, server: int | None = None
) -> LoggedRequest:
    return LoggedRequest(
        seq=int(at_s * 100),
        connection=1,
        client=node,
        method="POST",
        path="/v1/floating_ips/4711/actions/assign",
        query="",
        body=f'{{"server": {server or SERVERS[node]}}}',
        correlation_id="x",
        received_s=ZERO_S + at_s,
        answered_s=ZERO_S + at_s,
        status=status,
        handled=status == 201,
    )


def alias_write(
    at_s: float, node: str, status: int = 201, *, on: str, aliases: tuple[str, ...] | None = None
) -> LoggedRequest:
    """A list for server `on`: with the alias IP, if it is the sender's own."""
    listed = (FOREIGN[on], ALIAS) if on == node else (FOREIGN[on],)
    return replace(
        assign(at_s, node, status),
        path=f"/v1/servers/{SERVERS[on]}/actions/change_alias_ips",
        body=json.dumps({"network": NETWORK, "alias_ips": listed if aliases is None else aliases}),
    )


def said(at_s: float, node: str, event: str, level: str = "notice", **fields: object) -> Said:
    return Said(
        at_s=ZERO_S + at_s,
        time_s=1_800_000_000 + at_s,
        node=node,
        pid=42,
        event=event,
        level=level,
        message=f"{event} was so",
        fields=fields,
    )


def claimed(at_s: float, node: str, address: str = ADDRESS) -> Said:
    return said(
        at_s,
        node,
        "address.claimed",
        address=address,
        attempt=1,
        sent_ms=2.0,
        accepted_ms=52.0,
        finished_ms=752.0,
        confirmed_ms=802.0,
    )


def act(at_s: float, title: str, heir: str, running: tuple[str, ...], end_s: float) -> Act:
    return Act(
        title=title,
        heir=heir,
        running=running,
        trigger="power cut",
        trigger_s=ZERO_S + at_s,
        checkpoint=Checkpoint(ZERO_S + end_s, {ADDRESS: heir, ALIAS: heir}, (heir,), running),
    )


def good() -> History:
    """Twenty seconds: a gets both and dies, b gets them, a comes back and dies in an outage."""
    return History(
        span=Span(ZERO_S, ZERO_S + 20),
        servers=SERVERS,
        address=ADDRESS,
        alias=ALIAS,
        foreign=FOREIGN,
        acts=(
            act(1, "1. Start", "a", ("a", "b"), 3.9),
            act(4, "2. Cut", "b", ("b",), 7.9),
            act(8, "3. Back", "a", ("a", "b"), 11.9),
            act(12, "4. Outage", "b", ("b",), 19.9),
        ),
        acts_planned=4,
        roles=(
            role(1.0, "a", Role.BACKUP),
            role(1.0, "b", Role.BACKUP),
            role(1.7, "a", Role.MASTER),
            role(4.0, "a", Role.UNKNOWN),
            role(4.6, "b", Role.MASTER),
            role(8.1, "a", Role.BACKUP),
            role(9.0, "a", Role.MASTER),
            role(9.0, "b", Role.BACKUP),
            role(12.0, "a", Role.UNKNOWN),
            role(12.6, "b", Role.MASTER),
        ),
        holder_changes=(
            holder(0.1, None, None),
            holder(2.0, None, "a"),
            holder(5.0, "a", "b"),
            holder(9.4, "b", "a"),
            holder(17.0, "a", "b"),
        ),
        alias_changes=(
            *(alias(-0.1, None, node, "created", ip) for node, ip in FOREIGN.items()),
            alias(2.1, None, "a"),
            alias(5.1, "a", None, "b"),
            alias(5.6, None, "b"),
            alias(9.5, "b", None, "a"),
            alias(10.0, None, "a"),
            alias(17.1, "a", None, "b"),
            alias(17.6, None, "b"),
        ),
        requests=(
            assign(1.7, "a"),
            assign(4.6, "b"),
            assign(9.0, "a"),
            assign(12.6, "b", 503),
            assign(13.6, "b", 503),
            assign(16.7, "b"),
            alias_write(1.8, "a", on="a"),
            alias_write(4.7, "b", on="a"),
            alias_write(5.2, "b", on="b"),
            alias_write(9.1, "a", on="b"),
            alias_write(9.6, "a", on="a"),
            alias_write(16.8, "b", on="a"),
            alias_write(17.3, "b", on="b"),
        ),
        said=(
            claimed(2.5, "a"),
            claimed(5.5, "b"),
            claimed(9.9, "a"),
            said(12.7, "b", "claim.failed", "warning", http_status=503),
            claimed(17.5, "b"),
            claimed(2.6, "a", ALIAS),
            claimed(6.0, "b", ALIAS),
            claimed(10.4, "a", ALIAS),
            claimed(18.0, "b", ALIAS),
        ),
        power_cuts=(
            PowerCut("a", Span(ZERO_S + 4, ZERO_S + 8)),
            PowerCut("a", Span(ZERO_S + 12, ZERO_S + 20)),
        ),
        outages=(Span(ZERO_S + 11.9, ZERO_S + 16),),
    )


def without_acts(history: History, count: int) -> History:
    """Drop the last acts, as a story that broke off."""
    return replace(history, acts=history.acts[:-count])
