"""Deep mutual learning."""

from __future__ import annotations

from bench.method import Batch, Method, Training, method
from methods.losses import soft_loss, task_loss


@method("dml")
class DeepMutualLearning(Method):
    """Deep mutual learning (Zhang, Xiang, Hospedales & Lu, CVPR 2018, eq. 4-8).

    K peers learn together, without a teacher, each from the labels and from the others' predictions:
    loss_i = CE_i + 1/(K − 1) · Σ_{j≠i} KL(p_j ‖ p_i), T = 1, p_j detached; all peers see the same batch.
    Peer 0 is the pair's student with its own initial weights and the one reported; the other peers' initial
    weights come from seed + k.

    Deviations: 1/(K − 1) as in the paper; the authors' code leaves it out. The peers are updated at the same
    time instead of one after the other, which spares each a second forward pass.
    """

    peers: int = 2

    repeats = True
    relative_cost = 2.0
    reports = "peer 0, whose initial weights are the pair's"

    def __post_init__(self) -> None:
        if self.peers < 2:
            raise ValueError(f"dml: peers is {self.peers}, expected at least 2")

    def prepare(self, training: Training) -> None:
        for number in range(1, self.peers):
            training.networks[f"peer{number}"] = training.new_student(number)

    def step(self, training: Training, batch: Batch) -> None:
        others = [training.networks[f"peer{number}"](batch.inputs) for number in range(1, self.peers)]
        logits = [outputs.logits for outputs in (training.observe_student(batch), *others)]
        losses = {}
        for i, own in enumerate(logits):
            mutual = sum(soft_loss(own, peer.detach(), 1.0) for j, peer in enumerate(logits) if j != i)
            losses[f"task{i}"] = task_loss(own, batch.labels)
            losses[f"mutual{i}"] = mutual / (self.peers - 1)
        training.update(losses)
