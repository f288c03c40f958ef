"""What a call that failed has left behind: nothing, a no, or a doubt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.call import Call
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable

_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_MISSING = ("NotFound", "NoSuch", "NotExist", "NonExist")
_NO_ENTRY = ("AccessDenied", "AuthFailure", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch")
_NO_ENTRY = ("AccessDenied", "AuthFailure", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch")


def is_missing(response: Mapping[str, Any]) -> bool:
    error = response.get("Error", {})
    code = error.get("Code", "")
    if code == "ValidationError":  # CloudFormation has no other word for a stack that is not there
        return "does not exist" in error.get("Message", "")
    return code == "404" or any(word in code for word in _MISSING)


def refused(call: Call, response: Mapping[str, Any]) -> StanchError:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = error.get("Code", ""), metadata.get("HTTPStatusCode", 0)
    words = " ".join(str(error.get("Message", "")).split())[:500]
    said = f"{call} was refused: {code}: {words}"
    if request := metadata.get("RequestId"):
        said = f"{said} (request {request})"
    if code.startswith(_NO_ENTRY) or status == 401:
        said = f"{said}; check the credentials that the worker has, and what they allow"
    if code in _THROTTLED:
        return Unreachable(said)
    if status < 500:
        return ActionRefused(said)
    return (
        OutcomeUnknown(f"{said}; nobody knows whether it was executed")
        if call.context.key
        else Unreachable(said)
    )


def sorted_out(call: Call, error: Exception, errors: Any) -> StanchError:
    """What an error means that is no answer of AWS."""
    said = f"{call}: {' '.join(str(error).split())[:500]}"
    before = (
        errors.ConnectTimeoutError,
        errors.CredentialRetrievalError,
        errors.EndpointConnectionError,
        errors.ProxyConnectionError,
        errors.SSLError,
    )
    if isinstance(error, errors.ParamValidationError):
        return InvalidInput(f"{call}: `with` does not fit: {_listed(error)}")
    if isinstance(error, before):
        return Unreachable(said)
    if isinstance(error, errors.HTTPClientError | errors.IncompleteReadError | OSError):
        if call.context.key and call.sent.is_set():
            return OutcomeUnknown(f"{said}; nobody knows whether it was executed")
        return Unreachable(said)
    if not call.sent.is_set():
        return InvalidInput(said)  # no credentials, no region, no such service
    return OutcomeUnknown(said) if call.context.key else ActionRefused(said)


def _listed(error: Exception) -> str:
    lines = str(error).splitlines()[1:] or [str(error)]
    return "; ".join(line.strip()[:200] for line in lines[:5])
