"""One fuzzing process: `python -m tests.fuzz.engine TARGET [--plant NAME] LIBFUZZER-ARGUMENTS…`.

Nothing of hakeeper may be imported before `instrument_imports`: that adds the counters by which
the fuzzer sees which branch an input took.
"""

import sys
from hashlib import sha256
from random import Random

import atheris

INSTRUMENTED = ["hakeeper", "yaml", "hcloud", "tests.fuzz.plants"]


def main(arguments: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    name, *rest = arguments
    # It sees how much of a prefix was matched. Its hook for patterns would be of use too, but its
    # `match` takes no position, which json needs.
    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        from tests.fuzz.mutation import changed  # noqa: PLC0415 - see above
        from tests.fuzz.places import folder  # noqa: PLC0415 - see above
        from tests.fuzz.plants import PLANTS  # noqa: PLC0415 - see above
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - see above
    target = TARGETS[name]
    if rest[:1] == ["--plant"]:
        PLANTS[rest[1]].plant(setattr)
        rest = rest[2:]

    def mutate(data: bytes, limit_bytes: int, seed: int) -> bytes:
        rng = Random(seed)  # noqa: S311 - not for secrets
        other = changed(data, rng) if rng.random() < 0.5 else None
        if other is None or len(other) > limit_bytes:
            return bytes(atheris.Mutate(data, limit_bytes))
        return other

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            # libFuzzer writes the input too, unless the process dies over the exception.
            path = folder("findings", name) / f"raised-{sha256(data).hexdigest()[:16]}"
            path.write_bytes(data)
            sys.stderr.write(f"Test unit written to {path}\n")
            sys.stderr.flush()
            raise

    options = {"custom_mutator": mutate} if target.is_json else {}
    atheris.Setup([sys.argv[0], *rest], run, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
