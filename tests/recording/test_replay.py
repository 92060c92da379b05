"""Replaying: the same core answers the same, and what differs is found and shown."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pytest

from hakeeper import __version__
from hakeeper.cli.main import run_command
from hakeeper.core.decisions.keepalived import FifoOpened, RoleChanged
from hakeeper.core.events import LinesRead, Report
from hakeeper.core.limits.backoff import Backoff
from hakeeper.core.model import ProcessId
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.hide_secrets import HIDDEN
from hakeeper.recording import replay as replaying
from hakeeper.recording.reading import read
from hakeeper.recording.replay import Step
from hakeeper.recording.replay import replay as replay_lines
from hakeeper.recording.story import Ended, Heard, Line, RecordedCore, to_json
from hakeeper.recording.transcript import TIME_PASSED, short
from tests.core.driver import Node, chance
from tests.core.rules import Rules
from tests.core_hours import test_chaos
from tests.recording.scenes import (
    BEGUN_S,
    SETTINGS,
    VRRP,
    ListTape,
    beginning,
    feed_story,
    plain,
    story,
    text_of,
    write,
)
from tests.recording.taping import replay
from tests.support.resources import CLOUD

Out: TypeAlias = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of the usual story."""
    return write(tmp_path / "r", story())


def said(capfd: Out, *words: str | Path) -> tuple[int, str, str]:
    """Run a command in this process; return its code and what it printed."""
    code = run_command(["replay", *map(str, words)])
    out, err = capfd.readouterr()
    return code, out, err


# --- the same --------------------------------------------------------------------------------


def test_the_same_core_answers_the_same(path: Path, capfd: Out) -> None:
    lines = story()
    events = sum(len(line.events) for line in lines if isinstance(line, Heard))
    effects = sum(len(line.effects) for line in lines if isinstance(line, Heard))
    verdict = f"{events} events, {effects} effects: identical\n"
    code, out, err = said(capfd, path)
    assert (0, "") == (code, err)
    assert verdict == out.splitlines(keepends=True)[-1]


def test_several_runs_are_replayed_each_by_a_core_of_its_own(tmp_path: Path, capfd: Out) -> None:
    path = write(tmp_path / "r", [*story(), Ended("hakeeper stopped"), *story(), *story(1)])
    _, out, _ = said(capfd, path)
    assert "in 3 runs: identical" in out


def test_the_core_is_made_at_the_same_time() -> None:
    core = beginning(begun_s=BEGUN_S).core()
    assert 3.0 == snapshot_of(core, BEGUN_S + 3.0).roles[0].role_age_s


def test_who_recorded_it_is_reported_if_it_was_another_version(tmp_path: Path, capfd: Out) -> None:
    own = write(tmp_path / "own", [beginning(version=__version__)])
    other = write(tmp_path / "other", [beginning(version="0.0.7")])
    assert "0 events, 0 effects: identical\n" == said(capfd, own)[1]
    assert (
        f"recorded by hakeeper 0.0.7, replayed by {__version__}: differences may be intentional\n"
        "0 events, 0 effects: identical\n"
    ) == said(capfd, other)[1]


