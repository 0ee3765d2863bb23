import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PARAMETERS = {"v1": 3_696_625, "v2": 3_946_481, "v3": 3_946_481, "v4": 3_351_281}
OPTIMIZER_VARIABLES = {"v1": 7_393_252, "v2": 7_892_964, "v3": 7_892_964, "v4": 6_702_563}

RECORDED = Path(__file__).with_name("efficientnet_lite0.json")


@pytest.fixture(params=PARAMETERS)
def recipe(request):
    from deepfake_detection.training.networks import RECIPES

    return request.param, RECIPES[request.param]


def test_parameters_and_adams_variables_are_the_documents(recipe):

    from deepfake_detection.training.networks import optimizer_variable_count

    name, recipe = recipe
    network = recipe.build()
    network.compile(optimizer=recipe.optimizer(1, 1))
    network.optimizer.build(network.trainable_variables)
    assert network.count_params() == PARAMETERS[name]
    assert optimizer_variable_count(network) == OPTIMIZER_VARIABLES[name]


def test_it_answers_one_probability_for_an_image(recipe):
    _, recipe = recipe
    spec = recipe.input
    images = np.random.default_rng(0).random((2, spec.height, spec.width, spec.channels))
    low, high = spec.value_range
    images = low + images * (high - low)
    answer = np.asarray(recipe.build()(images.astype(np.float32)))
    assert answer.shape == (2, 1)
    assert answer.dtype == np.float32
    assert ((answer > 0) & (answer < 1)).all()


def test_epochs_are_the_documents():
    from deepfake_detection.training.networks import RECIPES

    assert {name: recipe.epochs for name, recipe in RECIPES.items()} == {
        "v1": 20,
        "v2": 10,
        "v3": 20,
        "v4": 40,
    }


def test_the_port_of_efficientnet_answers_as_pytorchs():
    """What PyTorch answers was recorded by ``scripts/record-efficientnet.py``."""
    import keras

    from deepfake_detection.training.efficientnet import imagenet_network, start_from_imagenet
    from deepfake_detection.training.networks import build_v4

    recorded = json.loads(RECORDED.read_text())
    noise = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)
    original = np.asarray(imagenet_network(224)(noise, training=False)).mean(axis=(1, 2))
    np.testing.assert_allclose(original[0], recorded, atol=1e-4)

    folded = build_v4()
    start_from_imagenet(folded, [])
    features = keras.Model(folded.input, folded.layers[-3].output)
    np.testing.assert_allclose(np.asarray(features(noise))[0], recorded, atol=1e-4)


def test_statistics_are_brought_to_the_faces_given():
    from deepfake_detection.training.efficientnet import start_from_imagenet
    from deepfake_detection.training.networks import build_v4

    faces = np.random.default_rng(0).integers(0, 90, (4, 224, 224, 3)).astype(np.float32)
    biases = []
    for batches in ([], [faces]):
        network = build_v4()
        start_from_imagenet(network, batches)
        biases.append(network.get_layer("conv_stem").get_weights()[1])
    assert np.abs(biases[0] - biases[1]).max() > 0.01


def test_v4_serves_the_mean_of_a_face_and_its_mirror_image(tmp_path):
    from scipy.special import logit

    from deepfake_detection.training.efficientnet import start_from_imagenet
    from deepfake_detection.training.networks import build_mirrored_v4, build_v4

    trained = build_v4()
    start_from_imagenet(trained, [])
    trained.save_weights(tmp_path / "trained.weights.h5")
    served = build_mirrored_v4()
    served.load_weights(tmp_path / "trained.weights.h5")
    faces = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3)).astype(np.float32)
    straight, mirrored = (logit(np.asarray(trained(x))) for x in (faces, faces[:, :, ::-1]))
    assert np.abs(straight - mirrored).max() > 1e-4
    np.testing.assert_allclose(
        logit(np.asarray(served(faces))), (straight + mirrored) / 2, atol=1e-5
    )


def test_once_converted_v4_answers_alike_for_a_face_and_its_mirror_image(tmp_path):
    from deepfake_detection.inference import load_network
    from deepfake_detection.training.efficientnet import start_from_imagenet
    from deepfake_detection.training.export import save_whole
    from deepfake_detection.training.networks import build_mirrored_v4

    served = build_mirrored_v4()
    start_from_imagenet(served, [])
    save_whole(served, tmp_path / "mirrored.keras")
    network = load_network(tmp_path / "mirrored.keras", tmp_path / "cache")
    faces = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), np.uint8)
    mirrored = faces[:, :, ::-1]
    np.testing.assert_allclose(network.fake_logits(faces), network.fake_logits(mirrored), atol=1e-5)
    maps = network.activation_maps(faces)
    assert np.abs(maps - maps[:, :, ::-1]).max() > 1e-4
    np.testing.assert_allclose(maps, network.activation_maps(mirrored)[:, :, ::-1], atol=1e-5)


def test_v4s_rate_rises_and_falls_once_in_each_stage():
    from deepfake_detection.training.networks import RECIPES, V4_STAGES

    epochs = sum(stage.epochs for stage in V4_STAGES)
    second, steps = 20 * V4_STAGES[0].epochs, 20 * epochs
    schedule = RECIPES["v4"].optimizer(epochs, 20)._learning_rate
    rate = [float(schedule(step)) for step in range(steps)]
    for stage, start, end in zip(V4_STAGES, (0, second), (second, steps), strict=True):
        peak = start + int(np.argmax(rate[start:end]))
        assert rate[peak] == pytest.approx(stage.peak_rate)
        assert peak == start + (end - start) // 20
        assert rate[start] == 0
        assert rate[end - 1] < stage.peak_rate / 1000


def test_a_training_of_one_epoch_is_over_before_the_second_stage():
    from deepfake_detection.training.networks import V4_STAGES, stage_starts

    assert stage_starts(V4_STAGES, 40) == [0, 30]
    assert stage_starts(V4_STAGES, 4) == [0, 3]
    assert stage_starts(V4_STAGES, 1) == [0, 1]
    assert stage_starts((), 20) == [0]


def test_the_epoch_kept_is_the_best_of_the_last_stage(tmp_path):
    """A later stage teaches more than Validation asks for, and need not beat the first there."""
    import keras

    from deepfake_detection.training.callbacks import BestOfStage

    keeper = BestOfStage(tmp_path / "best.weights.h5", [0, 2], None)
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    keeper.set_model(network)
    for epoch, auc in enumerate([0.8, 0.9, 0.7, 0.85, 0.75]):
        keeper.on_epoch_begin(epoch)
        network.set_weights([np.full((1, 1), auc)])
        keeper.on_epoch_end(epoch, {"val_auc": auc})
    network.load_weights(tmp_path / "best.weights.h5")
    assert network.get_weights()[0].item() == pytest.approx(0.85)


def test_a_run_is_recorded_with_the_best_of_its_last_stage(tmp_path):
    from deepfake_detection.training.runs import of_last_stage, options_for

    options = options_for("v4", data=tmp_path, output=tmp_path, epochs=4)
    rows = [{"epoch": float(epoch)} for epoch in range(4)]
    assert of_last_stage(rows, options) == rows[3:]
    assert of_last_stage(rows[:3], options) == rows[:3]
    assert of_last_stage([], options) == []
