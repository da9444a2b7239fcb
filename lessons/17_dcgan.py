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
#     title: Two networks and a game
#     minutes: {class: 3, full: 18}
#     summary: A DCGAN draws digits from noise, and a metric says how well, and when it collapses.
#     data: [mnist]
#     expected:
#       fid_first_over_last: [5, inf]
#       classes_covered: [10, 10]
#       confident_fraction: [0.85, 1.0]
#     points: {game_value: 1, best_discriminator: 1, build_generator: 2, build_discriminator: 2, discriminator_loss: 1, generator_loss: 1, train_step: 3, snapshot: 2}
# ---

# %% [markdown]
# # Two networks and a game
#
# One network draws digits from random numbers, another tells drawn ones from real ones, and each learns from the other. In this lesson you build both, watch them play, and measure the result: whether the digits look like digits, whether all ten appear, and whether they are copies.

# %% [markdown]
# **You will**
#
# - write the game's objective, find its best discriminator, and turn it into two losses;
# - build a generator and a discriminator of convolutions, and the step that updates them in turn;
# - film the training with fixed noise;
# - score the drawn digits with a classifier: a Fréchet distance, coverage, nearest training images;
# - provoke mode collapse, and see it in the numbers.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

runtime.start("17", seed=0)

# %% [markdown]
# ## Parameters
#
# The two networks play with a part of the training images, so that many short epochs fit into the time. All choices were made on validation images. One long game is the heart of the lesson; short games with several seeds compare a healthy game with a broken one.

# %% tags=["parameters"]
DATASET = "mnist"  # or "fashion_mnist"
VALIDATION = 5000  # training images set aside for choices
LIMIT = 25000  # training images that the two networks see
BATCH_SIZE = 64
EPOCHS = 30  # passes of the long game
LATENT = 32  # random numbers behind one image
FILTERS = 32  # of the wide layers; the narrow ones have twice as many, the hidden ones eight times
GENERATOR_RATE = 0.003  # learning rate at the start; it falls to 0
DISCRIMINATOR_RATE = 0.001
AVERAGE = 0.999  # how much the average of the generator keeps of itself in each step
SAMPLES = 5000  # drawn images behind every score
JUDGE_LIMIT = None  # training images of the classifier that keeps the score (None: all)
JUDGE_EPOCHS = 5
SEEDS = 3  # repetitions of every short game
SHORT_LIMIT = 6400
SHORT_EPOCHS = 4

runtime.profile(
    in_class=dict(LIMIT=7000, EPOCHS=8, SAMPLES=2000, JUDGE_LIMIT=20000, SEEDS=2, SHORT_LIMIT=3200),
    smoke=dict(
        LIMIT=256, VALIDATION=128, BATCH_SIZE=32, EPOCHS=2, FILTERS=4, SAMPLES=128, JUDGE_LIMIT=512, JUDGE_EPOCHS=2,
        SEEDS=1, SHORT_LIMIT=64, SHORT_EPOCHS=1,
    ),
)  # fmt: skip

# %% [markdown]
# ## The data
#
# MNIST: handwritten digits, 28 × 28 grey pixels. The generator will end in a tanh, whose values lie between −1 and 1. So the real images must lie there too. A published solution set tanh fakes against real images from 0 to 1: the discriminator then needs to look at one thing only, whether the background is −1 or 0.

# %%
digits = data.load(DATASET)
rest, valid = digits.train.hold_out(VALIDATION, seed=0)
play, school = rest.take(LIMIT), rest.take(JUDGE_LIMIT)


def scaled(split):
    """Grey values from 0–255 to −1–1."""
    return split.images.astype("float32") / 127.5 - 1


x_train, x_valid = scaled(play), scaled(valid)
print(f"{len(x_train)} images for the game, {len(x_valid)} validation images, from {x_train.min()} to {x_train.max()}")
assert (x_train.min(), x_train.max()) == (-1, 1)

# %%
plots.show(
    plots.image_grid(x_train[:30], columns=15, limits=(-1, 1)),
    "Thirty real images. The generator never sees one: all it learns comes from its opponent.",
    "Two rows of small real images.",
)

# %% [markdown]
# ## The objective
#
# The *generator* $G$ turns random numbers $z$ into an image $G(z)$. The *discriminator* $D$ looks at an image $x$ and says with what probability it is real. Both play for one number, the value of the game:
#
# $$V(D, G) = \mathbb{E}_{x \sim p}\,\log D(x) + \mathbb{E}_{x \sim q}\,\log\big(1 - D(x)\big).$$
#
# $p$ is the distribution of real images, $q$ that of drawn ones, $x = G(z)$. $D$ wants $V$ large: say yes to real images and no to drawn ones. $G$ wants it small, and can only change $q$. To see what the game is about, shrink the world to a few outcomes. Then $p$, $q$ and $D$ are short lists of numbers, and the expectations are sums.
#
# ### Exercise 17.1 · The value of the game
#
# $V = \sum_k p_k \log D_k + \sum_k q_k \log (1 - D_k)$. An outcome that never happens counts nothing, even where its logarithm is infinite.


# %% tags=["exercise"]
def game_value(p, q, d):
    """V for probabilities p of real and q of drawn outcomes, and the discriminator's answer d to each outcome."""
    ### BEGIN SOLUTION
    real = np.log(d[p > 0]) @ p[p > 0]
    drawn = np.log(1 - d[q > 0]) @ q[q > 0]
    return real + drawn
    ### END SOLUTION


# %% tags=["check"]
checks.run("17.game_value", game_value)

# %% [markdown]
# ### Exercise 17.2 · The best discriminator
#
# Each outcome has a term of its own, $p \log D + q \log(1 - D)$. Set its derivative by $D$ to zero and solve for $D$. Where an outcome happens in neither world, answer 0.5.


# %% tags=["exercise"]
def best_discriminator(p, q):
    """The answer to each outcome that makes the value of the game largest."""
    ### BEGIN SOLUTION
    both = p + q
    return np.where(both > 0, p / np.where(both > 0, both, 1), 0.5)
    ### END SOLUTION


# %% tags=["check"]
checks.run("17.best_discriminator", best_discriminator)

# %% [markdown]
# Put the best $D$ into $V$, and what is left depends on the two distributions only. It is $2\,\mathrm{JS}(p, q) - \log 4$, where JS is the Jensen–Shannon divergence: 0 if $p = q$, at most $\log 2$. So against a perfect opponent the generator shrinks a distance between distributions. Watch a drawn hill walk towards a real one.

# %%
places = np.linspace(-5, 8, 261)


def hill(centre):
    heights = np.exp(-((places - centre) ** 2) / 2)
    return heights / heights.sum()


