"""What the wheel lays down: `stanch` with its schemas, and no name that other packages install too."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, files

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
INFO = f"stanch-{VERSION}.dist-info"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_stanch_is_the_only_top_level_name(names: list[str]) -> None:
    assert {Path(name).parts[0] for name in names} == {"stanch", INFO}


def test_every_module_and_the_typing_marker_are_inside(names: list[str]) -> None:
    modules = {name for name in files() if name.startswith("stanch/")}
    assert modules - set(names) == set()
    assert "stanch/py.typed" in names


def test_every_schema_is_inside_the_package(names: list[str]) -> None:
    schemas = {f"stanch/{name}" for name in files() if name.startswith("schemas/")}
    assert {name for name in names if name.startswith("stanch/schemas/")} == schemas
    assert schemas


def test_runbooks_stay_outside(names: list[str]) -> None:
    assert [name for name in names if "/runbooks/" in name or name.endswith((".yaml", ".yml"))] == []


def test_the_command_and_the_licence_are_declared(names: list[str]) -> None:
    assert {f"{INFO}/entry_points.txt", f"{INFO}/licenses/LICENSE"} <= set(names)
