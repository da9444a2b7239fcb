"""What instructors and graders run: `python -m tools <command>`."""
