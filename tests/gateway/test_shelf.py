"""A gateway reads its runbooks again when a file has changed; nothing is restarted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import Client

from stanch.config import Config
from stanch.errors import InvalidInput
from stanch.shelf import Shelf
from tests.gateway.conftest import serving
from tests.gateway.delivering import alert, delivery, fresh

TEXT = (Path(__file__).parent / "runbooks" / "checkout-errors.yaml").read_text()


async def refreshed(shelf: Shelf, before: object) -> None:
    """The files were read again; a look is due once a second."""
    async with asyncio.timeout(30):
        while shelf.library is before:
            await shelf.refresh()
            await asyncio.sleep(0.05)


async def test_an_edit_is_what_the_next_alert_starts(config: Config, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "checkout-errors.yaml"
    file.write_text(TEXT)
    shelf = Shelf.read([tmp_path])
    async with serving(config, client, shelf) as gateway:
        title = shelf.library.plans["checkout-errors"].title
        before = shelf.library
        file.write_text(TEXT.replace(title, "Another title"))
        await refreshed(shelf, before)
        name = fresh()
        answer = await gateway.post("/alerts/alertmanager", content=delivery(alert(name)))
        assert answer.status_code == 202
        handle = client.get_workflow_handle(f"run/checkout-errors/{name}")
        first = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        assert json.loads(first.input.payloads[0].data)["plan"]["title"] == "Another title"
        await handle.terminate()


async def test_an_edit_that_does_not_compile_leaves_that_runbook_as_it_was_and_is_told(
    tmp_path: Path,
) -> None:
    file, other = tmp_path / "checkout-errors.yaml", tmp_path / "other.yaml"
    file.write_text(TEXT)
    shelf = Shelf.read([tmp_path])
    plan = shelf.library.plans["checkout-errors"]
    for broken in ("runbook: checkout-errors\n", "runbook: checkout-errors\nsteps: 7\n"):
        before = shelf.library
        file.write_text(broken)
        other.write_text(TEXT.replace("runbook: checkout-errors", f"runbook: other\n# {len(broken)}"))
        await refreshed(shelf, before)
        assert shelf.library.plans["checkout-errors"] == plan
        assert sorted(held.plan.runbook for held in shelf.library.triggers) == ["checkout-errors", "other"]
        assert shelf.library.broken == (str(file),)
    before = shelf.library
    file.unlink()
    await refreshed(shelf, before)
    assert list(shelf.library.plans) == ["other"]


async def test_files_that_cannot_be_told_apart_change_nothing_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "checkout-errors.yaml").write_text(TEXT)
    shelf = Shelf.read([tmp_path])
    before = shelf.library
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "checkout-errors.yaml").write_text(TEXT)
    async with asyncio.timeout(30):
        while not shelf.trouble:
            await shelf.refresh()
            await asyncio.sleep(0.05)
    assert "two runbooks are called `checkout-errors`" in shelf.trouble
    assert shelf.library is before
    with pytest.raises(InvalidInput, match="two runbooks"):
        Shelf.read([tmp_path])
