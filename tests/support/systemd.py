"""A real systemd on each host of `tests.support.sshd`, with a real journal.

Process 1 of a machine is not ours to be, so it is a user's manager, `systemd --user`, that the account of
the servers has for each host; the host's own `systemctl` and `journalctl` are small scripts that pass what
they are given to the real ones with `--user` (`--unit` is `--user-unit` there), and name the manager.
What those print and do is systemd's own.

A manager wants to find a machine that was booted with systemd, and control groups that it may write. So it
runs in a mount namespace with a `/run` of its own, beside a journald, and in a group made for it: that takes
root.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.process import running
from tests.support.sshd import Farm, account
from tests.support.until import until

_SYSTEMD = Path("/usr/lib/systemd/systemd")
_JOURNALD = Path("/usr/lib/systemd/systemd-journald")
_GROUPS = Path("/sys/fs/cgroup")

_RUN = """\
set -e
folder=$1 user=$2
shift 2
mount --bind "$folder/run" /run
mkdir -p /run/systemd/system /run/systemd/journald.conf.d
install -d -m 2755 -g "$user" "/run/log/journal/$(cat /etc/machine-id)"
install -d -m 700 -o "$user" /run/own
printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=no\\nSplitMode=none\\nForwardToSyslog=no\\n' \\
    >/run/systemd/journald.conf.d/own.conf
for top; do echo $$ >"$top/beside/cgroup.procs"; done
{journald} & journald=$!
patience=300
while [ ! -S /run/systemd/journal/stdout ] && [ "$patience" -gt 0 ]; do
    patience=$((patience - 1))
    sleep 0.1
done
export XDG_RUNTIME_DIR=/run/own XDG_CONFIG_HOME="$folder/config" HOME="$folder"
export SYSTEMD_UNIT_PATH="$folder/config/systemd/user:$folder/units"
sh -c 'for top; do echo $$ >"$top/{inside}/cgroup.procs"; done
exec setpriv --reuid "$0" --regid "$0" --clear-groups {systemd} --user --log-target=journal' "$user" "$@" &
manager=$!
trap 'kill -TERM "$manager" "$journald"' TERM
wait "$manager" || :
"""
_SYSTEMCTL = """\
#!/bin/sh
own={folder}/$STANCH_HOST
export XDG_RUNTIME_DIR="$own/run/own" XDG_CONFIG_HOME="$own/config"
export SYSTEMD_UNIT_PATH="$own/config/systemd/user:$own/units"
case " $* " in
# Where no systemd was booted, they write links and tell no manager of it.
*" mask "* | *" unmask "* | *" enable "* | *" disable "*)
    /usr/bin/systemctl --user "$@" || exit
    exec /usr/bin/systemctl --user daemon-reload ;;
