"""What both sides of the control socket know: the `code` of an answer that has an `error`."""

from typing import Final

UNKNOWN_COMMAND: Final = "unknown_command"
NOT_PERMITTED: Final = "not_permitted"
BAD_REQUEST: Final = "bad_request"
REQUEST_LIMIT_BYTES: Final = 4096
"""The longest request that the daemon reads, with its line break."""
