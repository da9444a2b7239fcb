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
#     title: A critic with a slope of one
#     summary: WGAN-GP and DCGAN draw garments at equal steps and at equal cost, and under stress.
#     data: [fashion_mnist]
#     expected:
#       wgan_gp_fid: [0, inf]
#       dcgan_fid: [0, inf]
#       gradient_norm: [0.9, 1.1]
#     points: {wasserstein: 1, losses: 1, mix: 2, gradient_penalty: 3, build_critic: 1, train_step: 3}
# ---

# %% [markdown]
# # A critic with a slope of one
#
# The discriminator of a GAN says yes or no, and a perfect one teaches nothing. In this lesson you put a critic in its place that measures a distance, keep its slope near one, and let both kinds of game draw garments for the same price.

# %% [markdown]
# **You will**
#
# - compare a divergence that goes flat with a distance that does not;
# - write the losses of a critic and the penalty on its slope, and check it where the slope is known;
# - see what weight clipping does to a critic in two dimensions, and what the penalty does;
# - play DCGAN and WGAN-GP for as many steps, and for as much work, and score both with a classifier;
# - make the game harder, and see which one breaks.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr

tf.config.optimizer.set_experimental_options({"remapping": False})  # it cannot fuse layers with second derivatives
runtime.start("18", seed=0)

# %% [markdown]
# ## Parameters
#
# A step of WGAN-GP updates its critic five times and costs far more than a step of DCGAN. So there are two fair comparisons: as many steps of the generator, and as much work. `COST` says how many DCGAN steps are worth one of WGAN-GP. It was measured once (4.4 on one core), rounded up in favour of DCGAN and written down, so that no number of steps depends on a clock. The paper's learning rate, 0.0001, is made for far longer games; both games here take lesson 17's, and neither rate was tuned.

# %% tags=["parameters"]
DATASET = "fashion_mnist"  # or "mnist"
VALIDATION = 5000  # training images set aside for choices
LIMIT = None  # training images that the networks see (None: all the others)
BATCH_SIZE = 64
LATENT = 32  # random numbers behind one image
FILTERS = 16  # of the wide layers; the narrow ones have twice as many
RATE = 0.0005  # Adam's learning rate in WGAN-GP
DCGAN_RATE = 0.0005  # and in DCGAN
PENALTY = 10.0  # λ, the weight of the gradient penalty
CRITIC_STEPS = 5  # critic steps for each generator step
STEPS = 1000  # generator steps of WGAN-GP
COST = 5  # DCGAN steps that cost as much as one step of WGAN-GP
LOOKS = 10  # how often the long games are scored
SEEDS = 3  # repetitions of every game
HARD_STEPS = 200  # generator steps of WGAN-GP under stress
HARD = ("no batch norm", "4 filters", "RMSprop")  # settings under stress
SAMPLES = 3000  # drawn images behind every score
JUDGE_LIMIT = None  # training images of the classifier that keeps the score (None: all)
JUDGE_EPOCHS = 3
TOY_STEPS = 1200  # critic steps in two dimensions
CLIP = 0.1  # bound of clipped weights there

runtime.profile(
    in_class=dict(
        STEPS=120, LOOKS=6, SEEDS=2, HARD_STEPS=40, HARD=("no batch norm", "RMSprop"), SAMPLES=1000,
        JUDGE_LIMIT=20000, TOY_STEPS=600,
    ),
    smoke=dict(
        VALIDATION=128, LIMIT=256, BATCH_SIZE=16, FILTERS=4, CRITIC_STEPS=2, STEPS=4, COST=2, LOOKS=2, SEEDS=1,
        HARD_STEPS=2, HARD=("no batch norm",), SAMPLES=128, JUDGE_LIMIT=512, JUDGE_EPOCHS=2, TOY_STEPS=20,
    ),
)  # fmt: skip

# %% [markdown]
# ## The data
#
# Fashion-MNIST, scaled to −1 … 1 like the generator's tanh. The test images wait until the end.

# %%
garments = data.load(DATASET)
rest, valid = garments.train.hold_out(VALIDATION, seed=0)
play, school = rest.take(LIMIT), rest.take(JUDGE_LIMIT)


def scaled(split):
    """Grey values from 0–255 to −1–1."""
    return split.images.astype("float32") / 127.5 - 1


x_train, x_valid = scaled(play), scaled(valid)
print(f"{len(x_train)} images for the games, {len(x_valid)} validation images, from {x_train.min()} to {x_train.max()}")
assert (x_train.min(), x_train.max()) == (-1, 1)

# %% [markdown]
# ## A distance that does not go flat
#
# Against a perfect discriminator, DCGAN's generator shrinks the Jensen–Shannon divergence (lesson 17). Where real and drawn images do not overlap, this is $\log 2$, however far apart they are. A number that does not change has no slope to follow.
#
# The *Wasserstein distance* asks another question. Take the drawn distribution $q$ as a heap of sand and the real one, $p$, as the heap that you want. How far must a grain travel on average, if you carry the sand as cleverly as possible?
#
# $$W(p, q) = \min_{\text{plans}} \; \mathbb{E}\,\lVert x - y \rVert, \qquad x \sim p,\; y \sim q,$$
#
# where a plan says which grain goes where. In one dimension the best plan is easy: no two grains cross. The smallest goes to the smallest place, the next one to the next.
#
# ### Exercise 18.1 · Carrying sand
#
# Two samples with the same number of points, in any order. Give the mean way of the best plan.


# %% tags=["exercise"]
def wasserstein(a, b):
    """The Wasserstein distance of two samples of as many numbers each."""
    ### BEGIN SOLUTION
    return np.mean(np.abs(np.sort(a) - np.sort(b)))
    ### END SOLUTION


# %% tags=["check"]
checks.run("18.wasserstein", wasserstein)

# %%
places = np.linspace(-12, 12, 2401)
hill = np.random.default_rng(0).normal(size=2000)


def jensen_shannon(shift):
    """The divergence of two hills of width 1, `shift` apart."""
    p, q = (np.exp(-((places - centre) ** 2) / 2) + 1e-300 for centre in (-shift / 2, shift / 2))
    p, q = p / p.sum(), q / q.sum()
    return (p @ np.log(2 * p / (p + q)) + q @ np.log(2 * q / (p + q))) / 2


shifts = np.linspace(-8, 8, 81)
fig, panels = plots.axes(columns=2, height=3.2)
panels[0].plot(shifts, [jensen_shannon(shift) for shift in shifts], color=plots.COLOURS[0])
panels[0].axhline(np.log(2), color="black", linestyle=":", linewidth=1.2)
panels[0].set(xlabel="shift of the drawn hill", ylabel="nats", title="Jensen–Shannon divergence")
panels[1].plot(shifts, [wasserstein(hill, hill + shift) for shift in shifts], color=plots.COLOURS[1])
panels[1].set(xlabel="shift of the drawn hill", ylabel="distance", title="Wasserstein distance")
plots.show(
    fig,
    "Two hills of width 1. Beyond a shift of 5 the divergence is flat at log 2; the distance always points home.",
    "Left: a valley with flat walls at log 2. Right: a V with straight arms.",
)

