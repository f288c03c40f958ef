"""One use of an action as what a person types or does: a code block for each target, with what it needs.

What no shell should be given, such as a host that begins with `-`, is said instead of printed as a command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from stanch.language.plan import MANUAL, Call, Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.curl import http, prometheus
from stanch.language.render.guide.markdown import address, block, code, prose, quoted, ticks
from stanch.language.render.guide.pieces import json_word
from stanch.language.render.guide.shell import Word
from stanch.language.render.guide.ssh import local, ssh
from stanch.language.render.guide.systems import known_back, looked_at, system
from stanch.language.render.guide.values import Values, plain, spelled


def commands(call: Call, values: Values, server: str, timeout: float) -> Iterator[str]:
    """Paragraphs: what to type, a code block for each target.

    `server` is the address of Prometheus; `timeout` in seconds, 0 if it does not matter.
    """
    params: dict[str, Json] = {name: values.render(value) for name, value in call.params.items()}
    if call.zone:
        yield f"On a machine in the zone {code(call.zone)}:"
    match call.action:
        case "ssh":
            yield from ssh(params)
        case "command":
            yield "Where Stanch's worker runs:"
            yield block(local(params), "sh")
        case "http":
            yield from http(params, timeout)
        case "prometheus":
            yield from prometheus(params, server)
        case "ansible":
            yield from _ansible(params)
        case action if action == MANUAL:
            yield from _manual(params)
        case action if (typed := system(action, params)) is not None:
            yield from typed
        case action:
            yield f"Do what the action {code(action)} does, with:"
            yield block(json.dumps(plain(params), indent=2, ensure_ascii=False), "json")


def found_before(call: Call, values: Values) -> Iterator[str]:
    """What to type to see what a change will find, where its action would look by itself."""
    shown = looked_at(call.action, call.params) if call.knows else None
    if shown is not None:
        yield from commands(Call(call.action, shown), values, "", 0)


def brought_back(call: Call, values: Values) -> Iterator[str]:
    """The way back of a call whose action would know it."""
    back = known_back(call.action, call.params)
    if back is None:
        yield "Set again what was there before."
    else:
        yield from commands(Call(call.action, back), values, "", 0)


def _ansible(params: Mapping[str, Json]) -> Iterator[str]:
    hosts = params.get("hosts")
    names = [spelled(host) for host in hosts] if isinstance(hosts, list) else []
    inventory = params.get("inventory")
    options: list[Word] = []
    if isinstance(inventory, list):
        entries = [host if isinstance(host, Mapping) else {"name": host} for host in inventory]
        yield "The hosts, as a program has found them; write them into an inventory, `inventory.yml`:"
        yield block(json.dumps(plain(entries), indent=2, ensure_ascii=False), "yaml")
        options += ["-i", "inventory.yml"]
    elif isinstance(inventory, Mapping):
        yield "Save this as `inventory.yml`:"
        yield block(json.dumps(plain(inventory), indent=2, ensure_ascii=False), "yaml")
        options += ["-i", "inventory.yml"]
    elif inventory is not None:
        options += ["-i", spelled(inventory)]
    else:
        options += ["-i", f"{','.join(names) or spelled(hosts)},"]
    pattern = ",".join(names) or spelled(hosts)
    if limit := params.get("limit"):
        joint = ":" if ":" in pattern and "," not in pattern else ","
        shown = spelled(limit)
        pattern += f"{joint}{shown if shown.startswith('!') else f'&{shown}'}"
    options += ["--limit", pattern]
    if params.get("vars"):
        options += ["-e", json_word(params["vars"])]
    options += _options(params)
    if "module" in params:
        yield block(shell.line(["ansible", "all", *options, *_module(params)]), "sh")
        return
    playbook = params.get("playbook")
    if isinstance(playbook, list):
        yield "Save this as `play.yml`:"
        yield block(json.dumps(plain(playbook), indent=2, ensure_ascii=False), "yaml")
        playbook = "play.yml"
    else:
        yield "In the folder of the Ansible project:"
    yield block(shell.line(["ansible-playbook", *options, spelled(playbook)]), "sh")


def _options(params: Mapping[str, Json]) -> Iterator[Word]:
    check, become, vault = params.get("check") is True, params.get("become"), params.get("vault")
    if check:
        yield "--check"
    if params.get("diff", check) is True:
        yield "--diff"
    for name in ("tags", "skip_tags"):
        tags = params.get(name)
        if tags:
            shown = ",".join(map(spelled, tags)) if isinstance(tags, list) else spelled(tags)
            yield from (f"--{name.replace('_', '-')}", shown)
    if become:
        yield from ("--become", "--become-user", "root" if become is True else spelled(become))
    if "become_password" in params:
        yield "--ask-become-pass"
    if vault:
        ids = vault if isinstance(vault, Mapping) and "secret" not in vault else ["default"]
        yield from (word for name in ids for word in ("--vault-id", f"{name}@prompt"))
    if forks := params.get("forks"):
        yield from ("-f", spelled(forks))


def _module(params: Mapping[str, Json]) -> Sequence[Word]:
    module, args = spelled(params["module"]), params.get("args")
    if args is None:
        return ("-m", module)
    if isinstance(args, Mapping):
        return ("-m", module, "-a", json_word(args))
    return ("-m", module, "-a", spelled(args))


def _manual(params: Mapping[str, Json]) -> Iterator[str]:
    yield f"**{prose(spelled(params.get('who', '')))}** does this by hand:"
    yield quoted(spelled(params.get("do", "")))
    links = params.get("links")
    for each in links if isinstance(links, list) else [links] if links else []:
        yield address(spelled(each))
    checklist = params.get("checklist")
    if checklist:
        lines = checklist if isinstance(checklist, list) else [checklist]
        yield "It is done when all of this is true:"
        yield ticks(prose(spelled(line)) for line in lines)
