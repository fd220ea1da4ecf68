"""What trades on curves with a first and a last day share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from qfin.risk._fields import Currency, Day, NamedRate
from qfin.risk._market import Discount
from qfin.risk.instruments._base import Instrument
from qfin.risk.instruments._legs import CalendarName


@dataclass(frozen=True, kw_only=True)
class RateTrade(Instrument):
    """A trade from a first to a last day in one currency, discounted on a curve, perhaps forecast on another."""

    currency: Currency
    start: Day
    maturity: Day
    calendar: CalendarName = "weekends"
    discount_curve: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("maturity",)

    @property
    def value_currency(self) -> str:
        """The payments' currency."""
        return self.currency

    @property
    def _discount(self) -> Discount:
        return Discount(self.currency if self.discount_curve is None else self.discount_curve)

    @property
    def _forecast(self) -> Discount:
        source = getattr(self, "forecast_curve", None)
        return self._discount if source is None else Discount(source)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        if values["maturity"] <= values["start"]:
            yield f"maturity {values['maturity']} is not after start {values['start']}"
