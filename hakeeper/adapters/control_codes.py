"""The `code` of an answer of the control socket that has an `error`."""

from typing import Final

UNKNOWN_COMMAND: Final = "unknown_command"
NOT_PERMITTED: Final = "not_permitted"
BAD_REQUEST: Final = "bad_request"
