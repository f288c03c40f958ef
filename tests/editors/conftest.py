"""One language server for all tests of a session: a second passes before it has read the schemas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.editors.language_server import LanguageServer, language_server


@pytest.fixture(scope="session")
def server() -> Iterator[LanguageServer]:
    with language_server() as running:
        yield running