esac
exec /usr/bin/systemctl --user "$@"
"""
_JOURNALCTL = """\
#!/bin/sh
for word; do
    shift
    case $word in --unit=*) word=--user-unit=${{word#--unit=}} ;; esac
    set -- "$@" "$word"
done
exec /usr/bin/journalctl --directory={folder}/$STANCH_HOST/run/log/journal "$@"
"""
_TARGET = "[Unit]\nDescription=Nothing in particular\n"
_BASE = ("basic.target", "default.target", "shutdown.target")


@dataclass(frozen=True, slots=True)
class Managers:
    """By host, in `folder`."""

    farm: Farm
    folder: Path

    def install(self, name: str, text: str, *hosts: str) -> None:
        """A unit file on these hosts, or on all."""
        for host in hosts or self.farm.hosts:
            if (self.folder / host).is_dir():
                file = self.folder / host / "units" / name
                file.write_text(text)
                file.chmod(0o644)
                self.systemctl(host, "daemon-reload")

    def systemctl(self, host: str, *words: str) -> str:
        """What somebody does on that host with a terminal; it must succeed."""
        who = ("--reuid", self.farm.user, "--regid", self.farm.user, "--clear-groups")
        env = {"PATH": "/usr/bin:/bin", "STANCH_HOST": host}
        done = subprocess.run(
            ["setpriv", *who, str(self.farm.bin / "systemctl"), *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env=env,
        )
        assert done.returncode == 0, f"systemctl {words} on {host}: {done.stderr}"
        return done.stdout.strip()

    def get(self, host: str, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.systemctl(host, "show", f"--property={name}", "--value", unit)


@contextlib.contextmanager
def start_systemd(farm: Farm, hosts: Sequence[str]) -> Iterator[Managers]:
    """A manager for each of these hosts. Skips the test where this machine lets nobody have one."""
    groups = _writable_groups()
    if os.geteuid() != 0 or not groups or not _SYSTEMD.exists() or not Path("/etc/machine-id").is_file():
        pytest.skip("needs root, systemd's programs and control groups that can be written")
    folder = Path(tempfile.mkdtemp(prefix="stanch-systemd-"))
    folder.chmod(0o755)
    try:
        with contextlib.ExitStack() as stack:
            for host in hosts:
                stack.enter_context(_manager(folder / host, groups))
            _programs(farm, folder)
            managers = Managers(farm, folder)
            for host in hosts:
                until(partial(_answers, managers, host), f"systemd of {host} to answer")
            yield managers
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _manager(folder: Path, groups: Sequence[Path]) -> Iterator[None]:
    who = pwd.getpwnam(account())
    for name in ("run", "units", "config/systemd/user"):
        (folder / name).mkdir(parents=True)
    for name in _BASE:
        (folder / "units" / name).write_text(_TARGET)
    # The journal knows a user's units by the names of the groups around them.
    inside = f"user-{who.pw_uid}.slice/user@{who.pw_uid}.service"
    tops = [group / f"stanch{os.getpid()}_{folder.name}.slice" for group in groups]
    for top in tops:
        (top / "beside").mkdir(parents=True)
        (top / inside).mkdir(parents=True)
    script = _RUN.format(systemd=_SYSTEMD, journald=_JOURNALD, inside=inside)
    for path in [folder, *folder.rglob("*"), *(top / inside for top in tops)]:
        _own(path, who)
    order = ["sh", "-c", script, "sh", str(folder), who.pw_name, *map(str, tops)]
    try:
        with running(["unshare", "--mount", *order], folder / "log"):
            yield
    finally:
        _remove(tops)


def _own(path: Path, who: pwd.struct_passwd) -> None:
    os.chown(path, who.pw_uid, who.pw_gid)
    if path.is_dir() and path.is_relative_to(_GROUPS):
        for file in path.iterdir():
            os.chown(file, who.pw_uid, who.pw_gid)


def _remove(tops: Sequence[Path]) -> None:
    """End whatever still runs in the groups, and the groups."""

    def gone() -> bool:
        for top in tops:
            folders = [top, *(path for path in top.rglob("*") if path.is_dir())] if top.exists() else []
            for each in sorted(folders, reverse=True):
                with contextlib.suppress(OSError):
                    for pid in (each / "cgroup.procs").read_text().split():
                        os.kill(int(pid), 9)
                with contextlib.suppress(OSError):
                    each.rmdir()
        return not any(top.exists() for top in tops)

    until(gone, "the control groups to be empty")


def _programs(farm: Farm, folder: Path) -> None:
    for name, text in (("systemctl", _SYSTEMCTL), ("journalctl", _JOURNALCTL)):
        file = farm.bin / name
        file.write_text(text.format(folder=folder))
        file.chmod(0o755)


def _answers(managers: Managers, host: str) -> bool:
    with contextlib.suppress(AssertionError):
        return managers.get(host, "default.target", "ActiveState") == "active"
    return False


def _writable_groups() -> list[Path]:
    """Where a control group can be made: version 2, or version 1 with what systemd keeps of it."""
    if (_GROUPS / "cgroup.procs").exists():
        return [_GROUPS] if os.access(_GROUPS, os.W_OK) else []
    found = [_GROUPS / name for name in ("systemd", "unified") if (_GROUPS / name / "cgroup.procs").exists()]
    return [each for each in found if os.access(each, os.W_OK)]
