"""The compiler: texts to diagnostics and, where none of them is an error, Plans.

Runbooks call each other, so they are compiled as a library: all files are parsed, then what is called is
checked before what calls it, and at last each Plan is given those of the runbooks that it calls.

Pure: no file is opened, no clock is read, nothing is looked up. The same texts give the same Plans.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from stanch.language.allow import heed_allows
from stanch.language.annotate import annotate
from stanch.language.catalogue import Catalogue
from stanch.language.check.children.rules import run_library_rules
from stanch.language.check.context import Context
from stanch.language.check.rules import run_rules
from stanch.language.collector import no_collection
from stanch.language.diagnostics import Diagnostic, Report, in_order
from stanch.language.file_name import runbook_of
from stanch.language.interface import interface_of
from stanch.language.link import Interfaces, Library, ParsedFile, Unit, units_of
from stanch.language.lower import CompiledTrigger, lower, lower_trigger
from stanch.language.parse import parse
from stanch.language.plan import Plan
from stanch.language.read import read_all


class Compiled:
    """What became of one file. Its Plans are made when somebody asks for one: who only checks needs none."""

    def __init__(
        self,
        diagnostics: tuple[Diagnostic, ...],
        runbooks: tuple[str, ...],
        triggers: tuple[CompiledTrigger, ...] = (),
        plans: Callable[[], tuple[Plan, ...]] = tuple,
    ) -> None:
        """`plans` makes those of the file's runbooks in order, and none when a diagnostic is an error."""
        self.diagnostics = diagnostics
        """Of the whole file, sorted by place."""
        self.runbooks = runbooks
        """The names of all runbooks of the file in order, also of those that have errors."""
        self.triggers = triggers
        self._plans: tuple[Plan, ...] | None = None
        self._make = plans

    @property
    def plan(self) -> Plan | None:
        """Of the file's first runbook; None when a diagnostic is an error."""
        return next(iter(self._made()), None)

    @property
    def private(self) -> Mapping[str, Plan]:
        """The Plans of its other runbooks by name; they are called only from this file."""
        return {plan.runbook: plan for plan in self._made()[1:]}

    def _made(self) -> tuple[Plan, ...]:
        if self._plans is None:
            self._plans = self._make()
            self._make = tuple  # it holds the trees of the library, which nobody needs behind it
        return self._plans


def compile_runbook(path: str, text: str | bytes, catalogue: Catalogue, today: date) -> Compiled:
    """Compile the file `text` that stands at `path`, which calls no runbooks of other files.

    `today` decides whether a review is stale. Never raises for what is in the text: whatever is wrong with it
    is a diagnostic.
    """
    return compile_library([(path, text)], catalogue, today)[0]


@no_collection()
def compile_library(
    files: Iterable[tuple[str, str | bytes]], catalogue: Catalogue, today: date
) -> tuple[Compiled, ...]:
    """Compile files (path, text) whose runbooks may call each other; what became of each, in order.

    A file with errors does no harm to the others, but to those that call its runbooks.
    """
    parsed = tuple(parse_file(path, text, catalogue) for path, text in files)
    return compile_parsed(parsed, catalogue, today)


def parse_file(path: str, text: str | bytes, catalogue: Catalogue) -> ParsedFile:
    """The runbooks of one file as their author wrote them; what is wrong with them so far is in the report.
    The report is added to when the file is compiled, so that is done once."""
    report = Report(path)
    source, roots = read_all(path, text, report)
    units = units_of(path, [parse(source, root, catalogue, report) for root in roots])
    return ParsedFile(path, runbook_of(path), source, roots, report, units, not report.failed)


def compile_parsed(
    files: Sequence[ParsedFile],
    catalogue: Catalogue,
    today: date,
    known: Sequence[ParsedFile] = (),
    unread: Collection[str] = (),
) -> tuple[Compiled, ...]:
    """Compile `files`. They may call the runbooks of `known`, and those may call them; of these nothing is
    reported. `unread` are names of runbooks that exist and that none of `files` calls."""
    library = Library(tuple(files), tuple(known), frozenset(unread))
    compilation = _Compilation(library, catalogue, today)
    compilation.check()
    return tuple(compilation.compiled(file) for file in files)


