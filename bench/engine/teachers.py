"""Teachers: one per (task, network, protocol), trained once under a lock, kept as safetensors in the cache.

One file holds the weights and, in its header, what they are: so it is whole or it is not there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from bench.cache import cache_folder
from bench.engine.batches import batches
from bench.engine.checkpoint import Checkpoint, conditions
from bench.engine.clock import Clock
from bench.engine.evaluate import logits_of
from bench.engine.export import DESCRIPTION
from bench.engine.loop import NonFiniteError, position, train
from bench.engine.observed import Observed
from bench.engine.randomness import seeded
from bench.engine.training import Training
from bench.engine.workbench import Workbench
from bench.errors import TeacherError
from bench.identity import key_of
from bench.method import Batch, Method
from bench.protocol import Protocol
from bench.task import Task

HEADER = "kdbench"
SEAL = "header_sha256"
"""The entry of a header that is the digest of the others. Files that are older have none."""
SEED = 0
WAITING_SECONDS = 1.0
"""How often a process that waits for a teacher, or trains it, gives a sign of life."""
EVALUATIONS = 10
"""Of the training of a teacher: for progress and for finding a loss that is not finite."""


@dataclass(frozen=True)
class TeacherFile:
    """A teacher on disk."""

    path: Path
    identity: dict[str, Any]
    """What the key is made of; empty for a teacher that came from elsewhere."""
    sha256: str
    """Of names, types, shapes and bytes of all tensors."""
    metric: dict[str, float | None]
    """`select` and `test`, in percent points."""
    train_seconds: float | None


@dataclass(frozen=True)
class Brought:
    """A teacher given with --teacher: a safetensors file of one network's weights, or a folder with one.

    The folder is in the Hugging Face layout or made by --export-student.
    """

    path: Path
    sha256: str
    shapes: dict[str, tuple[int, ...]]
    class_names: tuple[str, ...] = ()
    """As the folder names them, in the order of its logits."""
    folder: Path | None = None
    """Where a folder was given: what lies in it says more than the weights."""

    @classmethod
    def read(cls, path: Path) -> Brought:
        """Reads the file; one that is missing or damaged raises TeacherError."""
        names: tuple[str, ...] = ()
        folder = path if path.is_dir() else None
        if folder:
            names, path = class_names(folder), folder / "model.safetensors"
        if not path.is_file():
            raise TeacherError(
                f"teacher file {path} does not exist: expected a safetensors file, or a folder with model.safetensors"
            )
        weights = read_weights(path)
        digest = weights_digest(weights)
        if stored_header(path) is not None:
            check_whole(read_header(path), digest)
        shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        return cls(path, digest, shapes, names, folder)

    def check_fits(self, task: Task, network: str) -> None:
        """Raises TeacherError if these are not the weights of this network."""
        wanted = {name: tuple(tensor.shape) for name, tensor in task.network(network).state_dict().items()}
        wrong = [name for name in sorted(wanted | self.shapes) if wanted.get(name) != self.shapes.get(name)]
        if wrong:
            examples = "; ".join(
                f"{name}: expected {wanted.get(name, 'nothing')}, found {self.shapes.get(name, 'nothing')}"
                for name in wrong[:3]
            )
            raise TeacherError(
                f"teacher file {self.path} does not fit the network {network!r}: {len(wrong)} tensors differ "
                f"({examples})"
            )
        if self.folder:
            task.check_teacher(network, self.folder)
        ours, theirs = ([name.lower() for name in names] for names in (task.class_names, self.class_names))
        if ours != theirs and sorted(ours) == sorted(theirs):
            raise TeacherError(
                f"teacher {self.path.parent} gives its classes in the order {', '.join(self.class_names)}, the task "
                f"{task.name!r} has {', '.join(task.class_names)}: reorder the rows of its classifier"
            )


def class_names(folder: Path) -> tuple[str, ...]:
    """The classes that a folder names, in order: in a Hugging Face configuration, or in an export's description.

    None if it names none.
    """
    config, description = folder / "config.json", folder / DESCRIPTION
    file = description if description.is_file() and not config.is_file() else config
    try:
        said = json.loads(file.read_text())
        if file == description:
            return tuple(map(str, said.get("classes", ())))
        named = said.get("id2label") or {}
        return tuple(str(named[number]) for number in sorted(named, key=int))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise TeacherError(f"teacher folder {folder}: {file.name} cannot be read: {error}") from error


def teacher_key(task: Task, network: str, protocol: Protocol, precision: str, brought: Brought | None) -> str:
    """The key of the teacher that a cell uses: of what it was made from, or of its weights if it was brought."""
    if brought:
        return f"file:{brought.sha256}"
    return key_of(teacher_identity(task, network, protocol, precision))


def teacher_identity(task: Task, network: str, protocol: Protocol, precision: str) -> dict[str, Any]:
    """What makes a teacher the one it is. Its sha256 is the teacher's key."""
    pretrained = task.pretrained(network)
    return {
        "task": {"name": task.name, "version": task.version},
        "network": task.resolve(network),
        "recipe": dataclasses.asdict(protocol.teacher.resolved(task.resolve(network))),
        "select": protocol.select,
        "precision": precision,
        "seed": SEED,
        # Left out where there is none: keys of teachers that start from their seed are older than this.
        **({"pretrained": pretrained} if pretrained else {}),
    }


