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
#     title: "ResNet and DenseNet: going deep"
#     minutes: {class: 3.5, full: 24}
#     summary: Why plain stacks fail when they grow, how shortcuts cure it, and which shape pays on two cores.
#     data: [cifar10]
#     expected:
#       best_test_accuracy: [0.86, 0.95]
#     published:
#       best_test_accuracy: "0.74 to 0.785, public student solutions"
#     points: {convolution_cost: 1, residual_block: 3, dense_block: 3, one_cycle: 2, seconds_per_call: 2}
# ---

# %% [markdown]
# # ResNet and DenseNet: going deep
#
# More layers should never hurt, yet a plain stack of fifty layers trains worse than one of eight. In this lesson you see why, cure it with shortcuts, and spend a small budget of seconds on the network that uses it best.

# %% [markdown]
# **You will**
#
# - build plain and residual stacks of any depth from one function, and watch where the plain ones fail;
# - write a dense block in which every layer sees all earlier maps, and prove that from the graph;
# - count the parameters and multiplications of a network, and set them against seconds;
# - write the one-cycle learning rate that trains a network in a few epochs;
# - time eager code, `tf.function` and XLA in a way that does not fool you.

# %% [markdown] tags=["notes"]
# **Plan, 90 minutes:** cost of a layer 10, residual blocks and their gradients 25, schedule and depth 15, dense blocks 15, stopwatch and three shapes 15, the long run and XLA 10. Start *Run All* in the class profile before you begin.
#
# **Ask first:** can a deeper network be worse *on its training images*? Likely: "no, it only overfits more".

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

runtime.start("07", seed=0)

# %% [markdown]
# ## Parameters
#
# The lesson has two parts. Questions about *shape* are asked on pictures of 16 × 16 pixels, where a run takes seconds and three seeds are affordable. Then one network, chosen there, gets the long run.

# %% tags=["parameters"]
LIMIT = None  # use only so many training images (None: all)
VALIDATION = 5000  # training images set aside for choices
BATCH_SIZE = 128
SEEDS = 3  # repetitions of every comparison
DEPTHS = (8, 20, 56)  # layers with weights in the depth sweep
SWEEP_WIDTH = 8  # filters of the first stage there
SWEEP_STEPS = 120
SCREENING_STEPS = 120  # for each candidate, at 16 × 16 pixels
SIZES = (20, 24, 24, 28, 32, 32)  # picture size in each epoch of the long run
PEAK_RATE = 0.2  # highest learning rate
WEIGHT_DECAY = 0.005
LABEL_SMOOTHING = 0.1
TIMED_WIDTHS = (4, 16, 64)  # filters of the networks that are timed at the end

runtime.profile(
    in_class=dict(
        LIMIT=10000,
        VALIDATION=2000,
        SEEDS=2,
        DEPTHS=(8, 32),
        SWEEP_STEPS=60,
        SIZES=(24, 24, 32),
        SCREENING_STEPS=50,
    ),
    smoke=dict(
        LIMIT=384,
        VALIDATION=64,
        BATCH_SIZE=32,
        SEEDS=1,
        DEPTHS=(8,),
        SWEEP_STEPS=5,
        SCREENING_STEPS=5,
        SIZES=(8, 16),
        TIMED_WIDTHS=(4,),
    ),
)

# %% [markdown]
# ## The data
#
# CIFAR-10 holds 50 000 training and 10 000 test photographs of ten kinds of things, 32 × 32 pixels in colour. We set validation images aside and leave the test images alone until the end.

# %%
cifar = data.load("cifar10")
rest, valid = cifar.train.take(LIMIT).hold_out(VALIDATION, seed=0)
print(f"{len(rest)} training, {len(valid)} validation, {len(cifar.test)} test images")

# %%
shown = [np.flatnonzero(rest.labels == label)[0] for label in range(10)]
fig = plots.image_grid(rest.images[shown], cifar.classes, columns=5)
plots.show(fig, "One training image of each class.", "Ten small colour photographs of animals and vehicles.")

# %% [markdown]
# Each colour channel is brought to mean 0 and standard deviation 1, with numbers from the training images. Networks with raw values from 0 to 255 do train, slowly and badly: a published solution of this assignment did that.

# %%
channel_mean = rest.images.mean(axis=(0, 1, 2)).astype("float32")
channel_sd = rest.images.std(axis=(0, 1, 2)).astype("float32")
print("mean of red, green, blue:", channel_mean.round(1), " standard deviation:", channel_sd.round(1))


# %% tags=["helper"]
def prepared(images, size=32):
    """Pictures as centred numbers, at size × size pixels."""
    x = (tf.cast(images, tf.float32) - channel_mean) / channel_sd
    return x if size == x.shape[1] else tf.image.resize(x, (size, size), antialias=True)


