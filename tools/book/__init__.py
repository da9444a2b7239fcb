"""The HTML book in build/book, from the committed notebooks as they stand: nothing is executed."""

from tools.book.command import add_arguments, main

__all__ = ["add_arguments", "main"]
