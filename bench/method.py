"""The contract of a distillation method: what it sees, what it says, what it fills in.

A method is a frozen dataclass, its fields are its hyperparameters. Most methods fill in `loss` alone; some
add `adapters` (trainable regressors) or `stages` (hints first, then KD); the few that train more than one
network own their `step`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

Losses = dict[str, "Tensor"]
"""Named scalar losses in float32; their sum is minimised."""

NEEDS = frozenset({"teacher", "hidden", "qkv", "second_order"})
"""What a stage may ask for.

- `teacher`: the teacher's outputs. Without it the teacher does not run.
- `hidden`: the ends of the stages or layers, of both networks.
- `qkv`: the queries, keys and values of every layer, of both networks.
- `second_order`: the loss is differentiated twice, so attention uses kernels that have a double backward.
"""


class Attention(NamedTuple):
    """Queries, keys and values of one layer as projected, each (B, heads, N, head width)."""

    queries: Tensor
    keys: Tensor
    values: Tensor


@dataclass(frozen=True)
class Outputs:
    """What one network gave for one batch, in one normal form for images and text. Everything is float32.

    B examples, C classes, N tokens (prefix tokens included) or H·W positions, D width.
    """

    logits: Tensor
    """(B, C); (B, 1) for regression."""
    hidden: tuple[Tensor, ...] = ()
    """The ends of the stages or layers, each (B, N, D); element 0 is the stem or the embedding."""
    grids: tuple[tuple[int, int] | None, ...] = ()
    """For images: (H, W) of each element of `hidden`, N = prefix + H·W. None for text."""
    mask: Tensor | None = None
    """For text: (B, N), True where a token is real. None: every token is."""
    prefix: int = 0
    """How many of the N tokens stand before the grid (class and register tokens of a vision transformer)."""
    attention: tuple[Attention, ...] = ()
    """Per layer; empty for networks without attention."""


@dataclass(frozen=True)
class Stage:
    """A part of the training with a loss of its own. Stages share the budget; the schedule restarts in each."""

    name: str
    share: float = 1.0
    """Share of the budget's steps. The shares of a method's stages that are not `extra` sum to 1."""
    needs: frozenset[str] = frozenset()
    trains_classifier: bool = True
    """False: evaluations inside it never count as a match or as a best."""
    rate: float = 1.0
    """Times the protocol's learning rate, for methods that are published with another one in a stage."""
    constant_rate: bool = False
    """True: the learning rate is constant instead of following the protocol's schedule."""
    extra: bool = False
    """True: its steps come on top of the budget (only published recipes that did so, in `paper`)."""

    def __post_init__(self) -> None:
        unknown = self.needs - NEEDS
        if unknown:
            raise ValueError(f"stage {self.name!r} needs {sorted(unknown)}, which is none of {sorted(NEEDS)}")
        if not 0 < self.share <= 1:
            raise ValueError(f"stage {self.name!r} has share {self.share}, expected 0 < share <= 1")


class Batch(NamedTuple):
    """A batch on the device, augmented and normalised."""

    inputs: Any
    """What the networks take: images (B, channels, H, W), or a dict of token tensors."""
    labels: Tensor
    """(B,) class indices, or float targets for regression."""


class Network(Protocol):
    """An observed network: an `nn.Module` whose forward gives `Outputs`.

    It works with `torch.func.functional_call` under the names of its own `named_parameters`.
    """

    def __call__(self, inputs: Any, needs: frozenset[str] = frozenset()) -> Outputs: ...
    def named_parameters(self) -> Any: ...
    def named_buffers(self) -> Any: ...