# %% [markdown]
# ## What a layer costs
#
# A convolution with a $k \times k$ kernel from $c$ to $d$ channels has $k^2 c\, d$ weights. It uses each weight once for every output pixel. So layers on large maps cost time, and layers with many channels cost memory.
#
# ### Exercise 07.1 · Parameters and multiplications
#
# Padding is "same": with stride $s$ a map of height $h$ becomes $\lceil h / s \rceil$ high. There is no bias.


# %% tags=["exercise"]
def convolution_cost(height, width, kernel, channels_in, channels_out, stride):
    """Parameters, and multiplications for one picture, of a convolution with padding "same" and no bias."""
    ### BEGIN SOLUTION
    parameters = kernel * kernel * channels_in * channels_out
    pixels = -(-height // stride) * -(-width // stride)
    return parameters, parameters * pixels
    ### END SOLUTION


# %% tags=["check"]
checks.run("07.convolution_cost", convolution_cost)

# %% [markdown] tags=["notes"]
# **Ask:** we halve the map and double the channels. What becomes of weights and of multiplications? Weights times four, multiplications as before: a quarter of the places, four times the weights. That is why networks are built so.


# %%
def network_cost(model, size=32):
    """Parameters of a network, and multiplications of its convolutions for one picture."""
    found = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    maps = keras.Model(model.input, [layer.output for layer in found])(np.zeros((1, size, size, 3), "float32"))
    times = 0
    for layer, map_ in zip(found, maps):  # what is paid for is the map that comes out
        kernel, _, channels_in, channels_out = layer.kernel.shape
        times += convolution_cost(*map_.shape[1:3], kernel, channels_in, channels_out, stride=1)[1]
    return model.count_params(), times


# %% [markdown]
# ## Plain and residual stacks
#
# Suppose a shallow network is good. A deeper one can copy it and let the extra layers do nothing, so it should be at least as good. Yet gradient descent does not find "do nothing" in a stack of convolutions. A *residual block* makes it the easy choice: it computes
#
# $$y = \mathrm{ReLU}\big(x + F(x)\big),$$
#
# where $F$ is convolution, batch normalisation, ReLU, convolution, batch normalisation. With $F = 0$ the block passes $x$ on.
#
# The sum needs equal shapes. If the block has another number of filters or a stride, the shortcut gets a *projection*: a 1 × 1 convolution with that stride, and batch normalisation. Otherwise the shortcut is $x$ itself.


# %% tags=["helper"]
def convolve(x, filters, kernel=3, stride=1):
    """Convolution without bias, then batch normalisation: every convolution of a ResNet."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def plain_block(x, filters, stride=1):
    """Two convolutions without a shortcut."""
    x = layers.ReLU()(convolve(x, filters, stride=stride))
    return layers.ReLU()(convolve(x, filters))


# %% tags=["helper"]
def label(operation):
    """The kind of an operation, with what matters of a convolution."""
    kind = type(operation).__name__
    if kind != "Conv2D":
        return kind
    return f"Conv2D {operation.kernel_size[0]}×{operation.kernel_size[1]} stride {operation.strides[0]}"


def convolutions(model, kernel):
    """The convolutions with this kernel size, in order of depth."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D) and layer.kernel_size[0] == kernel]


def producer(tensor):
    """The operation that made a symbolic tensor."""
    return tensor._keras_history.operation


def inputs_of(operation):
    return operation.input if isinstance(operation.input, list) else [operation.input]


def wiring(model):
    """Every connection of a functional model as "from → to", sorted."""
    inner = [operation for operation in model.operations if type(operation).__name__ != "InputLayer"]
    return sorted(f"{label(producer(x))} → {label(operation)}" for operation in inner for x in inputs_of(operation))


# %% [markdown]
# ### Exercise 07.2 · The residual block
#
# Use `convolve`. The stride belongs to the first convolution. The last ReLU comes *after* the sum.


# %% tags=["exercise"]
def residual_block(x, filters, stride=1):
    """ReLU(shortcut + F(x)); the shortcut is x, or a projection where the shapes differ."""
    ### BEGIN SOLUTION
    change = convolve(layers.ReLU()(convolve(x, filters, stride=stride)), filters)
    if stride != 1 or x.shape[-1] != filters:
        x = convolve(x, filters, kernel=1, stride=stride)
    return layers.ReLU()(layers.Add()([x, change]))
    ### END SOLUTION


# %% tags=["check"]
def wiring_of_residual_block(channels, filters, stride):
    """Build the block alone: its connections and the shape of its output."""
    x = keras.Input((8, 8, channels))
    model = keras.Model(x, residual_block(x, filters, stride))
    return {"connections": wiring(model), "output shape": list(model.output.shape[1:])}


checks.run("07.residual_block", wiring_of_residual_block)

# %% [markdown]
# Now a stack of any depth, without a copied line: a first convolution, stages of blocks, mean over the map, one dense layer. Each stage after the first halves the map. With $n$ blocks in each of three stages there are $6n + 2$ layers with weights: ResNet-20 has $n = 3$.


# %%
def stack(block, blocks, widths, name):
    """A network of `blocks` blocks in each stage, with widths[i] filters in stage i; any picture size."""
    pictures = keras.Input((None, None, 3))
    x = layers.ReLU()(convolve(pictures, widths[0]))
    for stage, filters in enumerate(widths):
        for i in range(blocks):
            x = block(x, filters, stride=2 if stage > 0 and i == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pictures, layers.Dense(10, name="logits")(x), name=name)


def deep(kind, depth, width=SWEEP_WIDTH):
    """A plain or residual network with `depth` layers in three stages."""
    block = {"plain": plain_block, "residual": residual_block}[kind]
    return stack(block, (depth - 2) // 6, (width, 2 * width, 4 * width), f"{kind}_{depth}")


rows = []
for kind in ("plain", "residual"):
    for depth in DEPTHS:
        parameters, times = network_cost(deep(kind, depth), size=16)
        rows.append([f"{kind}, {depth} layers", f"{parameters:,}", f"{times / 1e6:.1f}"])
plots.table(rows, ["network", "parameters", "million multiplications at 16 × 16"])

# %% [markdown]
# The shortcuts are almost free: the residual column differs by two small projections.
#
# ## What depth does to the gradient
#
# Before any training, take one batch and look at the gradient of the loss with respect to each 3 × 3 kernel, from the first to the last.


# %%
def gradient_norms(model, x, y):
    """Norm of the loss gradient for each 3 × 3 kernel, in order of depth."""
    kernels = [layer.kernel for layer in convolutions(model, 3)]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True)))
    return np.array([tf.norm(gradient) for gradient in tape.gradient(loss, kernels)])


