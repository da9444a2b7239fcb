"""Runtime, results, metrics, plots and resuming: what every lesson leans on."""

import base64
import functools
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from utils import bands, metrics, plots, results, resume, runtime

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as (data, metadata)."""
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata=None, raw=True: seen.append((data, metadata)))
    return seen


# --- runtime


def run_profile(monkeypatch, name):
    monkeypatch.setenv("COURSE_PROFILE", name)
    variables = {"EPOCHS": 20, "SEEDS": 5, "runtime": runtime}
    exec("runtime.profile(in_class=dict(EPOCHS=4), smoke=dict(EPOCHS=1, SEEDS=2))", variables)
    return variables["EPOCHS"], variables["SEEDS"]


@pytest.mark.parametrize(("name", "values"), [("full", (20, 5)), ("class", (4, 5)), ("", (4, 5)), ("smoke", (1, 2))])
def test_profiles_change_the_parameters(monkeypatch, capsys, name, values):
    assert run_profile(monkeypatch, name) == values
    assert (name or "class") in capsys.readouterr().out


def test_a_misspelt_profile_or_parameter_is_an_error(monkeypatch):
    with pytest.raises(ValueError, match="class, full, smoke"):
        run_profile(monkeypatch, "fulll")
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    with pytest.raises(NameError, match="EPOCH"):
        exec("runtime.profile(smoke=dict(EPOCH=1))", {"runtime": runtime})


def test_a_scratch_folder_is_new_and_gone_when_the_process_ends(tmp_path, monkeypatch):
    code = (
        "from utils import runtime; a, b = runtime.scratch('x'), runtime.scratch('x'); (a / 'f').touch(); print(a, b)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    first, second = map(Path, done.stdout.split())
    assert first != second
    assert first.parent == second.parent == ROOT / "build"
    assert [folder for folder in (first, second) if folder.exists()] == []
    monkeypatch.setattr(runtime, "LESSONS", tmp_path / "utils" / "lessons.json")
    kept = runtime.scratch("x")
    os.utime(kept, (0, 0))  # left behind long ago
    assert runtime.scratch("y").exists()
    assert kept.exists()
    assert runtime.scratch("x").exists()
    assert not kept.exists()
    (tmp_path / "file").touch()
    monkeypatch.setattr(runtime, "LESSONS", tmp_path / "file" / "utils" / "lessons.json")  # no folder can be made there
    folder = runtime.scratch("x")
    assert folder.is_dir()
    assert tmp_path not in folder.parents


def test_starting_is_quiet_seeded_and_deterministic():
    """In a process of its own: one line on stdout, nothing on stderr, the same random numbers for the same seed."""
    code = (
        "from utils import runtime; import tensorflow as tf, numpy as np, keras\n"
        "runtime.start('02', seed=3)\n"
        "print(float(tf.random.uniform([])), np.random.rand(), float(keras.random.normal([])))\n"
        "print(tf.config.threading.get_inter_op_parallelism_threads(), 'operation at a time')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        for _ in range(2)
    ]
    assert done[0].stderr == ""
    assert done[0].stdout.count("\n") == 3
    assert done[0].stdout == done[1].stdout
    assert "1 operation at a time" in done[0].stdout  # with two, sums of gradients differ from run to run
    assert "TensorFlow 2." in done[0].stdout


@pytest.mark.parametrize(
    ("operations", "threads", "expected"), [(1, "", (1, 0)), (2, "", (2, 0)), (2, "4", (2, 4)), (2, "1", (1, 1))]
)
def test_a_lesson_may_ask_for_two_operations_at_a_time(monkeypatch, operations, threads, expected):
    """A grader's limit comes first."""
    import tensorflow as tf

    asked = {}
    for name in ("inter", "intra"):
        monkeypatch.setattr(
            tf.config.threading, f"set_{name}_op_parallelism_threads", functools.partial(asked.__setitem__, name)
        )
    monkeypatch.setattr("threadpoolctl.threadpool_limits", functools.partial(asked.__setitem__, "matrices"))
    monkeypatch.setenv("COURSE_THREADS", threads)
    runtime._limit_threads(operations)
    assert (asked["inter"], asked["intra"]) == expected
    assert asked.get("matrices", 0) == expected[1]


# --- results


def test_a_result_is_stored_for_the_tools(shown, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "full")
    monkeypatch.setattr(
        runtime, "lesson_facts", lambda: {"expected": {"error": [0, "inf"]}, "published": {"error": "7"}}
    )
    results.record("error", np.float32(0.5))
    data, _ = shown[0]
    assert data[results.RESULT_MIME] == {"name": "error", "value": 0.5}
    assert "≥ 0" in data["text/plain"]
    assert "inside" in data["text/plain"]
    assert "7" in data["text/html"]


