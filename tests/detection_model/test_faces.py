"""The face detector, and the cut that every part of the system makes."""

import numpy as np
import pytest
from PIL import Image

from deepfake_detection.image.card import InputSpec
from deepfake_detection.inference.faces import Face, FaceDetector, crop_box, face_pixels

from ..portraits import portrait, scene

SPEC = InputSpec(height=64, width=48)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def face(left: float, top: float, right: float, bottom: float) -> Face:
    return Face(left, top, right, bottom, 0.9, ())


def test_the_portraits_face_is_found_with_its_landmarks(detector):
    (found,) = detector.detect(portrait())
    assert found.score > 0.8
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx(
        (90, 28, 136, 89), abs=4
    )
    (left_eye, right_eye, nose, *mouth) = found.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert all(y > nose[1] for _, y in mouth)


@pytest.mark.parametrize("size", [200, 600, 1024, 2400])
def test_a_face_that_fills_the_frame_is_found_once_at_every_size(detector, size):
    close = portrait().crop((75, 20, 150, 95)).resize((size, size), Image.Resampling.BICUBIC)
    (found,) = detector.detect(close)
    assert found.size == pytest.approx(0.8 * size, rel=0.15)


def test_small_and_large_faces_of_one_photograph_are_found_largest_first(detector):
    sizes = [round(face.size) for face in detector.detect(scene([45, 250, 90]))]
    assert sizes == pytest.approx([250, 90, 45], rel=0.15)


def test_ten_pixel_faces_are_found_in_a_small_image(detector):
    found = detector.detect(scene([10], width=256, height=192))
    assert [face.size for face in found] == pytest.approx([10], abs=2)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (4000, 3)),
        Image.linear_gradient("L").convert("RGB"),
        Image.effect_noise((300, 500), 80).convert("RGB"),
    ],
    ids=["pixel", "line", "gradient", "noise"],
)
def test_nothing_is_found_where_nobody_is(detector, image):
    assert detector.detect(image) == []


def test_the_crop_is_a_square_around_the_face_within_the_image():
    middle = face(100, 100, 140, 160)
    assert crop_box(middle, (400, 300), 1.5) == (75, 85, 165, 175)
    corner = face(-10, -5, 50, 75)
    assert crop_box(corner, (400, 300), 1.5) == (0, 0, 120, 120)


def test_a_face_that_fills_the_frame_keeps_the_image_whole():
    assert crop_box(face(10, 5, 190, 195), (200, 200), 1.3) == (0, 0, 200, 200)


def test_the_cut_has_the_networks_size_and_without_a_face_is_the_whole_image():
    image = Image.new("RGB", (400, 300), "black")
    image.paste("white", (75, 85, 165, 175))
    cut = face_pixels(image, face(100, 100, 140, 160), SPEC, 1.5)
    assert cut.shape == (64, 48, 3)
    assert cut.min() == 255
    assert face_pixels(image, None, SPEC, 1.5).mean() < 50


def test_scaling_a_face_scales_all_of_it():
    found = Face(10, 20, 30, 40, 0.5, ((1, 2),)).scaled(2, 3)
    assert found == Face(20, 60, 60, 120, 0.5, ((2, 6),))


def test_threads_may_share_a_detector(detector):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        boxes = [
            (faces[0].left, faces[0].top) for faces in pool.map(detector.detect, [portrait()] * 8)
        ]
    assert np.ptp(np.array(boxes), axis=0).max() < 1e-3
