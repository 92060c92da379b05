"""The page about `hakeeper explain` shows what it prints, and has all codes."""

import json
from collections.abc import Mapping
from pathlib import Path

from hakeeper.adapters.explanation import WAIT_TEXTS, explained
from hakeeper.cli.explain import lines
from hakeeper.core.calls import (
    AllRead,
    Answer,
    CallResult,
    Identified,
    Identify,
    ReadAll,
    ReadServer,
    ServerRead,
)
from hakeeper.core.core import Core
from hakeeper.core.events import Effect, LinesRead, StartCall, Started
from hakeeper.core.model import Server, Settings
from hakeeper.core.observation import Part, Reading
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.diagnosis.rehearsal import rehearse
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS, KINDS
from hakeeper.kinds.json_fields import network
from tests.core.driver import chance, instance
from tests.support.generated_docs import check_section
from tests.support.resources import floating_ip

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"
VI = instance("VI_1")
WALL_S = 1_800_000_000.0
US, PEER = 101, 102
ALIAS = "10.0.0.100"
LATENCY_S = 0.021
_WEB = floating_ip(id=4711, name="web", network=network("203.0.113.10/32"), server_id=PEER)
_INTERNAL = Part(
    key=7,
    name="internal",
    network=network("10.0.0.0/16"),
    rows=((str(US), "10.0.0.2"), (str(PEER), "10.0.0.3", ALIAS)),
)
_LISTS = {FLOATING_IPS.name: Reading((_WEB,)), ALIAS_IPS.name: Reading((), parts=(_INTERNAL,))}


def answer(effect: Effect, at_s: float) -> list[CallResult]:
    if not isinstance(effect, StartCall):
        return []
    server = Server(id=US, name="web-a", status="running")
    outcome: Answer
    match effect.request:
        case Identify():
            outcome = Identified(server, "the metadata service")
        case ReadAll(kind):
            outcome = AllRead(kind, _LISTS[kind])
        case ReadServer():
            outcome = ServerRead(Server(id=PEER, name="web-b", status="running"))
        case _:
            return []
    return [CallResult(call_id=effect.call_id, outcome=outcome, sent_at_s=0.0, finished_at_s=at_s)]


def document() -> Mapping[str, object]:
    refs = (FLOATING_IPS.ref("web"), ALIAS_IPS.ref(ALIAS))
    core = Core(Settings(resources={VI: refs}), KINDS, chance(1), 0.0)
    line = LinesRead((NotifyLine(VI, LineState.BACKUP, 100),))
    effects = core.handle([Started(saved=None, keepalived=None), line], 0.0)
    now = 0.0
    for _ in range(3):  # lists, then whose the holder is
        now += LATENCY_S
        results = [result for effect in effects for result in answer(effect, now)]
        effects = core.handle(results, now)
    told = explained(snapshot_of(core, now).roles[0], rehearse(core, VI, now, 16), WALL_S)
    found: Mapping[str, object] = json.loads(json.dumps({"schema": 1, "instances": [told]}))
    return found


def test_the_example_is_what_the_command_prints() -> None:
    shown = "\n".join(lines(document(), WALL_S))
    check_section(PAGE, "explain", f"```\n{shown}\n```\n")


def test_the_codes_are_those_of_the_code() -> None:
    rows = [f"| `{what.value}` | {text} |" for what, text in WAIT_TEXTS.items()]
    check_section(PAGE, "waits", "\n".join(["| code | text |", "|---|---|", *rows]) + "\n")


def test_every_key_is_named() -> None:
    page = PAGE.read_text()
    instances = document()["instances"]
    assert [key for key in sorted(keys_of(instances)) if f"`{key}`" not in page] == []


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()
