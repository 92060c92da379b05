"""The status as others see it, and how STATUS= and the journal keep step with it."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.status import document, sentence, status_line
from hakeeper.adapters.status_follower import LASTS_S, StatusFollower
from hakeeper.adapters.times import age, clock, instant
from hakeeper.core.calls import FailureKind, Quota
from hakeeper.core.claim.stages import Claim
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.model import (
    ApiSettings,
    EndedStepDown,
    FifoState,
    Pause,
    Settings,
    StepDown,
    StepDownEnd,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.observation import Other, Us
from hakeeper.core.state import State
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import Snapshot, snapshot
from tests.core.driver import PROCESS
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import HELD, holding_down, put, standing, verifying
from tests.support.resources import CLOUD

NOW = 1000.0
WALL_S = time.mktime((2026, 11, 28, 21, 24, 22, 0, 0, -1))
"""22 seconds past 21:24 by this machine's clock."""


def well() -> State:
    state = standing()
    state.fifo, state.keepalived = FifoState.OPEN, PROCESS
    cloud = state.apis.apis[CLOUD]
    cloud.settings = ApiSettings(endpoint="https://api.hetzner.cloud/v1")
    cloud.health.answered_at_s = NOW
    put(state, HELD, 1, Us()).holder_at_s = NOW - 3.0
    return state


def troubled() -> State:
    """MASTER for 20 s, and the API is away for 19."""
    state = well()
    claim = Claim(cause="a cause", phases=Phases(line_s=NOW - 20.0))
    put(state, verifying(NOW, claim), 1, Us()).holder_at_s = NOW - 26.0
    for role_state in state.roles.role_states.values():
        role_state.since_s = NOW - 20.0
    state.apis.apis[CLOUD].health.failed(
        failure(FailureKind.TRANSIENT, "connect_timeout"), NOW - 19.0, MOST
    )
    return state


STEP_DOWN = StepDown(
    by="ada",
    user_id=0,
    reason="a new kernel",
    since_s=NOW - 20.0,
    until_s=NOW + 580.0,
    vrrps=(VrrpId(VrrpKind.INSTANCE, "VI_1"),),
    yielded_s=NOW - 18.0,
    claimed_s=NOW - 16.5,
)
PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=NOW - 20.0, until_s=NOW + 1780.0)


def picture(state: State, now: float = NOW) -> Snapshot:
    return snapshot(state, now, now + 1.0)


# --- words -------------------------------------------------------------------------------------


def test_a_time_of_another_day_shows_the_day() -> None:
    assert "21:24:02" == clock(WALL_S - 20.0, WALL_S)
    assert "2026-11-27 21:24:22" == clock(WALL_S - 86400.0, WALL_S)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-0.3, "0 s"), (119.4, "119 s"), (120.0, "2 min"), (7200.0, "2 h"), (172800.0, "2 d")],
)
def test_an_age_is_short(seconds: float, text: str) -> None:
    assert text == age(seconds)


def test_a_problem_is_one_sentence_with_all_that_is_known() -> None:
    assert "it is so" == sentence("it is so", "", "")
    assert "it is so (since 21:24:02)" == sentence("it is so", "21:24:02", "")
    assert "it is so (since 21:24:02): why" == sentence("it is so", "21:24:02", "why")


# --- STATUS= -----------------------------------------------------------------------------------


def test_the_line_of_a_healthy_master_counts_what_is_confirmed() -> None:
    assert "ok: VI_1 MASTER, 1/1 confirmed here; API ok" == status_line(picture(well()), WALL_S)


def test_the_line_in_trouble_begins_with_it_and_with_clock_times() -> None:
    assert (
        "BROKEN: ip1 = 203.0.113.1 is not confirmed on this server, which is MASTER (since "
        "21:24:02): it is transient (connect_timeout); VI_1 MASTER, 0/1 confirmed here; API "
        "connect_timeout since 21:24:03"
    ) == status_line(picture(troubled()), WALL_S)


