"""An action that knows its own way back, and what it changes: a file with a word in it.

    python -m tests.support.switch ADDRESS QUEUE

is a worker that carries it out, to be killed. Beside the file lie the log of what was written to it, and
(while a test wants it to hang) `hold`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from activities.action import Context, Standing
from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from stanch.client.payloads import data_converter
from stanch.client.runner import workflow_runner
from stanch.contract import ACTIVITY_PAGE, PageTask
from stanch.errors import Unreachable
from stanch.evidence import Evidence
from stanch.language.catalogue import ActionSpec, Catalogue, action_spec
from stanch.language.plan import Json
from stanch.schemas import load_catalogue
from workflows.runbook import RunbookWorkflow

SCHEMA: Json = {
    "x-stanch": {"effect": "declared", "timeout": 10, "knows_done": True, "knows_undo": True},
    "$defs": {
        "params": {
            "type": "object",
            "required": ["file"],
            "additionalProperties": False,
            "properties": {
                "file": {"type": "string"},
                "word": {"type": "string"},
                "token": {"type": "object", "properties": {"secret": {"type": "string"}}},
            },
        },
        "result": {"type": "object", "properties": {"was": {"type": "string"}}},
    },
}
"""`word` is what the file is to hold; without one there is to be no file."""


def spec() -> ActionSpec:
    return action_spec("switch", SCHEMA)


def catalogue() -> Catalogue:
    shipped = load_catalogue()
    return Catalogue({**shipped.actions, "switch": spec()}, shipped.runbook_schema)


class Switch:
    name = "switch"

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        word = _word(_file(params))
        return Standing(word == params.get("word"), {"was": word}, {"word": word})

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        file, was = _file(params), _word(_file(params))
        with file.with_suffix(".log").open("a") as log:
            log.write(f"{was} -> {params.get('word')}\n")
        hold = file.with_name("hold")
        if hold.exists():
            file.with_name("held").touch()
        while hold.exists():
            await asyncio.sleep(0.05)
        if "word" in params:
            file.write_text(str(params["word"]))
        else:
            file.unlink()
        return {"was": was}

    async def close(self) -> None:
        """It keeps nothing."""

    def failure(self, result: Json) -> str | None:
        return None


def _file(params: Mapping[str, Json]) -> Path:
    file = Path(str(params["file"]))
    if not file.parent.is_dir():
        raise Unreachable(f"there is no folder `{file.parent}`")
    return file


def _word(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


@activity.defn(name=ACTIVITY_PAGE)
async def _page(task: PageTask) -> str:
    return f"nobody is told: {task.text}"


def switching(client: Client, queue: str) -> Worker:
    keeper = Keeper(Evidence(Path(os.devnull) / "evidence"), 4096)
    return Worker(
        client,
        task_queue=queue,
        workflows=[RunbookWorkflow],
        activities=[*action_activities([Switch()], keeper, catalogue().actions), _page],
        workflow_runner=workflow_runner(sandboxed=False),
    )


async def _main(address: str, queue: str) -> None:
    client = await Client.connect(address, data_converter=data_converter)
    async with switching(client, queue):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
