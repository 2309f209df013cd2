"""What Prometheus reads at /metrics: worked out from the database when it asks, so it is right across processes."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from api.wall.roles import needs
from jobs.engine import queue_view
from store import steps, workflows
from store.actors import Role


class StateCollector(Collector):
    """Collects workflows, steps, queue and workers as they are now."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _by_status("trainyard_workflows", "Workflows by status.", workflows.count_by_status())
        yield _by_status("trainyard_steps", "Steps by status.", steps.count_by_status())
        seen = queue_view.snapshot()
        yield GaugeMetricFamily("trainyard_steps_waiting", "Steps that could start now.", seen.waiting)
        yield GaugeMetricFamily("trainyard_steps_running", "Steps that are being worked on.", seen.running)
        yield GaugeMetricFamily(
            "trainyard_steps_failed_last_hour", "Steps that failed in the last hour.", seen.failed_last_hour
        )
        yield GaugeMetricFamily("trainyard_queue_up", "1 when the queue can be reached.", int(seen.reachable))
        yield GaugeMetricFamily("trainyard_workers", "Workers that are known to the queue.", len(seen.workers))


@needs(Role.viewer)
def measures(_request: Request) -> Response:
    """The numbers in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StateCollector())
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _by_status(name: str, words: str, counts: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["status"])
    for status, count in counts.items():
        family.add_metric([status], count)
    return family
