"""Thousands of broken and hostile files through the real request path.

    make fuzz                       # 20,000 cases, a quarter of an hour
    FUZZ_CASES=1000 FUZZ_SEED=7 .venv/bin/python -m pytest tests/fuzz

A case follows from its seed and number alone, but for the keys of signed files. One that fails is
written to ``fuzz-failures``.
"""

import contextlib
import gc
import io
import os
import resource
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepfake_detection.image import ImageError, Limits
from deepfake_webapp import context
from deepfake_webapp.app import create_app
from deepfake_webapp.inspection.child import inspect_file
from deepfake_webapp.settings import Settings
from tests.conftest import ROOT, eventually
from tests.fuzz.files import PNG_SIGNATURE, chunk, foreign_files, segment, sound_files
from tests.fuzz.mutate import hostile_file
from tests.networks import NetworkFactory

CASES = int(os.environ.get("FUZZ_CASES", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
FAILURES = ROOT / "fuzz-failures"
ALLOWED = {200, 413, 415, 422}
# Processor time, so that a busy machine fails nothing.
SECONDS = 2.0
GROWTH_BYTES = 50_000_000
# A child for each takes 0.3 s; the others are inspected in this process.
CHILD_EVERY, INSPECT_EVERY, EXTRAS_EVERY = 20, 4, 10


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    root = tmp_path_factory.mktemp("fuzz")
    networks = NetworkFactory(root / "model", root / "cache")
    networks("tiny")
    app = create_app(Settings(model_folder=networks.folder, cache=networks.cache))
    context.of(app).registry.start()
    client = app.test_client()
    assert eventually(lambda: client.get("/readyz").status_code == 200)
    return client


def ask(client: FlaskClient, path: str, data: bytes) -> str:
    """The answer's status and kind; an error if it is none of those allowed or came too late."""
    before = _seconds()
    answer = client.post(path, data={"file": (io.BytesIO(data), "image.jpg")})
    taken = _seconds() - before
    body = answer.get_json()
    assert answer.status_code in ALLOWED, f"{path}: {answer.status_code} {body}"
    assert taken < SECONDS, f"{path}: {taken:.1f} s"
    return f"{answer.status_code} {body['type'].rpartition(':')[2] if 'type' in body else ''}"


def _seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def inspect(data: bytes) -> None:
    """Inspect without the child, which would call any error a damaged file."""
    with contextlib.suppress(ImageError):
        inspect_file(data, Limits())


def attempt(client: FlaskClient, case: int, data: bytes) -> str:
    extras = "faces=auto&explain=true&second_look=true" if case % EXTRAS_EVERY == 0 else "faces=off"
    told = ask(client, f"/api/v1/predictions?{extras}", data)
    if case % INSPECT_EVERY == 0:
        inspect(data)
    if case % CHILD_EVERY == 0:
        ask(client, "/api/v1/inspections", data)
    return told


def written(case: int, name: str, data: bytes) -> Path:
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / f"{SEED}-{case}-{name}"
    path.write_bytes(data)
    return path


@pytest.mark.slow
def test_every_damaged_file_has_an_answer(client: FlaskClient) -> None:
    process = psutil.Process()
    told: Counter[str] = Counter()
    failures = []
    level = 0
    started = time.monotonic()
    for case in range(CASES):
        name, data = hostile_file(SEED, case)
        try:
            told[attempt(client, case, data)] += 1
        except Exception as error:  # all of them are wanted, and the run goes on
            failures.append(f"{written(case, name, data)}: {error!r}")
        if case == CASES // 5:
            gc.collect()
            level = process.memory_info().rss
    gc.collect()
    growth = process.memory_info().rss - level
    print(f"\n{CASES} cases, seed {SEED}, {time.monotonic() - started:.0f} s: {dict(told)}")
    print(f"memory {level / 1e6:.0f} MB after a fifth, {growth / 1e6:+.1f} MB at the end")
    assert not failures, "\n".join(failures[:20])
    assert growth < GROWTH_BYTES


def test_sound_files_are_judged(client: FlaskClient) -> None:
    for name, data in sound_files().items():
        told = ask(client, "/api/v1/predictions", data)
        sound = name not in foreign_files()
        assert told.startswith("200") == sound, f"{name}: {told}"
        inspect(data)


bounded = settings(
    max_examples=max(50, CASES // 20),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
contents = st.binary(max_size=300)
segments = st.builds(segment, st.integers(0xC0, 0xFE), contents)
chunks = st.builds(
    chunk,
    st.sampled_from(
        [b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"iCCP", b"zTXt", b"eXIf", b"acTL", b"fcTL"]
    )
    | st.binary(min_size=4, max_size=4),
    contents,
)
jpegs = st.lists(segments | contents, max_size=12).map(lambda s: b"\xff\xd8" + b"".join(s))
pngs = st.lists(chunks | contents, max_size=12).map(lambda s: PNG_SIGNATURE + b"".join(s))
webps = st.lists(contents, max_size=6).map(lambda s: b"RIFF\xff\0\0\0WEBPVP8X" + b"".join(s))


@pytest.mark.slow
@bounded
@given(data=jpegs | pngs | webps | contents)
def test_whatever_is_put_together_has_an_answer(client: FlaskClient, data: bytes) -> None:
    ask(client, "/api/v1/predictions?faces=off", data)
    inspect(data)
