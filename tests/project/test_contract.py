"""`stanch/contract.py` against what is registered: every name once, with the contract's types."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity, workflow

import worker
from activities.secrets import Secrets
from stanch import contract
from stanch.config import Config
from stanch.contract import (
    Abort,
    Accepted,
    ActionReport,
    ActionTask,
    Claim,
    Decision,
    IncidentView,
    Join,
    JoinTask,
    LeaseAnswer,
    LeaseTask,
    LeaseView,
    Look,
    Looked,
    LookTask,
    Moment,
    Order,
    PageTask,
    Request,
    RunLease,
    RunView,
    TellTask,
    Told,
)
from stanch.contract.names import activity_of
from stanch.language.plan import MANUAL, Plan
from stanch.schemas import load_catalogue, load_schema
from workflows.incident import IncidentWorkflow
from workflows.lease import LeaseWorkflow
from workflows.runbook import RunbookWorkflow

DEFINED = workflow._Definition.must_from_class(RunbookWorkflow)
INCIDENT = workflow._Definition.must_from_class(IncidentWorkflow)
LEASE = workflow._Definition.must_from_class(LeaseWorkflow)
BY_STANCH = (
    contract.ACTIVITY_PAGE,
    contract.ACTIVITY_TELL,
    contract.ACTIVITY_JOIN,
    contract.ACTIVITY_ENDED,
    contract.ACTIVITY_LEASE,
    contract.ACTIVITY_LOOK,
)
"""Activities that no runbook names."""


@pytest.fixture(scope="module")
def registered() -> dict[str, Callable[..., Any]]:
    """Every activity of the worker by its name; two of one name would be one too few."""
    config = Config()
    secrets = Secrets()
    found = worker.activities_of(worker.actions(config, secrets), config, secrets)
    named = {str(activity._Definition.must_from_callable(each).name): each for each in found}
    assert len(named) == len(found)
    return named


def types_of(function: Callable[..., Any]) -> tuple[list[Any], Any]:
    hints = typing.get_type_hints(function)
    returns = hints.pop("return")
    return list(hints.values()), returns


def test_every_action_of_the_contract_is_an_activity_and_has_a_schema(
    registered: dict[str, Callable[..., Any]],
) -> None:
    assert set(registered) == {*map(activity_of, contract.ACTIONS), *BY_STANCH}
    by_people = {name for name in load_catalogue().actions if carried_out_by(name) == "people"}
    assert set(load_catalogue().actions) - by_people == set(contract.ACTIONS)
    assert by_people == {MANUAL}


def carried_out_by(name: str) -> str | None:
    """`people` for an action that no activity stands behind."""
    found: str | None = load_schema(f"actions/{name}.v1.json")["x-stanch"].get("carried_out_by")
    return found


@pytest.mark.parametrize("name", contract.ACTIONS)
def test_an_action_takes_a_task_and_gives_a_report(
    registered: dict[str, Callable[..., Any]], name: str
) -> None:
    assert types_of(registered[activity_of(name)]) == ([ActionTask], ActionReport)


def test_a_page_takes_a_page_task(registered: dict[str, Callable[..., Any]]) -> None:
    assert types_of(registered[contract.ACTIVITY_PAGE])[0] == [PageTask]


def test_what_an_incident_needs_done_takes_and_gives_the_types_of_the_contract(
    registered: dict[str, Callable[..., Any]],
) -> None:
    assert types_of(registered[contract.ACTIVITY_TELL]) == ([TellTask], Told)
    assert types_of(registered[contract.ACTIVITY_JOIN]) == ([JoinTask], str)
    assert types_of(registered[contract.ACTIVITY_ENDED]) == ([Look], dict[str, str])


def test_the_updates_are_those_of_the_contract() -> None:
    found = {name: types_of(each.fn) for name, each in DEFINED.updates.items()}
    assert found == {
        contract.UPDATE_DECIDE: ([Decision], Accepted),
        contract.UPDATE_ABORT: ([Abort], Accepted),
        contract.UPDATE_ORDER: ([Order], Accepted),
    }
    assert all(each.validator is not None for each in DEFINED.updates.values())


def test_the_signals_are_those_of_the_contract_and_take_whatever_comes() -> None:
    """A Signal that its handler cannot take fails the workflow task for ever."""
    found = {name: types_of(each.fn)[0] for name, each in DEFINED.signals.items()}
    anything = [Any, Any]
    assert found == {
        contract.SIGNAL_APPROVE: anything,
        contract.SIGNAL_DENY: anything,
        contract.SIGNAL_ALERT: anything,
        contract.SIGNAL_LEASE: anything,
    }


def test_the_queries_are_those_of_the_contract() -> None:
    found = {name: types_of(each.fn)[1] for name, each in DEFINED.queries.items()}
    assert found == {
        contract.QUERY_STATE: RunView,
        contract.QUERY_REQUESTS: list[Request],
        contract.QUERY_TIMELINE: list[Moment],
        contract.QUERY_PLAN: Plan,
        contract.QUERY_LEASES: list[RunLease],
    }


def test_an_incident_offers_what_the_contract_says() -> None:
    assert INCIDENT.name == contract.WORKFLOW_INCIDENT
    assert {name: types_of(each.fn) for name, each in INCIDENT.updates.items()} == {
        contract.UPDATE_JOIN: ([Join], str),
        contract.UPDATE_HOLD: ([Order], Accepted),
        contract.UPDATE_RELEASE: ([Order], Accepted),
        contract.UPDATE_TRUST: ([Order], Accepted),
    }
    assert INCIDENT.signals == {}
    assert {name: types_of(each.fn)[1] for name, each in INCIDENT.queries.items()} == {
        contract.QUERY_STATE: IncidentView
    }


def test_a_lease_offers_what_the_contract_says(registered: dict[str, Callable[..., Any]]) -> None:
    assert LEASE.name == contract.WORKFLOW_LEASE
    updates = {name: types_of(each.fn) for name, each in LEASE.updates.items()}
    assert updates == {contract.UPDATE_ASK: ([Claim], LeaseAnswer)}
    signals = {name: types_of(each.fn)[0] for name, each in LEASE.signals.items()}
    assert signals == {contract.SIGNAL_BELL: [Any, Any]}
    queries = {name: types_of(each.fn)[1] for name, each in LEASE.queries.items()}
    assert queries == {contract.QUERY_STATE: LeaseView}
    assert types_of(registered[contract.ACTIVITY_LEASE]) == ([LeaseTask], LeaseAnswer)
    assert types_of(registered[contract.ACTIVITY_LOOK]) == ([LookTask], Looked)


@pytest.mark.parametrize("defined", [DEFINED, INCIDENT, LEASE], ids=["run", "incident", "lease"])
def test_what_the_web_ui_offers_is_described(defined: workflow._Definition) -> None:
    described = {name: each.description for name, each in defined.updates.items()}
    described |= {name: each.description for name, each in defined.signals.items()}
    described |= {name: each.description for name, each in defined.queries.items()}
    assert [name for name, text in described.items() if not text] == []
