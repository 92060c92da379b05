"""The targets by name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fuzz import bodies, config, control, lines, state, story


@dataclass(frozen=True, slots=True)
class Target:
    """One entry point. `run` raises when something is wrong; `is_json`: JSON is inside."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    limit_bytes: int
    is_json: bool = False


TARGETS: Final[Mapping[str, Target]] = {
    "lines": Target(lines.run, lines.seeds, 6000),
    "config": Target(config.run, config.seeds, 4096),
    "bodies": Target(bodies.run, bodies.seeds, 16384, is_json=True),
    "story": Target(story.run, story.seeds, 16384, is_json=True),
    "control": Target(control.run, control.seeds, 5000, is_json=True),
    "state": Target(state.run, state.seeds, 4096, is_json=True),
}