first_batch = prepared(rest.images[:BATCH_SIZE], 16), rest.labels[:BATCH_SIZE]
norms = {}
for kind in ("plain", "residual"):
    runs = []
    for seed in range(SEEDS):
        keras.utils.set_random_seed(seed)
        runs.append(gradient_norms(deep(kind, DEPTHS[-1]), *first_batch))
    norms[kind] = np.array(runs)

# %% [markdown] tags=["notes"]
# **Before the figure, everybody draws:** norm of the gradient against the layer, from input to output, for a plain stack and for a residual one. Likely: both flat, "since there is batch normalisation". It holds the signal on its way *up*.

# %%
fig = plots.curves(norms, "layer, from input to output", "norm of the gradient", log="y")
plots.show(
    fig,
    f"Gradient of each kernel before training, {DEPTHS[-1]} layers, {SEEDS} seeds.",
    "On a logarithmic axis the line of the plain network falls steeply from input to output; the residual one is flat.",
)

# %%
ratio = {kind: np.exp(np.mean(np.log(runs[:, 1] / runs[:, -1]))) for kind, runs in norms.items()}
for kind, value in ratio.items():
    print(f"{kind:9} gradient of the second kernel / gradient of the last: {value:,.1f}")

# %% [markdown]
# Batch normalisation keeps the *forward* signal at size one, but on the way back each plain layer multiplies the gradient a little, and the factors pile up. No single learning rate suits layers whose gradients differ that much. The shortcut adds a path with factor one.
#
# ## The schedule
#
# With a few hundred steps to spend, the learning rate matters more than the shape. *One cycle* rises linearly from 0 to the peak during the first part of training, so that the fresh network is not thrown off, and then falls linearly to 0, so that the noise dies out at the end.
#
# ### Exercise 07.3 · One cycle
#
# With `warm = share · total`: the rate is `peak · step / warm` up to step `warm`, then falls on a straight line to 0 at step `total`. Use `tf.minimum` or arithmetic, no `if`: `step` may be a tensor.


# %% tags=["exercise"]
def one_cycle(step, total, peak, share=0.2):
    """Learning rate at `step` of `total`: up to `peak` for the first `share`, then down to 0."""
    ### BEGIN SOLUTION
    step, warm = tf.cast(step, tf.float32), share * total
    return peak * tf.minimum(step / warm, (total - step) / (total - warm))
    ### END SOLUTION


# %% tags=["check"]
checks.run("07.one_cycle", one_cycle)


# %% tags=["helper"]
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """The function above in the form that Keras' optimisers ask for."""

    def __init__(self, total, peak):
        self.total, self.peak = float(total), float(peak)

    def __call__(self, step):
        return one_cycle(step, self.total, self.peak)

    def get_config(self):
        return {"total": self.total, "peak": self.peak}


