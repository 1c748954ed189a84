"""Every stage of every registered method, on a convolutional pair and on a BERT pair with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import workloads

from bench.engine.workbench import Workbench
from bench.method import Method, Stage
from bench.parameters import variants
from bench.plan import example_outputs, why_not
from bench.protocol import Protocol
from bench.registry import Registry
from bench.task import Pair, Task
from tasks.agreement import Agreement


@dataclass(frozen=True)
class Subject:
    """A pair on which methods are measured, at the defaults of its task's protocol `fair`."""

    name: str
    task: Task
    protocol: Protocol
    pair: Pair

    @cached_property
    def bench(self) -> Workbench:
        """The data and networks of the pair."""
        return workloads.workbench(self.task, self.protocol)

    def method(self, cls: type[Method]) -> Method:
        """The method as a run on this task has it."""
        [method] = variants(cls, self.task.modality, self.protocol, {})
        return method


@dataclass(frozen=True)
class Case:
    """A stage of a method on a pair, or a method that cannot take the pair."""

    subject: Subject
    method: Method
    stage: Stage
    skip: str | None
    """Why the method cannot take the pair."""

    @property
    def name(self) -> str:
        """`conv-kd`; of a method of several stages `conv-fitnets-hints`."""
        parts = [self.subject.name, self.method.name]
        return "-".join([*parts, self.stage.name] if len(self.method.stages()) > 1 and not self.skip else parts)


def conv() -> Subject:
    """resnet56→resnet20 on random images."""
    task = workloads.RandomCifar100()
    return Subject("conv", task, workloads.all_fit(task), workloads.PAIR)


def bert() -> Subject:
    """Four layers → two, 128 wide, on generated sentences."""
    [pair] = Agreement.pairs
    task = Agreement().on(pair)
    return Subject("bert", task, task.protocols["fair"], pair)


def cases(subject: Subject, registry: Registry) -> Iterator[Case]:
    """All stages of the methods that take the pair; a method that does not has one case, with the reason."""
    student, teacher = (example_outputs(subject.task, name) for name in (subject.pair.student, subject.pair.teacher))
    for name in registry.select("methods", "all"):
        method = subject.method(registry.method(name))
        reason = why_not(method, student, teacher)
        for stage in method.stages()[: 1 if reason else None]:
            yield Case(subject, method, stage, reason)