def test_the_same_trouble_makes_the_same_line_a_minute_later() -> None:
    later = status_line(picture(troubled(), NOW + 60.0), WALL_S + 60.0)
    assert status_line(picture(troubled()), WALL_S) == later


def test_the_line_of_a_pause_says_until_when_and_why() -> None:
    state = well()
    state.pause = PAUSE
    assert (
        "DEGRADED: hakeeper is paused by ada (uid 0): it moves nothing (since 21:24:02): a new "
        "kernel; PAUSED until 21:54:02; VI_1 MASTER, 1/1 confirmed here; API ok"
    ) == status_line(picture(state), WALL_S)


def test_a_pause_is_the_first_of_the_troubles_that_are_as_bad() -> None:
    state = troubled()
    state.pause = PAUSE
    assert ["address.pending", "hakeeper.paused"] == [one.code for one in picture(state).problems]
    state.has_writer, state.keepalived = False, None
    codes = [one.code for one in picture(state).problems if one.health is Health.DEGRADED]
    assert "hakeeper.paused" == codes[0]


# --- JSON --------------------------------------------------------------------------------------


def test_the_document_goes_through_json_unchanged() -> None:
    plain = document(picture(troubled()), WALL_S)
    assert plain == json.loads(json.dumps(plain)) | {"roles": plain["roles"]}
    assert ("broken", 1, instant(WALL_S)) == (plain["health"], plain["schema"], plain["time"])


def test_the_document_says_all_of_a_pause() -> None:
    state = well()
    assert None is document(picture(state), WALL_S)["pause"]
    state.pause = PAUSE
    assert {
        "by": "ada",
        "user_id": 0,
        "reason": "a new kernel",
        "since": instant(WALL_S - 20.0),
        "age_s": 20.0,
        "until": instant(WALL_S + 1780.0),
        "left_s": 1780.0,
    } == document(picture(state), WALL_S)["pause"]


def test_the_document_says_all_of_a_step_down() -> None:
    state = well()
    plain = document(picture(state), WALL_S)
    assert (None, None) == (plain["step_down"], plain["last_step_down"])
    state.step_down.current = STEP_DOWN
    who = {"by": "ada", "user_id": 0}
    assert {
        **who,
        "reason": "a new kernel",
        "stage": "down",
        "instances": ("VI_1",),
        "since": instant(WALL_S - 20.0),
        "age_s": 20.0,
        "until": instant(WALL_S + 580.0),
        "left_s": 580.0,
        "yield_s": 2.0,
        "claim_s": 1.5,
    } == document(picture(state), WALL_S)["step_down"]
    state.step_down.ended = EndedStepDown(STEP_DOWN, StepDownEnd.NOT_CLAIMED, NOW - 5.0)
    assert {
        **who,
        "end": "not_claimed",
        "is_failure": True,
        "lasted_s": 15.0,
        "ended_s": 5.0,
        "ended_at": instant(WALL_S - 5.0),
        "yield_s": 2.0,
        "claim_s": 1.5,
    } == document(picture(state), WALL_S)["last_step_down"]


def test_the_line_of_a_step_down_says_until_when() -> None:
    state = well()
    state.step_down.current = STEP_DOWN
    line = status_line(picture(state), WALL_S)
    assert line.startswith("DEGRADED: this server stepped down for ada (uid 0): other nodes go ")
    assert "; STEPPED DOWN until " in line


def test_the_document_marks_an_old_observation() -> None:
    [address] = document(picture(troubled()), WALL_S)["roles"][0]["addresses"]
    assert ("us", False, False) == (
        address["holder"],
        address["holder_current"],
        address["confirmed"],
    )
    assert instant(WALL_S - 26.0) == address["holder_read_at"]


