"""The structlog chain: one report in, one rendered entry out.

The order is fixed: redact, make printable, bound, and the renderer of the target last. Redaction
comes before cutting, since half a token at a cut would no longer be recognised.
"""

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog

from hakeeper.adapters.journal.eventkind import Level
from hakeeper.adapters.journal.events import EVENTS

MESSAGE_LIMIT_BYTES = 4096
"""Longest message and longest field value, in bytes of UTF-8."""
ENTRY_LIMIT_BYTES = 16384
"""Longest sum of all values of one entry."""
FIELDS_LIMIT = 32
JOURNAL_NAME_LIMIT = 64
"""journald refuses longer field names (systemd.journal-fields(7), journal-util)."""

FieldValue: TypeAlias = str | int | float
EventDict: TypeAlias = MutableMapping[str, Any]
"""structlog's own type: what its processors hand on."""
Processor: TypeAlias = Callable[[object, str, EventDict], Any]
Renderer: TypeAlias = Callable[[object, str, EventDict], "Rendered"]

_CUT = "…"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n]")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One report as it was made. `time_s` is seconds since the epoch."""

    event: str
    message: str
    level: Level
    fields: Mapping[str, FieldValue]
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One report ready to be written; `journal` is empty where the target is not the journal."""

    text: bytes
    journal: tuple[bytes, ...] = ()


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def one_line(text: str) -> str:
    r"""Write line breaks and tabs as `\n` and `\t`."""
    return _BREAKS.sub(_escape, text)


def bounded(text: str, limit_bytes: int) -> str:
    """Cut the text to so many bytes of UTF-8, and show that it was cut."""
    if len(text) * 4 <= limit_bytes:
        return text
    raw = text.encode()
    if len(raw) <= limit_bytes:
        return text
    kept = raw[: max(limit_bytes - len(_CUT.encode()), 0)]
    return kept.decode(errors="ignore") + _CUT


def _clean(text: str, redact: Callable[[str], str]) -> str:
    return _CONTROL.sub(_escape, redact(text))


def redaction(redact: Callable[[str], str]) -> Processor:
    """Make the first processor: no secret, no control character, no lone surrogate gets past."""

    def process(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
        record: Record = event_dict["record"]
        event_dict["record"] = Record(
            event=record.event,
            message=_clean(record.message, redact),
            level=record.level,
            fields={
                name: _clean(value, redact) if isinstance(value, str) else value
                for name, value in record.fields.items()
            },
            time_s=record.time_s,
        )
        return event_dict

    return process


def bounding(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Cut what is too long, and give every field a name that all targets can carry."""
    record: Record = event_dict["record"]
    message = bounded(record.message, MESSAGE_LIMIT_BYTES)
    left_bytes = ENTRY_LIMIT_BYTES - len(message.encode())
    fields: dict[str, FieldValue] = {}
    for name, value in list(record.fields.items())[:FIELDS_LIMIT]:
        kept = value
        if isinstance(value, str):
            kept = bounded(value, min(MESSAGE_LIMIT_BYTES, max(left_bytes, 0)))
            left_bytes -= len(kept.encode())
        fields[_field_name(name)] = kept
    event_dict["record"] = Record(
        event=record.event,
        message=message,
        level=record.level,
        fields=fields,
        time_s=record.time_s,
    )
    return event_dict


def showing(take: Callable[[Record], None]) -> Processor:
    """Make a processor that shows each record to `take`, as the processors before it left it."""

    def process(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
        take(event_dict["record"])
        return event_dict

    return process


def handing_over(render: Renderer) -> Processor:
    """Make the last processor: structlog wants the arguments for its logger, as a tuple."""

    def process(logger: object, method: str, event_dict: EventDict) -> Any:  # noqa: ANN401
        return (render(logger, method, event_dict),), {}

    return process


def _field_name(name: str) -> str:
    limit = JOURNAL_NAME_LIMIT - len("HAKEEPER_")
    return _NOT_IN_A_NAME.sub("_", name.lower())[:limit] or "_"


def _rfc3339(time_s: float) -> str:
    moment = dt.datetime.fromtimestamp(time_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _flat(record: Record) -> dict[str, FieldValue]:
    return {
        name: one_line(value) if isinstance(value, str) else value
        for name, value in record.fields.items()
    }


def console_renderer(*, colours: bool) -> Renderer:
    """Render for people at a terminal: local time, level, message, fields."""
    styles = structlog.dev.ConsoleRenderer.get_default_level_styles(colours)
    styles["notice"] = styles["info"]
    render = structlog.dev.ConsoleRenderer(
        colors=colours,
        level_styles=styles,
        sort_keys=False,
        pad_event_to=0,
    )

    def process(logger: object, method: str, event_dict: EventDict) -> Rendered:
        record: Record = event_dict["record"]
        local = dt.datetime.fromtimestamp(record.time_s).astimezone()
        shown: EventDict = {
            **_flat(record),
            "timestamp": local.strftime("%H:%M:%S.%f")[:-3],
            "level": record.level.name.lower(),
            "event": one_line(record.message),
        }
        return Rendered(text=str(render(logger, method, shown)).encode() + b"\n")

    return process


def document(record: Record) -> dict[str, Any]:
    """Return the record for JSON: times in UTC, the fields in an object of their own."""
    return {
        "time": _rfc3339(record.time_s),
        "level": record.level.name.lower(),
        "event": record.event,
        "message": record.message,
        "fields": {
            name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in record.fields.items()
        },
    }


def json_renderer(_logger: object, _method: str, event_dict: EventDict) -> Rendered:
    """Render one JSON object per line."""
    whole = document(event_dict["record"])
    return Rendered(text=json.dumps(whole, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def text_renderer(logger: object, method: str, event_dict: EventDict) -> Rendered:
    """Render `<4>message event=… key=value`, the prefix being a syslog level (sd-daemon(3))."""
    record: Record = event_dict["record"]
    pairs = _LOGFMT(logger, method, {"event": record.event, **_flat(record)})
    return Rendered(text=f"<{record.level.value}>{one_line(record.message)} {pairs}\n".encode())


_LOGFMT = structlog.processors.LogfmtRenderer()


def journald_renderer(logger: object, method: str, event_dict: EventDict) -> Rendered:
    """Render journal fields, and the text line that is used while journald is not there.

    Field names as in systemd.journal-fields(7); our own carry the prefix HAKEEPER_.
    """
    record: Record = event_dict["record"]
    fields: dict[str, FieldValue] = {
        "MESSAGE": record.message,
        "PRIORITY": record.level.value,
        "SYSLOG_IDENTIFIER": "hakeeper",
    }
    kind = EVENTS.get(record.event)
    if kind is not None:
        fields["MESSAGE_ID"] = kind.message_id
    fields["HAKEEPER_EVENT"] = record.event
    for name, value in record.fields.items():
        fields[f"HAKEEPER_{name.upper()}"] = value
    return Rendered(
        text=text_renderer(logger, method, event_dict).text,
        journal=tuple(f"{name}={value}".encode() for name, value in fields.items()),
    )
