"""What is known of a Plan's values before anything was done, and how the rest is written: `<...>`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stanch.errors import EvaluationError
from stanch.language.chains import Chain, chains
from stanch.language.evaluate import evaluate, show
from stanch.language.plan import Json
from stanch.language.render.guide.shell import Secret
from stanch.language.template import Hole, UnclosedHole, sole_hole, split

_LATER = frozenset({"steps", "run", "result", "alert"})
"""Roots of names that only a run knows."""
_RUN_WORDS: Mapping[str, str] = {
    "run.id": "a name for what you do now, such as the ticket",
    "run.short_id": "a short name for what you do now",
    "run.url": "where others can follow you",
    "run.now": "the time now",
    "run.started": "when you began",
    "run.mode": "live or drill",
    "run.severity": "SEV1 to SEV4",
}


@dataclass(frozen=True, slots=True)
class Late:
    """A value that is known later; `label` is what is written in its place."""

    label: str

    def __str__(self) -> str:
        return f"<{self.label}>"


@dataclass(frozen=True, slots=True)
class Values:
    """The names that are visible at one place of a Plan."""

    known: Mapping[str, Json] = field(default_factory=dict)
    """Values by name: inputs as `inputs.host`, items of loops by theirs."""
    late: Mapping[str, str] = field(default_factory=dict)
    """Labels by name, of what is visible here and not known."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The variable of each reference."""

    def bind(self, name: str, value: Json | Late) -> Values:
        """With one name more."""
        if isinstance(value, Late):
            known = {key: held for key, held in self.known.items() if key != name}
            return replace(self, known=known, late={**self.late, name: value.label})
        late = {key: held for key, held in self.late.items() if key != name}
        return replace(self, known={**self.known, name: value}, late=late)

    def only_inputs(self, inputs: Mapping[str, Json | Late]) -> Values:
        """Inside of another runbook: of the names here, it sees what it is given."""
        inside = Values(secrets=self.secrets)
        for name, value in inputs.items():
            inside = inside.bind(f"inputs.{name}", value)
        return inside

    def cel(self, expression: str) -> Json | Late:
        """The value of a bare expression."""
        if any(self._is_later(chain) for chain in chains(expression)):
            return Late(self._label(expression))
        try:
            return evaluate(expression, self._scope())
        except EvaluationError:
            return Late(self._label(expression))

    def render(self, value: Json) -> Json | Late:
        """`value` with its `${{ }}` filled in. What is late is a `Late` where it stands alone, and `<...>` in
        a text; a secret is a `Secret`."""
        if isinstance(value, str):
            return self._render_text(value)
        if isinstance(value, Mapping):
            if set(value) == {"secret"} and isinstance(value["secret"], str):
                return Secret(value["secret"], self.secrets.get(value["secret"], "SECRET"))
            return {key: self.render(held) for key, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.render(held) for held in value]
        return value

    def text(self, template: str) -> str:
        """`template` as text, with `<...>` for what is late."""
        return spelled(self._render_text(template))

    def _render_text(self, text: str) -> Json | Late:
        try:
            parts = split(text)
        except UnclosedHole:
            return text
        if (hole := sole_hole(parts)) is not None:
            return self.cel(hole.cel)
        return "".join(spelled(self.cel(part.cel)) if isinstance(part, Hole) else part for part in parts)

    def _is_later(self, chain: Chain) -> bool:
        if not chain.parts:
            return False
        root, name = chain.parts[0], ".".join(chain.parts[:2])
        if root == "inputs":
            return len(chain.parts) > 1 and f"inputs.{chain.parts[1]}" not in self.known
        return root in _LATER or root in self.late or name in self.late

    def _label(self, expression: str) -> str:
        flat = " ".join(expression.split())
        if flat in self.late:
            return self.late[flat]
        if flat in _RUN_WORDS:
            return f"{flat}, {_RUN_WORDS[flat]}"
        read = [chain.parts for chain in chains(expression) if chain.parts[:1] == ("steps",)]
        after = dict.fromkeys(parts[1] for parts in read if len(parts) > 1)
        if not after:
            return flat
        return f"{flat}, known after " + " and ".join(f'"{step}"' for step in after)

    def _scope(self) -> dict[str, Json]:
        scope: dict[str, Json] = {"inputs": {}}
        for name, value in self.known.items():
            if name.startswith("inputs."):
                scope["inputs"][name.removeprefix("inputs.")] = value
            else:
                scope[name] = value
        return scope


def spelled(value: Json | Late) -> str:
    """The value inside of a text."""
    if isinstance(value, Late):
        return str(value)
    if isinstance(value, Secret):
        return f"<secret {value.reference}>"
    if isinstance(value, str):
        return value
    return show(plain(value))


def plain(value: Json | Late) -> Json:
    """The value as data, with `<...>` for what is late and what is secret."""
    if isinstance(value, Late | Secret):
        return spelled(value)
    if isinstance(value, Mapping):
        return {key: plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    return value


def has_late(value: Json | Late) -> bool:
    if isinstance(value, Late):
        return True
    if isinstance(value, Mapping):
        return any(map(has_late, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_late, value))
    return False
