"""What the journal says of a pause and of a take, one function a decision."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hakeeper.adapters.cures import RESUME
from hakeeper.adapters.journal.entry import Entry, Fields, of_resource
from hakeeper.adapters.paused_by import paused_by, user
from hakeeper.core.apis.servers import holder_key
from hakeeper.core.decisions import operator as core
from hakeeper.core.decisions.operator import TakeBegun


def _begun(made: core.PauseBegun) -> Entry:
    pause, left_s = made.pause, round(made.left_s)
    fields: Fields = {**_who(pause.by, pause.user_id), "delay_s": left_s}
    if pause.reason:
        fields = {**fields, "reason": pause.reason}
    still = "still paused" if made.kept else "paused"
    why = f": {pause.reason}" if pause.reason else ""
    text = (
        f"{still} for {left_s} s by {paused_by(pause)}{why}. No address is moved to this server"
        f" until then. To end it: {RESUME}"
    )
    return Entry("pause.begun", text, fields)


def _ended(made: core.PauseEnded) -> Entry:
    by, lasted_s = user(made.by, made.user_id), round(made.lasted_s, 1)
    text = f"the pause was ended by {by} after {lasted_s:.0f} s; what is due is moved now"
    return Entry("pause.ended", text, {**_who(made.by, made.user_id), "duration_s": lasted_s})


def _expired(made: core.PauseExpired) -> Entry:
    pause = made.pause
    lasted_s = round(pause.until_s - pause.since_s, 1)
    text = f"the pause by {paused_by(pause)} is over; what is due is moved now"
    return Entry("pause.expired", text, {**_who(pause.by, pause.user_id), "duration_s": lasted_s})


def _claim_paused(made: core.ClaimPaused) -> Entry:
    text = (
        f"{made.vrrp}: {made.label} is due here ({made.cause}) and stays with {made.holder_name}:"
        f" hakeeper is paused by {paused_by(made.pause)}. To move it: {RESUME}"
    )
    holder = holder_key(made.holder)
    return Entry(
        "claim.paused", text, {**of_resource(made), "holder": holder, "reason": made.cause}
    )


def _take_begun(made: TakeBegun) -> Entry:
    text = (
        f"{made.vrrp}: {user(made.by, made.user_id)} has {made.label} claimed now;"
        f" holder so far: {made.holder_name}"
    )
    fields = {**of_resource(made), **_who(made.by, made.user_id)}
    return Entry("take.begun", text, {**fields, "holder": holder_key(made.holder)})


def _who(by: str, user_id: int) -> Fields:
    return {"user": by or str(user_id), "user_id": user_id}


WORDING: Final[Mapping[type[Any], Callable[[Any], Entry]]] = {
    core.PauseBegun: _begun,
    core.PauseEnded: _ended,
    core.PauseExpired: _expired,
    core.ClaimPaused: _claim_paused,
    TakeBegun: _take_begun,
}
"""By the kind of decision."""
