"""Uploads of one client a minute, where the setting bounds them."""

import concurrent.futures

import pytest
import requests

from tests.conftest import Server
from tests.networks import NetworkFactory
from tests.webapp_backend.conftest import encode, grey

pytestmark = pytest.mark.slow

IMAGE = encode(grey(9))
CALLS = ("/api/v1/predictions", "/predict", "/api/v1/inspections")


def upload(server: Server, path: str = "/predict", **headers: str) -> requests.Response:
    return server.post(path, files={"file": ("a.png", IMAGE)}, headers=headers)


def test_a_client_beyond_its_minute_gets_429(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    server = start_tiny(workers=1, uploads_per_minute=3)
    answers = [upload(server, path) for path in CALLS]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    for path in CALLS:
        refused = upload(server, path, **{"X-Forwarded-For": "203.0.113.9"})
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"].endswith(":too-many-uploads")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert server.get("/api/v1/models").ok
    assert server.get("/readyz").ok


def test_clients_behind_a_trusted_proxy_are_told_apart(
    start_tiny, networks: NetworkFactory
) -> None:
    networks("tiny")
    server = start_tiny(workers=1, uploads_per_minute=1, trusted_proxies=1)
    seen = [
        upload(server, **{"X-Forwarded-For": client}).status_code
        for client in (
            "203.0.113.1",
            "203.0.113.2",
            # Only what the proxy itself appends counts.
            "198.51.100.7, 203.0.113.2",
            "2001:db8:1:1::1",
            "2001:db8:1:1:ffff::2",  # the same network
            "2001:db8:1:2::1",
            "no address",
        )
    ]
    assert seen == [200, 200, 429, 200, 429, 200, 200]


def test_it_holds_for_uploads_at_once(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    server = start_tiny(workers=1, uploads_per_minute=5)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda _: upload(server).status_code, range(32)))
    assert seen.count(200) == 5
    assert seen.count(429) == 27


def test_there_is_no_limit_unless_it_is_set(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    server = start_tiny(workers=1)
    assert {upload(server).status_code for _ in range(30)} == {200}


def test_the_document_says_so(tiny: Server) -> None:
    document = tiny.get("/api/v1/openapi.json").json()
    for path in CALLS:
        refusal = document["paths"][path]["post"]["responses"]["429"]
        assert "Retry-After" in refusal["headers"]
