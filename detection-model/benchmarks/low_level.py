"""What v4 would gain from a closer look at low levels: residuals, high-pass filters, early maps.

    python detection-model/benchmarks/low_level.py DATA --output docs/low_level.json

trains v4's network and variants of it for one epoch of 8,192 images each, all from ImageNet's
weights, on the labelled fakes alone (a blend says nothing of a generator's traces), and measures
each on Validation: AUC by source, parameters, and images trained on a second. The runs are equally
short, so the figures compare with one another and with nothing else. Rows that are there already
are not repeated; five to nine minutes of two cores each.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from deepfake_detection.training.efficientnet import start_from_imagenet
from deepfake_detection.training.evaluate import Scored, scores_by_source
from deepfake_detection.training.feeds import Feed, make_feed
from deepfake_detection.training.networks import build_v4, classified
from deepfake_detection.training.runs import options_for
from deepfake_detection.training.train import START_BATCHES

# Residuals are some grey levels; in the network's units, 1/128 of one, they are brought to order 1.
GAIN = 16.0
# What the second, third and fifth stages' last blocks add to their maps of 56, 28 and 14 rows.
EARLY = ("blocks_2_project_conv", "blocks_4_project_conv", "blocks_10_project_conv")


def residual(scaled: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Return what a 3 x 3 binomial blur takes away, amplified and truncated (as SRM's is)."""
    blur = layers.DepthwiseConv2D(3, padding="same", use_bias=False, trainable=False, name=name)
    smooth = blur(scaled)
    kernel = np.outer([1, 2, 1], [1, 2, 1])[:, :, np.newaxis, np.newaxis] / 16
    blur.set_weights([np.repeat(kernel, 3, axis=2)])
    return layers.Activation("tanh")(GAIN * (scaled - smooth))


def averaged_to(features: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """Average a map down to ``side`` rows and columns."""
    factor = features.shape[1] // side
    return layers.AveragePooling2D(factor)(features)


def plain(v4: keras.Model) -> keras.Model:
    """v4 itself."""
    return v4


def residual_input(v4: keras.Model) -> keras.Model:
    """Give the stem the residual as three more channels, whose weights start at nothing."""
    extra = layers.Conv2D(
        32, 3, 2, padding="same", use_bias=False, kernel_initializer="zeros", name="residual_stem"
    )

    def call(layer: keras.Layer, *inputs: keras.KerasTensor, **_: object) -> keras.KerasTensor:
        if layer.name == "conv_stem":
            return layer(*inputs) + extra(residual(inputs[0], "blur"))
        return layer(*inputs)

    # A layer of its own for each of v4's, under the same name.
    twin = keras.models.clone_model(
        v4, clone_function=lambda la: type(la).from_config(la.get_config()), call_function=call
    )
    for layer in v4.layers:
        if layer.get_weights():
            twin.get_layer(layer.name).set_weights(layer.get_weights())
    return twin


def high_pass_branch(v4: keras.Model) -> keras.Model:
    """Join a small network's map of the residual, at half the resolution first, to v4's own."""
    pixels = v4.inputs[0]
    x = residual(v4.layers[1].output, "blur")
    for index, (channels, stride) in enumerate([(24, 2), (32, 1), (48, 2), (96, 2)]):
        name = f"branch_{index}"
        x = layers.Conv2D(channels, 3, stride, padding="same", activation="relu", name=name)(x)
    x = layers.Conv2D(192, 1, activation="relu", name="branch_head")(x)
    return classified(pixels, layers.Concatenate()([last_map(v4), averaged_to(x, 7)]))


def early_maps(v4: keras.Model) -> keras.Model:
    """Classify by what early blocks find beside the last map."""
    early = [averaged_to(v4.get_layer(name).output, 7) for name in EARLY]
    return classified(v4.inputs[0], layers.Concatenate()([last_map(v4), *early]))


def shallow_cut(v4: keras.Model) -> keras.Model:
    """Cut v4 after its third stage and leave its first stride out."""
    trunk = keras.Model(v4.inputs[0], v4.get_layer("blocks_5_expand_conv").input)

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        return type(layer).from_config(
            config | {"strides": (1, 1)} if layer.name == "conv_stem" else config
        )

    twin = keras.models.clone_model(trunk, clone_function=clone)
    twin.set_weights(trunk.get_weights())
    head = layers.Conv2D(320, 1, activation="relu", name="shallow_head")(twin.outputs[0])
    return classified(twin.inputs[0], head)


VARIANTS: dict[str, Callable[[keras.Model], keras.Model]] = {
    "v4": plain,
    "residual input": residual_input,
    "high-pass branch": high_pass_branch,
    "early maps": early_maps,
    "shallow, at full resolution": shallow_cut,
}


def last_map(v4: keras.Model) -> keras.KerasTensor:
    """v4's own feature map, of 7 rows and columns."""
    return v4.layers[-3].input


def train(variant: str, args: argparse.Namespace) -> dict[str, float]:
    """Train one variant and measure it; return its row."""
    options = options_for(
        "v4",
        data=args.data,
        output=args.workspace,
        name="low-level",
        epochs=1,
        without=("blends",),
    )
    feed = make_feed(options, 0)
    keras.utils.set_random_seed(options.seed)
    v4 = build_v4()
    start_from_imagenet(v4, (images for images, _ in feed.training.take(START_BATCHES)))
    network = VARIANTS[variant](v4)
    network.compile(
        options.recipe.optimizer(1, feed.steps or 0), loss="binary_crossentropy", jit_compile=False
    )
    started = time.perf_counter()
    network.fit(feed.training, steps_per_epoch=feed.steps, verbose=2, shuffle=False)
    seconds = time.perf_counter() - started
    rate = (feed.steps or 0) * options.batch_size / seconds
    return measure(network, feed) | {
        "parameters": network.count_params(),
        "images trained on a second": round(rate, 1),
    }


def measure(network: keras.Model, feed: Feed) -> dict[str, float]:
    """Return AUC on Validation, all of it and by source."""
    p = network.predict(feed.validation, verbose=0)[:, 0]
    images = feed.validation_images
    labels = np.array([image.label for image in images], np.float32)
    by_source = scores_by_source(p.astype(np.float64), Scored(images, p, labels, []))
    return {source: scores.auc or 0.0 for source, scores in by_source.items()}


def main() -> None:
    """Run what is not there yet; write all rows after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--workspace", type=Path, default=Path("detection-model/workspace"))
    parser.add_argument("--output", type=Path, default=Path("low_level.json"))
    args = parser.parse_args()
    rows = json.loads(args.output.read_text("utf-8")) if args.output.is_file() else {}
    for variant in args.variants:
        if variant in rows:
            continue
        keras.backend.clear_session()
        rows[variant] = train(variant, args)
        args.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        print(variant, rows[variant], flush=True)


if __name__ == "__main__":
    main()