def test_a_problem_in_the_document_has_code_sentence_cause_cure_and_beginning() -> None:
    [problem] = document(picture(troubled()), WALL_S)["problems"]
    assert ("address.pending", "broken") == (problem["code"], problem["health"])
    assert problem["text"] == sentence(problem["what"], "21:24:02", problem["cause"])
    assert problem["cure"].startswith("curl -v https://api.hetzner.cloud/v1")
    assert WALL_S - 20.0 == datetime.fromisoformat(problem["since"]).timestamp()


def test_the_end_of_a_hold_down_is_a_time() -> None:
    state = well()
    put(state, holding_down(NOW + 60.0), 1, Other(2))
    [address] = document(picture(state), WALL_S)["roles"][0]["addresses"]
    assert instant(WALL_S + 60.0) == address["due_at"]


# --- keeping step ------------------------------------------------------------------------------


@dataclass
class Ears:
    """systemd and the journal."""

    lines: list[str] = field(default_factory=list)
    told: list[tuple[str, str, object]] = field(default_factory=list)

    def status(self, text: str) -> None:
        self.lines.append(text)

    def log(self, event: str, message: str, **fields: object) -> None:
        assert set(EVENTS[event].always) == set(fields)
        self.told.append((event, message, fields.get("code")))


def follower() -> tuple[StatusFollower, Ears]:
    ears = Ears()
    made = StatusFollower(ears, ears, lambda: WALL_S)  # type: ignore[arg-type]  # they quack
    return made, ears


def test_the_line_is_sent_when_it_changes_and_not_again() -> None:
    made, ears = follower()
    for state in (well(), well(), troubled(), well()):
        made.follow(picture(state), NOW)
    assert ["ok:", "BROKEN:", "ok:"] == [line.split()[0] for line in ears.lines]


def test_a_message_that_was_sent_otherwise_is_not_sent_again() -> None:
    made, ears = follower()
    made.line(picture(well()))
    made.follow(picture(well()), NOW)
    assert [] == ears.lines


def test_an_outage_is_reported_at_once_with_its_cure_and_its_end_once_it_lasts() -> None:
    made, ears = follower()
    made.follow(picture(troubled()), NOW)
    made.follow(picture(troubled()), NOW + 100.0)
    made.follow(picture(well()), NOW + 101.0)
    made.follow(picture(well()), NOW + 101.0 + LASTS_S)
    made.follow(picture(well()), NOW + 200.0)
    assert [("status.broken", "address.pending"), ("status.ok", None)] == [
        (event, code) for event, _, code in ears.told
    ]
    assert ears.told[0][1].startswith("BROKEN: ")
    assert "(connect_timeout). To do: curl -v" in ears.told[0][1]


@pytest.mark.parametrize(("lasts_s", "told"), [(LASTS_S - 0.1, 0), (LASTS_S, 1)])
def test_a_small_trouble_is_reported_only_if_it_lasts(lasts_s: float, told: int) -> None:
    made, ears = follower()
    state = well()
    state.fifo = FifoState.MISSING
    state.settings = Settings(resources=state.settings.resources, can_query=True)
    for at_s in (0.0, lasts_s):
        made.follow(picture(state), NOW + at_s)
    assert told == len(ears.told)
    assert all(event == "status.degraded" for event, _, _ in ears.told)
    assert all(text.startswith("DEGRADED: ") for _, text, _ in ears.told)


def test_a_spent_quota_that_refuses_and_grants_in_turns_is_one_event() -> None:
    made, ears = follower()
    refused, scarce = well(), well()
    for state in (refused, scarce):
        state.apis.apis[CLOUD].health.note_quota(Quota(limit_per_hour=3600, remaining=2), NOW)
    refused.apis.apis[CLOUD].health.failed(failure(FailureKind.THROTTLED, "x"), NOW, MOST)
    turns = (scarce, refused, scarce, refused, well())
    for at_s, state in zip(range(0, 1000, 10), turns, strict=False):
        for look_s in (0.0, LASTS_S):
            made.follow(picture(state), NOW + at_s + look_s)
    assert ["status.degraded", "status.ok"] == [event for event, _, _ in ears.told]
