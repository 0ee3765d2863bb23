from deepfake_detection.training.dataset import SPLITS, read_split
from deepfake_detection.training.sample_data import make_sample_data

SIZES = {"Train": 3, "Validation": 2, "Test": 2}


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.jpg")}


def test_the_same_seed_draws_the_same_bytes(tmp_path):
    first = files(make_sample_data(tmp_path / "a", SIZES))
    assert first == files(make_sample_data(tmp_path / "b", SIZES))
    assert first != files(make_sample_data(tmp_path / "c", SIZES, seed=1))


def test_it_has_the_reference_layout(tmp_path):
    data = make_sample_data(tmp_path, SIZES)
    assert [len(read_split(data, split)) for split in SPLITS] == [6, 4, 4]


def test_no_drawing_stands_twice(tmp_path):
    contents = list(files(make_sample_data(tmp_path, SIZES)).values())
    assert len(set(contents)) == len(contents)


def test_what_is_there_already_is_kept(tmp_path):
    data = make_sample_data(tmp_path, SIZES)
    marker = data / "Dataset" / "Train" / "Real" / "real_0.jpg"
    marker.write_bytes(b"mine")
    make_sample_data(tmp_path, SIZES)
    assert marker.read_bytes() == b"mine"
