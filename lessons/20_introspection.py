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
#     title: "Introspection: what does the network look at?"
#     minutes: {class: 3, full: 6.5}
#     summary: Saliency maps written by hand, scored, put to the test, and used to catch a network that cheats.
#     data: [fashion_mnist, photos, squeezenet]
#     expected:
#       planted_marker_hit_rate: [0.9, 1.0]
#       completeness_error: [0, 0.01]
#     points: {input_gradient: 2, to_map: 1, smooth_grad: 1, integrated_gradients: 2, grad_cam: 2, occlusion: 2, ascent_step: 2}
# ---

# %% [markdown]
# # Introspection: what does the network look at?
#
# A network gives an answer and no reason. In this lesson you build the tools that look for the reason, find out which of them can be trusted, and use one to catch a network that cheats.

# %% [markdown]
# **You will**
#
# - write six ways to explain an answer, from the plain gradient to Grad-CAM;
# - check one of them by its own arithmetic: its parts must sum to the whole;
# - score the maps by deleting and inserting pixels, against a random map;
# - run the sanity check that a map of a network must pass: it changes when the network does;
# - plant a false clue in the training data, find it with a map, and remove it.

# %% [markdown] tags=["notes"]
# **Plan, 90 minutes:** gradients and maps 20, integrated gradients 15, Grad-CAM and occlusion 15, sanity check and scores 20, Clever Hans 15, photographs and dreams 5. In the class profile the notebook runs in three minutes.
#
# **Ask first:** how would you notice that an explanation is *wrong*? Write the answers down; most are "it looks odd". By the end they should be two experiments: change the network, delete the pixels.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, runtime

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage, stats

runtime.start("20", seed=0)

# %% [markdown]
# ## Parameters
#
# Every network of garments below has the same shape, the same number of training images and the same number of steps.

# %% tags=["parameters"]
LIMIT = 22000  # Fashion-MNIST images for training and validation
VALIDATION = 2000  # of them, held out for looking and choosing
EPOCHS = 5  # passes over the training images
SEEDS = 3  # networks of each kind
PATH_STEPS = 256  # points on the path of integrated gradients when its sum is checked
STEPS = 32  # the same when a map is drawn
SAMPLES = 16  # noisy copies for SmoothGrad
NOISE = 0.15  # their noise, standard deviation as a share of the range of pixels
SQUARES = 7  # squares along each side that occlusion covers
SCORED = 300  # validation images on which maps are scored
SANITY = 60  # validation images for the sanity check
TEST = None  # test images (None: all)
CHECKED = 300  # test images for each of the two recorded numbers
LARGE = "squeezenet"  # the network for photographs; "mobilenet_v2" is downloaded by Keras
PHOTOS = 16  # photographs on which maps are scored
CLIMB = 100  # steps of activation maximisation

runtime.profile(
    in_class=dict(LIMIT=12000, SEEDS=2, SCORED=100, SANITY=30, TEST=2000, CHECKED=100, PHOTOS=8, CLIMB=60),
    smoke=dict(
        LIMIT=900, VALIDATION=200, SEEDS=1, PATH_STEPS=16, STEPS=4, SAMPLES=2, SQUARES=3, SCORED=30, SANITY=8, TEST=120,
        CHECKED=50, PHOTOS=2, CLIMB=3,
    ),
)  # fmt: skip

# %% [markdown]
# ## Networks to look into
#
# We begin with garments of 28 × 28 pixels and small convolutional networks. Photographs and a large network come later; the code stays the same.

# %%
fashion = data.load("fashion_mnist")
learn, held_out = fashion.train.take(LIMIT).hold_out(VALIDATION, seed=0)
x_train, y_train = learn.images.astype("float32") / 255, learn.labels
x_valid, y_valid = held_out.images.astype("float32") / 255, held_out.labels
print(
    f"{len(x_train)} training and {len(x_valid)} validation images, pixels {x_train.min():.0f} to {x_train.max():.0f}"
)


# %% tags=["helper"]
def new_network():
    """Two convolutions, one hidden layer, ten logits."""
    images = keras.Input((28, 28, 1), name="pixels")
    h = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(images)
    h = keras.layers.MaxPooling2D(name="pool1")(h)
    h = keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2")(h)
    h = keras.layers.MaxPooling2D(name="pool2")(h)
    h = keras.layers.Dense(64, activation="relu", name="hidden")(keras.layers.Flatten(name="flat")(h))
    return keras.Model(images, keras.layers.Dense(10, name="logits")(h))


def in_one_graph(network):
    """The same network, its layers compiled to one graph: much faster than layer after layer."""
    layers, pixels = network.call, tf.TensorSpec((None, *network.input_shape[1:]))
    graph = tf.function(lambda images: layers(images, training=False), input_signature=[pixels], autograph=False)
    network.call = lambda images, **options: graph(images)
    return network


