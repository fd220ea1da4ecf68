"""Where the circuits of a run's models are run: checked before anything long starts, planned, submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfin.errors import ConfigError
from qfin.stages.train import Spec, complete_spec
from qfin.store import Artifact

if TYPE_CHECKING:
    from qfin.model import ScenarioModel
    from qfin.quantum import Backend, Plan, Request
    from qfin.stages.config import RunConfig


def configured_backend(config: RunConfig) -> Backend | None:
    """The configured backend; None for the exact probabilities themselves, which need none."""
    from qfin.quantum import BACKENDS
    from qfin.registry import kind_of

    backend = BACKENDS.build(config.backend)
    return None if kind_of(backend) == "exact" else backend


def backend_of(config: RunConfig, model: Artifact) -> Backend | None:
    """Where a `train` artifact's model is drawn from; None for one without a circuit, and for the exact one."""
    return configured_backend(config) if runs_circuits(model.summary["kind"]) else None


def runs_circuits(spec: Spec) -> bool:
    """Whether models of a kind have a circuit that a backend can run."""
    from qfin.dependence import DEPENDENCE

    return hasattr(DEPENDENCE.load(spec if isinstance(spec, str) else spec["kind"]), "sample_on")


def check_backend(config: RunConfig, n_factors: int) -> None:
    """Check that the configured backend is there and takes what the run will ask of it.

    Raises
    ------
    ConfigError
        if a package, a GPU, a credential or a device is missing, qubits or scenarios are too many, or there is nothing
        to run on it.
    """
    backend = configured_backend(config)
    if backend is None:
        if config.tuning.steps:
            raise ConfigError(
                "tuning.steps asks for training on a backend, and backend = 'exact' trains exactly; "
                "name a backend, or set tuning.steps to 0"
            )
        return
    specs = [
        complete_spec(config, spec) for spec in (config.dependence, *config.rivals) if runs_circuits(spec)
    ]
    if not specs:
        raise ConfigError(
            f"backend = {config.backend!r} would run nothing: none of the models has a circuit; "
            "set dependence = 'born', or leave the backend out"
        )
    able = backend.capabilities()
    shots = config.scenarios.count * config.scenarios.horizon
    for spec in specs:
        qubits = spec.get("bits", config.encoding.bits) * n_factors
        if able.max_qubits is not None and qubits > able.max_qubits:
            raise ConfigError(
                f"{n_factors} factors of {qubits // n_factors} bits are {qubits} qubits, and {backend.name} takes "
                f"{able.max_qubits}; take fewer bits or factors, or another backend"
            )
    if able.max_shots is not None and shots > able.max_shots:
        raise ConfigError(
            f"{shots:,} scenarios and days are {shots:,} shots, and {backend.name} allows {able.max_shots:,}; "
            "set scenarios.count or scenarios.horizon lower"
        )


def plan(config: RunConfig, model: Artifact) -> Plan:
    """What drawing the configured scenarios from a `train` artifact will do on the configured backend.

    Nothing is run or submitted.

    Raises
    ------
    ConfigError
        if the model has no circuit, or the backend cannot run it or is not allowed to.
    """
    from qfin.quantum import BACKENDS

    fitted = _fitted(model)
    return BACKENDS.build(config.backend).plan(_request(config, fitted))


def submit(config: RunConfig, model: Artifact) -> tuple[str, ...]:
    """Ids of the jobs that the configured scenarios of a model need; submitted now or before, never twice.

    Where no job outlives the call, none: `generate` does it all.

    Parameters
    ----------
    model : a `train` artifact, or the `tune` artifact that is made of it
    """
    backend = backend_of(config, model)
    return () if backend is None else backend.submit(_request(config, _fitted(model)))


def _fitted(model: Artifact) -> ScenarioModel:
    from qfin.model import ScenarioModel

    return ScenarioModel.read(model.folder)


def _request(config: RunConfig, model: ScenarioModel) -> Request:
    wanted = config.scenarios
    return model.request(wanted.count, wanted.horizon, config.seed)
