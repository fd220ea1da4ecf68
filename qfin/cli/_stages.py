"""One command a stage. Each starts from an artifact, or has the stages before it find or make one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from qfin.cli._console import output, stage_progress, tell_reservations
from qfin.cli._options import ConfigOption, StoreOption, configuration, opened
from qfin.errors import ConfigError

if TYPE_CHECKING:
    from qfin.stages.config import RunConfig
    from qfin.store import Artifact, Store

FROM = "Artifact to start from: stage/id, or the beginning of an id."
MADE = "by the stages before"
_MODEL = typer.Option(
    "--model", "-m", metavar="KIND", help="Kind of dependence model.", show_default="the configured"
)
ModelOption = Annotated[str | None, _MODEL]
_BACKEND = typer.Option(
    "--backend",
    "-b",
    metavar="KIND",
    help="Where circuits run; `qfin kinds backends`.",
    show_default="the configured",
)
BackendOption = Annotated[str | None, _BACKEND]


def ingest(config: ConfigOption = None, store: StoreOption = None) -> None:
    """Read prices, check them, and make returns of them.

    Example: [bold]qfin ingest --config my.toml[/bold]
    """
    with showing():
        made = _ingest(configuration(config), opened(store))
    _tell(made)


def encode(
    history: Annotated[str | None, typer.Argument(help=FROM, show_default=MADE)] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Fit volatility and marginals, and turn the history into bitstrings.

    Example: [bold]qfin encode ingest/21e4745b[/bold]
    """
    with showing():
        made = _encode(configuration(config), opened(store), history)
    _tell(made)


def train(
    encoding: Annotated[str | None, typer.Argument(help=FROM, show_default=MADE)] = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Fit a dependence model and score it on days held out.

    Example: [bold]qfin train --model student_t[/bold]
    """
    with showing():
        made = trained_model(configuration(config), opened(store), encoding, model)
    _tell(made)
    tell_reservations(output(), made)


def generate(
    trained: Annotated[str | None, typer.Argument(metavar="[TRAIN]", help=FROM, show_default=MADE)] = None,
    model: ModelOption = None,
    backend: BackendOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Draw a scenario set, on a backend if one is named.

    Example: [bold]qfin generate train/2f7e598b --backend aer[/bold]
    """
    with showing():
        made = drawn_from(on_backend(configuration(config), backend), opened(store), trained, model)
    _tell(made)
    tell_reservations(output(), made)


def risk(
    scenarios: Annotated[str | None, typer.Argument(help=FROM, show_default=MADE)] = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Revalue the portfolio under a scenario set: VaR and ES.

    Example: [bold]qfin risk generate/7e32f65b --config my.toml[/bold]
    """
    with showing():
        made = valued(configuration(config), opened(store), scenarios, model)
    _tell(made)


def report(
    artifacts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Risk artifacts: the one it is about, then its rivals; diagnoses, a stress, races, backtests.",
            show_default=MADE,
        ),
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
) -> None:
    """Lay risk artifacts side by side in one HTML file, with the diagnoses of their circuits; or races and backtests.

    Example: [bold]qfin report risk/64201a77 risk/42400abb diagnose/9c1e0b7d[/bold]
    """
    from qfin import stages

    there = opened(store)
    with showing():
        named = [
            given(there, ("risk", "diagnose", "stress", "race", "backtest"), reference)
            for reference in artifacts or ()
        ]
        if not any(artifact.stage in ("risk", "race", "backtest") for artifact in named):
            named = [*_risks(configuration(config), there, any(a.stage == "stress" for a in named)), *named]
        made = stages.report(named, there)
    _tell(made)


def on_backend(config: RunConfig, kind: str | None) -> RunConfig:
    """The configuration with the backend that the command names; its parameters where the same kind is configured."""
    from qfin.quantum import BACKENDS

    configured = config.backend
    if kind is None or (isinstance(configured, dict) and configured.get("kind") == kind):
        return config
    BACKENDS.build(kind)
    return config.model_copy(update={"backend": kind})


def _ingest(config: RunConfig, store: Store) -> Artifact:
    from qfin import stages

    return stages.ingest(config, store)


def history_to_use(config: RunConfig, store: Store, history: str | None) -> Artifact:
    """The history that is named, or else what the configuration's prices make."""
    return given(store, "ingest", history) if history else _ingest(config, store)


def _encode(config: RunConfig, store: Store, history: str | None = None) -> Artifact:
    from qfin import stages

    return stages.encode(config, history_to_use(config, store, history), store)


def trained_model(
    config: RunConfig, store: Store, encoding: str | None = None, model: str | None = None
) -> Artifact:
    """The configured model, or that of a kind, trained on an encoding or by the stages before."""
    from qfin import stages

    spec = stages.complete_spec(config, _spec(config, model))
    start = given(store, "encode", encoding) if encoding else _encode(config, store)
    return stages.train(config, spec, start, store)


def model_to_use(config: RunConfig, store: Store, trained: str | None, model: str | None) -> Artifact:
    """The `train` artifact that a command names, or that the stages before find or make."""
    return given(store, "train", trained, model) if trained else trained_model(config, store, model=model)


def drawn_from(
    config: RunConfig, store: Store, trained: str | None = None, model: str | None = None
) -> Artifact:
    """The scenario set of the model that is named, or else of the configured one."""
    from qfin import stages

    return stages.generate(config, model_to_use(config, store, trained, model), store)


def valued(
    config: RunConfig, store: Store, scenarios: str | None = None, model: str | None = None
) -> Artifact:
    """The risk figures of the scenario set that is named, or else of the configured model's or one of a kind."""
    from qfin import stages

    if scenarios:
        return stages.risk(config, given(store, "generate", scenarios, model), store)
    stages.ingest(config, store, whole_run=True)
    return stages.risk(config, drawn_from(config, store, model=model), store)


def _risks(config: RunConfig, store: Store, stressed: bool) -> list[Artifact]:
    """Risk artifacts of the configured model and its rivals, and the stress of the first unless there is one."""
    from qfin import stages

    wanted = ("risk",) if stressed else ("risk", "stress")
    return [artifact for artifact in stages.run(config, store).artifacts if artifact.stage in wanted]


def _spec(config: RunConfig, model: str | None) -> str | dict[str, object]:
    """The configured model, or the configured rival of that kind with its parameters, or the kind as it is."""
    if model is None:
        return config.dependence
    for spec in (config.dependence, *config.rivals):
        if isinstance(spec, dict) and spec.get("kind") == model:
            return spec
    return model


def given(store: Store, stage: str | tuple[str, ...], reference: str, model: str | None = None) -> Artifact:
    """The artifact that a reference names, of a stage or of one of several, where no --model is given too."""
    artifact = store.get(reference)
    stages = (stage,) if isinstance(stage, str) else stage
    if artifact.stage not in stages:
        wanted = " or ".join(map(repr, stages))
        raise ConfigError(f"{artifact.ref} is an artifact of {artifact.stage!r}; wanted one of {wanted}")
    if model is not None:
        raise ConfigError(
            f"--model says what to train, and {artifact.ref} is made already; name only one of the two"
        )
    return artifact


@contextmanager
def showing() -> Iterator[None]:
    """Stages' progress on stderr while the context lasts."""
    from qfin.stages import watching

    with stage_progress() as lines, watching(lines):
        yield


def _tell(artifact: Artifact) -> None:
    from qfin.cli._look import describe

    output().print(describe(artifact))
