"""The built-in methods: name → where it is, and one line about it. Nothing is imported from here."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a method is defined, and its line in `list methods`."""

    location: str
    """"module:Class"."""
    summary: str


TABLE: dict[str, Entry] = {
    "scratch": Entry("methods.scratch:Scratch", "The student alone: cross-entropy, no teacher"),
    "kd": Entry(
        "methods.kd:KnowledgeDistillation",
        "Knowledge distillation, Hinton et al., NIPS workshop 2014",
    ),
    "fitnets": Entry("methods.fitnets:FitNets", "FitNets: hints for thin deep nets, Romero et al., ICLR 2015"),
    "at": Entry("methods.at:AttentionTransfer", "Attention transfer, Zagoruyko & Komodakis, ICLR 2017"),
    "fsp": Entry("methods.fsp:FlowOfSolutionProcedure", "Flow of solution procedure, Yim et al., CVPR 2017"),
    "sp": Entry("methods.sp:SimilarityPreserving", "Similarity preservation, Tung & Mori, ICCV 2019"),
    "dml": Entry("methods.dml:DeepMutualLearning", "Deep mutual learning, Zhang et al., CVPR 2018"),
    "pkd": Entry("methods.pkd:PatientDistillation", "Patient knowledge distillation, Sun et al., EMNLP 2019"),
    "tinybert": Entry(
        "methods.tinybert:TinyBERT", "TinyBERT, task distillation only, Jiao et al., Findings of EMNLP 2020"
    ),
    "minilm": Entry("methods.minilm:MiniLM", "MiniLM, self-attention relations, Wang et al., NeurIPS 2020"),
    "metadistil": Entry("methods.metadistil:MetaDistil", "MetaDistil, learning to teach, Zhou, Xu & McAuley, ACL 2022"),
}
