"""The folder that the demo keeps: what runs on each host, and what a client needs to reach them.

    DIR/ssh_config known_hosts id_ed25519      for `ssh -F DIR/ssh_config web1` and for any other client
        bin/deploy                             on the PATH of the hosts
        service.json                           the service's name and the releases there are
        hosts/<host>/current deploys.log       see `deploy`
        hosts/<host>/ssh_host_ed25519_key
        hosts/<host>/home/                     where a command starts
        lock                                   held, with a process id inside, while a demo runs on the folder

Keys are made once and kept: a client that knows the hosts still knows them after a restart.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from devtools.demo import deploy
from devtools.demo.deploy import LOG, SERVICE, Deployment, read_deployment, replace_file, write_deployment
from devtools.demo.errors import DemoError
from devtools.demo.release import BAD, GOOD, RELEASES

_ELSEWHERE: Final = "choose another directory with --state"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where things are. `root` is absolute."""

    root: Path

    @property
    def programs(self) -> Path:
        return self.root / "bin"

    @property
    def ssh_config(self) -> Path:
        return self.root / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def client_key(self) -> Path:
        return self.root / "id_ed25519"

    def host(self, name: str) -> Path:
        return self.root / "hosts" / name

    def home(self, name: str) -> Path:
        return self.host(name) / "home"


@contextlib.contextmanager
def claimed(root: Path) -> Iterator[StateFolder]:
    """Makes the folder if need be and holds it, so that two demos never share one."""
    folder = StateFolder(root.absolute())
    with _explained(folder.root):
        folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Unbuffered: what could not be written must not be tried again when the file is closed.
        lock = (folder.root / "lock").open("ab+", buffering=0)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().decode("ascii", "replace").strip() or "unknown"
            raise DemoError(
                f"a demo already runs on `{folder.root}` (process {holder}); stop it or {_ELSEWHERE}"
            ) from error
        with _explained(folder.root):
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
        yield folder


def furnish(folder: StateFolder, service: str, hosts: Sequence[str], *, fresh: bool) -> None:
    """Puts keys, programs and hosts in place. `fresh` puts every host back on the newer release."""
    with _explained(folder.root):
        for name in hosts:
            folder.home(name).mkdir(parents=True, exist_ok=True)
            _furnish_host(folder.host(name), fresh=fresh)
            _keep_key(_host_key_path(folder, name))
        _keep_key(folder.client_key)
        replace_file(folder.root / SERVICE, json.dumps({"service": service, "releases": RELEASES}) + "\n")
        folder.programs.mkdir(exist_ok=True)
        # By way of a shell and not of a `#!` line, which takes one option and no path with a space.
        command = shlex.join([sys.executable, "-I", "-S", str(Path(deploy.__file__).absolute())])
        replace_file(folder.programs / "deploy", f'#!/bin/sh\nexec {command} "$@"\n', mode=0o755)


def _furnish_host(host: Path, *, fresh: bool) -> None:
    if fresh:
        (host / LOG).unlink(missing_ok=True)
    if fresh or not (host / deploy.CURRENT).exists():
        write_deployment(host, Deployment(release=BAD, previous=GOOD, since=deploy.now()))
    try:
        read_deployment(host)
    except ValueError as error:
        raise DemoError(f"{error}; start again with --fresh") from error


def write_client_files(folder: StateFolder, ports: Mapping[str, int], address: str, user: str) -> None:
    """Writes `ssh_config` and `known_hosts` for hosts that listen on `ports` of `address`."""
    stanzas: list[str] = []
    known: list[str] = []
    for name, port in ports.items():
        key = host_key(folder, name)
        known.append(f"[{address}]:{port} {key.get_name()} {key.get_base64()}\n")
        options = {
            "HostName": address,
            "Port": str(port),
            "User": user,
            "IdentityFile": _quoted(folder.client_key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": _quoted(folder.known_hosts),
            "StrictHostKeyChecking": "yes",
        }
        stanzas.append(f"Host {name}\n" + "".join(f"    {key} {value}\n" for key, value in options.items()))
    with _explained(folder.root):
        replace_file(folder.known_hosts, "".join(known))
        replace_file(folder.ssh_config, "\n".join(stanzas))


def host_key(folder: StateFolder, name: str) -> paramiko.PKey:
    return _load(_host_key_path(folder, name))


def client_key(folder: StateFolder) -> paramiko.PKey:
    return _load(folder.client_key)


def _host_key_path(folder: StateFolder, name: str) -> Path:
    return folder.host(name) / "ssh_host_ed25519_key"


def _keep_key(path: Path) -> None:
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        replace_file(path, text.decode("ascii"), mode=0o600)


def _load(path: Path) -> paramiko.PKey:
    try:
        return paramiko.Ed25519Key(filename=path)
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise DemoError(f"`{path}` is not a readable key; remove it and start again") from error


def _quoted(path: Path) -> str:
    # `%` begins a token in these options, and a space would begin a second file.
    return '"' + str(path).replace("%", "%%") + '"'


@contextlib.contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DemoError(f"the demo cannot keep its state in `{root}`: {reason}; {_ELSEWHERE}") from error
