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
#     title: "Self-supervision: labels from the data itself"
#     minutes: {class: 3.5, full: 38}
#     summary: Turned images, shuffled tiles and matching views teach an encoder before it sees a label.
#     data: [cifar10]
#     expected:
#       gain_over_scratch_1000: [0.05, 1.0]
#     points: {four_turns: 2, jigsaw: 2, nt_xent: 3, classifier: 2, baseline_steps: 1}
# ---

# %% [markdown]
# # Self-supervision: labels from the data itself
#
# A network can learn to see from questions that nobody had to answer by hand: which way is up, where does this piece belong, which two pictures show the same thing? In this lesson you pose three such questions, watch how networks cheat on them, and measure in a fair race what the answers are worth when labels are few.

# %% [markdown]
# **You will**
#
# - write three *pretext tasks*: rotation, jigsaw, and contrastive learning with the NT-Xent loss, checked by hand;
# - train one encoder with each of them, without a single label;
# - put a head on it and train it frozen, partly and in full, with 100, 1000 and all labels;
# - hold that against the same network from scratch with the *same labels* and the *same compute*;
# - find out how each task can be solved without understanding anything, and take the short cut away.

# %% [markdown] tags=["notes"]
# **Plan, 90 minutes:** the three tasks and their exercises 35, encoder and pre-training 15, the fair race 20, cheating 15, test 5. In the class profile the notebook needs about four minutes: start it before you begin to talk.
#
# **Ask first:** you get 50 000 photographs and no label. What could you ask a network about them so that the right answer is known? Collect the answers on the board. Two of the three tasks below usually come up.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import threading
from itertools import permutations

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

runtime.start("19", seed=0, operations=2)  # two at a time: no draw in a step comes from a shared generator

# %% [markdown]
# ## Parameters
#
# Every pretext task gets the same compute, to within a few per cent. A *pass* is one picture of 24 × 24 pixels that goes forward and backward through the encoder once.

# %% tags=["parameters"]
DATASET = "cifar10"  # or "fashion_mnist"
LIMIT = None  # use only so many training images (None: all)
VALIDATION = 2000  # training images set aside for choices
WIDTH = 32  # filters of the encoder's first convolution; each further one has twice as many
HIDDEN = 512  # units of the hidden layer in the heads of the three tasks
SIZE = 24  # side of the crops that networks are trained on, pixels
SMALLEST_VIEW = 14  # side of the smallest contrastive crop, pixels; the largest is the whole image
GAP = 2  # pixels cut off on every side of a jigsaw tile
TEMPERATURE = 0.2  # of the contrastive loss
COLOUR = 0.4  # strength of the change of colours
PRETRAIN_PASSES = 256  # image passes in one step of pre-training
PRETRAIN_STEPS = 160  # steps for each task in the first round
LONG_STEPS = 12000  # steps for the winner in the second round
SHARED = True  # in the second round the networks share the bill of pre-training; False: each pays it in full
STAGES = 8  # pre-training prints a line after each
PRETRAIN_RATE = 0.02  # learning rate at its peak; it falls to 0 along a cosine
BATCH_SIZE = 256  # labelled images in a step
LABELS = (100, 1000)  # sizes of the labelled subsets; all labels come last
DRAWS = 3  # random subsets of every size; with all labels: seeds
FINE_STEPS = (32, 60, 60)  # steps of fine-tuning with 100, 1000 and all labels
LONG_FINE_STEPS = (100, 400)  # and in the second round, with 100 and 1000 labels
FINE_RATE, SCRATCH_RATE = 0.001, 0.01
WEIGHT_DECAY = 0.05
SHORT_STEPS = 60  # steps in the comparison of recipes

runtime.profile(
    in_class=dict(
        LIMIT=8000, VALIDATION=1000, PRETRAIN_STEPS=32, LONG_STEPS=80, STAGES=4, DRAWS=2, FINE_STEPS=(10, 20, 20),
        LONG_FINE_STEPS=(10, 20), SHORT_STEPS=16,
    ),
    smoke=dict(
        LIMIT=400, VALIDATION=100, WIDTH=2, HIDDEN=16, PRETRAIN_PASSES=16, PRETRAIN_STEPS=2, LONG_STEPS=4, STAGES=1, BATCH_SIZE=16,
        LABELS=(20, 40), DRAWS=1, FINE_STEPS=(2, 2, 2), LONG_FINE_STEPS=(2, 2),
        SHORT_STEPS=2,
    ),
)  # fmt: skip

# %% [markdown]
# ## The data
#
# CIFAR-10: photographs of 32 × 32 pixels, ten classes. All training images may be *looked at*. Their labels stay in a drawer until we say so. Images stay whole numbers from 0 to 255, and become numbers from 0 to 1 where they enter a network.


