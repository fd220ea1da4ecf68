"""Arrays that values of qfin own."""

from __future__ import annotations

from typing import Any

import numpy as np


def frozen(values: Any) -> np.ndarray:
    """Floats that nobody can change: `values` itself if it is such an array already, else a copy.

    Freezing the caller's own array would make it read-only under the caller's hands.
    """
    if isinstance(values, np.ndarray) and values.dtype == float and _is_frozen(values.flags):
        return values
    copy = np.array(values, dtype=float, order="C")
    copy.flags.writeable = False
    return copy


def _is_frozen(flags: Any) -> bool:
    return bool(flags.c_contiguous and not flags.writeable)
