"""The configuration of a run: one TOML file, or the form that Prefect's UI makes of these models."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from qfin.errors import ConfigError, QfinError
from qfin.quantum import BINS, CODES
from qfin.shipped import shipped


def _plugin(room: str) -> AfterValidator:
    """Check a spec against the plug-ins of `module:ROOM`, which is imported when there is something to check."""

    def check(spec: str | dict[str, Any]) -> str | dict[str, Any]:
        module, _, name = room.partition(":")
        try:
            getattr(import_module(module), name).build(spec)
        except QfinError as error:
            raise ValueError(str(error)) from None
        return spec

    return AfterValidator(check)


Spec = str | dict[str, Any]
_MEMBERS_OF_SPEC = ("str", "dict[str,any]")  # pydantic names the member of a union that it tried
Reader = Annotated[Spec, _plugin("qfin.market:READERS")]
Volatility = Annotated[Spec, _plugin("qfin.volatility:VOLATILITY")]
MarginalsSpec = Annotated[Spec, _plugin("qfin.marginals:MARGINALS")]
Dependence = Annotated[Spec, _plugin("qfin.dependence:DEPENDENCE")]
Backend = Annotated[Spec, _plugin("qfin.quantum:BACKENDS")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=False, use_attribute_docstrings=True)


class FactorConfig(_Section):
    """One column of the data to use as a risk factor."""

    name: str
    """Column of the data."""
    type: Literal["FX", "EQ", "CMD", "IR", "VOL"] = "FX"
    """Kind of market: exchange rate, equity, commodity, interest rate, volatility."""
    unit: str = ""
    """Unit of the level, for people: "USD per EUR", "%"."""
    return_type: Literal["log", "absolute", "relative"] = "log"
    """How a return is taken from two levels."""
    displacement: float = 0.0
    """Added to levels before log and relative returns are taken."""
    pillar: str | None = None
    """Place on a curve or surface: "5Y"."""


class HistoryConfig(_Section):
    """Where prices come from, and which of them are used."""

    reader: Reader = Field({"kind": "bundled", "name": "fx"})
    """A reader's kind with its parameters; `qfin kinds` lists them."""
    factors: list[FactorConfig] | None = None
    """The columns to use and what they are; none: all there are, as the source describes them."""
    start: date | None = None
    """First day to use."""
    end: date | None = None
    """Last day to use: the as-of date."""
    fill: Literal["none", "common_days", "previous"] = "none"
    """What to do where a price is missing: stop, keep days that all have, or carry the last one on."""


class EncodingConfig(_Section):
    """The grid that qubits stand for, and the days held out from fitting to score models on."""

    bits: int = Field(3, ge=1, le=8)
    """Qubits for each risk factor."""
    bins: Literal[BINS.kinds()] = "tail_refined"  # type: ignore[valid-type]
    """How the unit interval is cut into 2**bits bins."""
    code: Literal[CODES.kinds()] = "gray"  # type: ignore[valid-type]
    """How a bin is written in bits."""
    held_out_days: int = Field(500, ge=20)
    """Last days of the history, kept from fitting, that models are scored on."""
    window_days: int | None = Field(None, ge=100)
    """Last days that volatility, marginals and dependence are fitted to; none: all there are."""


class TuningConfig(_Section):
    """Training that goes on on the backend, from its samples, before scenarios are drawn."""

    steps: int = Field(0, ge=0)
    """Updates; 0: circuits run as they were trained."""
    method: Literal["spsa", "parameter_shift"] = "spsa"
    """How a gradient is taken from samples: two circuits a step, or two for each angle of the circuit."""
    shots: int = Field(1_000, ge=2)
    """Measurements of each circuit at each step."""
    shot_budget: int | None = Field(None, ge=1)
    """Most measurements in all; tuning stops before the step that would pass it."""


class ScenarioConfig(_Section):
    """How many scenarios, over how many days."""

    count: int = Field(10_000, ge=100)
    """Number of scenarios."""
    horizon: int = Field(1, ge=1, le=250)
    """Trading days ahead."""
    certificate_bound: float = Field(0.05, gt=0, le=2)
    """Distance of a backend's Z-correlators from the exact ones up to which its set's certificate passes."""


class WindowConfig(_Section):
    """A stressed window of the history."""

    name: str
    """How the report calls it."""
    start: date
    """First day."""
    end: date
    """Last day."""


class MeasureConfig(_Section):
    """Levels of the risk measures and of their confidence intervals."""

    var_level: float = Field(0.99, gt=0.5, lt=1)
    """Level of value at risk."""
    es_level: float = Field(0.975, gt=0.5, lt=1)
    """Level of expected shortfall."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence of the intervals around measures and scores."""
    levels: list[Annotated[float, Field(gt=0.5, lt=1)]] = [0.95, 0.975, 0.99]
    """Levels of a table of both measures."""
    horizons: list[Annotated[int, Field(ge=1)]] = []
    """Days of that table, beside the scenarios' own horizon and shorter than it."""
    windows: list[WindowConfig] = []
    """Stressed windows of the history: what their days would do to today's portfolio."""
    error_budget: bool = True
    """Whether what each stage may have moved the figures by is estimated."""