# %% [markdown] tags=["notes"]
# Ask: "You stand at a shift of 8 and may only feel the slope under your feet. In which panel do you find home?" Then ask why the V is straight: every grain must go one unit further. This is the whole reason for the lesson.

# %% [markdown]
# ## A critic in place of a judge
#
# For images nobody can try all plans. But the distance has a second form, the *Kantorovich–Rubinstein duality*:
#
# $$W(p, q) = \max_{f} \; \mathbb{E}_{x \sim p}\, f(x) - \mathbb{E}_{x \sim q}\, f(x), \qquad |f(x) - f(y)| \le \lVert x - y \rVert \text{ for all } x, y.$$
#
# $f$ is the *critic*: it gives each image a score, any number, large for real ones. Without the condition on the right it could make the difference as large as it likes. With it, the critic is *1-Lipschitz*: its slope is at most 1 everywhere. Its best advantage is then the distance itself.
#
# The critic is a network with a linear output. No sigmoid: a score is no probability, and a squashed score would be flat again. The critic wants a large difference, so its loss is minus the difference. The generator can only change the second term: it wants high scores for what it draws.
#
# ### Exercise 18.2 · Two losses
#
# `critic_loss` is minus the critic's *advantage*, which is the mean score of real images minus that of drawn ones. `generator_loss` is small where the critic gives high scores to drawn images.


# %% tags=["exercise"]
def critic_loss(real_scores, fake_scores):
    """Minus the critic's advantage."""
    ### BEGIN SOLUTION
    return tf.reduce_mean(fake_scores) - tf.reduce_mean(real_scores)
    ### END SOLUTION


def generator_loss(fake_scores):
    """Small where the critic gives high scores to drawn images."""
    ### BEGIN SOLUTION
    return -tf.reduce_mean(fake_scores)
    ### END SOLUTION


# %% tags=["check"]
def both_losses(real_scores, fake_scores):
    """The critic's loss and the generator's."""
    return {"critic": critic_loss(real_scores, fake_scores), "generator": generator_loss(fake_scores)}


checks.run("18.losses", both_losses)

# %% [markdown]
# ## How to keep the slope at one
#
# The first WGAN cut every weight of the critic to a small interval after each step: *weight clipping*. Small weights do bound the slope, but nobody knows at what, and functions with such weights are crude. The authors of WGAN-GP use a property of the best critic instead: on the straight line between a real point and the drawn point it is paired with, its slope is *exactly* 1. So they punish every deviation from 1, at points on such lines:
#
# $$\text{penalty} = \lambda\; \mathbb{E}_{\hat x} \big(\lVert \nabla_{\hat x} f(\hat x) \rVert - 1\big)^2, \qquad \hat x = \alpha\, x_{\text{real}} + (1 - \alpha)\, x_{\text{drawn}}, \quad \alpha \sim U(0, 1).$$
#
# $\lambda$ is `PENALTY`. The pairs are random; the best plan is unknown.
#
# ### Exercise 18.3 · Points between
#
# One $\alpha$ for each *pair*, the same for all pixels of it. `tf.random.stateless_uniform(shape, seed)` gives numbers between 0 and 1; the same seed gives the same numbers. A published solution drew $\alpha$ from $N(0, 1)$: two thirds of its points lie outside the line. It must work for images (n, 28, 28, 1) and for points (n, 2): count the axes.


# %% tags=["exercise"]
def mix(real, fake, seed):
    """α · real + (1 − α) · fake, with one α from U(0, 1) for each pair."""
    ### BEGIN SOLUTION
    shape = [real.shape[0]] + [1] * (len(real.shape) - 1)
    alpha = tf.random.stateless_uniform(shape, seed)
    return alpha * real + (1 - alpha) * fake
    ### END SOLUTION


# %% tags=["check"]
checks.run("18.mix", mix)

# %% [markdown]
# ### Exercise 18.4 · The slope and its penalty
#
# `gradient_norms` gives one number for each image: the Euclidean norm of the gradient of *its* score, over all axes but the first. An inner `tf.GradientTape` must `watch` the images, for they are no variables. Later this norm is differentiated by the weights. A root has an infinite slope at 0, and infinite times 0 is NaN: add `1e-12` under the root.
#
# The check uses a critic whose gradient is known, $f(x) = \sum_i (s_i x_i + \tfrac12 b_i x_i^2)$ with $\nabla f = s + b \odot x$. At one of its points the gradient is zero.


# %% tags=["exercise"]
def gradient_norms(critic, images):
    """The norm of the gradient of the critic's score at each image."""
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = critic(images)
    gradients = tape.gradient(scores, images)
    squares = tf.reduce_sum(gradients**2, axis=list(range(1, len(images.shape))))
    return tf.sqrt(squares + 1e-12)
    ### END SOLUTION


def gradient_penalty(critic, images, weight):
    """`weight` times the mean squared deviation of the gradient's norm from 1."""
    ### BEGIN SOLUTION
    return weight * tf.reduce_mean((gradient_norms(critic, images) - 1) ** 2)
    ### END SOLUTION


# %% tags=["check"]
def at_known_critic(images, s, b, weight):
    """Norms and penalty for a critic with the gradient s + b · x, and the derivative of the penalty by s."""
    images, s = tf.constant(images), tf.Variable(s)

    def critic(x, training=None):
        return tf.reduce_sum(s * x + b * x * x / 2, axis=[1, 2, 3])[:, None]

    with tf.GradientTape() as tape:
        penalty = gradient_penalty(critic, images, weight)
    derivative = tape.gradient(penalty, s)
    derivative = np.zeros(s.shape) if derivative is None else derivative.numpy()
    return {"norms": gradient_norms(critic, images), "penalty": penalty, "derivative of the penalty": derivative}


checks.run("18.gradient_penalty", at_known_critic)

# %% [markdown] tags=["question"]
# **Question 18.a.** The condition says that the slope is *at most* 1. Why may the penalty also punish slopes below 1?

# %% [markdown] tags=["answer"]
# **Answer 18.a.** The best critic has slope 1 on the lines along which the best plan carries the sand: it must gain as much height as the way is long, and may not gain more. So slope 1 is no extra demand there. The random lines of the penalty are other lines, so it is a little too strict; that costs some of the distance and trains well.

# %% [markdown]
# ## In two dimensions you can see it
#
# Eight small clouds on a ring are the real points. The drawn ones are the same ring, blurred: a generator that stands still. Only the critic learns, once with clipped weights and once with the penalty, from the same points in as many steps. In two dimensions the best plan for 1000 points can be computed, so the true distance is known. A critic with slope at most $K$ measures at most $K$ times the distance; the table divides by the largest slope that it has.


# %%
def toy_points(count, rng):
    """Real points of eight clouds on a ring, and drawn ones: the same, blurred."""
    angles = 2 * np.pi * rng.integers(8, size=(2, count)) / 8
    real, fake = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=-1) + 0.1 * rng.normal(size=(2, count, 2))
    return real.astype("float32"), (fake + rng.normal(size=(count, 2))).astype("float32")


