"""Real OpenSSH servers for tests: one `sshd` a host, on loopback, as an ordinary user.

    with start_sshd(tmp, hosts=["web1", "web2"]) as farm:
        ... SshAction(config_file=farm.config_file) ...

An `sshd` without root's rights can only log in the user that it runs as. Tests that run as root therefore use
the account `stanchtest`, created on first use; others use themselves. What the servers need lies in a folder
of its own, because such an account cannot look into pytest's.

There are no terminals: giving one away can take root's rights. Ansible asks for one for every task and gets
along without it most of the time; `ANSIBLE_SSH_USETTY=False` in its environment makes that always.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ACCOUNT = "stanchtest"
_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin") or "sshd"


@dataclass(slots=True)
class Host:
    """One server. Its name is `$STANCH_HOST` in every command that it runs."""

    name: str
    port: int
    folder: Path
    """The server's own files; `$HOME` of its commands is `home` below it."""
    user: str
    process: subprocess.Popen[bytes] | None = None
    log: list[Path] = field(default_factory=list)
    """A file for each time it was started."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        log = self.folder / f"sshd{len(self.log)}.log"
        self.log.append(log)
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [_SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                **identity(self.user),
            )
        _until(lambda: _listens(self.port) or not self._runs(), f"sshd of {self.name} to listen")
        if not self._runs():
            raise RuntimeError(f"sshd of {self.name} ended at once:\n{log.read_text()}")

    def stop(self) -> None:
        """End the server and every connection to it."""
        if self.process is None:
            return
        self.cut()
        self.process.kill()
        self.process.wait()
        self.process = None

    def cut(self) -> int:
        """Kill the server's end of every connection, as a reboot would; how many there were.

        The commands lose their connection and live on, as they may on a real host.
        """
        sessions = self.sessions()
        # A connection has a monitor and a child of it that talks; the commands are below.
        below = [process for session in sessions for process in _children(session)]
        servers = [*sessions, *(process for process in below if _is_sshd(process))]
        for process in servers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _until(lambda: all(map(_is_gone, servers)), f"the connections of {self.name} to end")
        return len(sessions)

    def freeze(self) -> list[psutil.Process]:
        """Stop the server's end of every connection, so that nothing is answered and nothing is closed."""
        servers = self.sessions()
        servers += [child for session in servers for child in _children(session) if _is_sshd(child)]
        frozen = []
        for process in servers:
            with contextlib.suppress(psutil.NoSuchProcess):  # a login may end in this moment
                process.suspend()
                frozen.append(process)
        return frozen

    def thaw(self, frozen: list[psutil.Process]) -> None:
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def sessions(self) -> list[psutil.Process]:
        """The processes that serve one connection each."""
        return psutil.Process(self.process.pid).children() if self.process else []

    def commands(self) -> list[psutil.Process]:
        """What runs on the host through a living connection."""
        below = [process for session in self.sessions() for process in _children(session)]
        return [process for process in below if _name(process) and not _is_sshd(process)]

    def executes(self, program: str) -> bool:
        """Whether one of its commands is called so."""
        return any(program in _name(command) for command in self.commands())

    def logins(self) -> int:
        """How many connections have been authenticated so far."""
        return sum(log.read_text().count("Accepted publickey") for log in self.log)

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Farm:
    hosts: Mapping[str, Host]
    config_file: Path
    """An OpenSSH client configuration in which every host is known by its name."""
    known_hosts: Path
    key: Path
    """The private key that every host lets in."""
    user: str
    folder: Path
    """Readable for the account of the servers."""
    bin: Path
    """First in the `PATH` of every host: put programs here, readable and executable for all."""
    watchdog: subprocess.Popen[bytes] | None = None
    reserved: Sequence[socket.socket] = ()

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.watchdog is not None:
            self.watchdog.kill()
            self.watchdog.communicate()
        for host in self.hosts.values():
            host.stop()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("HOME", "").startswith(f"{self.folder}/"):
                    process.kill()
        for port in self.reserved:
            port.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_sshd(
    tmp: Path, *, hosts: Sequence[str], path: Sequence[Path] = (), config: str = "", client_config: str = ""
) -> Farm:
    """A running server for each name in `hosts`; the client's files are written below `tmp`.

    `path` comes behind `Farm.bin` and before `/usr/bin:/bin` in the hosts' `PATH`; its folders must be open
    to the account. `config` is added to each `sshd_config`, `client_config` comes first in the client's.
    """
    user = account()
    folder = Path(tempfile.mkdtemp(prefix="stanch-sshd-"))
    folder.chmod(0o755)
    key = _key(tmp / "client_key")
    farm = Farm({}, tmp / "ssh_config", tmp / "known_hosts", key, user, folder, folder / "bin")
    farm.bin.mkdir()
    try:
        farm.reserved = _reserved(len(hosts))
        ports = [each.getsockname()[1] for each in farm.reserved]
        farm.hosts = {
            name: _host(name, port, folder, user, key, path, config)
            for name, port in zip(hosts, ports, strict=True)
        }
        if sys.platform != "linux":
            for each in farm.reserved:
                each.close()
        farm.known_hosts.write_text("".join(_known_line(host) for host in farm.hosts.values()))
        farm.config_file.write_text(client_config + _client_config(farm))
        _own(folder, user)
        for host in farm.hosts.values():
            host.start()
        # Ends them when the test process dies in a way that lets no fixture end.
        processes = [str(host.process.pid) for host in farm.hosts.values() if host.process]
        farm.watchdog = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill "$@"', "sh", *processes], stdin=subprocess.PIPE
        )
    except BaseException:
        farm.stop()
        raise
    return farm


