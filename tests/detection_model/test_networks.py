import numpy as np
import pytest

pytestmark = pytest.mark.slow

PARAMETERS = {"v1": 3_696_625, "v2": 3_946_481, "v3": 3_946_481}
OPTIMIZER_VARIABLES = {"v1": 7_393_252, "v2": 7_892_964, "v3": 7_892_964}


@pytest.fixture(params=PARAMETERS)
def recipe(request):
    from deepfake_detection.training.networks import RECIPES

    return request.param, RECIPES[request.param]


def test_parameters_and_adams_variables_are_the_documents(recipe):
    import keras

    from deepfake_detection.training.networks import optimizer_variable_count

    name, recipe = recipe
    network = recipe.build()
    network.compile(optimizer=recipe.optimizer(1))
    network.optimizer.build(network.trainable_variables)
    assert network.count_params() == PARAMETERS[name]
    assert optimizer_variable_count(network) == OPTIMIZER_VARIABLES[name]


def test_it_answers_one_probability_for_an_image(recipe):
    _, recipe = recipe
    spec = recipe.input
    images = np.random.default_rng(0).random((2, spec.height, spec.width, spec.channels))
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
    }
