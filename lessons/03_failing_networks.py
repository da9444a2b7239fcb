# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   course:
#     title: "Failing networks: diagnosis before treatment"
#     minutes: {class: 3, full: 5}
#     summary: Five broken trainings read from TensorBoard, each cured by one change; tf.data in the right order.
#     data: [mnist]
#     expected:
#       fixed_worst_test_accuracy: [0.94, 0.99]
#       noise_free_test_accuracy: [0.95, 0.99]
#       double_softmax_loss_floor: [1.460, 1.462]
#     points: {dead_share: 1, log_step: 3, diagnose: 2, repair: 2, predict: 2, training_pipeline: 2, epoch_seconds: 1}
# ---

# %% [markdown]
# # Failing networks: diagnosis before treatment
#
# A network that does not learn raises no error. In this lesson you break five trainings on purpose, write down what happens inside them, name each fault from its traces, and cure each with a single change.

# %% [markdown]
# **You will**
#
# - write scalars, histograms, images and gradient norms to TensorBoard's event files, also when they are not numbers any more;
# - read five broken trainings from these files, and name each fault before you touch a setting;
# - repair each one with one change, and tell a cure from a painkiller;
# - predict what `shuffle`, `batch` and `repeat` do in each of their six orders;
# - measure what `prefetch`, `cache` and parallel `map` buy, against a formula.

# %% [markdown] tags=["notes"]
# **Plan, 90 minutes:** patients and log 15, five dashboards 25, diagnosis and repair 20, `tf.data` 20, speed 10. In the class profile the notebook runs in three minutes.
#
# **Ask first:** your loss does not fall. What do you do? Count how many say "another learning rate". Come back to that number after the table of painkillers.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, runtime

import os
import tempfile
import time
from itertools import pairwise, permutations
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorboard import notebook as tensorboard_page
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

runtime.start("03", seed=0)

# %% [markdown]
# ## Parameters
#
# All networks share steps, batch size and units. What differs between them stands in their recipes, further down.

# %% tags=["parameters"]
LIMIT = None  # use only so many training images (None: all)
VALIDATION = 5000  # training images set aside for choices
UNITS = 100  # units in each hidden layer
STEPS = 2000  # training steps of every network
BATCH_SIZE = 100
LOG_EVERY = 100  # steps from one record to the next, after the first few
SEEDS = 3  # repetitions of every network
OPEN_TENSORBOARD = False  # True: open the dashboards inside JupyterLab
PICTURES = 320  # elements in the timing experiment
READ_SECONDS = 0.002  # pretended wait for one element
TRAIN_SECONDS = 0.03  # pretended training step on an accelerator
REPEATS = 3  # timings of each pipeline

runtime.profile(
    in_class=dict(SEEDS=2),
    smoke=dict(LIMIT=2000, VALIDATION=500, STEPS=400, LOG_EVERY=400, SEEDS=1, PICTURES=64, REPEATS=1),
)

# %% [markdown]
# ## The data
#
# MNIST: 28 × 28 grey pixels, ten digits. We cut validation images from the training set, scale pixels to 0–1, and leave the test images alone until the end.


# %%
def scaled(split):
    return split.images.astype("float32") / 255, split.labels


mnist = data.load("mnist")
rest, valid = mnist.train.take(LIMIT).hold_out(VALIDATION, seed=0)
(x_train, y_train), (x_valid, y_valid) = scaled(rest), scaled(valid)
most_frequent = np.bincount(y_train).argmax()
print(f"{len(rest)} training, {len(valid)} validation, {len(mnist.test)} test images")
print(f"always saying {most_frequent} is right for {np.mean(y_valid == most_frequent):.2%} of the validation images")

# %% [markdown]
# ## Five patients
#
# Networks **A** to **E** follow five *recipes*. A recipe is a dictionary: number of hidden layers (`depth`), activation, how weights are drawn (`weights`: uniform between two numbers, or the name of a Keras initialiser), batch normalisation or not, noise on the training images (standard deviation), what the output layer applies, and the learning rate (`rate`).
#
# Do not study the recipes yet. A doctor examines the patient first.

# %%
BASE = dict(depth=8, activation="relu", weights=(-0.1, 0.1), normalise=False, noise=0.0, output="linear", rate=0.1)
BROKEN = {
    "A": BASE | dict(weights=(-0.4, 0.4)),
    "B": BASE | dict(activation="sigmoid"),
    "C": BASE | dict(depth=3, weights=(-0.2, 0.0)),
    "D": BASE | dict(depth=2, noise=4.0),
    "E": BASE | dict(depth=2, activation="tanh", weights="GlorotUniform", output="softmax"),
}

# %% [markdown]
# One function builds every network. Two recipes differ in what they say, and in nothing else.


# %% tags=["helper"]
def initializer(weights, seed):
    """A uniform initialiser for a pair of numbers, else the one of Keras with this name."""
    if isinstance(weights, str):
        return getattr(keras.initializers, weights)(seed=seed)
    return keras.initializers.RandomUniform(*weights, seed=seed)


def build(recipe, seed):
    """The network of a recipe: dense layers dense1, dense2 …, their outputs hidden1, hidden2 …, then ten scores."""
    images = keras.Input((28, 28, 1))
    h = layers.Flatten()(images)
    for number in range(1, recipe["depth"] + 1):
        weights = initializer(recipe["weights"], 100 * seed + number)
        h = layers.Dense(UNITS, kernel_initializer=weights, name=f"dense{number}")(h)
        if recipe["normalise"]:
            h = layers.BatchNormalization(momentum=0.9)(h)
        h = layers.Activation(recipe["activation"], name=f"hidden{number}")(h)
    weights = initializer(recipe["weights"], 100 * seed)
    scores = layers.Dense(10, activation=recipe["output"], kernel_initializer=weights, name="scores")(h)
    return keras.Model(images, scores)


# %% [markdown]
# The loss is the usual one for ten classes: softmax and cross-entropy in one safe step. It expects raw scores (*logits*).


