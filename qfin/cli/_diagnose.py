"""`qfin diagnose`: what a trained circuit's gradients, entanglement, qubits and gates say of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfin.cli._console import output
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.cli._stages import FROM, MADE, ModelOption, model_to_use, showing
from qfin.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from qfin.store import Artifact

_GATES, _PAIRS, _FAR = 10, 8, 4
_NUMBERS = "NUMBERS"


def diagnose(
    trained: Annotated[str | None, typer.Argument(metavar="[TRAIN]", help=FROM, show_default=MADE)] = None,
    model: ModelOption = None,
    samples: Annotated[int, typer.Option(help="Random initial angles for each size.")] = 200,
    qubits: Annotated[
        str | None,
        typer.Option(
            metavar=_NUMBERS,
            help="Qubits to measure gradients at, such as 6,8,10 or 6-12.",
            show_default="from two factors to the model's, at most 12",
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar=_NUMBERS,
            help="Numbers of layers, likewise.",
            show_default="1,2,4,8,16 and the model's",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the random angles.", show_default="the model's")
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Is a trained circuit on a barren plateau, what does it entangle, which bits does it tie, which gates matter?

    `qfin report` shows the diagnosis it is given beside the risk figures, with figures.

    Example: [bold]qfin diagnose train/2f7e598b[/bold]
    """
    from qfin import stages

    sizes = {"qubits": _numbers("qubits", qubits), "layers": _numbers("layers", layers)}
    there = opened(store)
    with showing():
        start = model_to_use(configuration(config), there, trained, model)
        made = stages.diagnose(start, there, samples, seed=seed, **sizes)
    _tell(made)


def _numbers(name: str, text: str | None) -> list[int] | None:
    """`6,8,10` or `6-12` as numbers."""
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        if match is None:
            raise ConfigError(f"--{name} {text!r} is not understood; wanted numbers such as 6,8,10 or 6-12")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _tell(artifact: Artifact) -> None:
    from qfin.cli._look import describe

    console = output()
    console.print(describe(artifact))
    for table in diagnosis_tables(artifact):
        console.print()
        console.print(table)
    console.print()
    console.print(f"in a report  qfin report {artifact.ref}", soft_wrap=True)


def diagnosis_tables(artifact: Artifact) -> Iterable[Table]:
    """The tables of a `diagnose` artifact, long ones cut."""
    import pandas as pd

    about = artifact.json("diagnosis.json")
    frames = {
        name: pd.read_parquet(artifact.path(f"{name}.parquet"))
        for name in ("gradients", "ansatz", "bits", "factors", "gates")
    }
    yield _by_qubits(frames["gradients"], about)
    yield _by_layers(frames["gradients"], about)
    yield _entanglement(frames["ansatz"], about)
    yield _factor_pairs(frames["factors"], about)
    yield _bit_pairs(frames["bits"], about, artifact)
    yield _gates(frames["gates"], about, artifact)


def _by_qubits(gradients: pd.DataFrame, about: Mapping[str, Any]) -> Table:
    layers = _nearest(about["layers"], about["model"]["layers"])
    table = _table(
        f"squared gradient at initialisation, {_count(layers, 'layer')}",
        ["qubits", "own start", "variance", "uniform", "variance"],
        "squared gradient: mean over the angles that change anything, median over "
        f"{about['samples']} starts; variance: mean over angles of the variance over starts; nats²",
    )
    for n in about["qubits"]:
        own, uniform = _two(gradients, n, layers)
        table.add_row(
            str(n), *(_power(size[key]) for size in (own, uniform) for key in ("median", "variance"))
        )
    own_rate, uniform_rate = (_rate(about, name, layers) for name in ("model", "uniform"))
    if own_rate:
        table.add_section()
        table.add_row("a qubit", own_rate, "", uniform_rate, "")
    return table


def _by_layers(gradients: pd.DataFrame, about: Mapping[str, Any]) -> Table:
    n = max(about["qubits"])
    table = _table(
        f"squared gradient at initialisation, {_count(n, 'qubit')}",
        ["layers", "own start", "a qubit", "uniform", "a qubit"],
        "a qubit: factor by which it changes with each qubit, with its 95 % interval; a barren plateau is well below 1",
    )
    for layers in about["layers"]:
        cells = []
        for name, size in zip(("model", "uniform"), _two(gradients, n, layers), strict=True):
            cells += [_power(size["median"]), _rate(about, name, layers)]
        table.add_row(str(layers), *cells)
    return table