def carried(real, fake):
    """The Wasserstein distance of two samples of points: the mean way of the best plan."""
    ways = np.linalg.norm(real[:, None] - fake[None], axis=-1)
    return ways[linear_sum_assignment(ways)].mean()


side = np.linspace(-4, 4, 81, dtype="float32")
lattice = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def toy_game(run):
    """Train a critic on the toy points; its surface, its estimate, its slopes and its weights."""
    way, seed = run
    keras.utils.set_random_seed(seed)
    dense = [layers.Dense(64, activation="relu") for _ in range(3)]
    critic = keras.Sequential([keras.Input((2,)), *dense, layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.001, beta_1=0.5, beta_2=0.9)
    weights = critic.trainable_variables
    optimizer.build(weights)

    def step(real, fake, seed):
        with tf.GradientTape() as tape:
            loss = critic_loss(critic(real), critic(fake))
            if way == "penalty":
                loss += gradient_penalty(critic, mix(real, fake, seed), PENALTY)
        optimizer.apply(tape.gradient(loss, weights), weights)
        if way == "clipping":
            for weight in weights:
                weight.assign(tf.clip_by_value(weight, -CLIP, CLIP))

    points = tf.TensorSpec((256, 2))
    graph = tf.function(step).get_concrete_function(points, points, tf.TensorSpec((2,), tf.int32))
    rng = np.random.default_rng([18, seed])
    for _ in range(TOY_STEPS):
        real, fake = toy_points(256, rng)
        graph(tf.constant(real), tf.constant(fake), tf.constant(rng.integers(2**31 - 1, size=2), tf.int32))
    real, fake = toy_points(1000, rng)
    return dict(
        surface=critic(lattice).numpy().reshape(len(side), -1),
        estimate=-float(critic_loss(critic(real), critic(fake))),
        distance=carried(real, fake),
        norms=gradient_norms(critic, mix(tf.constant(real), tf.constant(fake), (18, seed))).numpy(),
        weights=np.concatenate([np.ravel(weight) for weight in weights]),
    )


WAYS = ("clipping", "penalty")
toys = resume.pieces(
    "toy critics",
    [(way, seed) for way in WAYS for seed in range(SEEDS)],
    toy_game,
    dict(TOY_STEPS=TOY_STEPS, CLIP=CLIP, PENALTY=PENALTY),
)

# %%
real, _ = toy_points(300, np.random.default_rng(1))
fig, panels = plots.axes(columns=3, height=3.3)
for ax, way in zip(panels, WAYS):
    ax.contourf(side, side, toys[way, 0]["surface"], 14, cmap=plots.SEQUENTIAL)
    ax.contour(side, side, toys[way, 0]["surface"], 14, colors="black", linewidths=0.6, linestyles="solid")
    ax.plot(*real.T, ".", color=plots.COLOURS[5], markersize=3)
    ax.set(xlabel="x", ylabel="y", title=way, aspect="equal")
    ax.grid(False)
for place, way in enumerate(WAYS):
    panels[2].hist(
        toys[way, 0]["weights"], np.linspace(-0.5, 0.5, 61), histtype="step", linewidth=2.2,
        linestyle=plots.DASHES[place], color=plots.COLOURS[place], label=way,
    )  # fmt: skip
panels[2].set(xlabel="weight of the critic", ylabel="count", yscale="log", title="weights")
panels[2].legend(fontsize=10, loc="upper left")
plots.show(
    fig,
    "What two critics think of the plane: lines join equal scores, bright is high. Orange: real points. Right: their weights.",
    "Left and middle: contour maps of two critics over a ring of eight clouds. Right: histograms of their weights; the clipped ones end at the two bounds.",
)

# %%
rows = []
for way in WAYS:
    runs = [toys[way, seed] for seed in range(SEEDS)]
    bounded = [float(run["estimate"] / run["norms"].max()) for run in runs]
    rows.append(
        [
            way,
            metrics.mean_sd([float(run["estimate"]) for run in runs], 3),
            metrics.mean_sd(bounded, 3),
            metrics.mean_sd([float(run["distance"]) for run in runs], 3),
            f"{np.mean([run['norms'].mean() for run in runs]):.2f} ± {np.mean([run['norms'].std() for run in runs]):.2f}",
            f"{100 * np.mean([np.mean(np.abs(run['weights']) > 0.999 * CLIP) for run in runs]):.0f}",
        ]
    )
columns = ["critic", "estimate", "estimate / largest slope", "true distance", "slope, mean ± sd over points"]
plots.table(rows, [*columns, f"% of weights at or beyond ±{CLIP}"])

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown] tags=["notes"]
# Before the table: "Which of the two maps would you like to walk uphill on, if you were a drawn point between two clouds?" Let them count the peaks in each map. Then point at the histogram: clipping pushes weights to its two bounds, so the critic has little left to choose.

# %% [markdown]
# ## The networks
#
# The generator is that of lesson 17, with batch normalisation. So is the way to run it in training mode while its moving averages stay as they are.


# %% tags=["helper"]
def build_generator(latent, filters):
    """From `latent` random numbers to an image of (28, 28, 1) with values between −1 and 1."""
    noise = keras.Input((latent,))
    h = layers.Dense(7 * 7 * 2 * filters, use_bias=False)(noise)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Reshape((7, 7, 2 * filters))(h)
    h = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(h)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    images = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(h)
    return keras.Model(noise, images, name="generator")


def frozen(model, inputs):
    """The model's outputs in training mode, while its weights and its moving averages stay as they are."""
    outputs, _ = model.stateless_call(model.trainable_variables, model.non_trainable_variables, inputs, training=True)
    return outputs


# %% [markdown]
# ### Exercise 18.5 · The critic
#
# `Conv2D` with f filters · `LeakyReLU` · `Conv2D` with 2f filters · `LeakyReLU` · `Flatten` · `Dense` with one unit, linear. Convolutions have kernel 5, stride 2, padding "same"; leaky units have slope 0.2. *No* batch normalisation.


# %% tags=["exercise"]
def build_critic(filters):
    """From an image of (28, 28, 1) to a score: any number, large for real images."""
    images = keras.Input((28, 28, 1))
    ### BEGIN SOLUTION
    h = layers.LeakyReLU(0.2)(layers.Conv2D(filters, 5, strides=2, padding="same")(images))
    h = layers.LeakyReLU(0.2)(layers.Conv2D(2 * filters, 5, strides=2, padding="same")(h))
    score = layers.Dense(1)(layers.Flatten()(h))
    ### END SOLUTION
    return keras.Model(images, score, name="critic")


# %% tags=["check"]
def describe_critic(filters):
    """What can be seen of the model from outside."""
    model = build_critic(filters)
    return {
        "layers": [type(layer).__name__ for layer in model.layers[1:]],
        "slopes": [float(layer.negative_slope) for layer in model.layers if isinstance(layer, layers.LeakyReLU)],
        "last activation": model.layers[-1].activation.__name__,
        "parameters": model.count_params(),
        "output shape": list(model.output_shape[1:]),
    }


checks.run("18.build_critic", describe_critic)

