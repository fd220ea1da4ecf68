"""Stage `diagnose`: what a trained circuit's gradients, entanglement, qubits and gates say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfin.errors import ConfigError
from qfin.stages._progress import publish
from qfin.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qfin.dependence import TrainedCircuit
    from qfin.quantum import Program

SAMPLES = 200
LAYERS = (1, 2, 4, 8, 16)
LEAST_SAMPLES = 10
MOST_LAYERS = 64
_MOST_QUBITS_BY_DEFAULT = 12
_AMPLITUDES_HELD = 2**24


@dataclass(frozen=True)
class Plan:
    """What the gradients are measured on: every number of qubits with every number of layers, `samples` draws each."""

    samples: int
    qubits: tuple[int, ...]
    layers: tuple[int, ...]
    seed: int


def diagnose(
    model: Artifact,
    store: Store,
    samples: int = SAMPLES,
    qubits: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    seed: int | None = None,
) -> Artifact:
    """Publish the diagnosis of the circuit of a `train` artifact.

    `gradients.parquet` and `ansatz.parquet` (the ansatz in several sizes), `bits.parquet` and `factors.parquet` (mutual
    information, of the trained circuit and of the data), `gates.parquet`, `diagnosis.json`.

    Parameters
    ----------
    samples : random initial angles for each size
    qubits : numbers of qubits; None: from two factors to the whole model, at most 12. Fewer qubits than the model's
        are its first ones, with the prior and the data on these alone
    layers : numbers of layers; None: 1, 2, 4, 8, 16 and the model's own
    seed : of the angles; None: the model's

    Raises
    ------
    ConfigError
        if the model has no circuit, or a number is outside its bounds.
    """
    _check_quantum(model)
    details = model.json("details.json")
    label = str(model.summary["label"])
    plan = _plan(model, details, samples, qubits, layers, seed)

    def write(folder: Path) -> dict[str, Any]:
        U, factors = _days(model, store)
        trained = _trained(model, U)
        sizes, ansatz = _sizes(trained, plan)
        gates = _gates(trained, factors)
        content = {
            "model": {"ref": model.ref, "label": label, **_about(details)},
            **asdict(plan),
            "days": len(U),
            "factors": factors,
            "grid": trained.grid.to_dict(),
            "loss": _losses(trained),
            "decay": _decays(sizes),
            "entanglement": _entanglement(trained),
            "idle_gates": int(gates["idle"].sum()),
        }
        bits, pairs = _information(trained, U, factors)
        tables = {"gradients": sizes, "ansatz": ansatz, "bits": bits, "factors": pairs, "gates": gates}
        for name, frame in tables.items():
            frame.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        (folder / "diagnosis.json").write_text(text, encoding="utf-8")
        return {
            "kind": model.summary["kind"],
            "label": label,
            "qubits": details["qubits"],
            "layers": details["layers"],
            "gates": len(gates),
            "idle_gates": content["idle_gates"],
            "seed": plan.seed,
        }

    return publish(store, "diagnose", asdict(plan), write, {"model": model}, label)


def _check_quantum(model: Artifact) -> None:
    from qfin.dependence import DEPENDENCE

    if hasattr(DEPENDENCE.load(model.summary["kind"]), "trained_circuit"):
        return
    kinds = [kind for kind in DEPENDENCE.kinds() if hasattr(DEPENDENCE.load(kind), "trained_circuit")]
    raise ConfigError(
        f"{model.ref} is a {model.summary['kind']!r} model, which has no circuit to diagnose; "
        f"models that have one: {', '.join(kinds)}"
    )


def _plan(
    model: Artifact,
    details: Mapping[str, Any],
    samples: int,
    qubits: Sequence[int] | None,
    layers: Sequence[int] | None,
    seed: int | None,
) -> Plan:
    n, bits = int(details["qubits"]), int(model.inputs["dependence"]["bits"])
    top = min(n, _MOST_QUBITS_BY_DEFAULT)
    sizes = range(max(1, min(2 * bits, top - 4)), top + 1) if qubits is None else qubits
    depths = (*LAYERS, int(details["layers"])) if layers is None else layers
    if samples < LEAST_SAMPLES:
        raise ConfigError(f"samples = {samples}; wanted at least {LEAST_SAMPLES}")
    if seed is not None and seed < 0:
        raise ConfigError(f"seed = {seed}; wanted at least 0")
    for name, numbers, most in (("qubits", sizes, n), ("layers", depths, MOST_LAYERS)):
        wrong = [number for number in numbers if not 1 <= number <= most]
        if wrong or not numbers:
            whose = ", the model's own number" if name == "qubits" else ""
            raise ConfigError(
                f"{name} = {wrong[0] if wrong else 'none'}; wanted at least one, from 1 to {most}{whose}"
            )
    return Plan(
        samples,
        tuple(sorted(set(sizes))),
        tuple(sorted(set(depths))),
        int(model.inputs["seed"]) if seed is None else seed,
    )


def _days(model: Artifact, store: Store) -> tuple[np.ndarray, list[str]]:
    """The pseudo-observations the model was fitted to, shape (n, d), and the factors' names."""
    import pandas as pd

    encoding = store.get(model.parents["encoding"])
    frame = pd.read_parquet(encoding.path("pseudo_observations.parquet")).drop(columns="date")
    return frame.to_numpy(), list(frame.columns)


