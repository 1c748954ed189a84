"""The record: what one cell left, one JSON file. Numbers are numbers, unknown is null, units are in the names.

Metrics are in percent points, times in seconds, memory in bytes.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.identity import key_of, keys_over
from bench.names import Names

SCHEMA = 1
HUGE = 10**40
"""No figure of a record is larger: float32 ends below it, and sums of squares of such figures are still finite."""
MOST_PREDICTIONS = 10**7
"""Of one record: a few bytes can claim to hold any number, and are unpacked to no more."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in hexadecimal."""
Whole = Annotated[int, Field(ge=-HUGE, le=HUGE)]
Number = Annotated[float, Field(ge=-HUGE, le=HUGE)]
Machine = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
"""The fingerprint of hardware: a folder of the store has this name."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Versioned(Part):
    name: Name
    version: Whole


class PairNames(Part):
    teacher: Name
    student: Name

    def __str__(self) -> str:
        return f"{self.teacher}->{self.student}"


class MethodUse(Versioned):
    parameters: dict[str, Any]


class CellIdentity(Part):
    """What the cell's key is made of."""

    task: Versioned
    pair: PairNames
    method: MethodUse
    protocol: dict[str, Any]
    seed: Whole
    precision: str
    teacher: str | None
    """Key of the teacher; null for a method that uses none."""
    compiled: bool = False
    """Whether torch.compile ran the teacher, where there is one that does not learn."""
    pretrained: Digest | None = None
    """sha256 of the pretrained model that the student is made of, tokenizer included; null: of none."""
    budget: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the protocol's epochs that the student is given, its schedule rescaled: a rung of the ladder."""

    @property
    def key(self) -> str:
        """sha256 of this content and of the schema's version."""
        return key_of(self.content)

    def keys(self, seeds: Iterable[int]) -> Iterator[str]:
        """The keys of this content at each of the seeds."""
        return keys_over(self.content, "seed", seeds)

    @property
    def content(self) -> dict[str, Any]:
        """What is hashed."""
        # What came later than the first records is left out at its default, so that their keys stay.
        return {"schema": SCHEMA, **self.model_dump(mode="json", exclude_defaults=True)}

    @property
    def arithmetic(self) -> str:
        """How numbers were computed: times and last digits of different arithmetic do not compare."""
        return f"{self.precision}, compiled" if self.compiled else self.precision


class TeacherUse(Part):
    key: Name
    network: Name
    sha256: Digest
    """Of the weights."""
    trained_on: str
    """`fit`, or `unknown` for a teacher that came from elsewhere."""
    select: Number | None
    test: Number
    further: dict[str, Number] = {}
    """The task's further metrics on test."""
    train_seconds: Number | None
    parameters: Whole


class Result(Part):
    test: dict[str, Number]
    """Metrics on test at the last epoch."""
    test_selected: dict[str, Number] | None
    """Metrics on test at the evaluation that was best on select."""
    selected_epoch: Number | None
    select: Number | None
    """The primary metric on select at the last epoch."""
    worst_class: Number | None
    """The lowest accuracy of any class on test."""
    most_frequent: dict[str, Number] | None = None
    """Metrics on test of giving every item the class that is most frequent in `fit`; None for regressions."""
    most_frequent_select: Number | None = None
    """The primary metric of the same on select."""


class Arrays(Part):
    """Arrays of the same length."""

    @model_validator(mode="after")
    def _same_length(self) -> Arrays:
        lengths = {name: len(getattr(self, name)) for name in type(self).model_fields}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the arrays of a curve differ in length: {lengths}")
        return self


class Curve(Arrays):
    """One element per evaluation in every array."""

    stage: list[str]
    counts: list[bool]
    """False inside a stage that trains no classifier: never a match, never a best."""
    epoch: list[Number]
    steps: list[Whole]
    samples: list[Whole]
    train_seconds: list[Number]
    flops: list[Whole]
    train_loss: list[Number]
    select: list[Number | None]


class Inference(Part):
    latency_seconds: Number
    """Median of one example alone."""
    examples_per_second: Number
    flops: Whole
    """Of one example's forward pass."""


class Passes(Part):
    """What a network or an optimiser of this name did in training; evaluations are not counted."""

    forwards: Whole
    backwards: Whole
    """Calls of `backward` or `torch.autograd.grad` that reached what a forward pass gave, over all forward passes."""
    updates: Whole
    """Steps of the optimiser of this name. The student's also trains what has none of its own."""


