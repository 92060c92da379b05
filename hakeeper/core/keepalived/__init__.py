"""What follows from what keepalived does: roles that change, isolation, silence, bad lines."""
