"""What a scripted API does instead of answering."""

from dataclasses import dataclass, replace

from hakeeper.core.calls import Failure, FailureKind, ReadAll, ReadOne, Request

READS = (ReadAll, ReadOne)


@dataclass(slots=True)
class Fault:
    """What happens instead of an answer. `commits`: the assign is done all the same."""

    failure: Failure
    requests: tuple[type[Request], ...]
    after_s: float = 0.0
    times: float = float("inf")
    commits: bool = False


def failure(kind: FailureKind, code: str = "", **more: float | str | None) -> Failure:
    made = Failure(kind=kind, code=code or kind.name.lower(), message=f"it is {kind.value}")
    return replace(made, **more)  # type: ignore[arg-type]  # the caller names real fields
