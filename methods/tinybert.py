"""TinyBERT: distilling BERT for natural language understanding."""

from __future__ import annotations

from torch import Tensor, nn

from bench.method import Losses, Method, Outputs, Stage, Training, method
from methods.layers import MAPPINGS, depth, teacher_layer, unequal_heads, unequal_tokens, widths
from methods.losses import attention_loss, soft_cross_entropy, token_mean


@method("tinybert")
class TinyBERT(Method):
    """TinyBERT (Jiao et al., Findings of EMNLP 2020, eq. 6-11), task distillation only.

    layers: loss = mean (E_s W − E_t)² + Σ_m [mean (H_s W − H_t)² + mean (A_s − A_t)²], E the embeddings, H
        the hidden states, A = QKᵀ/√d before the softmax, padding left out; teacher layer g(m) = m·N'/M.
    prediction: loss = soft cross-entropy with the teacher at T = 1, without T² and without labels, at 3/5 of the
        rate of the first stage (3e-5 and 5e-5).

    Deviations: one W for embeddings and hidden states, as in the authors' code (the paper has two), without
    bias, as in the paper. The teacher is in eval mode, unlike the code. Regression learns the teacher's
    score, not the label. No general distillation, no augmentation. Vision transformers: all tokens.
    """

    repeats = True
    version = 2  # 2: the second stage has the published rate

    mapping: str = "uniform"

    adapted = frozenset({"image"})

    def __post_init__(self) -> None:
        if self.mapping not in MAPPINGS:
            raise ValueError(f"tinybert: mapping {self.mapping!r} is none of {MAPPINGS}")

    def stages(self) -> tuple[Stage, ...]:
        layers = frozenset({"teacher", "hidden", "qkv"})
        return (
            Stage("layers", share=3 / 4, needs=layers, trains_classifier=False, constant_rate=True),
            Stage("prediction", share=1 / 4, rate=3 / 5, needs=frozenset({"teacher"})),
        )

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        ours, theirs = depth(student), depth(teacher)
        if self.mapping == "uniform" and theirs % ours:
            return f"teacher has {theirs} layers, student {ours}; mapping 'uniform' needs a multiple"
        if theirs < ours:
            return f"teacher has {theirs} layers, student {ours}; needs at least as many"
        return unequal_heads(student, teacher) or unequal_tokens(student, teacher)

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, nn.Module]:
        return {"width": nn.Linear(widths(student)[-1], widths(teacher)[-1], bias=False)}

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        if training.stage.name == "prediction":
            return {"soft": soft_cross_entropy(student.logits, teacher.logits, 1.0)}
        mask, width = student.mask, training.adapters["width"]
        hidden, attention = 0.0, 0.0
        embedding = token_mean((width(student.hidden[0]) - teacher.hidden[0]).square(), mask)
        for m in range(1, depth(student) + 1):
            g = teacher_layer(m, depth(student), depth(teacher), self.mapping)
            hidden = hidden + token_mean((width(student.hidden[m]) - teacher.hidden[g]).square(), mask)
            attention = attention + attention_loss(student.attention[m - 1], teacher.attention[g - 1], mask)
        return {"embedding": embedding, "hidden": hidden, "attention": attention}
