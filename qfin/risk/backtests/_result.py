"""What a backtest says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """Outcome of one backtest.

    Attributes
    ----------
    name : of the test
    statistic : of the test
    p_value : by the distribution that the source gives, for many days; simulated where the source simulates
    exact_p_value : by the statistic's own distribution for so many days, if the model is right: counted, or simulated
        where it cannot be; None where `p_value` needs none beside it
    significance : probability with which a right model may be rejected
    sentence : the finding, for whoever answers for the risk
    source : paper and equation
    """

    name: str
    statistic: float
    p_value: float
    exact_p_value: float | None = None
    significance: float
    sentence: str
    source: str

    @property
    def rejected(self) -> bool:
        """Whether the model is rejected at the significance, by the exact p-value where there is one."""
        return self.deciding_p_value <= self.significance

    @property
    def deciding_p_value(self) -> float:
        """The exact p-value where there is one."""
        return self.p_value if self.exact_p_value is None else self.exact_p_value

    def to_dict(self) -> dict[str, Any]:
        """The outcome and the decision as JSON values."""
        return asdict(self) | {"deciding_p_value": self.deciding_p_value, "rejected": self.rejected}


@dataclass(frozen=True, kw_only=True)
class NotRun:
    """A backtest that could not be run.

    Attributes
    ----------
    name : of the test
    sentence : what it needs
    """

    name: str
    sentence: str


def losses(k: int) -> str:
    """A number of losses in words."""
    return "1 loss" if k == 1 else f"{k:,} losses"


def sentence(
    finding: str,
    p_value: float,
    significance: float,
    rejected: str,
    accepted: str,
    *,
    simulated: bool = False,
) -> str:
    """A finding, what it means by the p-value that decides, and that p-value."""
    meaning = rejected if p_value <= significance else accepted
    how = "simulated p" if simulated else "p"
    size = f"= {p_value:.2g}" if p_value > 1e-12 else "< 1e-12"
    return f"{finding}: {meaning} ({how} {size}, tested at {100 * significance:g} %)."
