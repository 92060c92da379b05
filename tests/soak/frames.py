"""Frames and plans for tests of the soak."""

import datetime as dt

from tests.soak import Kind, Planned, RoundPlan, SoakSettings
from tests.soak.report import Frame


def frame_of(settings: SoakSettings, violation: str | None = None) -> Frame:
    began = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    return Frame(settings=settings, began=began, lasted_s=60.0, violation=violation)


def one_fault(kind: Kind, *, rank: int = 0, lasts_s: float = 1.0, number: int = 1) -> RoundPlan:
    """A round with a single fault, at once; rank 0 is the MASTER."""
    fault = Planned(kind=kind, rank=rank, begins_s=0.0, lasts_s=lasts_s, chance=0.0)
    return RoundPlan(number, (fault,))
