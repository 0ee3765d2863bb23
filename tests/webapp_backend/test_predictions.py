"""What an upload answers."""

import concurrent.futures
import io

import numpy as np
import pytest
from PIL import Image

from deepfake_webapp.settings import Settings
from tests.conftest import Server
from tests.networks import expected
from tests.portraits import PORTRAIT, scene
from tests.webapp_backend.conftest import encode, grey, slow_image

LEVEL = 200


def upright_and_turned() -> tuple[bytes, bytes]:
    """One picture, dark on the left, as it is and with its turn left to EXIF."""
    pixels = np.zeros((30, 60, 3), np.uint8)
    pixels[:, 30:] = 255
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(image), encode(image.rotate(90, expand=True), exif=exif)


@pytest.mark.parametrize(
    "image",
    [
        encode(grey(LEVEL)),
        encode(grey(LEVEL), "JPEG"),
        encode(grey(LEVEL), "JPEG", progressive=True),
        encode(grey(LEVEL), "WEBP"),
        encode(grey(LEVEL).convert("L")),
        encode(grey(LEVEL).convert("P")),
        encode(grey(LEVEL).convert("RGBA")),
        encode(grey(LEVEL).convert("LA")),
        encode(grey(LEVEL).convert("CMYK"), "JPEG"),
        encode(Image.fromarray(np.full((30, 40), LEVEL * 257, np.uint16))),
        encode(grey(LEVEL, (1, 1))),
    ],
    ids=[
        "png",
        "jpeg",
        "progressive",
        "webp",
        "grey",
        "palette",
        "rgba",
        "la",
        "cmyk",
        "16",
        "1x1",
    ],
)
def test_every_kind_of_image_just_works(tiny: Server, image: bytes) -> None:
    answer = tiny.judge(image)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == {"name": "tiny", "version": "1.0"}
    (result,) = answer.json()["results"]
    assert result["fake_probability"] == pytest.approx(expected(LEVEL), abs=0.01)
    assert result["verdict"] == "fake"
    assert result["file"] == "0.img"


def test_exif_orientation_is_applied(tiny: Server) -> None:
    results = tiny.judge(*upright_and_turned()).json()["results"]
    assert [(r["width"], r["height"]) for r in results] == [(60, 30), (60, 30)]
    assert results[0]["fake_probability"] == pytest.approx(results[1]["fake_probability"], abs=1e-6)


def test_a_dark_image_is_called_real(tiny: Server) -> None:
    (result,) = tiny.judge(encode(grey(20))).json()["results"]
    assert result["verdict"] == "real"
    assert result["fake_probability"] == pytest.approx(expected(20), abs=1e-3)
    assert set(result["timings_ms"]) == {
        *("decode", "faces", "network", "explain", "second_look", "total")
    }


def test_several_files_answer_in_their_order(tiny: Server) -> None:
    levels = [10, 240, 90, 170]
    results = tiny.judge(*(encode(grey(level)) for level in levels)).json()["results"]
    assert [r["file"] for r in results] == ["0.img", "1.img", "2.img", "3.img"]
    scores = [r["fake_probability"] for r in results]
    assert scores == pytest.approx([expected(level) for level in levels], abs=1e-3)


def test_one_bad_file_among_several_has_a_problem_of_its_own(tiny: Server) -> None:
    answer = tiny.judge(encode(grey(10)), b"no image", encode(grey(240)))
    assert answer.status_code == 200
    good, bad, other = answer.json()["results"]
    assert (good["verdict"], other["verdict"]) == ("real", "fake")
    assert set(bad) == {"file", "problem"}
    assert bad["problem"]["status"] == 415
    assert bad["problem"]["request_id"] == answer.headers["X-Request-ID"]


def test_the_model_is_chosen_by_name(tiny: Server) -> None:
    answer = tiny.judge(encode(grey(LEVEL)), model="bare").json()
    assert answer["model"] == {"name": "bare", "version": "unknown"}


def test_each_face_is_scored_and_the_highest_decides(tiny: Server) -> None:
    image = encode(scene([120, 100, 25]))
    (result,) = tiny.judge(image, model="faces", faces="auto").json()["results"]
    large, middle, small = result["faces"]
    assert large["decided"] != middle["decided"]
    assert result["fake_probability"] == max(large["fake_probability"], middle["fake_probability"])
    assert small["too_small"]
    assert small["fake_probability"] is None
    assert not small["decided"]
    assert 0 <= large["left"] < large["right"] <= result["width"]
    assert large["bottom"] - large["top"] == pytest.approx(120, rel=0.15)
    assert result["reason"] is None
    assert result["timings_ms"]["faces"] > 0


