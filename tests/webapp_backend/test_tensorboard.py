"""TensorBoard under the server's own origin."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.conftest import Server, eventually, serving
from tests.networks import NetworkFactory
from tests.webapp_backend.test_http import raw_get

# What Chromium sends when it opens a page.
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7"
)
MULTIRUN = "/tensorboard/data/plugin/scalars/scalars_multirun"


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log folder with one run of one scalar."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = tmp_path_factory.mktemp("logs")
    writer = EventFileWriter(str(folder / "run"))
    for step in range(3):
        value = Summary.Value(tag="loss", simple_value=1 / (1 + step))
        writer.add_event(Event(step=step, wall_time=step, summary=Summary(value=[value])))
    writer.close()
    return folder


@pytest.fixture
def start_with_logs(
    networks: NetworkFactory, start_server: Callable[..., Server], logs: Path
) -> Callable[..., Server]:
    def start(**settings: object) -> Server:
        networks("tiny")
        folders = {"model_folder": networks.folder, "cache": networks.cache}
        return start_server(**{**folders, "tensorboard_logs": logs, **settings})

    return start


def state(server: Server) -> str:
    return server.get("/api/v1/tensorboard").json()["state"]


def children_of(server: Server) -> list[psutil.Process]:
    """The supervisor and TensorBoard itself."""
    everything = psutil.Process(server.process.pid).children(recursive=True)
    return [process for process in everything if "tensorboard" in " ".join(process.cmdline())]


@pytest.mark.parametrize(
    "start", [1, *(pytest.param(start, marks=pytest.mark.slow) for start in range(2, 6))]
)
def test_a_first_visit_from_a_cold_start_waits_and_then_works(
    start_with_logs,
    start: int,  # noqa: ARG001 - five of them
) -> None:
    server = start_with_logs(ready=False)
    statuses = []

    def visit() -> bool:
        answer = server.get("/tensorboard/", headers={"Accept": CHROMIUM})
        statuses.append(answer.status_code)
        if answer.status_code == 503:
            assert "refresh" in answer.text
            assert answer.headers["Retry-After"] == "1"
        return answer.ok

    assert eventually(visit, 30)
    assert set(statuses) <= {200, 503}
    assert state(server) == "ready"
    page = server.get("/tensorboard/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")
    assert "unsafe-eval" in policy, "its own policy, not the page's"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert server.get("/tensorboard/index.js").ok
    assert eventually(lambda: server.get("/tensorboard/data/runs").json() == ["run"])
    curves = server.post(MULTIRUN, data={"tag": "loss", "runs": "run"})
    assert [point[1] for point in curves.json()["run"]] == [0, 1, 2]
    redirect = server.get("/tensorboard", allow_redirects=False)
    assert redirect.status_code == 308
    assert redirect.headers["Location"].endswith("/tensorboard/")


@pytest.mark.slow
def test_there_is_one_tensorboard_and_it_comes_back_when_killed(start_with_logs) -> None:
    server = start_with_logs()
    assert eventually(lambda: state(server) == "ready", 30)
    (first,) = [p for p in children_of(server) if "child" in " ".join(p.cmdline())]
    first.kill()
    assert eventually(lambda: state(server) == "starting")
    answer = server.get("/tensorboard/", headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.json()["type"].endswith(":tensorboard-not-ready")
    assert eventually(lambda: server.get("/tensorboard/data/runs").ok, 30)
    assert server.get("/readyz").ok


@pytest.fixture
def impatient(logs: Path, tmp_path: Path) -> Iterator[Path]:
    """The status file of a supervisor that looks and gives up often."""
    code = (
        "from deepfake_webapp.tensorboard import supervise as s;"
        "s.CHECK_SECONDS = s.CHECK_TIMEOUT = 0.5; s.MISSED_CHECKS = 2; s.main()"
    )
    status_file = tmp_path / "runtime" / "tensorboard.json"
    status_file.parent.mkdir()
    command = [sys.executable, "-c", code, str(logs), str(status_file)]
    with subprocess.Popen(command) as supervisor:
        yield status_file
        supervisor.terminate()


@pytest.mark.slow
def test_a_tensorboard_that_hangs_is_replaced(impatient: Path) -> None:
    def said() -> dict[str, Any]:
        return json.loads(impatient.read_text()) if impatient.exists() else {"state": "none"}

    def running() -> psutil.Process | None:
        """TensorBoard, if it is called ready."""
        if said()["state"] != "ready":
            return None
        (supervisor,) = (p for p in psutil.Process().children() if str(impatient) in p.cmdline())
        (child,) = supervisor.children()
        return child

    hanging = eventually(running, 30)
    hanging.suspend()
    assert eventually(lambda: not hanging.is_running(), 10)
    assert eventually(lambda: said()["state"] == "starting", 2)
    replacement = eventually(running, 30)
    assert replacement.pid != hanging.pid
    assert requests.get(f"http://127.0.0.1:{said()['port']}/tensorboard/data/runs", timeout=10).ok


@pytest.mark.slow
def test_it_ends_with_the_server_however_that_ends(start_with_logs) -> None:
    server = start_with_logs()
    assert eventually(lambda: state(server) == "ready", 30)
    processes = children_of(server)
    assert len(processes) == 2
    runtime = Path(processes[0].cmdline()[-1]).parent
    assert runtime.is_dir()
    server.process.kill()
    _, left = psutil.wait_procs(processes, timeout=10)
    assert not left
    assert not runtime.exists()


class Recorder(http.server.BaseHTTPRequestHandler):
    """An upstream that remembers what it is asked and answers with what must not pass."""

    asked: list[tuple[str, str, dict[str, str], bytes]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, self.path, dict(self.headers), body))
        self.send_response(302 if "redirect" in self.path else 200)
        for name, value in {
            "Set-Cookie": "a=b",
            "Location": "http://evil.example/",
            "Access-Control-Allow-Origin": "*",
            "Keep-Alive": "timeout=5",
            "Content-Type": "text/plain",
            "Content-Length": "2",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")

    do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        pass


Asked = list[tuple[str, str, dict[str, str], bytes]]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose TensorBoard is a ``Recorder``."""
    root = tmp_path_factory.mktemp("proxied")
    networks = NetworkFactory(root / "model", root / "cache")
    networks("tiny")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as recorder:
        threading.Thread(target=recorder.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{recorder.server_port}"
        folders = {"model_folder": networks.folder, "cache": networks.cache}
        with serving(root, tensorboard_upstream=address, **folders) as server:
            yield server
        recorder.shutdown()


@pytest.fixture
def asked() -> Asked:
    """What the upstream was asked since the test began."""
    Recorder.asked = []
    return Recorder.asked


def upstream_of(server: Server) -> str:
    return server.settings["DEEPFAKE_TENSORBOARD_UPSTREAM"].removeprefix("http://")


def test_an_external_tensorboard_is_asked_and_none_is_started(proxied: Server) -> None:
    Recorder.asked = []
    assert state(proxied) == "ready"
    assert not children_of(proxied)


def test_the_proxy_passes_on_what_it_must_and_nothing_else(proxied: Server, asked: Asked) -> None:
    headers = {
        "Cookie": "secret",
        "Authorization": "secret",
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "If-None-Match": "tag",
    }
    answer = proxied.get("/tensorboard/data/runs?run=a%20b&x=http://evil/", headers=headers)
    assert answer.text == "ok"
    dropped = {"Set-Cookie", "Location", "Access-Control-Allow-Origin", "Keep-Alive"}
    assert not dropped & {*answer.headers}
    method, path, sent, _ = asked.pop()
    assert (method, path) == ("GET", "/tensorboard/data/runs?run=a%20b&x=http://evil/")
    assert sent["Host"] == upstream_of(proxied)
    assert sent["If-None-Match"] == "tag"
    assert "secret" not in str(sent)
    assert "X-Hop" not in sent
    assert proxied.post(MULTIRUN, data="tag=loss").text == "ok"
    assert asked.pop()[3] == b"tag=loss"
    redirected = proxied.get("/tensorboard/redirect", allow_redirects=False)
    assert "Location" not in redirected.headers


def test_the_proxy_refuses_the_rest(proxied: Server, asked: Asked) -> None:
    for path in ("data/runs", "", "data/plugin/hparams/other", "data/plugin/scalars/tags"):
        assert proxied.post(f"/tensorboard/{path}", data="x").status_code == 405
    for method in ("PUT", "DELETE", "PATCH"):
        assert requests.request(method, proxied.url + MULTIRUN, timeout=10).status_code == 405
    assert proxied.post(MULTIRUN, data=bytes(1_000_001)).status_code == 413
    for target in (
        "/tensorboard/../secret",
        "/tensorboard/%2e%2e/secret",
        "/tensorboard/data/..%2f..%2fsecret",
        "/tensorboard/data/%2e%2e%5csecret",
    ):
        assert "ok" not in raw_get(proxied, target).partition("\r\n\r\n")[2]
    assert not asked


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/tensorboard/data/runs",
        "//evil.example/tensorboard/data/runs",
        "/tensorboard//evil.example/data/runs",
        "/tensorboard/http://evil.example/",
        "/tensorboard/@evil.example/",
    ],
)
def test_no_request_changes_the_upstream(proxied: Server, asked: Asked, target: str) -> None:
    assert raw_get(proxied, target).startswith("HTTP/1.1 ")
    for _, path, sent, _ in asked:
        assert path.startswith("/tensorboard/")
        assert sent["Host"] == upstream_of(proxied)


@pytest.mark.slow
def test_an_upstream_that_does_not_answer_is_waited_for(start_with_logs) -> None:
    server = start_with_logs(tensorboard_upstream="http://127.0.0.1:9")
    assert state(server) == "starting"
    for accept, kind in (
        (CHROMIUM, "text/html"),
        ("text/html", "text/html"),
        ("*/*", "application/problem+json"),
        ("application/json, text/plain, */*", "application/problem+json"),
        (None, "application/problem+json"),
    ):
        answer = server.get("/tensorboard/", headers={"Accept": accept})
        assert answer.status_code == 503
        assert answer.headers["Content-Type"].partition(";")[0] == kind


@pytest.mark.slow
def test_a_killed_supervisor_is_replaced(start_with_logs) -> None:
    server = start_with_logs()
    assert eventually(lambda: state(server) == "ready", 30)
    (supervisor,) = [p for p in children_of(server) if "supervise" in " ".join(p.cmdline())]
    supervisor.kill()
    assert eventually(lambda: state(server) == "starting", 20)
    assert eventually(lambda: state(server) == "ready", 40)
    assert len(children_of(server)) == 2
