"""Trades in ORE's portfolio layout, and what ORE's market must have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from qfin.registry import kind_of
from qfin.risk._market import Discount
from qfin.risk.instruments import Instrument

CASH = "CASH-"


@dataclass
class Needed:
    """What trades ask of ORE's market, which has one curve a currency and one volatility an underlying.

    currencies : by code, the qfin curve that its discount curve must be
    equities : by name, currency of the price; `cash` names are priced at 1
    yields : by equity, its dividend curve in qfin
    volatilities : by pair or equity, the qfin volatility
    problems : what ORE's layout has no place for
    """

    currencies: dict[str, Discount | None] = field(default_factory=dict)
    pairs: dict[str, None] = field(default_factory=dict)
    equities: dict[str, str] = field(default_factory=dict)
    yields: dict[str, Discount] = field(default_factory=dict)
    volatilities: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def once(self, table: dict[str, Any], key: str, value: Any, trade: Instrument, what: str) -> None:
        """Note what a trade needs; a second trade that needs something else is a problem."""
        if table.get(key) not in (None, value):
            self.problems.append(
                f"trade {trade.name!r}: ORE has one {what} for {key}, and another trade needs a different one"
            )
        table[key] = value

    def currency(self, code: str, curve: Discount | None, trade: Instrument) -> None:
        """A currency and, if a trade discounts in it, its curve."""
        if curve is not None:
            self.once(self.currencies, code, curve, trade, "discount curve")
        self.currencies.setdefault(code, None)


def trade_element(trade: Instrument, needed: Needed) -> Element | None:
    """A trade as ORE's XML; None if ORE's layout cannot hold it, which is then among the problems."""
    kind = kind_of(trade)
    if kind not in _WRITERS:
        known = ", ".join(sorted(_WRITERS))
        needed.problems.append(f"trade {trade.name!r}: no {kind} is exported to ORE; those that are: {known}")
        return None
    element = Element("Trade", id=trade.name)
    tags = iter(_WRITERS[kind](trade, needed))
    SubElement(element, "TradeType").text = str(next(tags))
    envelope = SubElement(element, "Envelope")
    SubElement(envelope, "CounterParty").text = "qfin"
    SubElement(envelope, "NettingSetId").text = "qfin"
    SubElement(envelope, "AdditionalFields")
    for tag in tags:
        element.append(tag)
    return element


def node(tag: str, children: dict[str, Any]) -> Element:
    """An element of texts and elements of such; a list repeats its tag."""
    element = Element(tag)
    for name, value in children.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                element.append(node(name, one))
            else:
                SubElement(element, name).text = one if isinstance(one, str) else repr(one)
    return element


def _position(trade: Any, needed: Needed) -> Iterator[Any]:
    name = trade.factor or f"{CASH}{trade.currency}"
    needed.currency(trade.currency, None, trade)
    needed.once(needed.equities, name, trade.currency, trade, "currency")
    yield "EquityPosition"
    underlying = {"Type": "Equity", "Name": name, "Weight": 1.0}
    yield node("EquityPositionData", {"Quantity": trade.quantity, "Underlying": underlying})


def _fx_forward(trade: Any, needed: Needed) -> Iterator[Any]:
    needs, (first, second) = trade.needs(), (trade.pair[:3], trade.pair[3:])
    needed.pairs[trade.pair] = None
    needed.currency(first, needs["foreign_curve"], trade)
    needed.currency(second, needs["discount_curve"], trade)
    amounts = [(first, abs(trade.notional)), (second, abs(trade.notional) * trade.strike)]
    (bought, bought_amount), (sold, sold_amount) = amounts if trade.notional > 0 else amounts[::-1]
    yield "FxForward"
    yield node(
        "FxForwardData",
        {"ValueDate": f"{trade.maturity}", "BoughtCurrency": bought, "BoughtAmount": bought_amount,
         "SoldCurrency": sold, "SoldAmount": sold_amount},
    )  # fmt: skip


def _european(trade: Any, needed: Needed) -> Iterator[Any]:
    needs, fx = trade.needs(), trade.currency is None
    needed.currency(trade.value_currency, needs["discount_curve"], trade)
    needed.once(needed.volatilities, trade.underlying, needs["volatility"], trade, "volatility")
    option = {
        "LongShort": "Long" if trade.quantity > 0 else "Short",
        "OptionType": "Call" if trade.option == "call" or fx else "Put",
        "Style": "European",
        "Settlement": "Cash",
        "PayOffAtExpiry": "false",
        "ExerciseDates": {"ExerciseDate": f"{trade.expiry}"},
    }
    if not fx:
        needed.once(needed.equities, trade.underlying, trade.currency, trade, "currency")
        needed.once(needed.yields, trade.underlying, needs["carry"], trade, "dividend curve")
        yield "EquityOption"
        yield node(
            "EquityOptionData",
            {"OptionData": option, "Name": trade.underlying, "Currency": trade.currency, "Strike": trade.strike,
             "Quantity": abs(trade.quantity)},
        )  # fmt: skip
        return
    first, second = trade.underlying[:3], trade.underlying[3:]
    needed.pairs[trade.underlying] = None
    needed.currency(first, needs["carry"], trade)
    amounts = [(first, abs(trade.quantity)), (second, abs(trade.quantity) * trade.strike)]
    (bought, bought_amount), (sold, sold_amount) = amounts
    yield "FxOption"
    yield node(
        "FxOptionData",
        {"OptionData": {**option, "OptionType": "Call" if trade.option == "call" else "Put"},
         "BoughtCurrency": bought, "BoughtAmount": bought_amount, "SoldCurrency": sold, "SoldAmount": sold_amount},
    )  # fmt: skip


def _commodity_forward(trade: Any, needed: Needed) -> Iterator[Any]:
    needs = trade.needs()
    needed.currency(trade.currency, needs["discount_curve"], trade)
    needed.once(needed.equities, trade.underlying, trade.currency, trade, "currency")
    needed.once(needed.yields, trade.underlying, needs["carry"], trade, "dividend curve")
    yield "EquityForward"
    yield node(
        "EquityForwardData",
        {"LongShort": "Long" if trade.quantity > 0 else "Short", "Maturity": f"{trade.maturity}",
         "Name": trade.underlying, "Currency": trade.currency, "Strike": trade.strike,
         "StrikeCurrency": trade.currency, "Quantity": abs(trade.quantity)},
    )  # fmt: skip


_WRITERS: dict[str, Callable[[Any, Needed], Iterator[Any]]] = {
    "cash_position": _position,
    "fx_forward": _fx_forward,
    "european_option": _european,
    "commodity_forward": _commodity_forward,
}
