"""A file of hosts as what is typed: `ssh web1 -- cat /etc/app.conf`, and a whole content through a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import code
from stanch.language.render.guide.ssh import ssh
from stanch.language.render.guide.values import spelled


def file(params: Mapping[str, Json]) -> Iterator[str]:
    passed = {word: params[word] for word in ("hosts", "as", "sudo") if word in params}
    path = spelled(params.get("path", ""))
    if "restore" in params:
        yield f"Put the file {code(path)} back as it was on each host."
    elif params.get("absent") is True:
        yield from ssh({**passed, "run": ["rm", "-f", path]})
    elif "content" in params:
        yield from ssh({**passed, "script": _writing(params, path), "stdin": params["content"]})
    else:
        yield from ssh({**passed, "run": ["cat", path]})


def _writing(params: Mapping[str, Json], path: str) -> str:
    """Whole or not at all: under another name first, with what the old one is allowed."""
    there, new = shell.text(path), shell.text(f"{path}.new")
    decoded = "base64 -d" if params.get("encoding") == "base64" else "cat"
    mode = f" && chmod {shell.text(spelled(params['mode']))} {new}" if "mode" in params else ""
    return f"cp -p {there} {new}; {decoded} >{new}{mode} && mv {new} {there}"
