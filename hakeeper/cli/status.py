"""`hakeeper status`: shows the state of the running daemon, once or live.

Monitoring may ask often, and the daemon's answer has all the words: so the core, the kinds and the
libraries are imported only where they are needed.
"""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hakeeper import exits
from hakeeper.adapters.control_client import (
    Busy,
    ControlError,
    NoSocket,
    NotRunning,
    Unreachable,
    ask,
)
from hakeeper.adapters.paused_by import user
from hakeeper.adapters.status_words import (
    CONFIRMED,
    LAST_KNOWN,
    NOT_FOUND,
    NOT_KNOWN_NOW,
    ON_ANOTHER,
    ON_NOBODY,
    ON_US,
    PAUSED,
    STEPPED_DOWN,
    UNKNOWN,
    VERDICT_CODES,
    VERDICT_TEXTS,
)
from hakeeper.adapters.step_down_texts import STAGE_TEXTS
from hakeeper.adapters.times import age, clock
from hakeeper.cli.options import add_json, add_socket
from hakeeper.printable import cure_lines, printable

if TYPE_CHECKING:
    from hakeeper.adapters.legend import Section

NOT_RUNNING = 3
BUSY: Final = 4
GONE: Final = "hakeeper.gone"
SILENT: Final = "hakeeper.silent"
UNREACHABLE: Final = "hakeeper.unreachable"
TIMEOUT_S = 5.0
WATCH_TIMEOUT_S: Final = 1.5
"""A live picture that shows nothing for longer looks like one that hangs itself."""
WIDTH: Final = 80
LEGEND_COLUMN: Final = 26
"""Where the meanings stand."""

EPILOG = f"""\
examples:
  hakeeper status            what is wrong, what to do, and what hakeeper knows
  hakeeper status --watch    the same, live; Ctrl-C ends it
  hakeeper status --legend   what each word means
  hakeeper status --json --watch | jq --unbuffered .health

exit codes:
  0  ok: {VERDICT_TEXTS["ok"]}
  1  degraded: {VERDICT_TEXTS["degraded"]}
  2  broken: {VERDICT_TEXTS["broken"]}
  3  the daemon does not run, or does not answer
  4  the daemon is busy with other clients; some connections are reserved for root
 77  only root and members of the group hakeeper may ask it
With --watch: 130 after Ctrl-C, 143 after SIGTERM, 141 if nobody reads any more. --legend: 0.

Every problem has a code, which --json shows. docs/status.md lists them all
(/usr/share/doc/hakeeper/docs/status.md).
"""

Document = Mapping[str, Any]
"""The status as parsed from the daemon's JSON; or with `error`, that there is none, and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--watch",
        action="store_true",
        help="go on: full screen on a terminal, else a block (with --json a line) for each change",
    )
    instead.add_argument(
        "--legend", action="store_true", help="explain each word that the status can show"
    )
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Print the daemon's status, and return its health as the exit code."""
    if args.legend:
        sys.stdout.write(_legend_as_json() if args.json else _lines_out(_legend()))
        return exits.OK
    if args.watch:
        from hakeeper.cli.status_watch import watch  # noqa: PLC0415  # see the module's docstring

        return watch(lambda: _asked(args.socket, WATCH_TIMEOUT_S)[1], shown, as_json=args.json)
    code, status = _asked(args.socket, TIMEOUT_S)
    if args.json:
        sys.stdout.write(json.dumps(status, indent=2) + "\n")
    else:
        sys.stdout.write(_lines_out(shown(status, time.time())))
    return code


def _asked(path: Path, timeout_s: float) -> tuple[int, Document]:
    """Return the exit code and the status."""
    try:
        status = ask(str(path), {"command": "status"}, timeout_s)
    except Busy as error:
        return BUSY, _failure("busy", "hakeeper.busy", str(error))
    except Unreachable as error:
        return exits.NO_PERMISSION, _failure("not permitted", "hakeeper.denied", str(error))
    except NoSocket as error:
        return NOT_RUNNING, _failure_of(error)
    except NotRunning as error:
        return NOT_RUNNING, _failure("not running", GONE, str(error))
    except ControlError as error:
        return NOT_RUNNING, _failure("no answer", SILENT, str(error))
    return VERDICT_CODES[status["health"]], status


