"""The service that Stanch is shown on: three instances, a bad release, and three hosts to roll it back on.

Read it from the outside in:

- `serve` puts the parts together and takes them apart;
- `fleet` is the service, `release` what is wrong with it, `web` its HTTP port, `load` its customers;
- `sshd` is a host's SSH server, `command` one command on it, `strays` what a command leaves behind,
  `deploy` the program that runs there;
- `state` is the folder that all of them share;
- `alert` is the delivery that Alertmanager would make, `process` the demo as a child of another program.
"""