def test_a_result_that_is_no_number_is_never_inside(shown):
    results.record("error", float("nan"))
    assert shown[0][0][results.RESULT_MIME]["value"] is None
    assert not bands.inside(None, [0, 1])
    assert not bands.inside(float("nan"), [0, "inf"])
    assert bands.inside(1, [0, 1])
    assert not bands.inside(1.01, [0, 1])


@pytest.mark.parametrize(
    ("band", "text"),
    [
        ((0.9, 0.93), "0.9 – 0.93"),
        ((0, 8), "≤ 8"),
        ((10, float("inf")), "≥ 10"),
        ((10, "inf"), "≥ 10"),
        ((6, 6), "exactly 6"),
    ],
)
def test_bands_are_readable(band, text):
    assert bands.band_text(band) == text


# --- metrics


def test_means_and_intervals():
    assert metrics.mean_sd([1, 2, 3], 1) == "2.0 ± 1.0"
    assert metrics.mean_sd([0.5], 1, scale=100) == "50.0"
    low, high = metrics.confidence_interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))
    assert np.isnan(metrics.confidence_interval([1.0])).all()


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [low < 0 < high for low, high in (metrics.confidence_interval(rng.normal(size=5)) for _ in range(2000))]
    assert 0.93 < np.mean(covered) < 0.97


