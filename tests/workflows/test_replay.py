"""Histories of runs from earlier builds replay: a run that began under one build ends under the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from stanch.client.payloads import data_converter
from stanch.client.runner import workflow_runner
from tests.workflows.record import CASES, HISTORIES
from workflows.runbook import RunbookWorkflow

FILES = sorted(HISTORIES.glob("*.json"))


def test_every_case_has_its_history() -> None:
    assert {file.stem for file in FILES} >= set(CASES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_stored_history_replays(file: Path) -> None:
    history = WorkflowHistory.from_json(f"run/rollback-release/{file.stem}", file.read_text(encoding="utf-8"))
    replayer = Replayer(
        workflows=[RunbookWorkflow],
        data_converter=data_converter,
        workflow_runner=workflow_runner(sandboxed=True),
    )
    await replayer.replay_workflow(history)