# %% tags=["helper"]
def loss_of(labels, scores):
    """Mean cross-entropy; softmax is applied to the scores in here."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))


# %% [markdown]
# The training images: shuffled, repeated, batched, in the order that the last part of this lesson explains. Row numbers are shuffled and the images fetched for each batch, so the shuffle buffer holds numbers and not pictures.


# %%
train_images, train_labels = tf.constant(x_train), tf.constant(y_train)  # one copy for all networks


def training_batches(recipe, seed, batch_size=BATCH_SIZE):
    """Endless training batches as the recipe wants them."""
    order = tf.data.Dataset.range(len(x_train)).shuffle(len(x_train), seed=seed).repeat().batch(batch_size)

    def fetch(number, rows):
        images = tf.gather(train_images, rows)
        if recipe["noise"]:
            images += recipe["noise"] * tf.random.stateless_normal(tf.shape(images), seed=[seed, number])
        return images, tf.gather(train_labels, rows)

    return order.enumerate().map(fetch)


# %% [markdown]
# ## What to write down
#
# A loss curve alone says *that* something is wrong. To see *where*, we follow two signals through the layers: activations on their way up, gradients on their way down.
#
# A ReLU unit that gives 0 for *every* image passes no gradient and cannot come back. We call it *dead*.
#
# ### Exercise 03.1 · The share of dead units
#
# `activations` has shape (images, units). Which share of the units is 0 for every image?


# %% tags=["exercise"]
def dead_share(activations):
    """Share of the units (columns) that are 0 for all images (rows)."""
    ### BEGIN SOLUTION
    return np.mean(np.all(activations == 0, axis=0))
    ### END SOLUTION


# %% tags=["check"]
checks.run("03.dead_share", dead_share)

# %% [markdown]
# ### Event files
#
# TensorBoard reads *event files*: a log of records (tag, step, value), which `tf.summary` appends. We can read them back without a server. A histogram becomes 30 rows (left edge, right edge, count). Here is what a single NaN (*not a number*) does to one.


# %% tags=["helper"]
def read_events(folder):
    """{tag: (steps, values)} of the event files in a folder."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    records = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    return {
        tag: ([record.step for record in found], [tf.make_ndarray(record.tensor_proto) for record in found])
        for tag, found in records.items()
    }


# %%
values = tf.constant([0.1, 0.2, 0.3, np.nan])
with tempfile.TemporaryDirectory() as folder:
    with tf.summary.create_file_writer(folder).as_default():
        tf.summary.histogram("as it is", values, step=0)
        tf.summary.histogram("finite part", tf.boolean_mask(values, tf.math.is_finite(values)), step=0)
    for tag, (_, [table]) in read_events(folder).items():
        print(f"{tag:12} edges {table[0, 0]:.1f} to {table[-1, 1]:.1f}, {table[:, 2].sum():.0f} values counted")

# %% [markdown]
# No error, and no histogram either: all edges are NaN, all counts 0. The dashboard goes blank at the very moment you need it. So write the finite part, and beside it, as a scalar, how large that part is.
#
# ### Exercise 03.2 · Write one step
#
# A summary writer is already the default one. Write, all with this `step`:
#
# - each entry of `scalars` as a scalar under its own name;
# - for each layer in `gradients`, the Euclidean norm of the gradient as a scalar `gradient_norm/<layer>`;
# - for each layer in `activations`, a histogram `activations/<layer>` of its finite values;
# - all `inputs` as images under the tag `inputs` (mind `max_outputs`, which is 3 unless you say otherwise).


# %% tags=["exercise"]
def log_step(step, scalars, inputs, activations, gradients):
    """Write scalars, gradient norms, activation histograms and input images of one step to the event file."""
    ### BEGIN SOLUTION
    for name, value in scalars.items():
        tf.summary.scalar(name, value, step=step)
    for layer, gradient in gradients.items():
        tf.summary.scalar(f"gradient_norm/{layer}", tf.norm(gradient), step=step)
    for layer, values in activations.items():
        finite = tf.boolean_mask(values, tf.math.is_finite(values))
        tf.summary.histogram(f"activations/{layer}", finite, step=step)
    tf.summary.image("inputs", inputs, step=step, max_outputs=len(inputs))
    ### END SOLUTION


