"""A portfolio and a scenario set in the files of ORE, the Open Source Risk Engine."""

from __future__ import annotations

from qfin.risk.ore._export import export

__all__ = ["export"]
