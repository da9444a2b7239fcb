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
#     title: "Simple regression: where the loss comes from"
#     summary: Squared error, weight decay and error bars, all derived from one line of probability.
#     data: []
#     minutes: {class: 1, full: 0.8}
#     expected:
#       test_mse: [0.009, 0.0125]
#     published:
#       test_mse: "0.0113 and 0.0169 (public student solutions)"
#     points: {gaussian_nll: 1, forward: 2, train_step: 2, squared_norm: 1, absolute_norm: 1, bias_variance: 2, predictive: 2}
# ---

# %% [markdown]
# # Simple regression: where the loss comes from
#
# Squared error, weight decay and error bars look like three tricks. In this lesson you derive all three from one assumption about noise, and watch each of them at work on a curve that you can draw.

# %% [markdown]
# **You will**
#
# - derive the squared error from Gaussian noise, and check the derivation in code;
# - build a neural network and its training step from raw variables;
# - see what a network says where it has seen nothing;
# - overfit on purpose, and choose weight penalties on validation data, honestly;
# - split an error into bias, variance and noise, and let an ensemble report its own uncertainty.

# %% [markdown] tags=["notes"]
# **Plan, 75 minutes:** from noise to a loss 15, network and training step 15, extrapolation 10, overfitting and penalties 20, bias and variance 5, error bars 10. The notebook runs in about a minute, so run it live.
#
# **Ask first:** why do we square errors, and not take their absolute values? Likely: "because of the sign", or "to punish large errors". Both are true of other powers, too. The reason comes on the next slides.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, metrics, plots, results, runtime

import keras
import numpy as np
import tensorflow as tf

runtime.start("02", seed=0)

# %% [markdown]
# ## Parameters
#
# Everything that you may want to change stands here. Small networks train quickly, so the class profile is the full run.