# %%
fig, ax = plots.axes(height=3)
ax.plot([float(one_cycle(step, 1000, PEAK_RATE)) for step in range(1001)])
ax.set(xlabel="step of 1000", ylabel="learning rate")
plots.show(fig, "One cycle.", "A line rises to 0.2 at step 200 and falls to zero at step 1000.")

# %% [markdown]
# ## One way to train everything
#
# Every network below is trained by these two functions. Augmentation happens inside `tf.data`, on training pictures only: a random shift by up to an eighth of the picture, and a mirror image half of the time. Label smoothing asks for 91 % instead of 100 % certainty. Weight decay leaves batch normalisation and biases alone.


# %%
def batches(split, size, augment=True):
    """An endless stream of shuffled training batches at size × size pixels."""
    images, labels = tf.constant(split.images), tf.one_hot(split.labels, 10)
    shift = layers.RandomTranslation(1 / 8, 1 / 8, fill_mode="reflect")
    vary = keras.Sequential([layers.RandomFlip("horizontal"), shift])

    def look_up(rows):
        x = tf.ensure_shape(prepared(tf.gather(images, rows), size), (BATCH_SIZE, size, size, 3))
        return vary(x, training=True) if augment else x, tf.gather(labels, rows)

    order = tf.data.Dataset.range(len(split)).shuffle(len(split)).repeat()
    return order.batch(BATCH_SIZE, drop_remainder=True).map(look_up).prefetch(2)


# %%
pictures, _ = next(iter(batches(rest, 32)))
fig = plots.image_grid((pictures[:8] * channel_sd + channel_mean).numpy().astype("uint8"), columns=8)
plots.show(
    fig,
    "Eight pictures as the training sees them: shifted, some of them mirrored, borders reflected.",
    "Eight colour photographs, a little off centre.",
)


# %%
def ready(model, steps, steps_per_call=1):
    """Compile with the optimiser that all comparisons share."""
    rate = OneCycle(steps, PEAK_RATE)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING)
    model.compile(optimizer, loss, jit_compile=False, steps_per_execution=steps_per_call)
    return model


def accuracy(model, split, size=32):
    """Share of pictures that the model gets right, in inference mode."""
    return np.mean(metrics.classify(model, prepared(split.images, size)) == split.labels)


# %% [markdown]
# ## Does depth help?
#
# Three depths, plain and residual, the same steps for each, three seeds. No augmentation here: we ask how well the networks *fit*.

# %%
POINTS = min(20, SWEEP_STEPS)  # how often the loss is noted


def train_deep(run):
    """Training loss along the way and final validation accuracy of one network."""
    kind, depth, seed = run
    keras.utils.set_random_seed(seed)
    per_point = SWEEP_STEPS // POINTS
    model = ready(deep(kind, depth), SWEEP_STEPS, steps_per_call=per_point)
    stream = batches(rest, 16, augment=False)
    history = model.fit(stream, steps_per_epoch=per_point, epochs=POINTS, shuffle=False, verbose=0)
    return {"loss": history.history["loss"], "accuracy": accuracy(model, valid, 16)}


shared = dict(LIMIT=LIMIT, BATCH_SIZE=BATCH_SIZE, PEAK_RATE=PEAK_RATE, DECAY=WEIGHT_DECAY, SMOOTHING=LABEL_SMOOTHING)
settings = shared | dict(SWEEP_STEPS=SWEEP_STEPS, SWEEP_WIDTH=SWEEP_WIDTH)
runs = [(kind, depth, seed) for depth in DEPTHS for kind in ("plain", "residual") for seed in range(SEEDS)]
sweep = resume.pieces("depth sweep", runs, train_deep, settings)

# %%
fig, axes = plots.axes(columns=2, sharey=True)
steps = np.linspace(0, SWEEP_STEPS, POINTS + 1)[1:]
for ax, kind in zip(axes, ("plain", "residual")):
    losses = {f"{d} layers": [sweep[kind, d, seed]["loss"] for seed in range(SEEDS)] for d in DEPTHS}
    plots.curves(losses, "step", "training loss", x=steps, ax=ax, title=kind)
axes[1].set_ylabel("")
plots.show(
    fig,
    f"Training loss by depth, {SEEDS} seeds. Left without, right with shortcuts.",
    "Left, the deepest plain network has by far the highest training loss; right, the three depths lie close together.",
)

# %%
rows = [["one class for all", "", "10.0"]]
for kind in ("plain", "residual"):
    for depth in DEPTHS:
        last = [sweep[kind, depth, seed]["loss"][-1] for seed in range(SEEDS)]
        right = [sweep[kind, depth, seed]["accuracy"] for seed in range(SEEDS)]
        rows.append([f"{kind}, {depth} layers", metrics.mean_sd(last, 2), metrics.mean_sd(right, 1, scale=100)])