# %% tags=["check"]
def written(step, scalars, inputs, activations, gradients):
    """What `log_step` leaves in the event file, as plain numbers."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.summary.create_file_writer(folder).as_default():
            log_step(step, scalars, inputs, activations, gradients)
        events = read_events(folder)
    found = {}
    for tag, (steps, [value, *_]) in sorted(events.items()):
        if tag == "inputs":  # width, height, then one PNG per image
            value = np.stack([tf.io.decode_png(png).numpy() for png in value[2:]])
        found[tag] = {"steps": steps, "value": value.astype("float32")}
    return found


checks.run("03.log_step", written)

# %% [markdown]
# ## Training with a log
#
# At a few moments, often at first and every `LOG_EVERY` steps later, we look at 1000 training images *as the network gets them* and at 1000 validation images.


# %%
def observe(model, step, training, validation):
    """Log losses, accuracies, inputs, activations and gradients."""
    images, labels = training
    outputs = {layer.name: layer.output for layer in model.layers if layer.name.startswith(("hidden", "scores"))}
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    with tf.GradientTape() as tape:
        activations = keras.Model(model.input, outputs)(images, training=True)
        loss = loss_of(labels, activations["scores"])
    gradients = tape.gradient(loss, [layer.kernel for layer in dense])
    valid_scores = model(validation[0], training=False)
    scalars = {
        "loss/training": loss,
        "loss/validation": loss_of(validation[1], valid_scores),
        "accuracy/training": np.mean(np.argmax(activations["scores"], axis=1) == labels),
        "accuracy/validation": np.mean(np.argmax(valid_scores, axis=1) == validation[1]),
        "input_sd/training": np.std(images),
        "input_sd/validation": np.std(validation[0]),
        "finite/scores": np.mean(np.isfinite(activations.pop("scores"))),
    }
    scalars |= {f"dead/{name}": dead_share(values.numpy()) for name, values in activations.items()}
    log_step(step, scalars, images[:2], activations, {layer.name: g for layer, g in zip(dense, gradients)})


# %% [markdown]
# The optimiser is plain gradient descent (SGD). Its rate is constant for four fifths of the steps and then falls to 0 in a straight line, so that no verdict depends on the last few batches. The steps run inside a compiled graph.


# %%
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then down to 0 over the last fifth of the steps."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate * tf.minimum(1.0, 5 * (1 - tf.cast(step, "float32") / STEPS))


def compiled_steps(model, optimizer, batches):
    """A function that trains `model` for so many steps."""

    @tf.function
    def some_steps(count):
        for _ in tf.range(count):
            images, labels = next(batches)
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(images, training=True))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    return some_steps


# %%
MOMENTS = [0, 1, 2, 3, 5, 20, *range(LOG_EVERY, STEPS + 1, LOG_EVERY)]


def train(recipe, seed, folder=None, moments=MOMENTS):
    """A network after STEPS steps; with a `folder`, its event file is written there at these moments."""
    keras.utils.set_random_seed(seed)
    model, optimizer = build(recipe, seed), keras.optimizers.SGD(Rate(recipe["rate"]))
    optimizer.build(model.trainable_variables)
    some_steps = compiled_steps(model, optimizer, iter(training_batches(recipe, seed)))
    probe = next(iter(training_batches(recipe, seed + 100, batch_size=1000)))
    writer = tf.summary.create_file_writer(str(folder)) if folder else tf.summary.create_noop_writer()
    with writer.as_default():
        for step, following in pairwise([*MOMENTS, STEPS]):
            if folder and step in moments:
                observe(model, step, probe, (x_valid[:1000], y_valid[:1000]))
            some_steps(tf.constant(following - step))
    writer.close()
    return model


# %% [markdown]
# Now the five trainings, each with an event file in a temporary folder.

# %%
LOGS = runtime.scratch("03_events")  # a folder under build/, gone when the kernel ends
trained = {(name, 0): train(recipe, 0, LOGS / name) for name, recipe in runtime.progress(BROKEN.items(), "A to E")}
events = {name: read_events(LOGS / name) for name in BROKEN}
print(f"network A: {len(events['A'])} tags, {len(events['A']['loss/training'][0])} records each")

# %% [markdown]
# ### Look at them in TensorBoard
#
# In JupyterLab, set `OPEN_TENSORBOARD = True` in the parameters cell and run the next cell: the dashboards open below it. From a terminal, `tensorboard --logdir build` finds the same files while this notebook is alive.

# %%
if OPEN_TENSORBOARD:
    os.environ["TENSORBOARD_BINARY"] = str(Path(sys.executable).with_name("tensorboard"))  # that of this environment
    tensorboard_page.start(f'--logdir "{LOGS}"')
else:
    print("TensorBoard stays closed; the figures below are drawn from the same event files.")

# %% [markdown]
# ## Five dashboards
#
# Each figure shows loss, accuracy, the gradient norm of every layer, and how the outputs of the last hidden layer are spread. A grey area means: not a finite number.


# %%
def grey_out(ax, steps, values):
    """Grey from the first record that is not a finite number to the last one."""
    lost = [step for step, value in zip(steps, values) if not np.isfinite(value)]
    if lost:
        ax.axvspan(lost[0], lost[-1], color="#bbbbbb", alpha=0.5, linewidth=0)


def loss_and_accuracy(axes, events):
    """Both on training and on validation images."""
    for ax, kind in zip(axes, ("loss", "accuracy")):
        for part in ("training", "validation"):
            ax.plot(*events[f"{kind}/{part}"], label=part)
        grey_out(ax, *events[f"{kind}/training"])
        ax.set_ylabel(kind)
    axes[1].set_ylim(0, 1)
    highest = np.nanmax(events["loss/training"][1])
    if highest > 100:
        axes[0].set_yscale("log")
    else:
        axes[0].set_ylim(0, 1.1 * highest)


def gradient_lines(ax, events):
    """The gradient norm of each layer: dark for the first layer, light for the last."""
    tags = [tag for tag in events if tag.startswith("gradient_norm/")]
    for tag, colour in zip(tags, plots.plt.get_cmap(plots.SEQUENTIAL)(np.linspace(0, 0.9, len(tags)))):
        steps, norms = events[tag]
        label = tag.split("/")[1] if tag in (tags[0], tags[-1]) else None
        ax.plot(steps, np.where(np.array(norms) > 0, norms, np.nan), color=colour, linestyle="-", label=label)
    grey_out(ax, steps, norms)
    if not any(norm > 0 for tag in tags for norm in events[tag][1]):
        ax.text(0.5, 0.5, "all exactly 0", transform=ax.transAxes, ha="center")
    ax.set(ylabel="gradient norm", yscale="log")
    ax.yaxis.set_minor_formatter(plots.plt.NullFormatter())  # else the labels of two decades run into each other


# %%
def spread_picture(ax, events, layer):
    """The histograms of one layer's outputs over time, on common bins."""
    steps, tables = events[f"activations/{layer}"]
    filled = np.concatenate([table[table[:, 2] > 0, :2].ravel() for table in tables])
    bins = np.linspace(filled.min() - 1e-3, filled.max() + 1e-3, 41)
    edges = [np.append(table[:, 0], table[-1, 1]) for table in tables]
    below = [np.interp(bins, e, np.append(0, np.cumsum(table[:, 2]))) for e, table in zip(edges, tables)]
    shares = np.diff(below) / np.maximum(np.max(below, axis=1, keepdims=True), 1)
    centres = (bins[:-1] + bins[1:]) / 2
    ax.pcolormesh(steps, centres, np.sqrt(shares).T, shading="nearest", cmap="Blues", vmin=0, vmax=1)
    ax.set(ylabel=f"output of {layer}")
    ax.grid(False)


def dashboard(name, alt, until=STEPS):
    """Four panels from the event file of one network."""
    found = events[name]
    fig, ((loss, accuracy), (gradients, spread)) = plots.axes(columns=2, rows=2, height=2.7)
    loss_and_accuracy((loss, accuracy), found)
    gradient_lines(gradients, found)
    spread_picture(spread, found, f"hidden{BROKEN[name]['depth']}")
    for ax in (loss, accuracy, gradients, spread):
        ax.set(xlabel="training step", xlim=(0, until))
    for ax in (accuracy, gradients):
        ax.legend(loc="lower left", bbox_to_anchor=(0, 0.97), ncols=2, fontsize=10)
    plots.show(fig, f"Network {name}. Spread: the darker, the more of the outputs have this value.", alt)