def cached_path(identity: dict[str, Any]) -> Path:
    """Where the teacher of this identity is kept."""
    name = f"{identity['task']['name']}-{identity['network']}-{key_of(identity)[:12]}.safetensors"
    return cache_folder() / "teachers" / re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def weights_digest(weights: dict[str, Tensor]) -> str:
    """sha256 over the tensors, by name."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def read_header(path: Path) -> TeacherFile:
    """The description in a teacher's header, without its weights. A file without one raises TeacherError."""
    stored = stored_header(path)
    if stored is None:
        raise TeacherError(f"teacher file {path} has no kdbench header")
    try:
        header = json.loads(stored)
        if header.pop(SEAL, None) not in (None, key_of(header)):
            raise ValueError("its checksum differs")
        return TeacherFile(path=path, **header)
    except (ValueError, TypeError, AttributeError) as error:
        raise TeacherError(f"teacher file {path} has a kdbench header that cannot be read: {error}") from error


def stored_header(path: Path) -> str | None:
    """The text of the description; None where the file is from elsewhere."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get(HEADER)
    except (OSError, SafetensorError) as error:
        raise TeacherError(f"teacher file {path} cannot be read as safetensors: {error}") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file on the CPU."""
    try:
        # Older versions of transformers stored the positions 0, 1, 2, … too.
        return {name: tensor for name, tensor in load_file(path).items() if not name.endswith(".position_ids")}
    except (OSError, SafetensorError) as error:
        raise TeacherError(f"teacher file {path} cannot be read as safetensors: {error}") from error


def check_whole(teacher: TeacherFile, digest: str) -> None:
    """Raises TeacherError if the header was written for weights of another digest."""
    if digest != teacher.sha256:
        raise TeacherError(f"teacher file {teacher.path} is damaged (its checksum differs)")


def cached_teacher(
    bench: Workbench,
    network: str,
    method: Method,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
    waiting: Callable[[], None] = lambda: None,
) -> tuple[TeacherFile, dict[str, Tensor]]:
    """The teacher from the cache; trained first if it is not there or its file is damaged.

    method: plain training (the protocol's first control). say: told what happens. progress(done, total). waiting:
    called every second while the teacher is trained, here or by another process. A cache that cannot be written raises
    TeacherError.
    """
    identity = teacher_identity(bench.task, network, bench.protocol, bench.precision)
    path = cached_path(identity)
    with held(path, network, say, waiting):
        checkpoint = Checkpoint(path.with_name(f".{path.name}.checkpoint"), say)
        if path.exists():
            try:
                teacher, weights = read_header(path), read_weights(path)
                if key_of(teacher.identity) != key_of(identity):
                    raise TeacherError(f"teacher file {path} says that it is another teacher")
                check_whole(teacher, weights_digest(weights))
                checkpoint.clear()  # of a process that was killed when its teacher was whole
                return teacher, weights
            except TeacherError as error:
                say(f"{error}: training it again")
        say(f"training the teacher {network} ({bench.task.name}, {bench.protocol.name})")
        teacher = train_teacher(bench, network, identity, path, method, checkpoint, say, progress, waiting)
        say(f"teacher {network}: {bench.task.metric} {teacher.metric['test']:.2f} on test")
        return teacher, read_weights(path)


