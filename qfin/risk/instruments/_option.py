"""What all options on one underlying share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from qfin.risk._fields import Amount, Currency, Day, NamedRate, NamedVol, Positive, is_pair
from qfin.risk._market import Discount, Need, Price, Volatility
from qfin.risk.instruments._base import Instrument

if TYPE_CHECKING:
    from qfin.risk._quantlib import Quotes


@dataclass(frozen=True, kw_only=True)
class Option(Instrument):
    """An option on an exchange rate, an equity or a commodity.

    On an FX factor the value is in the pair's second currency, and `carry` is the first currency's rate; on an equity
    or a commodity it is in `currency`, and `carry` a dividend or a net convenience yield.
    """

    underlying: str
    option: Literal["call", "put"]
    strike: Positive
    expiry: Day
    quantity: Amount
    volatility: NamedVol | None = None
    currency: Currency | None = None
    discount_curve: NamedRate | None = None
    carry: NamedRate | None = None

    after_today: ClassVar[tuple[str, ...]] = ("expiry",)
    style: ClassVar[str] = ""

    @property
    def value_currency(self) -> str:
        """The pair's second currency, or the one the underlying is priced in."""
        return self.currency or self.underlying[3:]

    @property
    def description(self) -> str:
        """The trade in a few words."""
        side = "bought" if self.quantity > 0 else "sold"
        right = f"{self.style}{self.option} on {abs(self.quantity):,.0f} {self.underlying}"
        return f"{side} {right}, strike {self.strike:g}, expiry {self.expiry}"

    @property
    def size(self) -> float:
        """What is paid at the strike."""
        return abs(self.quantity) * self.strike

    def needs(self) -> Mapping[str, Need]:
        """Spot, volatility, discounting and carry."""
        return {
            "underlying": self._spot,
            "volatility": self._volatility,
            "discount_curve": self._domestic,
            "carry": self._carry,
        }

    def _process(self, quotes: Quotes) -> Any:
        return quotes.process(self._spot, self._carry, self._domestic, self._volatility)

    def _payoff(self, quotes: Quotes) -> Any:
        ql = quotes.ql
        return ql.PlainVanillaPayoff(ql.Option.Call if self.option == "call" else ql.Option.Put, self.strike)

    @property
    def _sign(self) -> int:
        return 1 if self.option == "call" else -1

    @property
    def _spot(self) -> Price:
        return Price(self.underlying, ("EQ", "CMD") if self.currency else ("FX",), currency=self.currency)

    @property
    def _volatility(self) -> Volatility:
        return Volatility(self.underlying if self.volatility is None else self.volatility)

    @property
    def _domestic(self) -> Discount:
        return Discount(self.value_currency if self.discount_curve is None else self.discount_curve)

    @property
    def _carry(self) -> Discount:
        if self.carry is None:
            return Discount(0.0 if self.currency else self.underlying[:3])
        return Discount(self.carry)

    @classmethod
    def _inconsistencies(cls, values: Mapping[str, Any]) -> Iterator[str]:
        if values["currency"] is None and not is_pair(values["underlying"]):
            yield f"currency is missing: {values['underlying']} is no currency pair, say what its price is in"
