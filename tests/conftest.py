"""Its place makes helpers such as `records` importable from every test."""

from hypothesis import settings

# Time limits per example fail on busy machines, and say nothing about the code.
settings.register_profile("kdbench", deadline=None)
settings.load_profile("kdbench")
