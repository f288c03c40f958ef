"""What a runbook shows to those that call it: what it wants and gives, and whether it changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stanch.language.document import Document, walk
from stanch.language.plan import Json
from stanch.language.tree import plain
from stanch.language.types import DYN, Signature


@dataclass(frozen=True, slots=True, eq=False)
class Interface:
    runbook: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Name to JSON Schema."""
    outputs: Mapping[str, Signature] | None = field(default_factory=dict)
    """Name to CEL type; None when they were not understood."""
    changes: bool | None = None
    """Whether it, or a runbook that it calls, may change something; None when that is not known."""
    path: str = ""
    """Of its file."""
    private: bool = False
    """It is called only from its own file."""
    uncovered: tuple[str, ...] = ()
    """Steps that change something and leave it to the callers that somebody approves it: `call/step` for one
    inside of a runbook that it calls itself. Such a runbook cannot be started by itself."""
    legible: bool = True
    """Whether `inputs` are all that it has."""

    def hidden_from(self, path: str) -> bool:
        """Whether nobody in the file at `path` can call it."""
        return self.private and self.path != path


def first_look(document: Document, path: str, *, private: bool, uncovered: tuple[str, ...]) -> Interface:
    """What is known of a runbook before its expressions were looked at: not the types of its outputs, nor
    whether the runbooks that it calls change something."""
    outputs = None if "outputs" in document.lost else {each.name.text: DYN for each in document.outputs}
    return Interface(
        document.runbook,
        {each.name.text: plain(each.node) for each in document.inputs},
        outputs,
        path=path,
        private=private,
        uncovered=uncovered,
        legible="inputs" not in document.lost,
    )


def interface_of(
    document: Document,
    first: Interface,
    outputs: Mapping[str, Signature],
    interfaces: Mapping[str, Interface],
) -> Interface:
    """The interface of a document of which `first` was known, and whose `outputs` have these types
    (`Annotated.outputs`). `interfaces` are those of the runbooks that it calls, as far as they are known."""
    return replace(
        first,
        outputs=None if first.outputs is None else outputs,
        changes=_changes(document, interfaces),
    )


def _changes(document: Document, interfaces: Mapping[str, Interface]) -> bool | None:
    known = True
    for step in walk(document.steps):
        effect = step.effect
        if effect == "change":
            return True
        known = known and effect is not None and step.kind != "broken"
        if step.child is not None:
            child = interfaces.get(step.child.runbook.text)
            if child is not None and child.changes:
                return True
            known = known and child is not None and child.changes is not None
    return False if known else None
