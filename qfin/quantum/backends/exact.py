"""The compiled engine."""

from __future__ import annotations

import numpy as np

from qfin.quantum._draws import Draws
from qfin.quantum.backends._base import Backend, Capabilities, Request


class Exact(Backend):
    """Exact simulation on the CPU by qfin's own engine."""

    def capabilities(self) -> Capabilities:
        return Capabilities(exact=True, noisy=False, remote=False)

    def _run(self, request: Request) -> Draws:
        from qfin.quantum._program import Program

        program = Program.from_circuit(request.circuit)
        rng = np.random.default_rng(request.seed)
        drawn = program.sample(request.theta, request.shots, rng, request.initial)
        return Draws.from_outcomes(drawn, program.num_bits, {"backend": self.name, "job_ids": []})

    def _probabilities(self, request: Request) -> np.ndarray:
        from qfin.quantum._program import Program

        return Program.from_circuit(request.circuit).probabilities(request.theta, request.initial)
