"""The one exception of the data layer: a sentence that a student can act on."""

from __future__ import annotations


class DataError(RuntimeError):
    """Data that cannot be had or trusted: says what, where, expected and found, and what to do."""

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        expected: str = "",
        found: str = "",
        todo: str = "",
        passing: bool = False,
    ) -> None:
        self.problem, self.where, self.expected, self.found, self.todo = problem, where, expected, found, todo
        self.passing = passing  # worth another try in a moment
        sentence = problem + (f" ({where})" if where else "")
        if expected or found:
            sentence += f": expected {expected}, found {found}"
        sentence += f"; {todo}" if todo else ""
        super().__init__(sentence if sentence.endswith("?") else f"{sentence}.")

    def _render_traceback_(self) -> list[str]:
        """In a notebook the sentence stands alone: the stack is ours, and shows absolute paths."""
        return [f"DataError: {self}"]


class UnwritableError(DataError):
    """The cache cannot be written: full, read-only or gone. What needs no disk goes on without it."""