def test_an_image_without_a_face_is_scored_and_inconclusive(tiny: Server) -> None:
    image = encode(grey(LEVEL))
    for model in ("faces", "tiny"):
        (result,) = tiny.judge(image, model=model, faces="auto").json()["results"]
        assert (result["verdict"], result["reason"]) == ("inconclusive", "no_face")
        assert result["fake_probability"] == pytest.approx(expected(LEVEL), abs=1e-3)
        (result,) = tiny.judge(image, model=model, faces="off").json()["results"]
        assert (result["verdict"], result["reason"], result["faces"]) == ("fake", None, [])


def test_faces_are_looked_for_unless_the_query_says_otherwise(tiny: Server) -> None:
    files = {"file": ("a.jpg", PORTRAIT.read_bytes())}
    (result,) = tiny.post("/api/v1/predictions", files=files).json()["results"]
    assert len(result["faces"]) == 1
    refused = tiny.judge(encode(grey(1)), faces="perhaps")
    assert refused.status_code == 422
    assert refused.json()["type"].endswith(":bad-parameter")
    assert "faces" in refused.json()["detail"]


def test_heat_maps_and_a_second_look_come_when_they_are_asked_for(tiny: Server) -> None:
    image = encode(scene([120, 100], brightest=1))
    (plain,) = tiny.judge(image, model="faces", faces="auto").json()["results"]
    assert plain["second_look"] is None
    assert [face["heat_map"] for face in plain["faces"]] == [None, None]
    assert plain["timings_ms"]["explain"] == plain["timings_ms"]["second_look"] == 0

    query = {"model": "faces", "faces": "auto", "explain": "true", "second_look": "true"}
    (result,) = tiny.judge(image, **query).json()["results"]
    assert result["fake_probability"] == plain["fake_probability"]
    other, decided = result["faces"]
    assert decided["decided"]
    assert other["heat_map"] is None  # occlusion explains the one that decided
    heat_map = decided["heat_map"]
    assert heat_map["method"] == "occlusion"
    assert max(map(max, heat_map["values"])) == 1
    assert heat_map["left"] < decided["left"] < decided["right"] < heat_map["right"]
    again = result["second_look"]
    assert [score["alteration"] for score in again["scores"]] == ["jpeg_75", "resize_75", "mirror"]
    assert again["lowest"] <= result["fake_probability"] <= again["highest"]
    assert result["timings_ms"]["explain"] > 0 < result["timings_ms"]["second_look"]


def test_a_whole_image_has_one_heat_map(tiny: Server) -> None:
    (result,) = tiny.judge(encode(grey(LEVEL)), explain="true").json()["results"]
    assert (result["heat_map"]["right"], result["heat_map"]["bottom"]) == (40, 30)
    assert len(result["heat_map"]["values"]) == 8


def test_the_references_call_answers_a_prediction(tiny: Server) -> None:
    answer = tiny.post("/predict", files={"file": ("a.png", encode(grey(LEVEL)))})
    assert answer.json() == {
        "prediction": pytest.approx(expected(LEVEL), abs=1e-3),
        "verdict": "inconclusive",  # a grey image holds no face
        "model": "tiny",
    }


def test_nothing_but_the_file_name_is_echoed(tiny: Server) -> None:
    name = '<img src=x onerror=alert(1)>"\\\u202e.png'
    comment = encode(grey(1), "JPEG", comment=b"marker-in-the-image")
    answer = tiny.post("/api/v1/predictions", files={"file": (name, comment)})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["results"][0]["file"] == name.replace('"', "%22") or name
    assert "marker-in-the-image" not in answer.text


def truncated() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    return encode(Image.fromarray(noise), "JPEG")[:1500]