# %%
dashboard("A", "The loss starts high; after a few steps everything is grey: no finite numbers.", until=20)

# %% [markdown] tags=["notes"]
# **Rule for the next five slides:** half a minute of silence each, then every pair writes a fault and *the one panel that proved it*. No discussion before E.
#
# A is the easy one. **Point at** the grey area: not a large loss, but no number at all.

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
dashboard("B", "A flat loss, accuracy at a tenth, and gradient norms that differ by many powers of ten between layers.")

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
dashboard("C", "A flat loss, accuracy at a tenth, gradients that are all zero, and outputs that are all zero.")

# %% [markdown] tags=["notes"]
# **Ask:** B and C have the same loss and nearly the same accuracy. Are they the same illness? Likely: "yes, both do not learn". **Point at** the gradients: in B they differ by many powers of ten from layer to layer, in C they are exactly 0.

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
dashboard("D", "The training loss stays above 2 with low training accuracy; validation accuracy is higher.")

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
dashboard("E", "Accuracy rises to 0.9 while both losses stay far above 1.")

# %% [markdown] tags=["notes"]
# **Ask who calls E healthy.** Most do: 92 % right. **Point at** the loss, which stays near 1.5. Nine of ten digits right should cost about 0.3. The floor of 1.461 is derived a few slides on.

# %% [markdown]
# The images dashboard shows what each network is fed. Always look at it: it is the cheapest of all checks.

# %%
inputs = {name: [tf.io.decode_png(png) for png in found["inputs"][1][0][2:]] for name, found in events.items()}
pictures = [inputs[name][row] for row in range(2) for name in BROKEN]
fig = plots.image_grid(pictures, titles=[*BROKEN, *[""] * len(BROKEN)], columns=5, limits=(0, 255))
plots.show(
    fig,
    "Two training images of each network, read from its event file.",
    "Clean digits for A, B, C and E; black and white speckle for D.",
)

# %% [markdown] tags=["question"]
# **Question 03.a.** Name the fault of each network A to E, and the one panel that told you. Answer before you read on.

# %% [markdown] tags=["answer"]
# **Answer 03.a.** *A* explodes: huge loss at once, then no finite number. *B* has vanishing gradients: the first layer's norm is many powers of ten below the last one's. *C* is dead: every hidden output is 0, so every gradient is 0. *D* is trained on other inputs than it is validated on: the pictures show noise, and validation accuracy lies *above* training accuracy. *E* learns well, but its loss cannot show it: high accuracy beside a loss that does not go below 1.4. That loss does not fit the output.

# %% [markdown]
# ## Diagnosis as a function
#
# Numbers let us state each rule so sharply that a function can apply it. From the last records of an event file we take seven signals.


# %%
def signals(events):
    """The numbers that a diagnosis needs, from the last record of each tag."""
    last = {tag: float(values[-1]) for tag, (_, values) in events.items() if values[-1].ndim == 0}
    return {
        "loss": last["loss/training"],
        "accuracy": last["accuracy/training"],
        "dead": max(value for tag, value in last.items() if tag.startswith("dead/")),
        "first_gradient": last["gradient_norm/dense1"],
        "last_gradient": last["gradient_norm/scores"],
        "training_sd": last["input_sd/training"],
        "validation_sd": last["input_sd/validation"],
    }


observed = {name: signals(found) for name, found in events.items()}
columns = list(observed["A"])
plots.table([[name, *[f"{found[key]:.3g}" for key in columns]] for name, found in observed.items()], ["", *columns])

# %% [markdown]
# ### Exercise 03.3 · Diagnose
#
# Return the first name in this table whose sign is there, else `"healthy"`. The order matters: find an example of signals that two rows describe.
#
# | name | sign |
# |---|---|
# | `"explosion"` | the loss is NaN or infinite |
# | `"dead units"` | `dead`: at least 99 % of the units of some layer |
# | `"vanishing gradient"` | `first_gradient` is below a thousandth of `last_gradient` |
# | `"other inputs"` | `training_sd` and `validation_sd` differ by a factor above 1.5, either way |
# | `"wrong loss"` | accuracy above 0.6 with a loss above 1.4 |


# %% tags=["exercise"]
def diagnose(signals):
    """The name of the fault that these signals show, or "healthy"."""
    ### BEGIN SOLUTION
    if not np.isfinite(signals["loss"]):
        return "explosion"
    if signals["dead"] >= 0.99:
        return "dead units"
    if signals["first_gradient"] < signals["last_gradient"] / 1000:
        return "vanishing gradient"
    ratio = signals["training_sd"] / signals["validation_sd"]
    if ratio > 1.5 or ratio < 1 / 1.5:
        return "other inputs"
    return "wrong loss" if signals["accuracy"] > 0.6 and signals["loss"] > 1.4 else "healthy"
    ### END SOLUTION


# %% tags=["check"]
checks.run("03.diagnose", diagnose)


# %%
FAULTS = {name: diagnose(found) for name, found in observed.items()}
for name, fault in FAULTS.items():
    predicted = metrics.classify(trained[name, 0], x_valid)
    classes = np.unique(predicted)
    text = f"always says {classes[0]}" if len(classes) == 1 else f"uses {len(classes)} classes"
    print(f"{name}  {fault:19} {text:15} validation accuracy {np.mean(predicted == y_valid):.2%}")

# %% [markdown]
# Each fault has a *signature*, a fact so hard that an assertion can hold it. Should one of them fail to appear one day, this lesson stops here.

# %%
for name in "ABC":
    assert len(np.unique(metrics.classify(trained[name, 0], x_valid))) == 1, f"{name} uses several classes"
