"""The fields of journal entries, and the tables of docs/journal.md."""

from collections.abc import Mapping

from hakeeper.adapters.journal.events import EVENTS

FIELDS: Mapping[str, str] = {
    "instance": "name of the VRRP instance or sync group",
    "kind": "`INSTANCE` or `GROUP`",
    "address": "the floating IP or other resource; as configured while it is not found",
    "role": "`UNKNOWN`, `BACKUP`, `MASTER`, `FAULT` or `STOPPED`",
    "previous_role": "the role before",
    "generation": "counts the changes of this role since the start",
    "holder": "`us`, the id of another server, `nobody` or `unknown`",
    "reason": "why, in a phrase or a word; of trouble from outside, what was heard of it",
    "api": "`cloud` or `robot`",
    "error_code": "Hetzner's error code, or one of ours such as `dns` or `deadline`",
    "http_status": "HTTP status of the answer, if there was one",
    "correlation_id": "Hetzner's id of the answer, which their support asks for",
    "attempt": "which assign of the claim succeeded, from 1",
    "sent_ms": "ms from the cause of the claim to the first byte of its first assign",
    "accepted_ms": "ms from the cause to Hetzner's 201",
    "finished_ms": "ms from the cause to the end of Hetzner's action",
    "confirmed_ms": "ms from the cause to the read that says it is ours",
    "delay_s": "seconds that hakeeper waits",
    "duration_s": "seconds that it lasted",
    "yield_s": "seconds until another node was MASTER",
    "claim_s": "seconds after that until other servers had all addresses",
    "count": "how many since this was last told",
    "total": "how many since the start",
    "resource_kind": "what the address is, such as `floating_ip`",
    "resource_id": "Hetzner's id of it",
    "selector": "the label selector of the configuration",
    "chosen": "how many a selector chooses",
    "listed": "how many of that kind the project has",
    "server_id": "Hetzner's id of this server",
    "keepalived_pid": "keepalived's VRRP process, whose words the roles are",
    "vrrp_address": "the private addresses in question, with commas",
    "user": "who did it: the user's name as `hakeeper` tells it, or the id",
    "user_id": "the id that the kernel saw; 0 is root",
    "version": "version of hakeeper",
    "library": "name of the Python logger",
    "hook": "which hook it is: its key in hakeeper.yaml",
    "code": "which trouble it is: a code of docs/status.md",
}
"""What the fields mean; in the journal their names are upper-case and begin with HAKEEPER_."""


def events_as_markdown(*, operator: bool) -> str:
    """Return the table of the kinds for docs/journal.md: the operator's, or all others."""
    lines = ["| event | priority | meaning | MESSAGE_ID |", "|---|---|---|---|"]
    for name, kind in sorted(EVENTS.items()):
        if kind.operator is operator:
            level = f"{kind.level.value} {kind.level.name.lower()}"
            lines.append(f"| `{name}` | {level} | {kind.meaning} | `{kind.message_id}` |")
    return "\n".join(lines) + "\n"


def fields_as_markdown() -> str:
    """Return the table of the fields for docs/journal.md; brackets: not in every such entry."""
    lines = ["| field | meaning | in |", "|---|---|---|"]
    for name, meaning in FIELDS.items():
        kinds = sorted(EVENTS.items())
        found = [f"`{event}`" for event, kind in kinds if name in kind.always]
        found += [f"(`{event}`)" for event, kind in kinds if name in kind.sometimes]
        lines.append(f"| `HAKEEPER_{name.upper()}` | {meaning} | {', '.join(found)} |")
    return "\n".join(lines) + "\n"
