"""Live progress of a run: one line per notebook on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

COLOURS = {"passed": "green", "failed": "red", "running": "cyan"}


@dataclass
class Line:
    """What is known of one notebook."""

    state: str = "waiting"
    cell: int = 0
    cells: int = 0
    begin: float = 0.0
    seconds: float = 0.0
    reason: str = ""

    def text(self) -> str:
        """The line after the name."""
        if self.state == "running":
            return f"running · cell {self.cell} of {self.cells} · {time.monotonic() - self.begin:.0f} s"
        if self.state in ("passed", "failed"):
            return f"{self.state} · {self.seconds:.1f} s" + (f" · {self.reason}" if self.reason else "")
        return self.state


class Progress:
    """Told of each change; use it as a context."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.lines = {name: Line() for name in names}
        self.width = max(map(len, names), default=0)
        self.live = Live(console=self.console, get_renderable=self._table, refresh_per_second=4, transient=False)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def running(self, name: str, cell: int, cells: int) -> None:
        """A notebook begins its k-th of n code cells."""
        line = self.lines[name]
        if line.state in ("passed", "failed"):
            return  # a message that was overtaken
        if line.state != "running":
            line.state, line.begin = "running", time.monotonic()
            self._plain(name, f"running · {cells} cells")
        line.cell, line.cells = cell, cells

    def finished(self, name: str, passed: bool, seconds: float, reason: str = "") -> None:
        """A notebook has ended."""
        line = self.lines[name]
        line.state, line.seconds, line.reason = "passed" if passed else "failed", seconds, reason.split("\n")[0]
        self._plain(name, line.text())

    def skipped(self, name: str) -> None:
        """A notebook need not run again."""
        self.lines[name].state = "skipped (unchanged)"
        self._plain(name, self.lines[name].text())

    def _plain(self, name: str, text: str) -> None:
        if not self.console.is_terminal:
            print(f"{name:<{self.width}}  {text}", flush=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, line in self.lines.items():
            table.add_row(name, f"[{COLOURS.get(line.state, 'dim')}]{line.text().replace('[', chr(92) + '[')}")
        return table