plots.table(rows, ["network", "training loss at the end", "validation accuracy %"])

# %% [markdown]
# The plain stacks get worse with depth, and not on new images only: their *training* loss ends at 1.74, 1.90 and 2.21. A network that only guesses has $\log 10 = 2.30$, and the 56 plain layers are right in 16.1 %, not far from chance. With shortcuts 8 and 20 layers end level, at 1.72 and 1.71, and 56 layers do learn: 1.87, and 35.5 % right.
#
# Look at the whole column before you praise depth. After 120 steps the deepest residual network is still almost seven points behind the shallow one. Shortcuts make depth *trainable*. They do not make it pay in a short run.

# %% [markdown]
# ## DenseNet: keep everything
#
# A residual block *adds* to what came before. A dense block *keeps* it: layer $\ell$ gets the maps of all earlier layers, stacked along the channels, and contributes $k$ new ones. $k$ is called the *growth*.
#
# $$x_\ell = H_\ell\big([x_0, x_1, \dots, x_{\ell-1}]\big)$$
#
# $H$ normalises first: batch normalisation, ReLU, 1 × 1 convolution to $4k$ channels (the *bottleneck*, the B of DenseNet-BC), batch normalisation, ReLU, 3 × 3 convolution to $k$ channels.


# %% tags=["helper"]
def normalised(x, filters, kernel):
    """Batch normalisation, ReLU, convolution: the order of a DenseNet."""
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x)


# %% tags=["helper"]
def seen_by(tensor):
    """The operations whose maps are stacked in a tensor, however the stacking was nested."""
    operation = producer(tensor)
    if type(operation).__name__ != "Concatenate":
        return {operation}
    return set().union(*(seen_by(x) for x in operation.input))


def bottlenecks(model):
    """The 1 × 1 convolutions in order, each with the maps that its normalisation sees."""
    found = []
    for layer in convolutions(model, 1):
        before = producer(producer(layer.input).input)  # back over ReLU to batch normalisation
        found.append((layer, seen_by(before.input)))
    return found


# %% [markdown]
# ### Exercise 07.4 · The dense block
#
# Return the input and all new maps, stacked. Use `normalised` twice in each layer.


# %% tags=["exercise"]
def dense_block(x, count, growth):
    """`count` layers, each of which sees the input and the maps of all earlier layers of the block."""
    ### BEGIN SOLUTION
    maps = [x]
    for _ in range(count):
        seen = layers.Concatenate()(maps) if len(maps) > 1 else x
        maps.append(normalised(normalised(seen, 4 * growth, 1), growth, 3))
    return layers.Concatenate()(maps)
    ### END SOLUTION


# %% tags=["check"]
def what_dense_layers_see(channels, count, growth):
    """For each layer of a block: how many maps it sees, and of how many channels; then the output's channels."""
    x = keras.Input((8, 8, channels))
    out = dense_block(x, count, growth)
    seen = [[len(maps), layer.input.shape[-1]] for layer, maps in bottlenecks(keras.Model(x, out))]
    return {"maps and channels": sorted(seen), "output channels": out.shape[-1]}


checks.run("07.dense_block", what_dense_layers_see)

# %% [markdown] tags=["notes"]
# **Ask:** how do you know that the code builds what the drawing shows? Likely: "it trains". So does the wrong one, which stacks only the last two tensors. Read the graph.

# %% [markdown]
# A "DenseNet" in a public solution stacked only the last two tensors. That runs, trains, and is another network. So we do not trust the picture in our head and ask the graph: layer number $\ell$ must see the input and *each* of the earlier 3 × 3 convolutions.

# %%
block_input = keras.Input((8, 8, 24))
block = keras.Model(block_input, dense_block(block_input, 5, 12))
sources = [producer(block_input), *convolutions(block, 3)]
connected = np.zeros((5, 5))
for row, (_, maps) in enumerate(bottlenecks(block)):
    assert maps == set(sources[: row + 1]), f"layer {row + 1} does not see exactly the earlier maps"
    connected[row, [sources.index(operation) for operation in maps]] = 1

# %%
fig, ax = plots.axes(height=3)
names = ["input", *(f"layer {i}" for i in range(1, 6))]
plots.heatmap(
    connected, names[1:], names[:5], xlabel="sees the maps of", digits=0, ax=ax, limits=(0, 1), colourbar=False
)
plots.show(
    fig,
    "Read from the graph: who sees whom in a block of five layers.",
    "A triangle of ones: layer one sees the input, layer five sees the input and layers one to four.",
)


# %% [markdown]
# Between the blocks a *transition* halves the number of channels (the *compression*, the C) and the size of the map.