def _trained(model: Artifact, U: np.ndarray) -> TrainedCircuit:
    from qfin.model import ScenarioModel

    dependence: Any = ScenarioModel.read(model.folder).dependence
    return dependence.trained_circuit(U)


def _about(details: Mapping[str, Any]) -> dict[str, Any]:
    return {key: details[key] for key in ("qubits", "parameters", "layers", "ansatz", "prior", "start")}


def _sizes(trained: TrainedCircuit, plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gradients of the ansatz at every size, and its entangling capability and expressibility at the most qubits."""
    import numpy as np
    import pandas as pd

    from qfin.quantum import NegativeLogLikelihood, Program, gradient_size

    rows, capabilities = [], []
    for n in plan.qubits:
        loss = NegativeLogLikelihood(_first_qubits(trained.first_target, n))
        initial = np.sqrt(_first_qubits(trained.initial**2, n))
        for layers in plan.layers:
            program = Program.from_circuit(trained.learner.build(n, layers))
            for name, angles in _initialisations(trained, plan, n, layers, len(program.parameters)):
                size = gradient_size(program, loss, angles, initial)
                rows.append({"qubits": n, "layers": layers, "initialisation": name, **asdict(size)})
            if n == max(plan.qubits):
                capabilities.append(_capability(trained, plan, program, layers, initial))
    return pd.DataFrame(rows), pd.DataFrame(capabilities)


def _initialisations(
    trained: TrainedCircuit, plan: Plan, n: int, layers: int, parameters: int
) -> Iterator[tuple[str, np.ndarray]]:
    """The model's own first angles and, as the reference, uniform ones in [0, 2 pi); shape (samples, parameters)."""
    import numpy as np

    def rng(name: str) -> np.random.Generator:
        return np.random.default_rng([plan.seed, n, layers, *name.encode()])

    yield "model", trained.first_angles(plan.samples, parameters, rng("model"))
    yield "uniform", rng("uniform").uniform(0.0, 2.0 * np.pi, (plan.samples, parameters))


def _capability(
    trained: TrainedCircuit, plan: Plan, program: Program, layers: int, initial: np.ndarray
) -> dict[str, Any]:
    import numpy as np

    from qfin.quantum import expressibility, meyer_wallach

    n = program.num_qubits
    count = max(2, min(plan.samples, _AMPLITUDES_HELD >> n))
    own, uniform = (
        angles[:count] for _, angles in _initialisations(trained, plan, n, layers, len(program.parameters))
    )
    states = program.statevector(uniform)
    return {
        "qubits": n,
        "layers": layers,
        "samples": count,
        "entanglement_model": float(
            np.mean([meyer_wallach(program.statevector(theta, initial)) for theta in own])
        ),
        "entanglement_uniform": float(np.mean([meyer_wallach(state) for state in states])),
        "expressibility": expressibility(states),
    }


def _decays(sizes: pd.DataFrame) -> list[dict[str, Any]]:
    """By initialisation and layers, the factor by which the median squared gradient changes with a qubit."""
    from qfin.quantum import decay

    rows = []
    for (name, layers), group in sizes.groupby(["initialisation", "layers"]):
        found = decay(group["qubits"].to_list(), group["median"].to_list())
        if found is not None:
            rows.append({"initialisation": name, "layers": layers, **asdict(found)})
    return rows


def _losses(trained: TrainedCircuit) -> dict[str, float]:
    """Cross-entropy with the target in nats a day: where the ansatz does nothing, as trained, and its lower bound."""
    from qfin.quantum import NegativeLogLikelihood

    loss = NegativeLogLikelihood(trained.target)
    return {
        "start": loss(trained.initial**2)[0],
        "trained": loss(trained.learner.program.probabilities(trained.theta, trained.initial))[0],
        "bound": loss(trained.target / trained.target.sum())[0],
    }


def _entanglement(trained: TrainedCircuit) -> dict[str, float]:
    """Meyer-Wallach Q of the state before the ansatz, of the trained state, and the mean of Haar-random ones."""
    from qfin.quantum import haar_meyer_wallach, meyer_wallach

    return {
        "start": meyer_wallach(trained.initial),
        "trained": meyer_wallach(_state(trained)),
        "haar": haar_meyer_wallach(trained.grid.n_qubits),
    }


def _information(
    trained: TrainedCircuit, U: np.ndarray, factors: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mutual information of each two bits, and of each two factors' bins; of the data with standard errors."""
    import numpy as np
    import pandas as pd

    from qfin.quantum import quantum_mutual_information

    grid = trained.grid
    state = _state(trained)
    quantum = quantum_mutual_information(state)
    days = np.bincount(grid.encode(U), minlength=grid.n_cells) / len(U)
    shared = (np.abs(state) ** 2, trained.initial**2, days)
    bits = [
        {
            "qubit": i,
            "other_qubit": j,
            "bit": _bit(i, grid.bits, factors),
            "other_bit": _bit(j, grid.bits, factors),
            "across_factors": i // grid.bits != j // grid.bits,
            "quantum": float(quantum[i, j]),
            **figures,
        }
        for (i, j), figures in _shared(shared, 1, len(U))
    ]
    d = grid.n_factors
    by_factor = quantum.reshape(d, grid.bits, d, grid.bits).sum(axis=(1, 3))
    pairs = [
        {
            "factor": factors[i],
            "other_factor": factors[j],
            "quantum_of_bits": float(by_factor[i, j]),
            **figures,
        }
        for (i, j), figures in _shared(shared, grid.bits, len(U))
    ]
    return pd.DataFrame(bits), pd.DataFrame(pairs)


def _shared(
    distributions: tuple[np.ndarray, np.ndarray, np.ndarray], bits: int, n: int
) -> Iterator[tuple[tuple[int, int], dict[str, float]]]:
    """Mutual information of each two words under the trained circuit, before training, and in n days."""
    from qfin.quantum import estimated_information, joint_tables, mutual_information

    trained, start, days = (joint_tables(p, bits) for p in distributions)
    for pair, joint in trained.items():
        data, error = estimated_information(days[pair], n)
        figures = {"circuit": mutual_information(joint), "start": mutual_information(start[pair])}
        yield pair, {**figures, "data": data, "data_error": error}


def _gates(trained: TrainedCircuit, factors: list[str]) -> pd.DataFrame:
    """A row a gate with free angles, the one that earns most first."""
    import pandas as pd

    from qfin.quantum import NegativeLogLikelihood, gate_sensitivity

    learner, bits = trained.learner, trained.grid.bits
    per_layer = len(learner.circuit.data) / learner.layers
    found = gate_sensitivity(
        learner.circuit, trained.theta, NegativeLogLikelihood(trained.target), trained.initial
    )
    rows = [
        {
            "position": gate.position,
            "layer": int(gate.position // per_layer) + 1,
            "gate": gate.name,
            "qubits": list(gate.qubits),
            "bits": ", ".join(_bit(q, bits, factors) for q in gate.qubits),
            "angle": gate.angles[0],
            "loss_change": gate.loss_change,
            "gradient": gate.gradient,
            "fisher": gate.fisher,
            "idle": gate.idle,
        }
        for gate in found
    ]
    return pd.DataFrame(rows).sort_values(["loss_change", "position"], ascending=[False, True])


def _state(trained: TrainedCircuit) -> np.ndarray:
    return trained.learner.program.statevector(trained.theta, trained.initial)


def _first_qubits(probabilities: np.ndarray, n: int) -> np.ndarray:
    """Distribution of the first n qubits' outcomes, shape (2**m,) to (2**n,)."""
    return probabilities.reshape(-1, 1 << n).sum(axis=0)


def _bit(qubit: int, bits: int, factors: list[str]) -> str:
    """`EURUSD 2`: a qubit's factor and bit, the highest bit the sign."""
    return f"{factors[qubit // bits]} {qubit % bits}"