fig, panels = plots.axes(columns=3, height=3.0, sharey=True)
for ax, centre in zip(panels, (4.0, 1.5, 0.0)):
    p, q = hill(0.0), hill(centre)
    best = best_discriminator(p, q)
    value, mixed = game_value(p, q, best), (p + q) / 2
    divergence = (p @ np.log(p / mixed) + q @ np.log(q / mixed)) / 2
    assert np.isclose(value, 2 * divergence - np.log(4))
    ax.fill_between(places, p / p.max() / 2, color=plots.COLOURS[0], alpha=0.35, label="real")
    ax.fill_between(places, q / p.max() / 2, color=plots.COLOURS[1], alpha=0.35, label="drawn")
    ax.plot(places, best, color="black", linestyle="-", label="best D")
    ax.set(xlabel="outcome x", title=f"V = {value:.2f}", ylim=(0, 1.05))
panels[0].set_ylabel("probability that x is real")
panels[0].legend(loc="lower left", fontsize=10)
plots.show(
    fig,
    f"Far away, half overlapping, equal. When both hills are one, the best D says 0.5 everywhere and V is −log 4 = {-np.log(4):.2f}.",
    "Three panels: the drawn hill moves onto the real one; the best discriminator goes from a steep step to a flat line at one half.",
)

# %% [markdown] tags=["question"]
# **Question 17.a.** In the left panel the best discriminator is a step, nearly 0 over the whole drawn hill. What does that mean for a generator that learns by following the gradient of $V$?

# %% [markdown] tags=["answer"]
# **Answer 17.a.** Where $D$ is flat, moving a drawn outcome a little does not change $D$'s answer. The gradient that reaches the generator is nearly zero just when it has most to learn. The game is therefore never played against the best discriminator: both learn in turn, in small steps, and the generator gets another loss, which is steep there. Lesson 18 replaces the divergence by a distance that is not flat.

# %% [markdown] tags=["notes"]
# Ask before showing the panels: "If the forger is perfect, what does the best detective say?" Most say "drawn"; the answer is one half. Then point at the left panel: a perfect detective is a bad teacher. Let them say why in terms of the slope.

# %% [markdown]
# ## The generator
#
# From $z$ to an image, the way back of a classifier: few pixels with many channels become many pixels with few. A *transposed convolution* with stride 2 doubles the side. A kernel of 4 × 4 fits that stride: each pixel is written by the same number of kernel entries, so no checkerboard appears.
#
# In front of them stands a hidden layer that sees all of $z$: which digit it is, and how it leans, concerns the whole image, and a kernel of 4 × 4 knows nothing of the other side.
#
# ### Exercise 17.3 · The generator
#
# In this order, with `f` for `filters`:
# `Dense` with 8f units · `BatchNormalization` · `ReLU` · `Dense` with $7 \cdot 7 \cdot 2f$ units · `BatchNormalization` · `ReLU` · `Reshape` to (7, 7, 2f) · `Conv2DTranspose` with f filters · `BatchNormalization` · `ReLU` · `Conv2DTranspose` with one filter and activation tanh. Transposed convolutions have kernel 4, stride 2, padding "same". What is followed by batch normalisation has no bias. Batch normalisation has momentum 0.9.


# %% tags=["exercise"]
def build_generator(latent, filters):
    """From `latent` random numbers to an image of (28, 28, 1) with values between −1 and 1."""
    noise = keras.Input((latent,))
    ### BEGIN SOLUTION
    h = layers.Dense(8 * filters, use_bias=False)(noise)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Dense(7 * 7 * 2 * filters, use_bias=False)(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Reshape((7, 7, 2 * filters))(h)
    h = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    images = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(h)
    ### END SOLUTION
    return keras.Model(noise, images, name="generator")


# %% tags=["check"]
def describe_generator(latent, filters):
    """What can be seen of the model from outside."""
    model = build_generator(latent, filters)
    return {
        "layers": [type(layer).__name__ for layer in model.layers[1:]],
        "last activation": model.layers[-1].activation.__name__,
        "parameters": model.count_params(),
        "output shape": list(model.output_shape[1:]),
    }


checks.run("17.build_generator", describe_generator)

# %% [markdown]
# ## The discriminator
#
# A small classifier with one output. Its convolutions look at strokes; a hidden layer over all of them judges whether the strokes make a digit. The output is a *logit*, the number before the sigmoid, because losses of logits are stable. Leaky ReLU lets a little gradient through where a unit is off: the generator learns only what comes through here.
#
# ### Exercise 17.4 · The discriminator
#
# `Conv2D` with f filters · `LeakyReLU` · `Conv2D` with 2f filters · `BatchNormalization` · `LeakyReLU` · `Flatten` · `Dense` with 8f units · `LeakyReLU` · `Dense` with one unit. Convolutions have kernel 4, stride 2, padding "same"; leaky units have slope 0.2. There is no batch normalisation at the input, and none near the output: real and drawn images come in batches of their own, and normalising each batch just in front of the answer would wipe out the difference of their means, which is what the answer needs. Again no bias stands in front of batch normalisation, and its momentum is 0.9.


# %% tags=["exercise"]
def build_discriminator(filters):
    """From an image of (28, 28, 1) to the logit of being real."""
    images = keras.Input((28, 28, 1))
    ### BEGIN SOLUTION
    h = layers.Conv2D(filters, 4, strides=2, padding="same")(images)
    h = layers.LeakyReLU(0.2)(h)
    h = layers.Conv2D(2 * filters, 4, strides=2, padding="same", use_bias=False)(h)
    h = layers.LeakyReLU(0.2)(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.LeakyReLU(0.2)(layers.Dense(8 * filters)(layers.Flatten()(h)))
    logit = layers.Dense(1)(h)
    ### END SOLUTION
    return keras.Model(images, logit, name="discriminator")


# %% tags=["check"]
def describe_discriminator(filters):
    """What can be seen of the model from outside."""
    model = build_discriminator(filters)
    return {
        "layers": [type(layer).__name__ for layer in model.layers[1:]],
        "slopes": [float(layer.negative_slope) for layer in model.layers if isinstance(layer, layers.LeakyReLU)],
        "last activation": model.layers[-1].activation.__name__,
        "parameters": model.count_params(),
        "output shape": list(model.output_shape[1:]),
    }


checks.run("17.build_discriminator", describe_discriminator)

# %%
rows = [
    [model.name, f"{model.input_shape[1:]} → {model.output_shape[1:]}", f"{model.count_params():,}"]
    for model in (build_generator(LATENT, FILTERS), build_discriminator(FILTERS))
]
plots.table(rows, ["network", "from → to", "parameters"])

# %% [markdown]
# ## Two losses
#
# The discriminator wants $V$ large, so its loss is $-V$, with means over a batch in place of expectations. It has a logit $\ell$, and $D = \sigma(\ell) = 1 / (1 + e^{-\ell})$. Computed as a logarithm of a sigmoid, the loss is infinite as soon as the sigmoid rounds to 0. With $\mathrm{softplus}(a) = \log(1 + e^{a})$ it is not: $-\log \sigma(\ell) = \mathrm{softplus}(-\ell)$, and $-\log(1 - \sigma(\ell)) = \mathrm{softplus}(\ell)$.
#
# ### Exercise 17.5 · The loss of the discriminator
#
# The sum of two means, one over real and one over drawn images. `tf.nn.softplus` is ready.


# %% tags=["exercise"]
def discriminator_loss(real_logits, fake_logits):
    """−V, estimated from the logits of a batch of real and a batch of drawn images."""
    ### BEGIN SOLUTION
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))
    ### END SOLUTION


