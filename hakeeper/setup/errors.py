"""Why a server cannot be set up."""

from hakeeper import exits


class SetupError(Exception):
    """It cannot be done, or was put back: what is wrong, and the way out. It shows no secret."""

    def __init__(self, message: str, exit_code: int = exits.BAD_CONFIG) -> None:
        super().__init__(message)
        self.exit_code = exit_code