@contextmanager
def held(path: Path, network: str, say: Callable[[str], None], waiting: Callable[[], None]) -> Iterator[None]:
    """Inside, nobody else makes this teacher. The lock ends with the process that has it."""
    lock = FileLock(f"{path}.lock")
    with in_cache(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"waiting for the teacher {network}, which another process trains")
            while not lock.is_locked:
                waiting()
                with suppress(Timeout):
                    lock.acquire(timeout=WAITING_SECONDS)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def in_cache(path: Path) -> Iterator[None]:
    """Turns the errors of a folder that is full or cannot be written into a TeacherError."""
    try:
        yield
    except OSError as error:
        raise TeacherError(
            f"teacher {path} cannot be kept: {error.strerror or error}. Name a folder that can be written and has "
            "space with BENCH_CACHE"
        ) from error


def train_teacher(
    bench: Workbench,
    network: str,
    identity: dict[str, Any],
    path: Path,
    method: Method,
    checkpoint: Checkpoint,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
    waiting: Callable[[], None],
) -> TeacherFile:
    """Trains a teacher on the whole of `fit` and writes its file. One that was interrupted goes on."""
    task, splits = bench.task, bench.splits
    recipe = bench.protocol.teacher.resolved(task.resolve(network))
    student = bench.build(network, SEED, "teacher")
    training = Training(method, student, None, bench.blank(2), recipe, SEED, new_student=_none, quiz=None)
    clock = Clock(bench.device)
    bound = conditions(key_of(identity), bench.device, method, task)
    earlier = checkpoint.load(bound)
    passed, _ = position(earlier) if earlier else (0, 0)
    if earlier:
        say(f"the teacher {network} was interrupted: it goes on from step {passed}")
    try:
        with seeded(SEED, "training"):  # for networks that draw at random while they train
            train(
                method,
                training,
                while_told(
                    batches(task, splits.teacher_fit, recipe.batch_size, SEED, purpose="teacher", passed=passed),
                    waiting,
                ),
                clock,
                steps=recipe.steps(len(splits.teacher_fit)),
                batch_size=recipe.batch_size,
                epoch_items=len(splits.teacher_fit),
                evaluations=EVALUATIONS,
                step_flops={stage.name: lambda batch: 0 for stage in method.stages()},
                evaluate=lambda counts: None,
                progress=progress,
                keep=lambda state: checkpoint.save(bound, state),
                earlier=earlier,
            )
    except NonFiniteError:
        checkpoint.clear()
        raise
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in student.network.state_dict().items()}
    metric = {
        "select": None if splits.select is None else metric_of(student, task, splits.select),
        "test": metric_of(student, task, splits.test),
    }
    digest = weights_digest(weights)
    header = {"identity": identity, "sha256": digest, "metric": metric, "train_seconds": clock.seconds}
    sealed = json.dumps(header | {SEAL: key_of(header)})
    # Always the same name, so what a killed process left is written over; save_file would leave files of other names.
    temporary = path.with_name(f".{path.name}.unfinished")
    with in_cache(path):
        try:
            temporary.write_bytes(save(weights, metadata={HEADER: sealed}))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    checkpoint.clear()
    return read_header(path)


def while_told(stream: Iterator[Batch], waiting: Callable[[], None]) -> Iterator[Batch]:
    """The stream; `waiting` is called about every second of it: its evaluations may be far apart."""
    told = time.monotonic()
    for batch in stream:
        if time.monotonic() - told > WAITING_SECONDS:
            waiting()
            told = time.monotonic()
        yield batch


def metric_of(network: Observed, task: Task, examples: Any) -> float:
    """The task's primary metric on a split."""
    return task.score(logits_of(network, task, examples), examples.labels)[task.metric]


def _none(number: int) -> Observed:
    raise RuntimeError("a teacher is trained alone")
