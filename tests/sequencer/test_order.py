"""The order of the loop, rule by rule, with ports that note what is asked of them.

The daemon and the simulated world run this loop; the last tests see to it that the daemon does.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest

import hakeeper.daemon
from hakeeper.core.core import Core
from hakeeper.core.decisions.keepalived import FifoOpened, RoleUnverified
from hakeeper.core.events import (
    Drained,
    Effect,
    Event,
    FifoChanged,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    Report,
    SaveState,
    Started,
    WriterSeen,
)
from hakeeper.core.model import (
    FifoState,
    ProcessId,
    Role,
    SavedState,
    Settings,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.roles.lines import BadLine, LineState, NotifyLine
from hakeeper.daemon import Daemon
from hakeeper.kinds import KINDS
from hakeeper.sequencer import DRAINS_PER_EVENT, LOOK_S, WRITER_LOOK_S, Sequencer, Source
from tests.support.daemon_without_api import Calls, calls, daemon
from tests.support.resources import by_name

__all__ = ["calls", "daemon"]  # the fixtures of the daemon's turn

VRRP = VrrpId(VrrpKind.INSTANCE, "VI_1")
PROCESS = ProcessId(100, 5000, "boot")
LATER = ProcessId(200, 9000, "boot")
MASTER = NotifyLine(VRRP, LineState.MASTER, 100)
BACKUP = NotifyLine(VRRP, LineState.BACKUP, 100)
BAD = BadLine("is odd", "x")
OPENED = FifoChanged(FifoState.OPEN, "opened")


class NotedCore(Core):
    """A core of which the diary knows what it heard: each batch is a tuple there."""

    def __init__(self, diary: list[object]) -> None:
        settings = Settings(resources={VRRP: (by_name("web"),)})
        super().__init__(settings, KINDS, Random(1), 1000.0)  # noqa: S311  # a test's chance
        self._diary = diary
        self.wanted_at_s: float | None = None
        self.answer: tuple[Effect, ...] = ()

    def handle(self, events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        self._diary.append((*events,))
        del now
        return self.answer

    def next_at(self) -> float | None:
        return self.wanted_at_s


@dataclass
class FakeFifo:
    """A pipe: a list of what each `drain` gives, and of what each `look` notices."""

    diary: list[object]
    waiting: list[Drained] = field(default_factory=list)
    changes: list[FifoChanged] = field(default_factory=list)
    writers: list[bool | None] = field(default_factory=list)
    """What each look for a writer finds; nothing more: that cannot be seen."""

    def look(self) -> FifoChanged | None:
        self.diary.append("look at the FIFO")
        return self.changes.pop(0) if self.changes else None

    def drain(self) -> Drained:
        self.diary.append("drain")
        return self.waiting.pop(0) if self.waiting else Drained()

    def settle(self) -> None:
        self.diary.append("settle")

    def has_writer(self) -> bool | None:
        self.diary.append("look for a writer")
        return self.writers.pop(0) if self.writers else None


@dataclass
class FakeKeepalived:
    """keepalived's processes: what each `look` notices."""

    diary: list[object]
    current: ProcessId | None = PROCESS
    changes: list[KeepalivedSeen | KeepalivedGone] = field(default_factory=list)

    def look(self) -> KeepalivedSeen | KeepalivedGone | None:
        self.diary.append("look at keepalived")
        if not self.changes:
            return None
        change = self.changes.pop(0)
        self.current = change.process if isinstance(change, KeepalivedSeen) else None
        return change


class Scene:
    """A loop on fakes, and the diary of all that happens, in its order."""

    def __init__(self) -> None:
        self.diary: list[object] = []
        self.now = 1000.0
        self.core = NotedCore(self.diary)
        self.fifo = FakeFifo(self.diary)
        self.keepalived = FakeKeepalived(self.diary)
        self.sequencer = Sequencer(
            self.core,
            self.fifo,
            self.keepalived,
            clock=lambda: self.now,
            perform=self.diary.extend,
            sources_changed=lambda: self.diary.append("sources changed"),
        )

    def batches(self) -> list[tuple[object, ...]]:
        """What the core heard."""
        return [entry for entry in self.diary if isinstance(entry, tuple)]

    def events(self) -> list[object]:
        """All events of all batches."""
        return [event for batch in self.batches() for event in batch]

    def begin(self) -> None:
        """Begin, and forget what that was like."""
        self.sequencer.begin(None)
        self.diary.clear()

    def turn(self, *ready: Source) -> None:
        """Take a turn in which these are ready, in this order."""
        self.sequencer.turn([(source, self._note(source.name)) for source in ready])

    def _note(self, name: str) -> Callable[[], None]:
        return lambda: self.diary.append(name)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def read(*lines: NotifyLine, live: bool = True) -> LinesRead:
    return LinesRead(lines, live=live)


