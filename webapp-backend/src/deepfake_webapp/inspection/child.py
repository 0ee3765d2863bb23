"""Take one file apart in a process of its own, which can do little harm and not for long.

    python -I -m deepfake_webapp.inspection.child MAX_BYTES MAX_PIXELS [TRUST_ANCHORS] < FILE

prints a report as JSON. Exit status 3 means that the image cannot be decoded.
"""

import resource
import sys
import warnings
from pathlib import Path

import defusedxml.ElementTree  # noqa: F401 - Pillow imports it when it finds XMP, too late here
from PIL import Image

from deepfake_detection.image.decode import (
    Limits,
    UndecodableImage,
    load,
    open_image,
    orientation_of,
    to_rgb,
)
from deepfake_webapp.inspection.blocks import sample_blocks
from deepfake_webapp.inspection.compression import describe_compression
from deepfake_webapp.inspection.error_levels import measure_error_levels
from deepfake_webapp.inspection.generator import find_generator
from deepfake_webapp.inspection.metadata import read_metadata
from deepfake_webapp.inspection.provenance import read_provenance
from deepfake_webapp.inspection.report import Report
from deepfake_webapp.inspection.run import UNDECODABLE

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 4
ANSWER_BYTES = 1_000_000
# Of EXIF, XMP and PNG text; the rest of a longer one is left out.
METADATA_BYTES = 2_000_000


def confine() -> None:
    """Take from this process what a hostile file could use: no change of it can be undone."""
    for limit, most in {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: ANSWER_BYTES,
        resource.RLIMIT_CORE: 0,
        # Standard input, output and error are open; nothing else can be, no file and no socket.
        resource.RLIMIT_NOFILE: 3,
    }.items():
        resource.setrlimit(limit, (most, most))


def inspect_file(data: bytes, limits: Limits, trust_anchors: str = "") -> Report:
    """Find out what there is; raises what ``decode`` raises."""
    try:
        image, damaged = _decoded(data, limits, METADATA_BYTES), False
    except UndecodableImage:
        image, damaged = _decoded(data, limits, 0), True
    blocks = sample_blocks(image if image.mode == "YCbCr" else to_rgb(image))
    metadata = read_metadata(image)
    metadata.damaged |= damaged
    return Report(
        metadata=metadata,
        compression=describe_compression(image, blocks),
        error_levels=measure_error_levels(blocks, orientation_of(image)),
        generator=find_generator(image),
        provenance=read_provenance(data, Image.MIME[image.format or ""], trust_anchors),
    )


def _decoded(data: bytes, limits: Limits, metadata: int) -> Image.Image:
    image = open_image(data, limits, metadata=metadata)
    # As the file has the colours, not yet rounded to RGB.
    image.draft("YCbCr", None)
    load(image)
    return image


def main() -> None:
    """Inspect standard input."""
    max_bytes, max_pixels, *anchors = sys.argv[1:]
    trust_anchors = Path(anchors[0]).read_text(encoding="ascii") if anchors else ""
    Image.init()  # while modules can still be imported
    warnings.simplefilter("ignore")  # about damaged metadata
    confine()
    try:
        limits = Limits(max_bytes=int(max_bytes), max_pixels=int(max_pixels))
        report = inspect_file(sys.stdin.buffer.read(), limits, trust_anchors)
    except UndecodableImage:
        sys.exit(UNDECODABLE)
    print(report.model_dump_json())


if __name__ == "__main__":
    main()