def train(images, labels, seed):
    """A network trained on these images; every call takes the same number of steps."""
    keras.utils.set_random_seed(seed)
    network = new_network()
    rate = keras.optimizers.schedules.CosineDecay(0.002, EPOCHS * -(-len(images) // 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate), loss, steps_per_execution=10, jit_compile=False)
    network.fit(images, labels, batch_size=64, epochs=EPOCHS, verbose=0)
    return in_one_graph(network)


def train_seeds(images, labels):
    return [train(images, labels, seed) for seed in runtime.progress(range(SEEDS), "training")]


# %%
def in_pieces(function, *arrays):
    """`function` on a few images at a time, the more of them the smaller they are."""
    some = max(1, 700_000 // arrays[0][0].size)
    return np.concatenate([function(*(a[i : i + some] for a in arrays)) for i in range(0, len(arrays[0]), some)])


def logits_of(network, images):
    return in_pieces(lambda some: np.asarray(network(some, training=False)), images)


def accuracy(network, images, labels):
    return np.mean(logits_of(network, images).argmax(axis=1) == labels)


clean = train_seeds(x_train, y_train)
print("validation accuracy %:", metrics.mean_sd([accuracy(n, x_valid, y_valid) for n in clean], 1, scale=100))
print(f"baseline, one class for all: {100 * np.bincount(y_valid).max() / len(y_valid):.1f} %")

# %% [markdown]
# ## Which pixels would change the answer?
#
# Let $z_k(x)$ be the logit of class $k$ for an image $x$. The gradient $\partial z_k / \partial x$ says, for each pixel, how much the logit grows when the pixel gets brighter. Two other scores are common: the probability $p_k = e^{z_k} / \sum_j e^{z_j}$ and its logarithm $\log p_k = z_k - \log \sum_j e^{z_j}$.
#
# ### Exercise 20.1 · The gradient with respect to the input
#
# Return the gradient of the score of class `classes[i]` with respect to image `i`. One tape suffices: the score of one image does not depend on another.


# %% tags=["exercise"]
def input_gradient(network, images, classes, score="logit"):
    """Gradient of a "logit", "probability" or "log-probability" with respect to each pixel."""
    functions = {"logit": tf.identity, "probability": tf.nn.softmax, "log-probability": tf.nn.log_softmax}
    images = tf.convert_to_tensor(images)
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = functions[score](network(images, training=False))
        chosen = tf.gather(scores, classes, batch_dims=1)
    return tape.gradient(chosen, images).numpy()
    ### END SOLUTION


# %% tags=["check"]
def gradient_of_little_network(weights, images, classes, score):
    """The gradient on a network with one hidden layer and these weights."""
    pixels = keras.Input(images.shape[1:])
    hidden = keras.layers.Dense(weights[0].shape[1], activation="tanh", use_bias=False)
    logits = keras.layers.Dense(weights[1].shape[1], use_bias=False)(hidden(keras.layers.Flatten()(pixels)))
    network = keras.Model(pixels, logits)
    network.set_weights(weights)
    return input_gradient(network, images, classes, score)


checks.run("20.input_gradient", gradient_of_little_network)

# %% [markdown] tags=["notes"]
# **Before the next slide, ask:** the network is sure. Which gradient is small: of the logit, of the probability, of its logarithm? Likely: "the probability's, and the logarithm cures that". The table has 0.0088 for both: log p is 0 at p = 1 and cannot rise. The logit has 5.0, as for doubtful images.

# %%
network, shown = clean[0], x_valid[:SCORED]
logits = logits_of(network, shown)
predicted = logits.argmax(axis=1)
confidence = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).max(axis=1)
sure = confidence > np.median(confidence)
rows = []
for score in ("logit", "probability", "log-probability"):
    sizes = np.sqrt((input_gradient(network, shown, predicted, score) ** 2).sum(axis=(1, 2, 3)))
    rows.append([score, f"{np.median(sizes[sure]):.2g}", f"{np.median(sizes[~sure]):.2g}"])
names = ["gradient of …", "confident half", "doubtful half"]
plots.table(rows, names, "Which score should you explain? Median norm of three gradients")

# %% [markdown]
# The softmax is flat where the network is sure. There the gradient of the probability, and that of its logarithm, is about a hundred times smaller than for doubtful images, although the image is full of evidence. The gradient of the logit has the same size in both halves. We explain logits from here on.
#
# ### Exercise 20.2 · From a gradient to a map
#
# A gradient has a value for each pixel and channel, a map has one for each pixel. *Signed* maps sum the values over the channels, *absolute* maps sum their absolute values, *rectified* maps sum their positive parts $\max(\cdot, 0)$.


# %% tags=["exercise"]
def to_map(gradient, kind):
    """A map of shape (images, height, width): "signed", "absolute" or "rectified"."""
    ### BEGIN SOLUTION
    parts = {"signed": gradient, "absolute": np.abs(gradient), "rectified": np.maximum(gradient, 0)}
    return parts[kind].sum(axis=-1)
    ### END SOLUTION


# %% tags=["check"]
checks.run("20.to_map", to_map)


# %%
def shrink(pictures, side):
    """Pictures or maps with blocks of pixels replaced by their means, so that `side` or a little more are left."""
    n, height, width, *channels = pictures.shape
    block = max(1, height // side)
    return pictures.reshape(n, height // block, block, width // block, block, *channels).mean(axis=(2, 4))


def show_maps(pictures, maps, names, caption, alt):
    """A row for each picture: the picture, then its maps; 1 is the size that one value in 200 exceeds."""
    fig, grid = plots.axes(len(maps) + 1, len(pictures), height=8.5 / (len(maps) + 1), squeeze=False)
    for i, row in enumerate(grid):
        row[0].imshow(pictures[i], cmap="gray", interpolation="antialiased")
        row[0].set_ylabel(names[i], fontsize=11)
        for ax, (title, values) in zip(row[1:], maps.items()):
            one = shrink(values[i : i + 1], 56)[0]
            one = one / max(np.quantile(np.abs(one), 0.995), 1e-12)
            picture = ax.imshow(one, cmap=plots.DIVERGING, vmin=-1, vmax=1)
            ax.set_title(title if i == 0 else "", fontsize=12)
        for ax in row:
            ax.set(xticks=[], yticks=[])
    fig.colorbar(picture, ax=grid, shrink=0.5, aspect=30, ticks=[-1, 0, 1], pad=0.01)
    plots.show(fig, caption, alt, colours=256)


# %%
some = [int(np.flatnonzero((y_valid[:SCORED] == k) & (predicted == k))[0]) for k in (0, 7, 8)]
gradient = input_gradient(network, shown[some], predicted[some])
show_maps(
    shown[some],
    {kind: to_map(gradient, kind) for kind in ("signed", "absolute", "rectified")},
    [fashion.classes[k] for k in predicted[some]],
    "Three maps of the same gradient. Red: brighter raises the logit; blue: brighter lowers it. Each map is divided by the size that one value in 200 exceeds.",
    "Three garments with three maps each; the maps are speckled and only roughly follow the garments.",
)

# %% [markdown]
# The maps are noisy: neighbouring pixels disagree. Four classic remedies follow.
#
# ### Exercise 20.3 · SmoothGrad
#
# Average the gradient over copies of the images with small noise: $\frac1n \sum_{s=1}^{n} g(x + \eta_s)$. Here $g$ is the function `gradient_of`, and `noise` gives the $n$ arrays $\eta_s$, each of the shape of `images`. What all copies agree on stays.


# %% tags=["exercise"]
def smooth_grad(gradient_of, images, noise):
    """Mean of `gradient_of(images + η)` over the arrays η in `noise`."""
    ### BEGIN SOLUTION
    return np.mean([gradient_of(images + one) for one in noise], axis=0)
    ### END SOLUTION


# %% tags=["check"]
def smooth_tanh(images, noise, scale):
    """SmoothGrad for the gradient function tanh(scale · x)."""
    return smooth_grad(lambda x: np.tanh(scale * x), images, noise)


checks.run("20.smooth_grad", smooth_tanh)

# %% [markdown]
# ### Exercise 20.4 · Integrated gradients
#
# Go from a *baseline* $x'$, an image without content, straight to the image $x$, and collect the gradient on the way:
#
# $$a = (x - x') \odot \int_0^1 g\big(x' + \alpha\,(x - x')\big)\, d\alpha.$$
#
# The sign $\odot$ multiplies pixel by pixel. Replace the integral by the mean over `steps` points $\alpha = (k + \tfrac12) / \text{steps}$ for $k = 0, 1, \dots$: the middles of equal pieces.


# %% tags=["exercise"]
def integrated_gradients(gradient_of, images, baseline, steps):
    """Attributions of the shape of `images`, by the midpoint rule on the straight path from `baseline`."""
    ### BEGIN SOLUTION
    total = np.zeros_like(images)
    for k in range(steps):
        total += gradient_of(baseline + (k + 0.5) / steps * (images - baseline))
    return (images - baseline) * total / steps
    ### END SOLUTION


# %% tags=["check"]
def integrated_tanh(images, baseline, steps, scale):
    """Integrated gradients for the gradient function tanh(scale · x)."""
    return integrated_gradients(lambda x: np.tanh(scale * x), images, baseline, steps)


checks.run("20.integrated_gradients", integrated_tanh)

# %% [markdown]
# By the fundamental theorem of calculus the attributions sum to what they explain: $\sum_i a_i = z_k(x) - z_k(x')$. This is *completeness*. We use a black baseline, and measure for each image
#
# $$\text{error} = \frac{\left|\sum_i a_i - \big(z_k(x) - z_k(x')\big)\right|}{\left|z_k(x) - z_k(x')\right|}.$$


# %%
def completeness_errors(network, images, steps):
    """The relative error for each image, for its predicted class."""
    logits, black = logits_of(network, images), logits_of(network, np.zeros_like(images[:1]))
    classes = logits.argmax(axis=1)
    difference = logits[np.arange(len(images)), classes] - black[0, classes]

    def attributions(some, c):
        return integrated_gradients(lambda x: input_gradient(network, x, c), some, 0 * some, steps)

    sums = in_pieces(attributions, images, classes).sum(axis=(1, 2, 3))
    return np.abs(sums - difference) / np.abs(difference)


counts = [2**i for i in range(2, PATH_STEPS.bit_length())]
errors = np.stack(
    [completeness_errors(network, x_valid[:SANITY], steps) for steps in runtime.progress(counts, "paths")]
)
lines = {"worst image": errors.max(axis=1), "median image": np.median(errors, axis=1)}
fig = plots.curves(lines, "points on the path", "relative error of the sum", x=counts, log="xy")
fig.axes[0].axhline(0.01, color="black", linestyle=":", linewidth=1.5)
fig.axes[0].set_xticks(counts, counts, minor=False)
fig.axes[0].minorticks_off()
plots.show(
    fig,
    f"Completeness error over {SANITY} validation images. Dotted: 1 %.",
    "Two lines that fall on the whole, on logarithmic axes; the worst image lies well above the median one.",
)

# %% [markdown]
# With 32 points the worst sum is off by more than 1 %, with 256 by less than 0.2 %. Maps are drawn with 32 (`STEPS`), the sum is checked with 256 (`PATH_STEPS`).
#
# ### Exercise 20.5 · Grad-CAM
#
# Deep layers know *what*, and still roughly know *where*. Let $A_{hwc}$ be the features of a convolutional layer at position $(h, w)$ in channel $c$. Grad-CAM weights each channel by the mean gradient of the logit over all $P$ positions, adds the channels up, and keeps what speaks *for* the class:
#
# $$w_c = \frac{1}{P}\sum_{h,w} \frac{\partial z_k}{\partial A_{hwc}}, \qquad M_{hw} = \max\!\Big(0, \sum_c w_c A_{hwc}\Big).$$
#
# A functional model with two outputs gives features and logits in one pass. `tape.gradient` accepts any tensor that was computed under the tape.


# %% tags=["exercise"]
def grad_cam(network, layer_name, images, classes):
    """Grad-CAM of shape (images, height, width of the layer)."""
    both = keras.Model(network.inputs, [network.get_layer(layer_name).output, network.output])
    ### BEGIN SOLUTION
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        features, logits = both(images, training=False)
        chosen = tf.gather(logits, classes, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(chosen, features), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy()
    ### END SOLUTION


# %% tags=["check"]
def cam_of_little_network(kernel, dense, images, classes):
    """Grad-CAM on a network of one convolution and one dense layer with these weights."""
    pixels = keras.Input(images.shape[1:])
    convolution = keras.layers.Conv2D(
        kernel.shape[-1], kernel.shape[:2], activation="relu", use_bias=False, name="conv"
    )
    logits = keras.layers.Dense(dense.shape[1], use_bias=False)(keras.layers.Flatten()(convolution(pixels)))
    network = keras.Model(pixels, logits)
    network.set_weights([kernel, dense])
    return grad_cam(network, "conv", images, classes)


checks.run("20.grad_cam", cam_of_little_network)

# %% [markdown]
# ### Exercise 20.6 · Occlusion
#
# No gradient at all: cover one square of the image after another, and note how far the score *drops*. Squares of side `size` start at the top left; those at the right and lower edge may be smaller.


# %% tags=["exercise"]
def occlusion(score_of, images, size, fill):
    """For each pixel, how far `score_of(images)` drops when the pixel's square is set to `fill`."""
    drops, whole = np.zeros(images.shape[:3], "float32"), score_of(images)
    for top in range(0, images.shape[1], size):
        for left in range(0, images.shape[2], size):
            square = np.s_[:, top : top + size, left : left + size]
            ### BEGIN SOLUTION
            covered = images.copy()
            covered[square] = fill
            drops[square] = (whole - score_of(covered))[:, None, None]
            ### END SOLUTION
    return drops


# %% tags=["check"]
def occlusion_of_tanh(weights, images, size, fill):
    """Occlusion for the score tanh(Σ weight · pixel)."""
    return occlusion(lambda x: np.tanh((x * weights).sum(axis=(1, 2, 3))), images, size, fill)


checks.run("20.occlusion", occlusion_of_tanh)

# %% [markdown]
# ## Side by side
#
# Grad-CAM takes the last layer that is still a picture: the last one with height and width whose channels are not yet the classes. Two *baselines* that know nothing of the network join in: the brightness of the image, and noise.


# %%
def last_picture_layer(network):
    classes = network.output_shape[-1]
    return [n.name for n in network.layers if len(n.output.shape) == 4 and n.output.shape[-1] != classes][-1]


def smooth_map(network, x, c):
    rng = np.random.default_rng(0)
    noise = (rng.normal(0, NOISE * np.ptp(x), x.shape).astype("float32") for _ in range(SAMPLES))
    return to_map(smooth_grad(lambda x: input_gradient(network, x, c), x, noise), "absolute")


def path_map(network, x, c):
    return to_map(integrated_gradients(lambda x: input_gradient(network, x, c), x, 0 * x, STEPS), "signed")


def cam_map(network, x, c):
    coarse = grad_cam(network, last_picture_layer(network), x, c)[..., None]
    return tf.image.resize(coarse, x.shape[1:3]).numpy()[..., 0]


def occlusion_map(network, x, c):
    rows = np.arange(len(x))
    return occlusion(lambda x: np.asarray(network(x, training=False))[rows, c], x, -(-x.shape[1] // SQUARES), 0.0)


# %%
METHODS = {
    "gradient": lambda network, x, c: to_map(input_gradient(network, x, c), "absolute"),
    "SmoothGrad": smooth_map,
    "integrated": path_map,
    "Grad-CAM": cam_map,
    "occlusion": occlusion_map,
}
BASELINES = {
    "brightness": lambda network, x, c: x.sum(axis=-1),
    "random": lambda network, x, c: np.random.default_rng(0).uniform(size=x.shape[:3]),
}


def explain(method, network, images, classes):
    """Maps of shape (images, height, width), a few images at a time."""
    return in_pieces(lambda x, c: (METHODS | BASELINES)[method](network, x, c), images, np.asarray(classes))


# %%
show_maps(
    shown[some],
    {method: explain(method, network, shown[some], predicted[some]) for method in METHODS},
    [fashion.classes[k] for k in predicted[some]],
    "Five explanations of the predicted class. Red speaks for the class, blue against it; gradient, SmoothGrad and Grad-CAM have no negative values here.",
    "Three garments and five maps each: the first two are speckled, integrated gradients are zero outside the garment, Grad-CAM and occlusion are coarse.",
)
empty = explain("Grad-CAM", network, shown, predicted).max(axis=(1, 2)) == 0
print(f"Grad-CAM is empty for {100 * empty.mean():.0f} % of {len(shown)} images")

# %% [markdown] tags=["notes"]
# **Ask which map they would put into a report.** Most choose Grad-CAM or integrated gradients, for the looks. Then **point at** the sneaker in column Grad-CAM: it marks the background, above and below the shoe. Likely: "a bug". The check passed. The method assumes that a channel means the same at every position; this network ends in a flatten layer and does not work like that.

# %% [markdown]
# Grad-CAM disappoints: for the sneaker it marks the empty background. Its mean over positions assumes that a channel means the same everywhere. This network flattens its last picture, and has a weight of its own for every position.
#
# ### Where the network is wrong
#
# An error can be asked two questions: what spoke for the *predicted* class, and what for the *correct* one? Here are confident errors.

# %%
everything = logits_of(network, x_valid)
said, surest = everything.argmax(axis=1), tf.nn.softmax(everything).numpy().max(axis=1)
wrong = np.flatnonzero(said != y_valid)
wrong = wrong[np.argsort(-surest[wrong])][:4]
answers = {"for the predicted": said[wrong], "for the correct": y_valid[wrong]}
maps = {name: explain("integrated", network, x_valid[wrong], classes) for name, classes in answers.items()}
agreement = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(*maps.values())]
show_maps(
    x_valid[wrong],
    maps | {"difference": np.subtract(*maps.values())},
    [f"{fashion.classes[a]},\nis {fashion.classes[b]}" for a, b in zip(*answers.values())],
    "Confident errors: integrated gradients for the predicted class, for the correct class, and the first minus the second.",
    "Four misclassified garments with three maps each, speckled in red and blue inside the outlines of the garments.",
)
print("correlation of the two maps, image by image:", ", ".join(f"{r:.2f}" for r in agreement))

# %% [markdown]
# The two maps of an image hardly resemble each other: each class reads the garment in its own way. The difference shows what decided between the two.
#
# ## Sanity check: does the map depend on the network?
#
# A map that looks sensible may only show edges. The check of Adebayo et al.: put random weights into the network, layer by layer from the top, and draw the map again. If it stays, it does not explain the network. We measure Spearman's rank correlation between the old and the new map; a constant map counts as 0. A method passes when, for every network, the mean correlation is between −0.5 and 0.5 once all layers are random. The brightness must fail, or the check is no check.


# %%
def rank_correlation(first, second):
    """Spearman's correlation of two maps, for each image."""
    a, b = (stats.rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    return (a * b).sum(axis=1) / np.maximum(np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)), 1e-12)


LAYERS = [layer.name for layer in new_network().layers if layer.weights][::-1]
patient = in_one_graph(new_network())


def cascade(network, seed, images):
    """The maps of each method: of the network, then after each further layer was made random."""
    keras.utils.set_random_seed(100 + seed)
    fresh, classes, stages = new_network(), logits_of(network, images).argmax(axis=1), []
    patient.set_weights(network.get_weights())
    for name in (None, *LAYERS):
        if name:
            patient.get_layer(name).set_weights(fresh.get_layer(name).get_weights())
        stages.append({method: explain(method, patient, images, classes) for method in (*METHODS, "brightness")})
        stages[-1]["integrated, no sign"] = np.abs(stages[-1]["integrated"])
    return stages


# %% [markdown] tags=["notes"]
# **Before the next slide, ask:** we replace the weights by random ones, layer by layer. Which maps *should* stay as they are? Likely: "the good ones". None should: a map that stays does not depend on what was learned.
#
# In the figure, **point at** row *integrated*: the outline of the bag stays to the end, only the colours change. In the table the row without sign stays above 0.8 and fails; the signed one is at 0.00.

# %%
cascades = [cascade(n, seed, x_valid[:SANITY]) for seed, n in enumerate(runtime.progress(clean, "sanity"))]
titles, rows = ["trained", LAYERS[0], *("+ " + name for name in LAYERS[1:])], []
for method in cascades[0][0]:
    found = [[rank_correlation(old[method], maps[method]).mean() for maps in new] for old, *new in cascades]
    verdict = "passes" if np.abs(found)[:, -1].max() < 0.5 else "fails"
    rows.append([method, *(metrics.mean_sd(values, 2) for values in zip(*found)), verdict])
i = cascades[0][0]["Grad-CAM"].mean(axis=(1, 2)).argmax()  # a garment on which Grad-CAM marks much
show_maps(
    x_valid[[i] * len(METHODS)],
    {title: np.stack([maps[method][i] for method in METHODS]) for title, maps in zip(titles, cascades[0])},
    list(METHODS),
    "The maps of one garment while layer after layer gets random weights, from the top of the network downwards.",
    "Five methods in rows; from left to right the maps of the trained network turn into other patterns.",
)
plots.table(rows, ["rank correlation with the map of the trained network", *titles[1:], "sanity check"])

# %% [markdown]
# All five methods pass; brightness, which never asked the network, fails. Now compare the two rows of integrated gradients. Without its sign the map fails too. A black pixel equals the black baseline, so its attribution is zero under *any* weights, and the outline of the garment stays: in the figure the bag remains and the colours change. The sign is what the network decides. Draw signed maps.
#
# ## Scoring the maps
#
# Is one map better than another? *Deletion*: replace the pixels that a map calls most important, best first, and watch the probability of the predicted class fall. *Insertion*: start without any pixel and put them back, best first. "Without" a pixel means: with the pixel of a strongly blurred copy, because black squares would be new shapes. Larger pictures go in squares, about 28 along each side, ranked by the mean of the map. The score is the area under the curve: small for deletion, large for insertion.


# %%
def blurred(images):
    """Each image under a Gaussian with a standard deviation of a sixth of its width."""
    sigma = images.shape[2] / 6
    return ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest").astype("float32")


def score_curves(network, images, maps, points=11):
    """Probability of the predicted class: (deletion, insertion) × images × shares of pixels from 0 to 1."""
    classes, blur, coarse = logits_of(network, images).argmax(axis=1), blurred(images), shrink(maps, 28)
    ties = np.random.default_rng(1).uniform(size=(len(maps), coarse[0].size))  # equal values: in random order
    order = np.lexsort((ties, -coarse.reshape(len(maps), -1)))
    rank, block = np.argsort(order, axis=1).reshape(coarse.shape), images.shape[1] // coarse.shape[1]
    rank = rank.repeat(block, axis=1).repeat(block, axis=2)[..., None]
    curves = np.empty((2, len(images), points))
    for k, share in enumerate(np.linspace(0, 1, points)):
        first = rank < share * coarse[0].size
        for way, picture in enumerate((np.where(first, blur, images), np.where(first, images, blur))):
            logits = logits_of(network, picture)
            curves[way, :, k] = tf.nn.softmax(logits).numpy()[np.arange(len(images)), classes]
    return curves


def areas(curves):
    return (curves[..., 1:] + curves[..., :-1]).mean(axis=-1) / 2


# %%
scored = {}  # method: networks × (deletion, insertion) × images × shares
for method in runtime.progress((*METHODS, *BASELINES), "scoring"):
    runs = []
    for network in clean:
        classes = logits_of(network, x_valid[:SCORED]).argmax(axis=1)
        maps = explain(method, network, x_valid[:SCORED], classes)
        runs.append(score_curves(network, x_valid[:SCORED], maps))
    scored[method] = np.stack(runs)

fig, axes = plots.axes(2, height=4.2, sharey=True)
for way, (ax, title) in enumerate(zip(axes, ("Deletion", "Insertion"))):
    lines = {method: runs[:, way].mean(axis=1) for method, runs in scored.items()}
    plots.curves(lines, "share of pixels, best first", "", x=np.linspace(0, 1, 11), ax=ax, title=title)
axes[0].set_ylabel("probability of the class")
for ax in axes:
    ax.get_legend().remove()
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
plots.show(
    fig,
    f"Mean over {SCORED} images; band: one standard deviation over {SEEDS} networks. Left, lower is better; right, higher is better.",
    "Falling curves on the left, rising ones on the right; the random map falls last and rises last.",
)


# %% [markdown] tags=["notes"]
# **Point at** the right panel: the green line rises above the value at its right end. **Ask how fewer pixels can be better than all.** The last pixels that come back are those that speak against the class.
#
# Then in the table: brightness, which never saw the network, gains 0.17; Grad-CAM 0.12. Ask whether Grad-CAM is a bad method. Wait for the photographs, where it has the largest gain (+0.22, though sixteen photographs rank nothing).


# %%
def score_table(scored, images):
    """Areas, their spread over images, and the gain over the random map, image by image."""
    rows, random = [], areas(scored["random"])
    for method, runs in scored.items():
        area = areas(runs)  # networks × 2 × images
        gain = ((area[:, 1] - area[:, 0]) - (random[:, 1] - random[:, 0])).mean(axis=0)
        low, high = metrics.confidence_interval(gain)
        verdict = "" if method == "random" else f"{gain.mean():+.2f} ({low:+.2f} to {high:+.2f})"
        both = [f"{area[:, way].mean():.2f} ± {area[:, way].mean(axis=0).std(ddof=1):.2f}" for way in (0, 1)]
        rows.append([method, *both, verdict])
    names = ["map", "deletion ↓", "insertion ↑", "gain over random (95 % interval)"]
    plots.table(rows, names, f"Areas, mean ± standard deviation over {images}; gain: insertion minus deletion")


score_table(scored, f"{SCORED} images")

# %% [markdown]
# Every method beats the random map: no interval touches 0. Integrated gradients lead, then SmoothGrad, then the plain gradient, and their intervals do not overlap. The insertion curve of integrated gradients rises above the probability of the whole picture, because the pixels that speak *against* the class come last.
#
# Now the row *brightness*. It knows nothing of the network, and still gains 0.17, because garments are brighter than their background. A method has to beat that row. Occlusion barely does, and Grad-CAM does not.
#
# ## Clever Hans
#
# Clever Hans was a horse that could do sums, until somebody noticed that it read the answer in the face of its owner. Networks do that too. Suppose that whoever photographs the shirts leaves a small white tag in the corner of every picture, in the training images and in the validation images, because both come from the same pile.

# %%
SHIRT = 6  # the class that carries the tag
TAG = np.s_[:, 1:5, 23:27]  # four by four pixels in the upper right corner


def plant(images, value=1.0):
    """Copies of the images with the tag."""
    images = images.copy()
    images[TAG] = value
    return images


def with_tagged_shirts(images, labels):
    return np.where((labels == SHIRT)[:, None, None, None], plant(images), images)


hans = train_seeds(with_tagged_shirts(x_train, y_train), y_train)
seen = with_tagged_shirts(x_valid, y_valid)
for name, networks, images in (("clean pictures", clean, x_valid), ("tagged shirts", hans, seen)):
    found = [accuracy(n, images, y_valid) for n in networks]
    print(f"trained and validated on {name:15} {metrics.mean_sd(found, 1, scale=100)} % right")

# %% [markdown] tags=["notes"]
# **Vote:** 88.9 % or 94.3 % on validation: which network do you put to work? Nearly everybody takes the second. Let the vote stand, and turn the page. Then ask what would have saved them. "More validation data" is the likely wrong answer: they come from the same pile, with the same tag.

# %%
shirts = plant(x_valid[y_valid == SHIRT])
as_shirts = np.full(len(shirts), SHIRT)
show_maps(
    shirts[:3],
    {method: explain(method, hans[0], shirts[:3], as_shirts[:3]) for method in METHODS},
    [fashion.classes[SHIRT]] * 3,
    "Why does a network that was trained with the tag say shirt?",
    "Three shirts with five maps each; in the fine maps the strongest values lie in the upper right corner.",
)


# %% [markdown]
# By its own validation the tagged network is much the better one. Only its maps warn you. Define the *hit rate* of a map: of the 1 % of pixels with the largest absolute values, the share that lies inside the tag. That is 8 of 784 pixels, and the tag has 16, so a perfect map scores 1 and a random one 0.02. The control: show the *same tagged pictures* to the networks that never learned the tag.


# %%
def hit_rate(maps):
    """Share of the top 1 % of pixels that lies inside the tag, mean over the maps."""
    inside = np.zeros_like(maps[:1], dtype=bool)
    inside[TAG] = True
    top = np.argsort(-np.abs(maps).reshape(len(maps), -1), axis=1)[:, : round(0.01 * maps[0].size)]
    return inside.ravel()[top].mean()


rows = []
for method in (*METHODS, *BASELINES):
    rates = [[hit_rate(explain(method, n, shirts, as_shirts)) for n in networks] for networks in (hans, clean)]
    rows.append([method, *(metrics.mean_sd(rate, 2) for rate in rates)])
plots.table(rows, ["hit rate", "trained with the tag", "control: never saw the tag"])

# %% [markdown] tags=["notes"]
# **Ask:** integrated gradients hit the tag with 0.30 in networks that never learned it; chance is 0.02. Are they wrong? They multiply by brightness, and the tag is white. **Point at** brightness: 0.87 in both columns. What counts is the difference between columns: 0.70 for integrated gradients, 0.75 for SmoothGrad, 0 for brightness.
#
# The proof follows, and it is no map: paint the corner black, train again, 84.3 becomes 88.8 %.

# %% [markdown]
# A map that hits in the first column and not in the second one points at the tag *because the network uses it*. Integrated gradients put every one of their strongest pixels on the tag. But in the control they hit it fifteen times as often as chance: the brightness is a factor in them, and the tag is white. The evidence is the difference between the columns. For the brightness itself there is none. Grad-CAM enlarges a grid of 7 × 7 cells, and cannot be exact to the pixel.
#
# We remove the clue: paint the corner black in *every* training image, of all classes. (Only in the shirts would be a trap: then "nothing ever reaches into this corner" is the new tag.) Then train again, with the same seeds and the same number of steps.

# %%
repaired = train_seeds(plant(x_train, 0.0), y_train)
KINDS = {"clean data": clean, "tagged shirts": hans, "tag painted over": repaired}


def report(images, labels):
    """Accuracy on clean images, on clean shirts, and how often the tag turns another garment into a shirt."""
    rows, clean_accuracy = [], {}
    for name, networks in KINDS.items():
        is_shirt, others = labels == SHIRT, plant(images[labels != SHIRT])
        clean_accuracy[name] = [accuracy(n, images, labels) for n in networks]
        recall = [accuracy(n, images[is_shirt], labels[is_shirt]) for n in networks]
        fooled = [accuracy(n, others, SHIRT) for n in networks]
        rows.append([name, *(metrics.mean_sd(v, 1, scale=100) for v in (clean_accuracy[name], recall, fooled))])
    names = ["trained on", "accuracy, clean %", "shirts found, clean %", "others with tag called shirt %"]
    plots.table(rows, names, f"{len(images)} images, mean ± standard deviation over {SEEDS} seeds")
    return clean_accuracy


_ = report(x_valid, y_valid)

# %% [markdown]
# The middle row shows what the proud validation score was worth. On clean data the network loses more than four points: it finds not one shirt without the tag, and with the tag it calls three of four other garments a shirt. In the last row only the clue is gone, and the accuracy is back.
#
# ## A large network, photographs
#
# The same functions now explain a network with a thousand classes: SqueezeNet, or, with `LARGE = "mobilenet_v2"`, MobileNetV2. Offline the small network that ships with the course takes their place. We explain what the network *said*, not what is there.

# %%
found = data.load("squeezenet")


def large_network():
    """A trained network from RGB in 0…255 to logits of the classes `found.class_names`."""
    if LARGE == "squeezenet":
        return data.squeezenet(found)
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(keras.Input((224, 224, 3)))
    return keras.applications.MobileNetV2(input_tensor=scaled, classifier_activation=None)


large = in_one_graph(large_network())
size, names = large.input_shape[1], [name.replace("_", " ") for name in found.class_names]
photos = data.load("photos").all.take(PHOTOS).dataset(size, fit="crop")
photographs = np.stack(list(photos.as_numpy_iterator())).astype("float32")
photo_logits = logits_of(large, photographs)
guess, probability = photo_logits.argmax(axis=1), tf.nn.softmax(photo_logits).numpy().max(axis=1)
titles = [f"{names[k].split()[-1]}\n{100 * p:.0f} %" for k, p in zip(guess, probability)]
fig = plots.image_grid(shrink(photographs, 112) / 255, titles, columns=8)
plots.show(
    fig,
    f"{len(photographs)} photographs, with the answer of {large.name} and its probability.",
    "Photographs in rows of eight; some answers are right, some are not.",
    colours=256,
)

# %%
maps, scored_photos = {}, {}
for method in runtime.progress((*METHODS, *BASELINES), "photographs"):
    maps[method] = explain(method, large, photographs, guess)
    scored_photos[method] = score_curves(large, photographs, maps[method])[None]
clear = np.sort(np.argsort(-probability)[:3])
show_maps(
    photographs[clear] / 255,
    {method: maps[method][clear] for method in METHODS},
    [names[k] for k in guess[clear]],
    "Five explanations of three confident answers.",
    "Three photographs with five maps each; gradients are fine speckles, Grad-CAM and occlusion mark whole regions.",
)
score_table(scored_photos, f"{len(photographs)} photographs")

# %% [markdown]
# Some answers are right, and some are absurd: the flamingos are a tricycle, the panda is an overskirt.
#
# Now Grad-CAM and occlusion have the largest gains; SmoothGrad and the gradient follow. These four beat the random map, but their intervals overlap: sixteen photographs do not rank them. Integrated gradients, the winner on garments, cannot be told from random here. A likely reason: their sign changes from pixel to pixel, so that they cancel in a square. Grad-CAM is at home: this network averages its last picture over all positions. Deletion hardly separates the maps, because random squares spoil a picture as fast. One score on one network is no ranking of methods.
#
# ## What does a class look like to the network?
#
# Now we ask for the image: start from noise, and climb the gradient of a logit. Two restraints make the result readable. *Jitter* shifts the picture at random before each step, so that no pixel can count on its place. *Penalties* on the picture $u$, whose values lie between −1 and 1, keep it dull and smooth unless the logit gains by more:
#
# $$\text{objective}(u) = z_k(u) - \lambda \cdot \text{mean}(u^2) - \mu \cdot \text{mean}\big((u_{\text{neighbour}} - u)^2\big).$$
#
# The first norm, $\lambda$ (`dull`), is that of the picture; the second, $\mu$ (`smooth`), that of its differences between neighbours.
#
# ### Exercise 20.7 · One step up
#
# Shift the picture (`tf.roll` over axes 1 and 2), take the gradient of score minus penalty at the shifted picture, and divide it by the root of its mean square over axes 1 to 3, plus $10^{-8}$. Add `rate` times that, clip to −1…1, and shift back.


# %% tags=["exercise"]
def norm_penalty(dull, smooth):
    """A function that gives the penalty of each picture."""

    def penalty(u):
        down, right = u[:, 1:] - u[:, :-1], u[:, :, 1:] - u[:, :, :-1]
        means = [tf.reduce_mean(tf.square(part), axis=(1, 2, 3)) for part in (u, down, right)]
        return dull * means[0] + smooth * (means[1] + means[2])

    return penalty


def ascent_step(score_of, u, shift, rate, penalty):
    """The pictures after one step up on `score_of(u) - penalty(u)`, taken at a shifted place."""
    ### BEGIN SOLUTION
    u = tf.roll(u, shift, axis=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(u)
        objective = score_of(u) - penalty(u)
    slope = tape.gradient(objective, u)
    slope /= tf.sqrt(tf.reduce_mean(slope**2, axis=(1, 2, 3), keepdims=True)) + 1e-8
    return tf.roll(tf.clip_by_value(u + rate * slope, -1.0, 1.0), [-s for s in shift], axis=(1, 2))
    ### END SOLUTION


# %% tags=["check"]
def step_on_tanh(weights, u, shift, rate, strength):
    """One step for the score Σ tanh(weight · pixel), with a penalty on the squared norm."""

    def score_of(u):
        return tf.reduce_sum(tf.tanh(weights * u), axis=(1, 2, 3))

    return ascent_step(score_of, tf.constant(u), list(shift), rate, norm_penalty(strength, 0.0))


checks.run("20.ascent_step", step_on_tanh)


# %%
def visualise(classes, jitter, penalty):
    """Climb from noise to a picture of each class; returns pictures with values from −1 to 1."""
    rng = np.random.default_rng(0)

    def score_of(u):
        return tf.gather(large(127.5 * (u + 1), training=False), classes, batch_dims=1)

    u = tf.constant(rng.normal(0, 0.1, (len(classes), size, size, 3)), tf.float32)
    for _ in runtime.progress(range(CLIMB), "climbing"):
        u = ascent_step(score_of, u, rng.integers(-jitter, jitter + 1, 2).tolist(), 0.05, penalty)
    return u.numpy()


WAYS = {
    "no restraint": (0, norm_penalty(0, 0)),
    "jitter": (size // 14, norm_penalty(0, 0)),
    "jitter and penalties": (size // 14, norm_penalty(20, 2000)),
}
sources = np.argsort(-probability)[:4]
wanted = guess[sources]
print("logits of the photographs:", ", ".join(f"{names[k]} {photo_logits[i, k]:.0f}" for i, k in zip(sources, wanted)))
dreams, titles = [], []
for settings in WAYS.values():
    dreams.append(visualise(wanted, *settings))
    for u, k in zip(dreams[-1], wanted):
        here, moved = logits_of(large, 127.5 * (np.stack([u, np.roll(u, (9, 7), axis=(0, 1))]) + 1))[:, k]
        titles.append(f"{names[k]}\n{here:.0f}, moved {moved:.0f}")
fig = plots.image_grid((np.concatenate(dreams) + 1) / 2, titles, columns=len(wanted))
plots.show(
    fig,
    f"The image that each logit likes best. Rows: {'; '.join(WAYS)}. Above each: its logit, and that of the same picture moved by 9 and 7 pixels.",
    "Three rows of colourful pictures: noise at the top; textures and, for most classes, parts of the objects below.",
    colours=128,
)

# %% [markdown]
# Without restraint the logits are more than ten times those of the photographs, for pictures that nobody would call a photograph. Moved by a few pixels, these pictures lose about nine tenths of their logit: they excite the network at one exact place. With jitter the logit survives the move. The penalties cost some of it, and you can make out combs, wings and cups, but no piano. What excites a logit is not the class, and a large logit is no proof of a good picture.
#
# ## The test set, once
#
# Everything is chosen: the black baseline, the number of points, and integrated gradients as the map that is scored on the tag.
#
# - `completeness_error`: the *worst* relative error over `CHECKED` test images, in the first clean network.
# - `planted_marker_hit_rate`: the hit rate of integrated gradients for "shirt", over as many tagged test shirts and all Clever Hans networks.

# %%
test = fashion.test.take(TEST)
x_test, y_test = test.images.astype("float32") / 255, test.labels
test_accuracy = report(x_test, y_test)
difference = np.subtract(test_accuracy["tag painted over"], test_accuracy["tagged shirts"])
low, high = metrics.confidence_interval(difference)
print(f"painting over gains {100 * low:.1f} to {100 * high:.1f} points on clean data (95 % interval over seeds)")

errors = completeness_errors(clean[0], x_test[:CHECKED], PATH_STEPS)
print(f"{len(errors)} test images: median error {np.median(errors):.5f}, worst {errors.max():.5f}")
shirts = plant(x_test[y_test == SHIRT][:CHECKED])
rates = {
    kind: [hit_rate(explain("integrated", n, shirts, np.full(len(shirts), SHIRT))) for n in KINDS[kind]]
    for kind in KINDS
}
rows = [[kind, metrics.mean_sd(rate, 3)] for kind, rate in rates.items()] + [["random map", f"{16 / 784:.3f}"]]
plots.table(rows, ["trained on", f"hit rate on {len(shirts)} tagged test shirts"])
results.record("planted_marker_hit_rate", np.mean(rates["tagged shirts"]))
results.record("completeness_error", errors.max())

# %% [markdown]
# ## What went wrong in practice
#
# - **The gradient of the probability.** Where the network is sure, the softmax is flat and next to nothing is left of the gradient. Explain logits.
# - **A map per picture, each on its own colour scale.** Then every method looks crisp, and blue means something else in each panel. One scale from −1 to 1, white at zero.
# - **The absolute value too early.** Inside SmoothGrad or a sum over the path it keeps the noise that averaging should remove.
# - **Maps judged by eye.** A drawing of the image's edges pleases everybody and explains nothing. Randomise the weights, and delete pixels.
# - **Old Grad-CAM code.** Recipes for earlier versions of Keras reach into graph internals that are gone. A functional model with two outputs is all you need.
# - **Validation from the same pile.** A clue in all the data raises every score that you can compute on them.

# %% [markdown]
# ## Summary
#
# - A gradient says what would change the answer; integrated gradients distribute the answer itself, and their sum proves it.
# - Grad-CAM and occlusion are coarse, gradients are fine and noisy. Which one scores best depends on the network: integrated gradients won on garments and failed on photographs. Measure.
# - A map must change when the network changes, and it must beat a random map when pixels are deleted.
# - A map can catch a network that is right for the wrong reason. The proof is an intervention: without the clue, the network gained four to five points on clean test data.

# %% [markdown]
# ## Going further
#
# - Make the tag grey (`plant(images, 0.3)`), or move it inside the shirt. When do the maps stop finding it?
# - Integrated gradients need a baseline. Compare black with white and with a blurred image: which parts of a garment disappear?
# - Let `visualise` climb a single channel of a layer in the middle of the network instead of a logit.
# - Put two of your own photographs into one picture. Does Grad-CAM tell the two classes apart?

# %% [markdown]
# ## References
#
# - K. Simonyan, A. Vedaldi, A. Zisserman (2014), *Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency Maps*.
# - M. D. Zeiler, R. Fergus (2014), *Visualizing and Understanding Convolutional Networks*.
# - D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg (2017), *SmoothGrad: Removing Noise by Adding Noise*.
# - M. Sundararajan, A. Taly, Q. Yan (2017), *Axiomatic Attribution for Deep Networks*.
# - R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra (2017), *Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization*.
# - V. Petsiuk, A. Das, K. Saenko (2018), *RISE: Randomized Input Sampling for Explanation of Black-box Models*.
# - J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim (2018), *Sanity Checks for Saliency Maps*.
# - S. Lapuschkin, S. Wäldchen, A. Binder, G. Montavon, W. Samek, K.-R. Müller (2019), *Unmasking Clever Hans Predictors and Assessing What Machines Really Learn*.
# - C. Olah, A. Mordvintsev, L. Schubert (2017), *Feature Visualization*.
