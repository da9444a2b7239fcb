"""Warm kernels: they compute what plain ones do, look freshly started, and leave nothing behind. One server for all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tools.execute import Execution, Limits, execute, kernel_env
from tools.warm import WarmServer, available

pytestmark = pytest.mark.skipif(not available(), reason="forking TensorFlow is safe on Linux only")
REPOSITORY = Path(__file__).parents[1]
FIT = """import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
tf.config.experimental.enable_op_determinism()
images = np.random.rand(256, 12, 12, 1).astype("float32")
labels = np.random.randint(0, 10, 256)
layers = [keras.Input((12, 12, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
model = keras.Sequential([*layers, keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(32).map(lambda x, y: (x * 2, y), num_parallel_calls=4)
history = model.fit(data, epochs=2, shuffle=False, verbose=0)
print([float(loss).hex() for loss in history.history["loss"]])
print(float(np.linalg.svd(images[0, :, :, 0])[1].sum()).hex())
print(len(os.listdir("/proc/self/task")))"""
CLIENT = """import os

from tools.warm import WarmProcess

process = WarmProcess({0!r}, dict(argv=["-f", {0!r} + ".json"], cwd="/", env=dict(os.environ)))
print(process.pid, flush=True)
process.wait()"""
LINGER = "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])\nprint(os.getpid(), child.pid)"


@pytest.fixture(scope="module")
def server() -> Iterator[WarmServer]:
    with WarmServer() as server:
        server.wait()
        yield server


def notebook(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def run(server: WarmServer | None, tmp_path: Path, *sources: str, **env: str) -> Execution:
    base = kernel_env(REPOSITORY, "smoke") | env
    limits = Limits(cell=120, notebook=150)
    return execute(notebook(*sources), cwd=tmp_path, env=base, limits=limits, warm=server and server.address)


def printed(execution: Execution, cell: int = 0, stream: str = "stdout") -> str:
    outputs = execution.notebook.cells[cell].outputs
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == stream)


def gone(*pids: int) -> bool:
    """Whether the processes end within a few seconds."""
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_warm_and_plain_kernels_compute_the_same(server: WarmServer, tmp_path: Path) -> None:
    warm, plain = run(server, tmp_path, FIT), run(None, tmp_path, FIT)
    assert warm.reason == plain.reason == ""
    assert printed(warm).splitlines()[:2] == printed(plain).splitlines()[:2]
    assert int(printed(warm).splitlines()[2]) > 8  # TensorFlow started its threads
    assert printed(warm, stream="stderr") == ""
    assert warm.seconds < plain.seconds


def test_a_kernel_is_ready_soon_and_the_next_one_starts_afresh(server: WarmServer, tmp_path: Path) -> None:
    first = run(server, tmp_path, "import numpy as np\nx = 1\nprint(np.random.rand())")
    second = run(server, tmp_path, "import numpy as np\nprint(np.random.rand(), 'x' in globals())")
    assert min(first.ready_seconds, second.ready_seconds) < 3  # half a second on a quiet machine
    assert printed(second).split()[1] == "False"
    assert printed(first).split()[0] != printed(second).split()[0]


def test_environment_folder_and_path_are_the_requests(server: WarmServer, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    source = "import os, sys, beside\nprint(os.environ['COURSE_X'], os.getcwd(), beside.VALUE, 'tools' in sys.modules)"
    execution = run(server, tmp_path, source, COURSE_X="there")
    assert printed(execution).split() == ["there", str(tmp_path), "7", "False"]
    here = run(server, tmp_path, "import os\nprint('COURSE_X' in os.environ)\nimport utils\nprint(utils.__file__)")
    assert printed(here).split() == ["False", str(REPOSITORY / "utils" / "__init__.py")]


def test_pictures_and_output_of_c_code_reach_the_notebook(server: WarmServer, tmp_path: Path) -> None:
    figure = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    raw = (
        "import os, sys\nos.write(1, b'low\\n')\nos.write(2, b'error\\n')\nos.system('echo child')\nsys.stdout.flush()"
    )
    execution = run(server, tmp_path, figure, raw)
    assert "image/png" in execution.notebook.cells[0].outputs[0].data
    assert printed(execution, 1) == "low\nchild\n"
    assert printed(execution, 1, "stderr") == "error\n"


def test_the_end_of_a_kernel_is_told_as_it_was(server: WarmServer, tmp_path: Path) -> None:
    assert "exit code 7" in run(server, tmp_path, "import os\nos._exit(7)").reason
    assert "signal 11" in run(server, tmp_path, "import os\nos.kill(os.getpid(), 11)").reason


def test_nothing_survives_the_notebook(server: WarmServer, tmp_path: Path) -> None:
    execution = run(server, tmp_path, LINGER)
    assert gone(*map(int, printed(execution).split()))


def test_kernels_die_with_whoever_asked_for_them(server: WarmServer, tmp_path: Path) -> None:
    client = subprocess.Popen([sys.executable, "-c", CLIENT.format(server.address)], cwd=REPOSITORY, stdout=-1)
    assert client.stdout is not None
    pid = int(client.stdout.readline())
    os.kill(pid, 0)
    client.kill()
    client.wait()
    assert gone(pid)
    assert run(server, tmp_path, "print('still serving')").passed


def test_kernels_die_with_the_server(tmp_path: Path, server: WarmServer) -> None:
    """The last test: it kills the server in the roughest way."""
    client = subprocess.Popen([sys.executable, "-c", CLIENT.format(server.address)], cwd=REPOSITORY, stdout=-1)
    assert client.stdout is not None
    pid = int(client.stdout.readline())
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    assert gone(pid)
    assert client.wait(10) == 0
    assert "did not start" in run(server, tmp_path, "print(1)").reason
