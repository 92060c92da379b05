"""Would a failover to this server work? What `hakeeper check --online` looks at, and its verdict.

`gather/` looks (files, processes, sockets, the API) and returns facts; `checks/` turns facts into
findings, and does nothing else; `conf/` reads keepalived.conf. Nothing here changes anything.
"""
