"""The action `ssh`: commands on hosts, over pooled connections.

Read in this order: `action` (what a step gets and what its errors mean), `command` (parameters to a command
line), `config` and `known_hosts` (where a host is and who it is), `connect`, `pool`, `session` (one command
on one host), `marker` and `marked` (one that outlives its connection and its worker), `worker` (one host's
part of a step), `outcome` (many hosts, one answer).
"""

from activities.ssh.action import SshAction

__all__ = ["SshAction"]
