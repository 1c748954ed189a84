"""The handle that a method holds during its run (`bench.method.Training`): networks, optimisers, one update."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.engine.observed import Observed
from bench.engine.passes import Counts, counting
from bench.engine.randomness import seeded
from bench.method import Batch, Losses, Method, Outputs, Stage
from bench.protocol import Recipe


class Training:
    """The state of one run. Implements the protocol `bench.method.Training`, which documents the members."""

    def __init__(
        self,
        method: Method,
        student: Observed,
        teacher: Observed | None,
        blank: Batch,
        recipe: Recipe,
        seed: int,
        new_student: Callable[[int], Observed],
        quiz: Iterator[Batch] | None,
        compiled_teacher: nn.Module | None = None,
    ) -> None:
        """compiled_teacher: what runs in the teacher's place where the teacher does not learn."""
        self.student = student
        self.teacher = teacher
        self.networks: dict[str, Observed] = {}
        self.optimisers: dict[str, Optimizer] = {}
        self.adapters = nn.ModuleDict()
        self.stage: Stage = method.stages()[0]
        self.progress: float | Tensor = 0.0
        self.learning_rate: float | Tensor = 0.0
        self.seed = seed
        self.played_steps = 0
        """How many were played from a recording."""
        self.quizzes = 0
        """How many batches of the quiz were asked for."""
        self.passes: Counts = Counter()
        """What the steps have done, played ones included."""
        self._recipe = recipe
        self._new_student = new_student
        self._quiz = quiz
        self._frozen_teacher = teacher if compiled_teacher is None else compiled_teacher
        self._optimiser: Optimizer | None = None
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=blank.labels.device)
        """Sum of the losses since the caller last cleared it; stays on the device."""
        self._own_attributes = {*vars(self), "_own_attributes"}
        with seeded(seed, "adapters"):
            theirs = None if teacher is None else blank_outputs(teacher, blank)
            self.adapters.update(method.adapters(blank_outputs(student, blank), theirs))
            self.adapters.to(blank.labels.device)
            method.prepare(self)

    def begin(self, stage: Stage) -> None:
        """Enters a stage: a fresh optimiser, the schedule from its start."""
        self.stage = stage
        self._optimiser = optimiser(self._recipe, self.trained_parameters())
        self.advance(0.0)

    def advance(self, progress: float) -> None:
        """Sets the share of the stage that is done, and with it the learning rate."""
        self.progress = progress
        factor = 1.0 if self.stage.constant_rate else self._recipe.schedule.at(progress)
        self._set_rate(self._recipe.learning_rate * self.stage.rate * factor)

    @contextmanager
    def reading(self, progress: Tensor, learning_rate: Tensor, quiz: Batch | None) -> Iterator[None]:
        """Inside, what changes from step to step is read from these tensors, and the quiz has this one batch."""
        kept = self.progress, self.learning_rate, self._quiz, self.quizzes
        self.progress, self._quiz = progress, iter((quiz,) if quiz else ())
        self._set_rate(learning_rate)
        try:
            yield
        finally:
            self.progress, rate, self._quiz, self.quizzes = kept
            self._set_rate(rate)

    def _set_rate(self, rate: float | Tensor) -> None:
        self.learning_rate = rate
        for group in self._optimiser.param_groups:
            group["lr"] = rate

    def trained_parameters(self) -> list[nn.Parameter]:
        """What the main optimiser trains: student, adapters, and the networks without an optimiser of their own."""
        elsewhere = {parameter for each in self.optimisers.values() for parameter in _members(each)}
        modules = (self.student, self.adapters, *self.networks.values())
        parameters = [parameter for module in modules for parameter in module.parameters()]
        return [parameter for parameter in parameters if parameter not in elsewhere]

    def extra_parameters(self) -> int:
        """How many trainable numbers there are beside the student's own."""
        extras = {parameter for each in self.optimisers.values() for parameter in _members(each)}
        extras.update(self.trained_parameters())
        return sum(each.numel() for each in extras - set(self.student.parameters()))

    def counting(self, counts: Counts) -> AbstractContextManager[None]:
        """Inside, what the networks and optimisers of this stage do is added to `counts`."""
        networks: dict[nn.Module, str] = {self.student: "student"}
        # A teacher that is compiled is called as it is by methods that do not ask this handle.
        named = (("teacher", self.teacher), ("teacher", self._frozen_teacher), *self.networks.items())
        for name, network in named:
            if network is not None:
                networks.setdefault(network, name)
        return counting(counts, networks, (("student", self._optimiser), *self.optimisers.items()))

    def new_student(self, number: int) -> Observed:
        return self._new_student(number)

    def new_teacher(self) -> Observed:
        private = copy.deepcopy(self.teacher).float()
        return private.requires_grad_(True).eval()

    def observe_student(self, batch: Batch) -> Outputs:
        return self.student(batch.inputs, self.stage.needs)

    def observe_teacher(self, batch: Batch) -> Outputs | None:
        if "teacher" not in self.stage.needs:
            return None
        with torch.no_grad():
            return self._frozen_teacher(batch.inputs, self.stage.needs)

    def quiz(self) -> Batch:
        if self._quiz is None:
            raise RuntimeError("the method has no quiz split: its quiz_share() is 0")
        self.quizzes += 1
        return next(self._quiz)

    def replace_quiz(self, batch: Batch) -> None:
        """Gives the method this batch whenever it asks for one of the quiz."""
        self._quiz = repeat(batch)

    def update(self, losses: Losses) -> None:
        if not isinstance(losses, dict):
            raise TypeError(f"the loss is {type(losses).__name__}, expected a dict of named scalar tensors")
        total = sum(losses.values())
        if total.dim():
            shapes = {name: tuple(loss.shape) for name, loss in losses.items()}
            raise ValueError(f"the losses have the shapes {shapes}, expected scalar tensors")
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        if self._recipe.gradient_clip is not None:
            # Network by network: a peer's gradient must not shorten the student's.
            own = [*self.student.parameters(), *self.adapters.parameters()]
            for parameters in (own, *(list(each.parameters()) for each in self.networks.values())):
                nn.utils.clip_grad_norm_(parameters, self._recipe.gradient_clip)
        self._optimiser.step()
        self.loss_sum += total.detach()

    def state_dict(self) -> dict[str, Any]:
        """All that the steps have changed, as tensors and plain data; the tensors are those in use."""
        return {
            "student": self.student.state_dict(),
            "adapters": self.adapters.state_dict(),
            "networks": {name: each.state_dict() for name, each in self.networks.items()},
            "optimiser": self._optimiser.state_dict(),
            "optimisers": {name: each.state_dict() for name, each in self.optimisers.items()},
            "played_steps": self.played_steps,
            "quizzes": self.quizzes,
            "passes": dict(self.passes),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from this state, in the stage of it. The quiz is one that begins behind the batches it gave then."""
        self.student.load_state_dict(state["student"])
        self.adapters.load_state_dict(state["adapters"])
        self._optimiser.load_state_dict(state["optimiser"])
        for parts, states in ((self.networks, state["networks"]), (self.optimisers, state["optimisers"])):
            for name, each in parts.items():
                each.load_state_dict(states[name])
        self.played_steps, self.quizzes = state["played_steps"], state["quizzes"]
        self.passes = Counter(state["passes"])

    def foreign_attributes(self) -> list[str]:
        """What a method set on this handle beside its members."""
        return sorted(vars(self).keys() - self._own_attributes)


def blank_outputs(network: Observed, blank: Batch) -> Outputs:
    """Everything the network can give, for a batch of blank examples: what `skip` and `adapters` look at."""
    training = network.training
    with torch.no_grad():
        outputs = network.eval()(blank.inputs, frozenset({"hidden", "qkv"}))
    network.train(training)
    return outputs


def optimiser(recipe: Recipe, parameters: list[Tensor]) -> Optimizer:
    """The recipe's optimiser, in its fused form."""
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(
            parameters,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
            capturable=parameters[0].is_cuda,
        )
    return torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
    )


def stage_steps(stages: tuple[Stage, ...], budget: int) -> list[int]:
    """The steps of each stage. Those that are not `extra` share the budget and add up to it exactly."""
    shared = [stage for stage in stages if not stage.extra]
    if not math.isclose(sum(stage.share for stage in shared), 1, abs_tol=1e-9):
        raise ValueError(f"the shares of the stages {[stage.name for stage in shared]} do not sum to 1")
    steps, given, share = [], 0, 0.0
    for stage in stages:
        if stage.extra:
            steps.append(round(stage.share * budget))
            continue
        share += stage.share
        steps.append(round(share * budget) - given)
        given += steps[-1]
    return steps


def _members(optimiser: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
