"""A call of the action `kubernetes` in words: `kubernetes prod: scale Deployment shop/web to 5 pods`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Word: TypeAlias = Callable[[Json], str]
Params: TypeAlias = Mapping[str, Json]


def kubernetes(params: Params, word: Word) -> str:
    verb = next((name for name in params if name in _VERBS), "")
    asked = params.get(verb)
    told = _VERBS[verb](asked, word) if isinstance(asked, Mapping) else word(asked)
    return f"kubernetes {word(params.get('server', ''))}: {told}"


def _object(asked: Params, word: Word, usual: str = "") -> str:
    """`Deployment shop/web`"""
    kind = word(asked.get("kind", usual))
    space = f"{word(asked['namespace'])}/" if "namespace" in asked else ""
    return f"{kind} {space}{word(asked.get('name', asked.get('pod', '')))}".strip()


def _those(asked: Params, word: Word) -> str:
    """`every Pod in shop with app=web`"""
    chosen = [word(asked[name]) for name in ("selector", "fields") if name in asked]
    space = f" in {word(asked['namespace'])}" if "namespace" in asked else ""
    return f"every {word(asked.get('kind', 'Pod'))}{space}{' with ' if chosen else ''}{', '.join(chosen)}"


def _get(asked: Params, word: Word) -> str:
    return f"get {_object(asked, word) if 'name' in asked else _those(asked, word)}"


def _logs(asked: Params, word: Word) -> str:
    return f"logs of {_object(asked, word, 'Pod') if 'pod' in asked else _those(asked, word)}"


def _rollout_undo(asked: Params, word: Word) -> str:
    what = f"roll back {_object(asked, word, 'Deployment')}"
    if "to" in asked:
        return f"{what} to revision {word(asked['to'])}"
    return f"{what}, away from revision {word(asked.get('away_from', ''))}"


def _scale(asked: Params, word: Word) -> str:
    return f"scale {_object(asked, word, 'Deployment')} to {word(asked.get('replicas', ''))} pods"


def _nodes(asked: Params, word: Word) -> str:
    nodes = asked.get("nodes", "")
    return ", ".join(map(word, nodes if isinstance(nodes, list | tuple) else [nodes]))


def _drain(asked: Params, word: Word) -> str:
    risks = {"force": "pods that nobody makes again too", "delete_emptydir_data": "emptyDir data is lost"}
    told = "".join(f"; {text}" for name, text in risks.items() if asked.get(name) is True)
    return f"drain {word(asked.get('node', ''))}{told}"


def _patch(asked: Params, word: Word) -> str:
    return f"patch {_object(asked, word)} {word(asked.get('patch', ''))}"


def _delete(asked: Params, word: Word) -> str:
    uid = f" (uid {word(asked['uid'])})" if "uid" in asked else ""
    return f"delete {_object(asked, word)}{uid}"


def _restore(asked: Params, word: Word) -> str:
    manifest = asked.get("manifest")
    if not isinstance(manifest, Mapping):
        return f"make again {word(manifest)}"
    made = {"kind": manifest.get("kind", ""), **manifest.get("metadata", {})}
    return f"make {_object(made, word)} again"


_VERBS: Mapping[str, Callable[[Params, Word], str]] = {
    "get": _get,
    "logs": _logs,
    "rollout_status": lambda asked, word: f"rollout of {_object(asked, word, 'Deployment')}",
    "rollout_undo": _rollout_undo,
    "restart": lambda asked, word: f"restart {_object(asked, word, 'Deployment')}",
    "scale": _scale,
    "cordon": lambda asked, word: f"cordon {_nodes(asked, word)}",
    "uncordon": lambda asked, word: f"uncordon {_nodes(asked, word)}",
    "drain": _drain,
    "patch": _patch,
    "delete": _delete,
    "restore": _restore,
}
