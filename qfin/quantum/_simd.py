"""Vectors of eight numbers as values in Numba, so that kernels say which loop runs in vector units and how.

LLVM does not vectorise loops over pairs of one array at a stride it cannot see; these few operations write the vector
code down. On machines with narrower units LLVM splits the eight lanes. Indices are not checked.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 8
_INDEX = ir.IntType(32)


class Lanes(types.Type):
    """Numba's type of eight floats."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


def _llvm_type(dtype: types.Float) -> ir.VectorType:
    return ir.VectorType(ir.DoubleType() if dtype.bitwidth == 64 else ir.FloatType(), WIDTH)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, _llvm_type(kind.dtype))


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    element = cgutils.gep_inbounds(builder, data, index)
    return builder.bitcast(element, _llvm_type(array_type.dtype).as_pointer())


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """Eight numbers of a contiguous array, from `index` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _address(context, builder, array, *args)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), generate


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write eight numbers into a contiguous array of floats or doubles, from `index` on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, numbers = _address(context, builder, array, *args[:2]), args[2]
        if value.dtype.bitwidth > array.dtype.bitwidth:
            numbers = builder.fptrunc(numbers, _llvm_type(array.dtype))
        builder.store(numbers, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


def _spread(context: Any, builder: Any, array: Any, signature: Any, number: Any) -> Any:
    kind = _llvm_type(array.dtype)
    number = context.cast(builder, number, signature.args[1], array.dtype)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _INDEX(0))
    zeros = ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)


def _signs(dtype: types.Float, bit: types.IntegerLiteral) -> Any:
    """1 in the lanes whose number has a bit, else -1."""
    signs = [1.0 if lane >> bit.literal_value & 1 else -1.0 for lane in range(WIDTH)]
    return ir.Constant(_llvm_type(dtype), signs)


@intrinsic
def splat(typing: Any, array: Any, value: Any) -> Any:
    """One number in all lanes, of the array's kind."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _spread(context, builder, array, signature, args[1])

    return Lanes(array.dtype)(array, types.float64), generate


@intrinsic
def signed(typing: Any, array: Any, value: Any, bit: Any) -> Any:
    """One number in all lanes, of the array's kind, negative in those whose number lacks a bit."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        spread = _spread(context, builder, array, signature, args[1])
        return builder.fmul(spread, _signs(array.dtype, bit))

    if isinstance(bit, types.IntegerLiteral):
        return Lanes(array.dtype)(array, types.float64, bit), generate
    raise RequireLiteralValue("the bit must be a literal")


def _fused(negative: bool) -> Any:
    @intrinsic
    def fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = args[0].type
            name = f"llvm.fmuladd.v{WIDTH}f{a.dtype.bitwidth}"
            function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
            return builder.call(function, [builder.fneg(args[0]) if negative else args[0], *args[1:]])

        return a(a, b, c), generate

    return fused


fma, fnma = (
    _fused(False),
    _fused(True),
)  # a * b + c and -a * b + c lane by lane, one step where the machine has one


@intrinsic
def floor(typing: Any, a: Any) -> Any:
    """Largest whole number below or equal, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        name = f"llvm.floor.v{WIDTH}f{a.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, args)

    return a(a), generate


def _exchange(bit: int) -> Any:
    @intrinsic
    def exchange(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            order = ir.Constant(ir.VectorType(_INDEX, WIDTH), [lane ^ bit for lane in range(WIDTH)])
            return builder.shuffle_vector(args[0], args[0], order)

        return a(a), generate

    return exchange


exchange1, exchange2, exchange4 = (
    _exchange(1),
    _exchange(2),
    _exchange(4),
)  # lane k and lane k ^ bit change places


def _sum(builder: Any, numbers: Any, dtype: types.Float) -> Any:
    """Sum of the lanes as a double: of the halves, of their halves, and so on."""
    if dtype.bitwidth < 64:
        numbers = builder.fpext(numbers, _llvm_type(types.float64))
    width = WIDTH
    while width > 1:
        width //= 2
        halves = [
            builder.shuffle_vector(
                numbers, numbers, ir.Constant(ir.VectorType(_INDEX, width), list(range(first, first + width)))
            )
            for first in (0, width)
        ]
        numbers = builder.fadd(*halves)
    return builder.extract_element(numbers, _INDEX(0))


@intrinsic
def total(typing: Any, a: Any) -> Any:
    """Sum of the lanes, as a double."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _sum(builder, args[0], a.dtype)

    return types.float64(a), generate


@intrinsic
def upper(typing: Any, a: Any, bit: Any) -> Any:
    """Sum of the lanes whose number has a bit, less that of the others, as a double."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _sum(builder, builder.fmul(args[0], _signs(a.dtype, bit)), a.dtype)

    if isinstance(bit, types.IntegerLiteral):
        return types.float64(a, bit), generate
    raise RequireLiteralValue("the bit must be a literal")


def _arithmetic(name: str) -> Any:
    @intrinsic
    def calculate(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return getattr(builder, name)(*args)

        return a(a, b), generate

    return calculate


def _define(symbol: Any, name: str) -> None:
    calculate = _arithmetic(name)

    @overload(symbol, strict=False)
    def _(a: Any, b: Any) -> Any:
        if isinstance(a, Lanes) and a == b:
            return lambda a, b: calculate(a, b)
        return None


for _symbol, _name in {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul"}.items():
    _define(_symbol, _name)