def before(diary: Iterable[object], first: object, second: object) -> bool:
    """Say whether both are in the diary, in this order."""
    listed = list(diary)
    return listed.index(first) < listed.index(second)


# --- lines first -----------------------------------------------------------------------------


def test_a_turn_serves_lines_first_then_keepalived_looks_answers_signals_and_questions(
    scene: Scene,
) -> None:
    scene.begin()
    scene.turn(*reversed(Source))
    assert ["LINES", "KEEPALIVED", "LOOK", "ANSWERS", "SIGNALS", "CONTROL"] == scene.diary


def test_of_one_source_the_order_stays_as_it_came(scene: Scene) -> None:
    scene.begin()
    ready: list[tuple[Source, Callable[[], None]]] = [
        (Source.CONTROL, lambda: scene.diary.append("first")),
        (Source.LINES, lambda: scene.diary.append("lines")),
        (Source.CONTROL, lambda: scene.diary.append("second")),
    ]
    scene.sequencer.turn(ready)
    assert ["lines", "first", "second"] == scene.diary


# --- drained whole, and taken out when it is written down ------------------------------------


def test_the_pipe_is_drained_whole_before_anything_in_it_is_acted_upon(scene: Scene) -> None:
    scene.fifo.waiting = [
        Drained((MASTER,), more=True),
        Drained((), (BAD,), 3, more=True),
        Drained((BACKUP,)),
        Drained((MASTER,)),  # comes later, and waits for its turn
    ]
    scene.sequencer.hear()
    heard = LinesRead((MASTER, BACKUP), (BAD,), 2)
    drained = ["drain", "drain", "drain", (heard,), "settle", "sources changed"]
    assert ["look at the FIFO", *drained] == scene.diary


def test_what_waits_in_a_fifo_that_took_the_place_is_heard_in_the_same_breath(scene: Scene) -> None:
    replaced = FifoChanged(FifoState.OPEN, "replaced", reopened=True)
    scene.fifo.changes = [replaced]
    scene.fifo.waiting = [Drained((MASTER, BACKUP))]  # of the old one, and of the new one
    scene.sequencer.hear()
    assert [(replaced, read(MASTER, BACKUP))] == scene.batches()
    assert before(scene.diary, "look at the FIFO", "drain")


# --- one look around, one batch ---------------------------------------------------------------


def test_what_is_noticed_on_the_way_to_the_lines_is_in_one_batch_with_them(scene: Scene) -> None:
    replaced, seen = FifoChanged(FifoState.OPEN, "replaced", reopened=True), KeepalivedSeen(LATER)
    scene.keepalived.current = None
    scene.keepalived.changes, scene.fifo.changes = [seen], [replaced]
    scene.fifo.waiting = [Drained((BACKUP,))]
    scene.sequencer.hear()
    assert [(seen, replaced, read(BACKUP))] == scene.batches()


def test_all_that_a_look_around_finds_is_one_batch(scene: Scene) -> None:
    gone, seen = KeepalivedGone("killed"), KeepalivedSeen(LATER)
    scene.fifo.changes, scene.fifo.writers = [OPENED], [False]
    scene.fifo.waiting = [Drained((MASTER,)), Drained((BACKUP,), overflow="full")]
    scene.keepalived.changes = [gone, seen]
    scene.sequencer.look()
    found = (OPENED, read(MASTER), WriterSeen(present=False))
    last_words = (LinesLost("full"), read(BACKUP))
    assert [(*found, *last_words, replace(gone, replaced=True), seen)] == scene.batches()


def test_what_no_line_follows_is_acted_upon_at_once(scene: Scene) -> None:
    replaced = FifoChanged(FifoState.OPEN, "replaced", reopened=True)
    for look in (scene.sequencer.hear, scene.sequencer.look):
        scene.diary.clear()
        scene.fifo.changes = [replaced]
        look()
        assert [(replaced,)] == scene.batches()


def test_lines_leave_the_pipe_when_what_they_led_to_is_done(scene: Scene) -> None:
    saved = SaveState(SavedState(keepalived=PROCESS, roles={VRRP: Role.MASTER}))
    scene.core.answer = (saved, Report(RoleUnverified()))
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.hear()
    done = ["drain", (read(MASTER),), *scene.core.answer, "settle"]
    assert ["look at the FIFO", *done] == scene.diary[:-1]