# %% [markdown]
# Why no batch normalisation? It makes the score of one image depend on the others in the batch. The penalty speaks of the slope at *one* image; with batch normalisation there is no such thing. DCGAN's discriminator is the same network *with* batch normalisation after the second convolution. Change one image, and see what happens to the score of another.


# %%
def build_discriminator(filters):
    """DCGAN's opponent: the same network with batch normalisation after the second convolution."""
    images = keras.Input((28, 28, 1))
    h = layers.LeakyReLU(0.2)(layers.Conv2D(filters, 5, strides=2, padding="same")(images))
    h = layers.Conv2D(2 * filters, 5, strides=2, padding="same", use_bias=False)(h)
    h = layers.LeakyReLU(0.2)(layers.BatchNormalization(momentum=0.9)(h))
    logit = layers.Dense(1)(layers.Flatten()(h))
    return keras.Model(images, logit, name="discriminator")


def influence(model):
    """How strongly the score of image 0 depends on image 0, and how strongly on image 1."""
    images = tf.constant(x_valid[:8])
    with tf.GradientTape() as tape:
        tape.watch(images)
        first = frozen(model, images)[0]
    gradients = tape.gradient(first, images).numpy()
    return np.linalg.norm(gradients[0]), np.linalg.norm(gradients[1])


rows = []
for build in (build_discriminator, build_critic):
    model = build(FILTERS)
    itself, other = influence(model)
    rows.append([model.name, f"{itself:.3f}", f"{other:.3f}", f"{model.count_params():,}"])
assert other == 0
plots.table(rows, ["network", "gradient by image 0", "gradient by image 1", "parameters"])

# %% [markdown]
# Layer normalisation is allowed: it works with the numbers of one image only. The paper proposes it where a critic needs normalisation; this small one does not.
#
# ## The step
#
# A distance can only guide the generator if the critic knows it. So the critic learns more often: `CRITIC_STEPS` updates, each with new real images, new noise and a new $\alpha$, then one update of the generator. All of it is one function, compiled once, so that nothing returns to Python in between. (DCGAN's step, in the cell after it, is that of lesson 17.)
#
# ### Exercise 18.6 · One step of the game
#
# `reals` has shape (rounds, batch, …), `noise` has one more row than that, `seeds` one seed for `mix` in each round.
#
# 1. In each round: images from the *frozen* generator; critic loss plus penalty; update the critic.
# 2. Then images from the last row of `noise` with `training=True`; update the generator.
#
# The critic has no moving averages, so nothing of it needs freezing. A Python loop over the rounds is fine: the compiler unrolls it.


# %% tags=["exercise"]
def train_step(generator, critic, generator_optimizer, critic_optimizer, reals, noise, seeds, weight):
    """Update the critic in each round, then the generator; the critic's last loss with penalty, the generator's loss."""
    ### BEGIN SOLUTION
    for i in range(reals.shape[0]):
        fake = frozen(generator, noise[i])
        with tf.GradientTape() as tape:
            c_loss = critic_loss(critic(reals[i], training=True), critic(fake, training=True))
            c_loss += gradient_penalty(critic, mix(reals[i], fake, seeds[i]), weight)
        weights = critic.trainable_variables
        critic_optimizer.apply(tape.gradient(c_loss, weights), weights)

    with tf.GradientTape() as tape:
        g_loss = generator_loss(critic(generator(noise[-1], training=True), training=True))
    weights = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(g_loss, weights), weights)
    return c_loss, g_loss
    ### END SOLUTION


# %% tags=["check"]
def one_step(reals, noise, seeds, weight, generator_weights, critic_weights, generator_rate, critic_rate):
    """Losses, weights and moving averages of two tiny networks after one step."""
    generator = keras.Sequential(
        [
            keras.Input(noise.shape[2:]),
            layers.Dense(reals.shape[2], use_bias=False),
            layers.BatchNormalization(momentum=0.9),
        ]
    )
    critic = keras.Sequential(
        [
            keras.Input(reals.shape[2:]),
            layers.Dense(3, activation="tanh", use_bias=False),
            layers.Dense(1, use_bias=False),
        ]
    )
    for model, weights in ((generator, generator_weights), (critic, critic_weights)):
        for variable, value in zip(model.trainable_variables, weights):
            variable.assign(value)
    optimizers = [keras.optimizers.SGD(generator_rate), keras.optimizers.SGD(critic_rate)]
    inputs = (tf.constant(reals), tf.constant(noise), tf.constant(seeds, tf.int32), weight)
    losses = train_step(generator, critic, *optimizers, *inputs)
    return {
        "losses": [float(loss) for loss in losses],
        "generator": [variable.numpy() for variable in generator.trainable_variables],
        "generator's averages": [variable.numpy() for variable in generator.non_trainable_variables],
        "critic": [variable.numpy() for variable in critic.trainable_variables],
    }


checks.run("18.train_step", one_step)


# %%
def discriminator_loss(real_logits, fake_logits):
    """Minus the value of DCGAN's game."""
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))


def dcgan_step(generator, discriminator, generator_optimizer, discriminator_optimizer, real, noise):
    """Update the discriminator, then the generator; return both losses, the discriminator's first."""
    fake = frozen(generator, noise)
    with tf.GradientTape() as tape:
        d_loss = discriminator_loss(discriminator(real, training=True), discriminator(fake, training=True))
    weights = discriminator.trainable_variables
    discriminator_optimizer.apply(tape.gradient(d_loss, weights), weights)

    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(-frozen(discriminator, generator(noise, training=True))))
    weights = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(g_loss, weights), weights)
    return d_loss, g_loss


# %% [markdown]
# ## A judge for both
#
# As in lesson 17, a small classifier looks at what is drawn. The *classifier-FID* is the squared Fréchet distance between its 64 features for drawn and for real images; *confident* counts images of which it is sure (0.9 or more); *covered* counts classes with at least 2 % of the samples, confident ones only; the *effective number of classes* is $e^H$ with the entropy $H$ of the classes' shares.


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
judge.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"], steps_per_execution=50, jit_compile=False)
say = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: print(f"epoch {epoch + 1}  training accuracy {logs['accuracy']:.3f}")
)
judge.fit(scaled(school), school.labels, batch_size=64, epochs=JUDGE_EPOCHS, callbacks=[say], verbose=0)
print(f"right on {100 * np.mean(metrics.classify(judge, x_valid) == valid.labels):.1f} % of the validation images")
inside = keras.Model(judge.input, [judge.get_layer("features").output, layers.Softmax()(judge.output)])


def judged(images):
    """Features and class probabilities of images, as the judge sees them."""
    parts = [inside(images[start : start + 500], training=False) for start in range(0, len(images), 500)]
    return [np.concatenate([part[i] for part in parts]) for i in (0, 1)]


def scores(features, probabilities, reference):
    """The four scores of a set of images; `reference` are the features of real ones."""
    classes, confident = probabilities.argmax(axis=1), probabilities.max(axis=1) >= 0.9
    shares = np.bincount(classes, minlength=10) / len(classes)
    sure = np.bincount(classes[confident], minlength=10) / len(classes)
    entropy = -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))
    return {
        "fid": metrics.frechet_distance(features, reference),
        "confident": np.mean(confident),
        "covered": np.sum(sure >= 0.02),
        "effective": np.exp(entropy),
    }


