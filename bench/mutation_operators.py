"""The faults that bench.mutation puts into a module: cosmic-ray's operators that make sense here; one for numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import parso
from cosmic_ray.ast import is_number
from cosmic_ray.operators import boolean_replacer, break_continue, provider, unary_operator_replacement
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.zero_iteration_for_loop import ZeroIterationForLoop

_SWAPS = (("Add", "Sub"), ("Sub", "Add"), ("Mul", "Div"), ("Div", "Mul"), ("FloorDiv", "Mul"))
_FLIPS = (("Lt", "LtE"), ("LtE", "Lt"), ("Gt", "GtE"), ("GtE", "Gt"), ("Lt", "GtE"), ("Gt", "LtE"), ("Eq", "NotEq"))
_FLIPS_TOO = (("NotEq", "Eq"), ("Is", "IsNot"), ("IsNot", "Is"))


class NumberMover(Operator):  # type: ignore[misc]
    """Moves a small number by one either way; halves and doubles one of which a unit is too little to mean anything."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple[object, object]]:
        if is_number(node):
            yield from [(node.start_pos, node.end_pos)] * 2

    def mutate(self, node: parso.tree.NodeOrLeaf, index: int) -> parso.tree.NodeOrLeaf:
        value = ast.literal_eval(node.value)
        if abs(value) > 4 or (isinstance(value, float) and value not in (0.0, 1.0)):
            moved = (value / 2 if isinstance(value, float) else value // 2, value * 2)[index]
        else:
            moved = value + (1, -1)[index]
        return parso.python.tree.Number(f" {moved}" if moved >= 0 else f" ({moved})", node.start_pos)

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def operators() -> list[Operator]:
    """Every kind of fault."""
    named = provider._OPERATORS
    swaps = [f"ReplaceBinaryOperator_{a}_{b}" for a, b in _SWAPS]
    flips = [f"ReplaceComparisonOperator_{a}_{b}" for a, b in (*_FLIPS, *_FLIPS_TOO)]
    return [
        NumberMover(),
        *(named[name]() for name in (*swaps, *flips)),
        boolean_replacer.AddNot(),
        boolean_replacer.ReplaceAndWithOr(),
        boolean_replacer.ReplaceOrWithAnd(),
        boolean_replacer.ReplaceTrueWithFalse(),
        boolean_replacer.ReplaceFalseWithTrue(),
        break_continue.ReplaceBreakWithContinue(),
        break_continue.ReplaceContinueWithBreak(),
        unary_operator_replacement.ReplaceUnaryOperator_Delete_Not(),
        unary_operator_replacement.ReplaceUnaryOperator_USub_UAdd(),
        ZeroIterationForLoop(),
    ]
