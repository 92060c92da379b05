"""Authentication and rate limit: tokens and the token bucket."""

import math
import secrets
import string
from dataclasses import dataclass, field

from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.values import UNKNOWN_CLIENT

TOKEN_LENGTH = 64
QUOTED_LENGTH = 32
"""How much of the token Hetzner's 429 message quotes."""
_SCHEME = "Bearer "
_LETTERS = string.ascii_letters + string.digits


@dataclass(slots=True)
class Grant:
    """A token of a client. A revoked one is kept, so that the log can still name its client."""

    token: str = field(repr=False)
    client: str
    read_only: bool = False
    valid: bool = True


class Tokens:
    """The project's tokens; each belongs to one named client."""

    def __init__(self) -> None:
        """Start without tokens: every request is unauthorized."""
        self._grants: dict[str, Grant] = {}

    def give(self, client: str, token: str | None = None, *, read_only: bool = False) -> str:
        """Give a client a token (default: a generated one); its earlier ones stay valid."""
        token = token or _new_token()
        self._grants[token] = Grant(token, client, read_only=read_only)
        return token

    def revoke(self, client: str) -> None:
        """Make all of a client's tokens invalid."""
        for grant in self._grants.values():
            if grant.client == client:
                grant.valid = False

    def client_of(self, authorization: str) -> str:
        """Return the client of this header, whether or not its token is still valid."""
        grant = self._grants.get(authorization.removeprefix(_SCHEME))
        return grant.client if grant is not None else UNKNOWN_CLIENT

    def check(self, authorization: str, method: str) -> None:
        """Raise the API's 401 unless this header allows this method."""
        grant = self._grants.get(authorization.removeprefix(_SCHEME))
        if not authorization.startswith(_SCHEME) or grant is None or not grant.valid:
            raise ApiError("unauthorized", "unable to authenticate", {})
        if grant.read_only and method != "GET":
            raise ApiError("token_readonly", "the token is only allowed to perform GET requests")


class Bucket:
    """The rate limit of the project: a token bucket that refills continuously."""

    def __init__(self, limit_per_hour: int) -> None:
        """Start full."""
        self.limit_per_hour = limit_per_hour
        self._level = float(limit_per_hour)
        self._at_s = -math.inf

    def set(self, limit_per_hour: int, remaining: int | None, now: float) -> None:
        """Change the size; `remaining` None keeps the level, up to the new size."""
        self._refill(now)
        self.limit_per_hour = limit_per_hour
        level = self._level if remaining is None else float(remaining)
        self._level = min(level, float(limit_per_hour))

    def take(self, now: float) -> bool:
        """Take one request; False: the bucket is empty."""
        self._refill(now)
        if self._level < 1:
            return False
        self._level -= 1
        return True

    def headers(self, now: float, epoch_s: float, *, empty: bool = False) -> dict[str, str]:
        """Return the headers of every answer; Reset is the time when the bucket is full again."""
        self._refill(now)
        level = 0.0 if empty else self._level
        full_in_s = (self.limit_per_hour - level) * 3600 / self.limit_per_hour
        return {
            "RateLimit-Limit": str(self.limit_per_hour),
            "RateLimit-Remaining": str(int(level)),
            "RateLimit-Reset": str(math.ceil(epoch_s + now + full_in_s)),
        }

    def _refill(self, now: float) -> None:
        passed_s = max(0.0, now - self._at_s)
        if math.isfinite(passed_s):
            self._level += passed_s * self.limit_per_hour / 3600
            self._level = min(self._level, float(self.limit_per_hour))
        self._at_s = now


def limit_reached(limit_per_hour: int, authorization: str) -> ApiError:
    """Build the 429, whose message quotes half of the token, as the real one does."""
    quoted = authorization.removeprefix(_SCHEME)[:QUOTED_LENGTH]
    message = f"Limit of '{limit_per_hour}' requests per hour for token '{quoted}...' reached."
    return ApiError("rate_limit_exceeded", message, {})


def _new_token() -> str:
    """Return a token in the format of Hetzner's: letters of both cases, and digits."""
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(TOKEN_LENGTH - 1))
    return f"{drawn}Z"  # never a hexadecimal digest
