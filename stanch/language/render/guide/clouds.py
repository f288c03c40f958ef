"""Clusters and clouds: `kubectl` and `aws`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block
from stanch.language.render.guide.pieces import json_word
from stanch.language.render.guide.shell import Word
from stanch.language.render.guide.values import spelled

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def aws(params: Mapping[str, Json]) -> Iterator[str]:
    api = _WORD.sub("-", spelled(params.get("api", ""))).lower()
    words: list[Word] = ["aws", spelled(params.get("service", "")), api]
    if params.get("with"):
        words += ["--cli-input-json", json_word(params["with"])]
    words += ["--region", spelled(params["region"])] if "region" in params else []
    words += ["--query", spelled(params["output"])] if "output" in params else []
    yield block(shell.line(words), "sh")


def kubernetes(params: Mapping[str, Json]) -> Iterator[str]:
    verb = next((name for name in params if name != "server"), "")
    asked = params.get(verb)
    asked = asked if isinstance(asked, Mapping) else {}
    base: list[Word] = ["kubectl", "--context", f"<the cluster {spelled(params.get('server', ''))}>"]
    if "namespace" in asked:
        space = spelled(asked["namespace"])
        base += ["-A"] if space == "*" else ["-n", space]
    if verb == "restore":
        yield "Make it again from this, without what the API server gives to each by itself:"
        made = json_word(asked.get("manifest"))
        yield block(
            f"{shell.whole(['printf', '%s', made])} | {shell.whole([*base, 'create', '-f', '-'])}", "sh"
        )
        return
    yield block(shell.line([*base, *_typed(verb, asked)]), "sh")


def _typed(verb: str, asked: Mapping[str, Json]) -> list[Word]:
    thing = f"{spelled(asked.get('kind', 'Deployment')).lower()}/{spelled(asked.get('name', ''))}"
    match verb:
        case "get":
            one = [thing, "-o", "yaml"] if "name" in asked else [spelled(asked.get("kind", "")).lower()]
            words: list[Word] = ["get", *one, *_chosen(asked)]
        case "logs":
            words = _logs(asked)
        case "rollout_status" | "rollout_undo" | "restart":
            words = ["rollout", verb.removeprefix("rollout_"), thing]
            words += [f"--to-revision={spelled(asked['to'])}"] if "to" in asked else []
        case "scale":
            words = ["scale", thing, f"--replicas={spelled(asked.get('replicas', ''))}"]
        case "cordon" | "uncordon":
            nodes = asked.get("nodes", "")
            words = [verb, *map(spelled, nodes if isinstance(nodes, list) else [nodes])]
        case "drain":
            words = _drain(asked)
        case "patch":
            words = ["patch", thing, "--type=merge", "-p", json_word(asked.get("patch"))]
        case _:
            words = [verb, thing]
    return words


def _logs(asked: Mapping[str, Json]) -> list[Word]:
    words: list[Word] = ["logs", *([spelled(asked["pod"])] if "pod" in asked else _chosen(asked))]
    words += ["-c", spelled(asked["container"])] if "container" in asked else ["--all-containers"]
    words += [f"--tail={spelled(asked.get('lines', 200))}"]
    words += [f"--since={spelled(asked['since'])}"] if "since" in asked else []
    return [*words, *(["--previous"] if asked.get("previous") is True else [])]


def _drain(asked: Mapping[str, Json]) -> list[Word]:
    words: list[Word] = ["drain", spelled(asked.get("node", "")), "--ignore-daemonsets"]
    words += [f"--grace-period={spelled(asked['grace'])}"] if "grace" in asked else []
    words += ["--force"] if asked.get("force") is True else []
    return [*words, *(["--delete-emptydir-data"] if asked.get("delete_emptydir_data") is True else [])]


def _chosen(asked: Mapping[str, Json]) -> list[Word]:
    options = {"selector": "-l", "fields": "--field-selector"}
    return [
        each for name, option in options.items() if name in asked for each in (option, spelled(asked[name]))
    ]
