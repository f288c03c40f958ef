"""docker-compose.yml, the Dockerfile and what they mount, as the tests look at them without Docker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.project.checkout import ROOT, files

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
"""Those that run this project's image."""


@dataclass(frozen=True, slots=True)
class Mount:
    """`source` is relative to the checkout, or the name of a volume."""

    service: str
    source: str
    target: str
    options: str

    @property
    def named(self) -> bool:
        return not self.source.startswith(("./", "/", "~"))


def mounts() -> list[Mount]:
    """Volumes and secrets of every service."""
    found = []
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source, target, *options = volume.split(":")
            found.append(Mount(name, source, target, ",".join(options)))
        for secret in service.get("secrets", ()):
            source = COMPOSE["secrets"][secret]["file"]
            found.append(Mount(name, source, f"/run/secrets/{secret}", "ro"))
    return found


def outside(service: str, path: str) -> Path | None:
    """Where the file that the container of `service` calls `path` lies in the checkout; None if not there."""
    for mount in mounts():
        if mount.service == service and not mount.named and f"{path}/".startswith(f"{mount.target}/"):
            return ROOT / mount.source / path.removeprefix(mount.target).lstrip("/")
    return None


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str
    rest: str


def dockerfile() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def copies() -> Iterator[tuple[str, str]]:
    """Source and target of all that the Dockerfile copies, relative to the checkout and the WORKDIR."""
    for instruction in dockerfile():
        if instruction.word == "COPY":
            *sources, target = instruction.rest.split()
            for source in sources:
                yield source, f"{target}{source}" if target == "./" else target


def ignored_by_docker(path: str) -> bool:
    """Whether .dockerignore keeps `path`, or a folder that it lies in, out of the image's context."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert not [line for line in patterns if line.startswith("!")], "exceptions are not understood here"
    return any(re.fullmatch(f"{_regex(pattern)}(?:/.*)?", path) for pattern in patterns)


def _regex(pattern: str) -> str:
    anywhere = pattern.startswith("**/")
    shape = "[^/]*".join(map(re.escape, pattern.removeprefix("**/").split("*")))
    return f"(?:.*/)?{shape}" if anywhere else shape


def image(folder: Path) -> Path:
    """The files of the image's WORKDIR, laid out below `folder`: what is copied and not ignored."""
    for source, target in copies():
        below = f"{source.rstrip('/')}/"
        for name in files():
            if (name == source or name.startswith(below)) and not ignored_by_docker(name):
                place = folder / (target if name == source else target + name.removeprefix(below))
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes((ROOT / name).read_bytes())
    return folder