def test_the_pipe_is_settled_even_if_nothing_was_in_it(scene: Scene) -> None:
    scene.sequencer.hear()
    assert ["look at the FIFO", "drain", "settle", "sources changed"] == scene.diary


def test_a_writer_that_never_pauses_does_not_hold_the_loop(scene: Scene) -> None:
    scene.fifo.waiting = [Drained((MASTER,), more=True)] * (DRAINS_PER_EVENT + 5)
    scene.sequencer.hear()
    assert [(read(*[MASTER] * DRAINS_PER_EVENT),)] == scene.batches()


def test_what_came_before_lost_lines_is_void_and_the_loss_is_reported_first(scene: Scene) -> None:
    scene.fifo.waiting = [
        Drained((MASTER,), more=True),
        Drained((), overflow="full", more=True),
        Drained((BACKUP,)),
    ]
    scene.sequencer.hear()
    assert [(LinesLost("full"), read(BACKUP))] == scene.batches()


def test_lines_that_come_with_the_word_of_a_loss_came_after_it(scene: Scene) -> None:
    scene.fifo.waiting = [Drained((MASTER,), more=True), Drained((BACKUP,), overflow="full")]
    scene.sequencer.hear()
    assert [(LinesLost("full"), read(BACKUP))] == scene.batches()


def test_a_loss_alone_is_no_reading(scene: Scene) -> None:
    scene.fifo.waiting = [Drained((MASTER,), overflow=None, more=True), Drained(overflow="full")]
    scene.sequencer.hear()
    assert [(LinesLost("full"),)] == scene.batches()


def test_bad_lines_alone_are_reported(scene: Scene) -> None:
    scene.fifo.waiting = [Drained((), (BAD,), 1)]
    scene.sequencer.hear()
    assert [(LinesRead((), (BAD,)),)] == scene.batches()


# --- whose words -----------------------------------------------------------------------------


def test_the_last_words_of_a_dying_keepalived_come_before_its_end(scene: Scene) -> None:
    gone = KeepalivedGone("killed")
    scene.keepalived.changes = [gone]
    scene.fifo.waiting = [Drained((BACKUP,))]
    scene.sequencer.look_at_keepalived()
    assert [(read(BACKUP), gone)] == scene.batches()
    assert before(scene.diary, (read(BACKUP), gone), "settle")


def test_a_keepalived_that_came_is_reported_before_the_lines_that_it_may_have_written(
    scene: Scene,
) -> None:
    seen = KeepalivedSeen(LATER)
    scene.keepalived.current = None
    scene.keepalived.changes = [seen]
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.hear()
    assert [(seen, read(MASTER))] == scene.batches()


def test_while_the_speaker_is_known_a_line_waits_for_no_look(scene: Scene) -> None:
    scene.sequencer.hear()
    assert "look at keepalived" not in scene.diary


def test_keepalived_is_asked_until_there_is_no_change(scene: Scene) -> None:
    first, second = KeepalivedSeen(PROCESS), KeepalivedSeen(LATER)
    scene.keepalived.changes = [first, second]
    scene.sequencer.look_at_keepalived()
    assert [(first, second)] == scene.batches()
    assert 3 == scene.diary.count("look at keepalived")
    assert "sources changed" in scene.diary  # their descriptors are watched from now on


def test_a_new_keepalived_is_reported_after_the_end_of_the_old_one_which_says_that_it_is_replaced(
    scene: Scene,
) -> None:
    seen = KeepalivedSeen(LATER)
    scene.keepalived.changes = [KeepalivedGone("killed"), seen, KeepalivedGone("killed too")]
    scene.fifo.waiting = [Drained((BACKUP,)), Drained((MASTER,))]
    scene.sequencer.look_at_keepalived()
    batch = (
        read(BACKUP),
        KeepalivedGone("killed", replaced=True),
        seen,
        read(MASTER),
        KeepalivedGone("killed too", replaced=False),
    )
    assert [batch] == scene.batches()


def test_who_took_the_place_is_looked_for_after_the_last_words(scene: Scene) -> None:
    """Else words of the new one, written in between, would pass for the old one's."""
    scene.keepalived.changes = [KeepalivedGone("killed")]
    scene.sequencer.look_at_keepalived()
    looks = [index for index, entry in enumerate(scene.diary) if entry == "look at keepalived"]
    assert looks[0] < scene.diary.index("drain") < looks[1]


