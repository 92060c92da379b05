"""What the simulator's log must never show, whatever a test does."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from hakeeper.demo.cloud import CloudFront, FaultRecord, LoggedRequest

_SURELY_NOT_DONE = frozenset({400, 401, 403, 404, 405, 408, 409, 410, 412, 422, 423, 425, 429})
_REFUSED_BY_THE_API = frozenset({500, 501, 503})
"""The API's own word that it accepted nothing; 502 and 504 come from a gateway that knows less."""

PROBE = "/floating_ips/0/actions/assign"
"""What `hakeeper check --online` asks to learn whether the token may write: no assign."""


def broken_rules(
    cloud: CloudFront,
    servers: Mapping[str, int],
    timeout_s: float,
    alias_ips: AbstractSet[str] = frozenset(),
) -> list[str]:
    """Return every breach; `servers` says which server each client runs on.

    `alias_ips` are those that the clients' configurations name: no other may ever change.
    """
    requests = [
        request
        for request in cloud.requests()
        if request.client in servers and not request.path.endswith(PROBE)
    ]
    found = [
        f"a write that is no assign: {request.method} {request.path}"
        for request in requests
        if request.is_write and not request.is_assign and not request.is_alias_write
    ]
    found += [
        f"{change.cause} moved {change.ip} from {change.old} to {change.new}"
        for change in cloud.alias_moves()
        if change.cause in servers
        and (change.ip not in alias_ips or change.new not in (None, servers[change.cause]))
    ]
    found += [
        f"{request.client} assigned to server {request.server}"
        for request in requests
        if request.is_assign and request.server != servers[request.client]
    ]
    faults = {fault.id: fault for fault in cloud.faults()}
    for client in servers:
        for address in {request.floating_ip for request in requests if request.is_assign}:
            concerning = [
                request
                for request in requests
                if request.client == client
                and "/floating_ips" in request.path
                and request.floating_ip in {None, address}
            ]
            found += _blind_resends(concerning, faults, timeout_s)
    return found


def _blind_resends(
    requests: Sequence[LoggedRequest], faults: Mapping[int, FaultRecord], timeout_s: float
) -> list[str]:
    """Find assigns that follow one of unknown outcome without a good read between them."""
    found: list[str] = []
    outcome_unknown: LoggedRequest | None = None
    for request in requests:
        if request.is_assign:
            if outcome_unknown is not None:
                found.append(
                    f"assign {request.seq} resends {outcome_unknown.seq} without a read between"
                )
            outcome_unknown = request if _is_unsure(request, faults) else None
        elif (
            outcome_unknown is not None and request.status == 200 and request.answered_s is not None
        ):  # OK
            known_s = outcome_unknown.received_s + _silence_s(outcome_unknown, faults, timeout_s)
            if request.received_s >= known_s:
                outcome_unknown = None
    return found


def _is_unsure(request: LoggedRequest, faults: Mapping[int, FaultRecord]) -> bool:
    if request.answered_s is None or request.status is None:
        return True
    if request.status in _SURELY_NOT_DONE | _REFUSED_BY_THE_API:
        return False
    spoiled = request.fault is not None and "answer" in faults[request.fault].fault
    return spoiled or request.status >= 300  # not a 2xx


def _silence_s(
    request: LoggedRequest, faults: Mapping[int, FaultRecord], timeout_s: float
) -> float:
    """At least so long nobody could know that the assign was lost: it simply was not answered."""
    if request.fault is None:
        return 0.0
    record = faults[request.fault]
    silent = record.fault.get("answer") == "never" or {"drip_s", "delay_s"} & record.fault.keys()
    if not silent:
        return 0.0
    ended_s = float("inf") if record.ended_s is None else record.ended_s
    return min(timeout_s / 2, ended_s - request.received_s)