# %% [markdown]
# Two rivals without a network mark the scale: real training images, which no generator can be expected to beat, and a Gaussian with the mean and the covariance of the training pixels, which every generator should beat.

# %%
real_features, real_probabilities = judged(x_valid)
rng = np.random.default_rng(0)
pixels = x_train[:20000].reshape(-1, 784)
root = np.linalg.cholesky(np.cov(pixels, rowvar=False) + 1e-4 * np.eye(784))
gaussian = (pixels.mean(axis=0) + rng.normal(size=(SAMPLES, 784)) @ root.T).clip(-1, 1)
gaussian = gaussian.reshape(-1, 28, 28, 1).astype("float32")
baseline = {"Gaussian of pixels": judged(gaussian), "real training images": judged(x_train[:SAMPLES])}
on_valid = {name: scores(*seen, real_features) for name, seen in baseline.items()}
rows = [
    [name, f"{s['fid']:.2f}", f"{100 * s['confident']:.1f}", f"{s['covered']} of 10", f"{s['effective']:.1f}"]
    for name, s in on_valid.items()
]
SCORES = ["FID", "confident %", "classes covered", "effective classes"]
plots.table(rows, ["images, against the validation set", *SCORES])

# %% [markdown]
# ## Two games
#
# One class plays both. Batches, noise and seeds of a step come from a random generator that knows the seed of the game and the number of the step, so nothing depends on the order in which games are played.


# %%
OPTIMIZERS = {
    "DCGAN": lambda: keras.optimizers.Adam(DCGAN_RATE, beta_1=0.5),
    "WGAN-GP": lambda: keras.optimizers.Adam(RATE, beta_1=0.5, beta_2=0.9),
}
OPPONENTS = {"DCGAN": build_discriminator, "WGAN-GP": build_critic}


class Game:
    """A generator and its opponent with their optimisers; `play` goes on for some steps."""

    def __init__(self, kind, seed, filters=FILTERS, change=lambda model: model, optimizer=None):
        keras.utils.set_random_seed(seed)
        self.kind, self.seed, self.steps = kind, seed, 0
        self.generator = change(build_generator(LATENT, filters))
        self.opponent = change(OPPONENTS[kind](filters))
        self.optimizers = [(optimizer or OPTIMIZERS[kind])() for _ in range(2)]
        for owner, model in zip(self.optimizers, (self.generator, self.opponent)):
            owner.build(model.trainable_variables)
        self.rounds = CRITIC_STEPS if kind == "WGAN-GP" else 1
        shapes = [(self.rounds, BATCH_SIZE, 28, 28, 1), (self.rounds + 1, BATCH_SIZE, LATENT)]
        specs = [tf.TensorSpec(shape) for shape in shapes] + [tf.TensorSpec((self.rounds, 2), tf.int32)]
        self.graph = tf.function(self.step).get_concrete_function(*specs)  # compiled here, once

    def step(self, reals, noise, seeds):
        players = (self.generator, self.opponent, *self.optimizers)
        if self.kind == "DCGAN":
            return tf.stack(dcgan_step(*players, reals[0], noise[0]))
        return tf.stack(train_step(*players, reals, noise, seeds, PENALTY))

    def play(self, steps):
        """Both losses of each of the next steps."""
        losses = []
        for _ in range(steps):
            rng = np.random.default_rng([self.seed, self.steps])
            reals = x_train[rng.integers(len(x_train), size=(self.rounds, BATCH_SIZE))]
            noise = rng.normal(size=(self.rounds + 1, BATCH_SIZE, LATENT)).astype("float32")
            seeds = rng.integers(2**31 - 1, size=(self.rounds, 2)).astype("int32")
            losses.append(self.graph(tf.constant(reals), tf.constant(noise), tf.constant(seeds)).numpy())
            self.steps += 1
        return np.array(losses)


# %% [markdown]
# ## What a step costs
#
# Count the products. Going through a network once costs its number of multiplications; going back costs as much again for the gradient of the weights, and as much for that of the inputs. For each image of a batch that makes:
#
# - DCGAN: generator 1 (draw) + 3 (learn); discriminator 3 + 3 (learn, real and drawn) + 2 (pass the gradient on);
# - WGAN-GP, in each round: generator 1; critic 3 + 3, and 6 for the penalty (to the slope and back, then back through both). After the rounds: generator 3, critic 2.
#
# The last but one column is what this machine measured while this page was made, the only number here that a clock decides. It sets nothing: `COST` does.


# %%
def multiplications(model):
    """Products in one pass of one image through dense and convolutional layers."""
    count = 0
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            count += np.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
            at = layer.output if isinstance(layer, layers.Conv2D) else layer.input
            count += np.prod(at.shape[1:3]) * np.prod(layer.kernel.shape)
    return int(count)


PASSES = {"DCGAN": (4, 8), "WGAN-GP": (CRITIC_STEPS + 3, 12 * CRITIC_STEPS + 2)}  # generator, opponent
work, seconds = {}, {}
for kind, passes in PASSES.items():
    game = Game(kind, seed=0)
    work[kind] = sum(n * multiplications(m) for n, m in zip(passes, (game.generator, game.opponent)))
    game.play(2)
    begin = time.perf_counter()
    game.play(10)
    seconds[kind] = (time.perf_counter() - begin) / 10
rows = [
    [kind, f"{g}", f"{d}", f"{work[kind] / 1e6:.1f}", f"{work[kind] / work['DCGAN']:.1f}",
     f"{seconds[kind] / seconds['DCGAN']:.1f}", "1" if kind == "DCGAN" else f"{COST}"]
    for kind, (g, d) in PASSES.items()
]  # fmt: skip
columns = ["one step", "passes, generator", "passes, opponent", "million products for each image"]
plots.table(rows, [*columns, "ratio of products", "ratio of seconds, this run", "ratio used"])

# %% [markdown] tags=["notes"]
# Let the class guess the ratio before the table: "Five critic steps: is a step five times as dear?" The penalty doubles each critic step. Then ask which budget they would call fair, steps or work. A paper that shows one of them only has made a choice.

# %% [markdown]
# ## As many steps, as much work
#
# The longest runs: DCGAN plays `COST` times as many steps as WGAN-GP. On the way we score it after as many steps as WGAN-GP, too. No best moment is picked: what counts is the generator at the end of its budget.

# %%
COLUMNS, ROWS = 5, 4  # of the film
fixed_noise = np.random.default_rng(17).normal(size=(COLUMNS * ROWS, LATENT)).astype("float32")
score_noise = np.random.default_rng(1717).normal(size=(SAMPLES, LATENT)).astype("float32")
spaced = np.ceil(STEPS * np.linspace(0, 1, LOOKS + 1)[1:] ** 1.5).astype(int).tolist()
moments = sorted({*spaced, HARD_STEPS})  # in steps of WGAN-GP
MOMENTS = {"WGAN-GP": moments, "DCGAN": sorted({*(COST * m for m in moments), HARD_STEPS, STEPS})}


