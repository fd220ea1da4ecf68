"""Market data: readers, quality checks, risk factors, returns."""

from qfin.market._factors import RiskFactor, infer_factors, known_factors
from qfin.market._price_file import write_prices
from qfin.market._quality import Finding, QualityReport, check_prices
from qfin.market._read import read_prices
from qfin.market._returns import ReturnsFrame
from qfin.market.readers._base import Reader
from qfin.registry import Room

READERS: Room[Reader] = Room("qfin.market.readers", "reader")

__all__ = [
    "READERS",
    "Finding",
    "QualityReport",
    "Reader",
    "ReturnsFrame",
    "RiskFactor",
    "check_prices",
    "infer_factors",
    "known_factors",
    "read_prices",
    "write_prices",
]
