"""The innermost step: the scaled exponents of one point against a leaf of 64 others.

A *leaf* holds 64 points of a cloud, coordinate by coordinate: ``leaf[l, k]`` is coordinate l of point k. The engine
spends nearly all its time in ``exponents``, so it is written in LLVM vectors: it takes 0.6 ns per pair at 25
dimensions, and the same arithmetic takes 3 to 12 ns if left to numba's loop vectoriser. Distances are sums of squared
differences rather than |x|² + |y|² − 2xy. This costs the same on current cores, and coincident points are exactly 0
apart instead of √(rounding) apart, which would decide everything at a small epsilon.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped, unused-ignore]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LEAF = 64  # points per leaf: four registers of sixteen floats, enough to hide the latency of additions
_WIDTH = 16  # lanes of one LLVM vector; machines with narrower registers split it


@intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
def exponents(typingctx: Any, x: Any, leaf: Any, shift: Any, row: Any, scale: Any, squared: Any, out: Any) -> Any:
    """``out[k] = row + shift[k] − scale · cost(x, leaf[:, k])`` for the 64 points of a leaf; returns the maximum.

    x ``(T,)``, leaf ``(T, 64)``, shift and out ``(64,)``, contiguous and of one floating type, as are the scalars
    row and scale; ``squared`` selects the squared Euclidean cost. For compiled code only.
    """
    scalar = x.dtype
    signature = scalar(x, leaf, shift, scalar, scalar, types.boolean, out)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = LEAF // _WIDTH
        number = context.get_value_type(scalar)
        vector = ir.VectorType(number, _WIDTH)
        index = ir.IntType(64)
        bytes_ = 4 if scalar == types.float32 else 8
        flags = ("contract", "nsz")
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
            if isinstance(kind, types.Array)
        ]
        point, points, shifts, result = arrays
        dimensions = cgutils.unpack_tuple(builder, points.shape)[0]

        def broadcast(value: Any) -> Any:
            first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), _WIDTH), [0] * _WIDTH)
            return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)

        def at(pointer: Any, offset: Any) -> Any:
            return builder.bitcast(builder.gep(pointer, [offset]), vector.as_pointer())

        def load(pointer: Any, offset: Any) -> Any:
            value = builder.load(at(pointer, offset))
            value.align = bytes_
            return value

        # sums of squares over the dimensions, four accumulators side by side
        entry = builder.block
        loop, done = builder.append_basic_block("dimensions"), builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed(">", dimensions, ir.Constant(index, 0)), loop, done)
        zero = ir.Constant(vector, [0.0] * _WIDTH)
        builder.position_at_end(loop)
        dimension = builder.phi(index)
        sums = [builder.phi(vector) for _ in range(vectors)]
        coordinate = broadcast(builder.load(builder.gep(point.data, [dimension])))
        start = builder.mul(dimension, ir.Constant(index, LEAF))
        grown = []
        for part, total in enumerate(sums):
            values = load(points.data, builder.add(start, ir.Constant(index, part * _WIDTH)))
            difference = builder.fsub(values, coordinate, flags=flags)
            grown.append(builder.fadd(total, builder.fmul(difference, difference, flags=flags), flags=flags))
        following = builder.add(dimension, ir.Constant(index, 1))
        for phi, initial, value in [(dimension, ir.Constant(index, 0), following)] + [
            (total, zero, value) for total, value in zip(sums, grown, strict=True)
        ]:
            phi.add_incoming(initial, entry)
            phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", following, dimensions), loop, done)

        # exponents and their maximum
        builder.position_at_end(done)
        totals = []
        for value in grown:
            total = builder.phi(vector)
            total.add_incoming(zero, entry)
            total.add_incoming(value, loop)
            totals.append(total)
        _, _, _, row_value, scale_value, squared_value, _ = arguments
        rows, scales = broadcast(row_value), broadcast(scale_value)
        name = f"llvm.sqrt.v{_WIDTH}f{8 * bytes_}"
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector]), name)

        def larger(first: Any, second: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", first, second, flags=("nsz",)), first, second)

        is_squared = builder.trunc(squared_value, ir.IntType(1)) if squared_value.type.width > 1 else squared_value
        best = None
        for part, total in enumerate(totals):
            offset = ir.Constant(index, part * _WIDTH)
            cost = builder.select(is_squared, total, builder.call(root, [total]))
            base = builder.fadd(rows, load(shifts.data, offset), flags=flags)
            value = builder.fsub(base, builder.fmul(scales, cost, flags=flags), flags=flags)
            stored = builder.store(value, at(result.data, offset))
            stored.align = bytes_
            best = value if best is None else larger(best, value)
        width = _WIDTH
        while width > 1:
            width //= 2
            half = ir.Constant(
                ir.VectorType(ir.IntType(32), _WIDTH), [(lane + width) % _WIDTH for lane in range(_WIDTH)]
            )
            best = larger(best, builder.shuffle_vector(best, best, half))
        return builder.extract_element(best, ir.Constant(ir.IntType(32), 0))

    return signature, codegen


@intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
def lanes_above(typingctx: Any, values: Any, floors: Any, floor: Any) -> Any:
    """A 64-bit mask of the lanes with ``values[k] > min(floor, floors[k])``.

    values and floors ``(64,)`` of one floating type. Visiting the few set bits is cheaper than 64 comparisons.
    """
    scalar = values.dtype
    signature = types.uint64(values, floors, scalar)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(context.get_value_type(scalar), _WIDTH)
        word, index = ir.IntType(64), ir.IntType(64)
        first, second = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
        )
        lane = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), _WIDTH), [0] * _WIDTH)
        common = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), zeros)
        mask = ir.Constant(word, 0)
        for part in range(LEAF // _WIDTH):
            parts = []
            for pointer in (first, second):
                place = builder.gep(pointer, [ir.Constant(index, part * _WIDTH)])
                loaded = builder.load(builder.bitcast(place, vector.as_pointer()))
                loaded.align = 4 if scalar == types.float32 else 8
                parts.append(loaded)
            lowest = builder.select(builder.fcmp_ordered("<", parts[1], common), parts[1], common)
            bits = builder.bitcast(builder.fcmp_ordered(">", parts[0], lowest), ir.IntType(_WIDTH))
            shifted = builder.shl(builder.zext(bits, word), ir.Constant(word, part * _WIDTH))
            mask = builder.or_(mask, shifted)
        return mask

    return signature, codegen


@intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
def lowest_bit(typingctx: Any, mask: Any) -> Any:
    """The position of the lowest set bit of a 64-bit mask other than zero."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic  # type: ignore[misc, untyped-decorator, unused-ignore]
def prefetch(typingctx: Any, values: Any, place: Any) -> Any:
    """Ask for the cache line of ``values[place]`` ahead of its use; a hint that may lie past the end of the array."""
    signature = types.void(values, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, text = ir.IntType(32), ir.IntType(8).as_pointer()
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        hint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [text, number, number, number]), "llvm.prefetch.p0i8"
        )
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), text)
        builder.call(hint, [address, *(ir.Constant(number, value) for value in (0, 2, 1))])  # read, second level, data
        return context.get_dummy_value()

    return signature, codegen
