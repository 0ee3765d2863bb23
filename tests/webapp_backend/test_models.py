"""What lies in the model folder is what answers, also while it changes."""

import os
from pathlib import Path

import pytest

from tests.conftest import Server, eventually
from tests.networks import NetworkFactory, expected
from tests.webapp_backend.conftest import encode, grey

LEVEL = 200
IMAGE = encode(grey(LEVEL))


def score(server: Server, model: str) -> float | None:
    answer = server.judge(IMAGE, model=model)
    return answer.json()["results"][0]["fake_probability"] if answer.ok else None


def always(server: Server, model: str, value: float) -> bool:
    """Whether every worker gives this score; a run of answers meets both."""
    wanted = pytest.approx(value, abs=1e-3)
    return eventually(lambda: all(score(server, model) == wanted for _ in range(8)))


def test_models_are_listed_with_the_default_first(tiny: Server) -> None:
    assert list(tiny.models()) == ["tiny", "faces", "bare"]
    model = tiny.models()["tiny"]
    assert model == {
        "name": "tiny",
        "state": "ready",
        "reason": None,
        "default": True,
        "version": "1.0",
        "summary": "Tiny",
        "parameters": 2,
        "reading": {"output": "sigmoid", "class_order": ["real", "fake"], "proven": True},
        "test_accuracy": None,
        "test_auc": None,
    }
    detail = tiny.get("/api/v1/models/tiny").json()
    assert detail.pop("card")["name"] == "tiny"
    assert detail == model


def test_a_model_without_card_is_unproven(tiny: Server) -> None:
    model = tiny.get("/api/v1/models/bare").json()
    assert model["reading"]["proven"] is False
    assert model["card"] is None
    assert model["version"] is None
    assert not model["default"]


@pytest.mark.slow
def test_an_unproven_model_is_flipped_by_a_setting(start_tiny, networks: NetworkFactory) -> None:
    networks("bare", card=False)
    networks("carded")
    server = start_tiny(flip_models="bare, carded")
    assert score(server, "bare") == pytest.approx(1 - expected(LEVEL), abs=1e-3)
    assert score(server, "carded") == pytest.approx(expected(LEVEL), abs=1e-3)
    assert server.models()["bare"]["reading"]["class_order"] == ["fake", "real"]


def test_the_default_is_the_last_carded_in_natural_order(
    start_tiny, networks: NetworkFactory
) -> None:
    for name in ("v9", "v10"):
        networks(name)
    networks("w1", card=False)
    server = start_tiny()
    assert eventually(lambda: all(server.opened(name) for name in ("v9", "v10", "w1")))
    assert list(server.models()) == ["v10", "w1", "v9"]
    assert server.judge(IMAGE).json()["model"]["name"] == "v10"


@pytest.mark.slow
def test_the_default_is_a_setting(start_tiny, networks: NetworkFactory) -> None:
    networks("v1")
    networks("v2")
    server = start_tiny(default_model="v1")
    assert server.judge(IMAGE).json()["model"]["name"] == "v1"
    assert [m["name"] for m in server.models().values() if m["default"]] == ["v1"]


@pytest.mark.slow
def test_a_model_comes_changes_and_goes_while_the_server_runs(
    start_tiny, networks: NetworkFactory
) -> None:
    networks("v1")
    server = start_tiny()
    networks("v2", gain=2)
    assert always(server, "v2", expected(LEVEL, 2))
    networks("v2", gain=-2)
    assert always(server, "v2", expected(LEVEL, -2))
    (networks.folder / "v2.keras").unlink()
    gone = eventually(
        lambda: all(server.judge(IMAGE, model="v2").status_code == 404 for _ in range(8))
    )
    assert gone
    assert server.judge(IMAGE).json()["model"]["name"] == "v1"


@pytest.mark.slow
def test_a_card_that_changes_is_noticed(start_tiny, networks: NetworkFactory) -> None:
    networks("v1")
    server = start_tiny()
    networks("v1", version="2.0")
    assert eventually(lambda: server.models()["v1"]["version"] == "2.0")


@pytest.mark.slow
def test_a_broken_replacement_leaves_the_old_one_answering(
    start_tiny, networks: NetworkFactory
) -> None:
    networks("v1")
    server = start_tiny()
    (networks.folder / "v1.json").write_text("{")
    reason = eventually(lambda: server.models()["v1"]["reason"])
    assert "card" in reason
    assert server.models()["v1"]["state"] == "ready"
    assert score(server, "v1") == pytest.approx(expected(LEVEL), abs=1e-3)


