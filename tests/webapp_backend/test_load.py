"""Many clients, slow ones, and some that leave."""

import concurrent.futures
import contextlib
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest

from deepfake_detection.image import decode, to_pixels
from deepfake_detection.inference import default_cache, load_network
from deepfake_webapp.problems import DRAIN_SECONDS
from tests.conftest import BUNDLED, Server, eventually
from tests.detection_model.images import encoded, portrait
from tests.networks import NetworkFactory
from tests.webapp_backend.conftest import encode, grey, slow_image

pytestmark = pytest.mark.slow


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """Closes connections with the test."""
    with contextlib.ExitStack() as open_until_the_end:
        yield open_until_the_end


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def request(image: bytes) -> bytes:
    """A whole upload as it goes over the wire."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body += image + b"\r\n--b--\r\n"
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode() + body


def chunked(whole: bytes) -> bytes:
    """The same upload without its length."""
    head, _, body = whole.partition(b"\r\n\r\n")
    head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head)
    return head + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def test_a_thousand_mixed_requests_answer_as_one_by_one(tiny: Server) -> None:
    images = [encode(grey(level)) for level in range(0, 250, 25)]
    images += [encode(grey(level, (1500, 900)), "JPEG") for level in range(10, 250, 60)]
    calls: list[tuple[tuple[bytes, ...], dict[str, str]]] = [((image,), {}) for image in images]
    calls += [((image,), {"model": "bare"}) for image in images[:5]]
    calls += [(tuple(images[:3]), {}), ((images[1], b"no image"), {}), ((b"no image",), {})]
    calls += [((images[0],), {"model": "nothing"})]

    def answer(position: int) -> tuple[int, object]:
        sent, query = calls[position % len(calls)]
        got = tiny.judge(*sent, **query)
        results = [
            (r["file"], r.get("fake_probability"), r.get("problem", {}).get("type"))
            for r in got.json().get("results", [])
        ]
        return got.status_code, results or got.json()["type"]

    alone = [answer(position) for position in range(len(calls))]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(answer, range(1000)))
    assert answers == [alone[position % len(calls)] for position in range(1000)]


def test_64_clients_get_an_answer_or_an_honest_503(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    server = start_tiny(queue_length=4)
    image = encode(grey(99, (900, 900)))
    tree = [psutil.Process(server.process.pid)]
    tree += tree[0].children(recursive=True)
    deadline = time.monotonic() + 10
    memory: list[float] = []

    def client(_: int) -> list[tuple[int, float, bool]]:
        seen = []
        while time.monotonic() < deadline:
            started = time.monotonic()
            answer = server.judge(image)
            patient = "Retry-After" in answer.headers
            seen.append((answer.status_code, time.monotonic() - started, patient))
        return seen

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        futures = [pool.submit(client, number) for number in range(64)]
        while time.monotonic() < deadline:
            time.sleep(0.5)
            memory.append(sum(process.memory_full_info().pss for process in tree))
        seen = [answer for future in futures for answer in future.result()]
    assert {status for status, _, _ in seen} == {200, 503}
    assert all(patient for status, _, patient in seen if status == 503)
    assert np.percentile([seconds for _, seconds, _ in seen], 95) < 5
    warm = len(memory) // 2
    assert max(memory[warm:]) < 1.15 * max(memory[:warm])


def test_a_client_that_left_while_it_waited_is_not_judged(
    start_tiny, networks: NetworkFactory
) -> None:
    networks("tiny")
    server = start_tiny(workers=1, scoring_slots=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.judge, slow_image())
        assert eventually(lambda: server.metric("deepfake_queued_requests") == 1)
        leaving = [connect(server) for _ in range(3)]
        for connection in leaving:
            connection.sendall(request(encode(grey(1))))
        assert eventually(lambda: server.metric("deepfake_queued_requests") == 4, 3)
        for connection in leaving:
            connection.close()
        assert first.result().status_code == 200
    left = 'deepfake_requests_total{method="POST",route="/predict",status="499"}'
    assert eventually(lambda: server.metric(left) == 3)
    judged = 'deepfake_verdicts_total{model="tiny",verdict="real"}'
    assert server.metric(judged) == 0
    assert server.metric("deepfake_queued_requests") == 0


def test_slow_uploads_end_and_leave_the_threads_to_others(
    start_tiny, networks: NetworkFactory, stack: contextlib.ExitStack
) -> None:
    networks("tiny")
    # Three threads in all.
    server = start_tiny(
        workers=1, scoring_slots=1, queue_length=1, spare_threads=1, upload_seconds=1
    )
    whole = request(encode(grey(1)))
    stalled = [stack.enter_context(connect(server)) for _ in range(6)]
    for number, connection in enumerate(stalled):
        connection.sendall(whole[: 30 if number % 2 else -5])  # within the head, within the body
    started = time.monotonic()
    assert server.judge(encode(grey(250))).status_code == 200
    assert time.monotonic() - started < 10
    answers = [connection.recv(65536) for connection in stalled]
    assert all(not answer for answer in answers[1::2])
    assert all(b" 408 " in answer for answer in answers[0::2])
    assert b"upload-too-slow" in answers[0]
    assert "Traceback" not in server.log.read_text()


def test_refused_clients_do_not_hold_a_thread_for_long(
    start_tiny, networks: NetworkFactory, stack: contextlib.ExitStack
) -> None:
    networks("tiny")
    server = start_tiny(workers=1, scoring_slots=1, queue_length=1, spare_threads=1)
    # Too large by what they declare, and then they say no more.
    head = request(bytes(1000)).replace(b"Content-Length: ", b"Content-Length: 9999999", 1)
    refused = [stack.enter_context(connect(server)) for _ in range(6)]
    started = time.monotonic()
    for number, connection in enumerate(refused):
        connection.sendall(head)
        if number % 2:  # reset, not just closed
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
    answers = [connection.recv(65536) for connection in refused[0::2]]
    assert all(b" 413 " in answer for answer in answers)
    assert time.monotonic() - started < DRAIN_SECONDS + 3
    assert server.judge(encode(grey(250))).status_code == 200
    assert "Traceback" not in server.log.read_text()


def test_a_refused_client_that_keeps_sending_is_cut_off(
    start_tiny, networks: NetworkFactory, stack: contextlib.ExitStack
) -> None:
    networks("tiny")
    server = start_tiny(workers=1)
    head = request(b"").replace(b"Content-Length: ", b"Content-Length: 99999999", 1)
    connection = stack.enter_context(connect(server))
    connection.sendall(head)
    started = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < started + 3 * DRAIN_SECONDS:
            connection.sendall(bytes(50_000))
            time.sleep(0.5)  # faster than what a request must keep up
    assert DRAIN_SECONDS - 1 < time.monotonic() - started < DRAIN_SECONDS + 3


def test_uploads_find_no_more_room_than_they_are_given(
    start_tiny, networks: NetworkFactory, stack: contextlib.ExitStack
) -> None:
    networks("tiny")
    server = start_tiny(workers=1, max_request_bytes=3_000_000, max_held_bytes=5_000_000)
    half = request(bytes(2_500_000))[:2_000_000]
    coming = [stack.enter_context(connect(server)) for _ in range(2)]
    for connection in coming:
        connection.sendall(half)
    held = "deepfake_upload_bytes"
    assert eventually(lambda: server.metric(held) > 3_500_000)
    # Refused by what it declares, and where it declares nothing, by what comes.
    large = encode(grey(1)) + bytes(2_000_000)
    for body in (request(large), chunked(request(large))):
        connection = stack.enter_context(connect(server))
        connection.sendall(body)
        answer = connection.recv(65536)
        assert b" 503 " in answer
        assert b"Retry-After: " in answer
    assert server.metric(held) < 5_000_000
    # What is small still finds room.
    assert server.judge(encode(grey(1))).status_code == 200
    for connection in coming:
        connection.close()
    assert eventually(lambda: server.metric(held) == 0)
    assert server.judge(large).status_code == 200


def test_ctrl_c_under_load_stops_at_once(
    start_tiny, networks: NetworkFactory, stack: contextlib.ExitStack
) -> None:
    networks("tiny")
    server = start_tiny()
    stalled = [stack.enter_context(connect(server)) for _ in range(10)]
    for connection in stalled:
        connection.sendall(request(slow_image())[:100_000])
    started = time.monotonic()
    for process in [server.process, *psutil.Process(server.process.pid).children()]:
        process.send_signal(signal.SIGINT)  # as a terminal does, to the whole group
    server.process.wait(10)
    assert time.monotonic() - started < 3


def test_figures_of_every_stage(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    (networks.folder / "broken.keras").mkdir()
    server = start_tiny()
    server.judge(encode(grey(250)), encode(grey(1)), b"no image")
    text = server.get("/metrics").text
    for line in (
        'deepfake_requests_total{method="POST",route="/api/v1/predictions",status="200"} 1.0',
        'deepfake_request_seconds_count{route="/api/v1/predictions"} 1.0',
        'deepfake_stage_seconds_count{stage="decode"} 2.0',
        'deepfake_stage_seconds_count{stage="network"} 1.0',
        'deepfake_verdicts_total{model="tiny",verdict="fake"} 1.0',
        'deepfake_verdicts_total{model="tiny",verdict="real"} 1.0',
        "deepfake_queued_requests 0.0",
        "deepfake_tensorboard_ready 0.0",
    ):
        assert line in text, line


def test_reduced_decoding_costs_half_and_scores_alike() -> None:
    network = load_network(BUNDLED / "model" / "v3.keras", default_cache(), threads=1)
    spec = network.card.input
    spent = {True: 0.0, False: 0.0}
    for seed in range(50):
        image = encoded(portrait(seed, fake=bool(seed % 2), size=(4000, 3000)), quality=90)
        scores = []
        for reduced in (True, False):
            started = time.process_time()
            decoded = decode(image, at_least=(spec.width, spec.height) if reduced else None)
            pixels = to_pixels(decoded.pixels, spec)
            spent[reduced] += time.process_time() - started
            scores.append(network.fake_probabilities(pixels[np.newaxis])[0])
        assert abs(scores[0] - scores[1]) <= 0.02
    assert spent[True] <= 0.5 * spent[False]


@pytest.mark.parametrize("damage", ["truncated", "no zip", "huge", "lambda", "two outputs"])
def test_the_application_stays_up_whatever_is_dropped_in(
    start_tiny, networks: NetworkFactory, keras_file: Callable[..., object], damage: str
) -> None:
    networks("good")
    path = networks.folder / "odd.keras"
    put_odd_file(path, damage, keras_file)
    server = start_tiny()
    reason = eventually(lambda: server.models()["odd"]["reason"], 60)
    reasons = {
        "truncated": "Keras cannot load it",
        "no zip": "Keras cannot load it",
        "huge": "the limit is",
        "lambda": "Keras cannot load it",
        "two outputs": "2 outputs",
    }
    assert reasons[damage] in reason
    assert server.judge(encode(grey(1)), model="good").status_code == 200
    assert server.get("/readyz").ok


def put_odd_file(path, damage: str, keras_file: Callable[..., object]) -> None:
    import keras

    pictures = keras.Input((16, 16, 3))
    features = keras.layers.GlobalAveragePooling2D()(pictures)
    one, other = (keras.layers.Dense(1, activation="sigmoid")(features) for _ in range(2))
    if damage == "huge":
        with path.open("wb") as file:
            file.truncate(2_000_000_000)
    elif damage == "no zip":
        path.write_bytes(b"hello")
    elif damage == "truncated":
        keras_file(path)
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "two outputs":
        keras.Model(pictures, [one, other]).save(path)
    else:
        keras.Model(pictures, keras.layers.Lambda(lambda x: x * 2)(one)).save(path)
