"""Who may use the simulated Robot, and how often: logins, blocked addresses, quotas."""

import base64
import binascii
import secrets
from collections import deque
from collections.abc import Mapping

from hakeeper.demo.cloud.values import UNKNOWN_CLIENT
from hakeeper.demo.robot.values import (
    RATE_LIMIT_EXCEEDED,
    UNAUTHORIZED,
    Kind,
    Login,
    RobotError,
    RobotRules,
)

MAX_REQUESTS: Mapping[Kind, int] = {
    Kind.LIST: 100,
    Kind.GET: 100,
    Kind.POST: 50,
    Kind.DELETE: 50,
}
"""How many requests of each kind an account may make in an hour, as documented."""
_SCHEME = "basic "


class Logins:
    """The logins of the account, each of one named client, and the addresses that are blocked.

    Documented is that three failed logins block the address they came from for ten minutes. The
    rest is our guess: failures count for as long as a block lasts, a right login in between wipes
    none away, a request without a login is none that failed, and a blocked address gets a 401 for
    any login, the right one too.
    """

    def __init__(self) -> None:
        """Start without a login: nobody may do anything."""
        self._clients: dict[str, tuple[str, str]] = {}
        self._failed: dict[str, list[float]] = {}
        self._blocked_until_s: dict[str, float] = {}

    def give(self, client: str, login: Login | None = None) -> Login:
        """Give a client a login, by default a new one; an earlier password of the user is void."""
        login = login or Login(f"#ws+{client}", secrets.token_urlsafe(12))
        self._clients[login.user] = (client, login.password)
        return login

    def client_of(self, authorization: str) -> str:
        """Return the client whose user this header names, whatever the password."""
        user, _ = _read(authorization) or ("", "")
        return self._clients.get(user, (UNKNOWN_CLIENT, ""))[0]

    def check(self, authorization: str, source: str, now: float, rules: RobotRules) -> None:
        """Raise the API's 401 unless this is a right login from an address that may log in."""
        if self.is_blocked(source, now):
            raise _unauthorized()
        given = _read(authorization)
        if given is None:
            raise _unauthorized()
        user, password = given
        if user in self._clients and self._clients[user][1] == password:
            return
        failed = [at_s for at_s in self._failed.get(source, []) if now < at_s + rules.block_s]
        self._failed[source] = [*failed, now]
        if len(self._failed[source]) >= rules.failed_logins:
            self._blocked_until_s[source] = now + rules.block_s
            del self._failed[source]
        raise _unauthorized()

    def is_blocked(self, source: str, now: float) -> bool:
        """Say whether an address is blocked."""
        return now < self._blocked_until_s.get(source, now)

    def unblock(self) -> None:
        """Forget all blocks and all failed logins."""
        self._failed.clear()
        self._blocked_until_s.clear()


class Quotas:
    """How many requests of each kind the account has made, over a sliding window.

    Not documented, and our guess: a request that is refused for its quota counts for nothing, and
    all others with a right login count, whatever becomes of them.
    """

    def __init__(self) -> None:
        """Start with the documented numbers, and with nothing spent."""
        self.max_requests = dict(MAX_REQUESTS)
        self._made: dict[Kind, deque[float]] = {kind: deque() for kind in Kind}

    def set(self, kind: Kind, max_requests: int, left: int | None, now: float) -> None:
        """Change a quota. `left`: so many are left of it as of now; None: what was spent stays."""
        if not 0 <= (left or 0) <= max_requests:
            raise ValueError("left must be between 0 and max_requests")
        self.max_requests[kind] = max_requests
        if left is not None:
            self._made[kind] = deque([now] * (max_requests - left))

    def take(self, kind: Kind, now: float, interval_s: float) -> None:
        """Count a request; raises the API's 403 if there were too many."""
        if self.left(kind, now, interval_s) < 1:
            details = {"max_request": self.max_requests[kind], "interval": int(interval_s)}
            raise RobotError(RATE_LIMIT_EXCEEDED, "rate limit exceeded", details)
        self._made[kind].append(now)

    def left(self, kind: Kind, now: float, interval_s: float) -> int:
        """Return how many requests of a kind are left."""
        made = self._made[kind]
        while made and made[0] + interval_s <= now:
            made.popleft()
        return max(0, self.max_requests[kind] - len(made))


def _read(authorization: str) -> tuple[str, str] | None:
    """Return user and password of a header; None: it has none."""
    if not authorization.lower().startswith(_SCHEME):
        return None
    try:
        text = base64.b64decode(authorization[len(_SCHEME) :], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    user, _, password = text.partition(":")
    return user, password


def _unauthorized() -> RobotError:
    return RobotError(UNAUTHORIZED, "Unauthorized")
