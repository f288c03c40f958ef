"""The action `ansible`: a playbook or one module on hosts, carried out by `ansible-playbook`.

Read in this order: `action` (what a step gets and what its errors mean), `job` (parameters, checked),
`inventory` (hosts and groups that a step gives), `folder` (what Ansible is given to read), `vault` (whether
passwords are right), `process` (beside Ansible from its start to its end), `events` (what it tells
meanwhile), `recap` (the events, put together), `tree` (how a whole tree of processes is ended). `order` and
`fitting` are what both sides share.

Nothing is imported here: each run starts a `process`, which would wait for it.
"""
