"""Reach Temporal, or say in one line why not and what to do."""

from __future__ import annotations

import asyncio

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from stanch.client.payloads import data_converter
from stanch.config import Config
from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS
from stanch.errors import EngineUnavailable
from stanch.secrets import resolve


async def connect(config: Config, *, patience: float = 5.0, lazy: bool = False) -> Client:
    """A client for the configured Temporal. `patience` is in seconds. Raises EngineUnavailable, and
    InvalidInput for a secret that is not there.

    A `lazy` client connects with its first call, so a gateway can start before Temporal does.
    """
    temporal = config.temporal
    try:
        return await asyncio.wait_for(
            Client.connect(
                config.address,
                namespace=temporal.namespace,
                data_converter=data_converter,
                tls=temporal.tls,
                api_key=resolve(temporal.api_key)[0] or None,
                lazy=lazy,
            ),
            patience,
        )
    except (RuntimeError, TimeoutError) as error:
        raise EngineUnavailable(
            f"cannot reach Temporal at {config.address}; start it with `stanch up`, "
            "or name another with STANCH_TEMPORAL_ADDRESS"
        ) from error


async def ensure_search_attributes(client: Client) -> None:
    """Register Stanch's search attributes where they are missing; safe to call at every start."""
    listed = await _listed(client)
    wanted = dict.fromkeys(SEARCH_KEYWORDS, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
    wanted |= dict.fromkeys(SEARCH_BOOLS, IndexedValueType.INDEXED_VALUE_TYPE_BOOL)
    missing = {name: kind for name, kind in wanted.items() if name not in listed}
    if not missing:
        return
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    except RPCError as error:
        # Another worker that starts at the same moment may have been faster.
        if "already exist" not in error.message:
            raise


async def _listed(client: Client) -> set[str]:
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        # Temporal's time-skipping test server can add, but not list.
        if error.status == RPCStatusCode.UNIMPLEMENTED:
            return set()
        raise
    return set(answer.custom_attributes)
