"""The files of one machine, and what happens to them."""

from dataclasses import dataclass

from hakeeper.core.model import Pause, SavedState


@dataclass(slots=True, eq=False)
class Disk:
    """The files and the disk they are on."""

    saved: SavedState | None = None
    older: SavedState | None = None
    """What was in the file before."""
    full: int = 0
    """How many faults fill it."""
    failed_at: float = float("-inf")
    """When something could not be written last."""
    tampered: bool = False
    """Another hand has changed the file since it was written."""
    pause: Pause | None = None
    """What is in the pause file, in the time of the world."""

    def save(self, state: SavedState, now: float) -> bool:
        """Write the file; False if that fails."""
        if self.full:
            self.failed_at = now
            self.saved = None  # the shipped adapter leaves no old file behind
            return False
        self.older, self.saved = self.saved, state
        self.tampered = False
        return True

    def save_pause(self, pause: Pause | None) -> None:
        """Write the pause file, or remove it, which needs no room."""
        self.pause = None if self.full else pause

    def tear(self) -> None:
        """Spoil the file: nobody can read it."""
        self.saved, self.tampered = None, True

    def restore(self) -> None:
        """Put the file of before in its place, as a backup would."""
        self.saved, self.tampered = self.older, True
