"""A Plan as a Mermaid flowchart: reads are boxes, changes stand out, questions to people are diamonds."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.plan import Plan, Step

_UNSAFE = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "'", "\n": " "})


def plan_mermaid(plan: Plan) -> str:
    """The graph from the start of a run to its end, blocks as frames."""
    lines = ["flowchart TD", f'  start(["{_text(plan.title or plan.runbook)}"])']
    lines += _steps(plan.steps, "start", "  ")
    lines.append("  classDef change fill:#fde8e8,stroke:#c53030,stroke-width:2px")
    lines.append("  classDef ask fill:#fefcbf,stroke:#b7791f")
    return "\n".join(lines) + "\n"


def _steps(steps: tuple[Step, ...], before: str, indent: str) -> Iterator[str]:
    for step in steps:
        yield from _step(step, before, indent)
        before = _node(step)
    if indent == "  ":
        yield f"  {before} --> finish([end])"


def _step(step: Step, before: str, indent: str) -> Iterator[str]:
    condition = f"|{_quoted(step.when)}|" if step.when else ""
    first = f"ask_{step.id}" if step.approval else _node(step)
    yield f"{indent}{before} -->{condition} {first}"
    if step.approval:
        yield f'{indent}ask_{step.id}{{"{_text(" or ".join(step.approval.roles))} approves?"}}:::ask'
        yield f"{indent}ask_{step.id} -->|yes| {_node(step)}"
    if step.steps:
        yield f'{indent}subgraph {_node(step)} ["{_label(step)}"]'
        yield from _inside(step.steps, f"{indent}  ")
        yield f"{indent}end"
    else:
        mark = ":::change" if step.effect == "change" else ""
        yield f'{indent}{_node(step)}["{_label(step)}"]{mark}'


def _inside(steps: tuple[Step, ...], indent: str) -> Iterator[str]:
    first, *rest = steps
    lines = list(_step(first, "", indent))
    yield from lines[1:] if lines else ()
    yield from _steps(tuple(rest), _node(first), indent)


def _label(step: Step) -> str:
    label = step.title or step.id
    if step.wait:
        label += f" (wait {step.wait})"
    if step.for_each:
        label += f", for each {step.for_each.name}"
    if step.verify:
        label += ", then verify"
    return _text(label)


def _node(step: Step) -> str:
    """`end` and other words of Mermaid are no names there, so every step gets a prefix."""
    return f"step_{step.id}"


def _quoted(text: str) -> str:
    return f'"{_text(text)}"'


def _text(text: str) -> str:
    return text.translate(_UNSAFE)