# %%
def in_colour(images):
    """Three channels and 32 × 32 pixels, which is what CIFAR-10 has already."""
    edge = (32 - images.shape[1]) // 2
    padded = np.pad(images, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    return np.repeat(padded, 3 // images.shape[3], axis=3)


dataset = data.load(DATASET)
rest, valid = dataset.train.take(LIMIT).hold_out(VALIDATION, seed=0)
x_train, y_train = in_colour(rest.images), rest.labels
x_valid, y_valid = in_colour(valid.images), valid.labels
print(f"{len(x_train)} training, {len(x_valid)} validation, {len(dataset.test)} test images {x_train.shape[1:]}")

# %% [markdown]
# ## Questions that answer themselves
#
# A *pretext task* damages or changes an image in a way that we choose, and asks the network what we did. The answer costs nothing, because we did it.
#
# | task | what we do | the question | answers |
# |---|---|---|---|
# | rotation | turn the image | by how many quarter turns? | 4 |
# | jigsaw | cut it in four, shuffle the pieces | in which order do they lie? | 24 |
# | contrastive | make two views of each image | which two belong together? | as many as views |
#
# Nobody needs the answers. We want what the network has to learn in order to give them: its *features*.
#
# ### Random views
#
# All tasks begin with a random crop, mirrored half of the time. Random numbers come from a `seed` of two whole numbers, so a step can be repeated exactly. `crop_and_resize` takes the corners of a box as shares of the image. If left and right are exchanged, it mirrors.


# %% tags=["helper"]
ORDERS = np.array(list(permutations(range(4))))  # (24, 4), for the second task


def views(images, seed, smallest, largest, size):
    """One crop of each image, its side drawn from smallest to largest pixels, brought to size × size; values 0 to 1."""
    n, height = tf.shape(images)[0], images.shape[1]
    u = tf.random.stateless_uniform((4, n), seed)
    side = tf.floor(smallest + u[0] * (largest - smallest + 1))
    top, left = tf.floor(u[1] * (height - side + 1)), tf.floor(u[2] * (height - side + 1))
    right, mirror = left + side - 1, u[3] < 0.5
    corners = [top, tf.where(mirror, right, left), top + side - 1, tf.where(mirror, left, right)]
    boxes = tf.clip_by_value(tf.stack(corners, axis=1) / (height - 1), 1e-6, 1 - 1e-6)  # outside it is black
    return tf.image.crop_and_resize(tf.cast(images, tf.float32) / 255, boxes, tf.range(n), (size, size))


def change_colours(x, seed, strength):
    """Another tint, brightness, contrast and saturation for each image; one in five loses its colour."""
    u = tf.random.stateless_uniform((6, tf.shape(x)[0], 1, 1, 1), seed, -1, 1)
    x = x * (1 + strength / 2 * tf.concat([u[0], u[1], u[2]], axis=3))
    middle = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
    x = middle + (x - middle) * (1 + strength * u[3]) + strength / 2 * u[4]
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    keep = tf.where(u[5] < -0.6, 0.0, 1 + strength * u[5])
    return tf.clip_by_value(tf.where(strength > 0, grey + keep * (x - grey), x), 0, 1)


# %% [markdown]
# ## Task 1: which way is up?
#
# To see that a horse stands on its head, you have to know where a horse keeps its head. So turning images is a cheap way to ask about objects (Gidaris, 2018).
#
# ### Exercise 19.1 · Four turns
#
# Return every image in all four orientations, and the number of quarter turns as a whole number. First all images unturned, then all turned once, counter-clockwise, and so on. `tf.image.rot90(images, k)` turns a whole batch.


# %% tags=["exercise"]
def four_turns(images):
    """Images (4n, h, h, 3), turned by 0, 1, 2, 3 quarters, and their labels (4n,), whole numbers."""
    ### BEGIN SOLUTION
    turned = tf.concat([tf.image.rot90(images, k) for k in range(4)], axis=0)
    return turned, tf.repeat(tf.range(4), tf.shape(images)[0])
    ### END SOLUTION


# %% tags=["check"]
checks.run("19.four_turns", four_turns)

# %%
crops = views(x_train[:3], (0, 0), SIZE, SIZE, SIZE)
turned, labels = four_turns(crops)
order = np.arange(12).reshape(4, 3).T.reshape(-1)  # image by image
fig = plots.image_grid(turned.numpy()[order], [f"turns: {k}" for k in labels.numpy()[order]], columns=4)
plots.show(
    fig,
    "Three random crops of training images in four orientations, with the label that the network has to find.",
    "Three rows of four small photographs; in each row the same photograph is turned by a quarter from one to the next.",
    colours=256,
)

# %% [markdown]
# ### Four classes, not four numbers
#
# The labels 0, 1, 2, 3 look like numbers, and a published solution trained them with a squared error. Then 3 turns count as "far" from 0, although only a quarter lies between them. Suppose that an image is either unturned or turned three times, and nobody can tell. What is the best answer under each loss?

# %%
belief = np.array([0.5, 0, 0, 0.5])  # how likely each number of turns is
guesses = np.linspace(0, 3, 301)
squared_error = ((guesses[:, None] - np.arange(4)) ** 2 * belief).sum(axis=1)
best = guesses[np.argmin(squared_error)]
print(f"squared error: {best:.2f} turns, an orientation that is certainly wrong")
print(f"cross-entropy: probabilities {belief}, right in half of the cases")
assert best == 1.5

# %% [markdown]
# ## Task 2: a jigsaw puzzle
#
# Cut the image into 2 × 2 cells, shuffle them, and ask for the order (after Noroozi and Favaro, 2016). The network gets every tile by itself, so it must find out what each one shows: sky, wheels, an ear. Four tiles have 24 orders, the rows of `ORDERS`, and each is one class.
#
# ### Exercise 19.2 · Jigsaw
#
# Number the cells row by row from 0 to 3. Cut `gap` pixels off on *all four* sides of every cell. With label $\ell$, place $j$ of the result holds the tile of cell `ORDERS[ℓ][j]`. `tf.gather(tiles, chosen, axis=1, batch_dims=1)` picks for each image by itself.


# %% tags=["exercise"]
def jigsaw(images, labels, gap):
    """The tiles of each image, (n, 4, t, t, 3), in the order that its label stands for."""
    ### BEGIN SOLUTION
    half = images.shape[1] // 2
    inner = slice(gap, half - gap)
    cells = [images[:, i : i + half, j : j + half][:, inner, inner] for i in (0, half) for j in (0, half)]
    return tf.gather(tf.stack(cells, axis=1), tf.gather(ORDERS, labels), axis=1, batch_dims=1)
    ### END SOLUTION


# %% tags=["check"]
checks.run("19.jigsaw", jigsaw)


# %%
def laid_out(tiles, line=2):
    """Four tiles as one picture, with a white line between them."""
    framed = np.pad(tiles, ((0, 0), (line, line), (line, line), (0, 0)), constant_values=1)
    return np.vstack([np.hstack(framed[:2]), np.hstack(framed[2:])])


example = views(x_train[3:7], (0, 1), 32, 32, 32)
pictures, titles = [], []
for label, image in zip((0, 5, 10, 23), example):
    pictures += [image, laid_out(jigsaw(image[None], [label], GAP)[0].numpy())]
    titles += ["image", f"label {label}"]
plots.show(
    plots.image_grid(pictures, titles, columns=8),
    f"Four images, and their tiles in four of the 24 orders. {2 * GAP} pixels are missing between the tiles.",
    "Pairs of pictures: a photograph, and four tiles of it laid out in another order.",
    colours=256,
)

# %% [markdown]
# ## Task 3: which two belong together?
#
# Make two views of each of $n$ images, by cropping and by changing colours. The network gives each view a vector $z_i$, $i = 1 \dots 2n$. Views of the same image should have similar vectors, all others different ones. SimCLR (Chen, 2020) measures similarity by the cosine
#
# $$s_{ij} = \frac{z_i \cdot z_j}{\lVert z_i\rVert\, \lVert z_j\rVert},$$
#
# and asks each view $i$ to pick its partner $p(i)$ out of all other views. That is a classification with $2n - 1$ classes, with the similarities as scores. They are divided by a *temperature* $\tau$, since cosines never leave $[-1, 1]$:
#
# $$L = -\frac{1}{2n} \sum_{i} \log \frac{e^{s_{i\,p(i)}/\tau}}{\sum_{j \ne i} e^{s_{ij}/\tau}}.$$
#
# The name is NT-Xent: normalised, temperature-scaled cross-entropy.
#
# ### Exercise 19.3 · NT-Xent
#
# Rows $i$ and $i + n$ of `z` are the two views of image $i$. A view must not pick itself: give the diagonal a score of $-10^9$. Useful: `tf.math.l2_normalize`, `tf.linalg.set_diag`, `tf.roll`, `tf.nn.sparse_softmax_cross_entropy_with_logits`.


# %% tags=["exercise"]
def nt_xent(z, temperature):
    """Mean NT-Xent loss of 2n vectors; rows i and i + n are views of one image."""
    ### BEGIN SOLUTION
    count = tf.shape(z)[0]
    z = tf.math.l2_normalize(z, axis=1)
    scores = tf.matmul(z, z, transpose_b=True) / temperature
    scores = tf.linalg.set_diag(scores, tf.fill([count], tf.constant(-1e9, scores.dtype)))
    partner = tf.roll(tf.range(count), count // 2, axis=0)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(partner, scores))
    ### END SOLUTION


# %% tags=["check"]
checks.run("19.nt_xent", nt_xent)

# %% [markdown]
# ### By hand
#
# Check it on cases so small that paper is enough. Take two images.
#
# - *Solved*: both views of the first image are $(1, 0)$, both of the second $(0, 1)$. Each view sees its partner with $s = 1$ and two strangers with $s = 0$, so $L = -\log \frac{e^{1/\tau}}{e^{1/\tau} + 2} = \log(1 + 2 e^{-1/\tau})$.
# - *Collapsed*: all four vectors are equal. Three candidates look alike, so $L = \log 3$, at any temperature.
# - *Wrong way round*: the second half is exchanged, so the partner is a stranger and one stranger is a twin: $L = \log(2 + e^{1/\tau})$.

# %%
solved_case = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], "float32")
cases = {
    "solved": (solved_case, lambda tau: np.log(1 + 2 * np.exp(-1 / tau))),
    "collapsed": (np.ones((4, 2), "float32"), lambda tau: np.log(3)),
    "wrong way round": (solved_case[[0, 1, 3, 2]], lambda tau: np.log(2 + np.exp(1 / tau))),
}
rows = []
for name, (z, by_hand) in cases.items():
    for tau in (0.5, 0.2):
        ours = float(nt_xent(5 * z, tau))  # the length of a vector must not matter
        assert np.isclose(ours, by_hand(tau), rtol=1e-5)
        rows.append([name, f"{tau}", f"{by_hand(tau):.5f}", f"{ours:.5f}"])
plots.table(rows, ["case", "τ", "by hand", "nt_xent"])


# %%
def two_views(images, seed, strength=COLOUR):
    """Two views of each image: rows i and i + n belong together."""
    both = views(tf.concat([images, images], axis=0), seed, SMALLEST_VIEW, 32, SIZE)
    return change_colours(both, seed + 1, strength)


pairs = two_views(x_train[7:15], tf.constant([0, 2]))
plots.show(
    plots.image_grid(pairs.numpy(), columns=8),
    "Eight images, two views of each: the upper and the lower one belong together.",
    "Two rows of eight small pictures; those below each other show parts of one photograph in different colours.",
    colours=256,
)

# %% [markdown]
# ## One encoder
#
# All tasks train the same encoder: five convolutions with batch normalisation, each with twice as many filters as the one before. After the first three the largest of every 2 × 2 numbers goes on, so the map shrinks to an eighth of the picture's side. At the end stands the mean over the map. The encoder takes pictures of any size: crops of 24 pixels and tiles of 12 in training, whole images later. The features are the 512 numbers at the end.
#
# Each task puts a head of two layers on top. It is thrown away afterwards: what is special about turning or matching may stay in there, and the features remain general.


# %% tags=["helper"]
LAST_STAGE = ("conv4", "norm4", "conv5", "norm5")


def build_encoder(width=WIDTH):
    """From images with values 0 to 1, of any size, to 16 * width features."""
    images = keras.Input((None, None, 3))
    h = layers.Rescaling(4.0, offset=-2.0)(images)
    for i, kernel in enumerate((3, 3, 3, 3, 1), start=1):
        h = layers.Conv2D(width * 2 ** (i - 1), kernel, padding="same", use_bias=False, name=f"conv{i}")(h)
        h = layers.MaxPooling2D(padding="same")(h) if i <= 3 else h
        h = layers.ReLU()(layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(h))
    return keras.Model(images, layers.GlobalAveragePooling2D()(h), name="encoder")


# %%
TILE = 16 - 2 * GAP


def rotation_question(images, seed):
    return four_turns(views(images, seed, SIZE, SIZE, SIZE))


def jigsaw_question(images, seed):
    labels = tf.random.stateless_uniform((tf.shape(images)[0],), seed + 1, 0, len(ORDERS), tf.int32)
    tiles = jigsaw(views(images, seed, 26, 32, 32), labels, GAP)
    tiles = change_colours(tf.reshape(tiles, (-1, TILE, TILE, 3)), seed + 2, COLOUR)
    return tf.reshape(tiles, (-1, 4, TILE, TILE, 3)), labels


def contrastive_question(images, seed):
    count = 2 * tf.shape(images)[0]
    return two_views(images, seed), tf.roll(tf.range(count), count // 2, axis=0)


TASKS = {  # name: (question, outputs of the head, passes for one image)
    "rotation": (rotation_question, 4, 4),
    "jigsaw": (jigsaw_question, len(ORDERS), 4 / 3),  # four tiles cost a third more than one crop: see below
    "contrastive": (contrastive_question, 64, 2),
}
in_a_step = {task: int(PRETRAIN_PASSES / passes) for task, (_, _, passes) in TASKS.items()}


# %%
def pretext_network(task):
    """The encoder, and the network that answers the task's question with it."""
    encoder = build_encoder()
    if task == "jigsaw":
        inputs = keras.Input((4, TILE, TILE, 3))
        features = encoder(keras.ops.reshape(inputs, (-1, TILE, TILE, 3)))
        features = keras.ops.reshape(features, (-1, 4 * 16 * WIDTH))
    else:
        inputs = keras.Input((SIZE, SIZE, 3))
        features = encoder(inputs)
    hidden = layers.BatchNormalization(momentum=0.9)(layers.Dense(HIDDEN, use_bias=False)(features))
    return encoder, keras.Model(inputs, layers.Dense(TASKS[task][1])(layers.ReLU()(hidden)))


for task in TASKS:
    encoder, network = pretext_network(task)
    print(f"{task:12} encoder {encoder.count_params():,} parameters, with its head {network.count_params():,}")

# %% [markdown]
# ## Training
#
# One class trains everything below: pretext tasks, fine-tuning and the baseline. A short warm-up, a cosine down to 0. What a step draws depends only on its seed and its number.
#
# The optimiser is *Muon* (Jordan, 2024). A gradient of a weight matrix has a few strong directions and many weak ones. Muon averages it over the last steps, and replaces it by the nearest matrix in which all are equally strong (all singular values near 1), which a few matrix products find. Biases and the like are left to AdamW. Why not AdamW alone? We tried both beforehand, with a smaller encoder and on validation images: a linear probe with 1000 labels reached 60.9 % after 3000 contrastive steps with Muon, and 58.8 % after 10 000 with AdamW.


# %% tags=["helper"]
class Muon(keras.optimizers.Muon):
    """Keras' Muon, which takes matrices only, for convolutions, too: a kernel is a matrix with a column for each filter."""

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2

    def zeropower_via_newtonschulz5(self, x, steps):
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        even = super().zeropower_via_newtonschulz5(matrix, steps)
        return keras.ops.reshape(0.2 * max(matrix.shape) ** 0.5 * even, x.shape)  # steps as long as AdamW's


class Learner:
    """A network that is trained again and again, each time from given weights."""

    def __init__(self, network, loss):
        self.network, self.loss = network, loss
        self.optimizer = Muon(weight_decay=WEIGHT_DECAY, adam_weight_decay=WEIGHT_DECAY, rms_rate=None, ns_steps=3)
        self.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        self.optimizer.build(network.trainable_variables)
        self.graph, self.lock = None, threading.Lock()

    def step(self, rate, *batch):
        self.optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            loss = self.loss(self.network, *batch)
        variables = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss

    def start(self, weights):
        """Begin anew from these weights."""
        self.network.set_weights(weights)
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable))

    def run(self, steps, total, peak, seed, size, *columns):
        """Take these steps out of `total`, each with `size` random rows of the columns; the mean loss."""
        rows, losses = len(columns[0]), []
        for step in steps:
            rng = np.random.default_rng([seed, step])
            chosen = np.concatenate([rng.permutation(rows) for _ in range(-(-size // rows))])[:size]
            rate = peak * min(1, (step + 1) / (1 + total // 20)) * (1 + np.cos(np.pi * step / total)) / 2
            batch = [tf.constant(rate, tf.float32), *(tf.constant(column[chosen]) for column in columns)]
            batch.append(tf.constant([seed, step]))
            self.graph = self.graph or tf.function(self.step, autograph=False).get_concrete_function(*batch)
            losses.append(self.graph(*batch))
        return float(np.mean(losses))


# %%
def pretext_loss(task):
    def loss(network, images, seed):
        inputs, labels = TASKS[task][0](images, seed)
        outputs = network(inputs, training=True)
        if task == "contrastive":
            return nt_xent(outputs, TEMPERATURE)
        return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True))

    return loss


def nearest_other(z):
    """For each row the number of the most similar other row, by the cosine."""
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    similar = z @ z.T
    np.fill_diagonal(similar, -np.inf)
    return similar.argmax(axis=1)


def solved(task, network, images):
    """For questions about these images, in blocks of 128: which answers are right?"""
    right = []
    for i in range(0, len(images), 128):
        inputs, labels = TASKS[task][0](images[i : i + 128], tf.constant([99, i]))
        outputs = network(inputs, training=False).numpy()
        answers = nearest_other(outputs) if task == "contrastive" else outputs.argmax(axis=1)
        right.append(answers == labels.numpy())
    return np.concatenate(right)


# %%
settings = dict(
    DATA=(DATASET, LIMIT, VALIDATION), NET=(WIDTH, HIDDEN, SIZE, GAP), VIEWS=(TEMPERATURE, COLOUR, SMALLEST_VIEW),
    PRETRAIN=(PRETRAIN_PASSES, STAGES, PRETRAIN_RATE, WEIGHT_DECAY),
)  # fmt: skip


def pretrain(task, total):
    """Train an encoder on one task; its network, its weights, and the share of right answers after each stage."""
    keras.utils.set_random_seed(0)
    encoder, network = pretext_network(task)
    learner, each = Learner(network, pretext_loss(task)), total // STAGES

    def stage(number):
        steps = range(number * each, (number + 1) * each)
        loss = learner.run(steps, total, PRETRAIN_RATE, 0, in_a_step[task], x_train)
        right = solved(task, network, x_valid[:1024]).mean()
        print(f"{task:12} step {steps.stop:4}  loss {loss:.3f}  right answers on validation images {right:.3f}")
        return {"loss": loss, "right": right}

    def state():
        return network.variables + learner.optimizer.variables

    found = resume.stages(f"pretext {task}", STAGES, stage, state, settings | dict(STEPS=total))
    return network, encoder.get_weights(), [float(part["right"]) for part in found]


pretext, encoder_weights, history = {}, {}, {}
for task in TASKS:
    pretext[task], encoder_weights[task], history[task] = pretrain(task, PRETRAIN_STEPS)

# %%
fig, panels = plots.axes(columns=3, height=3.4)
chance = {"rotation": 1 / 4, "jigsaw": 1 / len(ORDERS), "contrastive": 1 / 255}
steps = PRETRAIN_STEPS // STAGES * np.arange(1, STAGES + 1)
for ax, task in zip(panels, TASKS):
    ax.plot(steps, 100 * np.array(history[task]), "o-")
    ax.axhline(100 * chance[task], color="black", linestyle=":")
    ax.set(title=task, xlabel="step", ylim=(0, 100))
panels[0].set_ylabel("right answers, %")
plots.show(
    fig,
    f"Share of right answers to each task's questions about validation images; dotted: chance. A step has {PRETRAIN_PASSES} passes.",
    "Three panels with a curve of right answers over steps, for rotation, jigsaw and contrastive learning, above lines of chance.",
)

# %% [markdown]
# All three tasks can be learned: 59 % right turns where chance gives 25, 41 % solved puzzles where it gives 4, and the right partner among 255 in 43 % of the cases. The curves end flat because the learning rate falls to 0, not because all is learned: further down, a longer contrastive training finds 82 % of the partners. But right answers are not the aim, and they do not compare between tasks: the questions differ in difficulty.

# %% [markdown]
# ## What the features know
#
# Encoders stay as they are in this section, so features are computed once and kept. A fourth encoder is the control: the same network, *untrained*.
#
# t-SNE lays the 512 features out in a plane so that neighbours stay neighbours. Distances between far points mean little there. So each title carries a number that is computed from all 512: how often the five nearest of 2000 training images name the right class out of ten.


# %%
def in_batches(network, images, size=500):
    """The outputs of a network for whole images, in inference mode."""
    parts = (images[i : i + size].astype("float32") / 255 for i in range(0, len(images), size))
    return np.concatenate([network(part, training=False).numpy() for part in parts])


keras.utils.set_random_seed(1)
encoder = build_encoder()
encoder_weights["untrained"] = encoder.get_weights()


def features_of(weights):
    """Features of training and validation images by these weights, brought to mean 0 and standard deviation 1."""
    assert [w.shape for w in weights] == [w.shape for w in encoder.get_weights()]  # one architecture for all
    encoder.set_weights(weights)
    raw_train, raw_valid = in_batches(encoder, x_train), in_batches(encoder, x_valid)
    centre, scale = raw_train.mean(axis=0), raw_train.std(axis=0) + 1e-3
    scaled = {"train": (raw_train - centre) / scale, "valid": (raw_valid - centre) / scale}
    return scaled | {"centre": centre, "scale": scale}


features = {task: features_of(weights) for task, weights in encoder_weights.items()}
print({task: found["train"].shape for task, found in features.items()})

# %%
CHOSEN = (0, 1, 6, 7, 8)  # five classes, so that colours can be told apart
some = np.concatenate([np.flatnonzero(y_valid == c)[:80] for c in CHOSEN])
fig, panels = plots.axes(columns=2, rows=2, height=4.0)
for ax, (task, found) in zip(panels.flat, features.items()):
    five = KNeighborsClassifier(5).fit(found["train"][:2000], y_train[:2000])
    share = 100 * five.score(found["valid"], y_valid)
    plane = TSNE(perplexity=min(30, len(some) // 4), init="pca", random_state=0).fit_transform(found["valid"][some])
    for c, colour, marker in zip(CHOSEN, plots.COLOURS, "osD^v"):
        rows = y_valid[some] == c
        ax.plot(*plane[rows].T, marker, color=colour, markersize=4.5, linestyle="", label=dataset.classes[c])
    ax.set(title=f"{task}: {share:.0f} % by neighbours", xticks=[], yticks=[])
    ax.grid(False)
handles, names = panels[0, 0].get_legend_handles_labels()
fig.legend(handles, names, loc="outside lower center", ncols=5, markerscale=2)
plots.show(
    fig,
    "Features of validation images of five classes, laid out by t-SNE. No encoder has seen a label.",
    "Four clouds of points in five colours and shapes: encoders trained by rotation, jigsaw and contrastive learning, and one untrained.",
)

# %% [markdown] tags=["notes"]
# Ask which of the four pictures the class would bet on for 100 labels, and write the bet down. Then ask what the untrained encoder's number proves: random filters are not nothing. Any claim about pre-training has to beat them too.

# %% [markdown]
# ## A head, and three ways to train it
#
# Now open the drawer, for a few labels. On the encoder comes one dense layer with ten scores.
#
# - *frozen*: only the head learns. This is the *linear probe*, and says what the features are worth as they are.
# - *partly*: the last stage of the encoder learns too, slowly.
# - *full*: everything learns.
#
# ### Exercise 19.4 · Freeze, partly, full
#
# Set `trainable` of every layer of the encoder. `LAST_STAGE` names the layers that learn in the second way. A batch normalisation that is not trainable also stops collecting means: Keras runs it in inference mode. Then build a `keras.Model` from the encoder's input to ten scores, *without* activation.


# %% tags=["exercise"]
def classifier(encoder, way):
    """The encoder with a head of ten scores; `way` is "frozen", "partly" or "full"."""
    ### BEGIN SOLUTION
    for layer in encoder.layers:
        layer.trainable = way == "full" or (way == "partly" and layer.name in LAST_STAGE)
    images = keras.Input((None, None, 3))
    return keras.Model(images, layers.Dense(10, name="head")(encoder(images)))
    ### END SOLUTION


# %% tags=["check"]
def classifier_facts(width, way):
    """What can be said of the classifier on an encoder of this width."""
    encoder = build_encoder(width)
    network = classifier(encoder, way)
    names = [layer.name for layer in encoder.layers if layer.weights and layer.trainable]
    head = network.layers[-1]
    return {
        "layers of the encoder that learn": ", ".join(names),
        "numbers that learn": sum(int(np.prod(w.shape)) for w in network.trainable_weights),
        "all numbers": network.count_params(),
        "last layer": f"{type(head).__name__}, {head.activation.__name__ if hasattr(head, 'activation') else 'none'}",
        "scores": int(network.output_shape[-1]),
    }


checks.run("19.classifier", classifier_facts)

# %% [markdown]
# ## What is a fair race?
#
# Pre-training costs time before the first label is seen. A baseline from scratch that trains only as long as the fine-tuning does has been robbed of that time. So ours gets *all* of it: as many multiply-adds as pre-training and fine-tuning together, on the same labels, with the same augmentation. (In the second round, further down, several networks share one bill.)
#
# A convolution with $k \times k$ kernels from $c$ to $d$ channels takes $k^2 c\,d$ multiply-adds for each place of its output. Going back costs twice as much as going forward, for every network alike, so counting forward passes is enough. (The heads of the tasks add about one per cent. Muon's matrix products are not counted either: a step has as many of them on both sides.)
#
# ### Exercise 19.5 · Steps for the baseline
#
# `before` lists what the other side did, as (steps, images in a step, multiply-adds of an image). How many steps of `batch` images, at `cost` multiply-adds each, use up at least as much? A step cannot be split: round up.


# %% tags=["exercise"]
def baseline_steps(before, batch, cost):
    """Steps of `batch` images that cost at least as much as everything in `before` together."""
    ### BEGIN SOLUTION
    total = sum(steps * passes * each for steps, passes, each in before)
    return -(-total // (batch * cost))
    ### END SOLUTION


# %% tags=["check"]
checks.run("19.baseline_steps", baseline_steps)


# %%
def multiply_adds(encoder, size):
    """Multiply-adds of the convolutions for one picture of size × size, forward."""
    found = [layer for layer in encoder.layers if isinstance(layer, layers.Conv2D)]
    maps = keras.Model(encoder.input, [layer.output for layer in found])(np.zeros((1, size, size, 3), "float32"))
    return sum(int(np.prod(layer.kernel.shape)) * m.shape[1] * m.shape[2] for layer, m in zip(found, maps))


crop, four_tiles = multiply_adds(encoder, SIZE), 4 * multiply_adds(encoder, TILE)
image_cost = {"rotation": 4 * crop, "jigsaw": four_tiles, "contrastive": 2 * crop}
bills = {task: (PRETRAIN_STEPS, in_a_step[task], image_cost[task]) for task in TASKS}
plots.table(
    [[task, steps, n, f"{c / 1e6:.1f}", f"{steps * n * c / 1e12:.2f}"] for task, (steps, n, c) in bills.items()],
    ["task", "steps", "images in a step", "million multiply-adds of an image", "trillion in all, forward"],
)

# %%
BUDGETS = (*LABELS, len(y_train))
fine_steps = dict(zip(BUDGETS, FINE_STEPS))
dearest = max(bills.values(), key=lambda bill: bill[1] * bill[2])  # the baseline gets as much as the dearest task
long_steps = {n: baseline_steps([dearest, (k, BATCH_SIZE, crop)], BATCH_SIZE, crop) for n, k in fine_steps.items()}
long_fine_steps = dict(zip(LABELS, LONG_FINE_STEPS))  # of a second round, further down
payers = DRAWS if SHARED else 1
share = baseline_steps([(LONG_STEPS, *dearest[1:])], payers * BATCH_SIZE, crop)  # of the pre-training, for each
longest_steps = share + LONG_FINE_STEPS[1]  # with the larger subset
rows = [[f"{n:,}", fine_steps[n], long_steps[n], f"{long_steps[n] * BATCH_SIZE * crop / 1e12:.2f}"] for n in BUDGETS]
plots.table(
    rows, ["labels", "fine-tuning steps", "steps from scratch, same compute", "trillion multiply-adds, forward"]
)

# %% [markdown]
# ### Linear probes
#
# A head on a frozen encoder is a logistic regression on its features, so no network is needed for it. The features were brought to mean 0 and standard deviation 1 with the unlabelled training images. That step moves into the weights of the head, so a probe is also a place for fine-tuning to start from. Its penalty is chosen on validation images with a draw that is not used again. A further baseline: the same regression on thumbnails of 8 × 8 pixels.


# %%
def labelled(count, draw):
    """The rows whose labels may be seen: the same number from every class, or all rows."""
    if count == len(y_train):
        return np.arange(count)
    rng, each = np.random.default_rng([draw, count]), count // 10
    return np.concatenate([rng.choice(np.flatnonzero(y_train == c), each, replace=False) for c in range(10)])


def thumbnails(images):
    return images.reshape(len(images), 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(images), -1) / 64 - 2


features["8 × 8 thumbnail"] = {"train": thumbnails(x_train), "valid": thumbnails(x_valid)}


def probe(task, count, draw, penalty):
    """A logistic regression on the features of the labelled rows only."""
    rows = labelled(count, draw)
    return LogisticRegression(C=penalty, max_iter=200, tol=1e-3).fit(features[task]["train"][rows], y_train[rows])


# %%
PENALTIES = (0.003, 0.01, 0.03, 0.1)
probes, on_valid = {}, {}


def fit_probes(task, count):
    """A probe for every draw, and what it scores on validation images."""
    few, found = min(count, LABELS[-1]), features[task]["valid"]  # the largest subset also decides for all labels
    tried = [probe(task, few, 1000, c).score(found, y_valid) for c in PENALTIES]
    chosen = PENALTIES[int(np.argmax(tried))]
    fitted = [probe(task, count, draw, chosen) for draw in range(DRAWS if count in LABELS else 1)]
    probes.update({(task, count, draw): one for draw, one in enumerate(fitted)})
    on_valid[task, "frozen", count] = [one.score(found, y_valid) for one in fitted]


for task in features:
    for count in BUDGETS:
        fit_probes(task, count)
rows = [[t, *(metrics.mean_sd(on_valid[t, "frozen", n], 1, scale=100) for n in BUDGETS)] for t in features]
plots.table(rows, [f"linear probe: validation accuracy %, {DRAWS} draws", *(f"{n:,} labels" for n in BUDGETS)])

# %% [markdown]
# ### Fine-tuning, and the baseline
#
# Look at the line with `learner.run`: a classifier is handed the labelled images and their labels, and nothing else. The published mistake that this excludes is a baseline that learned from all 50 000 labels while the head got 100. Fine-tuning starts with the probe of the same draw as its head. The baseline starts at random. Afterwards we check that each way moved what it should, and nothing else.
#
# With all labels a training is long, so there only one task goes on: the one that validation images prefer with 1000.


# %%
def supervised_loss(network, images, labels, seed):
    crops = change_colours(views(images, seed, 18, 30, SIZE), seed + 1, COLOUR / 2)
    scores = network(crops, training=True)
    return tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True))


def random_start(draw):
    keras.utils.set_random_seed(1000 + draw)
    return classifier(build_encoder(), "full").get_weights()


# Draws are trained side by side, on both cores, so each has networks of its own.
WAYS = ("partly", "full")
learners = {(w, d): Learner(classifier(build_encoder(), w), supervised_loss) for w in WAYS for d in range(DRAWS)}
random_starts = [random_start(draw) for draw in range(DRAWS)]


def head_of(task, count, draw):
    """Kernel and bias of a head that does on raw features what the probe does on scaled ones."""
    fitted, found = probes[task, count, draw if count in LABELS else 0], features[task]
    kernel = fitted.coef_.T / found["scale"][:, None]
    return [kernel, fitted.intercept_ - found["centre"] @ kernel]


def accuracy(network, images, labels):
    return np.mean(in_batches(network, images).argmax(axis=1) == labels)


def steps_of(task, way, count):
    """Fine-tuning is short; from scratch it depends on whose steps or compute is matched."""
    if task == "long":
        return long_fine_steps[count]
    steps = {"compute of round one": long_steps[count], "compute of round two": longest_steps}
    return steps.get(way, fine_steps[count])


def train_classifier(run):
    """Train with these labels only; validation accuracy and final weights. The task "scratch" starts at random."""
    task, way, count, draw = run
    scratch, rows = task == "scratch", labelled(count, draw)
    learner, steps = learners["full" if scratch else way, draw], steps_of(task, way, count)
    rate = SCRATCH_RATE if scratch else FINE_RATE
    with learner.lock:  # another run of this draw has to wait
        learner.start(random_starts[draw] if scratch else [*encoder_weights[task], *head_of(task, count, draw)])
        learner.run(range(steps), steps, rate, 100 + draw, BATCH_SIZE, x_train[rows], y_train[rows])
        weights = {f"weight{i}": w for i, w in enumerate(learner.network.get_weights())}
        return {"accuracy": accuracy(learner.network, x_valid, y_valid), **weights}


# %%
race_settings = settings | dict(
    STEPS=(PRETRAIN_STEPS, LONG_STEPS, FINE_STEPS, LONG_FINE_STEPS),
    PENALTIES=PENALTIES,
    DRAWS=DRAWS,
    RACE=(LABELS, BATCH_SIZE, FINE_RATE, SCRATCH_RATE),
)
trained = {}


def race(name, runs):
    """Train these (task, way, labels) with every draw, and note the validation accuracies."""
    keys = [(*run, draw) for run in runs for draw in range(DRAWS)]
    trained.update(resume.pieces(name, keys, train_classifier, race_settings, at_once=DRAWS))
    for run in runs:
        on_valid[run] = [float(trained[(*run, draw)]["accuracy"]) for draw in range(DRAWS)]
        print(f"{' · '.join(map(str, run)):32} validation {metrics.mean_sd(on_valid[run], 1, scale=100)} %")


race("fine-tuning, few labels", [(t, way, n) for n in LABELS for t in TASKS for way in WAYS])

for way in ("same steps", "compute of round one"):
    for n in LABELS:
        race(f"from scratch, {way}, {n} labels", [("scratch", way, n)])

names = [w.path.split("encoder/")[-1] for w in learners["full", 0].network.weights]
for way in WAYS:
    before, after = encoder_weights["rotation"], trained["rotation", way, LABELS[1], 0]
    moved = [name for i, name in enumerate(names[: len(before)]) if not np.array_equal(before[i], after[f"weight{i}"])]
    assert all(name.startswith(LAST_STAGE) for name in moved) == (way == "partly")
    assert len(moved) == (10 if way == "partly" else len(before))
    print(f"{way:8} {len(moved)} of {len(before)} arrays of the encoder moved, the first is {moved[0]}")

# %%
entries = [(t, way) for t in TASKS for way in ("frozen", "partly", "full")]
entries += [("untrained", "frozen"), ("scratch", "same steps"), ("scratch", "compute of round one")]
fig, panels = plots.axes(columns=2, sharey=True, height=5.0)
for ax, count in zip(panels, LABELS):
    for place, entry in enumerate(entries):
        found = 100 * np.array(on_valid[(*entry, count)])
        colour = plots.COLOURS[1] if entry[0] == "scratch" else plots.COLOURS[0]
        ax.plot(found, np.full(len(found), place), "o", color=colour, alpha=0.6)
        ax.plot(found.mean(), place, "|", color="black", markersize=18, markeredgewidth=2.5)
    ax.axvline(100 * np.mean(on_valid["scratch", "compute of round one", count]), color=plots.COLOURS[1], linestyle=":")
    ax.set(title=f"{count:,} labels", xlabel="validation accuracy, %")
panels[0].set_yticks(range(len(entries)), [f"{task}, {way}" for task, way in entries])
panels[0].invert_yaxis()
plots.show(
    fig,
    "Each dot is one labelled subset, the bar is the mean; dotted: from scratch with the same compute.",
    "Two panels of dots for 100 and 1000 labels; rows for three tasks in three ways, an untrained encoder, and two baselines from scratch.",
)

# %%
winner = max(TASKS, key=lambda task: np.mean(on_valid[task, "frozen", LABELS[1]]))
print(f"with {LABELS[1]:,} labels, the best linear probe stands on: {winner}")
race("fine-tuning, all labels", [(winner, "full", BUDGETS[2])])
race("from scratch, all labels", [("scratch", "compute of round one", BUDGETS[2])])

# %% [markdown]
# Look at the frozen encoders first. With 1000 labels the probes stand at 49.9 % (contrastive), 44.2 % (rotation) and 43.7 % (jigsaw); the untrained encoder has 41.6 %, thumbnails 34.7 %. So the tasks have taught something, but rotation and jigsaw little more than random filters know.
#
# Then the races. With 1000 labels fine-tuning reaches 49.0 % at best. A network from scratch has as much after the *same steps* (50.5 ± 2.1 %), and far more with the *same compute* (59.6 %). With all labels it is 58.1 (after 60 steps) against 68.7 % (after 220). With 100 labels the two are level: 38.0 ± 2.1 against 39.7 ± 1.5 %. So few steps do not even improve on the frozen encoders they start from, and jigsaw with 100 labels loses by them. At this small budget pre-training is a waste: looking at the labelled images more often, each time cropped and coloured in another way, teaches more than looking at unlabelled ones.

# %% [markdown]
# ### Second round: more compute for both
#
# So far no task has seen every image even once (rotation has seen 0.2, contrastive 0.4, jigsaw 0.6 passes over the data). That is little: the papers below show each image hundreds of times. So the task with the best linear probe is trained once more from the start, with `LONG_STEPS` steps, and fine-tuned for longer.
#
# Who pays for that? In the first round every network was charged for the whole pre-training, as if it had been made for it alone. But an encoder is trained *once*, and here three networks with 1000 labels begin with it. So now they share the bill: one pre-training and three times fine-tuning on one side, three networks from scratch on the other, and both sides have computed equally much. (Three more networks, with 100 labels, get the encoder for nothing. `SHARED = False` charges each in full; then this lesson takes more than an hour.)

# %%
pretext["long"], encoder_weights["long"], history["long"] = pretrain(winner, LONG_STEPS)
features["long"] = features_of(encoder_weights["long"])
for n in LABELS:
    fit_probes("long", n)
    race(f"second round, {n} labels", [("long", "full", n)])
print(f"from scratch: {share} steps for the share of the bill, {LONG_FINE_STEPS[1]} for fine-tuning")
race("from scratch, second round", [("scratch", "compute of round two", LABELS[1])])

# %%
paid = [dearest[0] * dearest[1] * dearest[2] / 1e12, share * BATCH_SIZE * crop / 1e12]
lines = {f"{winner}, {way}": [(task, way) for task in (winner, "long")] for way in ("frozen", "full")}
lines["from scratch"] = [("scratch", "compute of round one"), ("scratch", "compute of round two")]
fig, panels = plots.axes(columns=2, height=4.0)
for ax, count in zip(panels, LABELS):
    for (name, entries), marker in zip(lines.items(), "os^"):
        found = [100 * np.array(on_valid[(*entry, count)]) for entry in entries if (*entry, count) in on_valid]
        means, spread = np.mean(found, axis=1), np.std(found, axis=1, ddof=min(1, DRAWS - 1))
        ax.errorbar(paid[: len(found)], means, spread, marker=marker, capsize=4, label=name)
    ax.set(xscale="log", title=f"{count:,} labels", xlabel="paid for pre-training, trillion multiply-adds")
    ax.set_xticks(paid, [f"{name} round\n{value:.3g}" for name, value in zip(("first", "second"), paid)])
    ax.minorticks_off()
    ax.margins(x=0.15)
panels[0].set_ylabel("validation accuracy, %")
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
plots.show(
    fig,
    f"What {paid[1] / paid[0]:.0f} times the compute buys, for both sides; bars: standard deviation over draws.",
    "Two panels, 100 and 1000 labels, with lines between two rounds: the pre-trained encoder frozen and fully trained, and the network from scratch; on the left it has the first round only.",
)

# %% [markdown]
# Pre-training was 75 times longer, each network pays 25 times as much, and that changes the picture. With 100 labels the contrastive encoder rises from 38.0 to 56.1 % when fine-tuned, and just as far when it stays frozen (the left panel). The network from scratch stays at the compute of the first round there, to save time. It would not have come far: in a trial with one draw, 4400 steps brought it to 41 % (on training images whose labels were not used).
#
# With 1000 labels the lines cross. Fine-tuning, which is longer now, too, rises by 22 points, from 49.0 to 71.2 %, the network from scratch by six, from 59.6 to 65.8 %. The frozen encoder is almost as good as the fine-tuned one: most of what is gained was learned without labels.

# %% [markdown]
# ## How to cheat at rotation
#
# A task is only as good as the shortest way to solve it. Photographs have sky above and ground below: bright on top, dark at the bottom. Who notices that needs no horse. So here is a cheater: a logistic regression that sees 4 × 4 coloured pixels of each crop, and nothing else. Taking the slope out of each image is one way to stop it: then brightness no longer points up, and what remains must come from shapes. (Our network has never seen such images, so part of what it loses on them is mere surprise.)
#
# The other trouble is symmetry. A ball has no top. For an object that looks alike in two orientations nobody can know the label, and what a network learns there is the background. So look at the classes one by one, and at the images for which our network can least tell the original from its half turn.


# %%
def shrunk(pictures):
    """4 × 4 mean colours of each picture."""
    x, step = np.asarray(pictures), SIZE // 4
    return x.reshape(-1, 4, step, 4, step, 3).mean(axis=(2, 4)).reshape(len(x), -1)


def levelled(crops):
    """Take each colour's slope out: the plane that fits it best, but for its mean."""
    x, line = np.asarray(crops), np.linspace(-1, 1, crops.shape[1])
    down = np.einsum("nijc,i->nc", x, line) / (len(line) * (line**2).sum())
    across = np.einsum("nijc,j->nc", x, line) / (len(line) * (line**2).sum())
    plane = down[:, None, None] * line[:, None, None] + across[:, None, None] * line[None, :, None]
    return (x - plane).astype("float32")


crops = {
    "train": views(x_train[:4000], (5, 0), SIZE, SIZE, SIZE),
    "valid": views(x_valid, (6, 0), SIZE, SIZE, SIZE),
}
right = {}
for name, change in {"as they are": np.asarray, "without slopes": levelled}.items():
    x, turns = four_turns(change(crops["train"]))
    cheater = LogisticRegression(C=1.0, max_iter=200).fit(shrunk(x), turns.numpy())
    x, turns = four_turns(change(crops["valid"]))
    scores = np.concatenate([pretext["rotation"](x[i : i + 500], training=False) for i in range(0, len(x), 500)])
    right[name] = {
        "4 × 4 cheater": cheater.predict(shrunk(x)) == turns.numpy(),
        "network": scores.argmax(axis=1) == turns.numpy(),
    }
rows = [[who, *(f"{100 * right[name][who].mean():.1f}" for name in right)] for who in ("4 × 4 cheater", "network")]
plots.table([["chance", "25.0", "25.0"], *rows], ["right turns, %", *right])

# %%
classes = np.tile(y_valid, 4)
fig, ax = plots.axes(height=3.8)
for shift, (who, colour) in enumerate(zip(("network", "4 × 4 cheater"), plots.COLOURS)):
    shares = [100 * right["as they are"][who][classes == c].mean() for c in range(10)]
    ax.bar(np.arange(10) + 0.4 * shift - 0.2, shares, 0.38, color=colour, label=who)
ax.axhline(25, color="black", linestyle=":", label="chance")
ax.set_xticks(range(10), [name[:10] for name in dataset.classes], rotation=35)
ax.set(ylabel="right turns, %", ylim=(0, 115), yticks=range(0, 101, 25))
ax.legend(loc="upper center", ncols=3)
plots.show(
    fig,
    "How often the number of turns is found, by class of the validation image.",
    "Pairs of bars for ten classes: the network and the cheater with 4 × 4 pixels, and a dotted line at chance.",
)

# %%
upright = tf.nn.softmax(pretext["rotation"](crops["valid"], training=False)).numpy()
unsure = np.argsort(np.abs(upright[:, 0] - upright[:, 2]) - upright[:, 0] - upright[:, 2])[:8]
half_turned = np.asarray(crops["valid"])[unsure][:, ::-1, ::-1]
plots.show(
    plots.image_grid([*np.asarray(crops["valid"])[unsure], *half_turned], columns=8),
    "Top: eight validation crops as they are, with almost equal probabilities for no turn and a half turn. Bottom: turned by a half.",
    "Two rows of eight small pictures; those below are the upper ones upside down.",
    colours=256,
)
symmetric = (crops["valid"] + np.asarray(crops["valid"])[:, ::-1, ::-1]) / 2
x, turns = four_turns(symmetric)
scores = np.concatenate([pretext["rotation"](x[i : i + 500], training=False) for i in range(0, len(x), 500)])
share = np.mean(scores.argmax(axis=1) == turns.numpy())
print(f"images mixed with their own half turn: {100 * share:.1f} % right; more than 50 % is impossible")
assert share <= 0.55

# %% [markdown]
# Brightness alone is worth a lot: 16 coloured pixels find 45.8 % of the turns. Without slopes 30.6 % are left, little above chance. The network falls, too, from 59.7 to 41.1 %. Trucks, ships, cars and horses are turned back well, but for ships the cheater is almost as good: water lies below. Cats, dogs and birds are hard, probably because they are photographed in every pose, and close up. On images that were made symmetric 35.0 % are right; nobody could get more than 50.

# %% [markdown]
# ## How to cheat at jigsaws
#
# Do you solve a puzzle by thinking about what it shows, or by matching edges? Here are two cheaters that know no objects. The first compares the pixels on both sides of each seam, and takes the order with the smallest squared differences. The second is a logistic regression on the mean colours of the four tiles: blue belongs on top.


# %%
def edge_cheater(tiles):
    """For shuffled tiles (n, 4, t, t, 3): the label whose order fits best along the seams."""
    beside = ((tiles[:, :, None, :, -1] - tiles[:, None, :, :, 0]) ** 2).mean(axis=(3, 4))  # [n, left, right]
    below = ((tiles[:, :, None, -1] - tiles[:, None, :, 0]) ** 2).mean(axis=(3, 4))  # [n, upper, lower]
    misfit = []
    for order in ORDERS:
        at = np.argsort(order)  # where the tile of each cell lies
        seams = beside[:, at[0], at[1]] + beside[:, at[2], at[3]] + below[:, at[0], at[2]] + below[:, at[1], at[3]]
        misfit.append(seams)
    return np.argmin(misfit, axis=0)


def tile_colours(tiles):
    return tiles.mean(axis=(2, 3)).reshape(len(tiles), -1)


def puzzle(images, seed, gap, strength):
    """Tiles and labels for whole images, with or without a change of colours for each tile."""
    labels = np.random.default_rng(seed).integers(len(ORDERS), size=len(images))
    tiles = jigsaw(tf.cast(images, tf.float32) / 255, labels, gap)
    changed = change_colours(tf.reshape(tiles, (-1, *tiles.shape[2:])), (7, seed), strength)
    return tf.reshape(changed, tiles.shape).numpy(), labels


# %%
gaps, cheats = (0, 1, 2, 3, 4), {}
for strength in (0.0, COLOUR):
    for gap in gaps:
        tiles, labels = puzzle(x_valid[:1000], 1, gap, strength)
        fitted = LogisticRegression(C=1.0, max_iter=200)
        some_tiles, some_labels = puzzle(x_train[:6000], 0, gap, strength)
        fitted.fit(tile_colours(some_tiles), some_labels)
        cheats["seams", strength, gap] = 100 * np.mean(edge_cheater(tiles) == labels)
        cheats["mean colours", strength, gap] = 100 * fitted.score(tile_colours(tiles), labels)
fig, ax = plots.axes(height=3.8)
for who in ("seams", "mean colours"):
    for strength in (0.0, COLOUR):
        label = f"{who}, {'colours changed' if strength else 'as cut'}"
        ax.plot([2 * gap for gap in gaps], [cheats[who, strength, gap] for gap in gaps], marker="o", label=label)
ax.axhline(100 / 24, color="black", linestyle=":", linewidth=1.2, label="chance")
ax.set(xlabel="pixels missing between two tiles", ylabel="puzzles solved, %", ylim=(0, 100))
ax.legend(loc="upper right")
plots.show(
    fig,
    "Puzzles of validation images that are solved by matching seams, or by mean colours; one in 24 would be chance.",
    "Curves of the share of solved puzzles over the gap between tiles, for two cheaters, with colours as cut and changed.",
)
in_training = cheats["seams", COLOUR, GAP], cheats["mean colours", COLOUR, GAP]
print(f"tiles as in our training ({2 * GAP} pixels missing, colours changed):")
print(f"seams {in_training[0]:.1f} %, mean colours {in_training[1]:.1f} %, network {100 * history['jigsaw'][-1]:.1f} %")

# %% [markdown]
# So the ways to stop it are a gap between the tiles, and other colours for each of them. With large photographs there is a subtler cue: a lens bends red and blue differently, so the colour fringes of a patch tell where in the image it was. Doersch (2015) found networks that used it, and dropped colours to stop them. At 32 × 32 pixels nothing of it is left.
#
# Without a gap, comparing seams solves nearly 80 % of the puzzles. Our four missing pixels and other colours for each tile bring that down to 16.4 %, and mean colours to 8.1 %. The network solves 41.4 %, so it must look at more than both.

# %% [markdown] tags=["notes"]
# Show the curve before its caption, and ask how many per cent of the puzzles a method can solve that has never seen an image. Then ask what the network would have learned from tiles without a gap: to compare edges, which is useless for telling cats from dogs.

# %% [markdown]
# ## How to cheat at matching views
#
# Two crops of one photograph share its colours. So count colours: a histogram with eight bins for each of red, green and blue. Two views belong together if their histograms are alike. This cheater has to find the partner among 255 other views, just as the network had to.


# %%
def histograms(pictures):
    """How often each of eight levels occurs in each channel."""
    levels = np.minimum((np.asarray(pictures) * 8).astype(int), 7).reshape(len(pictures), -1, 3)
    return (levels[:, :, :, None] == np.arange(8)).mean(axis=1).reshape(len(pictures), -1)


rows = []
for name, strength in (("crops only", 0.0), (f"and colours changed by {COLOUR}", COLOUR)):
    found = {"histograms": [], "network": []}
    for i in range(0, min(1024, len(x_valid)), 128):
        pictures = two_views(x_valid[i : i + 128], tf.constant([8, i]), strength)
        partner = np.roll(np.arange(len(pictures)), len(pictures) // 2)
        roots = np.sqrt(histograms(pictures))  # their products compare distributions
        found["histograms"].append(nearest_other(roots) == partner)
        z = pretext["contrastive"](pictures, training=False).numpy()
        found["network"].append(nearest_other(z) == partner)
    rows.append([name, *(f"{100 * np.concatenate(part).mean():.1f}" for part in found.values())])
plots.table([["chance", "0.4", "0.4"], *rows], ["partners found, %", "colour histograms", "network"])

# %% [markdown]
# Does a network take that short cut? Train it both ways, with three seeds each, for a few steps. Then ask what the features hold: the class (a linear probe with the larger labelled subset), and the mean colour of the image (the share of its variance, $R^2$, that a linear map predicts). A third variant makes another published mistake: its "unlabelled" images are only the 100 that have labels.


# %%
def train_recipe(recipe):
    """A short contrastive training; the encoder's weights."""
    name, seed = recipe
    keras.utils.set_random_seed(seed)
    fresh = pretext_network("contrastive")[1].get_weights()
    short_learner.start(fresh)
    images = x_train[labelled(LABELS[0], seed)] if name == "100 images only" else x_train
    strength = np.full(len(images), 0.0 if name == "colours as they are" else COLOUR, "float32")
    size = min(in_a_step["contrastive"], LABELS[0])  # no image twice in a step, in any recipe
    short_learner.run(range(SHORT_STEPS), SHORT_STEPS, PRETRAIN_RATE, seed, size, images, strength)
    return {f"weight{i}": w for i, w in enumerate(short_encoder.get_weights())}


def short_loss(network, images, strength, seed):
    return nt_xent(network(two_views(images, seed, strength[0]), training=True), TEMPERATURE)


short_encoder, short_network = pretext_network("contrastive")
short_learner = Learner(short_network, short_loss)
RECIPES = ("colours changed", "colours as they are", "100 images only")
keys = [(name, seed) for name in RECIPES for seed in range(DRAWS)]
short = resume.pieces("recipes", keys, train_recipe, settings | dict(SHORT_STEPS=SHORT_STEPS, LABELS=LABELS))


# %%
def what_it_holds(name, seed):
    """Validation accuracy of a linear probe, and R² of the mean colour, from the features of a short training."""
    short_encoder.set_weights([short[name, seed][f"weight{i}"] for i in range(len(short_encoder.weights))])
    rows = labelled(LABELS[1], seed)
    raw, raw_valid = in_batches(short_encoder, x_train[rows]), in_batches(short_encoder, x_valid)
    z, z_valid = ((part - raw.mean(axis=0)) / (raw.std(axis=0) + 1e-3) for part in (raw, raw_valid))
    classes = LogisticRegression(C=0.01, max_iter=200).fit(z, y_train[rows]).score(z_valid, y_valid)
    colours = Ridge(10.0).fit(z, x_train[rows].mean(axis=(1, 2)))
    return classes, colours.score(z_valid, x_valid.mean(axis=(1, 2))), z_valid


rows, z_valid, classes_of = [], {}, {}
for name in RECIPES:
    found = [what_it_holds(name, seed) for seed in range(DRAWS)]
    z_valid[name], classes_of[name] = found[0][2], [part[0] for part in found]
    rows.append(
        [name, metrics.mean_sd(classes_of[name], 1, scale=100), metrics.mean_sd([part[1] for part in found], 2)]
    )
plots.table(rows, [f"{SHORT_STEPS} steps, {DRAWS} seeds", f"probe, {LABELS[1]} labels, %", "R² of the mean colour"])
for name in RECIPES[1:]:
    difference, error = metrics.paired_difference(classes_of[RECIPES[0]], classes_of[name])
    print(f"colours changed minus {name}: {100 * difference:+.1f} ± {100 * error:.1f} points (standard error)")

# %%
queries = [np.flatnonzero(y_valid == c)[1] for c in CHOSEN[1:3]]
pictures, titles = [], []
for query in queries:
    for name in RECIPES[1::-1]:
        similar = z_valid[name] @ z_valid[name][query] / np.linalg.norm(z_valid[name], axis=1)
        nearest = [i for i in np.argsort(-similar) if i != query][:6]
        pictures += list(x_valid[[query, *nearest]])
        titles += [
            "same colours" if name == RECIPES[1] else "changed",
            *(dataset.classes[c][:10] for c in y_valid[nearest]),
        ]
plots.show(
    plots.image_grid(pictures, titles, columns=7),
    "Two validation images and their six nearest neighbours, each first after training with colours as they are, then with colours changed.",
    "Four rows: a photograph on the left, six neighbours with the names of their classes on the right.",
    colours=256,
)

# %% [markdown]
# With crops only, the colour histograms find 64.3 % of the partners: the task would be more than half solved before anything is understood. When colours change they find 4.6 %. Our network, which was trained with changed colours, finds 42.9 %.
#
# And a network does take the short cut. After 60 steps with colours as they are, the probe is 8.2 ± 1.4 points lower, and the mean colour can be read from the features almost perfectly ($R^2$ 0.97; with changed colours 0.93, so it is not gone, only less in the way). The neighbours show what such a network goes by. With the same colours nearly everything near the car is grey on white, and nearly everything near the frog is brown. With changed colours there are a blue and an orange ship among the first, and green meadows among the second. (Names agree no better, quite the contrary: four cars of six against none, two frogs against two. Two images are a picture, not a measurement: for that there is the table.)
#
# The third variant does *not* show its mistake here: 100 images are as good as 48 000, to within the noise (a difference of −1.2 ± 1.0 points). A training of 60 steps is too short to know 100 images by heart. So this comparison is no evidence against it, and the reason to avoid it remains that nobody needs a method for unlabelled images that does not look at them.

# %% [markdown] tags=["question"]
# **Question 19.a.** You have many unlabelled satellite images of fields, and few with a label that says what grows there. Which of the three tasks would you use, which not, and what would you change about the views?

# %% [markdown] tags=["answer"]
# **Answer 19.a.** Rotation is useless: seen from above there is no up, so the label cannot be known, except from shadows, which is a short cut. A jigsaw of a field looks alike in many orders for the same reason. Contrastive learning fits, and turned views are welcome there, since the crop stays what it is. But the colour tells wheat from rape, so changing colours strongly would teach the network to ignore what we need. Change brightness, as clouds do, and keep the tint.

# %% [markdown]
# ## The test set, once
#
# Everything is chosen. For each task and each number of labels, validation picks the way: frozen, partly or full. What it picked is tested, beside the baselines.

# %%
x_test, y_test = in_colour(dataset.test.images), dataset.test.labels
test_features = {"8 × 8 thumbnail": thumbnails(x_test)}
for task in (*TASKS, "untrained", "long"):
    encoder.set_weights(encoder_weights[task])
    test_features[task] = (in_batches(encoder, x_test) - features[task]["centre"]) / features[task]["scale"]


def test_scores(task, way, count):
    """Test accuracy of every draw."""
    if way == "frozen":
        fitted = [p for (t, n, _), p in probes.items() if (t, n) == (task, count)]
        return [p.score(test_features[task], y_test) for p in fitted]
    network, found = learners["full", 0].network, []
    for draw in range(DRAWS):
        network.set_weights([trained[task, way, count, draw][f"weight{i}"] for i in range(len(network.weights))])
        found.append(accuracy(network, x_test, y_test))
    return found


def chosen_way(task, count):
    ways = [way for way in ("frozen", "partly", "full") if (task, way, count) in on_valid]
    return max(ways, key=lambda way: np.mean(on_valid[task, way, count]))


on_test, ways, SCRATCH = {}, {}, ("same steps", "compute of round one", "compute of round two")
for count in BUDGETS:
    for task in ("8 × 8 thumbnail", "untrained", *TASKS):
        ways[task, count] = chosen_way(task, count)
        on_test[task, count] = test_scores(task, ways[task, count], count)
    for way in SCRATCH:
        if ("scratch", way, count) in on_valid:
            on_test[f"scratch, {way}", count] = test_scores("scratch", way, count)
    print(f"{count:,} labels: done")
for count in LABELS:
    ways["long", count] = chosen_way("long", count)
    on_test["long", count] = test_scores("long", ways["long", count], count)

# %%
rows = [["one class for all", *["10.0"] * len(BUDGETS)]]
for name in ("8 × 8 thumbnail", "untrained", *(f"scratch, {way}" for way in SCRATCH), *TASKS, "long"):
    cells = []
    for count in BUDGETS:
        text = metrics.mean_sd(on_test[name, count], 1, scale=100) if (name, count) in on_test else "–"
        cells.append(f"{text} ({ways[name, count]})" if (name, count) in ways and name in (*TASKS, "long") else text)
    rows.append([f"{winner}, round two" if name == "long" else name, *cells])
plots.table(rows, ["test accuracy %, mean ± sd of the draws", *(f"{n:,} labels" for n in BUDGETS)])

# %%
fig, ax = plots.axes(height=4.2)
for name, marker in zip(("scratch, compute of round one", *TASKS, "scratch, compute of round two", "long"), "sov^DP"):
    runs = {place: 100 * np.array(on_test[name, n]) for place, n in enumerate(BUDGETS) if (name, n) in on_test}
    label = f"{winner}, round two" if name == "long" else name
    (line,) = ax.plot(list(runs), [found.mean() for found in runs.values()], marker=marker, label=label)
    for place, found in runs.items():
        ax.plot(np.full(len(found), place), found, marker, color=line.get_color(), alpha=0.35)
ax.set_xticks(range(len(BUDGETS)), [f"{n:,}" for n in BUDGETS])
ax.set(xlabel="labelled images", ylabel="test accuracy, %")
fig.legend(loc="outside upper center", ncols=3)
plots.show(
    fig,
    "Test accuracy by number of labels; pale marks are single draws. Validation chose how each encoder is used; with all labels only one was fine-tuned.",
    "Lines over 100, 1000 and all labels: from scratch with the same compute, rotation, jigsaw and contrastive; the second round ends at 1000.",
)


# %%
def say_gain(task, way, count):
    """The gain of a pre-trained encoder over the network from scratch, draw by draw."""
    gains = np.array(on_test[task, count]) - np.array(on_test[f"scratch, {way}", count])
    low, high = metrics.confidence_interval(100 * gains)
    noise = "outside" if low > 0 or high < 0 else "inside"
    name = f"{winner}, round {'two' if task == 'long' else 'one'}, minus scratch, {way}"
    print(f"{name:62} {100 * gains.mean():+.1f} points, 95 % interval {low:.1f} to {high:.1f}: {noise} the noise")
    return gains.mean()


gains = {}
for count in LABELS:
    print(f"with {count:,} labels, on the same draws:")
    say_gain(winner, "same steps", count)
    say_gain(winner, "compute of round one", count)
    trained_ways = [way for way in SCRATCH if ("scratch", way, count) in on_valid]
    hardest = max(trained_ways, key=lambda way: np.mean(on_valid["scratch", way, count]))  # it may also stop early
    gains[count] = say_gain("long", hardest, count)
results.record("gain_over_scratch_1000", gains[LABELS[1]])

# %% [markdown]
# The spread is that of labelled subsets and of starts. Each task was pre-trained *once*, so a difference of a point or two between tasks may be the luck of one training.
#
# **After a short pre-training self-supervision does not pay.** With 100 labels the first round ends 1.0 points behind the network from scratch with the same compute, inside the noise; with 1000 labels 10.2 points, far outside. Given the compute, the network from scratch sees each of its labelled images again and again, never twice in the same crop and colours.
#
# **After a long one it does.** With 1000 labels the contrastive encoder has 70.8 % on test images, the network from scratch 65.2 %, and both sides have computed equally much. The mean gain is 5.7 points, with an interval from 2.5 to 8.8. With 100 labels it is 56.2 against 37.9 %, for the reason given above with less compute for the second. With all labels we did not try: nothing in the first round comes near the 67.1 % from scratch.
#
# **Does that hang on sharing the bill?** No. Charged in full, the network from scratch would take 12 400 steps in place of 4400. We tried that outside this notebook, with the same three draws, and asked training images whose labels were not used. After 4800 steps it has 66.0, 64.5 and 67.1 %; after the whole bill 65.2, 65.4 and 66.4. It has learned what 1000 images can teach it. Fine-tuning the long encoder brings the same draws to 71.4, 70.7 and 71.1 %, 5.4 points ahead of the network that pays in full.
#
# What decided the race, in trials that never saw a test image (linear probe with 1000 labels):
#
# - *More steps*: 62.0 % after 1700 contrastive steps, 66.7 after 6000, 69.1 after 12 000, about 2.6 points for each doubling. The papers go on from there, with larger networks and hundreds of passes over the data where we have 32.
# - *The encoder*: with stride 2 in place of the maximum, and 128 features at the end, the probe had 58.4 % after 2000 steps. They took two thirds of the time, but even after up to 10 000 of them fine-tuning was never ahead by more than two points.
# - *Neither better nor worse*, within a point, with one encoder or the other: other temperatures, smaller crops in half of the steps, four views of each image in place of two, a third layer in the head, neighbours as partners (Dwibedi, 2021), whitened patches in front, a weight decay of 0.2.
# - *Worse by about three points*: weighting hard negatives (Robinson, 2021), and VICReg (Bardes, 2022), which needs no negatives. Both have parameters of their own that we did not tune.

# %% [markdown]
# ## What went wrong in practice
#
# - **A baseline with all labels** beside a head with 100. Then the gain is that of nothing but labels. Hand each training function its labelled rows, and nothing else.
# - **An encoder trained on the 100 labelled images only.** Self-supervision lives from the other 49 900. (In our short comparison this did not show. It needs a training that is long enough to learn 100 images by heart.)
# - **A regression loss on whole-number labels.** Four orientations are four classes.
# - **Unequal compute.** A baseline that stops after the steps of the fine-tuning loses for the wrong reason. With 1000 labels, in the first round, that choice alone makes −1.2 points out of −10.2.
# - **A view that picks itself.** Without the mask on the diagonal, the contrastive loss is solved by the identity.
# - **A task with a short cut.** Build the cheater before you build the network.

# %% [markdown] tags=["notes"]
# Close with the bets: which encoder did the class choose for 100 labels, and was it right? Then with the bill: who has to pay for pre-training once and uses the encoder for twenty problems may divide the compute by twenty. Our first round charges it in full to each network, the second divides it by three. Which of the two would the class have chosen, and for which purpose?

# %% [markdown]
# ## Summary
#
# - A pretext task makes labels out of the data. Its answers are worthless, the features that it needs are not.
# - NT-Xent is a cross-entropy in which each view has to pick its partner. Check it on a case that fits on paper.
# - A linear probe tells what features are worth as they are. Fine-tuning starts from it.
# - Here a short pre-training is worth nothing. A long one is worth five to six points with 1000 labels, against a network from scratch that computes as much, and more with 100.
# - Compare with the same labels, the same compute, several draws, and an untrained encoder.
# - Every task has a short cut: brightness, seams, colours. Measure it with a cheater, and take it away.

# %% [markdown]
# ## Going further
#
# - Give `change_colours` a strength of 0.8. What happens to the task, and what to the probe?
# - Take the features after the fourth convolution instead of the fifth. Which task gains?
# - Set `TEMPERATURE` to 0.05 and to 1. How does the map of features change?
# - Train rotation on images without slopes. Does the encoder get better, or only the task harder?
# - Set `FINE_RATE` to 0.005. Does fine-tuning overtake *same steps* in the first round? And in the second?
# - Set `SHARED = False`, and let it run over lunch. Does the network from scratch catch up?
# - Set `DATASET = "fashion_mnist"`. Which task fails on garments, and why?

# %% [markdown]
# ## References
#
# - C. Doersch, A. Gupta, A. A. Efros (2015), *Unsupervised Visual Representation Learning by Context Prediction*.
# - M. Noroozi, P. Favaro (2016), *Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles*.
# - S. Gidaris, P. Singh, N. Komodakis (2018), *Unsupervised Representation Learning by Predicting Image Rotations*.
# - K. Jordan and others (2024), *Muon: An optimizer for hidden layers in neural networks*.
# - T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020), *A Simple Framework for Contrastive Learning of Visual Representations*.
# - A. Kolesnikov, X. Zhai, L. Beyer (2019), *Revisiting Self-Supervised Visual Representation Learning*.
# - L. van der Maaten, G. Hinton (2008), *Visualizing Data Using t-SNE*.
# - D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman (2021), *With a Little Help from My Friends: Nearest-Neighbor Contrastive Learning of Visual Representations*.
# - J. Robinson, C.-Y. Chuang, S. Sra, S. Jegelka (2021), *Contrastive Learning with Hard Negative Samples*.
# - A. Bardes, J. Ponce, Y. LeCun (2022), *VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning*.
# - A. Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*.
