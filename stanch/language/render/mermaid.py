"""A Plan as a Mermaid flowchart: reads are boxes, changes stand out, people are asked at diamonds and slants.

Boxes are declared first, each in its frame, and all lines between them afterwards: Mermaid would draw a box
into the frame in which a line mentions it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stanch.language.plan import MANUAL, Finding, Plan, Step
from stanch.language.render.calls import call_text
from stanch.language.render.columns import safe
from stanch.language.render.phrases import batches_words, revert_words, who_agrees

_UNSAFE = str.maketrans(
    {
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "&": "#amp;",
        "#": "#35;",
        "%": "#37;",
        ";": "#59;",
        "`": "'",
    }
)
_LONGEST = 160
"""Characters of one label."""
_CLASSES = (
    "classDef change fill:#fde8e8,stroke:#c53030,stroke-width:2px",
    "classDef barrier fill:#fde8e8,stroke:#c53030,stroke-width:5px",
    "classDef ask fill:#fefcbf,stroke:#b7791f",
    "classDef hand fill:#e9d8fd,stroke:#6b46c1",
    "classDef undo fill:#e6fffa,stroke:#2c7a7b,stroke-dasharray:4",
    "classDef found fill:#ebf8ff,stroke:#2b6cb0",
)


def plan_mermaid(plan: Plan) -> str:
    """The graph from the start of a run to its end; blocks and the runbooks that are called are frames."""
    graph = _Graph({**plan.children, plan.runbook: plan})
    ends = graph.steps(plan.steps, _Place("", (plan.runbook,)), [_End("start")])
    graph.lines(ends, "finish")
    if graph.denied:
        graph.boxes.append('  denied(["not agreed: it is not done"])')
    return (
        "\n".join(
            [
                "flowchart TD",
                f'  start(["{_text(plan.title or plan.runbook)}"])',
                *graph.boxes,
                '  finish(["end"])',
                *(f"  {line}" for line in graph.edges),
                *(f"  {line}" for line in _CLASSES),
            ]
        )
        + "\n"
    )


@dataclass(frozen=True, slots=True)
class _End:
    """Where the next line starts, and what stands on it."""

    box: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    number: str
    """Of the step around, `3_1_`."""
    calling: tuple[str, ...]
    """The runbooks that lead here."""
    depth: int = 1

    def inside(self, number: str, runbook: str = "") -> _Place:
        calling = (*self.calling, runbook) if runbook else self.calling
        return replace(self, number=f"{number}_", calling=calling, depth=self.depth + 1)


@dataclass(slots=True)
class _Graph:
    plans: Mapping[str, Plan]
    boxes: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    denied: bool = False

    def lines(self, ends: Iterable[_End], to: str) -> None:
        for end in ends:
            label = f'|"{_text(end.label)}"|' if end.label else ""
            self.edges.append(f"{end.box} -->{label} {to}")

    def steps(self, steps: Sequence[Step], place: _Place, ends: list[_End]) -> list[_End]:
        """Draw them one below the other, from `ends`; gives where the next line starts."""
        for at, step in enumerate(steps, 1):
            ends = self.step(step, f"{place.number}{at}", place, ends)
        return ends

    def step(self, step: Step, number: str, place: _Place, ends: list[_End]) -> list[_End]:
        past: list[_End] = []
        if step.when:
            gate = self.box(place, f"if{number}", "{", f"{step.when}?", "}")
            self.lines(ends, gate)
            ends, past = [_End(gate, "yes")], [_End(gate, "no")]
        if step.approval:
            who = who_agrees(step.approval.roles, step.approval.quorum, step.approval.of_roles)
            gate = self.box(place, f"ask{number}", "{", f"{who}: yes to {step.title or step.id}?", "}", "ask")
            self.lines(ends, gate)
            self.lines([_End(gate, "no")], "denied")
            self.denied = True
            ends = [_End(gate, "yes")]
        name = f"s{number}"
        ends = self.inner(step, number, place, ends)
        self.beside(step, name, number, place)
        return [*ends, *past]

    def inner(self, step: Step, number: str, place: _Place, ends: list[_End]) -> list[_End]:
        """The step itself: a box, or a frame with others in it."""
        name = f"s{number}"
        if step.child and step.child.runbook not in place.calling and step.child.runbook in self.plans:
            child = self.plans[step.child.runbook]
            title = f"{_label(step)} (runbook {child.runbook})"
            return self.frame(step, title, child.steps, place.inside(number, child.runbook), name, ends)
        if step.steps:
            return self.frame(step, _label(step), step.steps, place.inside(number), name, ends)
        opening, closing, kind = _shape(step)
        self.box(place, name, opening, _label(step), closing, kind)
        self.lines(ends, name)
        if step.for_each and step.for_each.batches:
            self.lines([_End(name, f"next {step.for_each.name}")], name)
        return [_End(name)]

    def frame(
        self, step: Step, title: str, inside: Sequence[Step], place: _Place, name: str, ends: list[_End]
    ) -> list[_End]:
        indent = "  " * (place.depth - 1)
        self.boxes.append(f'{indent}subgraph {name} ["{_text(title)}"]')
        before = len(self.edges)
        if step.parallel:
            out = [
                end
                for at, each in enumerate(inside, 1)
                for end in self.step(each, f"{place.number}{at}", place, ends)
            ]
        else:
            out = self.steps(inside, place, ends)
        self.boxes.append(f"{indent}end")
        if step.for_each and len(self.edges) > before:
            first = self.edges[before].rsplit(" ", 1)[-1]
            self.lines([replace(end, label=f"next {step.for_each.name}") for end in out[:1]], first)
        return out

    def beside(self, step: Step, name: str, number: str, place: _Place) -> None:
        """What hangs on a step by a dotted line: its way back, and what it may find."""
        if step.undo:
            back = self.box(place, f"u{number}", "[", call_text(step.undo), "]", "undo")
            comes = f", put back {revert_words(step.revert, str)}" if step.revert else ""
            self.edges.append(f'{name} -.->|"{_text(f"undo{comes}")}"| {back}')
        for at, finding in enumerate(step.findings, 1):
            found = self.box(place, f"f{number}_{at}", "([", _found(finding), "])", "found")
            self.edges.append(f'{name} -.->|"{_text(finding.when)}"| {found}')

    def box(self, place: _Place, name: str, opening: str, text: str, closing: str, kind: str = "") -> str:
        mark = f":::{kind}" if kind else ""
        self.boxes.append(f'{"  " * place.depth}{name}{opening}"{_text(text)}"{closing}{mark}')
        return name


def _shape(step: Step) -> tuple[str, str, str]:
    """How the box is opened and closed, and its class."""
    if step.ask:
        return "[/", "/]", "ask"
    if step.call and step.call.action == MANUAL:
        return "[/", "\\]", "barrier" if step.irreversible else "hand"
    if step.child:
        return "[[", "]]", ""
    if step.wait:
        return "([", "])", ""
    if step.effect == "change":
        return "[", "]", "barrier" if step.irreversible else "change"
    return "[", "]", ""


def _label(step: Step) -> str:
    label = step.title or step.id
    if step.wait:
        label += f" (wait {step.wait})"
    if step.ask:
        label = f"{' or '.join(step.ask.roles)}: {label}"
    if step.call and step.call.action == MANUAL:
        label = f"{step.call.params.get('who', '')}: {label}"
    if step.child:
        label += f" (runbook {step.child.runbook})" if not step.title else ""
    if step.parallel:
        label += ", all at once"
    if step.for_each:
        label += f", for each {step.for_each.name}, {batches_words(step.for_each)}"
    if step.poll:
        label += f", wait until {step.poll.until}"
    if step.verify:
        label += ", then verify"
    if step.irreversible:
        label += f" - no way back: {step.irreversible}"
    return label


def _found(finding: Finding) -> str:
    text = f"{finding.verdict}: {finding.text}"
    return f"{text} Suggests {finding.suggest.runbook}." if finding.suggest else text


def _text(text: str) -> str:
    """Outside text as a label that it cannot leave; an empty one would be none at all."""
    flat = safe(" ".join(text.split())) or " "
    return (flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}...").translate(_UNSAFE)
