"""Every value that the core takes or gives is written and read back as it was."""

import dataclasses
import enum
import ipaddress
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hakeeper.core import calls, events, model, observation
from hakeeper.core.calls import Answer, Failure, FailureKind, Request
from hakeeper.core.decisions import base, claims, keepalived, operator, resources, selectors
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import FifoOpened
from hakeeper.core.events import Effect, Event, Report
from hakeeper.recording.codec import CodecError, codec_of
from hakeeper.recording.story import Beginning, Ended, Heard, Line, from_json, to_json
from tests.recording.scenes import WEB
from tests.support.resources import CLOUD, LIST

PLAIN = str
"""Hides nothing."""
LINE = codec_of(Line)


# --- strategies from the types ---------------------------------------------------------------


def strategy_of(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401  # any type at all
    """Make values of a type from its annotation alone, without a look at the codec."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([strategy_of(member) for member in arguments])
    if origin is tuple:
        return st.lists(strategy_of(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(*map(strategy_of, arguments), max_size=3)
    return strategy_of_class(annotation)


def strategy_of_class(kind: type) -> st.SearchStrategy[Any]:
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = {field.name: strategy_of(hints[field.name]) for field in fields_of(kind)}
        return st.builds(kind, **fields)
    if kind is float:
        return st.floats(allow_nan=False)
    if kind is str:
        return st.text(st.characters(), max_size=20)  # lone surrogates too
    return st.from_type(kind)


def fields_of(kind: type) -> "tuple[dataclasses.Field[Any], ...]":
    return dataclasses.fields(kind)


def reached(annotation: Any) -> Iterator[type]:  # noqa: ANN401
    """All classes that a type is made of."""
    if isinstance(annotation, type):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from reached(argument)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        for hint in typing.get_type_hints(annotation).values():
            yield from reached(hint)


def members(union: Any) -> list[type]:  # noqa: ANN401
    return list(typing.get_args(union))


# --- round trips -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", members(Event))
def test_every_event_comes_back_as_it_was(kind: type) -> None:
    @settings(max_examples=60, database=None)
    @given(st.lists(strategy_of(kind), min_size=1, max_size=3), strategy_of(float))
    def check(batch: list[Event], at_s: float) -> None:
        heard = Heard(at_s=at_s, events=tuple(batch))
        assert repr(heard) == repr(from_json(to_json(heard, PLAIN)))

    check()


@pytest.mark.parametrize("kind", members(Effect))
def test_every_effect_comes_back_as_it_was(kind: type) -> None:
    @settings(max_examples=60, database=None)
    @given(st.lists(strategy_of(kind), min_size=1, max_size=3))
    def check(effects: list[Effect]) -> None:
        heard = Heard(at_s=1.0, effects=tuple(effects))
        assert repr(heard) == repr(from_json(to_json(heard, PLAIN)))

    check()


@pytest.mark.parametrize("kind", [*members(Request), *members(Answer), Failure, Beginning, Ended])
def test_every_call_answer_and_line_comes_back_as_it_was(kind: type) -> None:
    codec = codec_of(kind)

    @settings(max_examples=60, database=None)
    @given(strategy_of(kind))
    def check(value: object) -> None:
        assert repr(value) == repr(codec.decode(codec.encode(value, PLAIN), "value"))

    check()


def test_all_kinds_of_failure_can_be_written() -> None:
    codec = codec_of(FailureKind)
    assert list(FailureKind) == [
        codec.decode(codec.encode(kind, PLAIN), "kind") for kind in FailureKind
    ]


_MODULES = (
    calls,
    base,
    claims,
    keepalived,
    operator,
    resources,
    events,
    model,
    observation,
    selectors,
)


def test_every_dataclass_and_enum_of_the_cores_vocabulary_is_reached() -> None:
    """A new event that is not in the union, or an answer that no event carries, is found here."""
    found = set(reached(Heard))
    vocabulary = {
        kind
        for module in _MODULES
        for kind in vars(module).values()
        if isinstance(kind, type)
        and kind.__module__ == module.__name__
        and (dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum))
    }
    inner = {
        events.Drained,
        base.OfVrrp,
        base.OfResource,
        calls.Obstacle,
        model.RefusedSettings,
        model.StepDownStage,
        model.EndedStepDown,
        model.StepDowns,
    }
    assert inner == vocabulary - found, "these never cross the border of the core"


@settings(database=None)
@given(st.floats(allow_nan=True))
@example(-0.0)
def test_floats_are_the_same_to_the_last_bit(number: float) -> None:
    heard = Heard(at_s=number, next_at_s=number)
    back = from_json(to_json(heard, PLAIN))
    assert isinstance(back, Heard)
    assert back.next_at_s is not None
    assert (number.hex(), number.hex()) == (back.at_s.hex(), back.next_at_s.hex())


def test_infinity_is_plain_json() -> None:
    text = to_json(Heard(at_s=math.inf), PLAIN)
    assert '"at_s":{"float":"inf"}' in text


def test_a_line_is_ascii_without_a_newline() -> None:
    text = to_json(Ended("ü\n\udc80"), PLAIN)
    assert (True, False) == (text.isascii(), "\n" in text)


# --- strictness ------------------------------------------------------------------------------

WRITER = '{"is":"Heard","at_s":1.0,"events":[{"is":"WriterSeen","present":true}]}'

BAD = {
    "not JSON": ("{", "not JSON"),
    "a bare NaN": (WRITER.replace("1.0", "NaN"), "not JSON: NaN"),
    "a bare infinity": (WRITER.replace("1.0", "-Infinity"), "not JSON: -Infinity"),
    "nested too deeply": ("[" * 100_000, "nested too deeply"),
    "the same key twice": (WRITER.replace('"at_s"', '"at_s":2.0,"at_s"'), "the same key twice"),
    "no object": ("1", "line: 1 is not one of Beginning, Heard, Ended"),
    "an unknown line": ('{"is":"Other"}', "is not one of Beginning, Heard, Ended"),
    "an unknown event": (WRITER.replace("WriterSeen", "Tock"), "line.events[0]: {'is': 'Tock', "),
    "a name that is no text": ('{"is":["Heard"]}', "is not one of"),
    "an unknown field": (
        WRITER.replace('"at_s"', '"b":1,"at_s"'),
        "line: a Heard has no field 'b'",
    ),
    "a missing field": (WRITER.replace('"at_s":1.0,', ""), "line: a Heard needs the field 'at_s'"),
    "a time that is a text": (WRITER.replace("1.0", '"1.0"'), "line.at_s: '1.0' is not a number"),
    "a time that is true": (WRITER.replace("1.0", "true"), "line.at_s: True is not a number"),
    "another infinity": (WRITER.replace("1.0", '{"float":"Infinity"}'), "line.at_s"),
    "events that are no list": (WRITER.replace("[", "").replace("]", ""), "line.events"),
    "effects that are no list": (WRITER.replace("}]", '}],"effects":{}'), "line.effects"),
    "an effect that is none": (
        WRITER.replace("}]", '}],"effects":[{"is":"WriterSeen"}]'),
        "line.effects[0]: {'is': 'WriterSeen'} is not one of StartCall",
    ),
    "another format": (
        '{"is":"Beginning","format":1}',
        "written in format 1; this hakeeper reads format 2 only",
    ),
    "no format": ('{"is":"Beginning"}', "written in format None"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_line_that_is_not_as_it_should_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(CodecError) as raised:
        from_json(text)
    assert message in str(raised.value)


WRONG: dict[str, tuple[Any, Any]] = {
    "a bool for an int": (model.ProcessId, {"pid": True, "start_ticks": None, "boot_id": "b"}),
    "a float for an int": (model.ProcessId, {"pid": 1.0, "start_ticks": None, "boot_id": "b"}),
    "a number for a text": (model.VrrpId, {"kind": "GROUP", "name": 1}),
    "an IPv4 network spelled oddly": (observation.IpNetwork, "203.0.113.10"),
    "host bits in a network": (observation.IpNetwork, "203.0.113.10/24"),
    "no network": (observation.IpNetwork, 7),
    "an unknown role": (events.RolesQueried, {"query_id": 1, "roles": [["a", "QUEEN"]]}),
    "a mapping that is an object": (events.RolesQueried, {"query_id": 1, "roles": {}}),
    "half a pair": (events.RolesQueried, {"query_id": 1, "roles": [["a"]]}),
    "a key twice": (
        events.RolesQueried,
        {"query_id": 1, "roles": [["a", "MASTER"], ["a", "BACKUP"]]},
    ),
    "a dataclass that is a list": (model.ProcessId, []),
    "null where nothing is optional": (
        model.ProcessId,
        {"pid": None, "start_ticks": None, "boot_id": "b"},
    ),
    "a list in a report": (Report, {"decision": {"is": "FifoOpened", "detail": []}}),
}


@pytest.mark.parametrize(("kind", "document"), WRONG.values(), ids=WRONG)
def test_a_value_of_another_type_is_refused(kind: type, document: Any) -> None:  # noqa: ANN401
    with pytest.raises(CodecError):
        codec_of(kind).decode(document, "value")


UNWRITABLE = {
    "a text for an int": model.ProcessId(typing.cast("int", "7"), None, "b"),
    "a number for a text": model.VrrpId(model.VrrpKind.GROUP, typing.cast("str", 7)),
    "a list for a tuple": calls.ReadActions(CLOUD, typing.cast("tuple[int, ...]", [1])),
    "a text for a float": events.StartCall(1, LIST, typing.cast("float", "5")),
    "another request": events.StartCall(1, typing.cast("Request", 5), 5.0),
    "a role as text": events.RolesQueried(1, {"a": typing.cast("model.Role", "MASTER")}),
    "pairs for a mapping": events.RolesQueried(1, typing.cast("dict[str, model.Role]", [])),
    "an address for a network": dataclasses.replace(
        WEB, network=typing.cast("observation.IpNetwork", ipaddress.ip_address("203.0.113.10"))
    ),
    "another dataclass": model.SavedState(
        keepalived=typing.cast("model.ProcessId", model.VrrpId(model.VrrpKind.GROUP, "SG")),
        roles={},
    ),
    "a list in a report": Report(FifoOpened(typing.cast("str", []))),
    "an unknown decision": Report(
        typing.cast("Decision", model.VrrpId(model.VrrpKind.GROUP, "SG"))
    ),
}


@pytest.mark.parametrize("value", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_could_not_be_read_back_is_not_written(value: object) -> None:
    with pytest.raises(CodecError):
        codec_of(type(value)).encode(value, PLAIN)


def test_a_field_that_an_older_recording_does_not_have_takes_its_default() -> None:
    found = codec_of(model.Settings).decode({"resources": []}, "settings")
    assert model.Settings(resources={}) == found


def test_one_kind_of_address_is_strict_too() -> None:
    codec = codec_of(ipaddress.IPv4Address)
    address = ipaddress.IPv4Address("203.0.113.10")
    assert address == codec.decode(codec.encode(address, PLAIN), "address")
    with pytest.raises(CodecError):
        codec.decode("::1", "address")


# --- types without a codec -------------------------------------------------------------------


class Number(enum.Enum):
    ONE = 1


@dataclass
class Odd:
    path: PurePath


@dataclass
class NamedLikeTheTag:
    is_: int


NamedLikeTheTag.__dataclass_fields__["is_"].name = "is"
NamedLikeTheTag.__annotations__ = {"is": int}
Mixed: TypeAlias = str | model.VrrpId

NO_CODEC = [
    Odd, Number, Mixed, list[int], dict[str, int], tuple[int, str], object,
    NamedLikeTheTag, ipaddress.IPv4Address | ipaddress.IPv4Network,
]  # fmt: skip


@pytest.mark.parametrize("annotation", NO_CODEC, ids=str)
def test_a_type_without_a_codec_is_found_when_the_codec_is_built(annotation: object) -> None:
    with pytest.raises(TypeError, match="there is no way to"):
        codec_of(annotation)


# --- secrets ---------------------------------------------------------------------------------


@settings(max_examples=200, database=None)
@given(strategy_of(Line))
def test_every_text_goes_through_redaction(line: Line) -> None:
    seen: set[str] = set()

    def note(text: str) -> str:
        seen.add(text)
        return text

    to_json(line, note)
    assert set(texts_in(line)) == seen


def texts_in(value: object) -> Iterator[str]:
    """All texts in a value, found without the codec."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(key)
            yield from texts_in(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_in(getattr(value, field.name))