# %% tags=["parameters"]
DATA_SEED = 12  # draws the points and their noise
NOISE = 0.1  # standard deviation of the noise, sigma
WIDTHS = (1, 10, 10, 1)  # the small network
LARGE_WIDTHS = (1, 100, 50, 1)  # the network that overfits
NETWORKS = 10  # independent initialisations, trained side by side
STEPS = 4000  # training steps, each on the whole training set
LEARNING_RATE = 0.01  # at the start; it falls to 0 along a cosine
FEW = 30  # points in a small training set
DRAWS = 20  # small training sets
STRENGTHS = (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # penalties to choose from, lambda

runtime.profile(smoke=dict(STEPS=200, NETWORKS=3, DRAWS=3, STRENGTHS=(0.0, 1e-3)))

# %% [markdown]
# ## The data, of which we know everything
#
# Each point follows $y = \sin(1 + x^2) + \varepsilon$ with noise $\varepsilon \sim \mathcal N(0, \sigma^2)$ and $\sigma = 0.1$ (`NOISE`). Because we made the noise, we know the best score that any model can reach on new points: the mean squared error of the true curve itself, $\sigma^2 = 0.01$.


# %% tags=["helper"]
def truth(x):
    return np.sin(1 + x**2)


def draw_points(n, rng):
    x = rng.uniform(0, 3, size=(n, 1))
    y = truth(x) + rng.normal(0, NOISE, size=(n, 1))
    return x.astype("float32"), y.astype("float32")


# %% [markdown]
# 800 points: 600 to train on, 100 to make choices on (*validation*), and 100 that we look at once, at the end (*test*).

# %%
x_all, y_all = draw_points(800, np.random.default_rng(DATA_SEED))
x_train, x_valid, x_test = np.split(x_all, [600, 700])
y_train, y_valid, y_test = np.split(y_all, [600, 700])
floor = np.mean((y_test - truth(x_test)) ** 2)
print(
    f"{len(x_train)} train, {len(x_valid)} validation, {len(x_test)} test points; noise floor of these test points {floor:.4f}"
)

# %%
grid = np.linspace(0, 3, 301, dtype="float32")[:, None]
fig, ax = plots.axes()
ax.plot(x_train, y_train, ".", color=plots.COLOURS[4], markersize=5, label="training points")
ax.plot(grid, truth(grid), color="black", linestyle="-", label="sin(1 + x²)")
ax.set(xlabel="x", ylabel="y")
ax.legend(loc="lower left")
plots.show(
    fig,
    "The 600 training points and the curve they come from.",
    "Noisy points around a wave that gets faster from left to right.",
)

# %% [markdown]
# ## From noise to a loss
#
# Suppose a model predicts $f(x)$ and the noise is Gaussian. Then the density of an observed $y$ is
#
# $$p(y \mid x) = \frac{1}{\sqrt{2\pi\sigma^2}} \exp\!\left(-\frac{(y - f(x))^2}{2\sigma^2}\right).$$
#
# The points are independent, so their densities multiply, and the *maximum-likelihood* model is the one that makes the product largest. Take the negative logarithm, and divide by the number of points $n$:
#
# $$\frac1n\sum_{i=1}^n -\log p(y_i \mid x_i) = \frac{1}{2\sigma^2}\cdot\underbrace{\frac1n\sum_{i=1}^n (y_i - f(x_i))^2}_{\text{mean squared error}} + \tfrac12\log(2\pi\sigma^2).$$
#
# The last term does not depend on the model. So the smallest mean squared error *is* the largest likelihood.

# %% [markdown]
# ### Exercise 02.1 · The negative log-likelihood
#
# Write the left-hand side: the mean of $-\log p(y_i \mid x_i)$ over all points. `mean` holds the predictions $f(x_i)$.


# %% tags=["exercise"]
def gaussian_nll(y, mean, sigma):
    """Mean negative log-density of `y` under Gaussians with means `mean` and standard deviation `sigma`."""
    ### BEGIN SOLUTION
    return np.mean((y - mean) ** 2 / (2 * sigma**2) + 0.5 * np.log(2 * np.pi * sigma**2))
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.gaussian_nll", gaussian_nll)

# %% [markdown] tags=["notes"]
# **Ask:** somebody tells you that σ is 0.2, not 0.1. Which model is now the best one? Likely: "another one". No: slope and height of the line on the next slide change (12.5 instead of 50), its lowest point stays where it is.
#
# And with noise that has a Laplace density? Then the same two lines of algebra give the absolute error.

# %% [markdown]
# If the derivation is right, any set of predictions, good or bad, lies on one straight line: likelihood against squared error, with slope $1 / (2\sigma^2) = 50$.

# %%
guesses = [truth(x_train) * scale + shift for scale in (0.5, 0.8, 1.0) for shift in (-0.3, 0.0, 0.2)]
mse_of_guesses = [np.mean((y_train - guess) ** 2) for guess in guesses]
nll_of_guesses = [gaussian_nll(y_train, guess, NOISE) for guess in guesses]
slope, intercept = np.polyfit(mse_of_guesses, nll_of_guesses, 1)
print(f"slope {slope:.3f} (derived 50), intercept {intercept:.4f} (derived {0.5 * np.log(2 * np.pi * NOISE**2):.4f})")

# %% [markdown]
# ## A network from raw variables
#
# A layer multiplies by a matrix $W$, adds a vector $b$ and, but for the last one, applies $\tanh$. We give every variable one extra leading axis: it counts *networks*. A product of shape `(networks, points, in) @ (networks, in, out)` then evaluates ten networks as easily as one, and we get our repetitions with other seeds for free.


# %% tags=["helper"]
def new_networks(widths, count, seed):
    """`count` independent networks: a list of layers (W, b); W is drawn with variance 1 / (inputs of the layer)."""
    rng = np.random.default_rng(seed)
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        weights = rng.normal(0, 1 / np.sqrt(inputs), size=(count, inputs, outputs))
        layers.append((tf.Variable(weights, dtype="float32"), tf.Variable(tf.zeros((count, 1, outputs)))))
    return layers


# %%
networks = new_networks(WIDTHS, NETWORKS, seed=1)
for weights, bias in networks:
    print(f"W {tuple(weights.shape)}, b {tuple(bias.shape)}")

# %% [markdown]
# ### Exercise 02.2 · The forward pass
#
# Return the predictions of all networks: `tanh(h @ W + b)` for the hidden layers, `h @ W + b` for the last one.


# %% tags=["exercise"]
def forward(layers, x):
    """Predictions of shape (networks, points, 1) for inputs of shape (points, 1)."""
    ### BEGIN SOLUTION
    h = x
    for weights, bias in layers[:-1]:
        h = tf.tanh(h @ weights + bias)
    weights, bias = layers[-1]
    return h @ weights + bias
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.forward", forward)

# %% [markdown]
# Before training, the ten networks say ten different things, and none of them is right.


# %% tags=["helper"]
def draw_predictions(ax, layers, x, title):
    """One thin line for each network, and the true curve."""
    for prediction in forward(layers, x).numpy()[:, :, 0]:
        ax.plot(x, prediction, color=plots.COLOURS[0], linestyle="-", linewidth=1, alpha=0.7)
    ax.plot(x, truth(x), color="black", linestyle="--", linewidth=1.8, label="truth")
    ax.set(xlabel="x", ylabel="y", title=title)


# %%
fig, ax = plots.axes(height=3.2)
draw_predictions(ax, networks, grid, "Before training")
plots.show(
    fig,
    f"{NETWORKS} untrained networks (blue) and the truth (dashed).",
    "Smooth blue lines that do not follow the dashed wave.",
)

# %% [markdown] tags=["notes"]
# **Point at** the left edge: all ten lines start in (0, 0). **Ask why.** The biases start at zero and tanh(0) = 0, so every untrained network says 0 at x = 0.

# %% [markdown]
# ## One training step
#
# We follow the gradient of the loss of every network. The networks do not share a variable, so the gradient of the *sum* of their losses holds, for each variable, just the gradient of its own network's loss.
#
# ### Exercise 02.3 · The training step
#
# Compute the mean squared error of each network and `penalty(layers)` (one number for each network; it will hold a weight penalty later), and let the optimizer apply the gradient of their sum over networks. Return the mean squared errors, without the penalty.


# %% tags=["exercise"]
def train_step(layers, optimizer, x, y, penalty):
    """One step of `optimizer` on all networks; returns the mean squared error of each, before the step."""
    ### BEGIN SOLUTION
    variables = [variable for layer in layers for variable in layer]
    with tf.GradientTape() as tape:
        errors = tf.reduce_mean((forward(layers, x) - y) ** 2, axis=(1, 2))
        loss = tf.reduce_sum(errors + penalty(layers))
    optimizer.apply(tape.gradient(loss, variables), variables)
    return errors
    ### END SOLUTION


# %% tags=["check"]
def two_steps(layers, x, y, weight):
    """Two steps of plain gradient descent on plain arrays, so that the check can compare numbers."""
    layers = [(tf.Variable(weights), tf.Variable(bias)) for weights, bias in layers]
    optimizer = keras.optimizers.SGD(0.1)

    def penalty(layers):
        return weight * tf.reduce_sum(layers[0][0] ** 2, axis=(1, 2))

    errors = [train_step(layers, optimizer, x, y, penalty) for _ in range(2)]
    return {"errors": errors, "first weights": layers[0][0], "last bias": layers[-1][1]}


checks.run("02.train_step", two_steps)

# %% [markdown]
# The loop calls this step thousands of times. `tf.function` compiles it, and the loop runs inside the graph, a hundredth of the training at a time, so that we can note the errors in between. The optimizer is Adam with a learning rate that falls to zero.


# %% tags=["helper"]
def no_penalty(layers):
    return 0.0


def mean_squared_errors(layers, x, y):
    return tf.reduce_mean((forward(layers, x) - y) ** 2, axis=(1, 2)).numpy()


def train(layers, x, y, penalty=no_penalty):
    """Train all networks; returns their errors on (x, y) and on the validation points at 101 moments."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS))
    optimizer.build([variable for layer in layers for variable in layer])

    @tf.function
    def some_steps(count):
        for _ in tf.range(count):
            train_step(layers, optimizer, x, y, penalty)

    history = []
    for _ in runtime.progress(range(100), "training"):
        history.append((mean_squared_errors(layers, x, y), mean_squared_errors(layers, x_valid, y_valid)))
        some_steps(tf.constant(STEPS // 100))
    history.append((mean_squared_errors(layers, x, y), mean_squared_errors(layers, x_valid, y_valid)))
    return np.array(history)  # moments × (train, validation) × networks


# %%
history = train(networks, x_train, y_train)
moments = np.linspace(0, STEPS, 101)
fig, ax = plots.axes()
lines = {"training": history[:, 0].T, "validation": history[:, 1].T}
plots.curves(lines, "training step", "mean squared error", x=moments, ax=ax, log="y")
ax.axhline(NOISE**2, color="black", linestyle=":", linewidth=1.5)
ax.set_ylim(0.005, 3)
ax.text(STEPS, NOISE**2 * 0.92, "noise floor σ²", ha="right", va="top", fontsize=12)
plots.show(
    fig,
    f"Mean over {NETWORKS} networks, band: one standard deviation.",
    "Both errors fall from about 1 to the noise floor of 0.01.",
)

# %%
fig, ax = plots.axes(height=3.2)
draw_predictions(ax, networks, grid, "After training")
plots.show(
    fig,
    f"The same {NETWORKS} networks after {STEPS} steps.",
    "The blue lines now lie on the dashed wave and on each other.",
)

# %% [markdown] tags=["notes"]
# **One minute, on paper:** continue the ten lines to x = −2 and x = 5. Most people draw the wave on, because they know the sine. Then turn the page: the networks go flat, as tanh does. The spread between them grows from 0.005 to 0.417, and their distance from the truth from 0.015 to 1.465. So the spread warns, and says too little.

# %% [markdown]
# The ten networks started apart and ended together. Where there are data, the data decide.

# %% [markdown]
# ## What a network says where it has seen nothing
#
# Now ask the same networks about $x$ from −2 to 5. The grey band is where they have seen data.

# %%
wide = np.linspace(-2, 5, 701, dtype="float32")[:, None]
fig, ax = plots.axes()
draw_predictions(ax, networks, wide, "Extrapolation")
ax.axvspan(0, 3, color="#999999", alpha=0.2, linewidth=0)
ax.set_ylim(-4, 4)
plots.show(
    fig,
    "Trained on the grey band only. Blue: ten networks. Dashed: the truth.",
    "Inside the band all lines agree; outside they part and miss the truth.",
)
inside = (wide[:, 0] >= 0) & (wide[:, 0] <= 3)
disagreement = forward(networks, wide).numpy()[:, :, 0].std(axis=0, ddof=1)
missed = np.sqrt(np.mean((forward(networks, wide).numpy()[:, :, 0] - truth(wide)[:, 0]) ** 2, axis=0))
for name, where in (("inside", inside), ("outside", ~inside)):
    print(
        f"{name:8} spread between networks {disagreement[where].mean():.3f}, distance from the truth {missed[where].mean():.3f}"
    )

# %% [markdown]
# A network interpolates; it does not discover that the curve is a sine. But look at the two numbers: where the networks are wrong, they also *disagree*. We come back to that at the end.

# %% [markdown]
# ## Overfitting on purpose
#
# Take 30 points only, drawn *without* replacement (with replacement some points would come twice and the set would be smaller than it says), and a network with more than 5 000 weights.

# %%
rng = np.random.default_rng(DATA_SEED + 1)
subsets = np.stack([rng.choice(len(x_train), size=FEW, replace=False) for _ in range(DRAWS)])
assert all(len(set(subset)) == FEW for subset in subsets)
x_few, y_few = x_train[subsets], y_train[subsets]
print(f"{DRAWS} training sets of {FEW} points: x {x_few.shape}, y {y_few.shape}")

# %%
large = new_networks(LARGE_WIDTHS, DRAWS, seed=2)
history = train(large, x_few, y_few)
fig, ax = plots.axes()
lines = {"training": history[:, 0].T, "validation": history[:, 1].T}
plots.curves(lines, "training step", "mean squared error", x=moments, ax=ax)
ax.set_ylim(0, 0.1)
plots.show(
    fig,
    f"The large network on {FEW} points, mean and standard deviation over {DRAWS} training sets.",
    "Training error falls below the noise; validation error stays far above it.",
)
print(f"training   {metrics.mean_sd(history[-1, 0], 4)}   below the noise floor 0.0100: the noise is learned by heart")
print(f"validation {metrics.mean_sd(history[-1, 1], 4)}")

# %% [markdown] tags=["notes"]
# **Ask:** the best possible error is 0.01. How can the training error be 0.0039? The likely answer is "a bug". The floor holds for *new* points; on its own thirty points the network follows the noise.
#
# **Point at** the gap: 0.0039 against 0.0432, a factor of eleven, from the same networks.

# %% [markdown]
# ## From a belief to a penalty
#
# Before seeing data we may believe that weights are small: $w \sim \mathcal N(0, \tau^2)$ for each weight. By Bayes' rule the *most probable* weights (MAP, maximum a posteriori) maximise likelihood times prior. Take $-\log$ again, multiply by $2\sigma^2/n$, and drop constants:
#
# $$\underbrace{\frac1n\sum_i (y_i - f(x_i))^2}_{\text{mean squared error}} + \lambda \sum_w w^2, \qquad \lambda = \frac{\sigma^2}{n\,\tau^2}.$$
#
# A Laplace prior, $p(w) \propto \exp(-|w|/b)$, gives $\lambda\sum_w |w|$ with $\lambda = 2\sigma^2/(n\,b)$ in the same way. So weight decay is a statement about what we believe, and $\lambda$ has units: a wide prior (large $\tau$) or many points make it small.
#
# We put the prior on the weights $W$, not on the biases $b$: shifting a curve up is not less plausible than leaving it.
#
# ### Exercise 02.4 and 02.5 · Two penalties
#
# Return one number for each network. Mind the square: the Gaussian prior asks for the sum of *squared* weights, not for the norm.


# %% tags=["exercise"]
def squared_norm(layers):
    """Sum of the squared weights of each network: shape (networks,)."""
    ### BEGIN SOLUTION
    return tf.add_n([tf.reduce_sum(weights**2, axis=(1, 2)) for weights, _ in layers])
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.squared_norm", squared_norm)


# %% tags=["exercise"]
def absolute_norm(layers):
    """Sum of the absolute weights of each network: shape (networks,)."""
    ### BEGIN SOLUTION
    return tf.add_n([tf.reduce_sum(tf.abs(weights), axis=(1, 2)) for weights, _ in layers])
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.absolute_norm", absolute_norm)

# %% [markdown]
# Which $\lambda$? We try a grid, each value on the same training sets from the same initial weights, and look at validation error. Every combination is one more network on the leading axis: all of them train at once.


# %% tags=["helper"]
def train_with_penalty(norm, strengths, seed=2):
    """The large network on every small training set with every strength; returns the layers, strength by strength."""
    count = len(strengths)
    layers = new_networks(LARGE_WIDTHS, DRAWS, seed)
    layers = [(tf.Variable(tf.tile(w, (count, 1, 1))), tf.Variable(tf.tile(b, (count, 1, 1)))) for w, b in layers]
    strength = tf.constant(np.repeat(strengths, DRAWS), dtype="float32")
    x, y = np.tile(x_few, (count, 1, 1)), np.tile(y_few, (count, 1, 1))
    train(layers, x, y, lambda layers: strength * norm(layers))
    return layers


# %%
norms = {"L2 (Gaussian prior)": squared_norm, "L1 (Laplace prior)": absolute_norm}
regularised = {name: train_with_penalty(norm, STRENGTHS) for name, norm in norms.items()}
validation = {
    name: mean_squared_errors(nets, x_valid, y_valid).reshape(-1, DRAWS) for name, nets in regularised.items()
}

# %%
fig, ax = plots.axes()
places = np.arange(len(STRENGTHS))
lines = {name: errors.T for name, errors in validation.items()}
plots.curves(lines, "penalty strength λ", "validation error (MSE)", x=places, ax=ax, log="y")
ax.axhline(NOISE**2, color="black", linestyle=":", linewidth=1.5, label="noise floor σ²")
ax.set_xticks(places, [np.format_float_positional(strength, trim="-") for strength in STRENGTHS])
ax.legend()
plots.show(
    fig,
    f"Validation error against λ: mean and standard deviation over {DRAWS} training sets of {FEW} points.",
    "Both curves dip between 0.00003 and 0.0003 and rise steeply for strong penalties.",
)

# %% [markdown]
# The spread between training sets is large, but every $\lambda$ saw the *same* sets, so we may compare set by set: the mean difference to $\lambda = 0$ and its standard error.

# %%
rows, best = [["none", "0", metrics.mean_sd(validation["L2 (Gaussian prior)"][0], 4), ""]], {}
for name, errors in validation.items():
    best[name] = int(errors.mean(axis=1).argmin())
    gain, error = metrics.paired_difference(errors[0], errors[best[name]])
    rows.append(
        [name, f"{STRENGTHS[best[name]]:g}", metrics.mean_sd(errors[best[name]], 4), f"{gain:.4f} ± {error:.4f}"]
    )
plots.table(
    rows,
    ["penalty", "best λ", "validation MSE", "gain, paired ± s.e."],
    f"Chosen on validation, {DRAWS} training sets of {FEW} points",
)

# %% [markdown] tags=["notes"]
# **Ask:** 0.0432 ± 0.0246 against 0.0290 ± 0.0214: did the penalty help? Likely: "no, the bands overlap". The band is the spread *between training sets*, and all rows share the same sets. **Point at** the last column: L2 gains four standard errors, L1 not quite three.
#
# Then: why do we not quote 0.0290 as the result? It is the best of eight, chosen on these points.

# %% [markdown]
# Read the last column before you say that a penalty helped: a gain of less than two standard errors is noise. And mind that the winner of eight was *picked* for its validation error, so its error looks a little better than it is; the test set will tell.

# %% [markdown]
# ## Bias, variance and noise
#
# Over many training sets, let $\bar f(x)$ be the mean of the predictions. Then, for a new noisy $y$,
#
# $$\mathbb E\,(y - f(x))^2 = \underbrace{(\bar f(x) - \sin(1+x^2))^2}_{\text{bias}^2} + \underbrace{\mathbb E\,(f(x) - \bar f(x))^2}_{\text{variance}} + \underbrace{\sigma^2}_{\text{noise}}.$$
#
# ### Exercise 02.6 · Bias and variance
#
# `predictions` has shape (training sets, points). Return squared bias and variance, each averaged over the points. Divide by the number of training sets, not by one less, so that the two add up exactly.


# %% tags=["exercise"]
def bias_variance(predictions, target):
    """Squared bias and variance, averaged over points, of predictions of shape (training sets, points)."""
    ### BEGIN SOLUTION
    mean = predictions.mean(axis=0)
    return np.mean((mean - target) ** 2), np.mean(predictions.var(axis=0))
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.bias_variance", bias_variance)

# %% [markdown]
# Five models, each trained on the same small sets: the small network, the large one, the large one with each penalty at its chosen strength, and, as a warning, with the strongest L2 penalty of the grid. Bias and variance are computed on 301 evenly spaced points, where we know the truth.

# %%
small = new_networks(WIDTHS, DRAWS, seed=3)
train(small, x_few, y_few)
candidates = {"small": small, "large": large}
for name, nets in regularised.items():
    chosen = slice(best[name] * DRAWS, (best[name] + 1) * DRAWS)
    candidates[f"large, {name[:2]}"] = [(weights[chosen], bias[chosen]) for weights, bias in nets]
strongest = regularised["L2 (Gaussian prior)"]
candidates["too strong L2"] = [(weights[-DRAWS:], bias[-DRAWS:]) for weights, bias in strongest]

# %%
parts = {
    name: bias_variance(forward(nets, grid).numpy()[:, :, 0], truth(grid)[:, 0]) for name, nets in candidates.items()
}
fig, ax = plots.axes(height=3.4)
left = np.zeros(len(parts))
noise = [NOISE**2] * len(parts)
for label, part in zip(("noise σ²", "bias²", "variance"), (noise, *zip(*parts.values()))):
    ax.barh(list(parts), part, left=left, label=label)
    left = left + np.array(part)
ax.invert_yaxis()
ax.set(xlabel="expected squared error on a new point")
ax.legend(loc="upper right")
plots.show(
    fig,
    f"Where the error comes from, over {DRAWS} training sets of {FEW} points.",
    "Stacked bars: the noise is the same for all; variance is most of the rest, but for the too strong penalty, where bias is.",
)
print(f"{'':14}{'bias²':>9}{'variance':>10}{'sum + σ²':>10}")
for name, (bias, variance) in parts.items():
    print(f"{name:14}{bias:9.4f}{variance:10.4f}{bias + variance + NOISE**2:10.4f}")

# %% [markdown]
# With 30 points most of the avoidable error is variance: which points we happened to get. The chosen L2 penalty removes more than half of the large network's variance and costs no bias. Far too strong a penalty shows the other side: bias becomes the largest part, six times the noise.

# %% [markdown]
# ## An ensemble that knows what it does not know
#
# Our ten networks on 600 points are a *deep ensemble*. Treat each as one possible explanation of the data. By the law of total variance, a new $y$ has
#
# $$\operatorname{Var}(y) = \underbrace{\sigma^2}_{\text{noise}} + \underbrace{\operatorname{Var}_m\big(f_m(x)\big)}_{\text{disagreement of the members } m}.$$
#
# We pretend not to know $\sigma$ and estimate it from the validation points.
#
# ### Exercise 02.7 · The predictive mean and standard deviation


# %% tags=["exercise"]
def predictive(predictions, noise_variance):
    """Mean and standard deviation of a new y, from member predictions of shape (members, points)."""
    ### BEGIN SOLUTION
    return predictions.mean(axis=0), np.sqrt(noise_variance + predictions.var(axis=0))
    ### END SOLUTION


# %% tags=["check"]
checks.run("02.predictive", predictive)

# %%
members_valid = forward(networks, x_valid).numpy()[:, :, 0]
noise_variance = np.mean((members_valid.mean(axis=0) - y_valid[:, 0]) ** 2)
print(f"estimated noise standard deviation {np.sqrt(noise_variance):.3f} (true {NOISE})")

mean, deviation = predictive(forward(networks, wide).numpy()[:, :, 0], noise_variance)
fig, ax = plots.axes()
ax.fill_between(
    wide[:, 0],
    mean - 2 * deviation,
    mean + 2 * deviation,
    color=plots.COLOURS[0],
    alpha=0.2,
    linewidth=0,
    label="mean ± 2 s.d.",
)
ax.plot(wide, mean, color=plots.COLOURS[0], linestyle="-", label="ensemble mean")
ax.plot(wide, truth(wide), color="black", linestyle="--", linewidth=1.5, label="truth")
ax.axvspan(0, 3, color="#999999", alpha=0.2, linewidth=0)
ax.set(xlabel="x", ylabel="y", ylim=(-4, 4))
ax.legend(loc="upper left", ncols=3)
plots.show(
    fig,
    "The ensemble's own error bars: narrow in the grey band, where there were data.",
    "A thin band on the wave inside 0 to 3, which fans out on both sides.",
)

# %% [markdown] tags=["notes"]
# **Before the next slide, ask:** what share of new points *outside* the grey band lies in the 95 % interval? Likely: "about 95 %, since the bars grow". Inside it is 95 %, outside 33 %. **Point at** the dashed truth on the right, which leaves the band soon after x = 3.
#
# Ten networks of one kind are one opinion held ten times.

# %% [markdown]
# How honest are these bars? A 95 % interval should hold 95 % of new points. We made the world, so we can draw 10 000 new points inside the range and 10 000 outside.

# %%
fresh = np.random.default_rng(DATA_SEED + 2)
ranges = {"inside, 0 to 3": [(0, 3)], "outside, −2 to 0 and 3 to 5": [(-2, 0), (3, 5)]}
for name, pieces in ranges.items():
    x_new = np.concatenate([fresh.uniform(low, high, size=(10_000 // len(pieces), 1)) for low, high in pieces])
    y_new = truth(x_new) + fresh.normal(0, NOISE, size=x_new.shape)
    mean, deviation = predictive(forward(networks, x_new.astype("float32")).numpy()[:, :, 0], noise_variance)
    print(
        f"{name:28} {100 * np.mean(np.abs(y_new[:, 0] - mean) < 1.96 * deviation):.0f} % of new points in the 95 % interval"
    )

# %% [markdown]
# Outside, the bars grow, yet not enough: ten networks with the same $\tanh$ share blind spots. Growing bars are a warning sign, not a guarantee.

# %% [markdown]
# ## The test set, once
#
# All choices are made. A cubic and a degree-9 polynomial stand beside the networks as baselines, fitted by least squares to the same 600 points.

# %%
test_mse = mean_squared_errors(networks, x_test, y_test)
ensemble_mse = np.mean((forward(networks, x_test).numpy().mean(axis=0) - y_test) ** 2)
rows = [["constant (training mean)", f"{np.mean((y_train.mean() - y_test) ** 2):.4f}"]]
for degree in (1, 3, 9):
    fit = np.polynomial.Polynomial.fit(x_train[:, 0], y_train[:, 0], degree)
    rows.append([f"polynomial of degree {degree}", f"{np.mean((fit(x_test) - y_test) ** 2):.4f}"])
rows += [
    [f"network 1-10-10-1, {NETWORKS} seeds", metrics.mean_sd(test_mse, 4)],
    ["their ensemble", f"{ensemble_mse:.4f}"],
]
rows += [["the truth itself (noise floor)", f"{floor:.4f}"]]
plots.table(rows, ["trained on 600 points", "test MSE"])

# %%
few = {name: mean_squared_errors(nets, x_test, y_test) for name, nets in candidates.items()}
rows = []
for name, errors in few.items():
    gain, error = metrics.paired_difference(few["large"], errors)
    rows.append([name, metrics.mean_sd(errors, 4), "" if name == "large" else f"{gain:.4f} ± {error:.4f}"])
columns = [f"trained on {FEW} points, {DRAWS} sets", "test MSE", "gain over large, paired ± s.e."]
plots.table(rows, columns)

# %%
results.record("test_mse", test_mse.mean())

# %% [markdown]
# ## What went wrong in practice
#
# Public solutions of this assignment report 0.0113 and 0.0169. Three slips are common:
#
# - **A penalty with norms that are not squared.** $\lambda\lVert w\rVert$ is not the logarithm of a Gaussian prior: its pull on the weights has the same size however small they are.
# - **Thirty points drawn with replacement.** Some come twice, so the set is smaller than reported, and the comparison between runs is not the one that is claimed.
# - **"Regularisation helped", with no second look.** One seed, one $\lambda$, one test set looked at many times. The paired column of our validation table is the least that such a claim needs.

# %% [markdown]
# ## Summary
#
# - Gaussian noise makes the squared error the right loss; a Laplace distribution would make it the absolute error.
# - A Gaussian prior is an L2 penalty and a Laplace prior an L1 penalty, with a strength that follows from noise, prior and number of points.
# - Error on new points is noise, bias and variance; few data make variance the large one.
# - Networks trained from other seeds agree where there are data. Their disagreement is a useful, imperfect sign of ignorance.

# %% [markdown]
# ## Going further
#
# - Let the network predict $\log\sigma(x)$ as a second output, and make the noise grow with $x$.
# - Replace $\tanh$ by ReLU and look at the extrapolation again. What shape must it have far outside, and why?
# - Use $\tau = 1$ and $n = 30$ to compute $\lambda$ from the formula. How close is it to the value that validation chose?

# %% [markdown]
# ## References
#
# - C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, sections 1.2.5 and 3.2.
# - S. Geman, E. Bienenstock, R. Doursat (1992), *Neural Networks and the Bias/Variance Dilemma*.
# - B. Lakshminarayanan, A. Pritzel, C. Blundell (2017), *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*.
