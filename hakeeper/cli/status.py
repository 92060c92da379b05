"""`hakeeper status`: what the running daemon knows and does."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hakeeper.adapters.control import ControlError, NotRunning, ask
from hakeeper.cli.options import add_json, default_socket
from hakeeper.core.snapshot import Health

NOT_RUNNING = 3
TIMEOUT_S = 5.0

EPILOG = """\
exit codes:
  0  ok: every role is known, every address of a MASTER is confirmed here
  1  degraded: something is not as it should be, but no address is known to be lost
  2  broken: a MASTER's address is elsewhere, or the token or a name is wrong
  3  the daemon does not run, or does not answer
"""

Document = Mapping[str, Any]
"""The status as the daemon sent it: JSON, so of any shape as far as types can tell."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    parser.add_argument(
        "--socket",
        metavar="PATH",
        type=Path,
        default=default_socket(),
        help="the daemon's control socket (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Ask, print, and return the verdict as the exit code."""
    try:
        status = ask(str(args.socket), {"command": "status"}, TIMEOUT_S)
    except (ControlError, NotRunning) as error:
        _print_failure(str(error), as_json=args.json)
        return NOT_RUNNING
    if args.json:
        sys.stdout.write(json.dumps(status, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(lines(status)) + "\n")
    return Health[str(status["health"]).upper()].value


def _print_failure(text: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"health": "not running", "error": text}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{text}\nlook: systemctl status hakeeper; journalctl -u hakeeper\n")


def lines(status: Document) -> Iterator[str]:
    """Return the status for people: trouble first."""
    yield f"{status['health'].upper()}  {_server(status)}"
    for problem in status["problems"]:
        yield f"  {problem['health']}: {problem['text']}"
    for role in status["roles"]:
        yield ""
        group = "group " if role["kind"] == "GROUP" else ""
        yield f"{group}{role['name']}  {role['role']} for {_age(role['role_age_s'])}"
        yield f"  because {role['reason']}"
        for address in role["addresses"]:
            yield from _address(address)
    yield ""
    yield f"keepalived  {_keepalived(status)}"
    yield f"FIFO        {status['fifo']}: {status['fifo_detail']}"
    yield f"API         {_api(status)}"


def _server(status: Document) -> str:
    if status["server_id"] is None:
        return "server not identified yet"
    return f"server {status['server_name']} (id {status['server_id']})"


def _address(address: Document) -> Iterator[str]:
    name = address["address"]
    if address["ref"] != name:
        name = f"{address['ref']} = {name}"
    yield f"  {name}: {_owner(address)}; {address['stage']}"
    decided = address["decision_age_s"]
    ago = "" if decided is None else f" ({_age(decided)} ago)"
    yield f"    last decision: {address['decision']}{ago}"


def _owner(address: Document) -> str:
    match address["owner"]:
        case "mine":
            owner = "on this server"
        case "nobody":
            owner = "on no server"
        case "unknown":
            return "owner unknown"
        case _:
            owner = f"on server {address['owner_server_id']}"
    return f"{owner}, read {_age(address['owner_age_s'])} ago"


def _keepalived(status: Document) -> str:
    pid = status["keepalived_pid"]
    return "not seen" if pid is None else f"runs, pid {pid}"


def _api(status: Document) -> str:
    parts = [status["api"]]
    if status["api_age_s"] is not None:
        parts.append(f"last answer {_age(status['api_age_s'])} ago")
    if status["api_latency_s"] is not None:
        parts.append(f"{status['api_latency_s'] * 1000:.0f} ms")
    if status["quota_left"] is not None:
        parts.append(f"{status['quota_left']} of {status['quota_limit_per_hour']} calls left")
    if status["next_look_in_s"] is not None:
        parts.append(f"next look in {_age(status['next_look_in_s'])}")
    return ", ".join(parts)


def _age(seconds: float) -> str:
    whole = round(seconds)
    for size_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * size_s:
            return f"{whole // size_s} {unit}"
    return f"{seconds:.0f} s"
