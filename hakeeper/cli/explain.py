"""`hakeeper explain`: what this server waits for, and what it would do as MASTER."""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from hakeeper import exits
from hakeeper.adapters.status_words import LAST_KNOWN, ON_ANOTHER, ON_NOBODY
from hakeeper.adapters.times import age, clock
from hakeeper.cli.asking import BUSY, NOT_RUNNING, NotDone, give_up, look
from hakeeper.cli.options import add_json, add_socket
from hakeeper.printable import printable

WIDTH: Final = 80
_TIME_COLUMN: Final = 14
"""Where the text of a step begins."""
Document = Mapping[str, Any]

EPILOG: Final = f"""\
examples:
  hakeeper explain           why is the address not here? what would happen here?
  hakeeper explain VI_1      the same for one instance, or `group NAME`

It shows what each address waits for, and until when. Then it rehearses: the
daemon's own logic, as a copy, is told that keepalived says MASTER, and each of
its calls is answered by what was last read. Nothing is sent, nothing changes.

exit codes:
  {exits.OK:>3}  shown, whatever would happen
  {exits.USAGE:>3}  wrong command line, or there is no such instance
  {NOT_RUNNING:>3}  the daemon does not run, does not answer, or is too old to know this
  {BUSY:>3}  the daemon is busy with other clients; some connections are kept for root
 {exits.NO_PERMISSION:>4}  only root and members of the group hakeeper may ask
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "instance", metavar="INSTANCE", nargs="?", help="only this instance or sync group"
    )
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon, and print what it says."""
    named = {} if args.instance is None else {"instance": args.instance}
    try:
        answer = look(str(args.socket), {"command": "explain", **named})
    except NotDone as error:
        return give_up(error, as_json=args.json)
    if args.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in lines(answer, time.time()))
    return exits.OK


def lines(answer: Document, now_s: float) -> Iterator[str]:
    """Return it for people."""
    for number, instance in enumerate(answer["instances"]):
        yield from [""] * bool(number)
        yield from _instance(instance, now_s)


def _instance(instance: Document, now_s: float) -> Iterator[str]:
    title = f"{'group ' if instance['kind'] == 'GROUP' else ''}{instance['name']}"
    yield from _wrapped(f"{title}  ", f"{instance['role']}: {instance['reason']}")
    for address in instance["addresses"]:
        yield from _address(address, now_s)
    if instance["left_out"]:
        yield from _wrapped("  ", f"and {instance['left_out']} more addresses, left out here")
    yield ""
    as_master = instance["as_master"]
    yield "  If keepalived said MASTER now:"
    for step in as_master["steps"]:
        yield from _step(step)
    yield from _wrapped("    ", _end(as_master))
    for left in as_master["unconfirmed"]:
        yield from _waits(f"    {left['address']} would wait: ", left["waits"], now_s)


def _address(address: Document, now_s: float) -> Iterator[str]:
    ref, label = address["ref"], address["address"]
    name = label if ref == label else f"{ref} = {label}"
    yield from _wrapped("  ", f"{name}: {_holder(address)}, {address['stage']}")
    yield from _wrapped("    decided: ", address["decision"])
    yield from _waits("    waits:   ", address["waits"], now_s)


def _holder(address: Document) -> str:
    """Return where it is, in the words of `hakeeper status`."""
    match address["holder"]:
        case "unknown":
            return str(address["holder_label"])
        case "nobody":
            where = ON_NOBODY
        case _:
            where = ON_ANOTHER.format(address["holder_label"])
    is_fact = address["confirmed"] or address.get("holder_current", True)
    return where if is_fact else f"{LAST_KNOWN} {where}"


def _waits(head: str, waits: Iterable[Document], now_s: float) -> Iterator[str]:
    for wait in waits:
        yield from _wrapped(head, f"{wait['text']}{_until(wait, now_s)}")
        head = " " * len(head)


def _until(wait: Document, now_s: float) -> str:
    if wait["until"] is None:
        return ""
    at_s = datetime.fromisoformat(wait["until"]).timestamp()
    return f", until {clock(at_s, now_s)} ({age(wait['in_s'])})"


def _step(step: Document) -> Iterator[str]:
    head = f"    +{step['after_s'] * 1000:.0f} ms".ljust(_TIME_COLUMN)
    if "event" in step:
        yield from _wrapped(head, step["text"])
        return
    yield from _wrapped(head, f"→ {step['text']}")
    for request in step["http"]:
        yield from _wrapped(" " * (_TIME_COLUMN + 2), request)


def _end(as_master: Document) -> str:
    failing = "; ".join(as_master.get("failing", ()))
    fails = f" Calls fail now: {failing}." if failing else ""
    if not as_master["confirmed"]:
        return f"Not all would be confirmed here.{fails}"
    after = f"All would be confirmed here after {as_master['ended_after_s'] * 1000:.0f} ms"
    if fails:
        return f"{after} if each call succeeded.{fails}"
    return (
        f"{after}, if the API answers as fast as it did last, and has done at once what it accepts."
    )


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        head + text,
        WIDTH,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
