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
    "RB109": Code("no document, or more than a file may hold"),
    "RB110": Code("a character that YAML does not allow"),
    "RB111": Code("a number that cannot be represented"),
    "RB112": Code("a key that is not text"),
    "RB113": Code("YAML cut an expression in two"),
    "RB114": Code("a YAML directive that is not followed"),
    "RB115": Code("a line that is missing, or stands at the wrong depth"),
    "RB116": Code("a text that ends at a `#`", _ADVICE),
    # structure: the tree to a document
    "RB201": Code("an unknown key"),
    "RB202": Code("a required key is missing"),
    "RB203": Code("a value of the wrong kind"),
    "RB204": Code("a value that is not allowed here"),
    "RB205": Code("an unknown action"),
    "RB207": Code("a step that does several things, or nothing"),
    "RB208": Code("two steps with one id"),
    "RB209": Code("the runbook's name is not its file's"),
    "RB210": Code("an input or an answer whose schema or default is wrong"),
    "RB211": Code("a word that has no meaning where it stands"),
    "RB212": Code("no title", _ADVICE),
    "RB213": Code("nobody has reviewed the runbook lately", _ADVICE),
    "RB215": Code("an `allow` comment for what cannot be allowed"),
    "RB216": Code("an `allow` comment without a reason"),
    "RB217": Code("an `allow` comment that is not understood"),
    "RB218": Code("an `allow` comment that nothing needs", _ADVICE),
    "RB219": Code("`${{ }}` where nothing fills it in", _ADVICE),
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
    "RB311": Code("a call of a runbook that is not there"),
    "RB312": Code("a call whose inputs do not fit the runbook"),
    "RB313": Code("a call of a runbook that has errors"),
    "RB314": Code("runbooks that call each other without end"),
    "RB315": Code("a runbook that calls itself", _ADVICE),
    "RB316": Code("a suggestion that cannot be started like this", _ADVICE),
    "RB317": Code("a runbook that nothing can call", _ADVICE),
    "RB318": Code("two runbooks with one name"),
    "RB320": Code("a step reads another one that runs at the same time"),
    # expressions: CEL
    "RB401": Code("an expression that is not CEL"),
    "RB402": Code("an operation on values of the wrong type"),
    "RB403": Code("a whole number against a decimal one"),
    "RB404": Code("an expression of the wrong type for its place"),
    "RB405": Code("an unknown function"),
    "RB406": Code("a `${{` that is not closed"),
    "RB407": Code("`${{ }}` around an expression that stands bare"),
    "RB408": Code("a text that its function cannot read"),
    "RB409": Code("a comparison with a value that can never be there"),
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
    "RB516": Code("a call that leaves changes without an approval"),
    "RB517": Code("locks taken in opposite order"),
    "RB520": Code("changes, or questions to a person, at the same time"),
    "RB521": Code("a `revert` with nothing to take back"),
    "RB522": Code("a time that nobody can have meant"),
    "RB523": Code("a step that can never run"),
    "RB524": Code("an approval for a number of targets that nobody knows yet"),
    "RB525": Code("a secret in the wrong place"),
    "RB526": Code("a trigger that can never match"),
    "RB527": Code("data that may hold anything in a URL or a query", _ADVICE),
    "RB528": Code("a role that is probably misspelt", _ADVICE),
    "RB529": Code("a value in brackets that nothing fills in"),
    "RB530": Code("a word that JSON Schema does not have", _ADVICE),
    "RB531": Code("a change that counts as done before it begins"),
    "RB532": Code("a secret in plain sight", _ADVICE),
    "RB533": Code("a trigger that every alert matches", _ADVICE),
    "RB534": Code("a loop whose items nothing reads", _ADVICE),
    "RB535": Code("a diagnosis that changes something", _ADVICE),
    "RB536": Code("a variable of a script that nothing sets", _ADVICE),
    "RB537": Code("a value that is missing when a person skips its step", _ADVICE),
    # compile: a document to a Plan
    "RB601": Code("more than one runbook can hold"),
    # rehearse: a runbook on a scripted outside
    "RB701": Code("a rehearsal of a runbook that is not there"),
    "RB702": Code("a name that the rehearsed runbook does not have"),
    "RB703": Code("a script for what a step does not do"),
    "RB704": Code("inputs that the rehearsed runbook does not take"),
    "RB705": Code("a rehearsal of a runbook that has errors"),
    "RB706": Code("two rehearsals with one name"),
    "RB707": Code("a result that a step needs and the script does not give"),
    "RB708": Code("a question that nobody in the script answers"),
    "RB709": Code("an answer that is not taken"),
    "RB710": Code("a rehearsal that does not end"),
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
