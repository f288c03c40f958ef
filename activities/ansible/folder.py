"""What Ansible is given: files in a private folder, and an environment.

Values of a step are data. Ansible takes every string with `{{ }}` for a template and evaluates it on the
worker, so whatever may hold data is written with the tag `!unsafe`, which means: this is a string.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from activities.ansible.job import Job
from activities.ansible.order import CONTROL, Order
from stanch.errors import InvalidInput
from stanch.language.plan import Json

_NOT_OURS = {
    "AD_HOC_COMMAND_ID", "JOB_ID", "ORIGINAL_STDOUT_CALLBACK", "PROJECT_UPDATE_ID", "RUNNER_OMIT_EVENTS",
    "RUNNER_ONLY_FAILED_EVENTS",
}  # fmt: skip
"""It would take these as meant for it."""
_LARGEST_RESULT = 8_000_000
_LONGEST_CONTROL = 74
"""104 bytes, which is what macOS takes, without Ansible's name for the socket and ssh's addition to it."""


def lay_out(job: Job, folder: Path, project: Path | None) -> Order:
    """Write the files of `job` into `folder`, an empty folder that only we can enter."""
    inventory = (
        job.inventory
        if isinstance(job.inventory, Path)
        else _write(folder / "hosts.yml", _yaml(_data(job.inventory)))
    )
    arguments = ["-i", str(inventory), "--limit", job.pattern]
    if job.variables:
        arguments += ["-e", f"@{_write(folder / 'vars.yml', _yaml(_data(job.variables)))}"]
    passwords = {}
    for number, (name, password) in enumerate(job.vault.items()):
        path = folder / f"vault{number}"
        arguments += ["--vault-id", f"{name}@{path}"]
        passwords[str(path)] = password
    if job.become:
        arguments += ["--become", "--become-user", job.become]
    if job.become_password:
        path = folder / "become"
        arguments += ["--become-password-file", str(path)]
        passwords[str(path)] = job.become_password
    (folder / CONTROL).mkdir(mode=0o700)
    return Order(
        folder=str(folder),
        directory=str(project.resolve() if project else folder),
        arguments=(*arguments, *_options(job), str(job.playbook or _playbook(job, folder, project))),
        passwords=passwords,
    )


def _options(job: Job) -> Iterator[str]:
    if job.check:
        yield "--check"
    if job.diff:
        yield "--diff"
    if job.forks is not None:
        yield f"--forks={job.forks}"
    if job.tags:
        yield f"--tags={','.join(job.tags)}"
    if job.skip_tags:
        yield f"--skip-tags={','.join(job.skip_tags)}"


def _playbook(job: Job, folder: Path, project: Path | None) -> Path:
    """A file with the plays that the step gives. It lies as if at the top of the project: what Ansible looks
    for beside a playbook (roles, collections, files, group_vars...) is there."""
    place = folder / "plays"
    place.mkdir(mode=0o700)
    path = _write(place / "stanch-plays.yml", _play_text(job))
    for entry in project.resolve().iterdir() if project else ():
        if not entry.name.startswith(".") and entry.name != path.name:
            (place / entry.name).symlink_to(entry)
    return path


def environment(
    folder: Path, project: Path | None, ssh_config: Path | None, base: Mapping[str, str]
) -> dict[str, str]:
    """The worker's environment with our settings, which win over an `ansible.cfg`, and without Stanch's own.
    Some of those are secrets, and on the worker itself the module `setup` tells all of its environment.

    Raises InvalidInput if Ansible is not there.
    """
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{base.get('PATH', os.defpath)}"
    for program in ("ansible-playbook", "ssh"):
        if shutil.which(program, path=path) is None:
            raise InvalidInput(f"ansible: there is no `{program}` in {programs} nor on the worker's PATH")
    ours = {
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_NOCOWS": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_FORCE_COLOR": "False",
        # A source of hosts that fails must not leave the others: nobody would miss the hosts.
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_CALLBACK_PLUGINS": f"{base.get('ANSIBLE_CALLBACK_PLUGINS', '')}:{_callback()}".lstrip(":"),
        "AWX_ISOLATED_DATA_DIR": str(folder),
        # Arguments of tasks may be secrets.
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "False",
        # ansible-runner's callback drops larger results without a word.
        "MAX_EVENT_RES": str(_LARGEST_RESULT),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / CONTROL),
    }
    if ssh_config is not None:
        # A shared connection saves a login for each of the several commands that a task is. Its socket needs
        # a path that is short enough.
        fits = len(ours["ANSIBLE_SSH_CONTROL_PATH_DIR"]) <= _LONGEST_CONTROL
        shared = (
            "-o ControlMaster=auto -o ControlPersist=60s"
            if fits
            else "-o ControlMaster=no -o ControlPath=none"
        )
        ours["ANSIBLE_SSH_ARGS"] = f"-F {shlex.quote(str(ssh_config.absolute()))} -o BatchMode=yes {shared}"
    kept = {
        name: value
        for name, value in base.items()
        if name not in _NOT_OURS and not name.startswith("STANCH_")
    }
    return {**_search_paths(project), **kept, **ours}


def _callback() -> str:
    """The folder with ansible-runner's callback, which gives us the events."""
    runner = find_spec("ansible_runner")
    if runner is None or runner.origin is None:
        raise InvalidInput("ansible: the Python package `ansible-runner` is not installed")
    return str(Path(runner.origin).parent / "display_callback" / "callback")


def _search_paths(project: Path | None) -> dict[str, str]:
    """Where a project without an `ansible.cfg` has its roles and collections, for playbooks in folders of it.
    At the top of it Ansible finds them by itself."""
    if project is None or (project / "ansible.cfg").exists():
        return {}
    root, home, shared = project.resolve(), "~/.ansible", "/usr/share/ansible"
    return {
        "ANSIBLE_ROLES_PATH": f"{root}/roles:{home}/roles:{shared}/roles:/etc/ansible/roles",
        "ANSIBLE_COLLECTIONS_PATH": f"{root}/collections:{root}:{home}/collections:{shared}/collections",
    }


def _play_text(job: Job) -> str:
    if not job.module:
        return _yaml(job.plays)  # written by an author, who may use templates
    (play,) = job.plays or []
    (task,) = play["tasks"]
    name = task["name"]
    return _yaml([{**play, "tasks": [{**task, name: _data(task[name])}]}])


def _write(path: Path, text: str) -> Path:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("ansible: a string in the parameters is not valid Unicode") from None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return path


class _Data(str):
    """A string that is no template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(_Data, lambda dumper, data: dumper.represent_scalar("!unsafe", str(data), style='"'))


def _data(value: Json) -> Json:
    """`value` with every string marked; the keys of maps are names."""
    if isinstance(value, str):
        return _Data(value)
    if isinstance(value, dict):
        return {key: _data(held) for key, held in value.items()}
    return [_data(held) for held in value] if isinstance(value, list) else value


def _yaml(value: Json) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return text
