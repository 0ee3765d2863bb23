"""What a file says about itself."""

import base64
import contextlib
import io
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import psutil
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from deepfake_detection.image import Limits, UndecodableImage
from deepfake_webapp.inspection import child, provenance, run
from deepfake_webapp.inspection.report import MAX_ENTRIES, MAX_PICTURE, MAX_TEXT, Report
from deepfake_webapp.settings import Settings, SettingsError
from tests.conftest import Server, eventually
from tests.detection_model.images import encoded, portrait
from tests.webapp_backend.c2pa_files import SigningKey, make_signing_key, sign

HOSTILE = "<img src=x onerror=alert(1)>\0\x1b[31m\u202eevil\n\"'\u2028"
PLAIN = "<img src=x onerror=alert(1)> [31m evil \"'"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def inspect(data: bytes, **options: Any) -> Report:
    return child.inspect_file(data, Limits(), **options)


def exif_of(**tags: Any) -> Image.Exif:
    exif = Image.Exif()
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    for name, value in tags.items():
        tag = ExifTags.Base[name]
        in_image = name in ("Make", "Model", "Software", "DateTime", "ImageDescription")
        (exif if in_image else inner)[tag] = value
    return exif


def with_position() -> bytes:
    exif = exif_of(Make="Maker", Model="M1")
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "S"
    position[ExifTags.GPS.GPSLatitude] = (33.0, 51.0, 36.0)
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = (151.0, 12.0, 36.0)
    return encoded(portrait(), exif=exif)


def with_texts(**texts: str) -> bytes:
    chunks = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(key, text)
    return encoded(portrait(), "PNG", pnginfo=chunks)


def with_xmp(body: str, format_: str = "JPEG") -> bytes:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"{body}</rdf:RDF></x:xmpmeta>"
    )
    if format_ == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet)
        return encoded(portrait(), "PNG", pnginfo=chunks)
    return encoded(portrait(), format_, xmp=packet.encode())


# --- metadata ---


def test_camera_software_and_dates_are_read_and_the_position_stands_apart() -> None:
    exif = exif_of(
        Make="Maker", Model="M1", Software="Editor 3", DateTimeOriginal="2026:01:02 03:04:05"
    )
    entries = inspect(encoded(portrait(), exif=exif)).metadata.entries
    assert {entry.name: entry.value for entry in entries} == {
        "Camera maker": "Maker",
        "Camera": "M1",
        "Taken": "2026:01:02 03:04:05",
        "Software": "Editor 3",
    }
    metadata = inspect(with_position()).metadata
    assert metadata.position is not None
    assert metadata.position.latitude == pytest.approx(-33.86)
    assert metadata.position.longitude == pytest.approx(151.21)
    assert not any("151" in entry.value for entry in metadata.entries)


@pytest.mark.parametrize(
    "latitude", [(float("nan"), 0, 0), (400.0, 0.0, 0.0), (1.0,), "north", (b"x", 1, 1)]
)
def test_an_impossible_position_is_none(latitude: Any) -> None:
    exif = Image.Exif()
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = latitude
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = (1.0, 1.0, 1.0)
    with contextlib.suppress(Exception):  # Pillow cannot write each of them
        assert inspect(encoded(portrait(), exif=exif)).metadata.position is None


def test_broken_exif_is_said_and_the_rest_goes_on() -> None:
    broken = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\xff\xff\xff\xff\0\0\0\0"
    report = inspect(encoded(portrait(), exif=broken))
    assert report.metadata.entries == []
    assert report.error_levels is not None


def test_texts_are_bounded_and_plain() -> None:
    exif = exif_of(Make=HOSTILE.encode("ascii", "ignore").decode(), Software="x" * 9000)
    maker, software = inspect(encoded(portrait(), exif=exif)).metadata.entries
    assert maker.value == PLAIN.replace(" evil", "evil")
    assert len(software.value) == MAX_TEXT
    report = inspect(with_texts(parameters=HOSTILE, **{f"k{i}": "v" for i in range(100)}))
    assert report.generator[0].value == PLAIN
    assert len(report.metadata.entries) == MAX_ENTRIES


# --- traces of generators ---


