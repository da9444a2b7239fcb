"""One look for every figure: readable from the back row, in print, on light pages and on dark ones.

Figures are white cards with dark text, so that they read the same on any page. Colours are Okabe and Ito's palette,
which colour-blind people can tell apart; lines also differ in dash, so that nothing depends on colour alone.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FIGURE_MIME = "application/vnd.course.figure+json"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#6B6B6B", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"
WIDTH = 9.0  # inches; at 100 dots per inch a figure is as wide as a notebook cell

STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "figure.figsize": (WIDTH, 4.2),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
    "legend.frameon": False,
    "legend.fontsize": 12,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
    "savefig.facecolor": "white",
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=DASHES),
}


def use_style() -> None:
    """Apply the house style; importing this module does it once."""
    mpl.rcParams.update(STYLE)


use_style()


def show(fig: Figure, caption: str, alt: str, colours: int | None = None) -> None:
    """Show a figure with its caption, store the alternative text beside the picture, and close the figure.

    A palette of `colours` (at most 256) makes a figure full of photographs two or three times smaller.
    """
    from IPython.display import display

    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", metadata={"Software": None}, pil_kwargs={"optimize": not colours})
    plt.close(fig)
    if colours:
        buffer = _with_palette(buffer, colours)
    png = base64.b64encode(buffer.getvalue()).decode("ascii")
    data = {"image/png": png, "text/plain": f"[Figure: {alt}]", FIGURE_MIME: {"caption": caption, "alt": alt}}
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)
    _caption(caption)


def _with_palette(png: io.BytesIO, colours: int) -> io.BytesIO:
    """The same picture with few colours, as a PNG."""
    from PIL import Image

    image = _quantized(Image.open(png).convert("RGB"), colours, Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer


def _quantized(image: Any, colours: int, method: Any) -> Any:
    """An RGB picture with few colours and without dots; white stays white."""
    from PIL import Image

    image = image.quantize(colours, method=method, dither=Image.Dither.NONE)
    image.putpalette([255 if value > 247 else value for value in image.getpalette() or ()])
    return image


def show_gif(
    frames: Sequence[np.ndarray],
    caption: str,
    alt: str,
    seconds_per_frame: float = 0.5,
    colours: int = 64,
    last_seconds: float | None = None,
) -> None:
    """Show uint8 pictures, grey or RGB, as an animation, for the few figures where time is the point.

    One palette of `colours` serves all frames; few colours make a small file. The last frame may stay longer.
    """
    from IPython.display import display

    first, *rest = _with_one_palette(frames, colours)
    durations = [int(1000 * seconds_per_frame)] * len(frames)
    durations[-1] = int(1000 * (last_seconds or seconds_per_frame))
    buffer = io.BytesIO()
    # what repeats in two frames is stored once (disposal 1)
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=True, disposal=1)
    gif = base64.b64encode(buffer.getvalue()).decode("ascii")
    data = {"image/gif": gif, "text/plain": f"[Animation: {alt}]", FIGURE_MIME: {"caption": caption, "alt": alt}}
    display(data, metadata={"image/gif": {"alt": alt}}, raw=True)
    _caption(caption)


def _with_one_palette(frames: Sequence[np.ndarray], colours: int) -> list[Any]:
    """The frames as pictures with the same few colours."""
    from PIL import Image

    pictures = [Image.fromarray(np.squeeze(frame)).convert("RGB") for frame in frames]
    together = Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures]))
    palette = _quantized(together, colours, Image.Quantize.MEDIANCUT)
    return [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]


def _caption(caption: str) -> None:
    from IPython.display import display

    display({"text/markdown": f"*{caption}*", "text/plain": caption}, raw=True)


def axes(columns: int = 1, rows: int = 1, height: float = 3.8, **options: Any) -> tuple[Figure, Any]:
    """A figure as wide as a cell with `rows × columns` axes."""
    return plt.subplots(rows, columns, figsize=(WIDTH, height * rows), **options)


def curves(
    series: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    *,
    x: Any = None,
    ax: Axes | None = None,
    title: str = "",
    log: str = "",
) -> Figure:
    """Lines by name; a two-dimensional entry (runs × steps) becomes its mean with a band of one standard deviation.

    The band ends where the runs end: without that a skewed spread would reach below zero, and off a logarithmic axis.
    """
    ax = plt.subplots()[1] if ax is None else ax
    for label, values in series.items():
        runs = np.atleast_2d(np.asarray(values, dtype=float))
        steps = np.arange(1, runs.shape[1] + 1) if x is None else np.asarray(x)
        mean = runs.mean(axis=0)
        (line,) = ax.plot(steps, mean, label=label)
        if len(runs) > 1:
            spread = runs.std(axis=0, ddof=1)
            low, high = np.maximum(mean - spread, runs.min(axis=0)), np.minimum(mean + spread, runs.max(axis=0))
            ax.fill_between(steps, low, high, color=line.get_color(), alpha=0.18, linewidth=0)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    _log_axes(ax, log)
    if len(series) > 1:
        ax.legend()
    return _figure_of(ax)


def name_points(ax: Axes, names: Sequence[str], spots: Any, colours: Sequence[str]) -> None:
    """Write each name beside its point, on the side where other points and names are farthest.

    Call it when all points are drawn: the room for a name depends on where the axes end.
    """
    fig = _figure_of(ax)
    fig.draw_without_rendering()  # only now the axes have their place and limits
    points = 72 / fig.dpi * ax.transData.transform(spots)  # in typographic points, as offsets below
    reach = np.array([30, 11])  # from a point to the middle of its name
    taken = list(points)
    for i, (name, spot, point, colour) in enumerate(zip(names, spots, points, colours, strict=True)):
        others = np.array(taken[:i] + taken[i + 1 :])
        sides = [np.array(side) for side in ((1, 0), (-1, 0), (0, -1), (0, 1))]
        room = [np.hypot(*((point + reach * side - others) / (2, 1)).T).min() for side in sides]  # names are flat
        x, y = sides[int(np.argmax(room))]
        taken.append(point + reach * (x, y))
        ha, va = ("center", "left", "right")[x], ("center", "bottom", "top")[y]
        ax.annotate(name, spot, (7 * x, 7 * y), textcoords="offset points", color=colour, fontsize=12, ha=ha, va=va)


def _log_axes(ax: Axes, log: str) -> None:
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")


def _figure_of(ax: Axes) -> Figure:
    fig = ax.get_figure()
    assert isinstance(fig, Figure)
    return fig


def image_grid(
    images: Any,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 8,
    cmap: str = "gray",
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Pictures in rows, each with a short title; `limits` puts all of them on one grey or colour scale."""
    pictures = [np.squeeze(np.asarray(image)) for image in images]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    side = WIDTH / columns
    height = rows * (side * pictures[0].shape[0] / pictures[0].shape[1] + (0.3 if titles else 0)) + (
        0.4 if title else 0
    )
    fig, grid = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
    low, high = limits if limits else (None, None)
    for index, ax in enumerate(grid.flat):
        ax.axis("off")
        if index < len(pictures):
            ax.imshow(pictures[index], cmap=cmap, vmin=low, vmax=high)
            if titles:
                ax.set_title(titles[index], fontsize=max(9, min(13, int(side * 9))), fontweight="normal")
    if title:
        fig.suptitle(title)
    return fig


