"""Blends, and the pairs they are trained in."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_detection.image.decode import ImageError
from deepfake_detection.inference.faces import Face
from deepfake_detection.training.augment import erase
from deepfake_detection.training.blend import Portrait, cross_blend, face_mask, self_blend
from deepfake_detection.training.dataset import DataError, LabelledImage
from deepfake_detection.training.face_crops import LocatedImage
from deepfake_detection.training.pairs import Ingredients, Mix, PairSampler, pair_batches

LANDMARKS = ((75.0, 80.0), (125.0, 80.0), (100.0, 110.0), (80.0, 140.0), (120.0, 140.0))
EVERYTHING = Ingredients()
FACE = Face(50, 40, 150, 170, 0.9, LANDMARKS)


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
    return Image.fromarray(coarse).resize((200, 200), Image.Resampling.BICUBIC)


def portrait(seed: int) -> Portrait:
    return Portrait(picture(seed), np.array(LANDMARKS))


def test_masks_are_soft_cover_the_face_and_never_the_frame() -> None:
    masks = [face_mask(portrait(0), np.random.default_rng(seed)) for seed in range(40)]
    for mask in masks:
        assert mask.shape == (200, 200)
        assert mask.min() >= 0
        assert 0.4 < mask.max() <= 1
        assert mask[:5].max() == mask[:, :5].max() == 0
    assert np.mean(masks, axis=0)[110, 100] > 0.5, "the nose is inside most of them"
    assert len({mask.tobytes() for mask in masks}) == 40


def test_a_self_blend_differs_a_little_and_each_time() -> None:
    original = np.asarray(picture(0), np.float32)
    blends = [
        np.asarray(self_blend(portrait(0), np.random.default_rng(seed)), np.float32)
        for seed in range(10)
    ]
    differences = [float(np.abs(blend - original).mean()) for blend in blends]
    assert min(differences) > 0.05
    assert max(differences) < 40
    assert len(set(differences)) == 10


def test_a_cross_blend_changes_nothing_beyond_its_mask() -> None:
    for seed in range(10):
        blend = cross_blend(portrait(0), portrait(1), np.random.default_rng(seed))
        changed = np.any(np.asarray(blend) != np.asarray(picture(0)), axis=2)
        assert changed[60:160, 60:140].any()
        assert not changed[:10].any()
        assert not changed[:, :10].any()


def test_a_banded_blends_seam_is_at_most_half_as_steep() -> None:
    """A white face over a black one."""
    black = Portrait(Image.new("RGB", (200, 200)), np.array(LANDMARKS))
    white = Portrait(Image.new("RGB", (200, 200), "white"), np.array(LANDMARKS))

    def steepest(banded: float) -> float:
        blends = (
            cross_blend(black, white, np.random.default_rng(seed), banded=banded)
            for seed in range(60)
        )
        grey = [np.asarray(blend.convert("L"), np.float32) for blend in blends]
        return max(float(np.abs(np.diff(one, axis=1)).max()) for one in grey)

    assert steepest(1) < steepest(0) / 2


def test_a_blend_takes_nothing_from_beyond_the_donors_border() -> None:
    """A face at the edge of a white picture brings no black corner along."""
    white = Image.new("RGB", (200, 200), "white")
    moved = np.array(LANDMARKS) - (70, 40)
    for seed in range(40):
        for banded in (0, 1):
            rng = np.random.default_rng(seed)
            blend = self_blend(Portrait(white, moved), rng, banded=banded)
            assert np.asarray(blend).min() > 60
            unchanged = cross_blend(Portrait(white, moved), Portrait(white, moved), rng, banded=1)
            assert np.asarray(unchanged).min() > 60


def stored(folder: Path, source: str, label: int, count: int) -> list[LocatedImage]:
    located = []
    for number in range(count):
        path = folder / f"{source}-{label}-{number}.png"
        picture(1000 * label + number).save(path)
        located.append(LocatedImage(LabelledImage(path, label, source, path.stem), FACE))
    return located


@pytest.fixture
def images(tmp_path: Path) -> Sequence[LocatedImage]:
    return stored(tmp_path, "gan", 0, 3) + stored(tmp_path, "gan", 1, 3)


@pytest.fixture
def photographs(tmp_path: Path) -> Sequence[LocatedImage]:
    return stored(tmp_path, "others", 0, 2)


def sampler(
    images: Sequence[LocatedImage],
    photographs: Sequence[LocatedImage] = (),
    ingredients: Ingredients = EVERYTHING,
) -> PairSampler:
    return PairSampler(images, photographs, size=64, margin=1.3, seed=1, ingredients=ingredients)


def test_a_batch_alternates_photograph_and_fake(images, photographs) -> None:
    pixels, labels = sampler(images, photographs).batch(0, 8)
    assert pixels.shape == (8, 64, 64, 3)
    assert pixels.dtype == np.uint8
    assert labels.tolist() == [0, 1] * 4


def test_the_nth_pair_is_the_same_whatever_was_drawn_before(images, photographs) -> None:
    first = sampler(images, photographs)
    first.batch(0, 8)
    first.batch(1, 8)
    again, _ = sampler(images, photographs).batch(1, 8)
    assert np.array_equal(first.batch(1, 8)[0], again)


def test_every_photograph_comes_once_a_turn(images, photographs) -> None:
    one = sampler(images, photographs)
    assert one.photographs == 5
    for turn in (0, 1, 7):
        paths = [one._nth_real(turn * 5 + n).image.path for n in range(5)]
        assert len(set(paths)) == 5


def test_photographs_stand_beside_blends_of_themselves_alone(images, photographs) -> None:
    """Without blends there is no fake of their origin, so they are left out."""
    one = sampler(images, photographs)
    rng = np.random.default_rng(0)
    for _ in range(20):
        real = photographs[0]
        fake, _ = one._fake_beside(real, picture(0), Mix(), rng)
        assert fake is real
    assert sampler(images, photographs, Ingredients(blends=False)).photographs == 3


def test_a_fake_is_of_its_photographs_origin(images, tmp_path) -> None:
    swaps = stored(tmp_path, "swap", 0, 2) + stored(tmp_path, "swap", 1, 2)
    one = sampler([*images, *swaps])
    rng = np.random.default_rng(0)
    for real in (images[0], swaps[0]):
        fakes = [one._fake_beside(real, picture(0), Mix(), rng)[0] for _ in range(20)]
        assert {fake.image.source for fake in fakes} == {real.image.source}
        assert {fake.image.label for fake in fakes} == {0, 1}, "blends and labelled fakes"


def test_foreign_donors_lend_their_faces_to_any_origin(photographs, tmp_path) -> None:
    """A donor that cannot be read is asked for only where donors of any origin are."""
    swaps = stored(tmp_path, "swap", 0, 2) + stored(tmp_path, "swap", 1, 2)
    one = sampler(swaps, photographs)
    for located in swaps:
        located.image.path.write_bytes(b"")

    def failures(foreign: float) -> int:
        failed = 0
        for seed in range(30):
            mix = Mix(cross_blended=1, foreign=foreign)
            try:
                one._blend(portrait(0), "others", mix, np.random.default_rng(seed))
            except ImageError:
                failed += 1
        return failed

    assert failures(foreign=0) == 0
    assert 10 < failures(foreign=1) < 30, "four of the six donors"


def test_an_erased_rectangle_has_one_colour_and_the_rest_stays() -> None:
    for seed in range(20):
        before = np.asarray(picture(seed))
        after = np.asarray(erase(picture(seed), np.random.default_rng(seed)))
        changed = np.any(before != after, axis=2)
        assert len(np.unique(after[changed], axis=0)) == 1
        assert 0 < changed.mean() < 0.17


def test_each_stage_of_a_training_has_its_mix(images) -> None:
    """The mix of the second stage draws other images from its first step on."""
    one = sampler(images)
    mixes = {0: Mix(), 2: Mix(blended=1, untouched=1)}
    drawn = list(pair_batches(one, 64, 4, range(1, 4), mixes).as_numpy_iterator())
    for step, (pixels, _) in zip(range(1, 4), drawn, strict=True):
        mix = mixes[0] if step < 2 else mixes[2]
        assert np.array_equal(pixels, one.batch(step, 4, mix)[0])
    assert not np.array_equal(drawn[1][0], one.batch(2, 4)[0])


def test_one_class_is_refused(images) -> None:
    with pytest.raises(DataError, match="one of the classes is empty"):
        sampler(images[:3])
