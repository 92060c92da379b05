"""A night of one server, as the daemon keeps it in the history."""

import json
from pathlib import Path

Line = tuple[str, str, str, dict[str, object]]
"""The time (UTC), the event, the message, the fields."""


def of(instance: str = "VI_1", **fields: object) -> dict[str, object]:
    """Return the fields of an entry about an instance."""
    return {"instance": instance, "kind": "INSTANCE", **fields}


WEB = of(address="203.0.113.10")
BECAME = "keepalived became master (line MASTER)"
PHASES = "sent 1 ms, accepted 41 ms, action done 41 ms, confirmed 82 ms"
PHASES_MS = {"sent_ms": 1, "accepted_ms": 41, "finished_ms": 41, "confirmed_ms": 82}
STORY: list[Line] = [
    ("2026-11-29 22:00:00", "daemon.started", "hakeeper 0.1.0 starts", {"version": "0.1.0"}),
    ("2026-11-29 22:00:00", "role.changed",
     "VI_1: UNKNOWN to BACKUP: keepalived is backup (line BACKUP)",
     of(role="BACKUP", previous_role="UNKNOWN")),
    ("2026-11-29 22:00:00", "role.changed",
     "VI_2: UNKNOWN to FAULT: keepalived is in fault, or the instance was removed (line FAULT)",
     of("VI_2", role="FAULT", previous_role="UNKNOWN")),
    ("2026-11-29 22:20:00", "role.changed", f"VI_1: BACKUP to MASTER: {BECAME}",
     of(role="MASTER", previous_role="BACKUP")),
    ("2026-11-29 22:20:00", "claim.started", "VI_1: assigning 203.0.113.10 to this server", WEB),
    ("2026-11-29 22:20:01", "address.claimed",
     f"VI_1: claimed 203.0.113.10 in 82 ms ({PHASES}); cause: {BECAME}",
     WEB | {"holder": "us"} | PHASES_MS),
    ("2026-11-29 22:30:00", "api.failed",
     "reading the holders failed: no answer within 5 s (deadline)",
     {"api": "cloud", "error_code": "deadline"}),
    ("2026-11-29 22:30:10", "token.rejected", "reading the holders failed: no (unauthorized)",
     {"api": "cloud", "error_code": "unauthorized"}),
    ("2026-11-29 22:33:20", "api.recovered", "the Hetzner API answers again after 200.0 s",
     {"api": "cloud", "duration_s": 200.0}),
    ("2026-11-29 22:40:00", "address.drifted",
     "VI_1: 203.0.113.10 was taken from this server, which is MASTER; web-c (id 103) has it now",
     WEB | {"holder": "103"}),
    ("2026-11-29 22:50:00", "claim.started", "VI_1: assigning 203.0.113.10 to this server", WEB),
    ("2026-11-29 22:50:01", "claim.failed",
     "VI_1: assigning 203.0.113.10 failed: locked (locked); reading the holder", WEB),
    ("2026-11-29 22:50:02", "address.claimed", "VI_1: claimed 203.0.113.10 in 2 s", WEB),
    ("2026-11-30 00:00:00", "daemon.stopped",
     "hakeeper stops; all addresses stay where they are", {}),
]  # fmt: skip


def write(path: Path, story: list[Line]) -> Path:
    """Write a history; return its path."""
    path.write_text("".join(f"{json.dumps(line)}\n" for line in as_kept(story)))
    return path


def as_kept(story: list[Line]) -> list[dict[str, object]]:
    """Return the lines of a history, before they become JSON."""
    return [
        {
            "v": 1,
            "time": f"{time.replace(' ', 'T')}.000Z",
            "level": "notice",
            "event": event,
            "message": message,
            "fields": fields,
        }
        for time, event, message, fields in story
    ]
