"""The way to one endpoint: which of its addresses are good, and which connections are believed.

An address is good when it has *answered* a request. That it takes connections is not enough: one
whose large packets are lost on the way hangs in TLS, and a half-dead balancer takes every request
and answers none. What failed goes to the end, until it answers.
"""

import threading
from dataclasses import dataclass, replace
from itertools import zip_longest

from hakeeper.adapters.hetzner.options import Endpoint
from hakeeper.adapters.hetzner.resolver import Resolver, Target

ADDRESS_LIMIT = 8
"""So many addresses are tried for one connection."""
HEALTH_LIMIT = 32
"""So many addresses are remembered."""


@dataclass(slots=True)
class Health:
    """What is known of one address."""

    answered: int = 0
    """Rises with each answer of any address; 0: it never answered."""
    failures: int = 0
    """Since it answered last."""
    failed: int = 0
    """Rises with each failure of any address."""


class Route:
    """What the connections to one endpoint learn from each other."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Know nothing of it yet."""
        self.endpoint = endpoint
        self.resolver = Resolver(endpoint.host, endpoint.port)
        self.doubted_from_s = float("-inf")
        """Connections made before this (monotonic seconds) are not believed any more."""
        self._lock = threading.Lock()
        self._answers = 0
        self._failures = 0
        self._health: dict[Target, Health] = {}

    def learn(self, other: "Route") -> None:
        """Take over what another one knows of the same endpoint: there may be no DNS now."""
        if other.endpoint != self.endpoint:
            return
        self.resolver.learn(other.resolver.found)
        with other._lock:  # noqa: SLF001  # one of us
            known = {target: replace(health) for target, health in other._health.items()}  # noqa: SLF001
        with self._lock:
            self._health = known | self._health
            self._answers = max((each.answered for each in self._health.values()), default=0)
            self._failures = max((each.failed for each in self._health.values()), default=0)

    def doubt(self, sent_at_s: float) -> None:
        """Doubt all that are not younger than what was sent at that time, and lost."""
        self.doubted_from_s = max(self.doubted_from_s, sent_at_s)

    def answered(self, target: Target) -> None:
        """Prefer an address that has answered a request."""
        with self._lock:
            self._answers += 1
            health = self._of(target)
            health.answered, health.failures = self._answers, 0

    def failed(self, target: Target) -> None:
        """Put an address last that could not be used, or was sent a request and did not answer."""
        with self._lock:
            self._failures += 1
            health = self._of(target)
            health.failures, health.failed = health.failures + 1, self._failures

    def is_left(self, target: Target) -> bool:
        """Say whether an address has failed and another one is to be tried before it."""
        with self._lock:
            health = self._health.get(target)
            if health is None or not health.failures:
                return False
        return self.targets()[:1] != [target]

    def _of(self, target: Target) -> Health:
        if target not in self._health and len(self._health) >= HEALTH_LIMIT:
            del self._health[min(self._health, key=lambda each: self._health[each].answered)]
        return self._health.setdefault(target, Health())

    def targets(self) -> list[Target]:
        """Return the addresses in the order in which to try them.

        First those that answered last; then what nobody has tried; then good ones that the
        resolver does not name any more. What failed comes last, and takes turns: the one that
        failed longest ago first, however often it did. One that never answered has no turn before
        those that did have failed twice: one failure may be chance.
        """
        named = _alternating(self.resolver.found)
        with self._lock:
            known = {target: replace(health) for target, health in self._health.items()}
        good = [each for each in known if not known[each].failures]
        good.sort(key=lambda each: -known[each].answered)
        sick = [each for each in named if each in known and known[each].failures]
        is_chance = any(known[each].answered and known[each].failures == 1 for each in sick)
        sick.sort(key=lambda each: (is_chance and not known[each].answered, known[each].failed))
        return [
            *(each for each in good if each in named),
            *(each for each in named if each not in known),
            *(each for each in good if each not in named),
            *sick,
        ][:ADDRESS_LIMIT]


def _alternating(found: tuple[Target, ...]) -> list[Target]:
    """Let the families take turns: what is wrong with one of them is often wrong with all of it."""
    unique = list(dict.fromkeys(found))
    first = [each for each in unique if each[0] == unique[0][0]]
    second = [each for each in unique if each[0] != unique[0][0]]
    pairs = zip_longest(first, second)
    return [each for pair in pairs for each in pair if each is not None]
