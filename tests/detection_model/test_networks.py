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
        "v4": 45,
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

    from deepfake_detection.training.networks import build_mirrored_v4, build_v4

    trained = build_v4()
    trained.save_weights(tmp_path / "trained.weights.h5")
    served = build_mirrored_v4()
    served.load_weights(tmp_path / "trained.weights.h5")
    faces = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3)).astype(np.float32)
    straight, mirrored = (logit(np.asarray(trained(x))) for x in (faces, faces[:, :, ::-1]))
    assert np.abs(straight - mirrored).max() > 1e-4
    np.testing.assert_allclose(
        logit(np.asarray(served(faces))), (straight + mirrored) / 2, atol=1e-5
    )


def test_v4s_rate_rises_and_falls_once_in_each_stage():
    from deepfake_detection.training.networks import PEAK_RATE, V4_STAGES, annealed_adamw

    epochs = sum(stage.epochs for stage in V4_STAGES)
    second, steps = 20 * V4_STAGES[0].epochs, 20 * epochs
    schedule = annealed_adamw(epochs, 20)._learning_rate
    rate = [float(schedule(step)) for step in range(steps)]
    for start, end in ((0, second), (second, steps)):
        peak = start + int(np.argmax(rate[start:end]))
        assert rate[peak] == pytest.approx(PEAK_RATE)
        assert peak == start + (end - start) // 20
        assert rate[start] == 0
        assert rate[end - 1] < PEAK_RATE / 1000


def test_a_training_of_one_epoch_is_over_before_the_second_stage():
    from deepfake_detection.training.networks import V4_STAGES, stage_starts

    assert stage_starts(V4_STAGES, 45) == [0, 30]
    assert stage_starts(V4_STAGES, 3) == [0, 2]
    assert stage_starts(V4_STAGES, 1) == [0, 1]
