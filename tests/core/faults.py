"""What a scripted API does instead of answering."""

from dataclasses import dataclass, field, replace

from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identify,
    Mutate,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
)

READS = (ReadAll, ReadOne)


@dataclass(slots=True)
class Fault:
    """What happens instead of an answer. `commits`: the assign is done all the same."""

    failure: Failure
    requests: tuple[type[Request], ...]
    after_s: float = 0.0
    until_s: float = float("inf")
    times: float = float("inf")
    commits: bool = False


def failure(kind: FailureKind, code: str = "", **more: float | str | None) -> Failure:
    made = Failure(kind=kind, code=code or kind.name.lower(), message=f"it is {kind.value}")
    return replace(made, **more)  # type: ignore[arg-type]  # the caller names real fields


@dataclass(slots=True, kw_only=True)
class Faulty:
    """An API that can fail."""

    now: float = 0.0
    latency_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def fail(self, why: Failure, *requests: type[Request], **more: float) -> Fault:
        """From now on these requests (none named: all) fail; `heal` ends it."""
        every = (Identify, *READS, Mutate, ReadActions, ReadServer)
        fault = Fault(why, requests or every, **more)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        self.faults.clear()

    def fault_of(self, request: Request) -> Fault | None:
        """Find the fault that this request meets, and use it up by one."""
        for fault in self.faults:
            if type(request) in fault.requests and self.now < fault.until_s and fault.times > 0:
                fault.times -= 1
                return fault
        return None
