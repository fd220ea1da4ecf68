"""How each trade was valued in scenarios, and how far from QuantLib's own number that can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Method = Literal["closed form", "proxy", "full"]


@dataclass(frozen=True)
class TradeCertificate:
    """How one trade was valued.

    Attributes
    ----------
    trade : its name
    method : "closed form" and "full" are QuantLib's number in every scenario, to rounding; "proxy" is an interpolant
    bound : of the proxy's error in any scenario, base currency; 0 if there is none
    nodes : QuantLib values that the proxy is made of
    checked : scenarios, drawn at random, in which it was valued in full as well
    largest_error : the largest difference there, base currency
    reason : why a trade was valued in full where a proxy was asked for; "" otherwise
    """

    trade: str
    method: Method
    bound: float = 0.0
    nodes: int = 0
    checked: int = 0
    largest_error: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class RevaluationCertificate:
    """How a portfolio was valued.

    Attributes
    ----------
    method : what was asked for, "full" or "proxy"
    trades : a certificate a trade
    tail : scenarios, those with the largest losses, that were valued in full in the end
    exact_from : the lowest level from which on value at risk and expected shortfall rest on exact prices alone,
        whatever the proxies' errors are within their bounds; 0 if every price is exact
    """

    method: Literal["full", "proxy"]
    trades: tuple[TradeCertificate, ...]
    tail: int = 0
    exact_from: float = 0.0

    @property
    def bound(self) -> float:
        """Bound of the error of the whole portfolio's gain in any scenario, base currency."""
        return sum(trade.bound for trade in self.trades)

    @property
    def counts(self) -> Mapping[Method, int]:
        """Trades by how they were valued."""
        methods: tuple[Method, ...] = ("closed form", "proxy", "full")
        return {m: sum(trade.method == m for trade in self.trades) for m in methods}

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON values."""
        return {**asdict(self), "trades": [asdict(t) for t in self.trades], "bound": self.bound,
                "counts": dict(self.counts)}  # fmt: skip
