"""From an image to its faces, the one that decides, and a verdict with its reason."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deepfake_detection.image import decode, to_pixels
from deepfake_detection.image.card import InconclusiveBand
from deepfake_detection.inference import Judgement, Network, judge, load_network, picture
from deepfake_detection.inference.faces import MAX_FACES, MIN_FACE

from ..networks import NetworkFactory
from ..portraits import PORTRAIT, portrait, scene
from .images import encoded


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    """Networks that answer by brightness; one judges faces, one whole images."""
    root = tmp_path_factory.mktemp("networks")
    factory = NetworkFactory(root / "model", root / "cache")
    return {
        crop: load_network(factory(crop, crop=crop), root / "cache", threads=1)
        for crop in ("face", "whole")
    }


def judged(network: Network, image: Image.Image | bytes | Path, **options: object) -> Judgement:
    if isinstance(image, Image.Image):
        image = encoded(image, quality=92)
    (outcome,) = judge(network, [image], **options)
    assert isinstance(outcome, Judgement)
    return outcome


def test_the_brightest_of_several_faces_decides(networks):
    result = judged(networks["face"], scene([150, 120, 100], brightest=1))
    assert len(result.faces) == 3
    decided = [face for face in result.faces if face.decided]
    assert [face.right - face.left for face in decided] == pytest.approx([90], abs=15)
    scores = [face.fake_probability for face in result.faces]
    assert result.fake_probability == decided[0].fake_probability == max(scores)
    assert len(set(scores)) == 3


def test_boxes_are_pixels_of_the_full_upright_image(networks):
    upright = scene([110], width=500, height=300).resize((4000, 2400), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.rotate(90, expand=True), exif=exif)
    one, other = (judged(networks["face"], image).faces[0] for image in (upright, turned))
    for name in ("left", "top", "right", "bottom"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=40)
    assert one.bottom - one.top == pytest.approx(880, rel=0.1)


def test_twenty_faces_are_scored_in_one_go(networks):
    result = judged(networks["face"], scene([70] * 20, width=1000, height=900))
    assert len(result.faces) == 20
    assert all(face.fake_probability is not None for face in result.faces)
    assert sum(face.decided for face in result.faces) == 1


def test_a_crowd_is_cut_off(networks):
    result = judged(networks["face"], scene([45] * 60, width=1300, height=800))
    assert len(result.faces) == MAX_FACES


def test_small_faces_are_reported_and_not_scored(networks):
    result = judged(networks["face"], scene([120, 25], width=600, height=400))
    assert [face.too_small for face in result.faces] == [False, True]
    assert result.faces[1].fake_probability is None
    assert result.reason is None


@pytest.mark.parametrize("crop", ["face", "whole"])
def test_ten_pixel_faces_leave_the_verdict_open(networks, crop):
    result = judged(networks[crop], scene([10, 10], width=256, height=192))
    assert [face.too_small for face in result.faces] == [True, True]
    assert (result.verdict, result.reason) == ("inconclusive", "faces_too_small")
    assert not any(face.decided for face in result.faces)


@pytest.mark.parametrize("crop", ["face", "whole"])
def test_without_a_face_the_whole_image_is_scored_and_the_verdict_left_open(networks, crop):
    ground = Image.new("RGB", (300, 200), "white")
    result = judged(networks[crop], ground)
    assert result.faces == ()
    assert (result.verdict, result.reason) == ("inconclusive", "no_face")
    whole = judged(networks[crop], ground, faces="off")
    assert result.fake_probability == pytest.approx(whole.fake_probability, abs=1e-6)
    assert (whole.verdict, whole.reason) == ("fake", None)


@pytest.mark.parametrize("size", [(256, 256), (1400, 1400), (5000, 4000)])
def test_a_network_for_whole_images_answers_the_same_with_the_detector(networks, size):
    spec = networks["whole"].card.input.model_copy(update={"height": 256, "width": 256})
    card = networks["whole"].card.model_copy(update={"input": spec})
    seen = []

    class Recorder:
        def __init__(self) -> None:
            self.card = card

        def fake_probabilities(self, pixels):
            seen.append(pixels)
            return networks["whole"].fake_probabilities(pixels[:, :16, :16])

    image = encoded(portrait().resize(size, Image.Resampling.BICUBIC))
    found, unsearched = (judged(Recorder(), image, faces=how) for how in ("auto", "off"))
    assert (seen[0] == seen[1]).all()
    assert found.fake_probability == unsearched.fake_probability
    (face,) = found.faces
    assert face.fake_probability is None
    assert not face.decided
    assert unsearched.faces == ()


def test_a_score_near_the_threshold_is_told_as_the_reason(networks):
    network = networks["whole"]
    band = InconclusiveBand(low=0.0, high=1.0)
    card = network.card.model_copy(update={"inconclusive": band})
    network = type("Banded", (), {"card": card, "fake_probabilities": network.fake_probabilities})()
    assert judged(network, PORTRAIT).reason == "near_threshold"


def test_what_cannot_be_read_does_not_disturb_the_others(networks):
    images = [PORTRAIT, b"", encoded(scene([90, 80])), PORTRAIT.with_name("missing.jpg")]
    first, empty, second, missing = judge(networks["face"], images)
    assert (len(first.faces), len(second.faces)) == (1, 2)
    assert first.fake_probability == judged(networks["face"], PORTRAIT).fake_probability
    assert "0 bytes" in str(empty)
    assert isinstance(missing, OSError)
    assert judge(networks["face"], [b""])[0].args == empty.args
    assert judge(networks["face"], []) == []


@pytest.mark.parametrize(("face", "decodes"), [(900, 1), (200, 2)])
def test_a_large_photograph_is_decoded_in_full_only_for_small_faces(
    networks, monkeypatch, face, decodes
):
    spec = networks["face"].card.input.model_copy(update={"height": 160, "width": 160})
    card = networks["face"].card.model_copy(update={"input": spec})
    sizes = []

    def counted(*arguments, **options):
        image = decode(*arguments, **options)
        sizes.append(image.pixels.width)
        return image

    monkeypatch.setattr(picture, "decode", counted)
    network = type("Wide", (), {"card": card, "fake_probabilities": lambda _, p: p.mean((1, 2, 3))})
    image = scene([face], width=4000, height=3000)
    judged(network(), image)
    assert len(sizes) == decodes
    assert sizes[0] == 2000
    assert sizes[1:] == [4000] * (decodes - 1)


def test_faces_of_the_least_size_are_judged(networks):
    (face,) = judged(networks["face"], scene([MIN_FACE + 8], width=300, height=200)).faces
    assert not face.too_small


def test_the_detector_is_loaded_once_and_only_if_it_is_asked_for(tmp_path):
    NetworkFactory(tmp_path / "model", tmp_path / "cache")("tiny")
    code = (
        "import sys; from pathlib import Path\n"
        "from deepfake_detection.inference import faces, judge, load_network\n"
        "network = load_network(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "loaded = faces._load_detector.cache_info\n"
        "for how in ('off', 'auto', 'auto'):\n"
        "    judge(network, [Path(sys.argv[3])], faces=how)\n"
        "    print(loaded().currsize, loaded().misses)"
    )
    paths = [tmp_path / "model/tiny.keras", tmp_path / "cache", PORTRAIT]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:3] == ["0 0", "1 1", "1 1"]


def test_a_second_look_gives_the_spread_of_the_face_that_decided(networks):
    image = scene([150, 120], brightest=1)
    result = judged(networks["face"], image, second_look=True)
    again = result.second_look
    assert [score.alteration for score in again.scores] == ["jpeg_75", "resize_75", "mirror"]
    scores = [result.fake_probability, *(score.fake_probability for score in again.scores)]
    assert (again.lowest, again.highest) == (min(scores), max(scores))
    # Brightness survives all three.
    assert again.highest - again.lowest < 0.02
    assert result.reason is None
    assert result.timings_ms.second_look > 0
    plain = judged(networks["face"], image)
    assert plain.second_look is None
    assert plain.timings_ms.second_look == 0
    assert plain.fake_probability == result.fake_probability


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [(0.9, 0.1, "inconclusive"), (0.1, 0.9, "inconclusive"), (0.9, 0.7, "fake")],
)
def test_a_verdict_that_flips_is_left_open(networks, left, right, verdict):
    class LeftHanded:
        """Looks at the left half alone; a mirror shows it the right one."""

        card = networks["whole"].card

        def fake_probabilities(self, pixels):
            return pixels[:, :, : pixels.shape[2] // 2].mean((1, 2, 3)) / 255

    image = portrait().resize((400, 400))
    for box, p in (((0, 0, 200, 400), left), ((200, 0, 400, 400), right)):
        image.paste((round(p * 255),) * 3, box)
    image.paste(portrait().crop((80, 20, 146, 96)), (167, 10))
    result = judged(LeftHanded(), image, second_look=True)
    assert result.verdict == verdict
    assert result.reason == ("unstable" if verdict == "inconclusive" else None)


def test_the_second_look_works_on_one_channel(networks):
    from deepfake_detection.inference.second_look import altered

    spec = networks["whole"].card.input.model_copy(update={"channels": 1})
    for channels in (1, 3):
        one = spec.model_copy(update={"channels": channels})
        pixels = to_pixels(portrait(), one)
        for copy in altered(pixels, one).values():
            assert copy.shape == pixels.shape
            assert copy.mean() == pytest.approx(pixels.mean(), abs=3)
