"""The tables of the core as Markdown, for docs/dev/design.md."""

from collections.abc import Iterable, Mapping

from hakeeper.core.apis.failure_table import RESPONSES
from hakeeper.core.claim.stages import Stage
from hakeeper.core.claim.table import STAGES
from hakeeper.core.claim.table import TABLE as CLAIM_TABLE
from hakeeper.core.limits.patience import Patience, Pause
from hakeeper.core.model import Role
from hakeeper.core.roles.table import TABLE as ROLE_TABLE
from hakeeper.core.roles.table import RoleEvent


def role_table() -> str:
    """A row for each event, a column for each role."""
    lines = [
        "| what was said | " + " | ".join(role.value for role in Role) + " | reason |",
        "|---|" + "---|" * (len(Role) + 1),
    ]
    for event in RoleEvent:
        steps = [ROLE_TABLE[event][role] for role in Role]
        cells = [step.role.value + (", look" if step.check else "") for step in steps]
        reasons = "; ".join(dict.fromkeys(step.reason for step in steps))
        lines.append(f"| {event.value} | " + " | ".join(cells) + f" | {reasons} |")
    return "\n".join(lines) + "\n"


def stages() -> str:
    """The stages of a claim, as the status shows them and as they are."""
    lines = ["| stage | in the status | meaning |", "|---|---|---|"]
    lines += [f"| {stage.__name__} | {stage.label} | {_sentence(stage)} |" for stage in STAGES]
    return "\n".join(lines) + "\n"


def claim_table() -> str:
    """A row for each rule of each thing that happens."""
    lines = ["| what happened | in the stages | rule | next stages |", "|---|---|---|---|"]
    for happening, cells in CLAIM_TABLE.items():
        for rule in dict.fromkeys(cell.rule for cell in cells.values()):
            those = [stage for stage, cell in cells.items() if cell.rule is rule]
            to = dict.fromkeys(each for stage in those for each in cells[stage].to)
            where = "all" if len(those) == len(STAGES) else _names(those)
            lines.append(f"| {happening.__name__} | {where} | {_sentence(rule)} | {_names(to)} |")
    return "\n".join(lines) + "\n"


def failures(apis: Mapping[str, Patience]) -> str:
    """A row for each class of failure, a column for each API."""
    after = "".join(f" after ({name}) |" for name in apis)
    lines = [
        f"| class | the claim goes on by |{after} it concerns | needs an operator |",
        "|---" * (4 + len(apis)) + "|",
    ]
    for kind, response in RESPONSES.items():
        pauses = "".join(f" {_pause(each, response.pause)} |" for each in apis.values())
        operator = "yes" if response.needs_operator else ""
        does = response.next.value
        lines.append(f"| {kind.value} | {does} |{pauses} {response.scope.value} | {operator} |")
    return "\n".join(lines) + "\n"


def _pause(patience: Patience, pause: Pause | None) -> str:
    return "at once" if pause is None else str(patience.backoff(pause))


def _sentence(documented: object) -> str:
    return (documented.__doc__ or "").partition("\n")[0]


def _names(stages: Iterable[type[Stage]]) -> str:
    return ", ".join(stage.__name__ for stage in stages)
