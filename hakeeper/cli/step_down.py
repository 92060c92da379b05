"""`hakeeper step-down`: another node becomes MASTER and claims, in order and without a gap."""

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.adapters.step_down_texts import END_TEXTS
from hakeeper.adapters.timed_request import SHORTEST_STEP_DOWN_S
from hakeeper.adapters.times import age, clock
from hakeeper.cli.asking import NOT_RUNNING, TIMEOUT_S, NotDone, do, finish, give_up
from hakeeper.cli.durations import add_for_and_reason, duration_from
from hakeeper.cli.options import add_json, add_socket
from hakeeper.config import Config, ConfigErrors
from hakeeper.core.model import VrrpId, VrrpKind

USUAL_S: Final = 600.0
POLL_S: Final = 0.1
NOT_TAKEN_OVER: Final = 5
_DURATION: Final = duration_from(
    SHORTEST_STEP_DOWN_S,
    "less than a minute, in which another node may not have claimed",
    "a step-down that is forgotten must end; step down again if the work takes longer",
)
EPILOG: Final = """\
examples:
  hakeeper step-down --reason "kernel update"
  hakeeper step-down --for 30m        again: another end of the same step-down
  hakeeper step-up                    ends it

Lowers the priority of keepalived, so that another node becomes MASTER and its
hakeeper claims the addresses, and waits for both. If no other node takes over
within 20 s, or does not claim within 30 s, the priority is given back: no address
was moved away then. While it lasts this server still takes over if no
other node is left. It ends by itself, with `step-up` and with a reboot.

exit codes:
  0  other servers have all addresses
  1  they have, but a restart of hakeeper would end the step-down
  2  wrong command line
  3  the daemon does not run, does not answer, or is too old to know this
  4  the daemon is busy with other clients; some connections are kept for root
  5  all is as before: this server cannot step down now, or no other node took
     over; the message says which, and why
 77  only root and the service itself may do this
130  Ctrl-C: nobody waits for it any more, and it goes on; `step-up` ends it
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    what = "how long, such as 5m, 30m or 1h30m; from 1m to 24h (default: 10m)"
    add_for_and_reason(parser, _DURATION, USUAL_S, what)
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon to step down, and tell each phase until other servers have all addresses."""
    socket = str(args.socket)
    try:
        look_before(socket)
        answer = ask_for_it(socket, args.for_s, args.reason)
        status = follow(socket, answer["step_down"], is_quiet=args.json)
    except NotDone as error:
        return give_up(error, as_json=args.json)
    found = status["step_down"]
    if found is None:
        return give_up(taken_back(status), as_json=args.json)
    until = clock(datetime.fromisoformat(found["until"]).timestamp(), time.time())
    text = (
        f"stepped down until {until} ({age(found['left_s'])}); `hakeeper step-up` ends it before."
        f" Now {_holders(status)}"
    )
    done = {"step_down": found, "trouble": answer["trouble"]}
    return finish(done, text, answer["trouble"], as_json=args.json)


def ask_for_it(socket: str, for_s: float, why: str) -> dict[str, Any]:
    """Have the daemon step down; raises NotDone if it does not."""
    answer = do(socket, {"command": "step-down", "for_s": for_s, "reason": why})
    if answer["refused"] is not None:
        raise NotDone(answer["why"], NOT_TAKEN_OVER, refused=answer["refused"])
    return answer


def follow(socket: str, begun: Mapping[str, Any], *, is_quiet: bool) -> dict[str, Any]:
    """Wait until it is done, or over; tell of each phase, and return the last status."""
    before = begun
    while True:
        status = _status(socket)
        lines = "" if is_quiet else _news(before, status)
        sys.stdout.write(lines)
        sys.stdout.flush()
        now = status["step_down"]
        if now is None or now["claim_s"] is not None:
            return status
        before = now
        time.sleep(POLL_S)


def _status(socket: str) -> dict[str, Any]:
    try:
        return ask(socket, {"command": "status"}, TIMEOUT_S)
    except (ControlError, NotRunning) as error:
        text = f"{error}; the step-down goes on without us: see `hakeeper status`"
        raise NotDone(text, NOT_RUNNING) from None


def _news(before: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """Return a line for each phase that is over now and was not before."""
    now = status["step_down"] or status["last_step_down"] or {}
    lines = []
    if before["yield_s"] is None and now.get("yield_s") is not None:
        names = ", ".join(before["instances"])
        lines.append(f"{now['yield_s']:6.2f} s  another node is MASTER of {names}\n")
    if before["claim_s"] is None and now.get("claim_s") is not None:
        lines.append(f"{now['claim_s']:6.2f} s  other servers have all addresses\n")
    return "".join(lines)


def taken_back(status: Mapping[str, Any]) -> NotDone:
    """Say why a step-down came to nothing."""
    ended = status["last_step_down"]
    text = f"taken back after {age(ended['lasted_s'])}: {END_TEXTS[ended['end']]}"
    return NotDone(text, NOT_TAKEN_OVER, last_step_down=ended)


def _holders(status: Mapping[str, Any]) -> str:
    held: dict[str, list[str]] = {}
    for role in status["roles"]:
        for each in role["addresses"]:
            held.setdefault(each["holder_label"], []).append(each["address"])
    return "; ".join(f"{', '.join(addresses)} on {who}" for who, addresses in held.items())


# --- before anything is asked for ---------------------------------------------------------------


def look_before(socket: str) -> None:
    """Find in keepalived.conf what would make the step-down fail; raises NotDone.

    What cannot be read is no reason: the daemon takes back what has no effect.
    """
    try:
        status = ask(socket, {"command": "status"}, TIMEOUT_S)
    except (ControlError, NotRunning):
        return  # the command itself says it better
    if status.get("step_down") is not None:
        return
    try:
        config = load(Path(status["config"]))
    except (ConfigErrors, ConfigUnreadable, KeyError):
        return
    masters = [
        VrrpId(VrrpKind(role["kind"]), role["name"])
        for role in status["roles"]
        if role["role"] == "MASTER"
    ]
    text = _why_not(config, status["keepalived_pid"], masters)
    if text:
        raise NotDone(text, NOT_TAKEN_OVER, refused="not_tracked")


def _why_not(config: Config, pid: int | None, masters: list[VrrpId]) -> str:
    # Imported here: `--help` needs none of it.
    from hakeeper.doctor.checks.step_down import track_file_lines, untracked  # noqa: PLC0415
    from hakeeper.doctor.gather.keepalived import conf_in_force  # noqa: PLC0415

    path = str(config.keepalived.track_file)
    conf = conf_in_force(pid)
    found = [] if conf is None else [*untracked(conf, path, masters)]
    if not found:
        return ""
    return f"keepalived would not yield: {'; '.join(found)}. It needs:\n\n{track_file_lines(path)}"
