"""What is committed beside the server is served: network, training curves, page."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import BUNDLED, Server, eventually
from tests.detection_model.images import encoded, portrait

pytestmark = pytest.mark.slow


def test_the_server_and_the_command_give_the_same_scores(server: Server, tmp_path: Path) -> None:
    images = [
        encoded(portrait(1)),
        encoded(portrait(2, fake=True), "PNG"),
        encoded(portrait(3, size=(1500, 1100))),
        encoded(portrait(4, size=(90, 200)), "WEBP"),
    ]
    paths = [tmp_path / f"{position}.img" for position in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(image)
    model = server.judge(images[0]).json()["model"]["name"]
    command = [Path(sys.executable).with_name("deepfake"), "predict", "--json", "--faces", "off"]
    printed = subprocess.run(
        [*command, "--model", model, *map(str, paths)], capture_output=True, text=True, check=True
    ).stdout
    by_command = [result["fake_probability"] for result in json.loads(printed)["results"]]
    by_server = [r["fake_probability"] for r in server.judge(*images).json()["results"]]
    assert by_server == pytest.approx(by_command, abs=1e-4)
    one_by_one = [server.judge(i).json()["results"][0]["fake_probability"] for i in images]
    assert one_by_one == pytest.approx(by_command, abs=1e-4)


def test_every_bundled_network_is_ready_with_a_proven_reading(server: Server) -> None:
    names = {path.stem for path in (BUNDLED / "model").glob("*.keras")}
    assert eventually(lambda: all(server.opened(name) for name in names), 120)
    models = server.models()
    assert set(models) == names
    for model in models.values():
        assert model["reading"]["proven"]
        assert model["test_accuracy"] is not None


def test_the_bundled_training_curves_are_shown(server: Server) -> None:
    runs = eventually(lambda: server.get("/tensorboard/data/runs").json(), 30)
    assert {"v3/train", "v4/train"} <= set(runs)
    tags = server.get("/tensorboard/data/plugin/scalars/tags").json()
    assert tags["v3/train"]