def test_the_next_look_is_a_second_after_the_last_one_however_late_that_was(scene: Scene) -> None:
    scene.begin()
    scene.now += LOOK_S * 5.5
    scene.turn()
    assert scene.now + LOOK_S == scene.sequencer.wake_at_s()


def test_a_keepalived_that_came_does_not_make_the_pipe_be_read(scene: Scene) -> None:
    scene.keepalived.changes = [KeepalivedSeen(LATER)]
    scene.sequencer.look_at_keepalived()
    assert "drain" not in scene.diary


# --- the beginning ---------------------------------------------------------------------------


def test_first_what_the_last_run_left_then_the_lines_that_waited_which_are_not_live(
    scene: Scene,
) -> None:
    saved = SavedState(keepalived=PROCESS, roles={})
    scene.keepalived.current = None
    scene.keepalived.changes = [KeepalivedSeen(LATER), KeepalivedGone("x"), KeepalivedSeen(PROCESS)]
    scene.fifo.changes = [OPENED]
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.begin(saved)
    started = Started(saved=saved, keepalived=PROCESS)
    assert [(started, OPENED, read(MASTER, live=False))] == scene.batches()
    assert before(scene.diary, scene.batches()[0], "settle")


def test_where_there_is_no_fifo_yet_it_begins_all_the_same(scene: Scene) -> None:
    scene.sequencer.begin(None)
    assert [(Started(saved=None, keepalived=PROCESS),)] == scene.batches()


# --- looking around --------------------------------------------------------------------------


def test_a_fifo_that_changed_is_reported_and_then_read_live(scene: Scene) -> None:
    scene.fifo.changes = [OPENED]
    scene.fifo.waiting = [Drained((MASTER,))]
    scene.sequencer.look()
    assert [(OPENED, read(MASTER))] == scene.batches()
    assert "sources changed" in scene.diary  # the descriptor is watched from now on


def test_a_fifo_that_did_not_change_is_left_alone(scene: Scene) -> None:
    scene.begin()
    scene.sequencer.look()
    assert "look at the FIFO" in scene.diary
    assert "drain" not in scene.diary
    assert [] == scene.batches()


def test_it_looks_around_each_second_and_not_before(scene: Scene) -> None:
    scene.begin()
    scene.now += LOOK_S * 0.99
    scene.turn()
    assert [] == scene.diary
    scene.now += LOOK_S * 0.01
    scene.turn()
    assert "look at the FIFO" in scene.diary
    scene.diary.clear()
    scene.now += LOOK_S * 0.99
    scene.turn()
    assert [] == scene.diary
    scene.now += LOOK_S * 0.01
    scene.turn()
    assert "look at the FIFO" in scene.diary


def test_looking_around_comes_after_the_lines_and_before_the_answers_and_what_is_due(
    scene: Scene,
) -> None:
    scene.begin()
    scene.now += LOOK_S
    scene.core.wanted_at_s = scene.now
    scene.turn(Source.ANSWERS, Source.LINES)
    assert before(scene.diary, "LINES", "look at the FIFO")
    assert before(scene.diary, "look at keepalived", "ANSWERS")
    assert before(scene.diary, "ANSWERS", ())


@pytest.mark.parametrize(("wanted_s", "times"), [(None, 0), (0.0, 1), (-5.0, 1), (0.001, 0)])
def test_the_core_is_called_when_it_is_due(
    scene: Scene, wanted_s: float | None, times: int
) -> None:
    scene.begin()
    scene.core.wanted_at_s = None if wanted_s is None else scene.now + wanted_s
    scene.turn()
    assert [()] * times == scene.batches()


@pytest.mark.parametrize(
    ("wanted_s", "wakes_s"), [(None, LOOK_S), (0.25, 0.25), (LOOK_S + 5.0, LOOK_S), (-1.0, -1.0)]
)
def test_it_wakes_for_the_core_or_to_look_around_whichever_is_first(
    scene: Scene, wanted_s: float | None, wakes_s: float
) -> None:
    scene.begin()
    scene.core.wanted_at_s = None if wanted_s is None else scene.now + wanted_s
    assert scene.now + wakes_s == scene.sequencer.wake_at_s()


# --- one batch, its effects ------------------------------------------------------------------


def test_the_effects_of_a_batch_are_performed_in_their_order_before_the_next_batch(
    scene: Scene,
) -> None:
    scene.core.answer = (Report(FifoOpened("1")), Report(FifoOpened("2")))
    seen, told = KeepalivedSeen(LATER), list(scene.core.answer)
    scene.keepalived.changes = [seen]
    scene.fifo.waiting = [Drained((BACKUP,), overflow="full")]
    scene.sequencer.turn(
        [
            (Source.LINES, scene.sequencer.hear),
            (Source.KEEPALIVED, scene.sequencer.look_at_keepalived),
        ]
    )
    done = [entry for entry in scene.diary if not isinstance(entry, str)]
    assert [(LinesLost("full"), read(BACKUP)), *told, (seen,), *told] == done[: 2 + 2 * len(told)]


