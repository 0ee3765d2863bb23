"""Requests made to hurt: malformed, oversized, misleading; sent as bytes to a real gunicorn."""

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from tests.conftest import Server
from tests.webapp_backend.conftest import encode, grey

pytestmark = pytest.mark.slow
UPLOADS = ("/api/v1/predictions", "/api/v1/inspections", "/predict")
PICTURE = encode(grey(128))
SECONDS = 10


@pytest.fixture(autouse=True, scope="module")
def same_workers_before_and_after(tiny: Server) -> Iterator[None]:
    """No request may end a worker or leave it unable to judge."""
    started = workers(tiny)
    assert started
    yield
    assert tiny.judge(PICTURE).status_code == 200
    assert workers(tiny) == started


def workers(server: Server) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def raw(server: Server, request: bytes, *, whole: bool = True) -> tuple[int, bytes]:
    """Send bytes; the status and the rest of the answer, or 0 if the connection was just closed.

    Where they are no ``whole`` request, the client then closes its side, lest the server wait.
    """
    host, _, port = urlsplit(server.url).netloc.partition(":")
    answer = b""
    started = time.monotonic()
    with socket.create_connection((host, int(port)), SECONDS) as connection:
        try:
            connection.sendall(request)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass  # a refusal may come before everything was sent
    assert time.monotonic() - started < SECONDS
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def post(path: str, content_type: str, body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def part(content: bytes, *headers: str) -> bytes:
    return b"--b\r\n" + "\r\n".join(headers).encode("latin-1") + b"\r\n\r\n" + content + b"\r\n"


FILE = 'Content-Disposition: form-data; name="file"; filename="a.png"'
MULTIPART = "multipart/form-data; boundary=b"


def test_the_form_is_understood_when_nothing_is_wrong(tiny: Server) -> None:
    for path in UPLOADS:
        status, body = raw(tiny, post(path, MULTIPART, part(PICTURE, FILE) + b"--b--\r\n"))
        assert status == 200, body


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize(
    "each",
    [
        part(PICTURE, FILE),
        part(b"x", 'Content-Disposition: form-data; name="x"'),
        part(b"", 'Content-Disposition: form-data; name="file"; filename=""'),
        part(b""),
        b"--b\r\n",
    ],
    ids=["files", "fields", "unnamed files", "no headers", "nothing"],
)
def test_ten_thousand_parts_are_refused(tiny: Server, path: str, each: bytes) -> None:
    status, body = raw(tiny, post(path, MULTIPART, each * 10_000 + b"--b--\r\n"))
    assert status in (400, 413), body
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("path", UPLOADS)
def test_a_photograph_among_ten_thousand_fields_is_refused(tiny: Server, path: str) -> None:
    fields = part(b"x", 'Content-Disposition: form-data; name="x"') * 10_000
    photograph = part(PICTURE, FILE)
    status, body = raw(tiny, post(path, MULTIPART, photograph + fields + b"--b--\r\n"))
    assert status == 413, body


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("application/json", b"[" * 100_000),
        ("text/plain", PICTURE),
        ("image/png", PICTURE),
        ("application/x-www-form-urlencoded", b"file=x"),
        ("application/x-www-form-urlencoded", b"&" * 1_000_000),
        ("multipart/form-data", part(PICTURE, FILE)),
        ("multipart/form-data; boundary=", part(PICTURE, FILE)),
        ("multipart/form-data; boundary=" + "b" * 5000, part(PICTURE, FILE)),
        ("multipart/mixed; boundary=b", part(PICTURE, FILE) + b"--b--\r\n"),
        ("multipart/form-data; boundary=b; charset=utf-7", part(PICTURE, "no header at all")),
        (MULTIPART, part(PICTURE, 'Content-Disposition: form-data; filename="a.png"')),
        (MULTIPART, part(PICTURE, "Content-Disposition: attachment")),
        (MULTIPART, part(PICTURE, "X: " + "y" * 200_000)),
        (MULTIPART, part(PICTURE, *[f"X{i}: y" for i in range(5000)])),
        (MULTIPART, b"--b\r\n" + b"\r\n" * 100_000),
        (MULTIPART, b"\r\n" * 1_000_000),
        (MULTIPART, b"--b" * 300_000),
        (MULTIPART, b""),
        ("", b"x"),
    ],
)
def test_other_bodies_are_refused(tiny: Server, path: str, content_type: str, body: bytes) -> None:
    status, answer = raw(tiny, post(path, content_type, body))
    assert status in (400, 413, 415, 422), answer
    assert json.loads(answer)["status"] == status


