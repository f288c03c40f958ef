"""What the compiler says: one frozen value for one mistake, and the list of every code that there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from stanch.language.source import Span


class Severity(StrEnum):
    ERROR = "error"
    """The runbook is not compiled."""
    WARNING = "warning"
    """Advice: the runbook compiles."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another place of the same file that explains the first; `message` stands beside it."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    code: str
    severity: Severity
    message: str
    path: str
    span: Span
    related: tuple[Related, ...] = ()
    hint: str | None = None

    @property
    def place(self) -> tuple[str, Span, str, str]:
        """What diagnostics are sorted by."""
        return (self.path, self.span, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Code:
    meaning: str
    severity: Severity = Severity.ERROR


_ADVICE = Severity.WARNING

CODES: dict[str, Code] = {
    # read: bytes to a tree
    "RB101": Code("the file is not YAML"),
    "RB102": Code("the file is not UTF-8 text"),
    "RB103": Code("the file is too large"),
    "RB104": Code("values are nested too deeply"),
    "RB105": Code("a key stands twice in one mapping"),
    "RB106": Code("a YAML tag"),
    "RB107": Code("aliases that expand without bound"),
    "RB108": Code("a YAML merge key"),
    "RB109": Code("not exactly one document in the file"),
    "RB110": Code("a character that YAML does not allow"),
    "RB111": Code("a number that cannot be represented"),
    "RB112": Code("a key that is not text"),
    "RB113": Code("YAML cut an expression in two"),
    # structure: the tree to a document
    "RB201": Code("an unknown key"),
    "RB202": Code("a required key is missing"),
    "RB203": Code("a value of the wrong kind"),
    "RB204": Code("a value that is not allowed here"),
    "RB205": Code("an unknown action"),
    "RB206": Code("a word of the language that this release does not run"),
    "RB207": Code("a step that does several things, or nothing"),
    "RB208": Code("two steps with one id"),
    "RB209": Code("the runbook's name is not its file's"),
    "RB210": Code("an input whose schema or default is wrong"),
    "RB211": Code("a word that has no meaning where it stands"),
    "RB212": Code("no title", _ADVICE),
    "RB213": Code("nobody has reviewed the runbook lately", _ADVICE),
    "RB214": Code("a promise that this release does not keep yet", _ADVICE),
    # references: names
    "RB301": Code("an unknown name"),
    "RB302": Code("a step reads another one that runs later"),
    "RB303": Code("an output that its step does not declare"),
    "RB304": Code("a value that may not exist"),
    "RB305": Code("an input that nothing reads", _ADVICE),
    "RB306": Code("an output that nothing reads", _ADVICE),
    "RB307": Code("`verify` repeats a step that cannot be repeated"),
    "RB308": Code("a trigger whose inputs do not fit the runbook's"),
    "RB309": Code("a value of one round of a loop, read outside of it"),
    "RB310": Code("a name that means something already"),
    # expressions: CEL
    "RB401": Code("an expression that is not CEL"),
    "RB402": Code("an operation on values of the wrong type"),
    "RB403": Code("a whole number against a decimal one"),
    "RB404": Code("an expression of the wrong type for its place"),
    "RB405": Code("an unknown function"),
    "RB406": Code("a `${{` that is not closed"),
    "RB407": Code("`${{ }}` around an expression that stands bare"),
    # safety: what would hurt at night
    "RB501": Code("a change that nobody approves"),
    "RB502": Code("a change without a way back"),
    "RB503": Code("a change that nobody can check"),
    "RB504": Code("data inside the text of a script"),
    "RB505": Code("waiting without a limit"),
    "RB506": Code("an approval with nothing to approve"),
    "RB507": Code("a change that is repeated blindly"),
    "RB508": Code("a check that changes something"),
    "RB509": Code("an approval that nobody can give"),
    "RB510": Code("an action that must say whether it changes anything"),
    "RB511": Code("an effect that the action cannot have"),
    "RB512": Code("a wait that can never end well"),
    "RB513": Code("a trigger that starts on a resolved alert"),
    "RB514": Code("a trigger that does not say which status it means", _ADVICE),
    # compile: a document to a Plan
    "RB601": Code("more than one runbook can hold"),
}


def is_error(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is Severity.ERROR


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each once."""
    return tuple(sorted(set(diagnostics), key=lambda diagnostic: diagnostic.place))


class Report:
    """Collects the diagnostics of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[Diagnostic] = []

    def add(
        self, code: str, span: Span, message: str, hint: str | None = None, related: tuple[Related, ...] = ()
    ) -> None:
        """Note one mistake; its severity is the code's."""
        severity = CODES[code].severity
        self.found.append(Diagnostic(code, severity, message, self.path, span, related, hint))

    @property
    def failed(self) -> bool:
        """Whether an error is among them."""
        return any(is_error(diagnostic) for diagnostic in self.found)
