"""The contract: `from jobs.chain import run_workflow`."""

from jobs.engine.handover import run_workflow

__all__ = ["run_workflow"]
