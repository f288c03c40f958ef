"""From the parameters of a step to a checked job."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from activities.ansible.inventory import QUIET, read_inventory
from activities.ansible.vault import DEFAULT
from stanch.errors import InvalidInput
from stanch.language.plan import Json

_KNOWN = {
    "args", "become", "become_password", "check", "diff", "forks", "hosts", "inventory", "limit", "module",
    "playbook", "skip_tags", "tags", "vars", "vault",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MODULE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z0-9_]+)*", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A pattern of Ansible's without what reads a file (`@`) or belongs to a template.
_PATTERN = re.compile(r"(?!-)[A-Za-z0-9_~!&*?\[\].,:^$|+()-]+")
_TAG = re.compile(r"[^\s,{}-][^\s,{}]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\$-]*")
_VAULT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TERM = re.compile(r"!?[A-Za-z0-9_*?.\[\]-]+")
_FREE_FORM = {"command", "raw", "script", "shell", "win_command", "win_shell"}


@dataclass(frozen=True, slots=True)
class Job:
    title: str
    """What is run, for errors."""
    playbook: Path | None
    """A file of the project, absolute."""
    plays: list[Json] | None
    """Written in the runbook, or made from a module."""
    module: bool
    names: tuple[str, ...]
    """The hosts in the order of the step; none if they were given as a pattern."""
    pattern: str
    """For `--limit`."""
    inventory: Path | dict[str, Json]
    variables: dict[str, Json]
    check: bool
    diff: bool
    forks: int | None
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    become: str = ""
    """Whom to become in plays that do not say it themselves; empty for nobody."""
    become_password: str = ""
    vault: Mapping[str, str] = field(default_factory=dict)
    """Passwords by vault id."""
    plays_in_all: int = 0
    """How many plays there are; 0 if only Ansible knows."""

    def without(self, hosts: Collection[str]) -> Job:
        """The same on the other hosts. These stay in the inventory: others may read what it says of them."""
        pattern = self.pattern
        for host in hosts:
            pattern = _and(pattern, f"!{host}")
        return replace(self, pattern=pattern)


def read_job(params: Mapping[str, Json], project: Path | None) -> Job:
    """Raises InvalidInput, with the parameter's name."""
    if unknown := sorted(set(params) - _KNOWN):
        raise _invalid(f"there is no parameter `{unknown[0]}`; there are {', '.join(sorted(_KNOWN))}")
    playbook, module = params.get("playbook"), params.get("module")
    if (playbook is None) == (module is None):
        raise _invalid("give `playbook` or `module`, one of the two")
    if module is None and params.get("args") is not None:
        raise _invalid("`args` belongs to `module`; a playbook gets its values through `vars`")
    names, pattern = _hosts(params.get("hosts"))
    file, plays = None, None
    if module is not None:
        title, plays = f"module `{module}`", [_play(module, params.get("args"))]
    elif isinstance(playbook, str):
        title, file = f"`{playbook}`", inside(project, "playbook", playbook)
    else:
        title, plays = "the plays", _plays(playbook)
    check = _flag(params, "check", default=False)
    return Job(
        title=title,
        playbook=file,
        plays=plays,
        module=module is not None,
        names=names,
        pattern=_limited(pattern, params.get("limit")),
        inventory=_inventory(params.get("inventory"), names, project),
        variables=_variables(params.get("vars")),
        check=check,
        diff=_flag(params, "diff", default=check),
        forks=_forks(params.get("forks")),
        tags=_tags(params, "tags"),
        skip_tags=_tags(params, "skip_tags"),
        become=_become(params.get("become")),
        become_password=_password("become_password", params.get("become_password", "")),
        vault=_vault(params.get("vault")),
        plays_in_all=_count(file, plays),
    )


def is_name(host: str) -> bool:
    """Whether `host` can stand in a pattern of Ansible's and means itself there."""
    return _NAME.fullmatch(host) is not None


def inside(project: Path | None, name: str, path: str) -> Path:
    """The file or folder `path` of the project, links followed."""
    if project is None:
        raise _invalid(
            f"`{name}` is the path `{path}`, but the worker has no Ansible project (`ansible.project`)"
        )
    root = project.resolve()
    found = (root / path).resolve() if "\0" not in path else root
    if found == root or not found.is_relative_to(root):
        raise _invalid(f"`{name}`: `{path}` is not inside the Ansible project {project}")
    if not found.exists():
        raise _invalid(f"`{name}`: there is no `{path}` in the Ansible project {project}")
    return found


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(f"ansible: {reason}")


def _hosts(hosts: Json) -> tuple[tuple[str, ...], str]:
    """The names, if they are names, and the pattern that means them."""
    if isinstance(hosts, str):
        if not _PATTERN.fullmatch(hosts):
            raise _invalid(f"`hosts` is `{hosts}`, which is no host pattern")
        return (), hosts
    if not isinstance(hosts, list):
        raise _invalid("`hosts` must be a list of names, or a pattern")
    if not hosts:
        raise _invalid("`hosts` is empty; nothing was run")
    for host in hosts:
        if not isinstance(host, str) or not _NAME.fullmatch(host):
            raise _invalid(
                f"`hosts` has `{host}`, which is no host name (a pattern is written without a list)"
            )
    return tuple(dict.fromkeys(hosts)), ",".join(hosts)


