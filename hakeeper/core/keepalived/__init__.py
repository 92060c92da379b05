"""What follows from what keepalived says and does; its words and the roles are in `roles/`."""