def _failure(health: str, code: str, text: str) -> Document:
    from hakeeper.adapters.cures import cure_of  # noqa: PLC0415  # a status has its cures in it

    return {"health": health, "error": text, "code": code, "cure": cure_of(code)}


def _failure_of(error: NoSocket) -> Document:
    from hakeeper.adapters.cures import socket_cure  # noqa: PLC0415  # a status has its cures in it

    cure = socket_cure(error.place, error.lack)
    return {"health": "no answer", "error": str(error), "code": UNREACHABLE, "cure": cure}


def _lines_out(text: Iterable[str]) -> str:
    return "\n".join(map(printable, text)) + "\n"


# --- the legend -------------------------------------------------------------------------------


def _sections() -> "tuple[Section, ...]":
    from hakeeper.adapters.legend import sections  # noqa: PLC0415  # see the module's docstring

    return sections()


def _legend() -> Iterator[str]:
    for number, section in enumerate(_sections()):
        yield from [""] * bool(number)
        yield section.title
        for word, meaning in section.words.items():
            head = f"  {word:<{LEGEND_COLUMN - 4}}  "
            if len(head) > LEGEND_COLUMN:
                yield from _wrapped("", head.rstrip())
                head = " " * LEGEND_COLUMN
            yield from _wrapped(head, meaning)


def _legend_as_json() -> str:
    return (
        json.dumps({section.key: dict(section.words) for section in _sections()}, indent=2) + "\n"
    )


# --- for people -------------------------------------------------------------------------------


def shown(status: Document, now_s: float) -> Iterator[str]:
    """Return the status for people, or why there is none."""
    return _failure_lines(status, now_s) if "error" in status else lines(status, now_s)


def _failure_lines(failure: Document, now_s: float) -> Iterator[str]:
    since = f"; so since {_ago(failure['since'], now_s)}" if "since" in failure else ""
    yield from _wrapped("", f"{failure['error']}{since}")
    yield from cure_lines(failure["cure"], "    do:     ", WIDTH)


def lines(status: Document, now_s: float) -> Iterator[str]:
    """Return the status for people, problems first."""
    yield from _wrapped("", f"{status['health'].upper()}  {_server(status)}")
    for problem in status["problems"]:
        yield ""
        yield from _problem(problem)
    if status.get("pause") is not None:  # a daemon that was not restarted has none
        yield ""
        yield from _wrapped(f"{PAUSED}  ", _pause(status["pause"], now_s))
    if status.get("step_down") is not None:
        yield ""
        yield from _wrapped(f"{STEPPED_DOWN}  ", _step_down(status["step_down"], now_s))
    for role in status["roles"]:
        yield ""
        yield from _role(role, now_s)
    yield ""
    yield from _wrapped("keepalived  ", _keepalived(status))
    yield from _wrapped("FIFO        ", f"{status['fifo']}: {status['fifo_detail']}")
    apis = status["apis"]
    for number, api in enumerate(apis):
        # The names of the two that there are fit.
        name = "API" if len(apis) == 1 else str(api["title"]).removeprefix("Hetzner ")
        look_in_s = None if number else status["next_look_in_s"]
        yield from _wrapped(f"{name:<12}", _api(api, look_in_s, now_s))
    yield from _wrapped("hakeeper    ", _hakeeper(status, now_s))


