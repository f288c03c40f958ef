"""yaml-language-server as an editor runs it: a process of its own, spoken to in LSP over stdin and stdout."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from tests.editors.written import SCHEMAS
from tests.support.process import program

HERE = Path(__file__).parent
SERVER = HERE.parent / "npm" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
CARET = "‸"
"""Stands in a text where the cursor is; the server does not see it."""

PATIENCE = 60.0
"""Seconds. Far more than an answer takes, because two busy cores are no reason to fail."""

Json: TypeAlias = Any

SETTINGS: dict[str, Json] = {
    # No catalogue of schemas from the network; and as docs/editors.md says it, for documents that name none.
    "yaml": {
        "schemaStore": {"enable": False},
        "schemas": {str(SCHEMAS / "config.v1.json"): "stanch.yaml"},
    },
}
CAPABILITIES = {
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True},
    },
    "workspace": {"configuration": True},
}


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    """From 1, as editors show it."""
    text: str
    """What is underlined."""
    message: str


class LanguageServer:
    """One server, which may have many documents open. Not for several threads at once."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._out: BinaryIO = process.stdin  # type: ignore[assignment]
        self._numbers = itertools.count(1)
        self._answers: dict[int, Future[Json]] = {}
        self._published: dict[str, Future[list[Json]]] = {}
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        self.request("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": CAPABILITIES})
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": SETTINGS})

    # --- what an editor does ------------------------------------------------------------------------------

    def open(self, text: str, path: Path) -> Document:
        """A document as if it were a file at `path`, which need not exist and is opened once only."""
        uri = path.as_uri()
        self._published[uri] = Future()
        written, _, rest = text.partition(CARET)
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": written + rest}
        self.notify("textDocument/didOpen", {"textDocument": item})
        lines = written.split("\n")
        return Document(self, uri, written + rest, {"line": len(lines) - 1, "character": len(lines[-1])})

    def published(self, uri: str) -> list[Json]:
        return self._published[uri].result(PATIENCE)

    def ended(self) -> None:
        """Wait until all that the server has written is read, once it has ended."""
        self._reader.join(PATIENCE)

    # --- the protocol -------------------------------------------------------------------------------------

    def request(self, method: str, params: Json) -> Json:
        """The result. Raises RuntimeError with the server's error, TimeoutError when there is no answer."""
        number = next(self._numbers)
        answer = self._answers[number] = Future()
        self._send({"id": number, "method": method, "params": params})
        return answer.result(PATIENCE)

    def notify(self, method: str, params: Json) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Json]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        # Who waits for an answer of a server that is gone hears it from the reader.
        with self._writing, contextlib.suppress(BrokenPipeError):
            self._out.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self._out.flush()

    def _read(self, stream: Any) -> None:
        while (body := _body(stream)) is not None:
            self._take(json.loads(body))
        for waiting in [*self._answers.values(), *self._published.values()]:
            if not waiting.done():
                waiting.set_exception(RuntimeError("the language server has ended"))

    def _take(self, message: dict[str, Json]) -> None:
        if "method" not in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])
        elif message["method"] == "workspace/configuration":
            wanted = [SETTINGS.get(item["section"]) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "id" in message:
            # An editor may know more schemas; this one does not.
            self._send({"id": message["id"], "result": None})
        elif message["method"] == "textDocument/publishDiagnostics":
            found = self._published[message["params"]["uri"]]
            if not found.done():
                found.set_result(message["params"]["diagnostics"])


@dataclass(frozen=True, slots=True)
class Document:
    server: LanguageServer
    uri: str
    text: str
    cursor: dict[str, int]

    def problems(self) -> list[Problem]:
        """What the editor underlines, from top to bottom."""
        lines = self.text.split("\n")
        found = []
        for each in self.server.published(self.uri):
            start, end = each["range"]["start"], each["range"]["end"]
            stop = end["character"] if end["line"] == start["line"] else None
            underlined = lines[start["line"]][start["character"] : stop]
            found.append(Problem(start["line"] + 1, underlined, each["message"]))
        return sorted(found, key=lambda problem: (problem.line, problem.message))

    def hover(self) -> str:
        """What is shown over the word at the caret."""
        answer = self.server.request("textDocument/hover", self._place())
        return "" if answer is None else str(answer["contents"]["value"])

    def completions(self) -> dict[str, str]:
        """What may be written at the caret, each with what is said about it."""
        answer = self.server.request("textDocument/completion", self._place())
        items = answer["items"] if isinstance(answer, dict) else answer
        return {item["label"]: _documentation(item) for item in items}

    def _place(self) -> Json:
        return {"textDocument": {"uri": self.uri}, "position": self.cursor}


def _body(stream: Any) -> bytes | None:
    """Of the next message, or None when the server ended, which may be in the middle of a word."""
    length = None
    while (line := stream.readline()).endswith(b"\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif not line.strip():
            break
    body = stream.read(length or 0)
    return body if length and len(body) == length else None


def _documentation(item: Json) -> str:
    said = item.get("documentation") or ""
    return str(said["value"] if isinstance(said, dict) else said)


@contextlib.contextmanager
def language_server() -> Iterator[LanguageServer]:
    """A server that ends with its stdin, and so with this process at the latest."""
    if not SERVER.exists():
        raise RuntimeError("the npm package `yaml-language-server` is missing; `make system` installs it")
    command = [program("node", "nodejs"), str(SERVER), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            server = LanguageServer(process)
            yield server
            process.terminate()
            server.ended()
        finally:
            process.kill()
