"""Hosts and groups that a step gives as data, as an inventory of Ansible's.

A map is written by an author: groups as in Ansible's YAML inventory, where `hosts` may be a list of names. A
list is what another step has found out, so nothing in it may steer what runs on the worker: of Ansible's own
variables, it may only say where a host is and as whom to log in there.
"""

from __future__ import annotations

import re

from stanch.errors import InvalidInput
from stanch.language.plan import Json

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HOSTS = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]|\[[A-Za-z0-9]+:[A-Za-z0-9]+(?::[0-9]+)?\])*")
"""With ranges, such as `web[1:9]`."""
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WHERE = {
    "ansible_host": re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]*"),
    "ansible_port": re.compile(r"[0-9]{1,5}"),
    "ansible_user": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\$-]*"),
}
QUIET: dict[str, Json] = {"ansible_python_interpreter": "auto_silent"}
"""Which Python was found is of no interest to anybody here."""
_KEYS = {"name", "groups", "vars"}


def read_inventory(inventory: Json) -> dict[str, Json]:
    """As Ansible's YAML inventory has it. Raises InvalidInput."""
    match inventory:
        case dict() if inventory:
            return {_group(name): _map(name, held) for name, held in inventory.items()}
        case list():
            return _listed(inventory)
    raise _invalid("must be a path in the project, groups as in Ansible's YAML inventory, or a list of hosts")


def _map(name: str, held: Json) -> Json:
    """A group; its hosts always as a map."""
    if held is None:
        return None
    if not isinstance(held, dict):
        raise _invalid(f"has the group `{name}`, which must be a map with `hosts`, `vars` or `children`")
    hosts, children = held.get("hosts"), held.get("children")
    if isinstance(hosts, list):
        hosts = dict.fromkeys(map(_name_of, hosts))
    if not isinstance(hosts, dict | None) or not isinstance(children, dict | None):
        raise _invalid(f"has the group `{name}`, whose `hosts` and `children` must be maps")
    for host in hosts or {}:
        if not _HOSTS.fullmatch(host):
            raise _invalid(f"has `{host}` in the group `{name}`, which is no host name")
    below = {_group(child): _map(child, inner) for child, inner in (children or {}).items()}
    given = {"hosts": hosts, "children": below}
    return {**held, **{key: value for key, value in given.items() if key in held}}


def _listed(hosts: list[Json]) -> dict[str, Json]:
    """Groups, and below `all` every host with its variables."""
    if not hosts:
        raise _invalid("is an empty list; nothing was run")
    found: dict[str, Json] = {}
    groups: dict[str, Json] = {}
    for host in hosts:
        entry = {"name": host} if isinstance(host, str) else host
        if not isinstance(entry, dict) or not entry.keys() <= _KEYS:
            raise _invalid("must have names of hosts, or maps with `name`, and perhaps `groups` and `vars`")
        name = _name_of(entry.get("name"))
        found[name] = {**(found.get(name) or {}), **_variables(name, entry.get("vars"))}
        names = entry.get("groups") or []
        if not isinstance(names, list):
            raise _invalid(f"has `groups` of `{name}` that are no list")
        for group in names:
            groups.setdefault(_group(group), {"hosts": {}})["hosts"][name] = None
    groups.pop("all", None)
    return {"all": {"hosts": found, "vars": QUIET}, **groups}


def _variables(host: str, values: Json) -> dict[str, Json]:
    if not isinstance(values, dict | None):
        raise _invalid(f"has `vars` of `{host}` that are no map")
    for name, value in (values or {}).items():
        if not _VARIABLE.fullmatch(name):
            raise _invalid(f"has `{name}` for `{host}`, which is no name of a variable")
        allowed = _WHERE.get(name)
        if allowed is None and name.startswith("ansible_"):
            may = ", ".join(f"`{known}`" for known in _WHERE)
            raise _invalid(f"has `{name}` for `{host}`; of Ansible's own variables, a list may have {may}")
        if allowed is not None and not allowed.fullmatch(str(value)):
            raise _invalid(f"has `{value}` as `{name}` of `{host}`")
    return values or {}


def _name_of(host: Json) -> str:
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise _invalid(f"has `{host}`, which is no host name")
    return host


def _group(name: Json) -> str:
    if not isinstance(name, str) or not _GROUP.fullmatch(name):
        raise _invalid(f"has `{name}`, which is no name of a group")
    return name


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(f"ansible: `inventory` {reason}")
