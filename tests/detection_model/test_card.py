import json

import pytest

from deepfake_detection.image.card import (
    Calibration,
    Card,
    CardError,
    InconclusiveBand,
    InputSpec,
    sha256_of,
)


def card(**changes) -> Card:
    fields = {
        "name": "tiny",
        "version": "1.0",
        "sha256": "0" * 64,
        "input": InputSpec(height=32, width=32),
        "parameters": 10,
    }
    return Card(**fields | changes)


def test_a_card_survives_its_file(tmp_path):
    path = tmp_path / "tiny.json"
    original = card(known_limits=["only drawings"])
    original.save(path)
    assert Card.load(path) == original
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "tiny.json"),
        ("not json", "tiny.json"),
        ("{}", r"tiny.json: name: Field required"),
        ('{"nmae": 1}', "tiny.json"),
    ],
)
def test_a_bad_card_says_which_field(tmp_path, text, message):
    path = tmp_path / "tiny.json"
    path.write_text(text)
    with pytest.raises(CardError, match=message):
        Card.load(path)


def test_unknown_fields_are_refused(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(json.loads(card().model_dump_json()) | {"colour": "red"}))
    with pytest.raises(CardError, match="colour"):
        Card.load(path)


@pytest.mark.parametrize(
    ("p", "verdict"), [(0.0, "real"), (0.5, "real"), (0.5001, "fake"), (1.0, "fake")]
)
def test_without_a_band_above_one_half_is_fake(p, verdict):
    assert card().verdict(p) == verdict


@pytest.mark.parametrize(
    ("p", "verdict"),
    [(0.3, "real"), (0.31, "inconclusive"), (0.69, "inconclusive"), (0.7, "fake")],
)
def test_inside_the_band_it_is_inconclusive(p, verdict):
    assert card(inconclusive=InconclusiveBand(low=0.3, high=0.7)).verdict(p) == verdict


def test_the_untouched_calibration_changes_nothing():
    for p in (0.0, 1e-6, 0.2, 0.5, 0.9, 1.0):
        assert Calibration().apply(p) == pytest.approx(p, abs=2e-7)


def test_temperature_softens_and_bias_shifts_towards_fake():
    assert 0.5 < Calibration(temperature=3).apply(0.95) < 0.95
    assert Calibration(bias=1).apply(0.5) > 0.7


def test_calibration_keeps_the_order_of_scores():
    scores = [Calibration(temperature=2.5, bias=-0.7).apply(i / 50) for i in range(51)]
    assert scores == sorted(scores)


def test_the_hash_is_the_files(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
