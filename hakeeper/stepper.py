"""Stepping down and up for a client of the control socket."""

import time
from collections.abc import Mapping

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.pause_request import read_user
from hakeeper.adapters.step_down_file import StepDownFile
from hakeeper.adapters.step_down_request import read_step_down
from hakeeper.adapters.step_down_texts import OBJECTION_TEXTS
from hakeeper.adapters.track_file import TrackFile
from hakeeper.core.events import StepDownAsked, StepUpAsked
from hakeeper.core.step_down_model import StepDown
from hakeeper.sequencer import Sequencer


class Stepper:
    """Brings to the core what an operator wants, and answers what stands in the way afterwards.

    Each returns why a file could not be written, empty if it could, and raises BadRequest.
    """

    def __init__(self, sequencer: Sequencer, file: StepDownFile, track_file: TrackFile) -> None:
        self._sequencer = sequencer
        self._file = file
        self._track_file = track_file

    def step_down(self, request: Mapping[str, object], user_id: int) -> str:
        """Have keepalived let another node be MASTER, for as long as the request says."""
        wanted = read_step_down(request)
        objection = self._sequencer.core.objection_to_step_down()
        if objection is not None:
            raise BadRequest(OBJECTION_TEXTS[objection.value])
        try:
            self._track_file.check()
        except OSError as error:
            raise BadRequest(f"keepalived's track file cannot be written: {error}") from None
        now = time.monotonic()
        step_down = StepDown(
            by=wanted.user,
            user_id=user_id,
            reason=wanted.reason,
            since_s=now,
            until_s=now + wanted.for_s,
        )
        self._sequencer.feed(StepDownAsked(step_down))
        return self._file.trouble

    def step_up(self, request: Mapping[str, object], user_id: int) -> str:
        """Give keepalived its own priority back; without a step-down nothing changes."""
        self._sequencer.feed(StepUpAsked(read_user(request), user_id))
        return self._file.trouble
