"""Take each defence away once, and see its test fail.

    python -m tests.defences

works on a copy of the last commit. Exit status 1 if a test passes without its defence, or fails
with it.
"""

import subprocess
import sys
import sysconfig
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

IMAGE = "detection-model/src/deepfake_detection/image"
INFERENCE = "detection-model/src/deepfake_detection/inference"
TRAINING = "detection-model/src/deepfake_detection/training"
WEBAPP = "webapp-backend/src/deepfake_webapp"
IMAGES = "tests/detection_model/test_hostile_images.py"
NETWORKS = "tests/detection_model/test_hostile_models.py"
API = "tests/webapp_backend"


@dataclass(frozen=True)
class Defence:
    """One place in the code, what it becomes without the defence, and the test that must fail."""

    name: str
    file: str
    code: str
    without: str
    test: str


DEFENCES = (
    Defence(
        "three formats alone",
        f"{IMAGE}/decode.py",
        'FORMATS = ("JPEG", "PNG", "WEBP")',
        "FORMATS = None",
        "tests/detection_model/test_decode.py::test_a_gif_renamed_to_jpg_is_still_no_jpeg",
    ),
    Defence(
        "limit on bytes",
        f"{IMAGE}/decode.py",
        "    if size > limits.max_bytes:",
        "    if False:",
        "tests/detection_model/test_decode.py::test_the_ceiling_on_bytes_names_both_sizes",
    ),
    Defence(
        "limit on pixels",
        f"{IMAGE}/decode.py",
        "    if pixels > limits.max_pixels:",
        "    if False:",
        f"{IMAGES}::test_a_declared_size_is_believed_before_anything_is_decoded",
    ),
    Defence(
        "JPEG segments left out",
        f"{IMAGE}/essentials.py",
        "        if kind <= _APP0 or kind == _ADOBE:",
        "        if True:",
        f"{IMAGES}::test_what_stands_beside_a_jpegs_pixels_does_no_harm",
    ),
    Defence(
        "PNG chunks left out",
        f"{IMAGE}/essentials.py",
        "        if kind in _PNG_PIXELS or",
        "        if True or",
        f"{IMAGES}::test_what_stands_beside_a_pngs_pixels_does_no_harm",
    ),
    Defence(
        "limit on pieces",
        f"{IMAGE}/essentials.py",
        "MAX_PIECES = 20_000",
        "MAX_PIECES = 20_000_000",
        f"{IMAGES}::test_a_million_comments_are_refused_at_once",
    ),
    Defence(
        "limit on scans",
        f"{IMAGE}/decode.py",
        "MAX_SCANNED = 1_000_000_000",
        "MAX_SCANNED = 10**15",
        f"{IMAGES}::test_a_thousand_empty_scans_are_refused_at_once",
    ),
    Defence(
        "decoders' errors told",
        f"{IMAGE}/decode.py",
        "    except Exception as error:  # Pillow's decoders",
        "    except SyntaxError as error:  # Pillow's decoders",
        "tests/detection_model/test_decode.py::test_what_is_no_image_is_refused_by_kind",
    ),
    Defence(
        "one large image at a time",
        f"{IMAGE}/decode.py",
        "    with _one_large_image if width * height > LARGE else contextlib.nullcontext():",
        "    with contextlib.nullcontext():",
        "tests/detection_model/test_decode.py"
        "::test_a_large_png_is_decoded_once_and_while_no_other_is",
    ),
    Defence(
        "safe mode of Keras",
        f"{TRAINING}/convert.py",
        "safe_mode=True",
        "safe_mode=False",
        f"{NETWORKS}::test_code_is_refused_with_the_reason",
    ),
    Defence(
        "conversion's memory",
        f"{TRAINING}/confine.py",
        "        resource.RLIMIT_DATA: memory,\n",
        "",
        f"{NETWORKS}::test_memory_and_written_files_are_bounded",
    ),
    Defence(
        "size of what conversion writes",
        f"{TRAINING}/confine.py",
        "        resource.RLIMIT_FSIZE: file_bytes,\n",
        "",
        f"{NETWORKS}::test_memory_and_written_files_are_bounded",
    ),
    Defence(
        "conversion's time",
        f"{TRAINING}/confine.py",
        "        resource.RLIMIT_CPU: cpu_seconds,\n",
        "",
        f"{NETWORKS}::test_a_confined_process_ends_after_its_time",
    ),
    Defence(
        "conversion's files",
        f"{TRAINING}/confine.py",
        "    _restrict_files([*system, reads], writes)",
        "    del system",
        f"{NETWORKS}::test_a_confined_process_can_use_nothing_else",
    ),
    Defence(
        "conversion's network",
        f"{TRAINING}/confine.py",
        "_BIND_AND_CONNECT = 0b11",
        "_BIND_AND_CONNECT = 0",
        f"{NETWORKS}::test_a_confined_process_reaches_no_address",
    ),
    Defence(
        "confinement before TensorFlow",
        f"{INFERENCE}/conversion.py",
        '"deepfake_detection.training.confined_convert"',
        '"deepfake_detection.training.convert"',
        f"{NETWORKS}::test_the_converters_child_is_confined_and_given_no_secret",
    ),
    Defence(
        "no secrets for conversion",
        f"{INFERENCE}/conversion.py",
        "environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}",
        "environment = dict(os.environ)",
        f"{NETWORKS}::test_the_converters_child_is_confined_and_given_no_secret",
    ),
    Defence(
        "what was converted is what was asked about",
        f"{INFERENCE}/conversion.py",
        "        if sha256_of(keras_file) != hash_in_name(twin):",
        "        if False:",
        f"{NETWORKS}::test_a_file_replaced_while_it_is_converted_is_not_taken_for_the_former",
    ),
    Defence(
        "limit on what conversion says",
        f"{INFERENCE}/conversion.py",
        "[-_MOST_SAID:]",
        "",
        f"{NETWORKS}::test_a_converter_that_talks_a_lot_is_cut_short",
    ),
    Defence(
        "inspection's open files and sockets",
        f"{WEBAPP}/inspection/child.py",
        "        resource.RLIMIT_NOFILE: 3,\n",
        "",
        f"{API}/test_inspections.py::test_a_child_can_open_nothing_and_take_little",
    ),
    Defence(
        "inspection confined before it reads",
        f"{WEBAPP}/inspection/child.py",
        "    confine()\n    try:",
        "    try:",
        f"{API}/test_inspections.py::test_the_child_is_confined_before_it_sees_the_file",
    ),
    Defence(
        "bounded texts",
        f"{WEBAPP}/inspection/child.py",
        "METADATA_BYTES = 2_000_000",
        "METADATA_BYTES = -1",
        f"{API}/test_inspections.py::test_generators_leave_traces",
    ),
    Defence(
        "limit on parts of a form",
        f"{WEBAPP}/app.py",
        "        MAX_FORM_PARTS=2 * settings.max_files,\n",
        "        MAX_FORM_PARTS=None,\n",
        f"{API}/test_hostile_requests.py::test_a_photograph_among_ten_thousand_fields_is_refused",
    ),
    Defence(
        "limit on a request",
        f"{WEBAPP}/app.py",
        "        MAX_CONTENT_LENGTH=settings.max_request_bytes,\n",
        "",
        f"{API}/test_predictions.py::test_limits_are_settings",
    ),
    Defence(
        "pixels of a request",
        f"{WEBAPP}/views/uploads.py",
        "    if pixels > most:",
        "    if False:",
        f"{API}/test_predictions.py::test_so_many_pixels_together_are_judged",
    ),
    Defence(
        "room for uploads",
        f"{WEBAPP}/upload_room.py",
        "        if self._held + size > self._most:",
        "        if False:",
        f"{API}/test_load.py::test_uploads_find_no_more_room_than_they_are_given",
    ),
    Defence(
        "room for uploads without a length",
        f"{WEBAPP}/views/uploads.py",
        "    blueprint.before_request(_meter)\n",
        "",
        f"{API}/test_load.py::test_uploads_find_no_more_room_than_they_are_given",
    ),
    Defence(
        "names of the server",
        f"{WEBAPP}/trusted_hosts.py",
        '    if not host_is_trusted(request.headers.get("Host"), trusted):',
        "    if False:",
        f"{API}/test_http.py::test_other_names_of_the_server_are_refused_where_its_own_are_given",
    ),
    Defence(
        "uploads a minute",
        f"{WEBAPP}/views/uploads.py",
        "    blueprint.before_request(_refuse_if_too_many)\n",
        "",
        f"{API}/test_rate_limit.py::test_a_client_beyond_its_minute_gets_429",
    ),
    Defence(
        "bounded queue",
        f"{WEBAPP}/scoring.py",
        "    if not semaphore.acquire(timeout=timeout):",
        "    if not semaphore.acquire():",
        f"{API}/test_predictions.py::test_a_full_queue_answers_503",
    ),
    Defence(
        "slow clients dropped",
        f"{WEBAPP}/worker.py",
        "        left = self._deadline - time.monotonic()\n",
        "        left = 3600.0\n",
        f"{API}/test_load.py::test_slow_uploads_end_and_leave_the_threads_to_others",
    ),
    Defence(
        "refused clients cut off",
        f"{WEBAPP}/problems.py",
        "        connection.end_request(DRAIN_SECONDS)\n",
        "        pass\n",
        f"{API}/test_load.py::test_a_refused_client_that_keeps_sending_is_cut_off",
    ),
    Defence(
        "refused clients that break off",
        f"{WEBAPP}/problems.py",
        "    with contextlib.suppress(OSError, ParseException):",
        "    with contextlib.suppress(ParseException):",
        f"{API}/test_load.py::test_refused_clients_do_not_hold_a_thread_for_long",
    ),
    Defence(
        "broken chunks",
        f"{WEBAPP}/problems.py",
        "    app.register_error_handler(ParseException, _answer_malformed)\n",
        "",
        f"{API}/test_hostile_requests.py::test_broken_chunks_are_refused",
    ),
    Defence(
        "clients that left",
        f"{WEBAPP}/scoring.py",
        "            if has_left():",
        "            if False:",
        f"{API}/test_load.py::test_a_client_that_left_while_it_waited_is_not_judged",
    ),
    Defence(
        "no inline scripts",
        f"{WEBAPP}/observe.py",
        "\"script-src 'self'\"",
        "\"script-src 'self' 'unsafe-inline'\"",
        f"{API}/test_http.py::test_every_answer_carries_the_browsers_policies",
    ),
    Defence(
        "nosniff",
        f"{WEBAPP}/observe.py",
        '    "X-Content-Type-Options": "nosniff",\n',
        "",
        f"{API}/test_http.py::test_every_answer_carries_the_browsers_policies",
    ),
    Defence(
        "one count for made-up methods",
        f"{WEBAPP}/observe.py",
        'return method if method in HTTPMethod.__members__ else "other"',
        "return method",
        f"{API}/test_http.py::test_methods_that_are_made_up_are_counted_as_one",
    ),
    Defence(
        "no traceback in an answer",
        f"{WEBAPP}/problems.py",
        "    app.register_error_handler(Exception, _answer_unexpected)\n",
        "",
        f"{API}/test_http.py::test_an_unexpected_error_is_logged_and_not_shown",
    ),
    Defence(
        "a TensorBoard that hangs",
        f"{WEBAPP}/tensorboard/supervise.py",
        " and missed < MISSED_CHECKS:",
        ":",
        f"{API}/test_tensorboard.py::test_a_tensorboard_that_hangs_is_replaced",
    ),
    Defence(
        "proxy: headers that may pass",
        f"{WEBAPP}/views/tensorboard.py",
        "            name: request.headers[name] for name in _REQUEST_HEADERS if name in"
        " request.headers\n",
        "            **request.headers\n",
        f"{API}/test_tensorboard.py::test_the_proxy_passes_on_what_it_must_and_nothing_else",
    ),
    Defence(
        "proxy: POST to what only reads",
        f"{WEBAPP}/views/tensorboard.py",
        '    if request.method == "POST" and not _POST_ROUTES.fullmatch(path):',
        "    if False:",
        f"{API}/test_tensorboard.py::test_the_proxy_refuses_the_rest",
    ),
    Defence(
        "proxy: limit on a body",
        f"{WEBAPP}/views/tensorboard.py",
        "    request.max_content_length = _MAX_BODY\n",
        "",
        f"{API}/test_tensorboard.py::test_the_proxy_refuses_the_rest",
    ),
    Defence(
        "proxy: no way out of its folder",
        f"{WEBAPP}/views/tensorboard.py",
        '    if {".", ".."} & set(re.split(r"[/\\\\]", path)):',
        "    if False:",
        f"{API}/test_tensorboard.py::test_the_proxy_refuses_the_rest",
    ),
)