def draw(generator, noise):
    """Images from noise, in inference mode, 500 at a time."""
    parts = [generator(noise[start : start + 500], training=False) for start in range(0, len(noise), 500)]
    return np.concatenate(parts)


def snapshot(generator):
    """One picture of the film: uint8, the images side by side."""
    images = np.round(127.5 * (draw(generator, fixed_noise)[..., 0] + 1)).astype("uint8")
    return images.reshape(ROWS, COLUMNS, 28, 28).transpose(0, 2, 1, 3).reshape(ROWS * 28, COLUMNS * 28)


def advantage(game, fakes):
    """Minus the opponent's loss, without penalty, on validation images and drawn ones."""
    real, fake = frozen(game.opponent, x_valid[:1000]), frozen(game.opponent, fakes[:1000])
    return -float((discriminator_loss if game.kind == "DCGAN" else critic_loss)(real, fake))


# %%
def long_game(run):
    """Play one game, score it at its moments; keep what the last pages of the lesson need."""
    kind, seed = run
    game = Game(kind, seed)
    pictures, losses, table, says, kept = [snapshot(game.generator)], [], [], [], {}
    for moment in MOMENTS[kind]:
        losses.append(game.play(moment - game.steps))
        fakes = draw(game.generator, score_noise)
        features, probabilities = judged(fakes)
        found = scores(features, probabilities, real_features)
        says.append(advantage(game, fakes))
        line = f"{kind:7} seed {seed}  step {moment:5}  FID {found['fid']:6.2f}  effective {found['effective']:4.1f}"
        print("\r" + f"{line}  advantage {says[-1]:6.2f}".ljust(84))  # over the progress bar
        table.append(list(found.values()))
        pictures.append(snapshot(game.generator))
        if moment == STEPS:
            kept = dict(features_steps=features, probabilities_steps=probabilities)
    real, fake = tf.constant(x_valid[:1000]), tf.constant(fakes[: len(x_valid[:1000])])
    norms = gradient_norms(game.opponent, mix(real[: len(fake)], fake, (18, seed))) if kind == "WGAN-GP" else []
    kept |= dict(features=features, probabilities=probabilities, images=fakes[:1000], norms=np.asarray(norms))
    return kept | dict(pictures=pictures, losses=np.concatenate(losses), scores=table, says=says)


KINDS = ("DCGAN", "WGAN-GP")
settings = dict(DATASET=DATASET, VALIDATION=VALIDATION, LIMIT=LIMIT, BATCH_SIZE=BATCH_SIZE, LATENT=LATENT)
settings |= dict(FILTERS=FILTERS, RATE=RATE, DCGAN_RATE=DCGAN_RATE, PENALTY=PENALTY, CRITIC_STEPS=CRITIC_STEPS)
settings |= dict(STEPS=STEPS, COST=COST, LOOKS=LOOKS, HARD_STEPS=HARD_STEPS, SAMPLES=SAMPLES)
settings |= dict(JUDGE_LIMIT=JUDGE_LIMIT, JUDGE_EPOCHS=JUDGE_EPOCHS)
games = resume.pieces("long games", [(kind, seed) for seed in range(SEEDS) for kind in KINDS], long_game, settings)


# %%
def at(kind, seed, step, key="fid"):
    """One score of a long game at one of its moments."""
    column = ["fid", "confident", "covered", "effective"].index(key)
    return float(games[kind, seed]["scores"][MOMENTS[kind].index(step), column])


BUDGETS = {
    f"DCGAN, {STEPS} steps (as many steps)": ("DCGAN", STEPS),
    f"DCGAN, {COST * STEPS} steps (as much work)": ("DCGAN", COST * STEPS),
    f"WGAN-GP, {STEPS} steps": ("WGAN-GP", STEPS),
}
table = []
for name, (kind, step) in BUDGETS.items():
    values = {k: [at(kind, s, step, k) for s in range(SEEDS)] for k in ("fid", "confident", "covered", "effective")}
    row = [metrics.mean_sd(values["fid"], 2), metrics.mean_sd(values["confident"], 1, scale=100)]
    table.append([name, *row, *(metrics.mean_sd(values[key], 1) for key in ("covered", "effective"))])
plots.table(table, [f"validation, {SEEDS} seeds", *SCORES])

# %% [markdown]
# ## The film


# %%
def film_frame(number):
    """Both generators after the same work, and the FID up to here."""
    fig = plt.figure(figsize=(8.4, 2.64), dpi=100, layout="none")
    share = ([0, *moments])[number] / STEPS
    for left, kind in ((8, "DCGAN"), (300, "WGAN-GP")):
        picture = 0 if number == 0 else 1 + MOMENTS[kind].index(moments[number - 1] * (COST if kind == "DCGAN" else 1))
        ax = fig.add_axes((left / 840, 8 / 264, 280 / 840, 224 / 264))  # two dots for each pixel
        ax.imshow(games[kind, 0]["pictures"][picture], cmap="gray", vmin=0, vmax=255, aspect="auto")
        ax.set_title(kind)
        ax.axis("off")
    right = fig.add_axes((0.775, 0.22, 0.215, 0.65))
    for colour, kind in zip(plots.COLOURS, KINDS):
        curve = games[kind, 0]["scores"][:, 0]
        done = np.array(MOMENTS[kind]) / MOMENTS[kind][-1]
        right.plot(done[done <= share], curve[done <= share], "o-", color=colour, label=kind, markersize=4)
    right.set(xlim=(0, 1.05), xlabel="share of the work", yscale="log", title="FID")
    right.set_ylim(
        on_valid["real training images"]["fid"] / 1.5, 1.5 * max(games[k, 0]["scores"][:, 0].max() for k in KINDS)
    )
    right.legend(loc="upper right", fontsize=9)
    fig.canvas.draw()
    frame = np.asarray(fig.canvas.buffer_rgba())[:, :, :3].copy()
    plt.close(fig)
    return frame


plots.show_gif(
    [film_frame(number) for number in range(len(moments) + 1)],
    "Two generators after the same work, from the same noise, and their distance to real images (seed 0).",
    "Animation: two fields of grey blots turn into garments, while the curves of the FID fall.",
    seconds_per_frame=0.8,
    colours=24,
    last_seconds=4,
)

# %% [markdown]
# ## Losses, step by step