@pytest.mark.parametrize("seed", range(6))
def test_thousands_of_random_events_and_faults_replay_identically(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chaos of tests/core, whose every core records."""
    tapes: list[ListTape] = []

    def new_core(node: Node) -> None:
        tapes.append(ListTape())
        node.runs += 1
        node.core = RecordedCore(tapes[-1], node.config, node.seed, node.world.now)
        node.rules = Rules({CLOUD: node.server_id})

    monkeypatch.setattr(Node, "_new_core", new_core)
    rng = chance(seed)
    world = test_chaos.make_world(seed)
    for _ in range(300):
        test_chaos.random_step(world, rng)
    events = 0
    for tape in tapes:
        text = text_of(tape.lines).encode()
        for item in replay_lines(read(text.splitlines(keepends=True)), plain):
            if isinstance(item, Step):
                events += 1
                assert item.same
    assert events >= 300


def test_what_redaction_hides_in_the_answers_alone_is_no_difference() -> None:
    """Words of our own may look like a secret."""

    def hide(text: str) -> str:
        return text.replace("became master", HIDDEN)

    lines = [to_json(line, hide) for line in story()]
    assert any(HIDDEN in line for line in lines)
    steps = [
        each
        for each in replaying.replay(read(f"{line}\n".encode() for line in lines), hide)
        if isinstance(each, Step)
    ]
    assert len(lines) - 1 == len(steps)
    assert all(step.same for step in steps)


@pytest.mark.parametrize("hash_seed", ["1", "2", "random"])
def test_the_order_of_hashes_does_not_matter(path: Path, hash_seed: str) -> None:
    done = replay(path, PYTHONHASHSEED=hash_seed)
    assert (0, "") == (done.returncode, done.stderr)
    assert "identical" in done.stdout


def test_replaying_needs_nothing_but_python(path: Path) -> None:
    """Whoever gets a recording can replay it from a checkout, without the libraries."""
    code = (
        "import sys; from hakeeper.cli.main import run_command;"
        f"code = run_command(['replay', {str(path)!r}]);"
        "foreign = {'yaml', 'hcloud', 'requests', 'structlog', 'jeepney', 'systemd'};"
        "print(code, sorted(foreign & set(sys.modules)))"
    )
    done = replay_code(code)
    assert "0 []" == done.splitlines()[-1]


def replay_code(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


# --- not the same ----------------------------------------------------------------------------


def changed(lines: list[Line], number: int, **fields: Any) -> list[Line]:  # noqa: ANN401
    """Change the line of this number, from 1."""
    line = lines[number - 1]
    assert isinstance(line, Heard)
    made = [*lines]
    made[number - 1] = dataclasses.replace(line, **fields)
    return made


def heard(lines: list[Line], number: int) -> Heard:
    line = lines[number - 1]
    assert isinstance(line, Heard)
    return line


LINES = len(story())
ANSWERS = 4
"""Of the story: two calls are answered at once."""
LINE = 5
"""Of the story: MASTER is heard, and an assign goes out; five effects."""
EFFECTS = heard(story(), LINE).effects
TELLS = EFFECTS[3]
assert isinstance(TELLS, Report)
assert isinstance(TELLS.decision, RoleChanged)
OTHERWISE = Report(dataclasses.replace(TELLS.decision, generation=2))
NEVER_SAID = Report(FifoOpened("never said"))

ALTERED = {
    "an effect is another": (
        {"effects": (*EFFECTS[:4], NEVER_SAID)},
        "effect 5 of 5",
        "fifo.opened: never said",
    ),
    "an effect is gone": ({"effects": EFFECTS[:4]}, "effect 5 of 5", "nothing"),
    "an effect too many": (
        {"effects": (*EFFECTS, NEVER_SAID)},
        "effect 6 of 6",
        "fifo.opened: never said",
    ),
    "effects in another order": (
        {"effects": (EFFECTS[1], EFFECTS[0], *EFFECTS[2:])},
        "effect 1 of 5",
        "SaveState(state=SavedState(keepalived=None, roles={VI_1: MASTER}, servers={cloud: 1})",
    ),
    "no effects": ({"effects": ()}, "effect 1 of 5", "nothing"),
    "a field that no short form shows": (
        {
            "effects": (
                *EFFECTS[:3],
                OTHERWISE,
                EFFECTS[4],
            )
        },
        "effect 4 of 5",
        '"generation":2',
    ),
    "another time to be asked again": ({"next_at_s": 1007.5}, "when to ask the core", "7.29"),
    "never to be asked again": ({"next_at_s": None}, "when to ask the core again", "never"),
    "an exception that did not come": ({"raised": "ValueError: x"}, "broke", "ValueError: x"),
}


@pytest.mark.parametrize(("fields", "where", "expected"), ALTERED.values(), ids=ALTERED)
def test_an_altered_answer_is_found_and_shown(
    tmp_path: Path, capfd: Out, fields: dict[str, Any], where: str, expected: str
) -> None:
    path = write(tmp_path / "r", changed(story(), LINE, **fields))
    code, out, err = said(capfd, path)
    assert (1, "") == (code, err)
    shown = out.splitlines()[-5:]
    assert f"different at line {LINE}, batch {LINE - 1}, +0.200000 s" == shown[0]
    assert "  event     LinesRead(lines=[VI_1 MASTER 100])" == shown[1]
    assert where in shown[2]
    assert expected in shown[3]
    assert shown[3].split()[1:] != shown[4].split()[1:]


@pytest.mark.parametrize("number", range(2, len(story()) + 1))
def test_a_change_in_any_batch_is_found_at_that_batch(
    tmp_path: Path, capfd: Out, number: int
) -> None:
    effects = (*heard(story(), number).effects, NEVER_SAID)
    path = write(tmp_path / "r", changed(story(), number, effects=effects))
    code, out, _ = said(capfd, path, "--json")
    found = json.loads(out)["difference"]
    assert (1, number, 1, number - 1) == (code, found["line"], found["run"], found["batch"])


def test_the_least_change_of_a_time_is_found(tmp_path: Path, capfd: Out) -> None:
    next_at_s = heard(story(), LINE).next_at_s
    assert next_at_s is not None
    later = next_at_s * (1 + 2**-52)
    path = write(tmp_path / "r", changed(story(), LINE, next_at_s=later))
    assert 1 == said(capfd, path)[0]


def test_all_events_of_the_batch_that_differs_are_shown(tmp_path: Path, capfd: Out) -> None:
    assert 2 == len(heard(story(), ANSWERS).events)
    path = write(tmp_path / "r", changed(story(), ANSWERS, effects=()))
    _, out, _ = said(capfd, path)
    shown = [line for line in out.splitlines() if line.startswith("  event     CallResult(")]
    assert ["call_id=1", "call_id=2"] == [line.split("(")[1].split(",")[0] for line in shown]


def test_the_run_is_named_where_there_are_several(tmp_path: Path, capfd: Out) -> None:
    both = [*story(), *changed(story(), LINE, effects=())]
    code, out, _ = said(capfd, write(tmp_path / "r", both))
    number = len(story()) + LINE
    assert 1 == code
    assert f"different at line {number}, batch {LINE - 1} of run 2" in out


def mutate_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    delay_s = Backoff.delay_s

    def longer_s(backoff: Backoff, attempt: int, rng: Random) -> float:
        return delay_s(backoff, attempt, rng) * 1.001

    monkeypatch.setattr(Backoff, "delay_s", longer_s)


def mutate_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    delay_s = Backoff.delay_s

    def drawn_twice_s(backoff: Backoff, attempt: int, rng: Random) -> float:
        rng.random()
        return delay_s(backoff, attempt, rng)

    monkeypatch.setattr(Backoff, "delay_s", drawn_twice_s)


def mutate_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hakeeper.core.claim.resource.holder_text", lambda *_: "nobody knows")


def mutate_order(monkeypatch: pytest.MonkeyPatch) -> None:
    order = __import__("hakeeper.core.core", fromlist=["_ORDER"])._ORDER
    monkeypatch.setattr("hakeeper.core.core._ORDER", tuple(reversed(order)))


def break_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug\x1b[2J")

    monkeypatch.setattr("hakeeper.core.keepalived.listener.follow_changes", fail)


MUTANTS = [mutate_backoff, mutate_chance, mutate_names, mutate_order, break_core]


@pytest.mark.parametrize("mutate", MUTANTS)
def test_a_changed_core_is_found(
    path: Path, capfd: Out, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[Any], None]
) -> None:
    assert 0 == said(capfd, path)[0]
    mutate(monkeypatch)
    code, out, err = said(capfd, path)
    assert (1, "") == (code, err)
    assert "different at line" in out
    assert "\x1b" not in out


# --- files that are no recordings ------------------------------------------------------------


def whole() -> str:
    return text_of(story())


def line_of(number: int) -> str:
    return whole().splitlines(keepends=True)[number - 1]


def spoiled(number: int, old: str, new: str) -> str:
    lines = whole().splitlines(keepends=True)
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    return "".join(lines)


END = text_of([Ended("x")])
NO_RECORDINGS = {
    "empty": ("", 1, "there is nothing in this file"),
    "not JSON": ("instances: {}\n", 1, "not JSON"),
    "not a text": ("\xff\xfe{}", 1, "this is no text"),
    "other JSON": ('{"version": 1}\n', 1, "is not one of Beginning, Heard, Ended"),
    "without its first line": (whole().split("\n", 1)[1], 1, "begins with its settings"),
    "of another format": (spoiled(1, '"format":2', '"format":1'), 1, "reads format 2 only"),
    "a line cut in the middle of it": (spoiled(4, "CallResult", "CallRes\n"), 4, "not JSON"),
    "an empty line": (spoiled(4, "{", "\n{"), 4, "not JSON"),
    "a line of another kind": (spoiled(4, '"Heard"', '"Herd"'), 4, "is not one of"),
    "an unknown event": (spoiled(3, "FifoChanged", "FifoChange"), 3, "line.events[0]"),
    "a text for a number": (spoiled(3, "1000.1", '"1000.1"'), 3, "line.at_s"),
    "something after the end": (
        whole() + text_of([Ended("x")]) + line_of(4),
        LINES + 2,
        "no new run",
    ),
    "two ends": (whole() + text_of([Ended("x"), Ended("x")]), LINES + 2, "no new run"),
    "only a cut line": (whole()[:50], 1, "not JSON"),
    "a cut line that has an end": (whole()[:-50] + "\n", LINES, "not JSON"),
    "nested": ("[" * 1_000_000 + "\n", 1, "nested too deeply"),
    "objects in objects": ('{"is":' * 1_000_000 + "\n", 1, "nested too deeply"),
    "a number of a million digits": ("9" * 1_000_000 + "\n", 1, "not JSON"),
    "no number": ('{"is": NaN}\n', 1, "not JSON"),
    "a pickle": ("cos\nsystem\n(S'true'\ntR.", 1, "not JSON"),
    "escapes": ('{"is": "\\u001b[2J\\u009b1m\\u202e"}\n', 1, "is not one of"),
    "raw escapes": ("\x1b[2J\x07\n", 1, "not JSON"),
    "a huge kind": (spoiled(1, '"Beginning"', '"' + "B" * 1_000_000 + '"'), 1, "is not one of"),
    "a huge format": (
        spoiled(1, '"format":2', '"format":' + "1" * 4000),
        1,
        "reads format 2 only",
    ),
    "a format that is a text": (
        spoiled(1, '"format":2', '"format":"' + "1" * 1_000_000 + '"'),
        1,
        "format",
    ),
    "two cut lines": (whole() + '{"is"\n' + '{"is"\n' + whole(), LINES + 1, "not JSON"),
}


@pytest.mark.parametrize(("text", "number", "why"), NO_RECORDINGS.values(), ids=NO_RECORDINGS)
def test_a_file_that_is_no_recording_is_refused_with_the_line(
    tmp_path: Path, capfd: Out, text: str, number: int, why: str
) -> None:
    path = tmp_path / "r"
    path.write_bytes(text.encode("latin-1"))
    code, _, err = said(capfd, path)
    assert 65 == code
    assert err.startswith(f"{path}: line {number}: ")
    assert why in err
    assert 1 == err.count("\n")
    assert err[:-1].isprintable()
    assert len(err) < 1000
    code, out, err = said(capfd, path, "--json")
    document = json.loads(out)
    assert (65, number, "") == (code, document["line"], err)
    assert why in document["error"]


@pytest.mark.parametrize("cut_bytes", [1, 2, 30])
def test_a_last_line_that_was_cut_is_normal(path: Path, capfd: Out, cut_bytes: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-cut_bytes])
    code, out, err = said(capfd, path, "--json")
    counted = story()[1:] if cut_bytes == 1 else story()[1:-1]
    effects = sum(len(line.effects) for line in counted if isinstance(line, Heard))
    cut = [f"line {LINES} was cut off, as by kill -9"] if cut_bytes > 1 else []
    assert (0, "") == (code, err)
    document = json.loads(out)
    assert (effects, cut) == (document["effects"], document["ends"])


def test_a_run_that_was_cut_before_the_next_one_is_normal(tmp_path: Path, capfd: Out) -> None:
    (tmp_path / "r").write_text(whole()[:-30] + "\n" + whole())
    code, out, _ = said(capfd, tmp_path / "r", "--json")
    assert (0, 2) == (code, json.loads(out)["runs"])


def test_every_place_where_a_recording_may_be_cut_is_normal() -> None:
    text = whole().encode()
    first = text.index(b"\n")
    for at in range(first, len(text), 7):  # a prime: any place within some line
        list(replay_lines(read(text[:at].splitlines(keepends=True)), plain))


@pytest.mark.parametrize("known", ['"floating_ip"', '"cloud"'])
def test_a_kind_or_an_api_that_is_not_known_ends_in_no_traceback(
    tmp_path: Path, capfd: Out, known: str
) -> None:
    pieces = whole().split(known)
    seen = set()
    for at in range(1, len(pieces)):
        (tmp_path / "r").write_text(f'{known.join(pieces[:at])}"x"{known.join(pieces[at:])}')
        code, out, err = said(capfd, tmp_path / "r")
        assert "unexpected error" not in err
        seen.add((code, "different at line" in out, "this hakeeper moves no" in err))
    assert seen <= {(0, False, False), (1, True, False), (65, False, True)}
    assert (1, True, False) in seen


def test_no_cut_and_no_changed_byte_ends_in_a_traceback(tmp_path: Path, capfd: Out) -> None:
    rng = chance(1)
    data = whole().encode()
    codes = set()
    for _ in range(300):
        at = rng.randrange(len(data))
        spoilt = data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randrange(3) :]
        (tmp_path / "r").write_bytes(spoilt)
        code, _, err = said(capfd, tmp_path / "r")
        codes.add(code)
        assert "Traceback" not in err
        assert "report it" not in err
    assert {1, 65} <= codes <= {0, 1, 65}


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def nothing(path: Path) -> None:
    """Make nothing there."""


@pytest.mark.parametrize(
    ("make", "code", "why"),
    [(nothing, 66, "No such file"), (Path.mkdir, 65, "regular file"), (a_fifo, 65, "regular file")],
)
def test_what_is_no_file_is_refused(
    tmp_path: Path, capfd: Out, make: Callable[[Path], None], code: int, why: str
) -> None:
    make(tmp_path / "r")
    found, _, err = said(capfd, tmp_path / "r")
    assert (code, True, 1) == (found, why in err, err.count("\n"))


def test_a_file_that_may_not_be_read_is_77(
    path: Path, capfd: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("hakeeper.cli.replay._open", refuse)
    code, _, err = said(capfd, path)
    assert (77, True) == (code, "Permission denied" in err)


# --- for people ------------------------------------------------------------------------------

SHOWN = """\
2026-01-02T03:04:05.678+00:00  hakeeper 0.1 on Python 3.11.2, \
Settings(resources={VI_1: [web]}, interval_s=10, standby_interval_s=60, can_query=False)
   +0.100000  Started(saved=None, keepalived=None)
              StartCall(call_id=1, request=Identify(api=cloud), timeout_s=5)
              StartCall(call_id=2, request=ReadAll(kind=floating_ip), timeout_s=5)
              SaveState(state=SavedState(keepalived=None, roles={VI_1: UNKNOWN}, servers={}))
   +0.100000  FifoChanged(state=open, detail=opened)
              fifo.opened: opened
"""


def test_the_story_can_be_read(path: Path, capfd: Out) -> None:
    code, out, _ = said(capfd, path, "--show")
    lines = out.splitlines()
    assert 0 == code
    assert SHOWN.splitlines()[1:] == lines[1:7]
    assert lines[0].startswith("2026-01-02T03:04:05.678+00:00  hakeeper 0.1 on Python 3.11.2, ")
    assert "   +0.200000  LinesRead(lines=[VI_1 MASTER 100])" in lines
    assert f"   +1.200000  {TIME_PASSED}" in lines
    assert "identical" in lines[-1]


def test_the_story_ends_with_what_is_different(tmp_path: Path, capfd: Out) -> None:
    path = write(tmp_path / "r", changed(story(), LINE, effects=()))
    code, out, _ = said(capfd, path, "--show")
    assert 1 == code
    assert "   +0.200000  LinesRead(lines=[VI_1 MASTER 100])\n" in out
    assert TIME_PASSED not in out
    assert "  expected  nothing\n" in out


def test_the_end_of_a_core_that_broke_is_part_of_the_story(
    tmp_path: Path, capfd: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_core(monkeypatch)
    tape = ListTape()
    with pytest.raises(RuntimeError):
        feed_story(RecordedCore(tape, SETTINGS, 1, BEGUN_S), fails=0)
    code, out, _ = said(capfd, write(tmp_path / "r", tape.lines), "--show")
    assert 0 == code
    assert "              the core broke: RuntimeError: a bug\\x1b[2J\n" in out


def test_a_long_list_is_cut_in_the_story() -> None:
    lines = (NotifyLine(VRRP, LineState.BACKUP, 100),) * 14
    shown = ", ".join(["VI_1 BACKUP 100"] * 12)
    assert f"LinesRead(lines=[{shown}, 2 more])" == short(LinesRead(lines))
    assert "pid 7" == short(ProcessId(7, None, "boot"))


def test_a_recording_of_somebody_else_does_not_move_the_cursor(tmp_path: Path, capfd: Out) -> None:
    text = whole().replace('"opened"', '"opened\\u001b[2J\\n\\u0000"')
    text = text.replace("3.11.2", "\\u001b[2J") + text_of([Ended("\x1b[2J")])
    (tmp_path / "r").write_text(text)
    code, out, _ = said(capfd, tmp_path / "r", "--show")
    assert (0, False, False) == (code, "\x1b" in out, "\0" in out)
    assert "fifo.opened: opened\\x1b[2J\\n\\x00\n" in out


def test_show_and_json_do_not_go_together(path: Path, capfd: Out) -> None:
    with pytest.raises(SystemExit) as raised:
        run_command(["replay", "--show", "--json", str(path)])
    assert 2 == raised.value.code
    capfd.readouterr()


def test_the_result_for_programs(tmp_path: Path, capfd: Out) -> None:
    path = write(tmp_path / "r", [*story(), Ended("hakeeper stopped")])
    code, out, _ = said(capfd, path, "--json")
    document = json.loads(out)
    assert 0 == code
    assert {
        "identical": True,
        "runs": 1,
        "events": 8,
        "effects": document["effects"],
        "recorded_by": ["0.1"],
        "replayed_by": __version__,
        "ends": ["hakeeper stopped"],
    } == document