assert np.isnan(events["A"]["loss/training"][1][-1])
assert observed["B"]["first_gradient"] < 1e-5 * observed["B"]["last_gradient"]
assert all(events["C"][f"dead/hidden{layer}"][1][-1] == 1 for layer in (1, 2, 3))
assert observed["D"]["training_sd"] > 10 * observed["D"]["validation_sd"]
FLOOR = np.log(np.e + 9) - 1
assert min(events["E"]["loss/training"][1]) > FLOOR
assert observed["E"]["accuracy"] > 0.6
print("All five signatures are there.")

# %% [markdown]
# ### Where the numbers come from
#
# - **A.** With weights uniform on ±0.4 each ReLU layer of 100 units multiplies the signal by about $\sqrt{100 \cdot 0.4^2/3 \cdot 1/2} \approx 1.6$, up and down. Eight layers make it 50 times larger, the first step throws the weights far away, and soon ∞ − ∞ gives NaN.
# - **B.** The slope of a sigmoid is at most ¼. With weights of size 0.06 a gradient shrinks by a factor of about $\tfrac14 \cdot \sqrt{100} \cdot 0.06 \approx 0.14$ per layer. What still learns is the last layer, whose inputs no longer depend on the image: it can learn which digit is the most frequent.
# - **C.** Inputs are ≥ 0, weights ≤ 0, biases 0: no unit is ever above 0. Only the output biases learn, again the most frequent digit.
# - **D.** Noise with standard deviation 4 drowns pixels between 0 and 1, and is there in training only.
# - **E.** Softmax gives probabilities between 0 and 1. Fed to a loss that applies softmax *again*, even the perfect answer (1 for the right class, 0 for nine others) costs
#
# $$-\log\frac{e^1}{e^1 + 9\,e^0} = \log(e + 9) - 1 \approx 1.461.$$

# %%
perfect = tf.one_hot(y_valid, 10)
floor = float(loss_of(y_valid, perfect))
print(f"loss of perfect probabilities, taken for scores: {floor:.5f}; the formula: {FLOOR:.5f}")
results.record("double_softmax_loss_floor", floor)

# %% [markdown]
# ## One change each
#
# ### Exercise 03.4 · Repair
#
# Return a copy of the recipe with *exactly one* entry changed, such that the fault is gone. Think of the cause: which entry makes the signal grow, fade, die, or differ?
#
# The check builds the repaired network and looks at it *before* training. Scores must differ between images, neither by nothing nor by thousands; every layer must get a gradient and have living units; training inputs must look like the others; scores must be raw.


# %% tags=["exercise"]
def repair(fault, recipe):
    """A copy of `recipe` with one entry changed, so that `fault` is gone."""
    ### BEGIN SOLUTION
    changes = {
        "explosion": {"weights": "HeUniform"},
        "vanishing gradient": {"normalise": True},
        "dead units": {"weights": (-0.2, 0.2)},
        "other inputs": {"noise": 0.0},
        "wrong loss": {"output": "linear"},
    }
    return recipe | changes[fault]
    ### END SOLUTION


# %% tags=["check"]
def healthy_at_start(recipe):
    """Does the signal get through the untrained network, both ways?"""
    rng = np.random.default_rng(0)
    images = (rng.uniform(size=(200, 28, 28, 1)) * (rng.uniform(size=(200, 28, 28, 1)) < 0.2)).astype("float32")
    labels, model = rng.integers(0, 10, size=200), build(recipe, seed=0)
    hidden = [layer.output for layer in model.layers if layer.name.startswith("hidden")]
    with tf.GradientTape() as tape:
        *activations, scores = keras.Model(model.input, [*hidden, model.output])(images, training=True)
        loss = loss_of(labels, scores)
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, layers.Dense)]
    norms = [float(tf.norm(gradient)) for gradient in tape.gradient(loss, kernels)]
    spread = float(tf.reduce_mean(tf.math.reduce_std(scores, axis=0)))
    alive = all(np.mean(np.all(values == 0, axis=0)) < 0.99 for values in activations)
    flows = 0.005 < spread < 10 and min(norms) > max(norms) / 100
    return bool(alive and flows and recipe["noise"] == 0 and recipe["output"] == "linear")


def repaired_recipe(fault, recipe):
    """How many entries changed, and whether the network is healthy now."""
    changed = repair(fault, dict(recipe))
    count = sum(changed[key] != recipe[key] for key in recipe)
    return {"entries changed": count, "healthy at the start": healthy_at_start(changed)}


checks.run("03.repair", repaired_recipe)

# %% [markdown]
# A repaired network keeps its recipe's depth, width, seed and number of steps. Beside each cure we train a *painkiller*: one other change that looks tempting. All get the same number of seeds.

# %%
REPAIRED = {name: repair(FAULTS[name], recipe) for name, recipe in BROKEN.items()}
PAINKILLER = {
    "A": ("rate", 0.001),
    "B": ("activation", "relu"),
    "C": ("rate", 1.0),
    "D": ("rate", 0.01),
    "E": ("rate", 1.0),
}
RECIPES = {(name, "broken"): recipe for name, recipe in BROKEN.items()}
RECIPES |= {(name, "painkiller"): BROKEN[name] | dict([change]) for name, change in PAINKILLER.items()}
RECIPES |= {(name, "repaired"): recipe for name, recipe in REPAIRED.items()}
change = {name: next(key for key in BASE if REPAIRED[name][key] != BROKEN[name][key]) for name in BROKEN}

# %% [markdown] tags=["notes"]
# **Before the table,** let them bet on the painkillers: a smaller rate for A and D, ReLU for B, a larger rate for C and E. Likely: "ReLU cures B".
#
# In the table **point at** C, where nothing changes (a larger rate times 0 is 0), and at E, where the painkiller ends *above* the cure. That one is dangerous: it looks like success, and the loss still cannot fall below its floor.

# %%
networks = {((name, "broken"), seed): model for (name, seed), model in trained.items()}
missing = [(key, seed) for key in RECIPES for seed in range(SEEDS) if (key, seed) not in networks]
for key, seed in runtime.progress(missing, "training"):
    logs = LOGS / f"{key[0]}_repaired" if key[1] == "repaired" and seed == 0 else None
    networks[key, seed] = train(RECIPES[key], seed, logs, [0, STEPS])


# %%
def accuracies(key, images, labels):
    """One accuracy for each seed."""
    return [np.mean(metrics.classify(networks[key, seed], images) == labels) for seed in range(SEEDS)]


