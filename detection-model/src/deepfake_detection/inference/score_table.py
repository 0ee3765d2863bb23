"""The tables that ``deepfake score`` writes: folders of Parquet files, one file a unit.

``scores.parquet/`` holds the rows and ``scores.bad.parquet/`` those that could not be judged;
pandas, Polars, DuckDB and Spark read such a folder as one table.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import Card
from deepfake_detection.inference.archive import Unit, archive_images, full_name, units
from deepfake_detection.inference.picture import FaceSearch
from deepfake_detection.inference.score import ScoredUnit

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise UserError("pyarrow is missing: pip install './detection-model[archive]'.") from error

# A ``Row``.
SCORES = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("fake_probability", pa.float64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("decided", pa.bool_(), nullable=False),
        pa.field("face", pa.int32()),
        pa.field("face_x", pa.int32()),
        pa.field("face_y", pa.int32()),
        pa.field("face_width", pa.int32()),
        pa.field("face_height", pa.int32()),
        pa.field("face_score", pa.float64()),
        pa.field("face_fake_probability", pa.float64()),
    ]
)
BAD = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
# Readers of a Parquet folder pass over names that begin with an underscore.
RECORD = "_score.json"
# What the record holds, as it is called in a sentence.
PARTS = {
    "source": "source",
    "model": "network",
    "sha256": "network file",
    "answers": "calibration or input in the card",
    "faces": "--faces",
}
# Of a card: changed, they change the rows, while the network's file stays the same.
_ANSWERS = {"input", "crop", "margin", "class_order", "calibration", "inconclusive"}


class ScoreTable:
    """The rows of one source by one network, written unit by unit.

    Args:
        output: The folder ``NAME.parquet``; the bad ones go to ``NAME.bad.parquet`` beside it.
        source: What is scored, as it was typed.
        card: Of the network.
        faces: See ``judge``.

    Raises:
        UserError: If the folder holds something else, or rows that this run would not write.
    """

    def __init__(self, output: Path, source: str, card: Card, faces: FaceSearch) -> None:
        file = output / RECORD
        record = _record(source, card, faces)
        if output.exists() and not file.is_file():
            raise UserError(f"{output} is there already and no folder of scores.")
        if file.is_file() and (others := _differing(json.loads(file.read_text()), record)):
            raise UserError(f"{output} holds scores with another {others}; name another folder.")
        # A name of its own, whatever was typed: "." has none to be changed.
        self._scores = Path(os.path.abspath(output))  # noqa: PTH100 - a link may stay one
        self._bad = self._scores.with_suffix(f".bad{self._scores.suffix}")
        output.mkdir(parents=True, exist_ok=True)
        _write_text(file, json.dumps(record, indent=2))

    def holds(self, unit: Unit) -> bool:
        """Whether the rows of a unit are there."""
        return self._file(self._scores, unit.key).is_file()

    def write(self, scored: ScoredUnit) -> None:
        """Write the rows of a unit, as a whole or not at all."""
        key = scored.unit.key
        bad = self._file(self._bad, key)
        if scored.bad:
            self._bad.mkdir(exist_ok=True)
            _write_rows(bad, BAD, scored.bad)
        else:
            # A run that was killed may have found some, which have been put right since.
            bad.unlink(missing_ok=True)
        # Last, even without rows: this file says that the unit is done.
        _write_rows(self._file(self._scores, key), SCORES, scored.rows)

    def keep_only(self, keys: set[str]) -> None:
        """Remove rows of units that the source no longer has, and what a killed run left."""
        for folder in (self._scores, self._bad):
            for file in folder.glob("*.parquet"):
                if file.stem not in keys:
                    file.unlink()
            for file in folder.glob("_*.partial"):
                file.unlink()

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / f"{key}.parquet"


def _record(source: str, card: Card, faces: FaceSearch) -> dict[str, str]:
    answers = card.model_dump_json(include=_ANSWERS)
    return {
        "source": full_name(source),
        "model": card.name,
        "sha256": card.sha256,
        "answers": hashlib.sha256(answers.encode()).hexdigest(),
        "faces": faces,
    }


def _differing(found: dict[str, str], record: dict[str, str]) -> str:
    """What stands otherwise in the record that was found, in words; empty if nothing does."""
    return ", ".join(told for key, told in PARTS.items() if found.get(key) != record[key])


@dataclass
class Tally:
    """Images so far: ``kept`` were there already, ``bad`` could not be judged."""

    scored: int = 0
    bad: int = 0
    kept: int = 0

    @property
    def images(self) -> int:
        """All of them."""
        return self.scored + self.bad + self.kept


def fill(
    table: ScoreTable, source: str, engine: Callable[[Iterator[Unit]], Iterator[ScoredUnit]]
) -> Iterator[Tally]:
    """Score what the table lacks; yields the same tally again and again as it grows.

    Once all is done the table holds the source's images and no others.
    """
    tally = Tally()
    keys: set[str] = set()

    def missing() -> Iterator[Unit]:
        for unit in units(archive_images(source)):
            keys.add(unit.key)
            if table.holds(unit):
                tally.kept += len(unit.images)
            else:
                yield unit

    for scored in engine(missing()):
        table.write(scored)
        tally.scored += scored.judged
        tally.bad += len(scored.bad)
        yield tally
    table.keep_only(keys)
    yield tally


def _write_rows(file: Path, schema: pa.Schema, rows: Sequence[tuple[object, ...]]) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    partial = file.with_name(f"_{file.name}.partial")
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), partial)
    partial.replace(file)


def _write_text(file: Path, text: str) -> None:
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