def test_all_effects_of_a_batch_are_handed_over_at_once() -> None:
    performed: list[tuple[Effect, ...]] = []
    scene = Scene()
    sequencer = Sequencer(
        scene.core,
        scene.fifo,
        scene.keepalived,
        clock=lambda: 0.0,
        perform=performed.append,
        sources_changed=lambda: None,
    )
    scene.core.answer = (Report(FifoOpened("1")), Report(FifoOpened("2")))
    sequencer.feed(KeepalivedSeen(PROCESS), KeepalivedGone("killed"))
    assert [scene.core.answer] == performed


# --- and the daemon runs it ------------------------------------------------------------------


def test_every_event_of_the_daemon_goes_through_the_loop(
    daemon: Daemon, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers: list[object] = []
    handle = Core.handle

    def noted(core: Core, events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        callers.append(sys._getframe(1).f_code)
        return handle(core, events, now)

    monkeypatch.setattr(Core, "handle", noted)
    with (tmp_path / "fifo").open("r+b", buffering=0) as fifo:
        fifo.write(b'INSTANCE "VI_1" MASTER 100\n')
        daemon._begin()
        fifo.write(b'INSTANCE "VI_1" BACKUP 100\n')
        daemon._turn()
    assert calls.started != []
    assert {Sequencer.feed.__code__} == set(callers)


def test_the_daemon_calls_the_core_for_pictures_only() -> None:
    """Whatever path a run takes: only the loop may feed, and only the loop knows the time."""
    tree = ast.parse(inspect.getsource(hakeeper.daemon))
    asked = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._core"
    }
    given = {
        ast.unparse(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and "self._core" in map(ast.unparse, node.args)
    }
    assert ({"snapshot_of"}, set()) == (given, asked)
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set() == names & {"handle", "drain", "settle"}


# --- who writes --------------------------------------------------------------------------------


def test_whether_anybody_writes_is_reported_when_it_changes_and_looked_at_every_five_seconds(
    scene: Scene,
) -> None:
    scene.begin()
    scene.fifo.writers = [True, True, False]
    for _ in range(int(3 * WRITER_LOOK_S / LOOK_S)):
        scene.now += LOOK_S
        scene.turn()
    assert [WriterSeen(present=True), WriterSeen(present=False)] == [
        event for event in scene.events() if isinstance(event, WriterSeen)
    ]
    assert [] == scene.fifo.writers


def test_a_replaced_fifo_is_looked_at_for_a_writer_at_once(scene: Scene) -> None:
    scene.begin()
    scene.fifo.writers = [True]
    scene.now += LOOK_S
    scene.turn()
    scene.fifo.changes = [FifoChanged(FifoState.OPEN, "replaced", reopened=True)]
    scene.fifo.writers = [False]
    scene.now += LOOK_S
    scene.turn()
    assert WriterSeen(present=False) in scene.events()


def test_after_a_line_of_a_writer_that_was_not_seen_the_next_look_looks_for_it(
    scene: Scene,
) -> None:
    scene.begin()
    scene.fifo.writers = [False]
    scene.now += LOOK_S
    scene.turn()
    scene.fifo.waiting = [Drained(lines=(MASTER,))]
    scene.sequencer.hear()
    scene.fifo.writers = [True]
    scene.now += LOOK_S
    scene.turn()
    assert [WriterSeen(present=False), WriterSeen(present=True)] == [
        event for event in scene.events() if isinstance(event, WriterSeen)
    ]


def test_the_sources_are_reported_anew_after_a_look_for_a_writer_that_may_have_closed_one(
    scene: Scene,
) -> None:
    scene.begin()
    scene.fifo.writers = [False]
    scene.sequencer.look()
    assert before(scene.diary, "look for a writer", "sources changed")


def test_that_nobody_writes_begins_nothing_before_it_is_known_whether_keepalived_runs(
    scene: Scene,
) -> None:
    gone = KeepalivedGone("killed")
    scene.begin()
    scene.fifo.writers, scene.keepalived.changes = [False], [gone]
    scene.now += LOOK_S
    scene.turn()
    assert [(WriterSeen(present=False), gone)] == scene.batches()