def copy(folder: Path) -> Path:
    """Copy the last commit; return a Python that imports from the copy."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S607
    # An environment of its own, since the confined children look at no variable.
    venv.create(folder / ".venv", symlinks=True)
    (packages,) = (folder / ".venv/lib").glob("python*/site-packages")
    sources = [folder / "detection-model/src", folder / "webapp-backend/src"]
    installed = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
    lines = [*map(str, sources), installed]
    (packages / "copy.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / ".venv/bin/python"


def run(python: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests in the copy; exit status 0 if all pass and 1 if one fails.

    Raises:
        RuntimeError: If they can neither pass nor fail.
    """
    command = [str(python), "-m", "pytest", "-q", "-x", "--no-header", *tests]
    done = subprocess.run(
        command, cwd=python.parents[2], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return done


def main() -> int:
    """Print a line for each defence."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = copy(folder)
        with_all = run(python, *sorted({defence.test for defence in DEFENCES}))
        if with_all.returncode:
            print(f"A test fails with all defences in place:\n{with_all.stdout}")
            return 1
        needless = [defence for defence in DEFENCES if survives(defence, folder, python)]
    print(f"{len(DEFENCES) - len(needless)} of {len(DEFENCES)} defences are missed by a test.")
    return len(needless) > 0


def survives(defence: Defence, folder: Path, python: Path) -> bool:
    """Whether its test passes without the defence."""
    file = folder / defence.file
    code = file.read_text(encoding="utf-8")
    if code.count(defence.code) != 1:
        raise RuntimeError(f"{defence.name}: {defence.file} does not hold its code once.")
    file.write_text(code.replace(defence.code, defence.without), encoding="utf-8")
    try:
        passed = run(python, defence.test).returncode == 0
    finally:
        file.write_text(code, encoding="utf-8")
    print(f"{'PASSES WITHOUT' if passed else 'missed'}: {defence.name}", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
