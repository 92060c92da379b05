"""`hakeeper drill`: a failover on purpose, there and back, with the time of each phase."""

import argparse
import json
import platform
import signal
import socket as network
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from hakeeper import __version__, exits
from hakeeper.cli.asking import NotDone, do, give_up, look
from hakeeper.cli.durations import seconds_between
from hakeeper.cli.options import add_json, add_socket
from hakeeper.cli.say import say
from hakeeper.cli.step_down import POLL_S, ask_for_it, follow, look_before, taken_back

LASTS_S: Final = 600.0
"""A drill that is killed in its middle ends by itself after this."""
USUAL_STAY_S: Final = 5.0
LONGEST_STAY_S: Final = 300.0
BACK_S: Final = 60.0
NOT_BACK: Final = 1
CONNECT_S: Final = 1.0
PAUSE_S: Final = 0.05
PORTS: Final = range(1, 65536)
SIGNALLED: Final = 128
_ENDS: Final = (signal.SIGTERM, signal.SIGHUP)
EPILOG: Final = """\
examples:
  hakeeper drill
  hakeeper drill --port 443          and try to connect to each address all the time
  hakeeper drill --json >> drills.jsonl

Run it on the MASTER, once a month. It steps down (see `hakeeper step-down --help`),
waits until the other node has all addresses, stays so for a moment, steps up, and
waits until this server has them again. The addresses move twice. Ctrl-C steps up,
and so does the end of the terminal.
With --port it also connects to each address while another server has it. That
shows that packets get through, unless this server has the address as well (on
`lo`): then it connects to itself. The JSON names no address and no server.

exit codes:
  0  there and back
  1  there, and not back within a minute: another server keeps the addresses
  2  wrong command line
  3  the daemon does not run, does not answer, or is too old to know this
  4  the daemon is busy with other clients; some connections are kept for root
  5  nothing was moved, or all is as before: the message says why
 77  only root and the service itself may do this
130  ended by Ctrl-C, after stepping up; 129 and 143: by SIGHUP or SIGTERM
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the drill: its name for programs, what people call it, and how long it took."""

    name: str
    text: str
    seconds: float