on_valid = {key: accuracies(key, x_valid, y_valid) for key in RECIPES}
rows = []
for name, fault in FAULTS.items():
    scores = [metrics.mean_sd(on_valid[name, state], 1, scale=100) for state in ("broken", "painkiller", "repaired")]
    pill, value = PAINKILLER[name]
    cure = f"{change[name]}: {REPAIRED[name][change[name]]}"
    rows.append([f"{name}: {fault}", scores[0], f"{pill}: {value}", scores[1], cure, scores[2]])
plots.table(
    rows, ["fault", "broken", "painkiller", "with it", "one change", "with it"], f"Validation accuracy %, {SEEDS} seeds"
)

# %% [markdown]
# Read it row by row.
#
# - **A.** A rate a hundred times smaller keeps the numbers finite, and the network far behind its cure. The weights were the cause.
# - **B.** ReLU looks like the textbook cure. But weights of ±0.1 still let the signal fade on its way up, and 2000 steps are not enough. Batch normalisation sets the size of the signal anew in every layer: even the sigmoids learn.
# - **C.** A larger rate times a gradient of 0 is 0.
# - **D.** A smaller rate averages over more noise, and learns more slowly. It ends below the broken network.
# - **E.** Here the painkiller works, and that makes it dangerous: a rate ten times larger makes up for gradients that the second softmax has made small, and accuracy ends a little above the cure's at the old rate. But the loss still cannot fall below 1.461, so it cannot say how sure the network is, and penalties, schedules and early stopping that rely on it are misled.

# %% [markdown]
# What did the cures of A and B do to the signal? And does the function that named the faults find any now?

# %%
after = {name: read_events(LOGS / f"{name}_repaired") for name in BROKEN}
fig, axes = plots.axes(columns=2, height=3.4, sharey=True)
for ax, name in zip(axes, "AB"):
    for label, found in (("broken", events[name]), ("repaired", after[name])):
        tags = [tag for tag in found if tag.startswith("gradient_norm/")]
        ax.plot(range(1, len(tags) + 1), [found[tag][1][0] for tag in tags], marker="o", label=label)
    ax.set(xlabel="layer, from input to output", title=f"{name}: {FAULTS[name]}", yscale="log")
axes[0].set_ylabel("gradient norm at step 0")
axes[0].legend()
plots.show(
    fig,
    "The gradient of each layer before the first step, from the event files.",
    "Broken A lies far above its repaired line; broken B climbs from a millionth at the first layer to the last; repaired lines are nearly flat.",
)
for name, found in after.items():
    print(f"{name}  was {FAULTS[name]:19} is {diagnose(signals(found))}")

# %% [markdown]
# ## The test set, once
#
# Everything is chosen. The baselines are the most frequent class, and a linear model (`depth=0`) with the same steps.

# %%
for seed in range(SEEDS):
    networks["linear", seed] = train(BASE | dict(depth=0, weights="GlorotUniform"), seed)
x_test, y_test = scaled(mnist.test)
share = np.mean(y_test == most_frequent)
test = {key: accuracies(key, x_test, y_test) for key in [*RECIPES, "linear"] if "painkiller" not in key}
rows = [["always the most frequent class", "", f"{100 * share:.2f}"]]
rows += [["linear model", "", metrics.mean_sd(test["linear"], 2, scale=100)]]
for name, fault in FAULTS.items():
    rows.append([f"{name}: {fault}", *(metrics.mean_sd(test[name, s], 2, scale=100) for s in ("broken", "repaired"))])
plots.table(rows, ["network", "broken", "healthy"], f"Test accuracy %, mean ± sd over {SEEDS} seeds")

# %%
assert all(np.isnan(networks[("A", "broken"), seed].get_weights()[0]).any() for seed in range(SEEDS))
for name in "BC":  # the constant answer, to the last image
    np.testing.assert_allclose(test[name, "broken"], np.bincount(y_test).max() / len(y_test))
means = {name: np.mean(test[name, "repaired"]) for name in BROKEN}
results.record("fixed_worst_test_accuracy", min(means.values()))
results.record("noise_free_test_accuracy", means["D"])

# %% [markdown]
# Some numbers are worth remembering. *11.35 %* on MNIST means "says 1 whatever you show". *9.80 %* means "says 0", and often NaN: the exploded network is not bad, it is not there. And E, broken, lies close to the linear model: a fault can look like a weak model.
#
# The repaired networks differ in depth and activation, so their column ranks nothing. It says only that each cure was enough.

# %% [markdown]
# ## tf.data: three words, six orders
#
# A training pipeline shuffles, batches and repeats. Each is one line, and the lines stand in some order. All six run without an error.
#
# Only three questions matter, one for each pair:
#
# - *shuffle* before or after *batch*: do elements change places, or whole batches?
# - *shuffle* before or after *repeat*: does one epoch end before the next begins, or do their elements mix, so that one comes twice before another came once?
# - *batch* before or after *repeat*: may a batch reach over the end of an epoch, or does each epoch end with a short batch?
#
# ### Exercise 03.5 · Predict
#
# Without TensorFlow: `order` is a tuple of the three words, `n` elements pass `epochs` times in batches of `batch_size`, and the shuffle buffer holds everything.