# %%
def densenet(count, growth, name, stages=3):
    """DenseNet-BC with `count` layers in each block."""
    pictures = keras.Input((None, None, 3))
    x = layers.Conv2D(2 * growth, 3, padding="same", use_bias=False)(pictures)
    for stage in range(stages):
        x = dense_block(x, count, growth)
        if stage < stages - 1:
            x = layers.AveragePooling2D(2)(normalised(x, x.shape[-1] // 2, 1))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    return keras.Model(pictures, layers.Dense(10, name="logits")(x), name=name)


# %% [markdown]
# ## What a step costs
#
# Multiplications are not seconds: many small layers keep a processor waiting for memory. So we need a stopwatch.
#
# ### Exercise 07.5 · A stopwatch that does not lie
#
# The first call of a compiled function includes compiling it. Call `function` once without counting, then `repeats` times, each between two calls of `clock`, and return the median.


# %% tags=["exercise"]
def seconds_per_call(function, repeats=5, clock=time.perf_counter):
    """Median seconds of a call of `function`, after one call that is not counted."""
    ### BEGIN SOLUTION
    function()
    seconds = []
    for _ in range(repeats):
        begin = clock()
        function()
        seconds.append(clock() - begin)
    return float(np.median(seconds))
    ### END SOLUTION


# %% tags=["check"]
def time_a_known_function(durations, repeats):
    """Run the stopwatch on a pretended function whose calls last durations[0], durations[1], … seconds."""
    now, calls = [0.0], [0]

    def pretend():
        now[0] += durations[calls[0]]
        calls[0] += 1

    measured = seconds_per_call(pretend, repeats, clock=lambda: now[0])
    return {"measured": measured, "calls": calls[0]}


checks.run("07.seconds_per_call", time_a_known_function)

# %% [markdown] tags=["notes"]
# **Ask:** why the median and not the mean, and why is the first call thrown away? The first one compiles; another program that wakes up makes one call long. Then let them guess which of the three candidates is fastest per step, before the table.

# %% [markdown]
# ## Three shapes for one budget
#
# Three candidates: ResNet-20, deep and narrow; DenseNet-BC, which keeps everything; and a wide net with only two residual blocks, which shrinks its maps by pooling. It has few layers and many channels.
#
# Each gets the same number of steps on pictures of 16 × 16 pixels, with several seeds, and is judged on validation images. Equal steps are not equal seconds, so the price of a step stands beside the score. It is measured on the machine of this notebook, and is the one column that differs from run to run.
#
# The wide net ends with the *maximum* over each map and divides its scores by 8. Without that factor the scores of a fresh network are so large that the first steps throw it off: a trial of this lesson stayed at 21 %, with it the same net had 52 %.


# %%
def wide_resnet(widths, name):
    """Convolution and pooling in turn, with a residual block after the first and the last pooling."""
    pictures = keras.Input((None, None, 3))
    x = layers.ReLU()(convolve(pictures, widths[0]))
    for stage, filters in enumerate(widths[1:], start=1):
        x = layers.MaxPooling2D(2)(layers.ReLU()(convolve(x, filters)))
        if stage in (1, len(widths) - 1):
            x = residual_block(x, filters)
    scores = layers.Dense(10, name="scores")(layers.GlobalMaxPooling2D()(x))
    return keras.Model(pictures, layers.Rescaling(1 / 8, name="logits")(scores), name=name)


CANDIDATES = {
    "ResNet-20": lambda: stack(residual_block, 3, (16, 32, 64), "resnet20"),
    "DenseNet-BC": lambda: densenet(3, 14, "densenet"),
    "wide ResNet-9": lambda: wide_resnet((32, 64, 128, 256), "wide_resnet9"),
}


# %%
def screen(run):
    """Train one candidate at 16 × 16 pixels; validation accuracy, and seconds of a training step."""
    name, seed = run
    keras.utils.set_random_seed(seed)
    model, stream = ready(CANDIDATES[name](), SCREENING_STEPS), batches(rest, 16)
    model.fit(stream, steps_per_epoch=SCREENING_STEPS, epochs=1, shuffle=False, verbose=0)
    found = accuracy(model, valid, 16)
    seconds = seconds_per_call(lambda: model.fit(stream, steps_per_epoch=2, shuffle=False, verbose=0), repeats=3) / 2
    return {"accuracy": found, "seconds": seconds}


settings = shared | dict(STEPS=SCREENING_STEPS)
screened = resume.pieces("screening", [(n, s) for n in CANDIDATES for s in range(SEEDS)], screen, settings)

# %%
rows = [["one class for all", "", "", "", "10.0"]]
for name, build in CANDIDATES.items():
    parameters, times = network_cost(build(), size=16)
    right = [screened[name, seed]["accuracy"] for seed in range(SEEDS)]
    seconds = np.median([screened[name, seed]["seconds"] for seed in range(SEEDS)])
    cost = [f"{parameters:,}", f"{times / 1e6:.1f}", f"{1000 * seconds:.0f}"]
    rows.append([name, *cost, metrics.mean_sd(right, 1, scale=100)])
columns = ["network", "parameters", "million multiplications", "ms per step", "validation accuracy %"]
plots.table(rows, columns)

# %%
fig, ax = plots.axes(height=3.6)
for name, marker in zip(CANDIDATES, "osD"):
    right = [100 * screened[name, seed]["accuracy"] for seed in range(SEEDS)]
    milliseconds = [1000 * screened[name, seed]["seconds"] for seed in range(SEEDS)]
    ax.plot(milliseconds, right, marker, label=name, markersize=10, alpha=0.8)
ax.set(xlabel="milliseconds per training step", ylabel="validation accuracy, %", xlim=(0, None))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plots.show(
    fig,
    "Accuracy after the same number of steps against the price of one step. Each mark is one seed.",
    "Three groups of marks, one for each network, at different prices and heights.",
)

# %% [markdown]
# After the same 120 steps the wide net has 50.0 %, seven and nine points more than the two others, which the spread of their seeds cannot tell apart. It makes more than twice their multiplications, but in few large layers: a step takes 166 ms, that of ResNet-20 119. Whether 40 % more steps would have won back nine points was not asked here.
#
# DenseNet-BC has the fewest parameters, as many multiplications as ResNet-20, and the dearest step: stacking and normalising ever longer stacks is work that no multiplication counts. But look at its squares: one seed took 330 ms a step, the two others about 200. Nothing differs between them but the minute. Other programs use a machine too, and no median over one run can mend that. If a price decides, measure it again at another time.

# %% [markdown]
# ## The long run
#
# The candidate with the best mean on validation images gets the long run, once. Early epochs see smaller pictures: a picture of 24 × 24 costs about half as much, and what the first epochs learn does not need fine detail. This is *progressive resizing*. Taking the mean or the maximum over the final map makes it possible, because no layer depends on the size of the picture.

# %%
STEPS_PER_EPOCH = len(rest) // BATCH_SIZE
winner = max(CANDIDATES, key=lambda name: np.mean([screened[name, seed]["accuracy"] for seed in range(SEEDS)]))
keras.utils.set_random_seed(0)
model = ready(CANDIDATES[winner](), len(SIZES) * STEPS_PER_EPOCH)
model.optimizer.build(model.trainable_variables)
print(f"{winner}: {len(SIZES)} epochs of {STEPS_PER_EPOCH} steps, sizes {SIZES}")


# %%
def long_run(epoch):
    """Train one more epoch, at that epoch's picture size; loss and validation accuracy."""
    keras.utils.set_random_seed(epoch)
    size = SIZES[epoch]
    history = model.fit(batches(rest, size), steps_per_epoch=STEPS_PER_EPOCH, epochs=1, shuffle=False, verbose=0)
    found = {"loss": history.history["loss"][0], "accuracy": accuracy(model, valid)}
    print(f"epoch {epoch + 1}  {size} × {size}  loss {found['loss']:.3f}  validation accuracy {found['accuracy']:.4f}")
    return found


def state():
    """What an interrupted long run needs to go on: the network and the momentum of its optimiser."""
    return model.variables + model.optimizer.variables


progress = resume.stages("long run", len(SIZES), long_run, state, shared | dict(SIZES=SIZES, winner=winner))

# %%
fig, ax = plots.axes(height=3.4)
ax.plot(range(1, len(SIZES) + 1), [100 * epoch["accuracy"] for epoch in progress], "o-")
ax.set(xlabel="epoch", ylabel="validation accuracy, %", xticks=range(1, len(SIZES) + 1))
plots.show(
    fig,
    f"{winner}: validation accuracy, always measured at 32 × 32 pixels.",
    "The line rises from epoch to epoch and is highest at the end, when the learning rate has fallen to zero.",
)

# %% [markdown]
# ## The test set, once
#
# The baseline is a linear softmax on the pixels, trained by the same function. Both are seen by the test images here for the first time.

# %%
keras.utils.set_random_seed(0)
pixels = keras.Input((32, 32, 3))
linear = keras.Model(pixels, layers.Dense(10)(layers.Flatten()(pixels)))
linear.compile(keras.optimizers.Adam(0.0005), keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
linear_run = linear.fit(
    batches(rest, 32, augment=False), steps_per_epoch=STEPS_PER_EPOCH, epochs=len(SIZES), shuffle=False, verbose=0
)

# %%
predicted = metrics.classify(model, prepared(cifar.test.images))
found = np.mean(predicted == cifar.test.labels)
linear_found = accuracy(linear, cifar.test)
error = np.sqrt(found * (1 - found) / len(cifar.test))
plots.table(
    [
        ["one class for all", "10.0", ""],
        ["linear softmax on pixels", f"{100 * linear_found:.1f}", f"{len(SIZES)} epochs"],
        [f"{winner}, this lesson", f"{100 * found:.1f} ± {100 * error:.1f}", f"{len(SIZES)} epochs"],
        ["public student solutions", "74 to 78.5", ""],
        ["ResNet-20 (He et al. 2016)", "91.25", "64 000 steps, augmented"],
        ["DenseNet L = 40, k = 12 (Huang et al. 2017)", "93.00", "300 epochs, no augmentation"],
    ],
    ["network", "test accuracy %", "training"],
)

# %%
results.record("best_test_accuracy", found)

# %% [markdown]
# The ± is the standard error that 10 000 test images leave, not a spread of seeds: the long run is one run. The papers' numbers show where more epochs lead.

# %%
fig = plots.confusion(metrics.confusion_matrix(cifar.test.labels, predicted, 10), cifar.classes)
plots.show(
    fig,
    f"Confusions of {winner} on the test images.",
    "A strong diagonal; the largest confusions lie between cat and dog.",
)

# %% [markdown]
# ## Eager, tf.function, XLA
#
# The same forward pass of 32 pictures, three ways: *eager* calls one operation after the other from Python; `tf.function` records them once as a graph; `jit_compile=True` lets the compiler XLA fuse the graph into machine code. The stopwatch warms up first. Times belong to the machine that ran this notebook, and are the one thing here that differs from run to run.

# %%
ways = {
    "eager": lambda net: net,
    "tf.function": tf.function,
    "XLA": lambda net: tf.function(net, jit_compile=True),
}
x = prepared(rest.images[:32])
timed = {way: [] for way in ways}
for width in TIMED_WIDTHS:
    net = stack(residual_block, 1, (width, 2 * width, 4 * width), f"resnet8_{width}")
    for way, wrap in ways.items():
        call = wrap(lambda pictures, net=net: net(pictures, training=False))
        timed[way].append(1000 * seconds_per_call(lambda: call(x)))

# %%
fig = plots.curves(timed, "filters in the first stage", "ms for 32 pictures", x=TIMED_WIDTHS, log="xy")
fig.axes[0].set_xticks(TIMED_WIDTHS, TIMED_WIDTHS)
fig.axes[0].minorticks_off()
plots.show(
    fig,
    "Forward pass of a ResNet-8 by width, after warm-up, on this machine.",
    "Three rising lines on logarithmic axes: eager is slowest for the narrowest network; the others depend on width.",
)

# %% [markdown]
# The narrow network shows what Python costs: with 4 filters eager calls take 19 ms, the graph 4. With 64 filters the arithmetic takes most of the time, and the graph is only about a third faster. XLA is behind the plain graph at 4 filters, and level with it beyond. A graph hands its convolutions to a library that was tuned for this processor by hand, and XLA brings its own. On a GPU, or with many small operations in a row, the order can be another one: measure before you switch it on.

# %% [markdown]
# ## What went wrong in practice
#
# - **A DenseNet that is none.** Stacking only the last two tensors runs without complaint. The assertion on the graph would have stopped it.
# - **ReLU before batch normalisation** in a residual net: half of the normalised signal is thrown away before it is centred. Our checks read the order from the graph.
# - **Raw pixels from 0 to 255.** They cost several points in a published solution.
# - **Timing the first call.** It measures the compiler, not the network.
# - **Comparing epochs instead of costs.** Two networks with equal epochs may differ by a factor of three in seconds: put the price beside the score.

# %% [markdown]
# ## Summary
#
# - Plain stacks degrade with depth, already on the training set: it is a failure of optimisation, visible in the gradients before the first step.
# - A shortcut makes "do nothing" the easy choice; the projection is needed only where shapes differ.
# - A dense block keeps all earlier maps. Read the connections from the graph, not from the code.
# - One cycle, small pictures first and a wide, shallow net get far in few epochs; depth pays when there is time.

# %% [markdown]
# ## Going further
#
# - With a GPU, set `SIZES = (32,) * 30` and double the widths of the wide net. How far does it go?
# - Put batch normalisation and ReLU *before* each convolution of the residual block and leave the sum bare. Does the deepest network train better?
# - Start each block as the identity: initialise the last $\gamma$ of $F$ with zero. What happens to the gradients before training?

# %% [markdown]
# ## References
#
# - K. He, X. Zhang, S. Ren, J. Sun (2016), *Deep Residual Learning for Image Recognition*.
# - G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger (2017), *Densely Connected Convolutional Networks*.
# - S. Zagoruyko, N. Komodakis (2016), *Wide Residual Networks*.
# - L. N. Smith, N. Topin (2019), *Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates*.
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz (2019), *A Mean Field Theory of Batch Normalization*.
# - A. Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*.