class Training(Protocol):
    """What a method may use of the run it is part of: one handle for `loss`, `prepare` and `step`."""

    student: Network
    teacher: Network | None
    """In eval mode, its weights fixed. A method that trains the teacher trains a private copy."""
    adapters: nn.ModuleDict
    """What `Method.adapters` returned, on the device, optimised with the student."""
    networks: dict[str, Network]
    """Further networks that `prepare` registered, counted as extra parameters."""
    optimisers: dict[str, Optimizer]
    """Further optimisers that `prepare` registered. Networks that none of them trains are optimised with the
    student."""
    stage: Stage
    progress: float | Tensor
    """Share of the stage that is done, 0 at its first step, below 1 at its last. See `Method.repeats`."""
    learning_rate: float | Tensor
    """The student's learning rate at this step."""
    seed: int

    def new_student(self, number: int) -> Network:
        """A further student network; its initial weights come from seed + number."""
        ...

    def new_teacher(self) -> Network:
        """A private trainable copy of the teacher, in eval mode."""
        ...

    def observe_student(self, batch: Batch) -> Outputs:
        """The student on the batch, with what the stage needs."""
        ...

    def observe_teacher(self, batch: Batch) -> Outputs | None:
        """The teacher on the batch, with what the stage needs; None if the stage does not need it."""
        ...

    def quiz(self) -> Batch:
        """The next batch of the method's quiz split (see `Method.quiz_share`), once a step."""
        ...

    def update(self, losses: Losses) -> None:
        """One optimiser step of the student, its adapters and the further networks on the sum of the losses."""
        ...


@dataclass(frozen=True)
class Method:
    """The base of every method. Fields are hyperparameters: bool, int, float or str.

    What a step leaves for a later one lies in parameters and buffers of the student, the adapters and the networks, in
    the optimisers, and in torch's global random state. A run that was interrupted goes on from these, to the bit. State
    elsewhere (in attributes of the method or of `Training`, in a module, in gradients) is lost with the process; where
    there are such attributes, the run starts again.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raise it by hand when the method computes something else than before: it is part of every key."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """What a method of one stage needs; methods of several stages say it per stage."""
    text_defaults: ClassVar[dict[str, Any]] = {}
    """Published defaults for text where they differ from the fields' defaults, which are those for images."""
    adapted: ClassVar[frozenset[str]] = frozenset()
    """The modalities ("image", "text") in which this is our adaptation of the paper: † on the board."""
    relative_cost: ClassVar[float] = 1.0
    """About how many times a step costs what one forward of the teacher and one forward and backward of the
    student cost. Only for the estimate of `--dry-run`."""
    reports: ClassVar[str] = "the student"
    """Which network is evaluated and reported."""
    repeats: ClassVar[bool] = False
    """Whether every step of a stage does the same work on other tensors. On a GPU it is then recorded once and played:
    Python runs for the first few steps alone, and `progress` and `learning_rate` are tensors. A step that makes one of
    them a number is not recorded. False: what a step does depends on something else that Python keeps."""

    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return (Stage("train", needs=self.needs),)

    def quiz_share(self) -> float:
        """The share of `fit` that is kept out of the student's batches as a quiz split."""
        return 0.0

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        """Why this pair cannot be taken, or None. Called with the outputs for two blank examples."""
        return None

    def adapters(self, student: Outputs, teacher: Outputs | None) -> dict[str, nn.Module]:
        """Trainable extras (regressors, projections). Called with the outputs for two blank examples.

        `teacher` is None for a method of which no stage needs a teacher.
        """
        return {}

    def prepare(self, training: Training) -> None:
        """Registers further networks and optimisers. Called once, before the first stage."""

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        """The losses of one batch. `teacher` is None in a stage that does not need it."""
        raise NotImplementedError(f"method {self.name!r} defines neither loss nor step")

    def step(self, training: Training, batch: Batch) -> None:
        """One training step. Only methods that train more than the student override it."""
        student = training.observe_student(batch)
        teacher = training.observe_teacher(batch)
        training.update(self.loss(student, teacher, batch.labels, training))

    def parameters(self) -> dict[str, Any]:
        """The hyperparameters, as stored in a record and in the key."""
        return dataclasses.asdict(self)

    @property
    def all_needs(self) -> frozenset[str]:
        """What any of the stages needs."""
        return frozenset[str]().union(*(stage.needs for stage in self.stages()))

    @property
    def uses_teacher(self) -> bool:
        """Whether any stage needs a teacher."""
        return "teacher" in self.all_needs


M = TypeVar("M", bound=type[Method])


def method(name: str) -> Callable[[M], M]:
    """Names a method and makes it a frozen dataclass: `@method("kd") class KnowledgeDistillation(Method)`."""

    def decorate(cls: M) -> M:
        named = dataclass(frozen=True)(cls)
        named.name = name
        return named

    return decorate
