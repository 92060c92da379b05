"""Which instances and groups a client of the control socket means."""

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.diagnosis.snapshot import RolePicture

_SHOWN = 40
"""The longest part of an unknown name that an answer repeats."""


def chosen_roles(roles: tuple[RolePicture, ...], wanted: object) -> tuple[RolePicture, ...]:
    """Return those that are meant, None meaning all; raises BadRequest if there is none.

    An instance and a group of one name: the group is `group NAME`.
    """
    if wanted is None:
        return roles
    named = tuple(role for role in roles if str(role.vrrp) == wanted)
    named = named or tuple(role for role in roles if role.name == wanted)
    if not named:
        raise BadRequest(f"there is no instance {str(wanted)[:_SHOWN]!r}; there is {names(roles)}")
    return named


def names(roles: tuple[RolePicture, ...]) -> str:
    """Return them for people."""
    return ", ".join(str(role.vrrp) for role in roles)
