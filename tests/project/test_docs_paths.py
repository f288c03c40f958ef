"""Every path that a page names exists in the checkout.

What counts as a path: the target of a link or picture that is no URL; and, between backticks, a name with a
slash whose first part is at the checkout's root, or that ends like a file of ours, or a bare file name of
code or documentation, which has to be the name of some file. In shell examples only code counts
(`bench/x.py`, `scripts/x.sh`): other arguments may be what the reader is about to make. `<name>` and `*`
stand for anything and have to match at least one file. What git ignores (`.venv/`, `.stanch/`) is made
by running things, so a page may name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

import pytest

from tests.project.checkout import files, text

ROOT_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
# Written by whoever runs the project, so a page names them and the checkout lacks them.
OF_THE_READER = {"stanch.yaml", "policy.yaml", "known_hosts"}

CODE = (".py", ".sh", ".md", ".toml")
OURS = (*CODE, ".yaml", ".yml", ".json", ".txt", ".html")

FENCE = re.compile(r"^( *)(```+|~~~+) *([\w-]*)[^\n]*\n(.*?)^\1\2`* *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^()\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]\n]+\]:\s+<?(\S+?)>?\s*$", re.MULTILINE)
URL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
PATH = re.compile(r"(?:\.{1,2}/)?(?:[\w.*-]|<[\w-]+>)+(?:/(?:[\w.*-]|<[\w-]+>)+)*/?")
LINE = re.compile(r"(?:::[\w\[\]-]+|:\d+(?::\d+)?|#[\w-]+)$")
SHELLS = {"sh", "bash", "shell", "console"}


def pages() -> list[str]:
    return [name for name in files() if name in ROOT_PAGES or re.fullmatch(r"docs/.*\.md", name)]


def links(page: str) -> Iterator[str]:
    """Where the links of `page` lead, as written, without URLs and places inside the page."""
    prose = SPAN.sub("", FENCE.sub("", page))
    for pattern in (LINK, REFERENCE):
        for found in pattern.finditer(prose):
            target = found.group(1).partition("#")[0]
            if target and not URL.match(target):
                yield target


def named(page: str, roots: set[str]) -> Iterator[str]:
    """Paths from the checkout's root that `page` names between backticks or in a shell example."""
    for span in SPAN.findall(FENCE.sub("", page)):
        path = LINE.sub("", span)
        if path in OF_THE_READER or not PATH.fullmatch(path) or path.startswith(("../", "*")):
            continue
        path = path.removeprefix("./")
        if "/" in path:
            if path.split("/")[0] in roots or path.endswith(OURS):
                yield path
        elif path.endswith(CODE) and path not in CODE:
            yield path
    for fence in FENCE.finditer(page):
        if fence.group(3) in SHELLS:
            for word in fence.group(4).split():
                path = LINE.sub("", word.strip("'\"();,")).removeprefix("./")
                if "/" in path and path.split("/")[0] in roots and path.endswith(CODE):
                    yield path


def exists(path: str, tree: tuple[str, ...]) -> bool:
    """Whether `path` is a file or a folder of the tree; a bare name is, if any file is called so."""
    anything = re.sub(r"\*+|<[\w-]+>", "*", path.rstrip("/"))
    shape = "[^/]+".join(map(re.escape, anything.split("*")))
    if "/" not in path:
        shape = f"(?:.*/)?{shape}"
    return any(re.fullmatch(f"{shape}(?:/.*)?", name) for name in tree)


def missing(name: str, page: str, tree: tuple[str, ...]) -> list[str]:
    """What the page `name` names and `tree` lacks."""
    roots = {path.split("/")[0] for path in tree}
    here = PurePosixPath(name).parent
    lost = [target for target in links(page) if not found_from(here, target, tree)]
    return lost + [path for path in named(page, roots) if not exists(path, tree)]


def found_from(here: PurePosixPath, target: str, tree: tuple[str, ...]) -> bool:
    path = normpath(here / target)
    return path == "." or any(name == path or name.startswith(f"{path}/") for name in tree)


def test_every_path_that_a_page_names_exists() -> None:
    lost = {name: missing(name, text(name) or "", files()) for name in pages()}
    assert {name: paths for name, paths in lost.items() if paths} == {}


TREE = (
    "README.md",
    "Makefile",
    "docs/guide.md",
    "docs/picture.png",
    "schemas/actions/ssh.v1.json",
    "worker.py",
)


@pytest.mark.parametrize(
    "page",
    [
        "see `docs/lost.md`",
        "see `schemas/lost`",
        "see `lost/ssh.py`",
        "see `lost.py`",
        "see `schemas/<name>.v1.json`",
        "see [the guide](docs/lost.md#start)",
        "![a picture](lost.png)",
        "[guide]: docs/lost.md",
        "```console\n$ python docs/lost.py --json\n```",
    ],
)
def test_a_lost_path_is_found_out(page: str) -> None:
    assert len(missing("README.md", page, TREE)) == 1


@pytest.mark.parametrize(
    "page",
    [
        "see `docs/guide.md`, `docs/`, `./docs/guide.md:12`, `worker.py`, `guide.md` and `Makefile`",
        "see `schemas/actions/<name>.v1.json` and `schemas/*/ssh.v1.json`",
        "see [the guide](docs/guide.md#start), [top](#top), [site](https://example.org/x.md)",
        "`application/json`, `run/rollback-release/abc`, `POST /alerts/{source}`, `.stanch/`, `a.b`, `.py`",
        "`stanch.yaml`, `and/or`, `steps.x.y`, `/status`, `${{ docs/x }}`",
        "```yaml\nfile: docs/lost.py\n```",
        "```sh\nstanch check docs/mine.yaml\n```",
    ],
)
def test_what_is_there_or_is_no_path_passes(page: str) -> None:
    assert missing("README.md", page, TREE) == []


def test_a_link_is_read_from_the_page_that_has_it() -> None:
    assert missing("docs/guide.md", "[a](picture.png) [b](../README.md) [c](./guide.md)", TREE) == []
    assert missing("docs/guide.md", "[a](docs/picture.png)", TREE) == ["docs/picture.png"]
