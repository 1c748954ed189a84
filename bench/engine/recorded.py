"""On a GPU: a step, recorded once as a CUDA graph and played for every further batch.

A step of these networks has hundreds of kernels, and each takes longer to start than to run. Played from a recording
they start by themselves: the same kernels, on the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.engine.passes import Counts
from bench.engine.training import Training
from bench.method import Batch, Method

PLAIN_STEPS = 3
"""Before the recording: in them optimisers make their state, and libraries choose their kernels."""


class Steps:
    """The steps of one stage. Where batches keep their shape, all but the first few are played from a recording."""

    def __init__(self, method: Method, training: Training) -> None:
        self.method = method
        self.training = training
        self.taken = 0
        self._quizzes = training.quizzes
        self._recording: Recording | None = None

    def __call__(self, batch: Batch) -> None:
        if self.taken == PLAIN_STEPS and can_record(batch):
            self._recording = record(self.method, self.training, batch, self.training.quizzes > self._quizzes)
        if self._recording and self._recording.fits(batch):
            self._recording.play(batch)
            self.training.played_steps += 1
        else:
            with self.training.counting(self.training.passes):
                self.method.step(self.training, batch)
        self.taken += 1


class Recording:
    """A step on tensors of its own, which hold the batch and what else changes from step to step."""

    def __init__(self, method: Method, training: Training, batch: Batch, takes_quiz: bool) -> None:
        """takes_quiz: whether the steps of this stage ask for a batch of the quiz."""
        self.training = training
        self.batch = copied(batch)
        # A batch of the quiz is like any other.
        self.quiz = copied(batch) if takes_quiz else None
        self.progress, self.rate = (torch.zeros((), device=batch.labels.device) for _ in range(2))

        self.passes: Counts = Counter()
        """What a step does: counted while Python runs, which a play does not."""

        def work() -> None:
            self.passes.clear()
            with training.reading(self.progress, self.rate, self.quiz), training.counting(self.passes):
                method.step(training, self.batch)

        self._play = capture(work)

    def fits(self, batch: Batch) -> bool:
        """Whether a batch has the shape of the recorded one."""
        return batch.inputs.shape == self.batch.inputs.shape

    def play(self, batch: Batch) -> None:
        """The step, on this batch."""
        fill(self.batch, batch)
        if self.quiz:
            fill(self.quiz, self.training.quiz())
        self.progress.fill_(self.training.progress)
        self.rate.fill_(self.training.learning_rate)
        self._play()
        self.training.passes.update(self.passes)


def can_record(batch: Batch) -> bool:
    """Whether batches keep their shape, on a device that records."""
    return isinstance(batch.inputs, Tensor) and batch.inputs.is_cuda


def record(method: Method, training: Training, batch: Batch, takes_quiz: bool) -> Recording | None:
    """The recording of a step like that on this batch; None if it cannot be recorded.

    Nothing of it has happened yet when it is recorded.
    """
    if not method.repeats:
        return None
    try:
        return Recording(method, training, batch, takes_quiz)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, StopIteration):
        # It asks the device for a number, say, to decide what to do. As a plain step it works, or says why not.
        return None


def capture(work: Callable[[], Any]) -> Callable[[], None]:
    """Records what `work` starts on the GPU, without running it."""
    graph = torch.cuda.CUDAGraph()
    # A recording that fails leaves its own stream behind as the current one.
    with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph):
        work()
    return graph.replay


def copied(batch: Batch) -> Batch:
    """The batch in memory of its own."""
    return Batch(batch.inputs.clone(), batch.labels.clone())


def fill(own: Batch, batch: Batch) -> None:
    """Copies a batch into another one's memory."""
    own.inputs.copy_(batch.inputs)
    own.labels.copy_(batch.labels)