class RevaluationConfig(_Section):
    """How the portfolio is valued in every scenario."""

    method: Literal["full", "proxy"] = "proxy"
    """Each trade in each scenario by QuantLib, or closed forms and certified interpolants with the tail in full."""
    ageing: bool = True
    """Whether values at the horizon are of that day; if not, the market moves at once, on the as-of date."""
    tolerance: float = Field(1e-3, gt=0, le=1)
    """Bound of an interpolant's error, as a part of the standard deviation of its trade's gain."""
    tail: float = Field(0.05, gt=0, le=1)
    """Part of the scenarios, those with the largest losses, that is valued in full after interpolants."""
    workers: int = Field(0, ge=0)
    """Processes for what is valued in full; 0: as many as there are processors, where the work is worth it."""


class StressConfig(_Section):
    """Moves that the portfolio is stressed with, one day ahead."""

    moves: dict[str, dict[str, float]] = {}
    """Returns of factors, in each one's own return unit, by the name of the stress; none: the 1 and 99 % quantile of
    each factor."""
    draws: int = Field(10_000, ge=100)
    """Scenarios of the rest of the market, given a move."""
    loss_bound: float | None = Field(None, gt=0)
    """Loss that the reverse stress asks for, base currency; none: the value at risk."""


_T = {"kind": "student_t", "correlation": "likelihood"}
_RACERS: dict[str, Any] = {
    "independent": "independent",
    "bootstrap": "bootstrap",
    "gaussian": "gaussian",
    "student_t": _T,
    "vine": "vine",
    "empirical_blend": "empirical_blend",
    "factor": {"kind": "factor", "model": "student_t"},
    "rbm": {"kind": "rbm", "prior": _T},
    "Born machine on t": {"kind": "born", "prior": _T, "half_life": "chosen"},
    "Born machine on vine": {"kind": "born", "prior": "vine", "half_life": "chosen"},
    "Born machine in factors": {
        "kind": "factor",
        "model": {"kind": "born", "prior": _T, "half_life": "chosen"},
    },
    "Born machine from scratch": {"kind": "born", "prior": "none"},
    "qgan": {"kind": "qgan", "prior": _T},
    "iqp": "iqp",
    "mps": {"kind": "mps", "bits": 5},
}


class RaceConfig(_Section):
    """A walk-forward race of dependence models over the history."""

    models: dict[str, Dependence] = Field(default_factory=lambda: dict(_RACERS))
    """Models by the name that tables give them: a kind, or a kind with its parameters."""
    training_days: int = Field(1000, ge=100)
    """Days of the first fit; of a rolling window, of every fit."""
    refit_every: int = Field(250, ge=1)
    """Days between two fits."""
    window: Literal["expanding", "rolling"] = "rolling"
    """Whether a fit takes all days before, or the last `training_days`."""
    seeds: int = Field(5, ge=1, le=50)
    """Seeds of each model whose fit is random."""
    level: float = Field(0.95, gt=0.5, lt=1)
    """Of tests, intervals and the model confidence set."""
    learning_days: list[int] = [125, 250, 500, 1000, 2500]
    """Training days of the learning curve; those that the history has not are left out. None at all: no curve."""
    expressiveness: bool = True
    """Whether score is set against number of parameters, by circuits, vines and grids of several sizes."""


class CompositionConfig(_Section):
    """A scenario model of a backtest: what is left out is the run's own."""

    volatility: Volatility | None = None
    """Volatility filter; none: the run's."""
    marginals: MarginalsSpec | None = None
    """Model of each factor alone; none: the run's."""
    dependence: Dependence | None = None
    """Dependence model; none: the run's."""


def _composed() -> dict[str, CompositionConfig]:
    return {
        "model": CompositionConfig(),
        "historical simulation": CompositionConfig(
            volatility="none", marginals="empirical", dependence="bootstrap"
        ),
        "filtered historical simulation": CompositionConfig(marginals="empirical", dependence="bootstrap"),
        "independent": CompositionConfig(dependence="independent"),
        "gaussian": CompositionConfig(dependence="gaussian"),
        "student_t": CompositionConfig(dependence="student_t"),
        "vine": CompositionConfig(dependence="vine"),
        "rbm": CompositionConfig(dependence="rbm"),
    }


class BacktestConfig(_Section):
    """A walk-forward backtest of scenario models with the portfolio."""

    models: dict[str, CompositionConfig] = Field(default_factory=_composed)
    """Scenario models by the name that tables give them; the first is the one that the others are compared with."""
    days: int = Field(1000, ge=20)
    """Last days of the history that are forecast, each from the days before it."""
    training_days: int = Field(1000, ge=100)
    """Days of the first fit; of a rolling window, of every fit."""
    refit_every: int = Field(250, ge=1)
    """Days between two fits; in between volatility follows the returns and the rest stays."""
    window: Literal["expanding", "rolling"] = "rolling"
    """Whether a fit takes all days before, or the last `training_days`."""
    scenarios: int = Field(5000, ge=100)
    """Scenarios drawn for each day."""
    horizons: list[Annotated[int, Field(ge=1, le=250)]] = Field([1, 10], min_length=1)
    """Trading days of P&L; longer ones are tested overlapping and not."""
    levels: list[Annotated[float, Field(gt=0.5, lt=1)]] = Field([0.975, 0.99], min_length=1)
    """Levels of VaR and ES."""
    significance: float = Field(0.05, gt=0, lt=0.5)
    """Probability with which each test may reject a right model."""


