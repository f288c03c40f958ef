"""The folder of evidence: files that are whole, named by their content, and nobody else's."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from stanch.evidence import Evidence


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    digest, path = Evidence(tmp_path / "new" / "evidence").store(b"seen", "txt")
    assert digest == hashlib.sha256(b"seen").hexdigest()
    assert path == f"{digest[:2]}/{digest}.txt"
    assert (tmp_path / "new" / "evidence" / path).read_bytes() == b"seen"


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    _, path = evidence.store(b"seen", "txt")
    before = (tmp_path / path).stat()
    evidence.store(b"seen", "txt")
    after = (tmp_path / path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_is_not_what_its_name_says_is_replaced(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    _, path = evidence.store(b"seen", "txt")
    (tmp_path / path).write_bytes(b"see")
    evidence.store(b"seen", "txt")
    assert (tmp_path / path).read_bytes() == b"seen"


def test_many_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    content = b"x" * 200_000
    with ThreadPoolExecutor(8) as threads:
        stored = set(threads.map(lambda _: Evidence(tmp_path).store(content, "json"), range(40)))
    [(_, path)] = stored
    assert files(tmp_path) == [tmp_path / path]
    assert (tmp_path / path).read_bytes() == content


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    with room(1000), pytest.raises(OSError, match="File too large"):
        evidence.store(b"x" * 5000, "txt")
    assert files(tmp_path) == []
    evidence.store(b"x" * 5000, "txt")
    assert len(files(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Evidence(tmp_path / "file" / "evidence").store(b"seen", "txt")