@pytest.mark.slow
def test_a_file_still_being_copied_is_left_alone(start_tiny, networks: NetworkFactory) -> None:
    networks("v1")
    source = networks("v2")
    content = source.read_bytes()
    source.unlink()
    server = start_tiny()
    with source.open("wb", buffering=0) as file:
        for byte in content * 2:
            file.write(bytes([byte]))
            assert server.models().get("v2", {}).get("state") in (None, "converting")
            if file.tell() == len(content):
                eventually(lambda: False, 3.0)
                break
    assert eventually(lambda: server.opened("v2"))


@pytest.mark.slow
def test_what_cannot_be_a_model_is_listed_with_the_reason(
    start_tiny, networks: NetworkFactory, tmp_path: Path
) -> None:
    good = networks("good")
    folder = networks.folder
    outside = tmp_path / "outside.keras"
    outside.write_bytes(good.read_bytes())
    (folder / "link.keras").symlink_to(outside)
    (folder / "gone.keras").symlink_to(folder / "nothing.keras")
    (folder / "inside.keras").symlink_to(good)
    (folder / "folder.keras").mkdir()
    (folder / "no name?.keras").write_bytes(good.read_bytes())
    os.mkfifo(folder / "pipe.keras")
    Path(os.fsdecode(bytes(folder) + b"/\xff.keras")).write_bytes(b"x")
    server = start_tiny()
    assert eventually(lambda: server.opened("inside"))
    models = server.models()
    bad = {name: model["reason"] for name, model in models.items() if model["state"] == "unusable"}
    assert set(bad) == {"link", "gone", "folder", "no name?", "pipe", "\ufffd"}
    assert "link out of" in bad["link"]
    assert bad["folder"] == bad["pipe"] == "It is not a file."
    assert str(tmp_path) not in server.get("/api/v1/models").text
    answer = server.judge(IMAGE, model="link")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith(":no-usable-model")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("empty", "The model folder holds no .keras file."),
        ("missing", "The model folder cannot be read: No such file or directory."),
    ],
)
def test_without_a_model_the_server_is_alive_but_not_ready(
    start_tiny, networks, folder, sentence
) -> None:
    if folder == "missing":
        networks.folder.rmdir()
    server = start_tiny(ready=False)
    assert eventually(lambda: server.get("/livez").json() == {"status": "alive", "detail": ""})
    answer = server.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == sentence
    assert answer.headers["Retry-After"]
    assert server.judge(IMAGE).status_code == 503
    # Each worker says it once, not at every look.
    assert 1 <= [line["message"] for line in server.log_lines()].count(sentence) <= 2


@pytest.mark.slow
def test_readiness_tells_of_a_default_that_is_not_there(start_tiny, networks) -> None:
    networks("v1")
    server = start_tiny(ready=False, default_model="v2")
    # Each worker looks at the folder for itself, so one can know it before the other.
    assert eventually(lambda: "'v2'" in server.get("/readyz").json()["detail"])
    assert server.get("/readyz").status_code == 503
    assert always(server, "v1", expected(LEVEL))


@pytest.mark.slow
def test_a_real_keras_file_is_converted_and_then_starts_at_once(
    start_tiny, networks: NetworkFactory, keras_file
) -> None:
    keras_file(networks.folder / "real.keras", bias=2.0)
    server = start_tiny(ready=False)
    not_ready = ":model-not-ready"
    assert eventually(lambda: server.get("/readyz").json().get("type", "").endswith(not_ready), 5)
    assert server.get("/readyz").headers["Retry-After"]
    (networks.folder / "broken.keras").write_bytes(b"PK no archive")
    assert eventually(lambda: server.opened("real"), 90)
    assert score(server, "real") is not None
    assert eventually(lambda: server.models()["broken"]["reason"], 60)
    twins = list(networks.cache.glob("*.onnx"))
    assert len(twins) == 1, "converted once for both workers"
    server.stop()
    again = start_tiny(ready=False)
    assert eventually(lambda: again.get("/readyz").ok, 3), "a cached network takes up to 3 s"


def test_two_workers_agree(tiny: Server) -> None:
    answers = [tiny.judge(IMAGE).json()["results"][0] for _ in range(20)]
    assert len({answer["fake_probability"] for answer in answers}) == 1