def _limited(pattern: str, limit: Json) -> str:
    if limit is None:
        return pattern
    if not isinstance(limit, str) or not _TERM.fullmatch(limit):
        raise _invalid(f"`limit` is `{limit}`; it is one host or group, with `!` before it to leave it out")
    return _and(pattern, limit if limit.startswith("!") else f"&{limit}")


def _and(pattern: str, term: str) -> str:
    # A comma anywhere makes colons part of names.
    between = ":" if ":" in pattern and "," not in pattern else ","
    return f"{pattern}{between}{term}"


def _count(file: Path | None, plays: list[Json] | None) -> int:
    """How many plays; of a file only its top is read, so one that imports others is for Ansible to count."""
    try:
        top = yaml.compose(file.read_text(), yaml.SafeLoader) if file is not None else None
    except (OSError, ValueError, yaml.YAMLError):
        return 0
    nodes = top.value if isinstance(top, yaml.SequenceNode) else []
    names = [{key.value for key, _ in node.value} for node in nodes if isinstance(node, yaml.MappingNode)]
    names = [set(play) for play in plays] if plays is not None else names
    imports = any(str(name).endswith("import_playbook") for play in names for name in play)
    return 0 if imports else len(names)


def _inventory(inventory: Json, names: tuple[str, ...], project: Path | None) -> Path | dict[str, Json]:
    match inventory:
        case None if not names:
            raise _invalid("`hosts` is a pattern, so `inventory` must say which hosts there are")
        case None:
            return {"all": {"hosts": dict.fromkeys(names), "vars": QUIET}}
        case str():
            return inside(project, "inventory", inventory)
        case _:
            return read_inventory(inventory)


def _plays(plays: Json) -> list[Json]:
    if not isinstance(plays, list) or not plays or not all(isinstance(play, dict) for play in plays):
        raise _invalid("`playbook` must be a path in the project, or a list of plays")
    return plays


def _play(module: Json, args: Json) -> Json:
    if not isinstance(module, str) or not _MODULE.fullmatch(module):
        raise _invalid(f"`module` is `{module}`, which is no name of a module")
    return {
        "name": module,
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"name": module, module: _arguments(module, args)}],
    }


def _arguments(module: str, args: Json) -> dict[str, Json]:
    """Always a map: Ansible itself takes text apart in a way that would make templates of data."""
    if args is None:
        return {}
    if isinstance(args, dict):
        return args
    if not isinstance(args, str):
        raise _invalid("`args` must be a map, or text")
    if module.rpartition(".")[2] in _FREE_FORM:
        return {"_raw_params": args}
    try:
        words = shlex.split(args)
    except ValueError as error:
        raise _invalid(f"`args`: {error}") from None
    if wrong := next((word for word in words if not re.match(r"\w+=", word)), None):
        raise _invalid(f"`args` has `{wrong}`, which is no `name=value`; write a map instead")
    return dict(word.split("=", 1) for word in words)


def _variables(values: Json) -> dict[str, Json]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _invalid("`vars` must be a map")
    for name in values:
        if not _VARIABLE.fullmatch(name):
            raise _invalid(f"`vars` has `{name}`, which is no name of a variable")
    return values


def _flag(params: Mapping[str, Json], name: str, *, default: bool) -> bool:
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise _invalid(f"`{name}` is `{value}`; it is true or false")
    return value


def _tags(params: Mapping[str, Json], name: str) -> tuple[str, ...]:
    given = params.get(name)
    tags = [given] if isinstance(given, str) else [] if given is None else given
    if not isinstance(tags, list):
        raise _invalid(f"`{name}` must be a list of tags")
    if wrong := next((tag for tag in tags if not (isinstance(tag, str) and _TAG.fullmatch(tag))), None):
        raise _invalid(f"`{name}` has `{wrong}`, which is no tag")
    if not tags and given is not None:
        raise _invalid(f"`{name}` is empty; nothing was run")
    return tuple(tags)


def _become(become: Json) -> str:
    match become:
        case None | False:
            return ""
        case True:
            return "root"
        case str() if _USER.fullmatch(become):
            return become
    raise _invalid(f"`become` is `{become}`; it is true, for root, or the name of a user")


def _vault(vault: Json) -> dict[str, str]:
    passwords = {DEFAULT: vault} if isinstance(vault, str) else {} if vault is None else vault
    if not isinstance(passwords, dict):
        raise _invalid("`vault` must be a secret, or secrets by vault id")
    if wrong := next((name for name in passwords if not _VAULT_ID.fullmatch(name)), None):
        raise _invalid(f"`vault` has `{wrong}`, which is no vault id")
    return {name: _password(f"vault.{name}", password) for name, password in passwords.items()}


def _password(name: str, password: Json) -> str:
    if not isinstance(password, str) or "\0" in password:
        raise _invalid(f"`{name}` must be a secret that is text")
    return password


def _forks(forks: Json) -> int | None:
    if forks is None:
        return None
    if not isinstance(forks, int) or isinstance(forks, bool) or forks < 1:
        raise _invalid(f"`forks` is `{forks}`; it is a number of hosts, 1 or more")
    return forks
