"""Batches of pairs for v4: a photograph of a face, and a fake of the same origin.

Origin, size, compression and every random change are alike for both, so that none of them tells
the classes apart. Some of the fakes are labelled ones; the others are blends made of the
photograph beside them, new ones at each step.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image.decode import decode
from deepfake_detection.inference.faces import Face
from deepfake_detection.training.augment import chance, degrade, erase, random_crop
from deepfake_detection.training.blend import Portrait, cross_blend, self_blend
from deepfake_detection.training.dataset import DataError, LabelledImage
from deepfake_detection.training.face_crops import LocatedImage


@dataclass(frozen=True)
class Mix:
    """In which shares the pairs of a stage of training are put together.

    What a share of 0 leaves out draws no random number, so that the pairs of an older mix stay as
    they were.

    Attributes:
        blended: Of blends among the fakes of an origin that has labelled ones.
        cross_blended: Of blends with another face among the blends.
        foreign: Of donors of any origin among these; the others are of the same origin.
        banded: Of blends joined in two bands; see ``blend.self_blend``.
        untouched, smoothed: See ``augment.degrade``.
        erased: Of images that lose a rectangle; see ``augment.erase``.
    """

    blended: float = 0.3
    cross_blended: float = 0.35
    foreign: float = 0
    banded: float = 0
    untouched: float = 0.25
    smoothed: float = 0
    erased: float = 0


@dataclass(frozen=True)
class Ingredients:
    """What goes into the pairs; each can be left out to measure what it is worth."""

    blends: bool = True
    cross_blends: bool = True
    degradations: bool = True
    face_crops: bool = True


class PairSampler:
    """Draws pairs; the n-th of a seed and a mix is the same whatever was drawn before."""

    def __init__(
        self,
        images: Sequence[LocatedImage],
        photographs: Sequence[LocatedImage],
        *,
        size: int,
        margin: float,
        seed: int,
        ingredients: Ingredients = Ingredients(),
    ) -> None:
        """Sort the images by origin.

        Args:
            images: Labelled images.
            photographs: More photographs, of which there are no labelled fakes: they appear only
                beside blends of themselves, or the network would learn their look as "real".
            size: Side of the squares, in pixels.
            margin: As in the card.
            seed: Of all random choices.
            ingredients: What to leave out.

        Raises:
            DataError: If there is no fake or no photograph.
        """
        self._size, self._margin, self._seed = size, margin, seed
        self._ingredients = ingredients
        self._orders: dict[int, NDArray[np.int64]] = {}
        reals = [located for located in images if located.image.label == 0]
        self._fakes: defaultdict[str, list[LocatedImage]] = defaultdict(list)
        self._donors: defaultdict[str, list[tuple[Path, Face]]] = defaultdict(list)
        for located in images:
            if located.image.label == 1:
                self._fakes[located.image.source].append(located)
        self._all_fakes = [fake for fakes in self._fakes.values() for fake in fakes]
        self._reals = [*reals, *photographs] if ingredients.blends else reals
        for located in [*self._reals, *self._all_fakes]:
            if located.face is not None:
                self._donors[located.image.source].append((located.image.path, located.face))
        self._all_donors = [donor for donors in self._donors.values() for donor in donors]
        if not self._reals or not self._all_fakes:
            raise DataError("Training needs photographs and fakes; one of the classes is empty.")

    @property
    def images(self) -> list[LabelledImage]:
        """All that is drawn from."""
        return [located.image for located in [*self._reals, *self._all_fakes]]

    @property
    def photographs(self) -> int:
        """Number of pairs until a photograph comes again."""
        return len(self._reals)

    def batch(
        self, step: int, batch_size: int, mix: Mix = Mix()
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Draw one step's images.

        Returns:
            uint8 of shape (batch_size, size, size, 3), and 0.0 or 1.0 in turn.
        """
        half = batch_size // 2
        images = [np.asarray(i) for n in range(half) for i in self.pair(step * half + n, mix)]
        return np.stack(images), np.tile(np.array([0, 1], np.float32), half)

    def pair(self, n: int, mix: Mix = Mix()) -> tuple[Image.Image, Image.Image]:
        """Draw the n-th photograph and its fake."""
        rng = np.random.default_rng([self._seed, n])
        real = self._nth_real(n)
        image = decode(real.image.path).pixels
        fake, fake_image = self._fake_beside(real, image, mix, rng)
        return self._vary(image, real, mix, rng), self._vary(fake_image, fake, mix, rng)

    def _nth_real(self, n: int) -> LocatedImage:
        """Go through all photographs in a new order each time."""
        turn, position = divmod(n, len(self._reals))
        if turn not in self._orders:
            order = np.random.default_rng([self._seed, turn]).permutation(len(self._reals))
            self._orders = {turn: order}
        return self._reals[int(self._orders[turn][position])]

    def _fake_beside(
        self, real: LocatedImage, image: Image.Image, mix: Mix, rng: np.random.Generator
    ) -> tuple[LocatedImage, Image.Image]:
        labelled = self._fakes[real.image.source]
        if real.face and self._ingredients.blends and (not labelled or chance(rng, mix.blended)):
            return real, self._blend(_portrait(real.face, image), real.image.source, mix, rng)
        pool = labelled or self._all_fakes
        fake = pool[rng.integers(len(pool))]
        return fake, decode(fake.image.path).pixels

    def _blend(
        self, portrait: Portrait, source: str, mix: Mix, rng: np.random.Generator
    ) -> Image.Image:
        if not (self._ingredients.cross_blends and chance(rng, mix.cross_blended)):
            return self_blend(portrait, rng, banded=mix.banded)
        donors = self._donors[source]
        if mix.foreign and chance(rng, mix.foreign):
            donors = self._all_donors
        path, face = donors[rng.integers(len(donors))]
        donor = _portrait(face, decode(path).pixels)
        return cross_blend(portrait, donor, rng, banded=mix.banded)

    def _vary(
        self, image: Image.Image, located: LocatedImage, mix: Mix, rng: np.random.Generator
    ) -> Image.Image:
        face = located.face if self._ingredients.face_crops else None
        image = random_crop(image, face, self._margin, self._size, rng)
        if self._ingredients.degradations:
            image = degrade(image, rng, untouched=mix.untouched, smoothed=mix.smoothed)
            if mix.erased and chance(rng, mix.erased):
                image = erase(image, rng)
        return image


def _portrait(face: Face, image: Image.Image) -> Portrait:
    return Portrait(image, np.array(face.landmarks))


def pair_batches(
    sampler: PairSampler, size: int, batch_size: int, steps: range, mixes: Mapping[int, Mix]
) -> tf.data.Dataset:
    """Return float32 (images, labels) batches of the given steps, values 0 to 255.

    Args:
        sampler: Draws them.
        size: Side of the images, as the sampler's.
        batch_size: An even number.
        steps: Of the whole training.
        mixes: What is drawn, by the step that each mix begins at, in order; the first at 0.
    """
    starts, mix_of = list(mixes), list(mixes.values())

    def draw(step: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        mix = mix_of[bisect_right(starts, int(step)) - 1]
        images, labels = sampler.batch(int(step), batch_size, mix)
        return images.astype(np.float32), labels

    def load(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = tf.numpy_function(draw, [step], (tf.float32, tf.float32), stateful=False)
        x.set_shape((batch_size, size, size, 3))
        y.set_shape((batch_size,))
        return x, y

    return (
        tf.data.Dataset.range(steps.start, steps.stop)
        .map(load, num_parallel_calls=1, deterministic=True)
        .prefetch(4)
    )
