"""`hakeeper probe`: one line and an exit code, for monitoring and load balancers.

It asks the daemon for the same status as `hakeeper status`, and has the same verdict. Load
balancers may ask several times a second, so this module imports next to nothing: no core, no
kinds, no library.
"""

import argparse
import enum
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.cli.options import add_json, add_socket
from hakeeper.printable import printable

TIMEOUT_S: Final = 3.0
LONGEST_TIMEOUT_S: Final = 60.0
SCHEMA: Final = 1
"""The version of the daemon's JSON that is understood here."""
ALL: Final = "\0"
"""`--master` without a name. No name: an empty one may come of a script's empty variable."""
TEXT_LIMIT: Final = 500
"""The longest text, in characters: NRPE and some load balancers cut lines at a kilobyte."""
NAMES_SHOWN: Final = 5

EPILOG = """\
examples:
  hakeeper probe                 for Nagios, Icinga, Zabbix: would this server take over?
  hakeeper probe --master        for a load balancer: has this server all its addresses?
  hakeeper probe --master VI_1   the same for one instance or group alone

exit codes (those of Nagios plugins):
  0  OK: `hakeeper status` says OK
  1  WARNING: it says DEGRADED: a failover may be late or fail, no address is known to be lost
  2  CRITICAL: it says BROKEN, or the daemon does not run
  3  UNKNOWN: the daemon does not answer in time, is busy, may not be asked, or is of another
     version; or the command line is wrong
With --master the exit code is 0 or 2 by that question alone, and 3 as above. 0 means: keepalived
says MASTER, is not isolated, and every address was confirmed on this server since then. While
Hetzner's API is away, a master that had its addresses keeps its 0.

Behind "|" stand the addresses confirmed here (of how many), the age of the oldest reading of a
holder in seconds, and the number of problems.
"""


class State(enum.IntEnum):
    """The states of Nagios plugins; the numbers are the exit codes."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


STATES: Final[Mapping[str, State]] = {
    "ok": State.OK,
    "degraded": State.WARNING,
    "broken": State.CRITICAL,
}
"""By the verdict of `hakeeper status`."""


class Result(NamedTuple):
    """What is said. The numbers are None if the daemon gave no status."""

    state: State
    text: str
    held: int | None = None
    addresses: int | None = None
    oldest_read_s: float | None = None
    problems: tuple[str, ...] | None = None


class _Role(NamedTuple):
    title: str
    name: str
    role: str
    counts: bool
    """MASTER, and keepalived is not isolated."""
    held: int
    addresses: int
    is_listed: bool
    """Whether all of its selectors have chosen."""

    @property
    def has_all(self) -> bool:
        return self.counts and self.is_listed and 0 < self.held == self.addresses

    def __str__(self) -> str:
        if self.role != "MASTER":
            return f"{self.title} {self.role}"
        isolated = "" if self.counts else ", which does not count: keepalived is isolated"
        of_them = f"{self.held} of {self.addresses} addresses confirmed here"
        listed = "" if self.is_listed else ", and what its labels choose is not known yet"
        return f"{self.title} MASTER{isolated}, {of_them}{listed}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    parser.add_argument(
        "--master",
        metavar="INSTANCE",
        nargs="?",
        const=ALL,
        help="succeed exactly while INSTANCE (without a name: each instance and group) is MASTER"
        " here and all its addresses are confirmed on this server",
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_timeout_s,
        default=TIMEOUT_S,
        help="give up after this long (default: %(default)g)",
    )
    add_socket(parser)


def _timeout_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= LONGEST_TIMEOUT_S:
        wanted = f"a number of seconds, more than 0 and at most {LONGEST_TIMEOUT_S:g}"
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Print one line, and return the state as the exit code."""
    result = _result(str(args.socket), args.timeout, args.master)
    sys.stdout.write(_as_json(result) if args.json else _as_line(result))
    return result.state.value


def _result(path: str, timeout_s: float, master: str | None) -> Result:
    try:
        status = ask(path, {"command": "status"}, timeout_s)
    except NotRunning as error:
        return Result(State.CRITICAL, str(error))
    except ControlError as error:
        return Result(State.UNKNOWN, str(error))
    return judged(status, master)


