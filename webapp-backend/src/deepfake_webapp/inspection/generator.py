"""Traces of programs that make images: their parameters, their names, IPTC's source type."""

import re
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image

from deepfake_webapp.inspection.metadata import comment_text, exif_tags, png_texts
from deepfake_webapp.inspection.report import MAX_ENTRIES, GeneratorHint, clean

MAX_XMP = 1_000_000

# PNG keywords under which Stable Diffusion's user interfaces keep their settings.
_PARAMETER_KEYS = {
    "parameters",
    "postprocessing",
    "extras",
    "prompt",
    "negative_prompt",
    "workflow",
    "dream",
    "sd-metadata",
    "invokeai_metadata",
    "invokeai_graph",
    "generation_data",
    "fooocus_scheme",
}
# What the same programs write where a file has no such chunks.
_PARAMETERS = re.compile(r"\bSteps: \d+, .*\b(Sampler|Seed): |^(workflow|prompt):\s*\{")
_GENERATORS = re.compile(
    r"\b(midjourney|dall[·\-\s]?e|chatgpt|openai|gpt-?4o|sora|stable[\s-]?diffusion|dreamstudio|"
    r"comfyui|automatic1111|invokeai|fooocus|novelai|firefly|generative fill|imagen|gemini|"
    r"made with google ai|edited with google ai|black forest labs|flux\.1|ideogram|leonardo\.ai|"
    r"bing image creator|image creator from microsoft|grok|meta ai|imagined with ai|runway|"
    r"stylegan\d?|deepfacelab|deepfacelive|faceswap|faceapp|reface|roop|facefusion)\b",
    re.IGNORECASE,
)
_EXIF_FIELDS = {
    ExifTags.Base.Software: "EXIF Software",
    ExifTags.Base.ProcessingSoftware: "EXIF ProcessingSoftware",
    ExifTags.Base.ImageDescription: "EXIF ImageDescription",
    ExifTags.Base.UserComment: "EXIF UserComment",
    ExifTags.Base.Make: "EXIF Make",
    ExifTags.Base.Model: "EXIF Model",
    ExifTags.Base.Artist: "EXIF Artist",
}
_XMP_FIELDS = ("CreatorTool", "Credit", "softwareAgent", "AISystemUsed", "Instructions")


def find_generator(image: Image.Image) -> list[GeneratorHint]:
    """Hints in a loaded image's PNG text, EXIF and XMP; parts that cannot be read give none."""
    hints = [*_of_png(image), *_of_exif(image), *_of_xmp(image)]
    return hints[:MAX_ENTRIES]


def _of_png(image: Image.Image) -> Iterator[GeneratorHint]:
    for key, text in png_texts(image).items():
        where = f"PNG text “{clean(key, 80)}”"
        if key.lower() in _PARAMETER_KEYS:
            yield GeneratorHint(kind="parameters", where=where, value=clean(text))
        else:
            yield from _of_text(where, text)


def _of_exif(image: Image.Image) -> Iterator[GeneratorHint]:
    try:
        tags = exif_tags(image)
    except Exception:  # a damaged block; `metadata` says so
        return
    for tag, where in _EXIF_FIELDS.items():
        if tag in tags:
            yield from _of_text(where, comment_text(tags[tag]))


def _of_text(where: str, text: object) -> Iterator[GeneratorHint]:
    value = clean(text)
    if _PARAMETERS.search(value):
        yield GeneratorHint(kind="parameters", where=where, value=value)
    elif _GENERATORS.search(value):
        yield GeneratorHint(kind="software", where=where, value=value)


def _of_xmp(image: Image.Image) -> Iterator[GeneratorHint]:
    if len(image.info.get("xmp", b"")) > MAX_XMP:
        return
    try:
        xmp = image.getxmp()
    except Exception:  # no well-formed XML, or one that defusedxml refuses
        return
    for name, value in _leaves(xmp):
        if name.lower() == "digitalsourcetype":
            term = clean(value.rstrip("/").rpartition("/")[2])
            yield GeneratorHint(kind="source_type", where=f"XMP {name}", value=term)
        elif name in _XMP_FIELDS:
            yield from _of_text(f"XMP {name}", value)


def _leaves(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """All texts of Pillow's nested dictionary, each with the nearest name above it."""
    if isinstance(node, dict):
        for key, child in node.items():
            # RDF's own words stand between a property and its value.
            own = key in ("text", "resource", "li", "Alt", "Bag", "Seq", "lang")
            yield from _leaves(child, name if own else clean(key, 80))
    elif isinstance(node, list):
        for child in node:
            yield from _leaves(child, name)
    elif isinstance(node, str):
        yield name, node
