import csv

import pytest

from deepfake_detection.training.dataset import (
    SPLITS,
    DataError,
    count_by_source,
    find_dataset,
    read_photographs,
    read_split,
)

from .images import encoded, portrait


@pytest.fixture
def data(tmp_path):
    """A minimal data set in the reference layout, one image a class and split."""
    for split in ("Train", "Validation", "Test"):
        for class_name in ("Fake", "Real"):
            folder = tmp_path / "Dataset" / split / class_name
            folder.mkdir(parents=True)
            (folder / "a.jpg").write_bytes(encoded(portrait()))
    return tmp_path


def test_fake_is_one_and_real_is_zero(data):
    assert {i.path.parent.name: i.label for i in read_split(data, "Train")} == {
        "Fake": 1,
        "Real": 0,
    }


def test_the_folder_may_be_named_with_or_without_dataset(data):
    assert find_dataset(data) == find_dataset(data / "Dataset") == data / "Dataset"


def test_no_data_says_what_was_expected_where(tmp_path):
    with pytest.raises(DataError, match=r"Train,Validation,Test.*--data"):
        read_split(tmp_path, "Train")


def test_a_missing_split_is_named(data):
    (data / "Dataset" / "Validation").rename(data / "elsewhere")
    with pytest.raises(DataError, match=r"Dataset/Validation"):
        read_split(data, "Validation")


def test_an_empty_class_is_named(data):
    (data / "Dataset" / "Train" / "Real" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"Dataset/Train/Real"):
        read_split(data, "Train")


def test_hidden_files_are_no_images(data):
    (data / "Dataset" / "Train" / "Real" / ".DS_Store").write_bytes(b"x")
    assert len(read_split(data, "Train")) == 2


def test_the_manifest_names_source_and_group(data):
    with (data / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "source", "group"])
        rows.writerow(["Dataset/Train/Fake/a.jpg", "stylegan", "g7"])
    fake, real = sorted(read_split(data, "Train"), key=lambda image: -image.label)
    assert (fake.source, fake.group) == ("stylegan", "g7")
    assert real.source == "unknown"
    assert count_by_source([fake, real]) == {"stylegan/fake": 1, "unknown/real": 1}


def test_a_manifest_without_its_columns_is_named(data):
    (data / "manifest.csv").write_text("path,source\n")
    with pytest.raises(DataError, match="group"):
        read_split(data, "Train")


def test_photographs_are_split_once_and_for_all(tmp_path):
    for number in range(60):
        (tmp_path / f"{number:02}.jpg").touch()
    splits = {split: read_photographs(tmp_path, split) for split in SPLITS}
    assert {split: len(images) for split, images in splits.items()} == {
        "Train": 40,
        "Validation": 10,
        "Test": 10,
    }
    paths = {image.path for images in splits.values() for image in images}
    assert len(paths) == 60
    assert {image.label for images in splits.values() for image in images} == {0}
    assert {image.source for images in splits.values() for image in images} == {tmp_path.name}


def test_no_photographs_are_told(tmp_path):
    with pytest.raises(DataError, match="There are no photographs in"):
        read_photographs(tmp_path, "Train")