@pytest.mark.parametrize(
    ("data", "kind", "value"),
    [
        (with_texts(parameters="a face\nSteps: 20, Sampler: Euler"), "parameters", "a face Steps"),
        (with_texts(workflow='{"nodes": []}'), "parameters", '{"nodes": []}'),
        (with_texts(Software="NovelAI"), "software", "NovelAI"),
        (encoded(portrait(), exif=exif_of(Software="Midjourney v6")), "software", "Midjourney v6"),
        (
            encoded(
                portrait(),
                "WEBP",
                exif=exif_of(
                    UserComment=b"UNICODE\0" + "a, Steps: 9, Sampler: x".encode("utf-16-be")
                ),
            ),
            "parameters",
            "a, Steps: 9, Sampler: x",
        ),
        (encoded(portrait(), exif=exif_of(Make="workflow: {}")), "parameters", "workflow: {}"),
        (
            with_xmp(
                "<rdf:Description Iptc4xmpExt:DigitalSourceType="
                f'"{SOURCE_TYPES}trainedAlgorithmicMedia"/>'
            ),
            "source_type",
            "trainedAlgorithmicMedia",
        ),
        (
            with_xmp(
                f'<rdf:Description><Iptc4xmpExt:DigitalSourceType rdf:resource="{SOURCE_TYPES}'
                'compositeWithTrainedAlgorithmicMedia"/></rdf:Description>',
                "PNG",
            ),
            "source_type",
            "compositeWithTrainedAlgorithmicMedia",
        ),
        (
            with_xmp('<rdf:Description xmp:CreatorTool="Adobe Firefly 3"/>'),
            "software",
            "Adobe Firefly 3",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_generators_leave_traces(data: bytes, kind: str, value: str) -> None:
    (hint,) = inspect(data).generator
    assert (hint.kind, hint.value[: len(value)]) == (kind, value)


@pytest.mark.parametrize(
    "data",
    [
        encoded(portrait()),
        encoded(portrait(), exif=exif_of(Make="Canon", Software="Adobe Photoshop 25.0")),
        with_texts(Comment="A walk by the river with Imaginary friends"),
        with_xmp("<not-closed"),
        with_xmp('<!DOCTYPE x [<!ENTITY a "aa">]><rdf:Description>&a;</rdf:Description>'),
        with_xmp("<a>" * 5000 + "</a>" * 5000),
    ],
    ids=["nothing", "camera", "comment", "no xml", "entity", "deep"],
)
def test_other_files_have_none(data: bytes) -> None:
    assert inspect(data).generator == []


# --- compression and error levels ---


@pytest.mark.parametrize("quality", [40, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_found(quality: int) -> None:
    compression = inspect(encoded(portrait(), quality=quality, progressive=True)).compression
    assert compression is not None
    assert (compression.quality, compression.standard_tables) == (quality, True)
    assert compression.progressive


def test_tables_of_ones_own_are_said_to_be_so() -> None:
    tables = [[min(255, 5 + 2 * i) for i in range(64)]] * 2
    compression = inspect(encoded(portrait(), qtables=tables)).compression
    assert compression is not None
    assert not compression.standard_tables


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_other_formats_have_no_jpeg_quality(format_: str) -> None:
    report = inspect(encoded(portrait(), format_))
    assert report.compression is None
    assert report.error_levels is not None


def textured(seed: int) -> Image.Image:
    """A drawing with noise of every size, as photographs have."""
    rng = np.random.default_rng(seed)
    pixels = np.asarray(portrait(seed, size=(384, 384))).astype(float)
    for side in (384, 128, 48):
        noise = Image.fromarray(rng.normal(0, 12, (side, side)).astype(np.float32))
        pixels += np.asarray(noise.resize((384, 384), Image.Resampling.BICUBIC))[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def twice(image: Image.Image, first: int, second: int) -> bool | None:
    if first:
        image = Image.open(io.BytesIO(encoded(image, quality=first)))
    compression = inspect(encoded(image, quality=second)).compression
    assert compression is not None
    return compression.compressed_twice


def test_a_second_compression_is_seen_and_a_single_one_is_not_accused() -> None:
    settings = [(50, 70), (60, 80), (75, 90), (85, 95)]
    images = [textured(seed) for seed in range(5)]
    found = [twice(image, *qualities) for image in images for qualities in settings]
    assert found.count(True) >= 0.9 * len(found)
    single = [twice(image, 0, quality) for image in images for _, quality in settings]
    assert True not in single
    assert True not in [twice(portrait(seed), 0, 90) for seed in range(10)]
    assert twice(Image.new("RGB", (256, 256)), 0, 90) is None


def picture(report: Report) -> Image.Image:
    assert report.error_levels is not None
    kind, _, content = report.error_levels.picture.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_pasted_area_stands_out_in_the_error_levels() -> None:
    background = Image.open(io.BytesIO(encoded(textured(0), quality=90, subsampling=0)))
    pasted = background.copy()
    pasted.paste(textured(1).crop((0, 0, 128, 128)), (128, 128))
    levels = np.asarray(picture(inspect(encoded(pasted, "PNG")))).astype(float)
    inside = levels[136:248, 136:248].mean()
    assert levels.shape == (384, 384)
    assert inside > 3 * np.concatenate([levels[:120].ravel(), levels[264:].ravel()]).mean()


def test_the_picture_is_upright_small_and_there_for_large_images_too() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noise = np.random.default_rng(0).integers(0, 255, (3000, 4000, 3), np.uint8)
    data = encoded(Image.fromarray(noise), quality=60, exif=exif)
    report = inspect(data)
    assert picture(report).size == pytest.approx((384, 512), abs=2)
    assert report.error_levels is not None
    assert len(report.error_levels.picture) < MAX_PICTURE
    assert inspect(encoded(Image.new("RGB", (7, 900)))).error_levels is None


# --- C2PA ---


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return make_signing_key()


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")],
)
def test_a_signed_file_is_trusted_only_by_those_who_know_the_root(
    key: SigningKey, format_: str, media_type: str
) -> None:
    data = sign(encoded(portrait(), format_), key, media_type)
    stranger = inspect(data).provenance
    assert (stranger.state, stranger.faults) == ("unknown_signer", [])
    assert inspect(data, trust_anchors=make_signing_key().root.decode()).provenance == stranger
    known = inspect(data, trust_anchors=key.root.decode()).provenance
    assert (known.state, known.faults) == ("trusted", [])
    assert (known.signer, known.issuer) == ("Test camera", "Throw-away")
    assert known.claim_generator == "Test maker 1"
    (action,) = known.actions
    assert (action.action, action.agent) == ("c2pa.created", "Imaginator 2")
    assert action.source_type == "trainedAlgorithmicMedia"


def test_a_changed_file_is_invalid_even_from_a_trusted_signer(key: SigningKey) -> None:
    data = bytearray(sign(encoded(portrait()), key))
    data[-2000] ^= 0xFF
    changed = inspect(bytes(data), trust_anchors=key.root.decode()).provenance
    assert changed.state == "invalid"
    assert any("hash" in fault for fault in changed.faults)


def test_a_broken_manifest_is_invalid_and_none_is_none(key: SigningKey) -> None:
    data = bytearray(sign(encoded(portrait()), key))
    start = data.index(b"jumb")
    data[start + 60 : start + 300] = bytes(240)
    broken = inspect(bytes(data)).provenance
    assert broken.state == "invalid"
    assert broken.faults
    assert inspect(encoded(portrait())).provenance.state == "none"


def test_texts_of_a_manifest_are_plain() -> None:
    hostile = make_signing_key(signer="<script>alert(1)</script>")
    data = sign(encoded(portrait()), hostile, generator="<b>" + "x" * 5000)
    found = inspect(data).provenance
    assert found.signer == "<script>alert(1)</script>"
    assert found.claim_generator is not None
    assert len(found.claim_generator) == MAX_TEXT


@contextlib.contextmanager
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """A listener that notes whoever connects to it."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def note() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        asked.append(connection.recv(100))

        thread = threading.Thread(target=note)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_no_connection_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with trap() as (url, asked):
        key = make_signing_key(ocsp=f"{url}/ocsp")
        anchors = key.root.decode()
        remote = sign(encoded(portrait()), key, remote=f"{url}/manifest.c2pa")
        signed = sign(encoded(portrait()), key)
        elsewhere = inspect(remote, trust_anchors=anchors).provenance
        assert (elsewhere.state, elsewhere.elsewhere) == ("none", f"{url}/manifest.c2pa")
        assert inspect(signed, trust_anchors=anchors).provenance.state == "trusted"
        assert run.inspect(remote, Limits()).provenance == elsewhere
        assert asked == []

        # The trap works: with fetching switched on both are caught by it.
        fetching = {
            "verify": {"remote_manifest_fetch": True, "ocsp_fetch": True},
            "trust": {"trust_anchors": anchors},
        }
        monkeypatch.setattr(provenance, "_settings", lambda _: fetching)
        inspect(remote)
        inspect(signed)
    assert [request.partition(b" /")[0] for request in asked] == [b"GET", b"GET"]


# --- the child ---


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a child as it is once it has given its rights away."""
    confine = "import socket; from deepfake_webapp.inspection import child; child.confine()"
    script = f"{confine}\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"OPENBLAS_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("socket.socket()", "Too many open files"),
        ("open('/etc/passwd')", "Too many open files"),
        ("bytearray(2_000_000_000)", "MemoryError"),
    ],
)
def test_a_child_can_open_nothing_and_take_little(code: str, error: str) -> None:
    done = confined(code)
    assert done.returncode == 1
    assert error in done.stderr


def test_the_child_is_confined_before_it_sees_the_file() -> None:
    module = "deepfake_webapp.inspection.child"
    limits = [str(Limits().max_bytes), str(Limits().max_pixels)]
    arguments = [sys.executable, "-I", "-m", module, *limits]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        waiting = psutil.Process(process.pid)
        assert eventually(lambda: waiting.rlimit(psutil.RLIMIT_NOFILE) == (3, 3))
        assert waiting.rlimit(psutil.RLIMIT_AS) == (child.MEMORY_BYTES,) * 2
        assert waiting.rlimit(psutil.RLIMIT_CPU) == (child.CPU_SECONDS,) * 2
        answer, _ = process.communicate(encoded(portrait()), 60)
    assert Report.model_validate_json(answer).compression is not None


def test_a_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(run.InspectionTimeout):
        run.inspect(encoded(portrait()), Limits())


@pytest.mark.slow
def test_endless_work_ends_by_processor_time() -> None:
    assert confined("while True: pass").returncode < 0


def test_what_the_child_cannot_do_is_a_damaged_image() -> None:
    with pytest.raises(UndecodableImage):
        run.inspect(encoded(portrait())[:3000], Limits())


# --- HTTP ---


def ask(server: Server, data: bytes, name: str = "a.jpg") -> Any:
    return server.post("/api/v1/inspections", files={"file": (name, data)})


def test_the_answer_is_the_report(tiny: Server) -> None:
    data = with_position()
    answer = ask(tiny, data, "holiday.jpg")
    assert answer.status_code == 200, answer.text
    expected = {"file": "holiday.jpg", **json.loads(inspect(data).model_dump_json())}
    assert answer.json() == expected
    assert answer.json()["provenance"]["state"] == "none"


@pytest.mark.parametrize(
    ("data", "status", "slug"),
    [
        (b"", 422, "empty-file"),
        (encoded(portrait())[:3000], 422, "undecodable-image"),
        (b"%PDF-1.7", 415, "unsupported-format"),
        (encoded(Image.new("L", (10_000, 5_001)), "PNG"), 413, "file-too-large"),
        (bytes(20_000_001), 413, "file-too-large"),
    ],
)
def test_problems_are_those_of_predictions(
    tiny: Server, data: bytes, status: int, slug: str
) -> None:
    answer = ask(tiny, data)
    assert answer.status_code == status
    assert answer.json()["type"].endswith(f":{slug}")


def test_one_file_at_a_time(tiny: Server) -> None:
    files = [("file", ("a.jpg", encoded(portrait())))] * 2
    answer = tiny.post("/api/v1/inspections", files=files)
    assert answer.json()["type"].endswith(":too-many-files")
    assert tiny.post("/api/v1/inspections").json()["type"].endswith(":no-file")


@pytest.mark.slow
def test_trust_anchors_are_a_setting(start_tiny, networks, key: SigningKey, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(key.root)
    networks("tiny")
    server = start_tiny(trust_anchors=anchors)
    state = ask(server, sign(encoded(portrait()), key)).json()["provenance"]["state"]
    assert state == "trusted"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_trust_anchors_that_are_none_stop_the_start(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "anchors.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("DEEPFAKE_TRUST_ANCHORS", str(file))
    with pytest.raises(SettingsError, match="DEEPFAKE_TRUST_ANCHORS"):
        Settings.read()


def test_trust_anchors_that_look_like_some_are_told() -> None:
    with pytest.raises(c2pa.C2paError):
        inspect(encoded(portrait()), trust_anchors="-----BEGIN CERTIFICATE-----\nx\n")
