"""Why a resource of the configuration stands for none that the API has."""

from hakeeper.core.kind import Kind


def not_there(kind: Kind) -> str:
    """Say that there is no such resource."""
    return (
        f"this token's project has no such {kind.noun}; correct {kind.config_key} in the"
        " configuration, or use the token of its project"
    )


def named_twice(kind: Kind) -> str:
    """Say that two entries of the configuration mean one resource."""
    return f"it is the same {kind.noun} as another entry of the configuration; name it once"


def unusable(why: str) -> str:
    """Say that the API showed a resource that may be the one, but not what is needed of it."""
    return f"the API's list has one that may be it, but cannot be used: {why}"
