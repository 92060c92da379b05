"""Pausing hakeeper, and ending that, for a client of the control socket."""

import time
from collections.abc import Mapping

from hakeeper.adapters.pausefile import PauseFile
from hakeeper.adapters.timed_request import read_timed, read_user
from hakeeper.core.events import Paused, Resumed
from hakeeper.core.model import Pause
from hakeeper.sequencer import Sequencer


class Pauser:
    """Brings to the core what an operator wants, and answers whether that outlives this run.

    Each returns why it does not, empty if it does, and raises BadRequest.
    """

    def __init__(self, sequencer: Sequencer, file: PauseFile) -> None:
        self._sequencer = sequencer
        self._file = file

    def pause(self, request: Mapping[str, object], user_id: int) -> str:
        """Move nothing for as long as the request says."""
        wanted = read_timed(request)
        now = time.monotonic()
        pause = Pause(
            by=wanted.user,
            user_id=user_id,
            reason=wanted.reason,
            since_s=now,
            until_s=now + wanted.for_s,
        )
        # The core cancels what was not sent before this returns, and has the pause written down.
        self._sequencer.feed(Paused(pause))
        return self._file.trouble

    def resume(self, request: Mapping[str, object], user_id: int) -> str:
        """Move again what is due; without a pause nothing changes."""
        self._sequencer.feed(Resumed(read_user(request), user_id))
        return self._file.trouble