class _Compilation:
    def __init__(self, library: Library, catalogue: Catalogue, today: date) -> None:
        self._library = library
        self._catalogue = catalogue
        self._actions = frozenset(catalogue.actions)
        self._today = today
        self._interfaces = Interfaces(library)
        self._lowering = _Lowering(library)

    def check(self) -> None:
        """Find all that is wrong in the files and in what they call; it is in the files' reports."""
        library = self._library
        for diagnostic in run_library_rules(library):
            library.by_path[diagnostic.path].report.found.append(diagnostic)
        for unit in library.order:
            self._check(unit)
        self._spread()

    def _check(self, unit: Unit) -> None:
        library, interfaces, document = self._library, self._interfaces, unit.document
        report = library.by_path[unit.path].report
        annotated = annotate(document, report, interfaces)
        context = Context(
            unit.path,
            document,
            annotated,
            self._today,
            self._actions,
            interfaces,
            covered=unit in library.left_to_callers,
            private=unit.private,
        )
        report.found.extend(run_rules(context))
        if unit in library.callers:
            interfaces.learn(interface_of(document, interfaces[unit.name], annotated.outputs, interfaces))

    def _spread(self) -> None:
        """What calls a runbook of a file with errors cannot be compiled either."""
        library = self._library
        calling: dict[str, dict[tuple[Unit, str], Diagnostic]] = {}
        for unit in library.order:
            for call in unit.calls:
                callee = library.called(unit, call)
                file = library.illegible.get(call.name) if callee is None else library.by_path[callee.path]
                if file is not None:
                    message = f"`{call.name}` has errors, so what calls it does not compile"
                    hint = f"correct `{file.path}` first"
                    found = unit.diagnostic("RB313", call.child.runbook.span, message, hint)
                    calling.setdefault(file.path, {}).setdefault((unit, call.name), found)
        own = {file.path for file in library.by_path.values() if file.report.failed}
        failed = set(own)
        left = deque(path for path in calling if path in own)
        while left:
            path = left.popleft()
            for (unit, _), diagnostic in calling.get(path, {}).items():
                # In a circle what an error did to others would come back to where it is.
                if unit.path in own or (unit.path in failed and path not in own):
                    continue
                library.by_path[unit.path].report.found.append(diagnostic)
                if unit.path not in failed:
                    failed.add(unit.path)
                    left.append(unit.path)

    def compiled(self, file: ParsedFile) -> Compiled:
        report, units = file.report, file.units
        heed_allows(file.source, file.roots, report)
        found = in_order(report.found)
        names = tuple(unit.name for unit in units)
        if report.failed or not units:
            return Compiled(self._explained(file, found), names)
        triggers = tuple(map(lower_trigger, units[0].document.triggers))
        return Compiled(found, names, triggers, partial(self._lowering.plans, units))

    def _explained(self, file: ParsedFile, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """What is said of a file with errors, without what comes from something else that is said."""
        from stanch.language.consequences import without_consequences  # noqa: PLC0415 (only for errors)
        from stanch.language.layout import mislaid  # noqa: PLC0415

        def diagnose(text: str) -> tuple[Diagnostic, ...]:
            alone = parse_file(file.path, text, self._catalogue)
            _Compilation(Library((alone,)), self._catalogue, self._today).check()
            return in_order(alone.report.found)

        found = mislaid(file.source, found, self._catalogue.actions, diagnose) or found
        documents = [unit.document for unit in file.units]
        return without_consequences(file.source, documents, found, diagnose)


class _Lowering:
    """Makes the Plans of runbooks without errors; that of one which others call is made once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lowered: dict[Unit, Plan] = {}

    def plans(self, units: Sequence[Unit]) -> tuple[Plan, ...]:
        return tuple(map(self._plan, units))

    def _plan(self, unit: Unit) -> Plan:
        """The Plan with those of all runbooks that it calls, directly or not."""
        plan = self._lower(unit)
        if not unit.calls:
            return plan
        children = {callee.name: self._lower(callee) for callee in self._library.all_callees(unit)}
        return replace(plan, children=children)

    def _lower(self, unit: Unit) -> Plan:
        if unit not in self._lowered:
            self._lowered[unit] = lower(unit.document)
        return self._lowered[unit]


__all__ = [
    "Compiled",
    "CompiledTrigger",
    "compile_library",
    "compile_parsed",
    "compile_runbook",
    "parse_file",
]
