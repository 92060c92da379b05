"""Reading keepalived.conf, with line numbers. Pure: whoever calls hands over how files are read."""
