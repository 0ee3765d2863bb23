"""What holds for every answer: problems, ids, headers, logs, the page and the figures."""

import io
import re
import socket
from pathlib import Path

import pytest
import requests

from deepfake_webapp import context
from deepfake_webapp.app import create_app
from deepfake_webapp.settings import Settings
from deepfake_webapp.views import predictions
from tests.conftest import Server, eventually
from tests.webapp_backend.conftest import encode, grey


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/nothing", 404),
        ("POST", "/nothing", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/assets/nothing.js", 404),
        ("GET", "/nothing.js", 404),
        ("GET", "/api/v1/predictions", 405),
        ("PUT", "/api/v1/models", 405),
        ("DELETE", "/predict", 405),
        ("POST", "/livez", 405),
    ],
)
def test_flasks_own_errors_are_problems(tiny: Server, method: str, path: str, status: int) -> None:
    answer = requests.request(method, tiny.url + path, timeout=10)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    if status == 405:
        assert answer.headers["Allow"]


def test_an_unexpected_error_is_logged_and_not_shown(monkeypatch, networks, caplog) -> None:
    networks("tiny")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(predictions, "judge", fail)
    app = create_app(Settings(model_folder=networks.folder, cache=networks.cache))
    registry = context.of(app).registry
    registry.start()
    assert eventually(lambda: registry.default() is not None)
    data = {"file": (io.BytesIO(encode(grey(1))), "private-name.png")}
    answer = app.test_client().post("/api/v1/predictions", data=data)
    assert answer.status_code == 500
    assert answer.json["type"].endswith(":internal-error")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert b"secret detail" not in answer.data
    assert "secret detail" in caplog.text
    assert "private-name" not in caplog.text


@pytest.mark.parametrize("path", ["/", "/livez", "/api/v1/models", "/api/v1/nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_every_answer_carries_the_browsers_policies(tiny: Server, method: str, path: str) -> None:
    from_elsewhere = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = requests.request(method, tiny.url + path, headers=from_elsewhere, timeout=10)
    headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'self'",
        "img-src": "'self' blob: data:",
        "style-src": "'self' 'unsafe-inline'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "no-referrer"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb"):
        assert f"{feature}=()" in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Set-Cookie" not in headers
    assert not [name for name in headers if name.startswith("Access-Control")]


def test_the_log_has_one_json_line_a_request_without_names(tiny: Server) -> None:
    files = {"file": ("private-name.png", encode(grey(1)))}
    answer = tiny.post("/api/v1/predictions?model=tiny", files=files)
    request_id = answer.headers["X-Request-ID"]

    def lines() -> list[dict[str, object]]:
        return [line for line in tiny.log_lines() if line.get("request_id") == request_id]

    (line,) = eventually(lines)
    assert line["method"] == "POST"
    assert line["path"] == "/api/v1/predictions"
    assert line["status"] == 200
    assert line["milliseconds"] > 0
    assert "private-name" not in tiny.log.read_text()


@pytest.mark.slow
def test_request_ids_are_taken_from_trusted_proxies_alone(tiny, start_tiny, networks) -> None:
    networks("tiny")
    given = {"X-Request-ID": "from-the-proxy"}
    assert tiny.get("/livez", headers=given).headers["X-Request-ID"] != "from-the-proxy"
    trusting = start_tiny(trusted_proxies=1)
    assert trusting.get("/livez", headers=given).headers["X-Request-ID"] == "from-the-proxy"
    evil = {"X-Request-ID": "a b<script>"}
    assert re.fullmatch(
        "[0-9a-f]{32}", trusting.get("/livez", headers=evil).headers["X-Request-ID"]
    )


@pytest.mark.slow
def test_other_names_of_the_server_are_refused_where_its_own_are_given(
    start_tiny, networks
) -> None:
    networks("tiny")
    folder = networks.folder
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    names = "fakes.example, .fakes.example.org"
    server = start_tiny(trusted_hosts=names, trusted_proxies=1, page_folder=folder, ready=False)

    def status(path: str, **headers: str) -> int:
        answer = server.get(path, headers=headers, allow_redirects=False)
        if answer.status_code == 400:
            assert answer.json()["type"].endswith(":untrusted-host")
            assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
        return answer.status_code

    assert eventually(lambda: status("/readyz") == 200, 30), "probes ask by the address"
    assert status("/livez") == 200
    for path, found in (("/", 200), ("/api/v1/models", 200), ("/tensorboard", 308)):
        assert status(path) == 400
        for good in ("fakes.example", "fakes.example:8080", "a.fakes.example.org"):
            assert status(path, Host=good) == found
        assert status(path, **{"X-Forwarded-Host": "fakes.example"}) == found
        for bad in ("evil.example", "fakes.example.evil.example", "fakes.example@evil.example", ""):
            assert status(path, Host=bad) == 400
    forwarded = {"Host": "fakes.example", "X-Forwarded-Host": "evil.example"}
    assert status("/", **forwarded) == 400


def test_the_page_answers_its_own_addresses(tiny: Server) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8"}
    for path in ("/", "/models", "/models/tiny", "/logs"):
        answer = tiny.get(path, headers=browser)
        assert answer.status_code == 200
        assert "<title>page</title>" in answer.text
        assert answer.headers["Cache-Control"] == "no-cache"
    script = tiny.get("/assets/app-1234.js")
    assert script.text == "1"
    assert "immutable" in script.headers["Cache-Control"]
    assert tiny.get("/models", headers={"Accept": "application/json"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"]
)
def test_the_page_folder_cannot_be_left(tiny: Server, path: str) -> None:
    assert "secret" not in raw_get(tiny, path).partition("\r\n\r\n")[2]


def raw_get(server: Server, target: str) -> str:
    """Send a request line that no client library would."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.slow
def test_a_page_that_is_not_built_says_so(start_tiny, networks, tmp_path: Path) -> None:
    networks("tiny")
    answer = start_tiny(page_folder=tmp_path / "missing").get("/")
    assert answer.status_code == 503
    assert "make run" in answer.json()["detail"]


@pytest.mark.slow
def test_metrics_are_those_of_all_workers(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny()
    for _ in range(12):
        server.judge(encode(grey(250)))
    text = server.get("/metrics").text
    assert 'deepfake_verdicts_total{model="tiny",verdict="fake"} 12.0' in text
    assert 'deepfake_model_loads_total{model="tiny",outcome="ready"} 2.0' in text
    assert re.search(r'deepfake_stage_seconds_count\{stage="decode"\} 12.0', text)
    assert 'route="/api/v1/predictions"' in text


def test_methods_that_are_made_up_are_counted_as_one(tiny: Server) -> None:
    for number in range(5):
        requests.request(f"MADEUP{number}", tiny.url + "/livez", timeout=10)
    text = tiny.get("/metrics").text
    assert 'method="other"' in text
    assert "MADEUP" not in text


def test_metrics_are_for_this_machine(tiny: Server) -> None:
    assert tiny.get("/metrics").status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        assert tiny.get("/metrics", headers={name: "203.0.113.9"}).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "status"), [("off", 404), ("public", 200)])
def test_who_may_read_metrics_is_a_setting(start_tiny, networks, setting, status) -> None:
    networks("tiny")
    # Whether it is ready is otherwise seen by its metrics.
    server = start_tiny(metrics=setting, ready=False)
    through_a_proxy = {"X-Forwarded-For": "203.0.113.9"}
    assert server.get("/metrics", headers=through_a_proxy).status_code == status
