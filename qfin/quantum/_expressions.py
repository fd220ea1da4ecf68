"""Expressions of a circuit's parameters as one Python function.

Qiskit evaluates an expression in some 4 microseconds, as long as a sweep over a small state takes; here all those of a
circuit take a few. What is compiled is Qiskit's own text of them, and only if it then says the same as Qiskit.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from typing import Any

Evaluate = Callable[..., tuple[float, ...]]
_LONGEST = 100_000  # characters of all texts together
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    **{
        name: getattr(math, name)
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sqrt")
    },
    "abs": abs,
    "conj": lambda x: x,
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
}
_NODES = (ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd, ast.Load)


def compile_expressions(expressions: Sequence[Any], parameters: Sequence[Any]) -> Evaluate | None:
    """A function of all parameters, in order, that gives the values of all expressions; None if there is none.

    Where an expression has no value it raises an ArithmeticError or ValueError, or gives a number that is not real.
    """
    from qiskit.circuit import Parameter

    plain = {parameter: Parameter(f"_{k}") for k, parameter in enumerate(parameters)}
    names = [parameter.name for parameter in plain.values()]
    try:
        texts, length = [], 0
        for expression in expressions:
            texts.append(_text(expression, plain))
            length += len(texts[-1])
            if length > _LONGEST:
                return None
        bodies = [_body(text, names) for text in texts]
        arguments = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
        function = ast.Expression(ast.Lambda(arguments, ast.Tuple(bodies, ast.Load())))
        evaluate = eval(compile(ast.fix_missing_locations(function), "<angles>", "eval"), dict(_FUNCTIONS))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return evaluate if _agrees(evaluate, expressions, parameters) else None


def _text(expression: Any, plain: dict[Any, Any]) -> str:
    free = getattr(expression, "parameters", ())
    return str(expression.subs({parameter: plain[parameter] for parameter in free}) if free else expression)


def _body(text: str, names: Sequence[str]) -> Any:
    body = ast.parse(text, mode="eval").body
    for node in ast.walk(body):
        known = isinstance(node, _NODES) or (
            isinstance(node, ast.Constant) and type(node.value) in (int, float)
        )
        known |= isinstance(node, ast.Name) and (node.id in names or node.id in _FUNCTIONS)
        if not (known or isinstance(node, ast.Call)):
            raise ValueError(f"{text} is not understood")
    return body


def _agrees(evaluate: Evaluate, expressions: Sequence[Any], parameters: Sequence[Any]) -> bool:
    """Whether all expressions have Qiskit's values at two points of no special kind."""
    for shift in (0.1234, 0.5678):
        values = [(shift + k * math.sqrt(0.5)) % 1.0 for k in range(len(parameters))]
        at = dict(zip(parameters, values, strict=True))
        try:
            fast = evaluate(*values)
            slow = [_value(expression, at) for expression in expressions]
        except (ArithmeticError, ValueError, TypeError, RuntimeError):
            return False
        if not all(abs(a - b) <= 1e-13 * (1.0 + abs(b)) for a, b in zip(fast, slow, strict=True)):
            return False
    return True


def _value(expression: Any, at: dict[Any, float]) -> complex:
    free = getattr(expression, "parameters", ())
    return complex(expression.bind({p: at[p] for p in free}) if free else expression)
