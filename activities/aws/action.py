"""The action `aws`: one call of any API of AWS, by AWS's own names.

What an API is called tells whether it reads; of any other, the step says it. The model that AWS publishes of
each API, which botocore brings along, checks the parameters before anything is sent, and tells what of an
answer is secret.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from activities.action import Context
from activities.aws.answer import result
from activities.aws.call import Call
from activities.aws.refusal import is_missing, refused, sorted_out
from activities.systems import Systems
from stanch.contract import TargetEnd
from stanch.errors import OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_THREADS = 16


class Aws:
    """`aws` as an action."""

    name = "aws"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        # A thread whose caller has gone on is stuck until AWS answers, and holds up nobody else's.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
        self._sessions: dict[str, Any] = {}
        self._making = threading.Lock()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`found`, `json`, `truncated`, `request_id`."""
        system = params.get("server", "")
        settings = await self._systems.find(system, ("aws",), context) if system else {}
        call = Call(params, settings, context)
        calling = asyncio.get_running_loop().run_in_executor(self._threads, partial(self._carry_out, call))
        try:
            async with asyncio.timeout(context.timeout):
                return await calling
        except TimeoutError:
            call.given_up.set()
            said = f"{call}: no answer within {context.timeout:.0f}s"
            if not call.sent.is_set() or not context.key:
                raise Unreachable(said) from None
            raise OutcomeUnknown(f"{said}; nobody knows whether it was executed") from None
        except asyncio.CancelledError:
            call.given_up.set()
            context.ended((TargetEnd(str(call), "unknown" if call.sent.is_set() else "not_started"),))
            raise

    def _carry_out(self, call: Call) -> Json:
        """In a thread. Raises what `perform` does."""
        errors = importlib.import_module("botocore.exceptions")
        parsers = importlib.import_module("botocore.parsers")
        try:
            return call.run(self._client(call))
        except errors.ClientError as error:
            if call.params.get("missing_ok", False) and is_missing(error.response):
                return result(None, error.response, found=False)
            raise refused(call, error.response) from None
        except (errors.BotoCoreError, parsers.ResponseParserError, OSError) as error:
            raise sorted_out(call, error, errors) from None

    def _client(self, call: Call) -> Any:
        # Half a second of imports, which nobody should wait for who has no AWS.
        boto3 = importlib.import_module("boto3.session")
        with self._making:  # sessions are not made for several threads, clients are
            system = call.params.get("server", "")
            session = self._sessions.get(system)
            if session is None:
                keys = call.settings.get("user"), call.settings.get("password")
                session = self._sessions[system] = boto3.Session(*keys)
            credentials = session.get_credentials()
            if credentials is not None:
                frozen = credentials.get_frozen_credentials()
                call.context.hide(filter(None, (frozen.secret_key, frozen.token)))
            return session.client(call.service, **call.reach())