@pytest.mark.parametrize("path", UPLOADS)
def test_a_declared_length_beyond_the_limit_is_refused(tiny: Server, path: str) -> None:
    request = post(path, MULTIPART, part(bytes(1_000_000), FILE))
    request = request.replace(b"Content-Length: 1", b"Content-Length: 100", 1)
    status, body = raw(tiny, request, whole=False)
    assert status == 413
    assert json.loads(body)["type"].endswith(":request-too-large")


@pytest.mark.parametrize("chunk", [b"zz\r\nx", b"5\r\nabcdefgh\r\n", b"0\r\nX: y\nZ\r\n\r\n"])
@pytest.mark.parametrize("path", UPLOADS)
def test_broken_chunks_are_refused(tiny: Server, path: str, chunk: bytes) -> None:
    head = post(path, MULTIPART, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    status, body = raw(tiny, head + chunk, whole=False)
    assert status == 400
    assert json.loads(body)["type"].endswith(":upload-broken-off")


@pytest.mark.parametrize(
    "name",
    [
        'filename="../../../etc/passwd"',
        'filename="a\0b.png"',
        'filename="' + "x" * 5000 + '.png"',
        "filename*=UTF-8''%00%ff%2e%2e%2f",
        "filename*=unknown-charset''x",
        'filename="\xff\xfe.png"',
        'filename="a.png"; filename="b.png"',
    ],
)
def test_no_file_name_matters(tiny: Server, name: str) -> None:
    form = part(PICTURE, f'Content-Disposition: form-data; name="file"; {name}') + b"--b--\r\n"
    status, body = raw(tiny, post("/api/v1/predictions", MULTIPART, form))
    assert status in (200, 400, 422), body


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{i}: y" for i in range(5000)],
        ["X: " + "y" * 1_000_000],
        ["X" * 20_000 + ": y"],
        ["Cookie: " + "a=b; " * 1500],
        ["X-Forwarded-For: " + "1.2.3.4, " * 800],
        ["Range: bytes=" + "0-1," * 1900],
        ["Accept: " + "text/html;q=0.1," * 480],
        ["If-None-Match: " + '"x",' * 1900],
    ],
    ids=["many", "long", "long name", "cookies", "forwarded", "ranges", "accept", "tags"],
)
def test_floods_of_headers_do_no_harm(tiny: Server, headers: list[str]) -> None:
    request = "\r\n".join(["GET / HTTP/1.1", "Host: localhost", "Connection: close", *headers])
    status, _ = raw(tiny, request.encode() + b"\r\n\r\n")
    assert status in (0, 200, 206, 400, 416, 431)


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets/%252e%252e%252fsecret.txt",
        "/assets//../..//secret.txt",
        "//evil.example/secret.txt",
        "/%00",
        "/assets/app-1234.js%00.html",
        "/%c0%ae%c0%ae/secret.txt",
        "/" + "a/" * 3000,
        "/" + "%41" * 2000,
        "/api/v1/models/..%2f..%2fsecret",
        "/api/v1/models/%2e%2e",
        "/api/v1/models/" + "v" * 3000,
        "/api/v1/models/tiny%00",
        "/api/v1/../../secret.txt",
        "/tensorboard/../../secret.txt",
        "/tensorboard/%2e%2e/%2e%2e/secret.txt",
        "http://evil.example/secret.txt",
        "*",
    ],
    ids=lambda target: target[:40],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE", "PROPFIND"])
def test_no_path_leads_out(tiny: Server, method: str, target: str) -> None:
    status, body = raw(
        tiny, f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert status == 0 or status < 500 or status in (501, 503), body
    assert b"secret" not in body.replace(target.encode(), b"")
    assert b"Traceback" not in body


@pytest.mark.parametrize(
    "request_",
    [
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GARBAGE " * 5000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\nx",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    ],
)
def test_what_is_no_http_is_refused(tiny: Server, request_: bytes) -> None:
    status, body = raw(tiny, request_, whole=False)
    assert status == 0 or 200 <= status < 500 or status in (501, 505), body
    assert b"Traceback" not in body
