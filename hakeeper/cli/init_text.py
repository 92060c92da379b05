"""What `hakeeper init` shows before it asks."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Final

from hakeeper.bugreport.hiding import Hider
from hakeeper.cli.check_online import finding_lines
from hakeeper.doctor.finding import Severity
from hakeeper.hide_secrets import hide_secrets
from hakeeper.printable import printable
from hakeeper.setup.known import There, Wishes
from hakeeper.setup.plan import Plan
from hakeeper.setup.services import Step
from hakeeper.setup.trial import Judgement

_COLORS: Final = {"+": "32", "-": "31", "@": "36"}


def found(wishes: Wishes, there: There) -> Iterator[str]:
    """Say what was looked up."""
    name = there.seen.name
    yield f"this server  {there.us.name} (id {there.us.id}), private address {there.own_ip}"
    yield f"its peer     {there.peer.name} (id {there.peer.id}), private address {wishes.peer}"
    yield f"floating IP  {there.seen.label}{f' ({name})' if name else ''}, {holder(there)}"
    yield f"instance     {wishes.instance}"


def holder(there: There) -> str:
    """Say where the floating IP is."""
    held_by = there.seen.server_id
    names = {there.us.id: "on this server", there.peer.id: f"on {there.peer.name}"}
    return "on no server" if held_by is None else names.get(held_by, f"on server {held_by}")


def changes(plan: Plan, redact: Callable[[str], str]) -> Iterator[str]:
    """Show the differences, in colour on a terminal, and what is to be known of them.

    An old file may hold secrets: passwords of VRRP, tokens that are given to scripts.
    """
    hider = Hider()
    for file in plan.files:
        hider.add_keepalived(file.before or "")

    def safe(text: str) -> str:
        return printable(hide_secrets(hider.text(redact(text))))

    is_colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for file in plan.files:
        yield ""
        for line in file.diff():
            text = safe(line)
            color = _COLORS.get(line[:1], "") if is_colored else ""
            yield f"\x1b[{color}m{text}\x1b[0m" if color else text
    yield ""
    yield from (f"note: {safe(note)}" for note in plan.notes)


def commands(todo: tuple[Step, ...]) -> Iterator[str]:
    """Say what is started or reloaded."""
    yield from (f"then: systemctl {' '.join(step)}" for step in todo)


def consequences(todo: tuple[Step, ...], there: There) -> Iterator[str]:
    """Say what may happen to the address when keepalived starts."""
    if ("restart", "keepalived") in todo and there.seen.server_id != there.us.id:
        yield f"if this server becomes MASTER, it takes {there.seen.label}, now {holder(there)}"


def other_server(plan: Plan, there: There, todo: tuple[Step, ...]) -> Iterator[str]:
    """Say what is next."""
    if ("restart", "keepalived") in todo:
        yield "who is MASTER is settled within a few seconds: hakeeper status"
    name = there.peer.name
    if plan.other_has_conf:
        yield (
            f"on {name}, whose keepalived.conf has to go with this one (the same"
            f" virtual_router_id, version and password): {plan.other_command}"
        )
    else:
        yield f"on {name}, unless it is set up: {plan.other_command}"


def obstacles(judgement: Judgement) -> str:
    """Return why a failover would not work."""
    lines = ["a failover to this server would not work; nothing was changed"]
    if judgement.renamed:
        lines[0] += " (lines are counted in the new files)"
    for name, one in judgement.obstacles:
        lines += ["", *finding_lines(name, one)]
    return judgement.named("\n".join(lines))


def tried(judgement: Judgement) -> str:
    """Return that the trial went well, and whether there is more to read."""
    count = len(judgement.report.findings(Severity.WARNING))
    more = f" (warnings: {count}; `hakeeper check --online` explains them)" if count else ""
    return f"tried: with these files a failover to this server would work{more}"
