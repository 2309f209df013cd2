"""The RQ dashboard: it shows everything, changes nothing, and never unpickles."""

import base64
import csv
import inspect
import io
import pickle
import re
import shutil
import tempfile
import threading
import time
import zlib
from pathlib import Path

import pytest
import uvicorn
from conftest import free_port
from helpers.broker import Broker, QuietWorker
from helpers.waiting import until
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.rq_dashboard import app as ours
from jobs.language import sentence

HOSTILE = "<img src=x onerror=alert(1)>'\"`;"
PAGES = ["/", "/queues", "/jobs", "/workers"]
WRITES = ["POST", "PUT", "PATCH", "DELETE"]
SECRET = "redis://ann:hunter2@queue.example/0"
DATA = ["/queues/json", "/jobs/json", "/workers/json", "/export/queues", "/export/jobs", "/export/workers"]


class Touch:
    """Unpickling this leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def broker():
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    broker = Broker(folder)
    _fill(broker)
    for key in broker.redis.keys("*"):  # nothing of it goes away by itself while a busy machine takes its time
        broker.redis.persist(key)
    broker.as_filled, broker.content = _everything(broker), _content(broker)
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


def _without_texts(markup):
    """Markup without the text between tags, and without the values that are text."""
    return re.sub(r">[^<]*<", "><", markup)


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


def _content(broker):
    """What every key holds; a dump of a hash may list its fields in another order."""
    kinds = {
        b"hash": broker.redis.hgetall,
        b"set": broker.redis.smembers,
        b"list": lambda key: broker.redis.lrange(key, 0, -1),
        b"zset": lambda key: broker.redis.zrange(key, 0, -1, withscores=True),
    }
    return {key: kinds.get(broker.redis.type(key), broker.redis.dump)(key) for key in broker.redis.keys("*")}


def test_every_route_is_known():
    """There is no page that these tests do not look at."""
    paths = {route.path for route in ours.dashboard(None).routes}
    assert paths == {*PAGES, "/{what}/json", "/export/{what}", "/job/{job_id}", "/static"}


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
        "/schedulers/json",
        "/export",
        "/export/none",
        "/static/none",
        "/static/../app.py",
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
    assert _content(broker) == broker.content


def test_what_changes_something_is_refused(client, broker):
    """Every method but GET is refused on every route, and where such dashboards delete and requeue, from our own pages
    too."""
    paths = [*PAGES, *DATA, "/job/wf2-upload-a1", "/job/wf2-upload-a1/requeue", "/queues/steps", "/static/dashboard.js"]
    for method in WRITES:
        for path in paths:
            for headers in ({}, {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}):
                answer = client.request(method, f"/rq{path}", headers=headers)
                assert (answer.status_code, answer.json()["detail"]) == (405, sentence(ours.READ_ONLY))
                assert answer.headers["allow"] == "GET"
    assert _content(broker) == broker.content


def test_text_is_escaped(client, broker):
    """No text of a job reaches a page as HTML."""
    for path in PAGES + [f"/job/{job_id}" for job_id in _jobs(broker)]:
        assert "<img" not in client.get(f"/rq{path}").text, path
    assert "&lt;img" in client.get("/rq/job/wf1-upload-a1").text


def test_only_our_script_runs(client):
    """Pages hold no script, style or handler of their own, so that none has to be allowed; the one script is a file."""
    for path in [*PAGES, "/job/wf3-upload-a1", "/job/none", "/jobs?page=x"]:
        answer = client.get(f"/rq{path}")
        policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'" and policy["form-action"] == "'none'"
        assert {policy[f"{kind}-src"] for kind in ("script", "style", "connect")} == {"'self'"}
        assert re.findall(r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL) == [
            (' src="/rq/static/dashboard.js" defer', "")
        ]
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", _without_texts(answer.text)), path
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", answer.text)


def test_other_sites_cannot_frame_it(client):
    """Pages, files and refusals all say who may frame them."""
    for path in ("/queues", "/jobs/json", "/static/dashboard.css", "/job/none"):
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
    """The theme named in the address survives the way to the first page, and every link to another."""
    answer = client.get("/rq/?theme=dark", follow_redirects=False)
    assert answer.headers["location"] == "/rq/queues?theme=dark"
    for path in (*PAGES, "/job/wf2-train-a1"):
        page = client.get(f"/rq{path}?theme=dark").text
        assert '<html lang="en" data-theme="dark">' in page
        links = [link for link in re.findall(r'<a [^>]*href="([^"]*)"', page) if "theme=light" not in link]
        assert len(links) >= 4 and all("theme=dark" in link for link in links)
    assert "data-theme" not in client.get('/rq/queues?theme="><img>').text


def test_pages_refresh_unless_told_not_to(client):
    """A page asks to be drawn anew every five seconds, without scripts too, until its reader turns that off."""
    page = client.get("/rq/jobs?state=failed").text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page and 'data-refresh="5"' in page
    off = re.search(r'href="([^"]*refresh=off[^"]*)"', page)[1].replace("&amp;", "&")
    assert "state=failed" in off
    page = client.get(off).text
    assert "http-equiv" not in page and "data-refresh" not in page
    assert '<a href="/rq/jobs?state=failed">Refresh is off</a>' in page


def test_pages_wait_in_threads(broker):
    """No page holds up the event loop that serves everybody."""
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
        "scheduled": 0,
        "canceled": 1,
    }
    for state, total in {"queued": 3, "started": 1, "failed": 3, "deferred": 1, "finished": 4, "stopped": 1}.items():
        answer = client.get(f"/rq/jobs/json?state={state}&queue_name=steps").json()
        assert answer["total"] == total, state
        assert client.get(f"/rq/jobs/json?state={state}&queue_name=other").json()["total"] == 0
    (worker,) = client.get("/rq/workers/json").json()
    assert (worker["name"], worker["current_job"], worker["current_job_id"]) == (
        "busy",
        "builtins.int('6')",
        "wf6-upload-a1",
    )
    assert "ValueError" in client.get("/rq/job/wf3-upload-a1").text
    assert "wf2-upload-a1" in client.get("/rq/job/wf2-train-a1").text


def test_paging_shows_each_job_once(client):
    """Pages of three cover all jobs, newest first or sorted as asked, and the export has them all."""
    total = client.get("/rq/jobs/json").json()["total"]
    seen, made = [], []
    for page in range(1, -(-total // 3) + 1):
        data = client.get(f"/rq/jobs/json?per_page=3&page={page}").json()["data"]
        seen += [job["id"] for job in data]
        made += [job["created_at"] for job in data]
    assert len(seen) == len(set(seen)) == total - 1  # the broken one is counted, and cannot be shown
    assert made == sorted(made, reverse=True)
    names = [job["name"] for job in client.get("/rq/jobs/json?sort_by=name&sort_dir=asc&per_page=500").json()["data"]]
    assert names == sorted(names) and len(names) == len(seen)
    rows = list(csv.reader(io.StringIO(client.get("/rq/export/jobs").content.decode("utf-8-sig"))))
    assert rows[0][:5] == ["id", "name", "queue_name", "status", "created_at"]
    assert [row[0] for row in rows[1:]] == seen
    failed = client.get("/rq/export/jobs?state=failed&per_page=1").text.splitlines()
    assert len(failed) == 4


def test_the_page_of_jobs_leads_on(client):
    """Each page of jobs links to the next, until the last, and keeps its filters on the way."""
    url, seen = "/rq/jobs?state=finished&per_page=1&sort_dir=asc", []
    while url:
        page = client.get(url).text
        seen += re.findall(r'href="/rq/job/([^"?]*)', page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        url = following and following[1].replace("&amp;", "&")
    oldest_first = client.get("/rq/jobs/json?state=finished&sort_dir=asc").json()["data"]
    assert seen == [job["id"] for job in oldest_first] and len(seen) == 4


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


@pytest.fixture
def scratch(broker):
    """The filled Valkey, which is as before after the test."""
    yield broker.redis
    for key in broker.redis.keys("*"):
        if key not in broker.as_filled:
            broker.redis.delete(key)
    for key, value in broker.as_filled.items():
        broker.redis.restore(key, 0, value, replace=True)


def test_credentials_are_masked(client, scratch):
    """No page, document or export shows the user or password of an address, wherever a job carries it."""
    queue = Queue("steps", connection=scratch, serializer=JSONSerializer)
    queue.enqueue(
        "builtins.int", "3", job_id="secret", description=f"reads {SECRET}", meta={"url": SECRET}, at_front=True
    )
    QuietWorker([queue], connection=scratch, serializer=JSONSerializer, name=SECRET).work(burst=True, max_jobs=1)
    failed = {"type": 2, "exc_string": base64.b64encode(zlib.compress(f"OSError: {SECRET}".encode()))}
    scratch.xadd("rq:results:secret", failed)
    page = client.get("/rq/job/secret").text
    assert page.count("redis://***@queue.example/0") >= 3
    for path in [*PAGES, *DATA, "/job/secret"]:
        assert "hunter2" not in client.get(f"/rq{path}?per_page=500").text, path


def test_foreign_keys_break_no_page(client, scratch):
    """Names that are no UTF-8, keys of another kind and half characters are left out or shown as letters."""
    scratch.sadd("rq:queues", b"rq:queue:\xff", "elsewhere")
    scratch.sadd("rq:workers", b"rq:worker:\xff", "rq:worker:text")
    scratch.set("rq:worker:text", "1")
    scratch.set("rq:job:text", "1")
    scratch.rpush("rq:queue:steps", "text")
    scratch.sadd("rq:queues", "rq:queue:bytes", "rq:queue:kind")
    scratch.rpush("rq:queue:bytes", b"\xfe")
    scratch.set("rq:queue:kind", "1")
    scratch.set("rq:wip:kind", "1")
    half = {"data": b"x", "created_at": "2026-01-01T00:00:00.000000Z", "description": "half", "meta": '"\\ud800"'}
    scratch.hset("rq:job:half", mapping=half)
    scratch.rpush("rq:queue:steps", "half")
    for path in [*PAGES, *DATA, "/job/half"]:
        assert client.get(f"/rq{path}").status_code == 200, path
    assert client.get("/rq/job/text").status_code == 404
    assert {row["queue_name"] for row in client.get("/rq/queues/json").json()} == {"steps", "bytes", "kind", "\ufffd"}


@pytest.mark.parametrize("name", ["path", "self", "__obj", "here", "%00", "theme=dark&theme"])
def test_no_name_in_an_address_breaks_a_page(client, name):
    """Whatever stands behind the question mark, the page shows and its links keep it."""
    assert client.get(f"/rq/queues?{name}=x").status_code == 200


def test_each_table_can_be_downloaded_as_shown(client):
    """Under each table stand its CSV and JSON, with the filters of the page."""
    for path in ("/queues", "/jobs", "/workers"):
        page = client.get(f"/rq{path}?state=failed").text
        assert f'<a href="/rq/export{path}?state=failed">CSV</a>' in page
        assert f'<a href="/rq{path}/json?state=failed">JSON</a>' in page
        assert client.get(f"/rq/export{path}?state=failed").headers["content-type"].startswith("text/csv")


def test_exports_hold_no_formula(client, scratch):
    """What a spreadsheet would run as a formula leaves as text."""
    scratch.sadd("rq:queues", "rq:queue:=1+1")
    answer = client.get("/rq/export/queues")
    assert "\r\n'=1+1," in answer.text
    assert answer.headers["content-disposition"] == "attachment; filename=queues.csv"


def test_every_file_is_reachable_and_used(client):
    """Each file of static/ is served with its kind, and each template is drawn by some page."""
    kinds = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}
    assert {path.name for path in (ours.FOLDER / "static").iterdir()} == set(kinds)
    for name, kind in kinds.items():
        assert client.get(f"/rq/static/{name}").headers["content-type"].startswith(kind)
    for path in (*PAGES, "/job/poison", "/job/none"):
        client.get(f"/rq{path}")
    loaded = {name for _, name in ours.templates().env.cache}
    assert loaded == {path.name for path in (ours.FOLDER / "templates").iterdir()}


@pytest.mark.browser
def test_a_page_refreshes_in_place(broker, scratch, browser):
    """A browser shows a new job without loading the page anew; what is focused stays so; a lost server is said."""
    port = free_port()
    app = Starlette(routes=[Mount("/rq", ours.dashboard(lambda: broker.redis))])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    page, wrong = browser.new_page(), []
    page.on("console", lambda message: wrong.append(message.text))
    try:
        until(lambda: server.started)
        page.clock.install()
        page.goto(f"http://127.0.0.1:{port}/rq/jobs")
        page.evaluate("window.same = true")
        page.get_by_role("link", name="Failed 3").focus()
        assert page.locator("time").first.get_attribute("title").count("/") == 2  # written by the viewer's clock
        Queue("steps", connection=scratch, serializer=JSONSerializer).enqueue("builtins.int", "9", job_id="late")
        page.clock.run_for(5_000)
        page.get_by_role("link", name="builtins.int('9')").wait_for()
        assert page.evaluate("window.same && document.activeElement.textContent") == "failed 3"
        assert wrong == []
        page.emulate_media(color_scheme="dark")
        assert page.get_by_role("link", name="Light").is_visible() and page.get_by_role("link", name="Dark").is_hidden()
        server.should_exit = True
        thread.join(20)
        page.clock.run_for(5_000)
        page.get_by_text("Trainyard does not answer").wait_for()
    finally:
        page.close()
        server.should_exit = True
        thread.join(20)