def test_paired_differences_and_confusions():
    mean, error = metrics.paired_difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert mean == 2
    assert error == pytest.approx(1 / 3**0.5)
    matrix = metrics.confusion_matrix([0, 0, 1], [0, 1, 1], 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_classes_are_predicted_in_inference_mode_batch_by_batch():
    asked = []

    def model(images, training):
        asked.append((len(images), training))
        return images

    scores = np.eye(3)[[2, 0, 1, 1, 2]]
    scores[4] = np.nan
    assert metrics.classify(model, scores, batch=2).tolist() == [2, 0, 1, 1, 0]
    assert asked == [(2, False), (2, False), (1, False)]


def sample_of(mean, covariance, rows=400, seed=0):
    """Rows whose mean and covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(rows, len(mean)))
    x -= x.mean(axis=0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return white @ np.linalg.cholesky(np.asarray(covariance)).T + mean


def test_the_frechet_distance_of_two_gaussians_has_a_closed_form():
    # independent features: squared distances of the means and of the standard deviations
    means, deviations = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, -2.0]]), np.array([[1.0, 2.0, 0.5], [3.0, 0.1, 0.5]])
    samples = [
        sample_of(mean, np.diag(sd**2), seed=i) for i, (mean, sd) in enumerate(zip(means, deviations, strict=True))
    ]
    closed = ((means[0] - means[1]) ** 2).sum() + ((deviations[0] - deviations[1]) ** 2).sum()
    assert metrics.frechet_distance(*samples) == pytest.approx(closed)
    # covariances that do not commute: in the plane the trace of a root is sqrt(trace + 2 sqrt(determinant))
    first, second = np.array([[2.0, 0.9], [0.9, 0.5]]), np.array([[1.0, -0.6], [-0.6, 3.0]])
    product = first @ second
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    closed = 25 + np.trace(first) + np.trace(second) - 2 * root
    samples = [sample_of([0.0, 0.0], first), sample_of([3.0, -4.0], second, seed=1)]
    assert metrics.frechet_distance(*samples) == pytest.approx(closed)
    assert metrics.frechet_distance(*samples[::-1]) == pytest.approx(closed)


def test_generated_images_are_scored_for_likeness_confidence_and_variety():
    features = np.random.default_rng(0).normal(size=(100, 3))
    sure, unsure = [0.95, 0.05, 0.0], [0.1, 0.2, 0.7]
    found = metrics.generation_scores(features, np.array([sure] * 50 + [sure[::-1]] + [unsure] * 49), features)
    assert found["fid"] == pytest.approx(0, abs=1e-6)
    assert found["confident"] == pytest.approx(0.51)
    assert found["covered"] == 1  # the last class has a single image that is surely of it
    assert found["effective"] == pytest.approx(2)
    assert metrics.generation_scores(features, np.array([sure] * 100), features)["effective"] == pytest.approx(1)


def test_the_frechet_distance_survives_singular_covariances_and_large_means():
    few = np.random.default_rng(0).normal(size=(5, 40))  # fewer rows than features
    assert metrics.frechet_distance(few, few) == pytest.approx(0, abs=1e-5)
    assert metrics.frechet_distance(few, few + 1e4) == pytest.approx(40e8, rel=1e-9)
    constant = np.zeros((5, 40))
    assert metrics.frechet_distance(constant, few) == pytest.approx(
        (few.mean(axis=0) ** 2).sum() + few.var(axis=0, ddof=1).sum()
    )
    assert metrics.frechet_distance([[0.0], [2.0]], [[3.0], [5.0]]) == pytest.approx(9)
    few[0, 0] = np.nan
    assert np.isnan(metrics.frechet_distance(few, constant))
    with pytest.raises(ValueError, match="same features"):
        metrics.frechet_distance(constant, constant[:, :3])


# --- plots


def test_a_figure_carries_caption_and_alternative_text(shown):
    fig = plots.curves({"a": np.random.default_rng(0).normal(size=(3, 5)), "b": np.arange(5)}, "epoch", "loss")
    plots.show(fig, "A caption.", "An alternative text.")
    (picture, metadata), (caption, _) = shown
    png = base64.b64decode(picture["image/png"])
    assert png.startswith(b"\x89PNG")
    assert len(png) < 100_000
    assert metadata == {"image/png": {"alt": "An alternative text."}}
    assert picture[plots.FIGURE_MIME] == {"caption": "A caption.", "alt": "An alternative text."}
    assert caption["text/markdown"] == "*A caption.*"
    assert plt.get_fignums() == []


def test_the_same_figure_is_the_same_bytes(shown):
    for _ in range(2):
        plots.show(plots.image_grid(np.eye(8)[None].repeat(3, 0), ["a", "b", "c"]), "Grid.", "Three diagonals.")
    assert shown[0][0]["image/png"] == shown[2][0]["image/png"]


def test_a_palette_makes_a_figure_of_pictures_smaller_and_keeps_the_card_white(shown):
    noise = np.random.default_rng(0).uniform(size=(4, 32, 32, 3))
    for colours in (None, 64):
        plots.show(plots.image_grid(noise), "Noise.", "Four squares of noise.", colours)
    whole, few = (base64.b64decode(shown[i][0]["image/png"]) for i in (0, 2))
    assert len(few) < 0.7 * len(whole)
    picture = Image.open(io.BytesIO(few))
    assert len(picture.getcolors()) <= 64
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_bands_stay_within_the_runs():
    ax = plots.axes()[1]
    plots.curves({"skewed": [[1.0], [1.0], [100.0]]}, "x", "y", ax=ax, log="y")
    low, high = (
        ax.collections[0].get_paths()[0].vertices[:, 1].min(),
        ax.collections[0].get_paths()[0].vertices[:, 1].max(),
    )
    assert low >= 1
    assert high <= 100
    plt.close("all")


def test_names_of_points_do_not_touch() -> None:
    fig, ax = plots.axes()
    spots = np.array([[0, 0], [0.1, 0.02], [0.2, 0], [0.05, -0.12], [1, 1]])
    ax.plot(*spots.T, "o")
    plots.name_points(ax, ["london", "tokyo", "ottawa", "stockholm", "cairo"], spots, ["black"] * 5)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 5
    assert all(one.count_overlaps(boxes) == 1 for one in boxes)  # itself only
    assert all(not box.contains(*point) for box in boxes for point in ax.transData.transform(spots))


def test_line_colours_differ_in_lightness_or_dash():
    styles = [(entry["color"], str(entry["linestyle"])) for entry in plots.STYLE["axes.prop_cycle"]]
    assert len(set(styles)) == len(styles) == 8


def test_heatmaps_and_confusions_are_labelled(shown):
    fig = plots.confusion([[8, 2], [0, 0]], ["cat", "dog"])
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert texts == ["80", "20", "0", "0"]
    assert fig.axes[0].get_xlabel() == "predicted class"
    plt.close("all")


def test_heatmaps_can_share_one_colour_bar():
    fig, (left, right) = plots.axes(columns=2)
    plots.heatmap([[1, 2]], ["a"], ["b", "c"], ax=left, colourbar=False)
    assert fig.axes == [left, right]
    plots.heatmap([[1, 2]], ["a"], ["b", "c"], ax=right)
    assert len(fig.axes) == 3
    plt.close("all")


def test_tables_are_readable_as_text_and_as_html(shown):
    plots.table([["a<b", 0.123456], ["c", "x"]], ["name", "value"], "Title")
    data, _ = shown[0]
    assert data["text/plain"].splitlines()[1].split() == ["a<b", "0.1235"]
    assert '<th scope="row">a&lt;b</th>' in data["text/html"]
    assert "<caption>Title</caption>" in data["text/html"]


def test_animations_are_small_say_what_they_show_and_keep_white(shown):
    frames = [np.full((28, 28), value, np.uint8) for value in (0, 128, 255)]
    plots.show_gif(frames, "Caption.", "Alt.", 0.25, last_seconds=2)
    (picture, metadata), (caption, _) = shown
    gif = base64.b64decode(picture["image/gif"])
    assert len(gif) < 2000
    assert metadata == {"image/gif": {"alt": "Alt."}}
    assert picture[plots.FIGURE_MIME] == {"caption": "Caption.", "alt": "Alt."}
    assert caption["text/markdown"] == "*Caption.*"
    seen = []
    with Image.open(io.BytesIO(gif)) as film:
        for index in range(film.n_frames):
            film.seek(index)
            seen.append((film.convert("RGB").getpixel((5, 5)), film.info["duration"]))
    assert seen == [((0, 0, 0), 250), ((128, 128, 128), 250), ((255, 255, 255), 2000)]


def test_few_colours_make_an_animation_smaller(shown):
    frames = np.random.default_rng(0).integers(0, 256, size=(4, 40, 40, 3), dtype=np.uint8)
    for colours in (64, 8):
        plots.show_gif(frames, "Noise.", "Four squares of noise.", colours=colours)
    many, few = (len(base64.b64decode(shown[i][0]["image/gif"])) for i in (0, 2))
    assert few < 0.7 * many


# --- resuming


def work_that_stops_at(limit, calls):
    def work(key):
        calls.append(key)
        if len(calls) > limit:
            raise KeyboardInterrupt
        return {"square": key**2, "many": np.arange(key)}

    return work


def test_interrupted_work_goes_on_where_it_stopped(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    first, second, third = [], [], []
    with pytest.raises(KeyboardInterrupt):
        resume.pieces("demo", [1, 2, 3, 4], work_that_stops_at(2, first), {"E": 1})
    found = resume.pieces("demo", [1, 2, 3, 4], work_that_stops_at(9, second), {"E": 1})
    assert second == [3, 4]
    assert [int(found[key]["square"]) for key in (1, 2, 3, 4)] == [1, 4, 9, 16]
    assert found[3]["many"].tolist() == [0, 1, 2]
    assert "2 of 4" in capsys.readouterr().out
    resume.pieces("demo", [1, 2, 3, 4], work_that_stops_at(9, third), {"E": 1})
    assert third == [1, 2, 3, 4], "finished work must be done anew, or a second run would prove nothing"


def test_pieces_can_be_worked_on_side_by_side(monkeypatch, tmp_path):
    """Each waits for another one; results come in the order of the keys; what fails leaves the others finished."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    meeting, calls = threading.Barrier(2), []

    def work(key):
        calls.append(key)
        if len(calls) <= 2:
            meeting.wait(timeout=30)
        if key == stops_at:
            raise ValueError(key)
        return {"square": key**2}

    stops_at = 2
    with pytest.raises(ValueError, match="2"):
        resume.pieces("demo", [2, 1], work, {}, at_once=2)
    stops_at = None
    found = resume.pieces("demo", [2, 1], work, {}, at_once=2)
    assert list(found) == [2, 1]
    assert int(found[2]["square"]) == 4
    assert sorted(calls) == [1, 2, 2]


def test_other_settings_start_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    calls = []
    with pytest.raises(KeyboardInterrupt):
        resume.pieces("demo", [1, 2], work_that_stops_at(1, []), {"E": 1})
    resume.pieces("demo", [1, 2], work_that_stops_at(9, calls), {"E": 2})
    assert calls == [1, 2]


class Weight:
    """As much of a Keras variable as resuming needs."""

    value = 1.0

    def assign(self, value):
        self.value = float(value)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value)


def train_in_stages(stop_at=None):
    """Three stages of a pretended training, each of which depends on the one before."""
    weight = Weight()

    def work(stage):
        if stage == stop_at:
            raise KeyboardInterrupt
        weight.assign(2 * weight.value + stage)
        return {"loss": 1 / weight.value}

    found = resume.stages("stages", 3, work, lambda: [weight], {})
    return weight.value, [float(stage["loss"]) for stage in found]


def test_a_training_that_was_interrupted_goes_on_from_its_last_stage(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    whole = train_in_stages()
    for stop in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            train_in_stages(stop_at=stop)
    capsys.readouterr()
    assert train_in_stages() == whole == (12.0, [1 / 2, 1 / 5, 1 / 12])
    assert "2 of 3 stages" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.npz"))


def test_an_unwritable_cache_costs_the_resuming_only(monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", "/proc/nowhere")
    assert int(resume.pieces("demo", [3], work_that_stops_at(9, []), {})[3]["square"]) == 9
    assert train_in_stages()[0] == 12.0
