"""Who paused hakeeper, or ended a pause, for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hakeeper.core.model import Pause


def user(by: str, user_id: int) -> str:
    """Return the name that the client gave, beside the id that the kernel saw."""
    return f"{by} (uid {user_id})" if by else f"uid {user_id}"


def paused_by(pause: "Pause") -> str:
    """Return who made the pause."""
    return user(pause.by, pause.user_id)
