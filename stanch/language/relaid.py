"""The ways in which the lines of a runbook may have been meant, when they are wrong as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from stanch.language.cut import in_quotes
from stanch.language.words import listed
from stanch.language.written import Relaid, Written, to_write

_STEP = re.compile(r"( *)- +id:")
_LIST = re.compile(r" *(?:- +)?steps: *(?:#.*)?$")
_ID = re.compile(r"( *)id: *[\w\"']")
_KEY = re.compile(r" *(?:- +)?([\w-]+):")
_READ = re.compile(r"\bsteps\.([a-z][a-z0-9_]*)|\bstep: *([a-z][a-z0-9_]*)")
_OWN_ID = re.compile(r"\bid: *[\"']?([a-z][a-z0-9_]*)")
_UNKNOWN = re.compile(r"`(.+?)` is not (?:a word of `?(.+?)`?$|an action)")
_NOT_HERE = ("belongs", "goes on with", "a list begins here", "stands in another line")


def all_relaid(written: Written) -> Iterator[Relaid]:
    """Every way, the likely ones first."""
    yield from in_quotes(written)
    yield from _steps_word(written)
    yield from _divider(written)
    yield from _dash(written)
    yield from _too_deep(written)
    yield from _too_shallow(written)
    yield from _no_action(written)
    yield from _no_dash(written)
    yield from _no_step_line(written)
    yield from _shifted(written)
    yield from _steps_of_block(written)


# --- missing lines ----------------------------------------------------------------------------------------


def _steps_word(written: Written) -> Iterator[Relaid]:
    """`steps:` in front of the steps of the runbook."""
    steps = [at for at, line in enumerate(written.lines) if _STEP.match(line)]
    if steps and not any(line.startswith("steps:") for line in written.lines):
        message = "the line `steps:` is missing before the first step"
        yield written.inserted(steps[0], "steps:", message, certain=True)


def _steps_of_block(written: Written) -> Iterator[Relaid]:
    for each in written.said("RB101", *_NOT_HERE):
        at = each.span.line - 1
        owner = written.owner(at)
        if _STEP.match(written.at(at)) and owner is not None and not _LIST.match(written.at(owner)):
            message = "the line `steps:` is missing before the steps of this block"
            yield written.inserted(at, " " * written.depth(owner) + "steps:", message, certain=True)


def _divider(written: Written) -> Iterator[Relaid]:
    """A `---` in the middle of a runbook."""
    begun = False
    for at, line in enumerate(written.lines):
        if begun and line.rstrip() == "---":
            behind = next((each for each in written.lines[at + 1 :] if each.strip(" #")), "")
            if behind and not behind.startswith(("runbook:", "#", "---")):
                lines = [*written.lines[:at], "", *written.lines[at + 1 :]]
                message = "`---` begins another runbook in this file, and what follows belongs to this one"
                yield Relaid("\n".join(lines), at, message, "delete this line", certain=True)
        begun = begun or written.indent(at) >= 0


def _dash(written: Written) -> Iterator[Relaid]:
    """`-id:` without a space, and `- else:`, which belongs to the item above."""
    for at in dict.fromkeys(line for wrong in written.wrong for line in (wrong, wrong - 1)):
        if (found := re.match(r"( *)-(\w+:)", written.at(at))) is not None:
            new = f"{found.group(1)}- {written.at(at)[found.start(2) :]}"
            message = "a space is missing behind this `-`"
            yield replace(written.replaced(at, at + 1, [new], message), moves=True)
    for each in written.said("RB202", " has no "):
        if len(written.errors) == 1 and each.message.startswith("this step"):
            break  # it may as well be a step of its own
        at = each.span.line - 1
        if at and (found := re.match(r"( *)- +(\w+:)", written.at(at))) is not None:
            new = f"{found.group(1)}  {written.at(at)[found.start(2) :]}"
            message = "this `- ` begins a new item of the list, and the words belong to the one above"
            yield replace(written.replaced(at, at + 1, [new], message), moves=True)


def _no_dash(written: Written) -> Iterator[Relaid]:
    """`id:` where `- id:` is meant."""
    around = dict.fromkeys(
        line for at in written.wrong for line in (at, at - 1, at + 1, _first_of(written, at))
    )
    for at in around:
        if (found := _ID.match(written.at(at))) is None:
            continue
        own = len(found.group(1))
        rest = written.at(at)[own:]
        for depth in _depths(written, at, own):
            message = "`- ` is missing before the `id` of this step"
            yield written.replaced(at, at + 1, [f"{' ' * depth}- {rest}"], message)


def _first_of(written: Written, at: int) -> int:
    """The first line of the steps in which a line stands."""
    above = (
        line for line in range(min(at, len(written.lines)) - 1, -1, -1) if _LIST.match(written.lines[line])
    )
    return next(above, at) + 1


def _depths(written: Written, at: int, own: int) -> list[int]:
    """Where the step of an `id` may begin: where the others do, or so that the rest of it fits."""
    above = (written.at(line) for line in range(at - 1, -1, -1))
    below = (written.at(line) for line in range(at + 1, len(written.lines)))
    found = (
        next((len(hit.group(1)) for line in lines if (hit := _STEP.match(line))), own)
        for lines in (above, below)
    )
    return list(dict.fromkeys((max(own - 2, 0), *found, own)))


def _no_step_line(written: Written) -> Iterator[Relaid]:
    """A step whose `- id:` is not there, so that its words are those of the step above."""
    name = missing_name("\n".join(written.lines))
    if list_begins := written.said("RB101", "a list begins here"):
        at = _first_of(written, list_begins[0].span.line - 1)
        yield _with_step_line(written, at, name, f"the line `- id: {name or 'NAME'}` is missing before this")
    twice = written.said("RB105", "stands twice")
    joined = written.said("RB207", "and this one has")
    if len(written.errors) < 2 or not (joined or len(twice) > 1):
        return  # two actions, and the words of each fit: that is said already
    at = min(each.span for each in (*twice, *joined)).line - 1
    if any(written.at(above).startswith(" " * (written.indent(at) - 2) + "- ") for above in range(at)):
        message = f"a step begins here without its line `- id: {name or 'NAME'}`"
        yield _with_step_line(written, at, name, message)


def _with_step_line(written: Written, at: int, name: str | None, message: str) -> Relaid:
    line = f"{' ' * max(written.indent(at) - 2, 0)}- id: "
    found = written.inserted(at, line + (name or "a_name_that_nobody_has"), message)
    return replace(found, hint=found.hint.replace("a_name_that_nobody_has", "NAME"))


def missing_name(text: str) -> str | None:
    """The id that is read in a text and that no step has."""
    known = set(_OWN_ID.findall(text))
    read = (first or second for first, second in _READ.findall(text))
    return next((name for name in read if name not in known), None)


# --- lines that are indented too far, or not far enough ----------------------------------------------------


def _too_deep(written: Written) -> Iterator[Relaid]:
    """Words of a step under its action, or of its `done`."""
    unknown = written.said("RB201", " is not a word of `")
    if not unknown:
        return
    first = unknown[0].span.line - 1
    own, owner = written.indent(first), written.owner(first)
    lines = {each.span.line - 1: _UNKNOWN.search(each.message) for each in unknown}
    same = {
        at: said for at, said in lines.items() if written.indent(at) == own and written.owner(at) == owner
    }
    names = list(dict.fromkeys(said.group(1) for said in same.values() if said is not None))
    inner = next((said.group(2) for said in same.values() if said is not None), "")
    message = f"{listed(names)} {'stand' if len(names) > 1 else 'stands'} in `{inner}`, indented too far"
    ends = dict.fromkeys((_end_of(written, first), written.block(max(same))))
    for depth in _depths_above(written, first):
        for end in ends:
            yield written.moved(first, end, depth - own, message)


def _depths_above(written: Written, line: int) -> list[int]:
    """Of the keys of the two mappings around the one in which a line stands."""
    found: list[int] = []
    above = written.owner(line)
    while above is not None and len(found) < 2:
        if (depth := written.depth(above)) < written.indent(line):
            found.append(depth)
        above = written.owner(above)
    return found


def _end_of(written: Written, line: int) -> int:
    """The line behind all that stands in the same mapping or list, from `line` on."""
    own, end = written.indent(line), line
    while end < len(written.lines) and (written.indent(end) >= own or written.indent(end) < 0):
        end += 1
    return end


def _too_shallow(written: Written) -> Iterator[Relaid]:
    """What belongs under a word that has nothing in it, and stands beside it."""
    for each in written.said("RB203", "a mapping, not nothing", "a list, not nothing"):
        owner = each.span.line - 1
        if (key := _KEY.match(written.at(owner))) is None:
            continue
        depth = key.start(1)
        if written.indent(owner + 1) != depth:
            continue
        word = key.group(1)
        message = f"`{word}` is empty: what belongs to it is not indented further than it"
        for end in _ends(written, owner + 1, depth):
            found = written.moved(owner + 1, end, 2, message)
            yield replace(found, at=owner)


def _ends(written: Written, first: int, depth: int) -> list[int]:
    """Behind which lines that begin at `depth` what is moved may end: the last wrong one, then all."""
    lines = []
    at = first
    while (
        at < len(written.lines)
        and written.indent(at) == depth
        and not written.at(at).lstrip().startswith("- ")
    ):
        lines.append(at)
        at = written.block(at)
    wrong = [line for line in lines if line in written.wrong]
    return list(dict.fromkeys(written.block(line) for line in (*wrong[-1:], *lines[-1:])))


def _no_action(written: Written) -> Iterator[Relaid]:
    """The words of an action, whose own word is not there."""
    unknown = written.said("RB201", "is not a word of this step")
    if not unknown:
        return
    first = unknown[0].span.line - 1
    depth = written.indent(first)
    if depth < 0 or written.at(first).lstrip().startswith("- "):
        return
    word = key.group(1) if (key := _KEY.match(written.at(first))) is not None else ""
    for action in sorted(name for name, params in written.actions.items() if word in params):
        for end in _ends(written, first, depth):
            lines = [f"  {line}" if line.strip() else line for line in written.lines[first:end]]
            message = f"`{word}` is a word of `{action}`, which is missing before it"
            new = [f"{' ' * depth}{action}:", *lines]
            found = written.replaced(first, end, new, message)
            yield replace(found, hint=to_write(new))


def _shifted(written: Written) -> Iterator[Relaid]:
    """A line, or all that begins with it, that is some spaces off."""
    for each in written.said("RB101", *_NOT_HERE):
        wrong = each.span.line - 1
        for at in (wrong, wrong - 1):
            own = written.indent(at)
            if own < 0:
                continue
            for depth in _open(written, at):
                if depth != own:
                    message = f"indented by {own} spaces this belongs to nothing above it; by {depth} it does"
                    for end in dict.fromkeys((written.block(at), at + 1)):
                        yield written.moved(at, end, depth - own, message)


def _open(written: Written, at: int) -> list[int]:
    """How far lists and mappings are indented that may go on in a line, the nearest first."""
    found: dict[int, None] = {}
    least: int | None = None
    for above in range(at - 1, -1, -1):
        depth = written.indent(above)
        if depth < 0 or (least is not None and depth > least):
            continue
        least = depth
        if written.at(above).lstrip().startswith("- "):
            found.setdefault(depth + 2)
        found.setdefault(depth)
        if depth == 0 or len(found) > 5:
            break
    own = written.indent(at)
    return sorted(found, key=lambda depth: abs(depth - own))
