"""`hakeeper check --online`: would a failover to this server work?

`gather/` reads files, processes, sockets and the API and returns facts. `checks/` turns facts into
findings, without I/O. `conf/` parses keepalived.conf. Nothing here changes the system.
"""