def judged(status: Mapping[str, Any], master: str | None = None) -> Result:
    """Judge the daemon's status; `master` is the name for `--master`, None without it."""
    schema = status.get("schema")
    if schema != SCHEMA:
        what = f"the daemon says version {schema} of the status, and this is for {SCHEMA}"
        return Result(State.UNKNOWN, f"{what}; systemctl restart hakeeper")
    try:
        return _judged(status, master)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"the daemon's status is not understood ({type(error).__name__}: {error})"
        return Result(State.UNKNOWN, f"{what}; systemctl restart hakeeper")


def _judged(status: Mapping[str, Any], master: str | None) -> Result:
    roles = [_role(plain) for plain in status["roles"]]
    problems = status["problems"]
    state, text = STATES[status["health"]], ", ".join(map(str, roles))
    if master is not None:
        state, text = _mastery(roles, master)
    elif problems:
        more = f" (and {len(problems) - 1} more: hakeeper status)" if len(problems) > 1 else ""
        text = f"{problems[0]['text']}{more}"
    return Result(
        state,
        text,
        held=sum(role.held for role in roles),
        addresses=sum(role.addresses for role in roles),
        oldest_read_s=max(_ages(status["roles"]), default=None),
        problems=tuple(str(problem["code"]) for problem in problems),
    )


def _role(plain: Mapping[str, Any]) -> _Role:
    name, addresses = str(plain["name"]), plain["addresses"]
    return _Role(
        title=f"group {name}" if plain["kind"] == "GROUP" else name,
        name=name,
        role=str(plain["role"]),
        counts=plain["role_confirmed"] is True,
        held=sum(address["confirmed"] is True for address in addresses),
        addresses=len(addresses),
        is_listed=all(selector["count"] is not None for selector in plain["selectors"]),
    )


def _ages(roles: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    for role in roles:
        for address in role["addresses"]:
            if address["holder_age_s"] is not None:
                yield float(address["holder_age_s"])


def _mastery(roles: Sequence[_Role], wanted: str) -> tuple[State, str]:
    """Answer `--master`. An instance and a group of one name: the group is `group NAME`."""
    asked = [role for role in roles if wanted in {ALL, role.title}]
    asked = asked or [role for role in roles if role.name == wanted]
    if not asked:
        titles = [role.title for role in roles]
        more = ", …" if len(titles) > NAMES_SHOWN else ""
        names = ", ".join(titles[:NAMES_SHOWN]) + more
        what = "has no instance" if wanted == ALL else f"has no instance {wanted!r}"
        return State.UNKNOWN, f"hakeeper {what}; it has: {names or 'none'}"
    lacking = [role for role in asked if not role.has_all]
    state = State.CRITICAL if lacking else State.OK
    return state, ", ".join(map(str, lacking or asked))


def _as_json(result: Result) -> str:
    document = {
        "state": result.state.name,
        "exit_code": result.state.value,
        "text": _fit(result.text),
        "held": result.held,
        "addresses": result.addresses,
        "oldest_read_s": result.oldest_read_s,
        "problems": result.problems,
    }
    return json.dumps(document) + "\n"


def _as_line(result: Result) -> str:
    # What follows the first "|" is read as numbers.
    text = _fit(result.text).replace("|", "/")
    numbers = " ".join(_numbers(result))
    return f"HAKEEPER {result.state.name} - {text}{numbers and f' | {numbers}'}\n"


def _numbers(result: Result) -> Iterator[str]:
    """Give the numbers as Nagios reads them: label=value;warning;critical;least;most."""
    if result.addresses is not None:
        yield f"held={result.held};;;0;{result.addresses}"
    if result.oldest_read_s is not None:
        yield f"oldest_read={result.oldest_read_s:.1f}s;;;0"
    if result.problems is not None:
        yield f"problems={len(result.problems)};;;0"


def _fit(text: str) -> str:
    shown = printable(" ".join(text.split()))
    return shown if len(shown) <= TEXT_LIMIT else f"{shown[: TEXT_LIMIT - 3]}..."
