"""The names of users and groups, for people to read."""

import grp
import pwd


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
