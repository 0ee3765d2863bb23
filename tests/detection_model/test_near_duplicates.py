from deepfake_detection.training.dataset import LabelledImage
from deepfake_detection.training.near_duplicates import near_duplicates

from .images import encoded, portrait


def test_a_recompressed_copy_in_another_split_is_found(tmp_path):
    original, copy, other = (tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg"))
    original.write_bytes(encoded(portrait(1), quality=95))
    copy.write_bytes(encoded(portrait(1, size=(200, 200)), quality=60))
    other.write_bytes(encoded(portrait(2)))
    broken = tmp_path / "d.jpg"
    broken.write_bytes(b"no image")
    splits = {
        "Train": [LabelledImage(original, 0, "x", "1")],
        "Test": [LabelledImage(path, 0, "x", "1") for path in (copy, other, broken)],
    }
    (pair,) = near_duplicates(splits)
    assert (pair.first.path, pair.second.path) == (original, copy)


def test_copies_within_one_split_are_nobodys_leak(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(portrait()))
    image = LabelledImage(path, 0, "x", "1")
    assert near_duplicates({"Train": [image, image], "Test": []}) == []
