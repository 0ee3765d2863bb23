import numpy as np
import pytest

from deepfake_detection.image.card import InputSpec
from deepfake_detection.training.dataset import DataError, read_split

from .images import encoded, portrait

pytestmark = pytest.mark.slow

SPEC = InputSpec(height=32, width=48)


@pytest.fixture
def decode_split():
    from deepfake_detection.training.pixels import decode_split

    return decode_split


def test_memory_and_cache_file_hold_the_same(decode_split, sample_data, tmp_path):
    images = read_split(sample_data, "Test")
    in_memory = decode_split(images, SPEC, cache=tmp_path)
    assert not list(tmp_path.iterdir())
    in_file = decode_split(images, SPEC, cache=tmp_path, memory_bytes=0)
    assert isinstance(in_file.pixels, np.memmap)
    assert np.array_equal(in_memory.pixels, in_file.pixels)
    assert in_memory.pixels.shape == (48, 32, 48, 3)
    assert in_memory.images == in_file.images


def test_the_cache_file_is_found_again_until_an_image_changes(decode_split, sample_data, tmp_path):
    images = read_split(sample_data, "Test")
    decode_split(images, SPEC, cache=tmp_path, memory_bytes=0)
    files = set(tmp_path.iterdir())
    stamps = {file: file.stat().st_mtime_ns for file in files}
    decode_split(images, SPEC, cache=tmp_path, memory_bytes=0)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == stamps
    decode_split(images[1:], SPEC, cache=tmp_path, memory_bytes=0)
    assert set(tmp_path.iterdir()) > files


@pytest.mark.parametrize("memory_bytes", [None, 0])
def test_damaged_files_are_reported_and_skipped(decode_split, tmp_path, capsys, memory_bytes):
    folder = tmp_path / "Dataset" / "Train"
    for name, data in {
        "Real/a.jpg": encoded(portrait(1)),
        "Real/b.jpg": encoded(portrait(2))[:2000],
        "Real/c.txt": b"notes",
        "Fake/d.png": encoded(portrait(3, fake=True), "PNG"),
        "Fake/e.jpg": b"",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    decoded = decode_split(
        read_split(tmp_path, "Train"), SPEC, cache=tmp_path / "cache", memory_bytes=memory_bytes
    )
    assert [image.path.name for image in decoded.images] == ["a.jpg", "d.png"]
    assert decoded.labels.tolist() == [0, 1]
    assert {file.path.name for file in decoded.skipped} == {"b.jpg", "c.txt", "e.jpg"}
    told = capsys.readouterr().err
    assert all(name in told for name in ("b.jpg", "c.txt", "e.jpg"))


def test_a_class_without_a_readable_image_stops(decode_split, tmp_path):
    for class_name, data in {"Real": encoded(portrait()), "Fake": b"broken"}.items():
        folder = tmp_path / "Dataset" / "Train" / class_name
        folder.mkdir(parents=True)
        (folder / "a.jpg").write_bytes(data)
    with pytest.raises(DataError, match=r"None of the Fake images.*Train/Fake"):
        decode_split(read_split(tmp_path, "Train"), SPEC, cache=tmp_path)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    decode_split, sample_data, tmp_path, monkeypatch
):
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", no_space)
    with pytest.raises(DataError, match=r"No room for .* GB"):
        decode_split(read_split(sample_data, "Test"), SPEC, cache=tmp_path, memory_bytes=0)
    assert list(tmp_path.iterdir()) == []


def test_batches_keep_labels_with_their_images_and_shuffle_all_of_them(
    decode_split, sample_data, tmp_path
):
    from deepfake_detection.training.pixels import batches

    split = decode_split(read_split(sample_data, "Train"), SPEC, cache=tmp_path)
    label_of = {p.tobytes(): int(y) for p, y in zip(split.pixels, split.labels, strict=True)}
    pipeline = batches(split, SPEC, 10, shuffle_seed=3)
    epochs = []
    for _ in range(2):
        order = []
        for x, y in pipeline.as_numpy_iterator():
            assert x.dtype == np.float32
            assert x.min() >= 0
            assert x.max() <= 1
            for image, label in zip(x, y, strict=True):
                key = np.rint(image * 255).astype(np.uint8).tobytes()
                assert label_of[key] == label
                order.append(key)
        assert sorted(order) == sorted(label_of)
        epochs.append(order)
    assert epochs[0] != epochs[1]
    # Whole epochs are shuffled: the first batch is no mere reordering of the first files.
    first_files = {p.tobytes() for p in split.pixels[:40]}
    assert any(key not in first_files for key in epochs[0][:10])


def test_without_a_seed_the_order_is_the_files(decode_split, sample_data, tmp_path):
    from deepfake_detection.training.pixels import batches

    split = decode_split(read_split(sample_data, "Test"), SPEC, cache=tmp_path)
    labels = np.concatenate([y for _, y in batches(split, SPEC, 7).as_numpy_iterator()])
    assert np.array_equal(labels, split.labels)
