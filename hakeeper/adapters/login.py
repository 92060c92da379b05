"""The login of Robot's webservice: where it comes from, and what one looks like."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.redaction import SHORTEST_TOKEN, Redactor
from hakeeper.adapters.secret import Places, Secret, SecretSource, SecretUnusable

CREDENTIAL_NAME: Final = "robot-login"
VARIABLE: Final = "HAKEEPER_ROBOT_LOGIN"
SERVICE_LOGIN: Final = Path("/etc/hakeeper/robot-login")
"""The file that hakeeper.service loads as its credential (`LoadCredential=`)."""
PLACES: Final = Places(CREDENTIAL_NAME, VARIABLE, SERVICE_LOGIN, "user:password")
WAYS: Final = (
    "no login for Robot was found, which failover_ips need; the service reads it, as"
    f" user:password in one line, from {SERVICE_LOGIN}; {PLACES.how_to_write(SERVICE_LOGIN)}."
    " Other ways: `robot.credentials_file: /path/to/file` in the configuration; another systemd"
    f" credential, `LoadCredential={CREDENTIAL_NAME}:/path/to/file`; or, least private, the"
    f" environment variable {VARIABLE}"
)
_NEEDED: Final = "it must contain user:password in one line"


class Login(Secret):
    """The text `user:password`."""

    __slots__ = ()

    @property
    def basic(self) -> str:
        """Return what follows `Basic ` in the header."""
        return basic_of(self.reveal())

    def hide_in(self, redactor: Redactor) -> None:
        """Have its password hidden, and what is sent of it; the user's name is no secret."""
        _, _, password = self.reveal().partition(":")
        redactor.add(password)
        redactor.add(self.basic)


def basic_of(login: str) -> str:
    """Return `user:password` as HTTP's basic authentication sends it (RFC 7617)."""
    return base64.b64encode(login.encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class FoundLogin:
    """A usable login, its source, and warnings about it."""

    login: Login
    source: SecretSource
    warnings: tuple[str, ...] = ()


def read_login(credentials_file: Path | None, environ: Mapping[str, str]) -> FoundLogin:
    """Read and validate the login, or raise `SecretUnusable`.

    Call it again when Robot refuses the login: the file may have been changed.
    """
    source = PLACES.find(credentials_file, environ)
    if source is None:
        raise SecretUnusable(WAYS, exits.BAD_CONFIG, None)
    text = PLACES.read(source, environ, "utf-8")
    if not text:
        message = f"is empty; {_NEEDED}{PLACES.cure(source)}"
        raise SecretUnusable(message, exits.BAD_CONFIG, source)
    if (wrong := _what_is_wrong(text)) is not None:
        raise SecretUnusable(f"{wrong}; {_NEEDED}", exits.BAD_CONFIG, source)
    return FoundLogin(Login(text), source, tuple(_warnings(text, source)))


def _warnings(login: str, source: SecretSource) -> Iterator[str]:
    _, _, password = login.partition(":")
    if len(password) < SHORTEST_TOKEN:
        yield (
            f"{source}: the password is shorter than {SHORTEST_TOKEN} characters, too short to be"
            " found and hidden in log lines; set a longer one in Robot, Settings, Web service and"
            " app settings"
        )


def _what_is_wrong(text: str) -> str | None:
    """Say what no login has; None: it may be one."""
    user, colon, password = text.partition(":")
    at = next((at for at, each in enumerate(text, 1) if not each.isprintable()), None)
    faults = (
        (text.startswith(f"{VARIABLE}="), f"has `{VARIABLE}=` before the login"),
        (len(text.splitlines()) > 1, "has several lines"),
        (at is not None, f"character {at} is a control character, or no UTF-8"),
        (not colon, "has no colon"),
        (not user, "has no user before the colon"),
        (not password, "has no password after the colon"),
        ((user, password) != (user.strip(), password.strip()), "has white space beside the colon"),
    )
    return next((what for is_so, what in faults if is_so), None)
