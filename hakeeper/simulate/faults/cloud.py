"""What is wrong with the cloud, or on the way to it."""

from dataclasses import dataclass, field

from hakeeper.simulate.faults.call import CallFault


@dataclass(slots=True)
class CloudFaults:
    """What is wrong with the cloud just now; counts, since faults overlap."""

    calls: list[CallFault] = field(default_factory=list)
    """Faults that strike calls on their way; the first one that strikes a call counts."""
    action_errors: int = 0
    endless_actions: int = 0
    lost_writes: int = 0
    locked: list[frozenset[int]] = field(default_factory=list)
    """Floating IPs whose assigns are refused, while others are served."""
    action_s: list[float] = field(default_factory=list)
    stale_s: list[float] = field(default_factory=list)
    stale_at: float = float("-inf")
    """When reads were old last."""
    gone: list[int] = field(default_factory=list)
    late_actions: int = 0
    """Slow actions that were accepted before the trouble ended may still run."""
    slipped: list[int] = field(default_factory=list)
    """Floating IPs that listings leave out, although they exist."""

    def any(self) -> bool:
        """Say whether anything is wrong with the whole cloud, whoever calls."""
        return bool(
            self.action_errors
            or self.endless_actions
            or self.lost_writes
            or self.action_s
            or self.stale_s
            or self.late_actions
        )