def _wrapped(head: str, text: str, *, indent: str | None = None) -> list[str]:
    return textwrap.wrap(
        head + text,
        WIDTH,
        subsequent_indent=" " * len(head) if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _seconds(when: str) -> float:
    return datetime.fromisoformat(when).timestamp()


def _ago(when: str, now_s: float) -> str:
    """Return a time of day with its age."""
    at_s = _seconds(when)
    return f"{clock(at_s, now_s)} ({age(now_s - at_s)} ago)"


def _server(status: Document) -> str:
    if status["server_id"] is None:
        return "it is not known yet which server this is"
    return f"{status['server_name']} (id {status['server_id']})"


def _pause(pause: Document, now_s: float) -> str:
    until = f"{clock(_seconds(pause['until']), now_s)} ({age(pause['left_s'])} left)"
    why = f": {pause['reason']}" if pause["reason"] else ""
    who = user(pause["by"], pause["user_id"])
    return f"by {who} since {_ago(pause['since'], now_s)} until {until}{why}"


def _step_down(step_down: Document, now_s: float) -> str:
    return f"{_pause(step_down, now_s)}; {STAGE_TEXTS[step_down['stage']]}"


def _problem(problem: Document) -> Iterator[str]:
    since = f" [{age(problem['age_s'])}]" if problem["age_s"] is not None else ""
    yield from _wrapped(f"  {problem['health']:<9} ", f"{problem['text']}{since}")
    yield from cure_lines(problem["cure"], "    do:     ", WIDTH)


def _role(role: Document, now_s: float) -> Iterator[str]:
    group = "group " if role["kind"] == "GROUP" else ""
    since = _seconds(role["role_since"])
    head = f"{group}{role['name']}  {role['role']} since {clock(since, now_s)}"
    indent = " " * (len(group) + len(role["name"]) + 2)
    yield from _wrapped("", f"{head} ({age(now_s - since)}): {role['reason']}", indent=indent)
    for selector in role.get("selectors", ()):  # a daemon that was not restarted has none
        yield from _wrapped("  ", _selector(selector))
    for address in role["addresses"]:
        yield from _address(address, role, now_s)


def _selector(selector: Document) -> str:
    if selector["count"] is None:
        return f"{selector['ref']}: the {selector['noun']}s of the project are not listed yet"
    of_them = f"{selector['count']} of the project's {selector['listed']} {selector['noun']}s"
    return f"{selector['ref']}: chooses {of_them}"


def _address(address: Document, role: Document, now_s: float) -> Iterator[str]:
    name = address["address"]
    if address["ref"] != name and not address.get("chosen"):
        name = f"{address['ref']} = {name}"
    yield from _wrapped("  ", f"{name}: {_holder(address, role, now_s)}")
    decided = address["decision_age_s"]
    ago = "" if decided is None else f" ({age(decided)} ago)"
    if address["due_at"] is not None:
        ago += f", at {clock(_seconds(address['due_at']), now_s)}"
    yield from _wrapped("    ", f"{address['stage']}; last decision: {address['decision']}{ago}")


def _holder(address: Document, role: Document, now_s: float) -> str:
    read = address["holder_read_at"]
    match address["holder"]:
        case "us":
            where = ON_US
        case "nobody":
            where = ON_NOBODY
        case "unknown":
            return UNKNOWN.format(address["holder_label"])
        case _:
            where = ON_ANOTHER.format(address["holder_label"])
    if address["confirmed"]:
        return f"{where}, {CONFIRMED}; read {_ago(read, now_s)}"
    if address["holder_current"]:
        return f"{where}, read {_ago(read, now_s)}"
    if address["resource_id"] is None:
        return f"{NOT_FOUND}; {LAST_KNOWN}: {where}, {_ago(read, now_s)}"
    # Ages are rounded: equal ones mean that it was read before, or the holder would be current.
    older = role["role_age_s"] <= address["holder_age_s"]
    unread = f"not read since this server became {role['role']}" if older else "not read lately"
    return f"{NOT_KNOWN_NOW} ({unread}); {LAST_KNOWN}: {where}, {_ago(read, now_s)}"


def _keepalived(status: Document) -> str:
    pid = status["keepalived_pid"]
    return "no running process found" if pid is None else f"runs, pid {pid}"


def _api(api: Document, look_in_s: float | None, now_s: float) -> str:
    parts = [api["state"]]
    if api["failing_since"] is not None:
        since = clock(_seconds(api["failing_since"]), now_s)
        parts = [f"failing since {since} ({age(api['failing_s'])}): {api['state']}"]
    if api["answered_at"] is not None:
        parts.append(f"last answer {_ago(api['answered_at'], now_s)}")
    if api["latency_s"] is not None:
        parts.append(f"{api['latency_s'] * 1000:.0f} ms")
    if api["quota_left"] is not None:
        parts.append(f"{api['quota_left']} of {api['quota_limit_per_hour']} calls left")
    if look_in_s is not None:
        parts.append(f"next look in {age(look_in_s)}")
    return ", ".join(parts)


def _hakeeper(status: Document, now_s: float) -> str:
    started = _seconds(status["started"])
    since = f"{clock(started, now_s)} ({age(now_s - started)})"
    return f"{status['version']}, runs since {since}, {status['config']}"
