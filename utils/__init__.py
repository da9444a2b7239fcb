"""What the lessons import: data, plots, metrics, checks, results and the runtime."""
