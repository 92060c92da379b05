"""The users and groups of this machine: their names, and whom we trust."""

import grp
import os
import pwd


def trusted_users() -> frozenset[int]:
    """Return whose files and processes may be ours: root's, the current user's, the service's."""
    try:
        service = {pwd.getpwnam("hakeeper").pw_uid}
    except KeyError:
        service = set()
    return frozenset({0, os.geteuid(), *service})


def name_of_user(user_id: int) -> str:
    """Return a user's name; empty if nobody here has that number."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return ""


def name_of_group(group_id: int) -> str:
    """Return a group's name; empty if no group here has that number."""
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return ""
