"""The errors qfin raises on purpose.

Each message is one line for the person who caused it: what is wrong, where (file, row, column, date, factor) and what
to do. Anything else that escapes is a bug in qfin and keeps its traceback.
"""

from __future__ import annotations


class QfinError(Exception):
    """Base of all deliberate errors; `retry` says whether trying the same thing again can help."""

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class ConfigError(QfinError):
    """The configuration, a command's argument or a model's parameter is wrong."""


class DataError(QfinError):
    """The data cannot mean what they are used for."""


class BackendError(QfinError):
    """A simulator, a device or a remote service did not do its part."""


class StoreError(QfinError):
    """An artifact is missing, damaged, or cannot be written."""


class NotFittedError(QfinError, ValueError, AttributeError):
    """A model is used before `fit` (also a ValueError and an AttributeError, as scikit-learn's own is)."""