def account() -> str:
    """The user that the servers run as and log in: this one, or for root an ordinary one."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    # Several test processes may come here at once, so "it exists by now" is success.
    with contextlib.suppress(subprocess.CalledProcessError):
        if not _exists(ACCOUNT):
            subprocess.run(
                ["useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", ACCOUNT],
                check=True,
                capture_output=True,
                timeout=30,
            )
    _until(lambda: _exists(ACCOUNT), f"the account {ACCOUNT} to exist")
    return ACCOUNT


def unused_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _reserved(number: int) -> list[socket.socket]:
    """As many sockets, each bound to a port of its own on loopback.

    They do not listen. On Linux a server may still bind and listen there, as long as both say that they
    share, and nobody else is given the port; so a host that was stopped finds its port free again.
    """
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sockets


def _host(
    name: str, port: int, folder: Path, user: str, key: Path, path: Sequence[Path], config: str
) -> Host:
    host = Host(name, port, folder / name, user)
    host.home.mkdir(parents=True)
    _key(host.folder / "host_key")
    (host.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    search = ":".join([f"{folder}/bin", *map(str, path), "/usr/bin", "/bin"])
    (host.folder / "sshd_config").write_text(
        f"""\
ListenAddress 127.0.0.1:{host.port}
HostKey {host.folder}/host_key
AuthorizedKeysFile {host.folder}/authorized_keys
PidFile {host.folder}/sshd.pid
SetEnv STANCH_HOST={name} HOME={host.home} "PATH={search}"
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitTTY no
MaxStartups 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
{config}"""
    )
    return host


def _client_config(farm: Farm) -> str:
    blocks = (
        f"Host {host.name}\n    HostName 127.0.0.1\n    Port {host.port}\n" for host in farm.hosts.values()
    )
    return f"""\
{"".join(blocks)}Host *
    User {farm.user}
    IdentityFile {farm.key}
    IdentitiesOnly yes
    UserKnownHostsFile {farm.known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


def _known_line(host: Host) -> str:
    kind, blob = (host.folder / "host_key.pub").read_text().split()[:2]
    return f"[127.0.0.1]:{host.port} {kind} {blob}\n"


def _key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True, timeout=30
    )
    return path


def _own(folder: Path, user: str) -> None:
    if os.geteuid() != 0:
        return
    entry = pwd.getpwnam(user)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, entry.pw_uid, entry.pw_gid)


def identity(user: str) -> dict[str, Any]:
    """What makes `Popen` start a process as `user`."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_gone(process: psutil.Process) -> bool:
    try:
        # The first process of a container may be slow to take its orphans away.
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _is_sshd(process: psutil.Process) -> bool:
    return _name(process).startswith("sshd")


def _name(process: psutil.Process) -> str:
    """Nothing for one that is gone: a server ends the child that has read the login as a command starts."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f}s for {what}")
        time.sleep(0.01)