# %%
fig, panels = plots.axes(columns=2, height=3.4)
for ax, kind in zip(panels, KINDS):
    losses = games[kind, 0]["losses"]
    window = max(1, len(losses) // 150)
    smooth = losses[: len(losses) // window * window].reshape(-1, window, 2).mean(axis=1)
    steps = (np.arange(len(smooth)) + 0.5) * window
    for i, name in enumerate(("discriminator" if kind == "DCGAN" else "critic, with penalty", "generator")):
        ax.plot(steps, smooth[:, i], label=name)
    ax.axvline(STEPS, color="black", linestyle=":", linewidth=1.2)
    ax.set(xlabel="steps of the generator", ylabel="loss", title=f"{kind}: {len(losses)} steps")
    ax.legend(fontsize=10)
plots.show(
    fig,
    f"Losses against steps, for the same work (seed 0). The dotted lines stand at step {STEPS}: up to there both made as many steps.",
    "Two panels of two curves each: the losses of DCGAN over many steps, and those of WGAN-GP over fewer.",
)

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown]
# ## Does the opponent know how good the images are?
#
# The critic's advantage, minus its loss without the penalty, estimates a distance. We measure it on validation images, which the critic has not seen. The discriminator has such a number too: its value of the game plus $\log 4$ estimates twice the Jensen–Shannon divergence (lesson 17). Do these fall when the FID falls? The rank correlation over the moments of a game says so: +1 means that both always move together.

# %%
told = {"DCGAN": "value of the game + log 4", "WGAN-GP": "critic's advantage"}
fig, panels = plots.axes(columns=2, height=3.6)
correlations = {kind: [] for kind in KINDS}
for ax, kind in zip(panels, KINDS):
    for seed in range(SEEDS):
        run = games[kind, seed]
        own = run["says"] + (np.log(4) if kind == "DCGAN" else 0)
        correlations[kind].append(float(spearmanr(own, run["scores"][:, 0]).statistic))
        ax.plot(own, run["scores"][:, 0], "os^"[seed % 3] + ":", linewidth=1, label=f"seed {seed}")
    ax.set(xlabel=told[kind], ylabel="FID, validation images", yscale="log", title=kind)
    ax.legend(fontsize=10)
plots.show(
    fig,
    "Each marker is one moment of a game. If the opponent's own number told the quality, the markers would rise from left to right.",
    "Two scatter plots of the FID against the opponent's own estimate, one for DCGAN and one for WGAN-GP, with a marker for each moment.",
)
plots.table(
    [[kind, told[kind], metrics.mean_sd(correlations[kind], 2)] for kind in KINDS],
    ["game", "its own number", f"rank correlation with the FID, {SEEDS} seeds"],
)

# %%
norms = [games["WGAN-GP", seed]["norms"] for seed in range(SEEDS)]
fig, panels = plots.axes(columns=2, height=3.2)
for seed in range(SEEDS):
    run = games["WGAN-GP", seed]
    panels[0].plot(MOMENTS["WGAN-GP"], run["says"], "os^"[seed % 3] + "-", linewidth=1.5, label=f"seed {seed}")
panels[0].set(xlabel="steps of the generator", ylabel="critic's advantage")
panels[0].legend(fontsize=10)
panels[1].hist(np.concatenate(norms), 40, color=plots.COLOURS[1], alpha=0.6)
panels[1].axvline(1, color="black", linestyle=":")
panels[1].set(xlabel="slope between real and drawn", ylabel="points")
plots.show(
    fig,
    "Left: the critic's advantage on unseen images over the game. Right: its slopes at the end, at points between validation images and drawn ones.",
    "Left: the advantage of the critic for each seed over the steps. Right: a histogram of gradient norms with a mark at 1.",
)
print(f"slope at the end: {metrics.mean_sd([float(n.mean()) for n in norms], 3)} (mean over points; ± over seeds)")
print(f"spread over points: {np.mean([n.std() for n in norms]):.3f}")
results.record("gradient_norm", np.mean([n.mean() for n in norms]))

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown] tags=["notes"]
# Hide the FID axis and ask: "You have no judge. Which game would you stop, and when?" In WGAN-GP there is a number to watch. Point at the very first markers: a critic that has hardly learned measures nothing yet, so its estimate begins too low.

# %% [markdown]
# ## Side by side, label by label
#
# Two images of each kind, with the same label: DCGAN after its full budget, WGAN-GP, real. The labels of drawn images are the judge's. Nobody chose them: these are the first two of which it is sure, else the first two of that label; a white field means that there is none.


# %%
def two_of(label, images, classes, sure):
    """The first two images of a label, sure ones first, with a white edge on the right."""
    places = np.flatnonzero(classes == label)
    places = places[np.argsort(~sure[places], kind="stable")][:2]
    pair = [images[place, :, :, 0] for place in places] + [np.ones((28, 28))] * (2 - len(places))
    return np.concatenate([*pair, np.ones((28, 6))], axis=1)


def strips(label):
    """Six images of one label in a row."""
    parts = []
    for kind in KINDS:
        run = games[kind, 0]
        p = run["probabilities"][: len(run["images"])]
        parts.append(two_of(label, run["images"], p.argmax(axis=1), p.max(axis=1) >= 0.9))
    parts.append(two_of(label, x_valid, valid.labels, np.ones(len(x_valid), bool)))
    return np.concatenate(parts, axis=1)


fig, panels = plots.axes(rows=5, columns=2, height=0.95)
for label, ax in enumerate(panels.T.flat):
    ax.imshow(strips(label), cmap="gray", vmin=-1, vmax=1)
    ax.set(yticks=[], xticks=[])
    ax.set_ylabel(garments.classes[label].split("/")[0], rotation=0, ha="right", va="center")
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if label % 5 == 0:
        ax.set_xticks([28, 90, 152], ["DCGAN", "WGAN-GP", "real"])
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
plots.show(
    fig,
    "For each label: two images by DCGAN, two by WGAN-GP, for the same work, and two real ones.",
    "Ten strips of six small pictures, one for each kind of garment: two by DCGAN, two by WGAN-GP, two real.",
)

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown]
# ## Under stress
#
# The authors of WGAN-GP do not promise a better optimum. They promise that it trains where others do not. So change one thing in *both* games, the same for both, and touch nothing else: no batch normalisation anywhere; a quarter of the filters; or another optimiser (RMSprop with the rate 0.0005, the optimiser of the first WGAN). All games are short; "as above" is an early moment of the long games. We say that a game has *failed* if its FID is more than twice the mean FID of the same game as above, after as many steps.


# %%
def without_batch_norm(model):
    """The same chain of layers without its batch normalisations."""
    h = model.input
    for layer in model.layers[1:]:
        if not isinstance(layer, layers.BatchNormalization):
            h = layer(h)
    return keras.Model(model.input, h, name=model.name)


STRESS = {
    "no batch norm": dict(change=without_batch_norm),
    "4 filters": dict(filters=4),
    "RMSprop": dict(optimizer=lambda: keras.optimizers.RMSprop(0.0005)),
}


def hard_game(run):
    """A short game under stress: scores after as many steps and after as much work, and some images."""
    name, kind, seed = run
    game, found = Game(kind, seed, **STRESS[name]), {}
    for budget, steps in (("steps", HARD_STEPS), ("work", HARD_STEPS * (COST if kind == "DCGAN" else 1))):
        game.play(steps - game.steps)
        fakes = draw(game.generator, score_noise)
        found |= {f"{key} {budget}": value for key, value in scores(*judged(fakes), real_features).items()}
    return found | dict(picture=np.concatenate(fakes[:8, :, :, 0], axis=1))


keys = [(name, kind, seed) for name in HARD for kind in KINDS for seed in range(SEEDS)]
hard = resume.pieces("hard games", keys, hard_game, settings)