# %% tags=["exercise"]
def predict(order, n, batch_size, epochs):
    """Number of batches, how many are short, what the shuffle moves, and whether epochs stay whole."""
    ### BEGIN SOLUTION
    shuffle, batch, repeat = (order.index(word) for word in ("shuffle", "batch", "repeat"))
    passes, length = (epochs, n) if batch < repeat else (1, n * epochs)
    return {
        "batches": passes * -(-length // batch_size),
        "short": passes * (length % batch_size > 0),
        "moves": "elements" if shuffle < batch else "batches",
        "whole epochs": shuffle < repeat,
    }
    ### END SOLUTION


# %% [markdown] tags=["notes"]
# **On paper, two minutes:** five elements, batches of two, two epochs. Write down what `batch → shuffle → repeat` may give. Likely: singles in mixed order. It moves whole batches: [0 1] and [2 3] stay together for ever.
#
# None of the six orders raises an error, so nobody finds this by waiting for one.

# %% tags=["check"]
checks.run("03.predict", predict)


# %% [markdown]
# Now the experiment. `tf.data` runs each order, many times with other seeds, and code looks at what came out.


# %%
def run_order(order, n, batch_size, epochs, seed):
    """The batches that one order of the three transformations gives for the numbers 0 to n - 1."""
    numbers = tf.data.Dataset.range(n)
    for word in order:
        if word == "shuffle":
            numbers = numbers.shuffle(n * epochs, seed=seed)
        else:
            numbers = numbers.batch(batch_size) if word == "batch" else numbers.repeat(epochs)
    return [batch.tolist() for batch in numbers.as_numpy_iterator()]


def look(runs, n, batch_size):
    """The same four facts as in `predict`, found in the batches of several runs."""
    neighbours = all((b - a) % n == 1 for run in runs for batch in run for a, b in pairwise(batch))
    return {
        "batches": len(runs[0]),
        "short": sum(len(batch) < batch_size for batch in runs[0]),
        "moves": "batches" if neighbours else "elements",
        "whole epochs": all(len(set(np.concatenate(run)[:n])) == n for run in runs),
    }


# %%
case = dict(n=5, batch_size=2, epochs=2)
rows = []
for order in permutations(("shuffle", "batch", "repeat")):
    runs = [run_order(order, **case, seed=seed) for seed in range(20)]
    found = look(runs, case["n"], case["batch_size"])
    assert found == predict(order, **case), order
    print(f"{' → '.join(order):26}", *runs[1])
    rows.append([" → ".join(order), *(str(value) for value in found.values())])
plots.table(rows, ["order", "batches", "short ones", "shuffle moves", "epochs stay whole"], "Predicted and found alike")

# %% [markdown]
# For training we want elements shuffled one by one (*shuffle* before *batch*), every image seen once before any is seen twice (*shuffle* before *repeat*), and batches of one size, because a short batch gives its few images a larger weight (*repeat* before *batch*). One order is left: **shuffle → repeat → batch**. To evaluate, take none but *batch*: every image once, the last batch may be short.
#
# ### Exercise 03.6 · The training pipeline
#
# Return an endless dataset in the right order, with a shuffle buffer that holds all images. Images arrive as whole numbers 0–255 and leave as `float32` between 0 and 1: scale whole *batches*, which is cheaper than one image at a time. End with a `prefetch`.


# %% tags=["exercise"]
def training_pipeline(images, labels, batch_size, seed):
    """Endless batches of scaled images with their labels."""
    ### BEGIN SOLUTION
    rows = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = rows.shuffle(len(images), seed=seed).repeat().batch(batch_size)
    return batches.map(lambda x, y: (tf.cast(x, "float32") / 255, y)).prefetch(tf.data.AUTOTUNE)
    ### END SOLUTION


# %% tags=["check"]
def two_epochs(images, labels, batch_size):
    """Facts about what the pipeline gives in the time of two epochs; every image shows its own number."""
    batches = training_pipeline(images, labels, batch_size, seed=1)
    taken = list(batches.take(2 * len(images) // batch_size).as_numpy_iterator())
    x, y = (np.concatenate(part) for part in zip(*taken))
    numbers = np.rint(x.reshape(len(x), -1)[:, 0].astype("float64") * (255 if x.max() <= 1 else 1)).astype(int)
    first, second = numbers[: len(images)], numbers[len(images) :]
    return {
        "batch sizes": sorted({len(batch) for batch, _ in taken}),
        "type and largest value": [x.dtype.name, float(x.max())],
        "each image once in the first epoch": len(set(first)) == len(images),
        "shuffled one by one": bool(np.mean(np.diff(first) == 1) < 0.5),
        "another order in the second epoch": first.tolist() != second.tolist(),
        "labels belong to their images": bool(np.all(labels[numbers] == y)),
    }


checks.run("03.training_pipeline", two_epochs)

# %% [markdown]
# ## Keeping the accelerator fed
#
# While a GPU trains on one batch, the CPU could prepare the next one. Let $r$ be the seconds to read one element (`READ_SECONDS`), $b$ the batch size, $t$ the seconds of a training step (`TRAIN_SECONDS`), $w$ the number of elements read at the same time.
#
# - plain: read, then train, and so on: $b\,r + t$ seconds per batch;
# - parallel `map`: $b\,r / w + t$;
# - `prefetch`: both at the same time, so the slower one counts: $\max(b\,r / w,\ t)$;
# - `cache`: from the second epoch on nothing is read: $r = 0$.
#
# ### Exercise 03.7 · Seconds for one epoch


# %% tags=["exercise"]
def epoch_seconds(n, batch_size, read, train, workers=1, prefetch=False, cached=False):
    """Predicted seconds for `n` elements (a multiple of batch_size); `cached`: a later epoch, read from the cache."""
    ### BEGIN SOLUTION
    waiting = 0.0 if cached else batch_size * read / workers
    return n // batch_size * (max(waiting, train) if prefetch else waiting + train)
    ### END SOLUTION


# %% [markdown] tags=["notes"]
# **Ask before the figure:** when does `prefetch` help nothing? When reading, or training, takes practically all the time: the larger of two times is then nearly their sum. And when does parallel `map` help nothing? When elements are computed and there is one core. In the figure compare the left panel with the right one.

# %% tags=["check"]
checks.run("03.epoch_seconds", epoch_seconds)

# %% [markdown]
# Two experiments. In the first, an element *waits*, as for a slow disk. In the second it *computes*: it decodes a JPEG of 448 × 448 pixels and shrinks it. In both, the training step is a sleep, as if an accelerator did the work. TensorFlow speeds up some pipelines behind your back; we switch that off, to see each part alone.

# %%
WORKERS, TIMED_BATCH = 8, 32
PIPELINES = {
    "plain": dict(),
    "prefetch": dict(prefetch=True),
    "parallel map": dict(workers=WORKERS),
    "both": dict(workers=WORKERS, prefetch=True),
    "both and cache": dict(workers=WORKERS, prefetch=True, cache=True),
}
large = (tf.image.resize(picture * 255, (448, 448)) for picture in x_train[:PICTURES])
jpegs = tf.stack([tf.io.encode_jpeg(tf.cast(picture, tf.uint8)) for picture in large])


def wait(jpeg):
    """Pretend to read: the same bytes after READ_SECONDS."""

    def slowly(content):
        time.sleep(READ_SECONDS)
        return content

    return tf.ensure_shape(tf.numpy_function(slowly, [jpeg], tf.string, stateful=False), ())


def decode(jpeg):
    """Real work: from bytes to a small picture."""
    return tf.image.resize(tf.io.decode_jpeg(jpeg, channels=1), (28, 28), antialias=True)


# %%
def pipeline(work, workers=None, prefetch=False, cache=False):
    """Batches of `work(jpeg)`, with the transformations asked for and no others."""
    rows = tf.data.Dataset.from_tensor_slices(jpegs).map(work, num_parallel_calls=workers)
    batches = (rows.cache() if cache else rows).batch(TIMED_BATCH)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.threading.private_threadpool_size = WORKERS
    return (batches.prefetch(2) if prefetch else batches).with_options(options)


def images_per_second(batches):
    """Speed of two epochs in a row."""
    speeds = []
    for _ in range(2):
        start = time.perf_counter()
        for _ in batches:
            time.sleep(TRAIN_SECONDS)
        speeds.append(PICTURES / (time.perf_counter() - start))
    return speeds


# %% [markdown]
# Seconds are the one thing here that differs from run to run. So they stand in a figure and nowhere else; the formula's prediction is the black line.

# %%
speed = {
    (work, name): np.median([images_per_second(pipeline(work, **how)) for _ in range(REPEATS)], axis=0)
    for work in (wait, decode)
    for name, how in runtime.progress(PIPELINES.items(), work.__name__)
}
fig, axes = plots.axes(columns=2, height=4.2, sharey=True)
for ax, work, title in zip(axes, (wait, decode), ("elements wait", "elements compute")):
    for epoch, shift in ((0, -0.2), (1, 0.2)):
        heights = [speed[work, name][epoch] for name in PIPELINES]
        ax.barh(np.arange(len(PIPELINES)) + shift, heights, height=0.36, label=f"epoch {epoch + 1}")
    ax.set(xlabel="images per second", title=title)
for place, how in enumerate(PIPELINES.values()):
    for epoch, shift in ((0, -0.2), (1, 0.2)):
        options = {key: value for key, value in how.items() if key != "cache"} | {
            "cached": "cache" in how and epoch == 1
        }
        predicted = PICTURES / epoch_seconds(PICTURES, TIMED_BATCH, READ_SECONDS, TRAIN_SECONDS, **options)
        axes[0].vlines(predicted, place + shift - 0.2, place + shift + 0.2, color="black", linewidth=2.5)
axes[0].set_yticks(range(len(PIPELINES)), PIPELINES)
axes[0].invert_yaxis()
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
plots.show(
    fig,
    "Throughput of five pipelines on this machine; black: what the formula predicts for elements that wait.",
    "Two bar charts: with waiting elements each transformation raises the speed; with computing ones mainly prefetch and cache do.",
)

# %% [markdown]
# When elements wait, the bars should follow the black lines from a little below: the formula leaves out all overhead. Eight workers can wait at the same time on a single core, and a cached epoch waits for nothing.
#
# When elements compute, workers share the cores that there are. On one core parallel `map` can win next to nothing; `prefetch` still can, because the accelerator needs no core; and `cache` removes the work altogether. So measure on the machine that will train, and look at the second epoch: the first one fills the cache.

# %% [markdown]
# ## What went wrong in practice
#
# - **A setting is turned before anybody looks.** All five networks invite you to try another learning rate. It cures none of the causes, and in E it hides one.
# - **Softmax twice.** Nine tenths of the digits right looks like success. The loss knew better: it should be near 0.3 by then. Keras' `SparseCategoricalCrossentropy(from_logits=True)` warns when its input comes straight out of a softmax layer, and undoes it; TensorFlow's function does not.
# - **NaN has an accuracy.** `argmax` of ten NaN is 0, so the exploded network scores the share of zeros. Check that the loss is finite.
# - **A histogram that needs finite numbers.** One NaN, and the dashboard of the sick layer is empty.
# - **Validation above training.** It is no luck. Usually something is on in training only: noise, augmentation, dropout.
# - **Six orders, no error.** `batch` before `shuffle` keeps neighbours together for ever; `repeat` before `shuffle` mixes epochs. Both train, a little worse, and nobody sees why.
# - **Timing what TensorFlow has rewritten.** It may run a plain `map` in parallel and add a `prefetch`; then "plain" is as fast as the rest.

# %% [markdown]
# ## Summary
#
# - Look at inputs, activations and gradients layer by layer before you change a setting. The loss curves of B and C look alike; their gradients do not.
# - A signal must neither grow nor shrink from layer to layer. Initialisation, activation and normalisation decide that together.
# - A loss has a floor and a chance level. Know both: $\log 10 \approx 2.303$ for ten classes guessed, 1.461 if softmax is applied twice.
# - Event files are plain records. Keep NaN out of histograms, and write down that it was there.
# - Shuffle, then repeat, then batch. Prefetch always; parallel `map` while elements wait or cores are idle; cache what fits into memory and does not change.

# %% [markdown]
# ## Going further
#
# - Log the ratio of update to weight, $\lVert \eta\, g \rVert / \lVert w \rVert$ with rate $\eta$ and gradient $g$. Which value do healthy layers have, and which faults can you tell from it alone?
# - Give B the weights `"GlorotUniform"` and ReLU. How many changes does it take without batch normalisation?
# - Set the shuffle buffer to 100 on images that are sorted by class. What do the dashboards show?

# %% [markdown]
# ## References
#
# - X. Glorot, Y. Bengio (2010), *Understanding the Difficulty of Training Deep Feedforward Neural Networks*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015), *Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification*.
# - S. Ioffe, C. Szegedy (2015), *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*.
# - D. G. Murray, J. Šimša, A. Klimovic, I. Indyk (2021), *tf.data: A Machine Learning Data Processing Framework*.
