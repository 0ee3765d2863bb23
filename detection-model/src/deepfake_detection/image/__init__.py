"""Photographs in, pixels out: decoding, resizing and the card that says how a network sees."""

from deepfake_detection.image.card import Card
from deepfake_detection.image.decode import (
    DecodedImage,
    EmptyImage,
    ImageError,
    ImageTooLarge,
    Limits,
    UndecodableImage,
    UnsupportedFormat,
    decode,
    open_image,
)
from deepfake_detection.image.preprocess import load_pixels, to_pixels

__all__ = [
    "Card",
    "DecodedImage",
    "EmptyImage",
    "ImageError",
    "ImageTooLarge",
    "Limits",
    "UndecodableImage",
    "UnsupportedFormat",
    "decode",
    "load_pixels",
    "open_image",
    "to_pixels",
]