class Cost(Part):
    train_seconds: Number
    warmup_seconds: Number
    """Building, adapters, a rehearsal of every stage in which FLOPs and, on a CPU, memory are counted."""
    evaluation_seconds: Number
    total_seconds: Number
    steps: Whole
    played_steps: Whole = 0
    """Of these: played from a recording, on a GPU. The others were started kernel by kernel, which takes longer."""
    samples: Whole
    train_flops: Whole
    passes: dict[Name, Passes] | None = None
    """Of `student`, `teacher`, and the further networks and optimisers of the method; counted."""
    peak_device_allocated_bytes: Whole | None
    """On a GPU, while the training clock was on."""
    peak_device_reserved_bytes: Whole | None
    """On a GPU, by the allocator, for all of the process."""
    device_before_bytes: Whole | None = None
    """Allocated on the GPU before the cell was built: data and teachers; the cell's own peak is the difference."""
    peak_resident_bytes: Whole | None
    resident_before_bytes: Whole | None
    """The resident set before the cell was built; the cell's own peak is the difference."""
    peak_tensor_bytes: Whole | None = None
    """On a CPU: of all tensors that the cell makes in a step on its largest batch, its networks included; counted."""
    allocated_bytes: Whole | None = None
    """On a CPU: all that it asks the allocator for when it is built and steps twice in every stage; counted."""
    energy_joules: Number | None = None
    """While the training clock was on; null where the device reports none."""
    parameters: Annotated[int, Field(ge=1, le=HUGE)]
    extra_parameters: Whole
    """Trainable beside the student: adapters, peers, a teacher that is trained."""
    student: Inference
    teacher: Inference | None


class Fidelity(Part):
    agreement: Number
    kl: Number
    agreement_teacher_right: Number | None
    agreement_teacher_wrong: Number | None
    confidence_teacher_wrong: Number | None


class Calibration(Part):
    ece: Number
    nll: Number
    brier: Number


class Predictions(Part):
    """Predicted classes on test: zlib-compressed little-endian uint16, and whether they are right, one bit each."""

    count: Annotated[int, Field(ge=0, le=MOST_PREDICTIONS)]
    classes: str
    correct: str

    @classmethod
    def pack(cls, predicted: np.ndarray, labels: np.ndarray) -> Predictions:
        """predicted, labels: (n,) class indices."""
        return cls(
            count=len(predicted),
            classes=_text(predicted.astype("<u2").tobytes()),
            correct=_text(np.packbits(predicted == labels).tobytes()),
        )

    def unpack(self) -> tuple[np.ndarray, np.ndarray]:
        """The predicted classes (n,) and whether each is right (n,). What does not hold n raises ValueError."""
        classes = np.frombuffer(_bytes(self.classes, 2 * self.count), dtype="<u2")
        packed = np.frombuffer(_bytes(self.correct, (self.count + 7) // 8), dtype=np.uint8)
        correct = np.unpackbits(packed, count=self.count)
        return classes, correct.astype(bool)


class Provenance(Part):
    commit: str | None
    dirty: bool | None
    command: str
    """The one command that makes this cell again."""
    versions: dict[str, str]
    source_sha256: Digest
    """Of the method's source file."""
    started: str
    """UTC, ISO 8601."""


class Record(Part):
    """One cell, as it ended."""

    # `schema` is a method of pydantic's base class, hence the alias.
    schema_version: Literal[1] = Field(alias="schema")
    key: Digest
    machine: Machine
    cell: CellIdentity
    status: Literal["ok", "oom", "nan", "error", "timeout", "killed"]
    reason: str | None = None
    """Why it failed, with the traceback."""
    metric: Name
    """The primary metric: a key of `result.test`."""
    tuned: dict[str, Any] = {}
    """The parameters that differ from the defaults of the modality and the protocol: the row says so."""
    task_note: str = ""
    """What a reader of a table must know about the task."""
    in_aggregates: bool = True
    """Whether the task counts in figures over several tasks."""
    adapted: bool
    """Whether the method is our adaptation in this modality: † on the board."""
    reports: str
    """Which network was evaluated."""
    skipped: dict[str, str] = {}
    """Methods of the same command that cannot take this pair, and why."""
    select_items: Whole | None = None
    test_items: Whole | None = None
    teacher: TeacherUse | None = None
    result: Result | None = None
    curve: Curve | None = None
    cost: Cost | None = None
    fidelity: Fidelity | None = None
    calibration: Calibration | None = None
    predictions: Predictions | None = None
    environment: dict[str, Any]
    provenance: Provenance

    @model_validator(mode="after")
    def _whole(self) -> Record:
        if self.status == "ok":
            absent = [name for name in ("result", "curve", "cost") if getattr(self, name) is None]
            if absent:
                raise ValueError(f"a record with status ok lacks {', '.join(absent)}")
            if self.metric not in self.result.test:
                raise ValueError(f"the metric {self.metric!r} is not in result.test")
            if self.result.test_selected is not None and self.metric not in self.result.test_selected:
                raise ValueError(f"the metric {self.metric!r} is not in result.test_selected")
        elif not self.reason:
            raise ValueError(f"a record with status {self.status} lacks its reason")
        if self.cost is not None and self.curve is None:
            raise ValueError("a record with a cost lacks its curve")
        return self

    def to_json(self) -> str:
        """The file's content."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def names(self) -> Names:
        """What its file is named after."""
        cell = self.cell
        return Names(cell.task.name, cell.protocol["name"], str(cell.pair), cell.method.name, cell.seed, self.key)


def _text(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 9)).decode()


def _bytes(text: str, size: int) -> bytes:
    """So many bytes, of which no more are unpacked than there should be."""
    unpacking = zlib.decompressobj()
    try:
        raw = unpacking.decompress(base64.b64decode(text, validate=True), size + 1)
    except (zlib.error, OverflowError) as error:
        raise ValueError(str(error)) from error
    if len(raw) != size or not unpacking.eof:
        raise ValueError(f"it does not hold {size:,} bytes")
    return raw
