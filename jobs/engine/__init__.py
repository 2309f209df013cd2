"""The engine: takes steps that may run to workers, runs each in a process of its own, and records what became of it.

| File | Holds |
| --- | --- |
| queue | the one gateway to RQ and Redis: connection, jobs, lanes; callers meet QueueDownError and nothing else |
| queue_view | the queue as plain records, for pages and commands |
| handover | putting a workflow's steps into the queue, each behind those it needs |
| lanes, turns | the lanes of the queue by priority, and who waits in which: in turns between people |
| worker | RQ's worker, with its faults mended |
| child | what the process of a step does: wait, load code, do one step |
| loaded_ahead | processes that have loaded people's code for the steps to come |
| runner | one attempt of one step: claim, execute, record |
| output | how prints, warnings and logging reach the log of a step, also when its process died |
| reconcile | makes rows and queue agree again |
| remaining, staleness | how long a step still takes; for how long something has looked the same |

May not live here: steps of any pipeline, sentences, requests of people. The engine never names `tabular`.
"""