def heatmap(
    values: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    xlabel: str = "",
    ylabel: str = "",
    unit: str = "",
    digits: int = 2,
    ax: Axes | None = None,
    cmap: str = SEQUENTIAL,
    limits: tuple[float, float] | None = None,
    write: bool = True,
    colourbar: bool = True,
) -> Figure:
    """A table of numbers as colours, with the numbers written in, on a stated scale.

    `colourbar=False` is for several heat maps that share one scale, or none.
    """
    matrix = np.asarray(values, dtype=float)
    if ax is None:
        fig = plt.figure(figsize=(WIDTH, max(3.0, 0.55 * len(rows) + 1.4)))
        ax = fig.add_subplot()
    low, high = limits if limits else (np.nanmin(matrix), np.nanmax(matrix))
    picture = ax.imshow(matrix, cmap=cmap, vmin=low, vmax=high, aspect="auto")
    ax.grid(False)
    ax.set_xticks(range(len(columns)), columns, rotation=35 if max(map(len, columns)) > 6 else 0)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if write:
        _write_numbers(ax, picture, matrix, digits)
    if colourbar:
        ax.figure.colorbar(picture, ax=ax, label=unit)
    return _figure_of(ax)


def _write_numbers(ax: Axes, picture: Any, matrix: np.ndarray, digits: int) -> None:
    """Each number in black or white, whichever its cell's colour lets one read."""
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            red, green, blue, _ = picture.cmap(picture.norm(value))
            ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
            ax.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color=ink, fontsize=11)


def confusion(matrix: Any, classes: Sequence[str], ax: Axes | None = None) -> Figure:
    """A confusion matrix in percent of each true class."""
    counts = np.asarray(matrix, dtype=float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    options = {"xlabel": "predicted class", "ylabel": "true class", "unit": "% of the true class", "digits": 0}
    return heatmap(percent, list(classes), list(classes), ax=ax, limits=(0, 100), **options)  # type: ignore[arg-type]


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str], caption: str = "") -> None:
    """Show a table that screen readers can read; the first column holds the row's name."""
    from IPython.display import display

    texts = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    display({"text/plain": _plain_table(texts, columns), "text/html": _html_table(texts, columns, caption)}, raw=True)


def _plain_table(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    lines = [list(columns), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _html_table(rows: Sequence[Sequence[str]], columns: Sequence[str], caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<table class="course-table">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