# %%
def hard_scores(name, kind, budget, key):
    """One score of all seeds of a setting; "as above" comes from the long games."""
    if name == "as above":
        step = HARD_STEPS * (COST if (kind, budget) == ("DCGAN", "work") else 1)
        return [at(kind, seed, step, key) for seed in range(SEEDS)]
    return [float(hard[name, kind, seed][f"{key} {budget}"]) for seed in range(SEEDS)]


rows = []
for name in ("as above", *HARD):
    for kind, budget in (("DCGAN", "steps"), ("DCGAN", "work"), ("WGAN-GP", "work")):
        fid = hard_scores(name, kind, budget, "fid")
        failed = sum(not value <= 2 * np.mean(hard_scores("as above", kind, budget, "fid")) for value in fid)
        row = [name, f"{kind}, {HARD_STEPS * (COST if (kind, budget) == ('DCGAN', 'work') else 1)} steps"]
        effective = metrics.mean_sd(hard_scores(name, kind, budget, "effective"), 1)
        rows.append([*row, metrics.mean_sd(fid, 1), effective, f"{failed} of {SEEDS}"])
plots.table(rows, ["setting", "game", "FID", "effective classes", "failed"])

# %%
fig, ax = plots.axes(height=3.4)
for place, kind in enumerate(KINDS):
    for number, name in enumerate(("as above", *HARD)):
        fid = hard_scores(name, kind, "work", "fid")
        x = np.full(SEEDS, number + 0.24 * place - 0.12)
        label = kind if number == 0 else None
        ax.plot(x, fid, "os"[place], color=plots.COLOURS[place], label=label, linestyle="none", markersize=8)
ax.axhline(on_valid["Gaussian of pixels"]["fid"], color="black", linestyle=":", label="Gaussian of pixels")
ax.set(ylabel="FID, validation images", yscale="log", xlim=(-0.5, len(HARD) + 0.5))
ax.set_xticks(range(len(HARD) + 1), ["as above", *HARD])
ax.legend(fontsize=10, loc="upper left", bbox_to_anchor=(1, 1))
plots.show(
    fig,
    "The same work for both games. Each marker is one seed. The dotted line is a generator without a network.",
    "Markers of the FID for each setting, DCGAN beside WGAN-GP, with a dotted line for a generator without a network.",
)

# %%
fig, panels = plots.axes(rows=len(HARD), columns=2, height=0.75, squeeze=False)
for pair, name in zip(panels, HARD):
    for ax, kind in zip(pair, KINDS):
        ax.imshow(hard[name, kind, 0]["picture"], cmap="gray", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    pair[0].set_ylabel(name, rotation=0, ha="right", va="center")
for ax, kind in zip(panels[0], KINDS):
    ax.set_title(kind)
plots.show(
    fig,
    "Eight images of each game under stress, from the same noise, after the same work (seed 0).",
    "Rows of small images for each setting, drawn by DCGAN on the left and by WGAN-GP on the right.",
)

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown]
# ## The test set, once
#
# Now the test images replace the validation images, for all rows at once. The samples are those of the last moments, from the same noise for all. Both recorded FIDs are for the same work. There is no published number to put beside them: the features are those of this lesson's judge.

# %%
x_test = scaled(garments.test)
test_features, test_probabilities = judged(x_test)
right = np.mean(test_probabilities.argmax(axis=1) == garments.test.labels)
print(f"the judge is right on {100 * right:.1f} % of the test images")
rows, test_fid = [], {}
for name, (kind, step) in BUDGETS.items():
    end = "" if step == MOMENTS[kind][-1] else "_steps"
    kept = [(run[f"features{end}"], run[f"probabilities{end}"]) for run in (games[kind, s] for s in range(SEEDS))]
    found = [scores(*seen, test_features) for seen in kept]
    test_fid[kind, step] = [s["fid"] for s in found]
    row = [metrics.mean_sd(test_fid[kind, step], 2), metrics.mean_sd([s["confident"] for s in found], 1, scale=100)]
    rows.append([name, *row, *(metrics.mean_sd([s[key] for s in found], 1) for key in ("covered", "effective"))])
seen = baseline | {"real validation images": (real_features, real_probabilities)}
for name, images in seen.items():
    s = scores(*images, test_features)
    rows.append(
        [name, f"{s['fid']:.2f}", f"{100 * s['confident']:.1f}", f"{s['covered']:.1f}", f"{s['effective']:.1f}"]
    )
plots.table(rows, [f"test, {SEEDS} seeds", *SCORES])

# %%
wgan, dcgan = test_fid["WGAN-GP", STEPS], test_fid["DCGAN", COST * STEPS]
results.record("wgan_gp_fid", np.mean(wgan))
results.record("dcgan_fid", np.mean(dcgan))
for name, other in (("as much work", dcgan), ("as many steps", test_fid["DCGAN", STEPS])):
    mean, error = metrics.paired_difference(wgan, other)
    print(f"{name}: FID of WGAN-GP minus FID of DCGAN {mean:+.2f}, standard error {error:.2f}")

# %% [markdown]
# *What these numbers say will stand here as soon as the full run has been made.*

# %% [markdown]
# ## What went wrong in practice
#
# - **A sigmoid at the critic's end.** Scores are no probabilities. Squashed ones are flat, and their differences estimate nothing.
# - **α from N(0, 1).** Then most points lie outside the line between real and drawn image, where the theory says nothing. One α for the whole batch, or one for each pixel, are slips of the same kind.
# - **NaN from a root.** The norm's slope at 0 is infinite. It happens with dead units, in a critic that starts at zero, or never in your test and once in a long run.
# - **Unequal budgets.** "WGAN-GP is better after the same number of epochs" forgets that it did several times the work; "DCGAN is better after an hour" forgets the opposite. Show both.
# - **Images that were chosen by hand.** The same label, the first ones, both methods: else you compare your taste.

# %% [markdown]
# ## Summary
#
# - The Jensen–Shannon divergence is flat where distributions do not overlap; the Wasserstein distance is not.
# - A critic with slope at most 1 measures it: linear output, no batch normalisation, several updates for each one of the generator.
# - The gradient penalty holds the slope near 1 where real and drawn points are mixed. Clipped weights bound it too, and leave a cruder critic.
# - Within one game the critic's advantage is a number to watch. Across games it is not: another critic finds another share of the distance. To compare games, use one judge and equal budgets, and say equal in what.

# %% [markdown]
# ## Going further
#
# - Add `layers.LayerNormalization` to the critic. Does the slope at the end change?
# - Set `CRITIC_STEPS` to 1 and `COST` to what that costs. Which is better for the same work?
# - Put tanh in place of every ReLU, a setting that the paper tries too. Which game minds?
# - Punish only slopes above 1. What happens to the slopes, and to the FID?
# - Put 25 clouds in a square in place of the ring. Does the penalty find all peaks?

# %% [markdown]
# ## References
#
# - M. Arjovsky, S. Chintala, L. Bottou (2017), *Wasserstein GAN*.
# - I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville (2017), *Improved Training of Wasserstein GANs*.
# - A. Radford, L. Metz, S. Chintala (2016), *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks*.
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter (2017), *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*.
# - C. Villani (2009), *Optimal Transport: Old and New*.
# - H. Xiao, K. Rasul, R. Vollgraf (2017), *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms*.
