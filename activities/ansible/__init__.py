"""The action `ansible`: a playbook or one module on hosts, carried out by ansible-runner.

Read in this order: `action` (what a step gets and what its errors mean), `job` (parameters, checked),
`folder` (what Ansible is given to read), `process` (the child process in which it runs), `recap` (its events,
put together), `tree` (how a whole tree of processes is ended).
"""

from activities.ansible.action import AnsibleAction

__all__ = ["AnsibleAction"]