def _entanglement(ansatz: pd.DataFrame, about: Mapping[str, Any]) -> Table:
    found = about["entanglement"]
    table = _table(
        f"entanglement and expressibility, {_count(max(about['qubits']), 'qubit')}",
        ["layers", "Q, own start", "Q, uniform from |0⟩", "expressibility"],
        f"Q: Meyer-Wallach, 0 to 1; trained {found['trained']:.3f}, before training {found['start']:.3f}, random "
        f"states {found['haar']:.3f}; expressibility: divergence from random states, nats, 0 the most expressible",
    )
    for row in ansatz.to_dict("records"):
        figures = (row["entanglement_model"], row["entanglement_uniform"], row["expressibility"])
        table.add_row(str(row["layers"]), *(f"{value:.3f}" for value in figures))
    return table


def _factor_pairs(pairs: pd.DataFrame, about: Mapping[str, Any]) -> Table:
    table = _table(
        "mutual information of factors, nats a day",
        ["factors", "before", "circuit", "data", "quantum"],
        f"of the bins of each two factors, before training, trained, and in {about['days']:,} days; quantum: of their "
        "qubits before they are measured, pairs summed",
        left=1,
    )
    for row in pairs.to_dict("records"):
        table.add_row(
            f"{row['factor']}, {row['other_factor']}",
            f"{row['start']:.4f}",
            f"{row['circuit']:.4f}",
            f"{row['data']:.4f} ± {row['data_error']:.4f}",
            f"{row['quantum_of_bits']:.4f}",
        )
    return table


def _bit_pairs(bits: pd.DataFrame, about: Mapping[str, Any], artifact: Artifact) -> Table:
    across = bits[bits["across_factors"]]
    away = (across["data"] - across["circuit"]).abs() / across["data_error"]
    tied = across.sort_values("circuit", ascending=False, kind="stable").head(_PAIRS)
    missed = across.loc[away.sort_values(ascending=False, kind="stable").index].head(_FAR)
    table = _table(
        "mutual information of bits, nats",
        ["bits", "quantum", "measured", "data"],
        f"of different factors: tied most, then furthest from the data; bit {about['grid']['bits'] - 1} is the side of "
        f"the median; all {len(bits)} pairs: bits.parquet of {artifact.ref}",
        left=1,
    )
    for rows in (tied, missed):
        for row in rows.to_dict("records"):
            table.add_row(
                f"{row['bit']}, {row['other_bit']}",
                f"{row['quantum']:.4f}",
                f"{row['circuit']:.4f}",
                f"{row['data']:.4f} ± {row['data_error']:.4f}",
            )
        table.add_section()
    return table


def _gates(gates: pd.DataFrame, about: Mapping[str, Any], artifact: Artifact) -> Table:
    loss = about["loss"]
    more = len(gates) - _GATES
    table = _table(
        "gates: what the loss rises by without them, nats a day",
        ["no.", "gate", "bits", "angle", "without it", "gradient", "Fisher"],
        f"gates make up for each other, so this does not add up; trained loss {loss['trained']:.5f}, before training "
        f"{loss['start']:.5f}, at best {loss['bound']:.5f}; {about['idle_gates']} of {len(gates)} change no outcome"
        + (f"; {more} more: gates.parquet of {artifact.ref}" if more > 0 else ""),
        left=3,
    )
    for row in gates.head(_GATES).to_dict("records"):
        figures = (
            f"{row['angle']:+.3f}",
            _power(row["loss_change"], "+"),
            _power(row["gradient"], "+"),
            _power(row["fisher"]),
        )
        table.add_row(str(row["position"]), row["gate"], row["bits"], *figures)
    return table


def _table(title: str, columns: Sequence[str], caption: str, left: int = 0) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", caption=caption, caption_justify="left",
        box=box.SIMPLE_HEAD,
    )  # fmt: skip
    for place, name in enumerate(columns):
        table.add_column(name, justify="left" if place < left else "right")
    return table


def _two(gradients: pd.DataFrame, qubits: int, layers: int) -> tuple[pd.Series, pd.Series]:
    """Rows of the model's own initialisation and of uniform angles."""
    rows = gradients[(gradients["qubits"] == qubits) & (gradients["layers"] == layers)]
    own, uniform = (rows[rows["initialisation"] == name].iloc[0] for name in ("model", "uniform"))
    return own, uniform


def _rate(about: Mapping[str, Any], name: str, layers: int) -> str:
    for row in about["decay"]:
        if (row["initialisation"], row["layers"]) == (name, layers):
            return f"×{row['factor']:.2f} [{row['lower']:.2f}, {row['upper']:.2f}]"
    return ""


def _nearest(numbers: Sequence[int], wanted: int) -> int:
    return min(numbers, key=lambda number: abs(number - wanted))


def _power(value: float, sign: str = "") -> str:
    return format(value, f"{sign}.1e") if value == value else "n/a"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