@pytest.mark.parametrize(
    ("files", "status", "slug"),
    [
        ([], 400, "no-file"),
        ([("file", ("", b""))], 400, "no-file"),
        ([("image", ("a.png", encode(grey(1))))], 400, "no-file"),
        ([("file", ("a.png", b""))], 422, "empty-file"),
        ([("file", ("a.jpg", truncated()))], 422, "undecodable-image"),
        ([("file", ("a.png", b"\x89PNG\r\n\x1a\nrest"))], 422, "undecodable-image"),
        ([("file", ("a.png", b"GIF89a"))], 415, "unsupported-format"),
        ([("file", ("a.jpg", encode(grey(1), "GIF")))], 415, "unsupported-format"),
        ([("file", ("a.heic", b"\0\0\0\x18ftypheic"))], 415, "unsupported-format"),
        ([("file", ("a.png", bytes(20_000_001)))], 413, "file-too-large"),
        ([("file", ("a.png", encode(grey(1, (10_000, 5_001)))))], 413, "file-too-large"),
        ([("file", ("a.png", b"x"))] * 17, 413, "too-many-files"),
        ([("file", ("a.png", b"x"))] * 1000, 413, "request-too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("path", ["/api/v1/predictions", "/predict"])
def test_what_cannot_be_judged_has_its_status(
    tiny: Server, path: str, files: list[tuple[str, tuple[str, bytes]]], status: int, slug: str
) -> None:
    answer = tiny.post(path, files=files)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "request_id"}
    assert problem["type"] == f"urn:deepfake-detection:problem:{slug}"
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert problem["request_id"] == answer.headers["X-Request-ID"]


def test_an_unknown_model_is_404(tiny: Server) -> None:
    for name in ("nothing", "", "../tiny", "tiny.keras", "\0", "v" * 3000):
        answer = tiny.judge(encode(grey(1)), model=name)
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(":unknown-model")


def test_a_text_field_instead_of_a_file_is_a_bad_parameter(tiny: Server) -> None:
    answer = tiny.post("/api/v1/predictions", files={"file": (None, "text")})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":bad-parameter")


@pytest.mark.slow
def test_limits_are_settings(start_tiny, networks) -> None:
    networks("tiny")
    limits = {"max_file_bytes": 5000, "max_pixels": 900, "max_files": 2, "max_request_bytes": 9000}
    server = start_tiny(**limits)
    assert server.get("/api/v1/limits").json() == limits
    small = encode(grey(1, (30, 30)))
    assert server.judge(small, small).status_code == 200
    assert server.judge(encode(grey(1, (31, 30)))).status_code == 413
    assert server.judge(small, small, small).json()["type"].endswith(":too-many-files")
    assert server.judge(bytes(5001)).json()["type"].endswith(":file-too-large")
    assert server.judge(bytes(9001)).json()["type"].endswith(":request-too-large")


def test_many_pixels_together_are_refused_before_they_are_decoded(tiny: Server) -> None:
    judged = 'deepfake_stage_seconds_count{stage="decode"}'
    before = tiny.metric(judged)
    largest = encode(Image.new("1", (10_000, 5_000)))
    answer = tiny.judge(*[largest] * 6, b"no image")
    assert answer.status_code == 413
    assert answer.json()["type"].endswith(":request-too-large")
    assert "300 megapixels" in answer.json()["detail"]
    assert "250" in answer.json()["detail"]
    assert tiny.metric(judged) == before
    assert Settings().max_request_pixels >= 16 * 4080 * 3072, "photographs as phones take them"


@pytest.mark.slow
def test_so_many_pixels_together_are_judged(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny(workers=1, max_pixels=1000, max_request_pixels=2000)
    image = encode(grey(1, (40, 25)))
    assert server.judge(image, image).status_code == 200
    assert server.judge(image, image, b"no image").status_code == 200
    assert server.judge(image, image, encode(grey(1, (1, 1)))).status_code == 413


def test_a_request_without_declared_length_is_limited_too(tiny: Server) -> None:
    def body():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(70):
            yield bytes(1_000_000)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = tiny.post("/api/v1/predictions", data=body(), headers=headers)
    assert answer.json()["type"].endswith(":request-too-large")


@pytest.mark.slow
def test_a_full_queue_answers_503(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny(workers=1, scoring_slots=1, queue_length=1)
    image = slow_image()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.judge(image), range(6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert set(statuses) == {200, 503}
    (refused, *_) = [answer for answer in answers if answer.status_code == 503]
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["type"].endswith(":busy")
    assert server.judge(encode(grey(1))).status_code == 200


@pytest.mark.slow
def test_a_request_does_not_wait_in_the_queue_for_ever(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny(workers=1, scoring_slots=1, queue_length=4, queue_seconds=0.05)
    image = slow_image()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        statuses = {answer.status_code for answer in pool.map(server.judge, [image] * 3)}
    assert statuses == {200, 503}


@pytest.mark.slow
def test_answers_under_load_are_those_given_one_by_one(tiny: Server) -> None:
    levels = range(0, 250, 10)
    images = [encode(grey(level)) for level in levels]
    alone = [tiny.judge(image).json()["results"][0]["fake_probability"] for image in images]

    def again(position: int) -> bool:
        answer = tiny.judge(images[position % len(images)]).json()
        return answer["results"][0]["fake_probability"] == alone[position % len(images)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(again, range(200)))


def test_big_uploads_are_not_kept(tiny: Server) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), np.uint8)
    image = io.BytesIO()
    Image.fromarray(noise).save(image, "PNG")
    assert tiny.judge(image.getvalue()).status_code == 200