@dataclass(slots=True)
class Connections:
    """Tries to connect to the addresses again and again, in a thread of its own."""

    port: int
    addresses: tuple[str, ...] = ()
    tried: int = 0
    failed: int = 0
    longest_s: float = 0.0
    """The longest time without a connection."""
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self, addresses: tuple[str, ...]) -> None:
        """Go on until `end`."""
        self.addresses = addresses
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop, and wait for the last one."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        good_s = dict.fromkeys(self.addresses, time.monotonic())
        while not self._end.wait(PAUSE_S):
            for address in self.addresses:
                self.tried += 1
                if self._connects(address):
                    good_s[address] = time.monotonic()
                else:
                    self.failed += 1
                    self.longest_s = max(self.longest_s, time.monotonic() - good_s[address])

    def _connects(self, address: str) -> bool:
        try:
            with network.create_connection((address, self.port), CONNECT_S):
                return True
        except OSError:
            return False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--stay",
        metavar="SECONDS",
        type=seconds_between(0.0, LONGEST_STAY_S),
        default=USUAL_STAY_S,
        help="how long the other node has the addresses, up to 300 (default: 5)",
    )
    parser.add_argument(
        "--port", metavar="PORT", type=_port, help="connect to this TCP port of each address"
    )
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Drill, and print the figures."""
    socket = str(args.socket)
    connections = None if args.port is None else Connections(args.port)
    for number in _ENDS:
        signal.signal(number, _end)
    try:
        look_before(socket)
        before = look(socket, {"command": "status"})
        try:
            begun = ask_for_it(socket, LASTS_S, "drill")["step_down"]
            phases = [*_there(socket, begun, connections, args), *_back(socket, begun)]
        except (KeyboardInterrupt, _Ended):
            do(socket, {"command": "step-up"})
            raise
        finally:
            if connections is not None:
                connections.end()
    except NotDone as error:
        return give_up(error, as_json=args.json)
    except _Ended as ended:
        return SIGNALLED + ended.number
    is_back = phases[-1].name == "confirmed_here"
    if args.json:
        sys.stdout.write(json.dumps(_document(before, phases, connections)) + "\n")
    else:
        for line in _lines(phases, connections, is_back=is_back):
            say(line)
    return exits.OK if is_back else NOT_BACK


class _Ended(BaseException):
    """A signal wants us to end; not an Exception, as KeyboardInterrupt is none."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end(number: int, _frame: FrameType | None) -> None:
    """A terminal that goes away must not leave this server stepped down."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise _Ended(number)


def _there(
    socket: str, begun: Mapping[str, Any], connections: Connections | None, args: argparse.Namespace
) -> list[Phase]:
    """Wait until the other node has all, and stay so; raises NotDone if that never comes."""
    status = follow(socket, begun, is_quiet=True)
    found = status["step_down"]
    if found is None:
        raise taken_back(status)
    if connections is not None:
        connections.begin(tuple(each["address"] for each in _addresses(status, begun)))
    time.sleep(args.stay)
    return [
        Phase(name="yielded", text="another node is MASTER", seconds=found["yield_s"]),
        Phase(name="claimed", text="it has all addresses", seconds=found["claim_s"]),
    ]


def _back(socket: str, begun: Mapping[str, Any]) -> list[Phase]:
    """Step up, and wait until this server has all again; what does not come is left out."""
    at_s = time.monotonic()
    do(socket, {"command": "step-up"})
    phases: list[Phase] = []
    while time.monotonic() - at_s < BACK_S:
        status = look(socket, {"command": "status"})
        roles = _roles(status, begun)
        is_master = all(role["role"] == "MASTER" for role in roles)
        if is_master and not phases:
            seconds = time.monotonic() - at_s
            phases.append(Phase(name="master_again", text="this node is MASTER", seconds=seconds))
        if is_master and all(each["confirmed"] for role in roles for each in role["addresses"]):
            seconds = time.monotonic() - at_s - phases[0].seconds
            text = "it has all addresses"
            return [*phases, Phase(name="confirmed_here", text=text, seconds=seconds)]
        time.sleep(POLL_S)
    return phases


def _roles(status: Mapping[str, Any], begun: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What this server was MASTER of when the drill began."""
    return [role for role in status["roles"] if role["name"] in begun["instances"]]


def _addresses(status: Mapping[str, Any], begun: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for role in _roles(status, begun) for each in role["addresses"]]


# --- what is printed ------------------------------------------------------------------------------


def _lines(phases: list[Phase], connections: Connections | None, *, is_back: bool) -> Iterator[str]:
    for phase in phases:
        yield f"{phase.seconds:8.2f} s  {phase.text}"
    if connections is not None:
        failed = f"{connections.failed} of {connections.tried} connections failed"
        gap = f", the longest gap {connections.longest_s:.2f} s" if connections.failed else ""
        yield f"{failed}{gap}"
    if not is_back:
        yield (
            "not back: the addresses are not with this server a minute after it stepped up. With"
            " `nopreempt`, or a lower priority, that is as it should be: hakeeper status"
        )


def _document(
    status: Mapping[str, Any], phases: list[Phase], connections: Connections | None
) -> dict[str, object]:
    """Return what may be published: no name, no address."""
    addresses = [each for role in status["roles"] for each in role["addresses"]]
    found: dict[str, object] = {
        "ok": True,
        "schema": 1,
        "time": status["time"],
        "hakeeper": __version__,
        "kernel": platform.release(),
        "addresses": len(addresses),
        "seconds": {phase.name: round(phase.seconds, 3) for phase in phases},
    }
    if connections is not None:
        found["connections"] = {
            "tried": connections.tried,
            "failed": connections.failed,
            "longest_gap_s": round(connections.longest_s, 3),
        }
    return found


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) in PORTS):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port: 1 to 65535")
    return int(text)
