"""Figures of data, training and measurements, as the notebooks show them.

Every function returns a closed figure: the last line of a cell displays it once.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from deepfake_detection.image.card import Evaluation, Scores, TrainingRecord
from deepfake_detection.image.decode import decode
from deepfake_detection.training.dataset import LabelledImage
from deepfake_detection.training.pairs import PairSampler

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_COLUMNS = 6


def images(chosen: Sequence[LabelledImage], captions: Sequence[str] = ()) -> Figure:
    """Show images in rows of six, captioned with their class or as given."""
    captions = captions or ["fake" if image.label else "real" for image in chosen]
    return _pictures([decode(image.path).pixels for image in chosen], captions)


def pairs(sampler: PairSampler, count: int) -> Figure:
    """Show the first pairs that training draws: each photograph, and the fake beside it."""
    drawn = [picture for n in range(count) for picture in sampler.pair(n)]
    return _pictures(drawn, ["photograph", "fake"] * count)


def _pictures(chosen: Sequence[Image.Image], captions: Sequence[str]) -> Figure:
    rows = max(1, -(-len(chosen) // _COLUMNS))
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(11, 2.1 * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture, caption in zip(axes.flat, chosen, captions, strict=False):
        ax.imshow(picture)
        ax.set_title(caption, fontsize=9)
    return _done(figure)


def training_curves(records: Mapping[str, TrainingRecord]) -> Figure:
    """Loss, accuracy and AUC by epoch: dashed on Train, solid on Validation, a dot at the best."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8))
    for metric, ax in zip(("loss", "accuracy", "auc"), axes, strict=True):
        for (name, record), colour in zip(records.items(), cycle(COLOURS), strict=False):
            epochs = [epoch.epoch for epoch in record.history]
            train = [getattr(epoch, metric) for epoch in record.history]
            validation = [getattr(epoch, f"val_{metric}") for epoch in record.history]
            ax.plot(epochs, train, "--", color=colour, label=f"{name}, Train")
            ax.plot(epochs, validation, color=colour, label=f"{name}, Validation")
            best = record.best_epoch
            ax.plot(best, validation[epochs.index(best)], "o", color=colour)
        _label(ax, "AUC" if metric == "auc" else metric, "epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend(fontsize=8)
    return _done(figure)


def confusion(scores: Scores) -> Figure:
    """Counts of what the images are against what the network calls them."""
    c = scores.confusion
    counts = [[c.true_negative, c.false_positive], [c.false_negative, c.true_positive]]
    figure, ax = plt.subplots(figsize=(3.4, 3.2))
    ax.imshow(counts, cmap="Blues", vmin=0)
    dark = max(map(max, counts)) / 2
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        count = counts[row][column]
        colour = "white" if count > dark else "black"
        ax.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    ax.set_xticks((0, 1), ("real", "fake"))
    ax.set_yticks((0, 1), ("real", "fake"))
    ax.set_xlabel("is called")
    ax.set_ylabel("is")
    return _done(figure)


def roc_curves(evaluations: Mapping[str, Evaluation]) -> Figure:
    """Fakes found against reals wrongly called fake, over all thresholds."""
    figure, ax = plt.subplots(figsize=(4.6, 4.4))
    ax.plot((0, 1), (0, 1), ":", color="grey", label="guessing")
    for (name, evaluation), colour in zip(evaluations.items(), cycle(COLOURS), strict=False):
        x = [point.false_positive_rate for point in evaluation.roc]
        y = [point.true_positive_rate for point in evaluation.roc]
        ax.plot(x, y, color=colour, label=f"{name}, AUC {evaluation.sources['all'].auc:.3f}")
    _label(ax, "fakes called fake", "reals called fake")
    ax.legend(loc="lower right", fontsize=8)
    return _done(figure)


def reliability(evaluations: Mapping[str, Evaluation]) -> Figure:
    """Share of fakes among images of about the same score; the diagonal is honest."""
    figure, ax = plt.subplots(figsize=(4.6, 4.4))
    ax.plot((0, 1), (0, 1), ":", color="grey", label="what it says is so")
    for (name, evaluation), colour in zip(evaluations.items(), cycle(COLOURS), strict=False):
        bins = [b for b in evaluation.reliability if b.count]
        error = evaluation.sources["all"].calibration_error
        ax.plot(
            [b.mean_probability or 0 for b in bins],
            [b.fraction_fake or 0 for b in bins],
            "o-",
            color=colour,
            label=f"{name}, error {error:.3f}",
        )
    _label(ax, "share of fakes", "fake_probability")
    ax.legend(fontsize=8)
    return _done(figure)


def by_source(evaluations: Mapping[str, Evaluation], metric: str = "accuracy") -> Figure:
    """Accuracy or AUC for each source of images, with its 95 % interval."""
    sources = list(dict.fromkeys(s for e in evaluations.values() for s in e.sources))
    figure, ax = plt.subplots(figsize=(2.5 + 1.6 * len(sources), 3.8))
    offsets = [0.5 * ((n + 0.5) / len(evaluations) - 0.5) for n in range(len(evaluations))]
    for (name, evaluation), offset, colour in zip(
        evaluations.items(), offsets, cycle(COLOURS), strict=False
    ):
        label: str | None = name
        for position, source in enumerate(sources):
            measured = evaluation.sources.get(source)
            value = getattr(measured, metric, None)
            if measured is None or value is None:
                continue
            ax.plot(position + offset, value, "o", color=colour, label=label)
            label = None
            if interval := measured.intervals.get(metric):
                ax.vlines(position + offset, interval.low, interval.high, color=colour)
    ax.axhline(0.5, ls=":", color="grey")
    ax.set_xticks(range(len(sources)), sources)
    ax.margins(x=0.15)
    _label(ax, f"{'AUC' if metric == 'auc' else metric} on Test")
    ax.legend(fontsize=8)
    return _done(figure)


def robustness(evaluations: Mapping[str, Evaluation]) -> Figure:
    """AUC after each alteration, beside that on the images as they are."""
    names = list(dict.fromkeys(a for e in evaluations.values() for a in e.robustness))
    figure, ax = plt.subplots(figsize=(9, 3.8))
    for (network, evaluation), colour in zip(evaluations.items(), cycle(COLOURS), strict=False):
        measured = {"as they are": evaluation.sources["all"], **evaluation.robustness}
        points = [
            (i, measured[name].auc)
            for i, name in enumerate(["as they are", *names])
            if name in measured
        ]
        ax.plot(*zip(*points, strict=True), "o-", color=colour, label=network)
    ax.axhline(0.5, ls=":", color="grey")
    ax.set_xticks(range(len(names) + 1), ["as they are", *names], rotation=35, ha="right")
    _label(ax, "AUC on Test")
    ax.legend(fontsize=8)
    return _done(figure)


def _label(ax: Axes, y: str, x: str = "") -> None:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(alpha=0.25)


def _done(figure: Figure) -> Figure:
    figure.tight_layout()
    plt.close(figure)
    return figure
