"""Stepping down and up for a client of the control socket."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.adapters.step_down_texts import OBJECTION_TEXTS
from hakeeper.adapters.timed_request import SHORTEST_STEP_DOWN_S, read_timed, read_user
from hakeeper.adapters.track_file import TrackFile, way_out
from hakeeper.core.events import StepDownAsked, StepUpAsked
from hakeeper.core.model import StepDown
from hakeeper.sequencer import Sequencer

NO_TRACK_FILE: Final = "no_track_file"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this server does not step down: a word for programs, a sentence for people."""

    word: str
    text: str


class Stepper:
    """Brings to the core what an operator wants; each method raises BadRequest."""

    def __init__(self, sequencer: Sequencer, track_file: TrackFile) -> None:
        self._sequencer = sequencer
        self._track_file = track_file

    def step_down(self, request: Mapping[str, object], user_id: int) -> Refusal | None:
        """Have keepalived let another node be MASTER, for as long as the request says."""
        wanted = read_timed(request, SHORTEST_STEP_DOWN_S)
        objection = self._sequencer.core.objection_to_step_down()
        if objection is not None:
            return Refusal(objection.value, OBJECTION_TEXTS[objection.value])
        try:
            self._track_file.check()
        except OSError as error:
            text = f"keepalived's track file cannot be written: {error}{way_out(error)}"
            return Refusal(NO_TRACK_FILE, text)
        now = time.monotonic()
        step_down = StepDown(
            by=wanted.user,
            user_id=user_id,
            reason=wanted.reason,
            since_s=now,
            until_s=now + wanted.for_s,
        )
        self._sequencer.feed(StepDownAsked(step_down))
        return None

    def step_up(self, request: Mapping[str, object], user_id: int) -> None:
        """Give keepalived its own priority back; without a step-down nothing changes."""
        self._sequencer.feed(StepUpAsked(read_user(request), user_id))