# %% tags=["check"]
checks.run("17.discriminator_loss", discriminator_loss)

# %% [markdown]
# The generator could use $V$ itself: make $\log(1 - D(G(z)))$ small. But early on $D$ is sure that the images are drawn, and there this loss is flat. The *non-saturating* loss has the same goal and the opposite shape: make $-\log D(G(z))$ small, that is, pretend the drawn images were real and ask for the discriminator's loss.
#
# ### Exercise 17.6 · The loss of the generator


# %% tags=["exercise"]
def generator_loss(fake_logits):
    """The mean of −log D(G(z)) over a batch, from the logits of drawn images."""
    ### BEGIN SOLUTION
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))
    ### END SOLUTION


# %% tags=["check"]
checks.run("17.generator_loss", generator_loss)

# %%
logits = tf.Variable(np.linspace(-8, 8, 161), dtype=tf.float32)
with tf.GradientTape(persistent=True) as tape:
    losses = {
        "log(1 − D), the game's own": -tf.nn.softplus(logits),
        "−log D, non-saturating": tf.nn.softplus(-logits),
    }
fig, panels = plots.axes(columns=2, height=3.2)
for name, loss in losses.items():
    panels[0].plot(logits.numpy(), loss.numpy(), label=name)
    panels[1].plot(logits.numpy(), -tape.gradient(loss, logits).numpy(), label=name)
panels[0].set(xlabel="logit of a drawn image", ylabel="loss of the generator")
panels[1].set(xlabel="logit of a drawn image", ylabel="push towards 'real'")
panels[0].legend(loc="upper right", fontsize=10)
plots.show(
    fig,
    "Left of 0 the discriminator is right. The game's own loss hardly pushes there; the other one pushes most.",
    "Two panels: both losses fall; the slope of the first vanishes for negative logits, that of the second is 1 there and vanishes for positive ones.",
)

# %% [markdown]
# ## The step
#
# One batch of real images, one of noise, two updates: first the discriminator's, then the generator's *against the new discriminator*. Whose turn it is not must not change. That holds for weights, and for something easily forgotten: the moving averages of batch normalisation. Each call of a model in training mode moves them. If the generator's turn also moves the discriminator's averages, these see two drawn batches for each real one.
#
# Setting `trainable = False` is no way out: it switches batch normalisation to its moving averages, so the generator would play against another function than the one that was trained. Keras has a call that gives the outputs and *returns* the new averages instead of storing them. We throw them away.


# %% tags=["helper"]
def frozen(model, inputs):
    """The model's outputs in training mode, while its weights and its moving averages stay as they are."""
    outputs, _ = model.stateless_call(model.trainable_variables, model.non_trainable_variables, inputs, training=True)
    return outputs


# %% [markdown]
# ### Exercise 17.7 · One step of the game
#
# 1. The discriminator's turn: images from the *frozen* generator; real and drawn images go through the discriminator in two calls with `training=True`, real ones first; update the discriminator.
# 2. The generator's turn: new images from the same noise with `training=True`, through the *frozen* discriminator; update the generator.
#
# `optimizer.apply(gradients, variables)` takes a step. Use TensorFlow's operations only: the function is compiled below.


# %% tags=["exercise"]
def train_step(generator, discriminator, generator_optimizer, discriminator_optimizer, real, noise):
    """Update the discriminator, then the generator; return both losses, the discriminator's first."""
    ### BEGIN SOLUTION
    fake = frozen(generator, noise)
    with tf.GradientTape() as tape:
        d_loss = discriminator_loss(discriminator(real, training=True), discriminator(fake, training=True))
    weights = discriminator.trainable_variables
    discriminator_optimizer.apply(tape.gradient(d_loss, weights), weights)

    with tf.GradientTape() as tape:
        g_loss = generator_loss(frozen(discriminator, generator(noise, training=True)))
    weights = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss
    ### END SOLUTION


# %% tags=["check"]
def one_step(real, noise, generator_weights, discriminator_weights, generator_rate, discriminator_rate):
    """Losses, weights and moving averages of two tiny networks after one step."""
    generator = keras.Sequential(
        [
            keras.Input(noise.shape[1:]),
            layers.Dense(real.shape[1], use_bias=False),
            layers.BatchNormalization(momentum=0.9),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input(real.shape[1:]),
            layers.Dense(3, activation="tanh", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(1, use_bias=False),
        ]
    )
    for model, weights in ((generator, generator_weights), (discriminator, discriminator_weights)):
        for variable, value in zip(model.trainable_variables, weights):
            variable.assign(value)
    optimizers = [keras.optimizers.SGD(generator_rate), keras.optimizers.SGD(discriminator_rate)]
    losses = train_step(generator, discriminator, *optimizers, tf.constant(real), tf.constant(noise))
    return {
        "losses": [float(loss) for loss in losses],
        "generator": [variable.numpy() for variable in generator.trainable_variables],
        "generator's averages": [variable.numpy() for variable in generator.non_trainable_variables],
        "discriminator": [variable.numpy() for variable in discriminator.trainable_variables],
        "discriminator's averages": [variable.numpy() for variable in discriminator.non_trainable_variables],
    }


checks.run("17.train_step", one_step)

# %% [markdown] tags=["notes"]
# This is the heart of the code. Let the class say for each line which network may change. Ask what happens if the two updates use the same, old discriminator (the TensorFlow tutorial does that): it works too, but it is another algorithm, with both players moving at once.

# %% [markdown]
# ## Fixed noise for a film
#
# Losses do not show how the images are. So draw images from *the same noise* after each epoch: then you see one digit take shape, and not always new ones. The noise is made once, by a random generator of its own, and training does not touch it.
#
# ### Exercise 17.8 · One picture of the film
#
# Run the generator in *inference* mode: else the look of an image depends on the other images of the batch, and looking moves the averages. Turn values from −1…1 into whole grey values 0…255, rounded, as `uint8`. Put the images side by side without gaps, `columns` in a row, the first row first.


# %% tags=["exercise"]
def snapshot(generator, noise, columns):
    """One picture with a drawn image for each row of `noise`: uint8, shape (rows · height, columns · width)."""
    ### BEGIN SOLUTION
    images = np.asarray(generator(noise, training=False))[:, :, :, 0]
    images = np.round(127.5 * (images + 1)).astype("uint8")
    _, height, width = images.shape
    tiles = images.reshape(-1, columns, height, width)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, columns * width)
    ### END SOLUTION


