"""What a check said, against what happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.corpus.trial import Outcome

_FIELDS = {"now": "ready_now", "after": "ready_after_restart"}


@dataclass(frozen=True)
class Verdict:
    """Whether it would work; None where the check has not looked."""

    user: str
    ready: bool | None
    now: bool | None
    after: bool | None

    def __str__(self) -> str:
        words = {True: "yes", False: "no", None: "-"}
        return "/".join(words[each] for each in (self.ready, self.now, self.after))


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    """Return what the check said, by the user that ran it."""
    return {user: _verdict(user, told) for user, told in outcome.checks.items()}


def _verdict(user: str, told: dict[str, Any]) -> Verdict:
    online = told.get("online")
    if online is None:  # it did not come that far: the file or the token is wrong
        return Verdict(user, ready=told.get("ok"), now=None, after=None)
    return Verdict(
        user, online["ready"], *(online.get(name) for name in (_FIELDS["now"], _FIELDS["after"]))
    )


def mistakes(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Return `missed` or `false alarm`, and by whom and of what, for each wrong word."""
    now, after = outcome.now.works, outcome.after.works
    truths = {"ready": now and after, "now": now, "after": after}
    for user, verdict in verdicts(outcome).items():
        for word, truth in truths.items():
            said = getattr(verdict, word)
            if said and not truth and _is_owned_up(outcome, user):
                continue
            if said is not None and said is not truth:
                yield ("missed" if said else "false alarm"), f"{user}: {word}"


def _is_owned_up(outcome: Outcome, user: str) -> bool:
    """Say whether the check told that it has not looked at the very thing that is wrong.

    Who else reads the FIFO is hidden from the service's user, and nothing that the daemon sees
    shows it either.
    """
    unseen = outcome.checks[user]["online"].get("not_looked_at", [])
    is_hidden = any("reads the FIFO, too" in each for each in findings(outcome, "root"))
    return is_hidden and any(each.startswith("other readers of") for each in unseen)


def kind(outcome: Outcome) -> str:
    """Return the worst mistake, or nothing."""
    found = {name for name, _ in mistakes(outcome)}
    return next((name for name in ("missed", "false alarm") if name in found), "")


def findings(outcome: Outcome, user: str = "root") -> list[str]:
    """Return the findings in short."""
    told = outcome.checks[user]
    if "online" not in told:
        return [str(told)[:500]]
    return [
        f"{each['severity']} {each['check']}: {each['what']}" for each in told["online"]["findings"]
    ]


def table(outcomes: list[Outcome]) -> str:
    """Return all set-ups: truth now and after the next start, and what the check says."""
    width = max(len(each.name) for each in outcomes)
    lines = [
        f"{'set-up':<{width}}  now  after  root: ready/now/after  service's user  mistake",
    ]
    for each in outcomes:
        yes = {True: "yes", False: "no"}
        said = verdicts(each)
        lines.append(
            f"{each.name:<{width}}  {yes[each.now.works]:<3}  {yes[each.after.works]:<5}"
            f"  {said['root']!s:<22}  {said.get('service', '')!s:<14}  {kind(each)}"
        )
    return "\n".join(lines)
