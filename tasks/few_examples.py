"""Protocols for own data of any size: few examples are seen more often, or the evaluations would not fit in."""

from __future__ import annotations

import dataclasses
import math

from bench.protocol import Protocol, Recipe

TEACHER_STEPS = 50
"""The fewest optimiser steps of a teacher, about."""


def long_enough(protocol: Protocol, items: int) -> Protocol:
    """The protocol with as many epochs as `items` training examples need for its evaluations, if it has fewer."""

    def stretched(recipe: Recipe, fewest: int) -> Recipe:
        # Twice as many as it takes: `fit` is a part of the training examples.
        return dataclasses.replace(recipe, epochs=max(recipe.epochs, math.ceil(2 * fewest * recipe.batch_size / items)))

    return dataclasses.replace(
        protocol,
        student=stretched(protocol.student, protocol.evaluations),
        teacher=stretched(protocol.teacher, TEACHER_STEPS),
    )