# %% tags=["check"]
def picture_of(noise, weights, height, columns):
    """The snapshot of a tiny generator with these weights, and the kind of its numbers."""
    generator = keras.Sequential(
        [
            keras.Input(noise.shape[1:]),
            layers.Dense(weights.shape[1], use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Reshape((height, -1, 1)),
        ]
    )
    generator.layers[0].set_weights([weights])
    picture = np.asarray(snapshot(generator, tf.constant(noise), columns))
    return {"picture": picture.astype(float), "kind": str(picture.dtype)}


checks.run("17.snapshot", picture_of)

# %%
COLUMNS, ROWS = 8, 4  # of the film
fixed_noise = np.random.default_rng(17).normal(size=(COLUMNS * ROWS, LATENT)).astype("float32")

# %% [markdown]
# ## A judge with numbers
#
# "It looks good" is no result. We train a small classifier on real images and let it look at the drawn ones. It gives four scores:
#
# - the *classifier-FID*: take the 64 features before the last layer, for drawn and for real images; fit a Gaussian to each, with means $m$ and covariances $C$; the squared Fréchet distance of the two is $\lVert m_1 - m_2 \rVert^2 + \mathrm{tr}\big(C_1 + C_2 - 2 (C_1 C_2)^{1/2}\big)$. It sees both poor images and missing kinds;
# - the *confident fraction*: how many images the classifier gives a probability of 0.9 or more for one class;
# - the *coverage*: how many classes make up at least 2 % of the samples each, counting confident ones only;
# - the *effective number of classes*: $e^{H}$, where $H$ is the entropy of the classes' shares. It is 10 for equal shares and 1 for a single class.
#
# The real images in the FID are validation images. Comparing with training images would reward a generator that copies them.


# %%
def build_judge():
    """A small classifier; its last hidden layer gives the features."""
    images = keras.Input((28, 28, 1))
    h = images
    for filters in (16, 32):
        h = layers.MaxPooling2D(2)(layers.Conv2D(filters, 3, padding="same", activation="relu")(h))
    features = layers.Dense(64, activation="relu", name="features")(layers.Flatten()(h))
    logits = layers.Dense(10, name="logits")(layers.Dropout(0.3)(features))
    return keras.Model(images, logits, name="judge")


keras.utils.set_random_seed(0)
judge = build_judge()
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
falling = keras.optimizers.schedules.CosineDecay(0.002, JUDGE_EPOCHS * -(-len(school.labels) // 64))
judge.compile(keras.optimizers.Adam(falling), loss, metrics=["accuracy"], steps_per_execution=50, jit_compile=False)
say = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: print(f"epoch {epoch + 1}  training accuracy {logs['accuracy']:.3f}")
)
_ = judge.fit(scaled(school), school.labels, batch_size=64, epochs=JUDGE_EPOCHS, callbacks=[say], verbose=0)
# %% [markdown]
# Its weights stay as they are from here on, and so does the scale: FIDs of two different judges cannot be compared. But how good is the judge? If it is not sure of real digits, it will not be sure of drawn ones either: what it says of real images is the ceiling. And where it is sure, it should be right.


# %%
inside = keras.Model(judge.input, [judge.get_layer("features").output, layers.Softmax()(judge.output)])


def judged(images):
    """Features and class probabilities of images, as the judge sees them."""
    parts = [inside(images[start : start + 500], training=False) for start in range(0, len(images), 500)]
    return [np.concatenate([part[i] for part in parts]) for i in (0, 1)]


real_features, real_probabilities = judged(x_valid)
right, sure = real_probabilities.argmax(axis=1) == valid.labels, real_probabilities.max(axis=1) >= 0.9
print(f"validation images: right on {100 * np.mean(right):.1f} %, sure of {100 * np.mean(sure):.1f} %")
print(
    f"wrong on {np.sum(~right & sure)} of the {np.sum(sure)} it is sure of, on {np.sum(~right & ~sure)} of the other {np.sum(~sure)}"
)


# %% [markdown]
# What is a good value? Two ends of the scale help. At one end are real training images, held against the validation images: no generator can be expected to do better. At the other end is noise. In between lies a generator without any network, a Gaussian with the mean and the covariance of the training pixels.

# %%
rng = np.random.default_rng(0)
pixels = x_train.reshape(len(x_train), -1)
root = np.linalg.cholesky(np.cov(pixels, rowvar=False) + 1e-4 * np.eye(784))
gaussian = (pixels.mean(axis=0) + rng.normal(size=(SAMPLES, 784)) @ root.T).clip(-1, 1)
rivals = {
    "noise": rng.uniform(-1, 1, size=(SAMPLES, 28, 28, 1)).astype("float32"),
    "Gaussian of pixels": gaussian.reshape(-1, 28, 28, 1).astype("float32"),
    "real training images": x_train[:SAMPLES],
}
baseline = {name: judged(images) for name, images in rivals.items()}
on_valid = {name: metrics.generation_scores(*seen, real_features) for name, seen in baseline.items()}


def score_rows(found):
    """Rows of a table of scores."""
    return [
        [n, f"{s['fid']:.2f}", f"{100 * s['confident']:.1f}", f"{s['covered']} of 10", f"{s['effective']:.1f}"]
        for n, s in found.items()
    ]


SCORES = ["FID", "confident %", "classes covered", "effective classes"]
plots.table(score_rows(on_valid), ["images", *SCORES])

# %%
plots.show(
    plots.image_grid([image for images in rivals.values() for image in images[:12]], columns=12, limits=(-1, 1)),
    "From top to bottom: noise, the Gaussian of pixels, real images.",
    "Three rows of twelve images: grey noise, cloudy shapes, clean real images.",
    colours=32,
)


# %% [markdown]
# ## The game
#
# Both networks use Adam with a short memory for the gradient ($\beta_1 = 0.5$): the opponent changes all the time, and old gradients mislead. The generator takes the larger steps. In trials of two epochs, with one seed and scored on validation images, a rate of 0.002 for both gave nearly twice the FID. Order of images and noise come from a random generator that is seeded by the number of the epoch, so a game that is interrupted goes on as if nothing had been.
#
# The game does not come to rest by itself: each network follows the other around a point where neither could gain. Two remedies. First, the learning rates fall to 0 along half a wave of a cosine: large steps early, small ones late. Second, walk behind and look at the middle of the circle. We keep a second generator whose weights $\bar\theta$ are a *moving average* of the weights $\theta$ that play,
#
# $$\bar\theta \leftarrow \kappa\, \bar\theta + (1 - \kappa)\, \theta, \qquad \kappa = \min\big(0.999,\; (1 + t) / (10 + t)\big),$$
#
# after each step $t$; in the code $0.999$ is `AVERAGE`. The second term keeps the average young at the start, so that it does not remember the untrained weights for a thousand steps. The average never plays: neither opponent learns anything from it.


# %%
class Game:
    """Two networks, their optimisers, and the average of the generator; `epoch` plays with all images once."""

    def __init__(self, seed, steps, change=lambda model: model):
        keras.utils.set_random_seed(seed)
        self.seed = seed
        self.generator = change(build_generator(LATENT, FILTERS))
        self.discriminator = change(build_discriminator(FILTERS))
        self.average = change(build_generator(LATENT, FILTERS))
        self.average.set_weights(self.generator.get_weights())
        rates = [keras.optimizers.schedules.CosineDecay(rate, steps) for rate in (GENERATOR_RATE, DISCRIMINATOR_RATE)]
        self.optimizers = [keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates]
        for optimizer, model in zip(self.optimizers, (self.generator, self.discriminator)):
            optimizer.build(model.trainable_variables)
        shapes = (tf.TensorSpec((BATCH_SIZE, 28, 28, 1)), tf.TensorSpec((BATCH_SIZE, LATENT)))
        self.graph = tf.function(self.step).get_concrete_function(*shapes)  # compiled here, once

    def step(self, real, noise):
        losses = train_step(self.generator, self.discriminator, *self.optimizers, real, noise)
        t = tf.cast(self.optimizers[0].iterations, tf.float32)
        keep = tf.minimum(AVERAGE, (1 + t) / (10 + t))
        for mean, new in zip(self.average.variables, self.generator.variables):
            mean.assign(keep * mean + (1 - keep) * new)
        return tf.stack(losses)

    def epoch(self, images, number):
        """Both losses of each step."""
        rng = np.random.default_rng([self.seed, number])
        order, losses = rng.permutation(len(images)), []
        for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
            real = tf.constant(images[order[start : start + BATCH_SIZE]])
            noise = tf.constant(rng.normal(size=(BATCH_SIZE, LATENT)), tf.float32)
            losses.append(self.graph(real, noise).numpy())
        return np.array(losses)

    def variables(self):
        """Everything that training changes."""
        owners = (self.generator, self.discriminator, self.average, *self.optimizers)
        return [variable for owner in owners for variable in owner.variables]


# %%
score_noise = np.random.default_rng(1717).normal(size=(SAMPLES, LATENT)).astype("float32")


def draw(generator, noise):
    """Images from noise, in inference mode, 500 at a time."""
    parts = [generator(noise[start : start + 500], training=False) for start in range(0, len(noise), 500)]
    return np.concatenate(parts)


def answers(game, images):
    """The discriminator's mean probability of 'real', in the mode in which it plays."""
    return float(tf.reduce_mean(tf.sigmoid(frozen(game.discriminator, images[:500]))))


# %% [markdown]
# What we score at the end is the average in memory after the last epoch. Nothing is loaded, and no best epoch is picked. The player itself is scored beside it, so that you see what averaging gives. Both are scored with the same noise, and the average after epoch 1 with the average after the last one.

# %%
game = Game(seed=0, steps=EPOCHS * (len(x_train) // BATCH_SIZE))
pictures = [snapshot(game.average, fixed_noise, COLUMNS)]


def stage(number):
    losses = game.epoch(x_train, number)
    features, probabilities = judged(draw(game.average, score_noise))
    found = metrics.generation_scores(features, probabilities, real_features)
    fakes = draw(game.generator, score_noise)
    player = metrics.generation_scores(*judged(fakes), real_features)["fid"]
    print(
        f"epoch {number + 1:2}  FID {found['fid']:5.1f}, of the player {player:5.1f}  confident {100 * found['confident']:4.1f} %"
        f"  covered {found['covered']:2}  losses {losses[:, 0].mean():.2f} and {losses[:, 1].mean():.2f}"
    )
    picture = snapshot(game.average, fixed_noise, COLUMNS)
    said = [answers(game, images) for images in (x_train, x_valid, fakes)]
    return found | dict(
        losses=losses, picture=picture, said=said, player=player, features=features, probabilities=probabilities
    )


settings = dict(DATASET=DATASET, BATCH_SIZE=BATCH_SIZE, LATENT=LATENT, FILTERS=FILTERS, SAMPLES=SAMPLES)
settings |= dict(GENERATOR_RATE=GENERATOR_RATE, DISCRIMINATOR_RATE=DISCRIMINATOR_RATE, AVERAGE=AVERAGE)
settings |= dict(VALIDATION=VALIDATION, JUDGE_LIMIT=JUDGE_LIMIT, JUDGE_EPOCHS=JUDGE_EPOCHS)
history = resume.stages("game", EPOCHS, stage, game.variables, settings | dict(LIMIT=LIMIT, EPOCHS=EPOCHS))
pictures += [epoch["picture"] for epoch in history]
fids = [float(epoch["fid"]) for epoch in history]

# %% [markdown]
# ## The film


# %%
def film_frame(number):
    """One frame: the drawn images on the left, the FID up to this epoch on the right."""
    fig = plt.figure(figsize=(8.4, 2.64), dpi=100, layout="none")
    left = fig.add_axes((8 / 840, 8 / 264, 448 / 840, 224 / 264))  # two dots for each pixel
    left.imshow(pictures[number], cmap="gray", vmin=0, vmax=255, aspect="auto")
    left.set_title("untrained" if number == 0 else f"after epoch {number}")
    left.axis("off")
    right = fig.add_axes((0.65, 0.22, 0.33, 0.65))
    right.axhline(on_valid["real training images"]["fid"], color="black", linestyle=":", label="real images")
    right.plot(range(1, number + 1), fids[:number], "o-", color=plots.COLOURS[0], label="drawn images")
    right.set(xlim=(0, EPOCHS + 1), xlabel="epoch", ylabel="FID", yscale="log", title="distance to real images")
    right.set_ylim(on_valid["real training images"]["fid"] / 2, 2 * max(fids))
    right.legend(loc="upper right", fontsize=10)
    fig.canvas.draw()
    frame = np.asarray(fig.canvas.buffer_rgba())[:, :, :3].copy()
    plt.close(fig)
    return frame


plots.show_gif(
    [film_frame(number) for number in range(EPOCHS + 1)],
    "The film of the game: images from the same noise after each epoch, and their distance to real ones.",
    "Animation: grey fields turn into blots, then into strokes, then into digits, while the curve of the FID falls.",
    seconds_per_frame=0.5,
    colours=16,
    last_seconds=3,
)

# %% [markdown]
# The same as a strip for those who like to look longer. Each row is one point of the noise.

# %%
epochs = sorted({0, *np.round(np.geomspace(1, EPOCHS, 9)).astype(int).tolist()})
strip = [
    pictures[epoch][28 * (row // COLUMNS) :, 28 * (row % COLUMNS) :][:28, :28] for row in range(6) for epoch in epochs
]
titles = [f"epoch {epoch}" if epoch else "start" for epoch in epochs] + [""] * (5 * len(epochs))
plots.show(
    plots.image_grid(strip, titles, columns=len(epochs), limits=(0, 255)),
    "Six points of the noise, one in each row, from the untrained generator to the last epoch.",
    "Six rows of images that go from grey blots at the left to digits at the right.",
    colours=32,
)

# %% [markdown]
# ## What the losses say, and what they do not

# %%
losses = np.concatenate([epoch["losses"] for epoch in history])
window = max(1, len(losses) // 200)
smooth = losses[: len(losses) // window * window].reshape(-1, window, 2).mean(axis=1)
at = (np.arange(len(smooth)) + 0.5) * window / len(losses) * EPOCHS
fig, panels = plots.axes(columns=3, height=3.4)
for i, name in enumerate(("discriminator", "generator")):
    panels[0].plot(at, smooth[:, i], label=name)
panels[0].set(xlabel="epoch", ylabel="loss", ylim=(0, None))
said = np.array([epoch["said"] for epoch in history])
for i, name in enumerate(("training images", "validation images", "drawn images")):
    panels[1].plot(range(1, EPOCHS + 1), said[:, i], label=name)
panels[1].set(xlabel="epoch", ylabel="mean of D's answers", ylim=(0, 1.45), yticks=[0, 0.5, 1])  # room for a legend
panels[2].plot(range(1, EPOCHS + 1), fids, "o-", label="the average")
panels[2].plot(range(1, EPOCHS + 1), [float(epoch["player"]) for epoch in history], "s--", label="the player")
panels[2].axhline(on_valid["real training images"]["fid"], color="black", linestyle=":", label="real images")
panels[2].set(xlabel="epoch", ylabel="FID, validation images", yscale="log")
for ax in panels:
    ax.legend(fontsize=10)
plots.show(
    fig,
    "The two losses, the discriminator's answers, and the FID, over the same epochs.",
    "Three panels: two losses drift apart; the answers to training images end above those to validation images and far above those to drawn ones; the FID falls steeply and then stays level.",
)

# %% [markdown]
# The losses part: the discriminator's falls below 0.5, the generator's rises above 2.4. Read alone, they say that the generator is losing, more with every epoch. The right panel says what happens to the images. The FID falls from 42 to 2.8 within eleven epochs. Then it stands between 3 and 4.4 until the end, while the losses go on apart: no better, and no worse.
#
# The middle panel shows why the discriminator wins. Its answers to training images and to validation images agree at first and then part, until they are about 0.8 and 0.65. It has begun to know the training images by heart, and what it knows by heart teaches the generator nothing. We do not go back to epoch 11: the number of epochs was fixed before, and the test below scores the last generator.
#
# The average is ahead of the player in most epochs, most of all in the early ones (13 against 46 after epoch 2). At the end, with learning rates near zero, the two are close: 3.5 and 4.0.

# %% [markdown] tags=["notes"]
# Cover the right panel and ask: "Is this training going well?" Nobody can tell from the losses. Then uncover the FID. The two lines of the discriminator for training and validation images are a second lesson: if they parted, it would know the training images by heart. The third: why may the average be better than the player that it averages, and why must the two meet at the end?

# %%
shares = np.array([np.bincount(e["probabilities"].argmax(axis=1), minlength=10) for e in history]) / SAMPLES
fig, panels = plots.axes(columns=2, height=3.6)
names = [name.split("/")[0] for name in digits.classes]
plots.heatmap(
    100 * shares.T, names, [str(n + 1) for n in range(EPOCHS)], ax=panels[0],
    xlabel="epoch", ylabel="class", unit="% of the drawn images", limits=(0, 25), write=False,
)  # fmt: skip
panels[0].set_xticks(range(0, EPOCHS, max(1, EPOCHS // 5)), [str(n + 1) for n in range(0, EPOCHS, max(1, EPOCHS // 5))])
for key, label in (("confident", "confident fraction"), ("effective", "effective classes / 10")):
    values = np.array([float(epoch[key]) for epoch in history])
    panels[1].plot(range(1, EPOCHS + 1), values / (10 if key == "effective" else 1), label=label)
panels[1].set(xlabel="epoch", ylabel="share", ylim=(0, 1.03))
panels[1].legend(loc="lower right")
plots.show(
    fig,
    "Which classes the generator draws, and how sure the judge is of them.",
    "Left: a map of ten classes by epochs in even shades, the 2 and the 4 darkest; right: the effective classes near one, the confident fraction rising to 0.9.",
)

# %% [markdown]
# After one epoch all ten classes are there, and the effective number of classes is near ten from then on. The shares are not even: the 2 and the 4 stay the rarest. The judge is sure of 70 % of the images after one epoch, of 87 % after six, and of about 90 % from epoch 17 on. Of real images it is sure of 98 %. So about one drawn image in ten is still a shape between two digits.

# %% [markdown]
# ## Does it copy?
#
# A generator that repeats its training images would get a fine FID. So look for the nearest training image, in squared pixel differences, of each drawn one. A distance alone says nothing: the yardstick is how near *new real* images come to the training images.


# %%
def nearest(images):
    """Distance to, and place of, the nearest image of the game, root mean square over the pixels."""
    known = x_train.reshape(len(x_train), -1)
    length = np.sum(known**2, axis=1)
    found = []
    for start in range(0, len(images), 250):
        part = images[start : start + 250].reshape(-1, 784)
        squares = np.sum(part**2, axis=1)[:, None] - 2 * part @ known.T + length
        place = squares.argmin(axis=1)
        found.append(np.stack([np.sqrt(np.maximum(squares[np.arange(len(part)), place], 0) / 784), place], axis=1))
    distance, place = np.concatenate(found).T
    return distance, place.astype(int)


fakes = draw(game.average, score_noise)
near, place = nearest(fakes[:1000])
near_real, _ = nearest(x_valid[:1000])
print(
    f"median distance to the nearest training image: drawn {np.median(near):.3f}, new real {np.median(near_real):.3f}"
)
print(f"drawn images nearer than the nearest of the new real ones: {np.sum(near < near_real.min())} of {len(near)}")

# %%
closest = np.argsort(near)[:: max(1, len(near) // 11)][:12]
pairs = [*fakes[closest], *x_train[place[closest]]]
plots.show(
    plots.image_grid(
        pairs, [f"{d:.2f}" for d in near[closest]] + [""] * len(closest), columns=len(closest), limits=(-1, 1)
    ),
    "Above: drawn images, from the one nearest to a training image to the farthest, with the distance. Below: that training image.",
    "Two rows of twelve images; below each drawn digit stands the most similar training digit.",
)

# %%
fig, ax = plots.axes(height=3.0)
bins = np.linspace(0, max(near.max(), near_real.max()), 40)
ax.hist(near_real, bins, alpha=0.5, color=plots.COLOURS[0], label="new real images")
ax.hist(near, bins, histtype="step", linewidth=2.5, color=plots.COLOURS[1], label="drawn images")
ax.set(xlabel="distance to the nearest training image, root mean square of pixels", ylabel="images")
ax.legend(loc="upper left")
plots.show(
    fig,
    "A generator that copies would pile up at zero.",
    "Two histograms of distances, of new real and of drawn images.",
)

# %% [markdown]
# The two histograms lie on top of each other. The median distance to the nearest training image is 0.325 for drawn and 0.322 for new real images, and not one of 1000 drawn images is nearer than the nearest of the new real ones. The pairs above say the same: even the nearest drawn digit is a plain 1, and all 1s are much alike. Nothing points to copying.

# %% [markdown]
# ## Walking through the noise
#
# If the generator has learned more than a list of images, points between two noise vectors give images too. A straight line from $a$ to $b$ is not the way: its middle is shorter than any vector that a Gaussian in many dimensions draws. Walk along the arc: with the angle $\omega$ between them, $\big(\sin((1-t)\,\omega)\, a + \sin(t\,\omega)\, b\big) / \sin \omega$.


# %%
def arc(a, b, steps):
    """Points on the arc from a to b."""
    omega = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    t = np.linspace(0, 1, steps)[:, None]
    return ((np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)).astype("float32")


walks = [draw(game.average, arc(fixed_noise[i], fixed_noise[i + 1], 12)) for i in (0, 2, 4, 6)]
fade = np.linspace(0, 1, 12)[:, None, None, None]
faded = (1 - fade) * walks[0][0] + fade * walks[0][-1]
plots.show(
    plots.image_grid([*faded, *np.concatenate(walks)], columns=12, limits=(-1, 1)),
    "First row: two images faded into each other, pixel by pixel. Below: walks through the noise, the first between the same two images.",
    "Five rows of twelve images; the first shows two ghosts on top of each other, the others change shape from image to image.",
    colours=32,
)

# %% [markdown] tags=["notes"]
# Let the class find the difference between row one and row two before you say it: in a fade there are two digits at once, on a walk there is one stroke that bends. Ask which images on the way are no digits at all, and what the judge would say of them.

# %% [markdown]
# ## Mode collapse, on purpose
#
# The generator is asked to fool its opponent, not to draw everything. If one kind of image fools it, why draw others? All points of the noise then run to the same image, and when the discriminator has learned to refuse it, they run on to the next one together. This is *mode collapse*. The authors of the DCGAN found that batch normalisation holds it off: in front of each activation it spreads the points of a batch, so they cannot all run to one place.
#
# Put that to the test. Take batch normalisation away from both networks, and change nothing else: same images, same order, same noise, same steps, same rates, same seeds. Here the player is scored, not its average: an average of wandering weights would blur what you want to see.


# %%
def without_batch_norm(model):
    """The same chain of layers without its batch normalisations."""
    h = model.input
    for layer in model.layers[1:]:
        if not isinstance(layer, layers.BatchNormalization):
            h = layer(h)
    return keras.Model(model.input, h, name=model.name)


def apart(images):
    """How different two images are, root mean square over the pixels, mean over pairs."""
    return np.sqrt(np.mean((images[0::2] - images[1::2]) ** 2, axis=(1, 2, 3))).mean()


# %%
SETTINGS = {"with batch norm": lambda model: model, "without": without_batch_norm}


def short_game(run):
    """Scores, class shares and eight drawn images after each epoch of a short game."""
    setting, seed = run
    game = Game(seed, SHORT_EPOCHS * (SHORT_LIMIT // BATCH_SIZE), SETTINGS[setting])
    found = {key: [] for key in ("fid", "confident", "covered", "effective", "apart", "shares", "images")}
    for number in range(SHORT_EPOCHS):
        game.epoch(x_train[:SHORT_LIMIT], number)
        fakes = draw(game.generator, score_noise)
        features, probabilities = judged(fakes)
        shares = np.bincount(probabilities.argmax(axis=1), minlength=10) / SAMPLES
        now = metrics.generation_scores(features, probabilities, real_features)
        now |= dict(apart=apart(fakes), shares=shares, images=fakes[:8, :, :, 0])
        for name, value in now.items():
            found[name].append(value)
    return found


keys = [(setting, seed) for setting in SETTINGS for seed in range(SEEDS)]
short_settings = settings | dict(SHORT_LIMIT=SHORT_LIMIT, SHORT_EPOCHS=SHORT_EPOCHS, LIMIT=LIMIT)
short = resume.pieces("short games", keys, short_game, short_settings)

# %%
fig, panels = plots.axes(columns=2, height=0.6 + 0.38 * SEEDS * SHORT_EPOCHS)
for ax, setting in zip(panels, SETTINGS):
    images = np.stack([short[setting, seed]["images"] for seed in range(SEEDS)])
    count = SEEDS * SHORT_EPOCHS
    ax.imshow(images.reshape(count, 8, 28, 28).swapaxes(1, 2).reshape(count * 28, 8 * 28), cmap="gray", vmin=-1, vmax=1)
    ax.set(title=setting, xticks=[])
    names = [
        f"seed {seed}, epoch {n + 1}" if n == 0 else f"epoch {n + 1}"
        for seed in range(SEEDS)
        for n in range(SHORT_EPOCHS)
    ]
    ax.set_yticks([14 + 28 * n for n in range(count)], names)
    ax.grid(False)
plots.show(
    fig,
    "Eight drawn images after each epoch of the short games, from the same noise. Read along a row: do the images differ? Then down a column.",
    "Two panels of drawn images, with batch normalisation and without; a row for each epoch of each seed.",
    colours=32,
)

# %%
rows = []
for setting in SETTINGS:
    runs = [short[setting, seed] for seed in range(SEEDS)]
    last = {key: [float(run[key][-1]) for run in runs] for key in ("fid", "confident", "covered", "effective", "apart")}
    row = [metrics.mean_sd(last["fid"], 1), metrics.mean_sd(last["confident"], 1, scale=100)]
    row += [metrics.mean_sd(last[key], 1) for key in ("covered", "effective")]
    rows.append([setting, *row, metrics.mean_sd(last["apart"], 2)])
rows.append([*score_rows(on_valid)[-1], f"{apart(x_valid):.2f}"])
plots.table(rows, [f"short games, {SEEDS} seeds", *SCORES, "distance of two images"])

# %%
fig, panels = plots.axes(columns=3, height=3.6)
for place, setting in enumerate(SETTINGS):
    style = dict(color=plots.COLOURS[place], marker="os"[place], linestyle=("-", "--")[place])
    for seed in range(SEEDS):
        for ax, key in zip(panels, ("fid", "effective", "apart")):
            label = setting if seed == 0 else None
            ax.plot(range(1, SHORT_EPOCHS + 1), short[setting, seed][key], label=label, **style)
panels[0].set(xlabel="epoch", ylabel="FID", yscale="log")
panels[1].set(xlabel="epoch", ylabel="effective number of classes", ylim=(0, 10.5))
panels[2].set(xlabel="epoch", ylabel="distance of two images", ylim=(0, None))
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(
    fig,
    "The same in numbers, after each epoch. Each line is one seed.",
    "Three panels: FID, effective number of classes and distance of two images over the epochs, with batch normalisation and without.",
)

# %%
rows = []
for (setting, seed), run in short.items():
    most = [f"{digits.classes[k]} ({100 * share[k]:.0f} %)" for share in run["shares"] for k in [share.argmax()]]
    rows.append([f"{setting}, seed {seed}", *most])
plots.table(rows, ["most frequent class", *(f"after epoch {n + 1}" for n in range(SHORT_EPOCHS))])

# %% [markdown] tags=["notes"]
# Show the images first and ask what the generator on the right has learned: one image that fooled its opponent at some moment, and no use of the noise. Then point at the table of classes: where it changes from epoch to epoch, the two chase each other in a circle. Ask which single score would have raised the alarm, and whether the losses of the two players would have.

# %% [markdown]
# All three games without batch normalisation collapse, and all three with it do not. Without it the effective number of classes is about 1 from the first epoch to the last, two images hardly differ (0.06; real ones 0.72), and the FID is near 420: worse than noise. The class that is drawn changes from 9 to 2 to 8 for one seed, from 7 to 8 to 7 to 5 for another: they run from place to place together, as said above.
#
# Look at the confident fraction: 65 ± 56 %. One image is either one that the judge is sure of or not, and the whole row goes with it. In two of three seeds this score calls a collapsed generator better than a sound one. With batch normalisation the short games cover 9 or 10 classes, and the FID of 68 says that they are only begun.

# %% [markdown] tags=["question"]
# **Question 17.b.** A generator draws one perfect 7, whatever the noise. Which of the scores in the table notice, and which do not?

# %% [markdown] tags=["answer"]
# **Answer 17.b.** The confident fraction is 100 %, so it does not notice. Coverage is 1 of 10, the effective number of classes is 1, and the distance of two images is 0. The FID notices twice: the mean of the features is that of one image, and their covariance is zero. Coverage would miss a generator that draws one perfect image *of each class*; the distance of two images would hardly change either, and the FID would still notice, through the covariance.

# %% [markdown]
# ## The test set, once
#
# Now the test images replace the validation images, for all rows of the table at once. The first and the last average of the long game were kept by their samples, which were drawn from the same noise as the player's.

# %%
x_test = scaled(digits.test)
test_features, test_probabilities = judged(x_test)
right = test_probabilities.argmax(axis=1) == digits.test.labels
ceiling = np.mean(test_probabilities.max(axis=1) >= 0.9)
print(f"test images: the judge is right on {100 * np.mean(right):.1f} %, sure of {100 * ceiling:.1f} %")
seen = {"noise": baseline["noise"], "Gaussian of pixels": baseline["Gaussian of pixels"]}
for name, epoch in (("after epoch 1", 0), (f"after epoch {EPOCHS}", -1)):
    seen[name] = history[epoch]["features"], history[epoch]["probabilities"]
seen["the player at the end"] = judged(draw(game.generator, score_noise))
seen["real training images"] = baseline["real training images"]
seen["real validation images"] = real_features, real_probabilities
on_test = {name: metrics.generation_scores(*images, test_features) for name, images in seen.items()}
plots.table(score_rows(on_test), ["images, against the test set", *SCORES])

# %%
np.testing.assert_allclose(judged(draw(game.average, score_noise))[0], history[-1]["features"], rtol=1e-3, atol=1e-3)
last = on_test[f"after epoch {EPOCHS}"]
results.record("classes_covered", last["covered"])
results.record("confident_fraction", last["confident"])
results.record("fid_first_over_last", on_test["after epoch 1"]["fid"] / last["fid"])

# %% [markdown]
# Against test images, which nobody has looked at before, the FID falls from 43.2 after the first epoch to 4.0: to less than a tenth. All ten classes are covered, and the judge is sure of 89.6 %. How much is 4? Real training images have 0.5, so a difference is left that the judge can see. The Gaussian of pixels has 206.
#
# The first row is a warning. The judge is sure of 85 % of pure *noise*, nearly as often as of the drawn digits: a classifier is trained to tell ten digits apart, not to say "none of them". Confidence counts only beside the other scores, and here they leave no doubt: one class of ten, FID 349. The player and its average differ by 0.4, which is little for one run; this table cannot say which is better.

# %% [markdown]
# ## What went wrong in practice
#
# - **tanh against 0 to 1.** Real images in another range than drawn ones make the discriminator's task trivial. Print the range, and assert it.
# - **Moving averages that nobody watches.** A step calls the discriminator three times in training mode, and its averages see two drawn batches for each real one. Freeze whose turn it is not.
# - **A silent return to an old checkpoint.** In a published solution the samples come from an earlier generator than the text says. Here the scored generator is asserted to be the one in memory.
# - **No metric.** Losses cannot tell a good game from a bad one, and a grid of chosen samples flatters.
# - **Batch normalisation next to the answer.** In a first version of this lesson it stood behind the hidden layer of the discriminator. Real and drawn images are separate batches, so it took away the very difference that the logit should show. After one epoch the FID was 200, and 77 without it.
# - **New noise for each picture.** Then a film shows other digits each time, and neither progress nor collapse can be seen.

# %% [markdown]
# ## Summary
#
# - The game's value, with the best discriminator, measures how far drawn and real distributions are apart; the generator's own loss is changed so that its gradient does not vanish.
# - One step is two updates, and whose turn it is not is frozen: weights and moving averages.
# - The game circles around its goal. Learning rates that fall bring it to rest; until then, an average of the generator over the last thousand steps stands nearer to the middle than the player itself.
# - Score with a classifier that was trained on real images, against images that the generator's teacher has never seen, and put both ends of the scale beside the score.
# - How sure a classifier is says nothing about collapse. The effective number of classes, the distance between samples and the FID do.

# %% [markdown]
# ## Going further
#
# - Set `DATASET` to Fashion-MNIST. Which classes are missing longest?
# - Give the discriminator all training images (`LIMIT = None`) and the same number of steps. Do its answers to training and validation images still part?
# - Change `AVERAGE` to 0.99 and to 0.9999. How long is the memory of each, in steps and in epochs, and which is better after 5 epochs, after 30?
# - Why can a generator with a perfect FID in these 64 features still draw images that you would not take for real?

# %% [markdown]
# ## References
#
# - I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville, Y. Bengio (2014), *Generative Adversarial Nets*.
# - A. Radford, L. Metz, S. Chintala (2016), *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*.
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter (2017), *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*.
# - T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen (2016), *Improved Techniques for Training GANs*.
# - A. Odena, V. Dumoulin, C. Olah (2016), *Deconvolution and Checkerboard Artifacts*.
# - Y. Yazıcı, C.-S. Foo, S. Winkler, K.-H. Yap, G. Piliouras, V. Chandrasekhar (2019), *The Unusual Effectiveness of Averaging in GAN Training*.
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), *Gradient-Based Learning Applied to Document Recognition*.
