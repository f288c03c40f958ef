"""What Temporal's list of workflows knows of a run: its search attributes."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from stanch.contract import (
    SEARCH_DRILL,
    SEARCH_INCIDENT,
    SEARCH_PHASE,
    SEARCH_RUNBOOK,
    SEARCH_SERVICE,
    SEARCH_SEVERITY,
    RunInput,
)

PHASE_AT_START = "diagnosing"
PHASE = SearchAttributeKey.for_keyword(SEARCH_PHASE)
SEVERITY = SearchAttributeKey.for_keyword(SEARCH_SEVERITY)


def attributes_of(given: RunInput) -> TypedSearchAttributes:
    """Of a run that begins."""
    pairs: list[SearchAttributePair[str] | SearchAttributePair[bool]] = [
        SearchAttributePair(SEVERITY, given.severity),
        SearchAttributePair(SearchAttributeKey.for_keyword(SEARCH_RUNBOOK), given.plan.runbook),
        SearchAttributePair(PHASE, PHASE_AT_START),
        SearchAttributePair(SearchAttributeKey.for_bool(SEARCH_DRILL), given.mode == "drill"),
    ]
    if given.service:
        pairs.append(SearchAttributePair(SearchAttributeKey.for_keyword(SEARCH_SERVICE), given.service))
    if given.incident:
        pairs.append(SearchAttributePair(SearchAttributeKey.for_keyword(SEARCH_INCIDENT), given.incident.id))
    return TypedSearchAttributes(pairs)