class SensitivityConfig(_Section):
    """Settings that a validated model is made with again, each by itself."""

    bits: list[Annotated[int, Field(ge=1, le=8)]] = [2, 3, 4]
    """Qubits of a factor, of a model on a grid."""
    layers: list[Annotated[int, Field(ge=1, le=64)]] = [1, 2, 4]
    """Depth, of a model whose circuit has layers."""
    seeds: int = Field(2, ge=0, le=20)
    """Further seeds, each of training and drawing."""
    window_days: list[Annotated[int, Field(ge=100)]] = [1000, 2500]
    """Last days that are fitted to."""
    most_qubits: int = Field(16, ge=1, le=24)
    """Circuits with more are left out, and the result says so."""


class RunConfig(_Section):
    """Everything that determines a run."""

    seed: int = Field(7, ge=0)
    """Where all random numbers start: the same seed gives the same bytes."""
    history: HistoryConfig = Field(default_factory=HistoryConfig)
    """Where prices come from."""
    volatility: Volatility = "garch"
    """Volatility filter: a kind, or a kind with its parameters."""
    marginals: MarginalsSpec = "semiparametric"
    """Model of each factor alone: a kind, or a kind with its parameters."""
    encoding: EncodingConfig = Field(default_factory=EncodingConfig)
    """The qubits' grid, and the days held out."""
    dependence: Dependence = "born"
    """The model that the report is about: a kind, or a kind with its parameters."""
    rivals: list[Dependence] = [
        "independent",
        "bootstrap",
        "gaussian",
        "student_t",
        "vine",
        "empirical_blend",
        "rbm",
    ]
    """Models to compare it with."""
    backend: Backend = "exact"
    """Where trained circuits run when scenarios are drawn: a kind, or a kind with its parameters."""
    credentials: str | None = None
    """Prefect block of type Secret with the token for the backend's service; none: it is taken from the environment."""
    tuning: TuningConfig = Field(default_factory=TuningConfig)
    """Steps of training on the backend itself, from its samples."""
    scenarios: ScenarioConfig = Field(default_factory=ScenarioConfig)
    """How many scenarios, how far ahead."""
    portfolio: str = Field(default_factory=lambda: str(shipped("portfolios/fx_book.json")))
    """Path of the portfolio, JSON or CSV."""
    revaluation: RevaluationConfig = Field(default_factory=RevaluationConfig)
    """How trades are valued in scenarios: in full, or by closed forms and interpolants."""
    measures: MeasureConfig = Field(default_factory=MeasureConfig)
    """Which risk measures, at which levels."""
    stress: StressConfig = Field(default_factory=StressConfig)
    """Moves that the portfolio is stressed with."""
    race: RaceConfig = Field(default_factory=RaceConfig)
    """Models and rules of `qfin race`; a run of all stages does not take part in it."""
    backtest: BacktestConfig = Field(default_factory=BacktestConfig)
    """Models, days and levels of `qfin backtest`."""
    sensitivity: SensitivityConfig = Field(default_factory=SensitivityConfig)
    """What `qfin validate` makes the model with again."""


def load_config(path: str | Path) -> RunConfig:
    """Read a TOML configuration; paths in it are relative to the file.

    Raises
    ------
    ConfigError
        naming file and key, with the choices where a kind or a parameter is misspelt.
    """
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such configuration file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a readable TOML file: {error}") from None
    _resolve(raw, "portfolio", path.parent)
    match raw.get("history"):
        case {"reader": dict(reader)}:
            _resolve(reader, "path", path.parent)
    try:
        return RunConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """A pydantic error in one line: key, what is wrong, and what could have stood there."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"] if part not in _MEMBERS_OF_SPEC)
    if first["type"] == "extra_forbidden":
        return f"{key}: there is no such key; choose one of: {', '.join(_keys_beside(first['loc']))}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message[0].lower() + message[1:]}"


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Keys that the section has in which `location` names one that it has not."""
    section: Any = RunConfig
    for part in location[:-1]:
        if isinstance(part, str):
            annotation = section.model_fields[part].annotation
            section = next(a for a in (annotation, *_nested(annotation)) if hasattr(a, "model_fields"))
    return list(section.model_fields)


def _nested(annotation: Any) -> list[Any]:
    inner = list(get_args(annotation))
    return inner + [part for one in inner for part in _nested(one)]


def _resolve(section: dict[str, Any], key: str, folder: Path) -> None:
    if isinstance(section.get(key), str):
        section[key] = str((folder / section[key]).resolve())
