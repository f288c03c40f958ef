"""How a worker runs workflow code: with Temporal's sandbox round it, or without."""

from __future__ import annotations

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    "stanch",
    "workflows",
    "cel_expr_python",
    "cryptography",
    "google",
    "pydantic",
    "pydantic_core",
)
"""Pure or value libraries: importing them anew in every sandbox would cost time and change nothing."""


def workflow_runner(*, sandboxed: bool) -> WorkflowRunner:
    """Determinism is a matter of imports here (docs/adr/0002-unsandboxed-workers.md); tests are sandboxed."""
    if not sandboxed:
        return UnsandboxedWorkflowRunner()
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
