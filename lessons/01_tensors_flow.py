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
#     title: From tensors to a trained network
#     minutes: {class: 2, full: 3.5}
#     summary: A network that reads handwritten digits, from nothing but tensors, products and gradients.
#     data: [mnist]
#     expected:
#       mlp_test_accuracy: [0.975, 0.99]
#       linear_test_accuracy: [0.915, 0.935]
#     published:
#       mlp_test_accuracy: "at most 0.964 (public student solutions)"
#       linear_test_accuracy: "0.9175 (public student solution)"
#     points: {accuracy: 1, softmax: 2, cross_entropy: 2, sgd_step: 1, forward: 2}
# ---

# %% [markdown]
# # From tensors to a trained network
#
# You teach a computer to read handwritten digits, and you write every part of it yourself: the model, the loss, the learning. At the end the same network stands there in six lines of Keras, and none of them hides anything from you.

# %% [markdown]
# **You will**
#
# - turn pictures into tensors, and tensors into guesses;
# - write softmax and cross-entropy so that they survive large numbers;
# - train a model with gradient descent that you wrote yourself;
# - build a network of any depth, and see why it must not start from zero;
# - push five settings to their extremes, and read in one picture what makes training fail.

# %% [markdown] tags=["notes"]
# **Plan, 90 minutes:** pictures and the linear model 15, softmax and loss 20, gradient and training 20, going deep and the start 15, the five settings 15, test and Keras 5. In the class profile the whole notebook runs in two minutes: start *Run All* while they come in.
#
# **Ask first:** which of you would bet on a program *without* learning? Keep the answers for the baseline.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, runtime

import keras
import numpy as np
import tensorflow as tf

runtime.start("01", seed=0)

# %% [markdown]
# ## Parameters
#
# Everything that you may want to change stands here. Try `DATASET = "fashion_mnist"` when you are through.

# %% tags=["parameters"]
DATASET = "mnist"  # or "fashion_mnist": garments instead of digits
LIMIT = None  # use only so many training images (None: all)
VALIDATION = 5000  # training images set aside for choices
BATCH_SIZE = 128  # images in one step
EPOCHS = 15  # passes over the training images
LEARNING_RATE = 0.3
WIDTHS = (256, 128)  # units in the hidden layers
SEEDS = 5  # repetitions of the final training
SWEEP_STEPS = 400  # steps of every run in the sweep, of 64 images each
SWEEP_SEEDS = 3  # repetitions of every run in the sweep
SWEEP_WIDTHS = (1, 4, 16, 64, 256, 512)
SWEEP_DEPTHS = (0, 1, 2, 4, 10, 30)
SWEEP_SCALES = (0, 0.01, 0.1, 1, 3, 10)
SWEEP_RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)

runtime.profile(
    in_class=dict(EPOCHS=10, SEEDS=2, SWEEP_SEEDS=2),
    smoke=dict(
        LIMIT=1152, VALIDATION=128, EPOCHS=3, SEEDS=2, SWEEP_STEPS=10, SWEEP_SEEDS=2,
        SWEEP_WIDTHS=(4, 64), SWEEP_DEPTHS=(0, 2), SWEEP_SCALES=(0, 1), SWEEP_RATES=(0.01, 0.1, 1),
    ),
)  # fmt: skip

# %% [markdown]
# ## A picture is a tensor
#
# A *tensor* is a block of numbers with any number of axes. A number has no axis, a vector one, a matrix two. Its *shape* says how long each axis is. MNIST holds 70 000 scanned digits of 28 × 28 pixels: 60 000 to learn from, and 10 000 *test* images, which we do not look at until the end. To make choices on the way, we set some training images aside, the *validation* images.

# %%
digits = data.load(DATASET)
rest, valid = digits.train.take(LIMIT).hold_out(VALIDATION, seed=0)
print(f"{len(rest)} training, {len(valid)} validation, {len(digits.test)} test images; images {rest.images.shape}")

# %%
fig, (left, right) = plots.axes(columns=2, height=4.2, width_ratios=(1, 1.25))
image = rest.images[0, :, :, 0]
left.imshow(image, cmap="gray")
left.plot([7.5, 18.5, 18.5, 7.5, 7.5], [7.5, 7.5, 18.5, 18.5, 7.5], color=plots.COLOURS[5], linestyle="-")
left.grid(False)
left.set_title(f"What you see: “{digits.classes[rest.labels[0]]}”")
pixels = [str(pixel) for pixel in range(8, 19)]
plots.heatmap(image[8:19, 8:19], pixels, pixels, ax=right, cmap="gray", digits=0, colourbar=False)
right.set_title("What the computer sees")
plots.show(
    fig,
    "The first training image. The numbers on the right are the grey values inside the square.",
    "Left: a handwritten digit, white on black. Right: a square of numbers between 0 and 255.",
)

# %% [markdown] tags=["notes"]
# **Point at** the orange square, then at row 8 on the right: the bright row is the upper end of the square.
#
# **Ask:** we shuffle the 784 columns, in all images in the same way. What becomes of the accuracy? The likely answer is "it breaks". It stays: these models do not know which pixels are neighbours. Lesson 06 changes that.

# %%
shown = [i for label in range(10) for i in np.flatnonzero(rest.labels == label)[:2]]
fig = plots.image_grid(rest.images[shown], [digits.classes[label] for label in rest.labels[shown]], columns=10)
plots.show(fig, "Two training images of each class.", "Twenty small pictures of handwritten digits, two of each kind.")

# %% [markdown]
# Our models do not know that pixels have neighbours. They get each image as one row of 784 numbers, scaled from 0–255 to 0–1. We also cut the data into batches that fit the memory of any computer; the last batch is smaller than the others.


# %%
def tensors(split):
    """Images as rows of numbers between 0 and 1, and their labels."""
    return tf.constant(split.images.reshape(len(split), -1) / 255, tf.float32), tf.constant(split.labels)


def in_batches(x, y, size=1024):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


x_train, y_train = tensors(rest)
x_valid, y_valid = tensors(valid)
valid_batches = in_batches(x_valid, y_valid)
print(f"x_train {x_train.shape}, y_train {y_train.shape}; first labels {y_train[:8].numpy()}")
print(f"validation batches {[len(labels) for _, labels in valid_batches]}")

# %% [markdown]
# ## A linear model: one matrix product
#
# Let $x$ hold one image in each row: shape $(n, 784)$. Our first model has a matrix $W$ of shape $(784, 10)$ and a vector $b$ of 10 numbers, and gives every image ten *scores*, one for each class:
#
# $$z = x\,W + b, \qquad z_{ik} = \sum_j x_{ij}\, W_{jk} + b_k .$$
#
# The highest score is the guess. Scores of this kind are called *logits*. Note the shapes: $(n, 784)$ times $(784, 10)$ gives $(n, 10)$, and $b$ is added to every row. That last step is called *broadcasting*.

# %%
x = tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])  # three images of two pixels
W = tf.constant([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])  # two pixels, four classes
b = tf.constant([0.1, 0.2, 0.3, 0.4])
print((x @ W + b).numpy())

# %% [markdown]
# ### Exercise 01.1 · Accuracy over a dataset
#
# To know how good any model is, count. `predict(images)` returns the logits of a batch, and `batches` is a list of pairs (images, labels). Return the share of all images whose highest logit stands at the right class. Batches can differ in size, so the mean of their accuracies is *not* the answer.


# %% tags=["exercise"]
def accuracy(predict, batches):
    """Share of the images in all batches that `predict` classifies correctly."""
    ### BEGIN SOLUTION
    correct = total = 0
    for images, labels in batches:
        guesses = tf.argmax(predict(images), axis=1)
        correct += int(tf.reduce_sum(tf.cast(guesses == labels, tf.int32)))
        total += len(labels)
    return correct / total
    ### END SOLUTION


# %% tags=["check"]
def accuracy_of_logits(batches):
    """The accuracy where each batch already holds logits in place of images."""
    return accuracy(lambda logits: logits, batches)


checks.run("01.accuracy", accuracy_of_logits)

# %% [markdown] tags=["notes"]
# The likely slip is the mean of the batch accuracies. Here the batches hold 1024, 1024, 1024, 1024 and 904 images, so the error is small, and therefore nobody notices it.
#
# **Before the next slide, ask:** average all images of each digit, and take the nearest average. How many does it read correctly? Most say a third or a half. It is 80 %. "Always a 1" gets 11 %.

# %% [markdown]
# ### A baseline without learning
#
# What would you do without machine learning? Average all training images of each class, and give a new image the class whose average $m_k$ is nearest. Since $\lVert x - m_k\rVert^2 = \lVert x\rVert^2 - 2\,x\cdot m_k + \lVert m_k\rVert^2$ and the first term is the same for every class, *nearest mean* is a linear model: the columns of $W$ are $2 m_k$, and $b_k = -\lVert m_k\rVert^2$.

# %%
means = tf.stack([tf.reduce_mean(x_train[y_train == label], axis=0) for label in range(10)], axis=1)
mean_bias = -tf.reduce_sum(means**2, axis=0)


def nearest_mean(images):
    return images @ (2 * means) + mean_bias


frequent = np.bincount(y_train).argmax()
print(f"always “{digits.classes[frequent]}”:  {np.mean(y_valid == frequent):.1%} of the validation images right")
print(f"nearest mean: {accuracy(nearest_mean, valid_batches):.1%}")

# %% [markdown]
# ## From scores to probabilities
#
# Nearest mean is the score to beat. From now on the computer finds $W$ and $b$. For that we need a measure of error that changes smoothly with $W$. Accuracy does not: it jumps. So we first make probabilities of the scores.
#
# *Softmax* turns the logits $z$ of one image into positive numbers that sum to 1:
#
# $$p_k = \frac{e^{z_k}}{\sum_{c} e^{z_c}} .$$
#
# The formula has a trap. A computer's `float32` ends at about $3\cdot 10^{38}$, so $e^{100}$ is already infinite, and infinity divided by infinity is not a number. The way out: adding the same number to all logits of an image cancels in the fraction. So subtract the largest one first. Then no exponent is above 0.
#
# ### Exercise 01.2 · Softmax that survives large numbers
#
# Use TensorFlow's operations (`tf.exp`, `tf.reduce_max`, `tf.reduce_sum`), and `keepdims=True` to keep shapes that broadcast.


# %% tags=["exercise"]
def softmax(logits):
    """Probabilities of shape (images, classes): each row is positive and sums to 1, however large the logits."""
    ### BEGIN SOLUTION
    shifted = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
    return shifted / tf.reduce_sum(shifted, axis=1, keepdims=True)
    ### END SOLUTION


# %% tags=["check"]
checks.run("01.softmax", softmax)

# %%
for shift in (0.0, 100.0):
    logits = tf.constant([[1.0, 2.0, 3.0]]) + shift
    naive = tf.exp(logits) / tf.reduce_sum(tf.exp(logits))
    print(f"logits {logits.numpy()[0]}: naive {naive.numpy()[0]}, yours {softmax(logits).numpy()[0]}")

# %% [markdown]
# ## The loss: how surprised is the model?
#
# Suppose that the right class of image $i$ is $y_i$. A good model gives it a high probability. Its *surprise* is $-\log p_{i, y_i}$: zero when it was certain and right, huge when it was certain and wrong. The mean surprise over $n$ images is called *cross-entropy*, and it is our loss $L$:
#
# $$L = \frac1n \sum_{i=1}^n -\log p_{i,y_i} = \frac1n \sum_{i=1}^n \Big(\log \sum_c e^{z_{ic}} - z_{i,y_i}\Big).$$
#
# Use the form on the right. The other one computes a probability first, which may be rounded to 0, and $\log 0$ is $-\infty$. `tf.reduce_logsumexp` does the shift by the largest logit for you.
#
# ### Exercise 01.3 · Cross-entropy from logits
#
# `tf.gather(logits, labels, batch_dims=1)` picks from each row the logit of its label. Stay with TensorFlow's operations, for a reason that you will see soon.


# %% tags=["exercise"]
def cross_entropy(labels, logits):
    """Mean over the images of −log(probability of the right class)."""
    ### BEGIN SOLUTION
    right = tf.gather(logits, labels, batch_dims=1)
    return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - right)
    ### END SOLUTION


# %% tags=["check"]
def loss_and_slope(labels, logits):
    """The loss, and its gradient with respect to the logits."""
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.convert_to_tensor(cross_entropy(labels, logits))
    return {"loss": loss, "gradient": tape.gradient(loss, logits)}


checks.run("01.cross_entropy", loss_and_slope)

# %% [markdown] tags=["notes"]
# **Before the next slide, ask:** all weights are zero. What is the loss? Likely: "zero", or "infinite". Let them work it out: ten equal probabilities, so −log(1/10) = 2.30, whatever the data. With a hundred classes, 4.6.
#
# It is the cheapest test of a new network: a first loss far from log(classes) is a bug, or a start with weights that are too large.

# %% [markdown]
# Test your loss before you train anything. A model whose weights are all zero gives each of the ten classes the probability $1/10$. So its loss must be $\log 10$, whatever the data.

# %%
W = tf.Variable(tf.zeros((784, 10)))
b = tf.Variable(tf.zeros(10))
untrained = cross_entropy(y_train, x_train @ W + b)
print(f"loss of the untrained model {untrained:.4f}, log 10 = {np.log(10):.4f}")

# %% [markdown]
# ## Which way is down?
#
# `W` and `b` are now `tf.Variable`: tensors that may change. A plain tensor never does. In which direction should they change?
#
# Stand on a hill in fog. You cannot see the valley, but you feel the slope under your feet. The *gradient* is that slope: it holds, for every variable, how fast the loss rises when that variable grows. TensorFlow computes it. A `GradientTape` records every operation, and then plays the recording backwards with the chain rule. (NumPy's operations leave no trace on the tape. That was the reason.)
#
# Try a hill with one variable: $L(w) = (w - 3)^2$, whose derivative $2(w-3)$ you know.

# %%
w = tf.Variable(-1.0)
with tf.GradientTape() as tape:
    loss = (w - 3) ** 2
print(f"at w = {w.numpy():g}: loss {loss:g}, gradient {tape.gradient(loss, w):g}, by hand {2 * (w.numpy() - 3):g}")

# %% [markdown]
# *Gradient descent* takes a step against the gradient. The *learning rate* $\eta$ (`learning_rate`) sets its length:
#
# $$w \leftarrow w - \eta\,\frac{\partial L}{\partial w}.$$
#
# ### Exercise 01.4 · One step of gradient descent
#
# Change each variable in place, with `variable.assign_sub(…)`. A new tensor with the same name would be forgotten when your function ends.


# %% tags=["exercise"]
def sgd_step(variables, gradients, learning_rate):
    """Move every variable against its gradient, in place."""
    ### BEGIN SOLUTION
    for variable, gradient in zip(variables, gradients):
        variable.assign_sub(learning_rate * gradient)
    ### END SOLUTION


# %% tags=["check"]
def values_after_step(values, gradients, learning_rate):
    """The values of fresh variables after one step."""
    variables = [tf.Variable(value) for value in values]
    sgd_step(variables, [tf.constant(gradient) for gradient in gradients], learning_rate)
    return [variable.numpy() for variable in variables]


checks.run("01.sgd_step", values_after_step)


# %% [markdown] tags=["notes"]
# **Before the next slide, ask:** on the hill (w − 3)², up to which learning rate does the descent arrive? Each step multiplies the distance to 3 by 1 − 2η. So the four panels shrink it by 0.94 and 0.4, turn it by −0.9, and blow it up by −1.2. The border is η = 1.
#
# Common belief: "too large" only means "less exact". The last panel says otherwise.


# %%
def descend(rate, steps=8):
    """Where eight steps lead from w = −1."""
    w = tf.Variable(-1.0)
    path = [w.numpy()]
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = (w - 3) ** 2
        sgd_step([w], [tape.gradient(loss, w)], rate)
        path.append(w.numpy())
    return np.array(path)


fig, panels = plots.axes(columns=4, height=3.0, sharey=True)
hill = np.linspace(-5, 11, 200)
for ax, (rate, verdict) in zip(panels, {0.03: "too slow", 0.3: "good", 0.95: "zigzag", 1.1: "explodes"}.items()):
    path = descend(rate)
    ax.plot(hill, (hill - 3) ** 2, color="black", linestyle="-", linewidth=1)
    ax.plot(path, (path - 3) ** 2, "o-", color=plots.COLOURS[1], linewidth=1.2)
    ax.set(xlabel="w", title=f"η = {rate}: {verdict}", xlim=(-5, 11), ylim=(-3, 60))
panels[0].set_ylabel("loss")
plots.show(
    fig,
    "Eight steps down the same hill, from the left, with four learning rates.",
    "Four parabolas with dots: creeping down; down in a few steps; jumping from side to side; climbing out.",
)

# %% [markdown]
# Now the real thing: 7 850 variables instead of one. For softmax and cross-entropy the gradient has a form worth knowing by heart. With $Y$ the *one-hot* labels (a 1 at the right class, 0 elsewhere):
#
# $$\frac{\partial L}{\partial W} = \frac1n\, x^\top (p - Y), \qquad \text{that is: input times error.}$$
#
# Does the tape agree?

# %%
x, y = x_train[:BATCH_SIZE], y_train[:BATCH_SIZE]
with tf.GradientTape() as tape:
    loss = cross_entropy(y, x @ W + b)
from_tape = tape.gradient(loss, W)
by_hand = tf.transpose(x) @ (softmax(x @ W + b) - tf.one_hot(y, 10)) / len(x)
print(f"gradient {from_tape.shape}, largest difference to the formula {np.abs(from_tape - by_hand).max():.1e}")

# %% [markdown]
# ## Training the linear model
#
# The gradient over all training images would be exact and slow. A batch of 128 (`BATCH_SIZE`) random images gives a rough estimate of it in a fraction of the time, and usually many rough steps beat a few exact ones. This is *stochastic* gradient descent, SGD. One pass over all images is an *epoch*; each epoch has a new order.
#
# One step is what you have written so far: forward, loss, gradient, step. `@tf.function` records these operations once as a graph and then replays it, faster than Python could.


# %%
def shuffled_batches(size, seed):
    """The training images in random order: one row of indices for each batch."""
    order = np.random.default_rng(seed).permutation(len(x_train))
    count = len(order) // size
    return tf.constant(order[: count * size].reshape(count, size))


# %%
@tf.function
def linear_step(images, labels):
    with tf.GradientTape() as tape:
        loss = cross_entropy(labels, images @ W + b)
    sgd_step([W, b], tape.gradient(loss, [W, b]), LEARNING_RATE)
    return loss


# %%
losses = []
for epoch in runtime.progress(range(EPOCHS), "epochs"):
    for batch in shuffled_batches(BATCH_SIZE, seed=epoch):
        losses.append(linear_step(tf.gather(x_train, batch), tf.gather(y_train, batch)).numpy())


def linear(images):
    return images @ W + b


print(f"{len(losses)} steps, validation accuracy {accuracy(linear, valid_batches):.1%}")
fig, ax = plots.axes(height=3.4)
ax.plot(np.arange(1, len(losses) + 1), losses, color=plots.COLOURS[4], linestyle="-", linewidth=0.7)
ax.axhline(np.log(10), color="black", linestyle=":", linewidth=1.5)
ax.text(len(losses), np.log(10) * 0.97, "log 10: knows nothing", ha="right", va="top", fontsize=12)
ax.set(xlabel="step (logarithmic scale)", ylabel="loss of the batch", xscale="log", ylim=(0, 2.5))
plots.show(
    fig,
    "The loss of every batch during training. Most of the learning happens in the first hundred steps.",
    "A curve that falls from 2.3 quickly to about 0.4 and then slowly to 0.25, with the noise of small batches.",
)

# %% [markdown]
# ### What has it learned?
#
# Each class has 784 weights, one for each pixel. So you can look at them as pictures.

# %%
templates = tf.transpose(W).numpy().reshape(-1, 28, 28)
size = np.abs(templates).max()
fig = plots.image_grid(templates, digits.classes, columns=5, cmap=plots.DIVERGING, limits=(-size, size))
plots.show(
    fig,
    "The learned weights. Ink on a red pixel speaks for the class, ink on a blue pixel against it.",
    "Ten pictures in red and blue; the zero has a blue centre in a pale red ring.",
)

# %% [markdown]
# Ink in the middle is strong evidence against a zero. The white borders were never touched: no training image has ink there, so the gradient (input times error) is exactly zero.
#
# How sure is the model? Softmax says it in probabilities.

# %%
probabilities = softmax(linear(x_valid)).numpy()
picked = [np.argsort(probabilities.max(axis=1))[place] for place in (-1, len(valid) // 10, 0)]
fig, grid = plots.axes(columns=6, height=1.9, width_ratios=(1, 1.4) * 3)
for (picture, bars), i in zip(grid.reshape(3, 2), picked):
    picture.imshow(valid.images[i, :, :, 0], cmap="gray")
    picture.axis("off")
    bars.barh(range(10), probabilities[i], color=plots.COLOURS[0])
    bars.set_yticks(range(10), digits.classes, fontsize=9)
    bars.set(xlim=(0, 1), xlabel="probability", xticks=(0, 1))
    bars.invert_yaxis()
plots.show(
    fig,
    "Three validation images: the one that the linear model is surest of, one in between, and the one that it is least sure of.",
    "Three digits, each with a bar for every class: one full bar; a long one and shorter ones; many short ones.",
)

# %% [markdown]
# ## Going deep
#
# A linear model has one template for each class, but there are many ways to write a 4. A *multi-layer perceptron* (MLP) puts *hidden layers* in between. Each has its own weights and bias, followed by an *activation* $\phi$, applied to every number:
#
# $$h_1 = \phi(x W_1 + b_1), \qquad h_2 = \phi(h_1 W_2 + b_2), \qquad \ldots, \qquad z = h_{d} W_{d+1} + b_{d+1} .$$
#
# The number of columns of $W_1$ is the *width* of the first hidden layer, $h_1$ is its output, and $d$, the number of hidden layers, is the *depth*. The usual activation is ReLU, $\phi(a) = \max(a, 0)$. The last layer has none: logits may be negative.
#
# ### Exercise 01.5 · A network of any depth
#
# `layers` is a list of pairs $(W, b)$. It may hold one pair or thirty.


# %% tags=["exercise"]
def forward(layers, x, activation):
    """Logits of a network: `activation` follows every layer but the last."""
    ### BEGIN SOLUTION
    h = x
    for weights, bias in layers[:-1]:
        h = activation(h @ weights + bias)
    weights, bias = layers[-1]
    return h @ weights + bias
    ### END SOLUTION


# %% tags=["check"]
def forward_by_name(layers, x, activation):
    """The same with the activation's name, so that the check can write it down."""
    return forward(layers, x, {"relu": tf.nn.relu, "tanh": tf.tanh}[activation])


checks.run("01.forward", forward_by_name)

# %% [markdown]
# Where do the first weights come from? We draw them at random, with standard deviation $s\sqrt{2/\text{inputs}}$. The root keeps the numbers about equally large from layer to layer when $\phi$ is ReLU (He et al., 2015). The factor $s$ (`scale`) is 1 unless we want trouble.
#
# And why the activation? Because without it depth is an illusion: the product of all matrices is one matrix, so the deepest network would be the linear model in disguise.


# %%
def new_layers(widths, scale, seed):
    """A list of layers (W, b) from `widths[0]` inputs to `widths[-1]` outputs; biases start at zero."""
    rng = np.random.default_rng(seed)
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        weights = scale * np.sqrt(2 / inputs) * rng.normal(size=(inputs, outputs))
        layers.append((tf.Variable(weights, dtype=tf.float32), tf.Variable(tf.zeros(outputs))))
    return layers


network = new_layers((784, *WIDTHS, 10), scale=1, seed=0)
for weights, bias in network:
    print(f"W {tuple(weights.shape)}, b {tuple(bias.shape)}")
print(f"{sum(tf.size(variable).numpy() for layer in network for variable in layer):,} numbers to learn")

product = network[0][0] @ network[1][0] @ network[2][0]
for name, activation in {"none": tf.identity, "ReLU": tf.nn.relu}.items():
    gap = np.abs(forward(network, x_valid, activation) - x_valid @ product).max()
    print(f"activation {name}: largest difference to the product of the matrices {gap:.1g}")

# %% [markdown]
# ### One loop for every network
#
# The training step is the one that you know, for any list of layers. The loop over the batches now runs inside the graph, which saves a call from Python for each step.


# %%
def loss_and_gradients(layers, activation, images, labels):
    """The loss of a batch, and its gradients in the order W, b, W, b, …"""
    variables = [variable for layer in layers for variable in layer]
    with tf.GradientTape() as tape:
        loss = cross_entropy(labels, forward(layers, images, activation))
    return loss, tape.gradient(loss, variables)


@tf.function
def train_steps(layers, activation, batches, learning_rate):
    """One step of SGD for each row of `batches`, which holds the numbers of training images."""
    variables = [variable for layer in layers for variable in layer]
    for batch in batches:
        images, labels = tf.gather(x_train, batch), tf.gather(y_train, batch)
        _, gradients = loss_and_gradients(layers, activation, images, labels)
        sgd_step(variables, gradients, learning_rate)


# %% [markdown]
# ## Why not start from zero?
#
# The linear model started from zeros, and learned. Give an MLP the same start, and a second one in which all weights are equal, 0.02 each. Train both for ten steps beside a random start, then look at the gradient of $W_1$: one picture for each of six hidden units.


# %%
def filled_layers(value):
    """A small network whose weights are all equal."""
    layers = new_layers((784, 16, 10), scale=1, seed=0)
    for weights, _ in layers:
        weights.assign(tf.fill(weights.shape, value))
    return layers


STARTS = {
    "all zero": lambda seed: filled_layers(0.0),
    "all equal": lambda seed: filled_layers(0.02),
    "random": lambda seed: new_layers((784, 16, 10), scale=1, seed=seed),
}

# %% [markdown] tags=["notes"]
# **Ask for a show of hands:** which of the three starts learns: all zero, all equal, random? Nearly all say that only the random one does.
#
# Then the pictures: zeros get no gradient at all; equal weights do get one, six times the same. The table that follows has the surprise: 11.2, 28.4 and 90.0 %. Equal weights do learn: as much as a single hidden unit can.

# %%
fig, grid = plots.axes(columns=6, rows=3, height=1.55)
for row, (name, start) in zip(grid, STARTS.items()):
    layers = start(seed=0)
    train_steps(layers, tf.nn.relu, shuffled_batches(BATCH_SIZE, seed=0)[:10], tf.constant(0.1))
    _, gradients = loss_and_gradients(layers, tf.nn.relu, x_train[:1000], y_train[:1000])
    pictures = tf.transpose(gradients[0]).numpy().reshape(-1, 28, 28)
    for ax, picture in zip(row, pictures):
        size = max(np.abs(picture).max(), 1e-9)
        ax.imshow(picture, cmap=plots.DIVERGING, vmin=-size, vmax=size)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    row[0].set_ylabel(name)
    print(
        f"{name:10} largest gradient {np.abs(pictures).max():.4f}, between units {np.ptp(pictures, axis=0).max():.4f}"
    )
for unit, ax in enumerate(grid[0], start=1):
    ax.set_title(f"unit {unit}", fontweight="normal", fontsize=12)
plots.show(
    fig,
    "Gradient of the first layer after ten steps. Zeros: nothing at all. Equal: the same for every unit. Random: each its own. Every picture has its own colour scale.",
    "Three rows of six pictures: blank; six times the same picture; six different pictures.",
)

# %% [markdown]
# With zeros every hidden unit is silent, and the error that flows back to it is multiplied by a weight of zero. Nothing ever moves but the last bias. With equal weights the units do learn, but all of them learn the same thing: sixteen units are worth one. Random numbers are not a makeshift. They *break the symmetry*.

# %%
rows = []
for name, start in STARTS.items():
    scores = []
    for seed in range(3):
        layers = start(seed)
        train_steps(layers, tf.nn.relu, shuffled_batches(BATCH_SIZE, seed), tf.constant(0.1))
        scores.append(accuracy(lambda images: forward(layers, images, tf.nn.relu), valid_batches))
    rows.append([name, metrics.mean_sd(scores, 1, scale=100)])
plots.table(rows, ["start of a 784-16-10 network", "validation accuracy in %, 3 seeds"], "After one epoch")

# %% [markdown]
# ## Five settings, to the extremes
#
# Width, depth, activation, scale of the first weights, learning rate: which of them matter? We start from one network (two hidden layers of 64 ReLU units, scale 1) and change *one* setting at a time, far beyond what is sensible. Each variant meets every learning rate. Each run has the same budget, 400 steps of 64 images (`SWEEP_STEPS`), and is repeated with three seeds.

# %%
ACTIVATIONS = {
    "none": tf.identity,
    "step": tf.sign,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "ReLU": tf.nn.relu,
    "square": tf.square,
}
BASE = {"width": 64, "depth": 2, "activation": "ReLU", "scale": 1}
VARIANTS = {
    "width": SWEEP_WIDTHS,
    "depth": SWEEP_DEPTHS,
    "activation": tuple(ACTIVATIONS),
    "scale": SWEEP_SCALES,
}


def sweep_run(setting, learning_rate, seed):
    """Validation accuracy of one run, or NaN where the numbers have left the range of float32."""
    activation = ACTIVATIONS[setting["activation"]]
    layers = new_layers((784, *[setting["width"]] * setting["depth"], 10), setting["scale"], seed)
    batches = shuffled_batches(64, seed)[:SWEEP_STEPS]
    train_steps(layers, activation, batches, tf.constant(learning_rate, tf.float32))
    finite = np.isfinite(forward(layers, x_valid, activation)).all()
    return accuracy(lambda images: forward(layers, images, activation), valid_batches) if finite else np.nan


# %%
settings = {tuple({**BASE, name: value}.items()) for name, values in VARIANTS.items() for value in values}
found = {}
for setting in runtime.progress(sorted(settings, key=str), "sweep"):
    runs = [[sweep_run(dict(setting), rate, seed) for seed in range(SWEEP_SEEDS)] for rate in SWEEP_RATES]
    found[setting] = 100 * np.array(runs)
print(f"{len(found)} networks × {len(SWEEP_RATES)} learning rates × {SWEEP_SEEDS} seeds")

# %%
TITLES = {
    "width": "Width (units in each hidden layer)",
    "depth": "Depth (hidden layers)",
    "activation": "Activation",
    "scale": "Scale of the first weights",
}
table = {
    name: np.array([found[tuple({**BASE, name: value}.items())] for value in values])
    for name, values in VARIANTS.items()
}  # for each setting: values × learning rates × seeds

fig, grid = plots.axes(columns=2, rows=2, height=3.9, sharex=True)
for ax, (name, values) in zip(grid.flat, VARIANTS.items()):
    mean = table[name].mean(axis=2)  # NaN if one of the runs overflowed
    labels = [f"▸ {value}" if value == BASE[name] else str(value) for value in values]
    plots.heatmap(mean, labels, [str(rate) for rate in SWEEP_RATES], ax=ax, digits=0, limits=(10, 100), colourbar=False)
    for row, column in np.argwhere(np.isnan(mean)):
        ax.text(column, row, "×", ha="center", va="center", color=plots.COLOURS[1], fontsize=13)
    learned = np.flatnonzero(np.nanmax(mean, axis=1) > 20)
    best = np.nanargmax(mean[learned], axis=1)
    ax.scatter(best, learned, s=480, marker="s", facecolors="none", edgecolors="black")
    ax.tick_params(axis="x", rotation=45)
    ax.set_title(TITLES[name])
fig.supxlabel("learning rate", fontsize=13)
fig.colorbar(grid[0, 0].images[0], ax=grid, location="top", shrink=0.6, aspect=40, label="validation accuracy in %")
plots.show(
    fig,
    f"Validation accuracy after {SWEEP_STEPS} steps, mean of {SWEEP_SEEDS} seeds. ▸: the base. Frame: best of the row. ×: a run overflowed. 10: guessing.",
    "Four heat maps. In each, high accuracy forms a band at learning rates around 0.1; it shifts, narrows or vanishes in the extreme rows.",
)

# %% [markdown] tags=["notes"]
# Two minutes of silence, in pairs: *one sentence for each panel*. Then **point at**
#
# - *Depth*, row 0: still 87 % at a learning rate of 10; row 4 is gone from 1 on (question 01.a).
# - *Activation*: sigmoid has its best at 3, square at 0.03. So "sigmoid is bad" is often only "at a rate made for ReLU".
# - *Width*: from 64 to 512 units, less than two points.
#
# The likely wrong answer is "deeper is better". Here four layers are no better than one, and thirty reach 54 %.

# %%
print("accuracy in % at the best learning rate of each row, mean ± standard deviation over seeds")
for name, values in VARIANTS.items():
    best = [runs[np.nanargmax(runs.mean(axis=1))] for runs in table[name]]
    print(f"{name:11}" + " · ".join(f"{value}: {metrics.mean_sd(runs, 1)}" for value, runs in zip(values, best)))
spread = np.array([runs.std(axis=1, ddof=1) for runs in found.values()])
network, rate = np.unravel_index(np.nanargmax(spread), spread.shape)
print(f"standard deviation of a cell: median {np.nanmedian(spread):.1f}, largest {np.nanmax(spread):.1f} points")
print(f"the largest: {dict(list(found)[network])} at learning rate {SWEEP_RATES[rate]}")

# %% [markdown]
# Walk through the picture, row by row.
#
# - **Learning rate.** Most rows have a best rate (framed), a gentle slope to its left and a cliff to its right. Too small is merely slow. Too large by a factor of ten, and most networks overflow (×) or are reduced to guessing (10). Lesson 03 looks inside such wrecks.
# - **Width.** A single unit is never better than guessing. More is better, but less and less: 64 units reach 93.2 ± 0.9 %, 512 units 94.9 ± 0.4 %.
# - **Depth.** One, two and four hidden layers lie within the noise of three seeds. Ten do worse, and thirty reach 54 % at best. Lesson 07 shows why, and the cure.
# - **Activation.** Without one you get the linear model's 90 %. *Step* is flat everywhere, so its gradient is zero and only the last layer learns. ReLU and tanh are alike within the noise; sigmoid comes close, at ten times the learning rate.
# - **Scale.** 0.01 is hardly better than 0: three such layers make the signal a million times smaller. Scale 10 starts with huge logits, certain and wrong.
#
# Change one setting, and the best learning rate moves. And do not trust a single run near the cliff: there one seed survives and the next one does not.

# %% [markdown] tags=["question"]
# **Question 01.a.** In the panel *depth*, the model without hidden layer still learns at a learning rate of 10. No network with hidden layers does. Why? Think of what the gradient of each layer is multiplied by.

# %% [markdown] tags=["answer"]
# **Answer 01.a.** Without hidden layers the gradient is input times error. Both lie between −1 and 1, so steps that are too long jump around the valley, but they cannot grow. With hidden layers the gradient of each layer is multiplied by the weights of the layers behind it. A long step makes these weights large, which makes the next gradient larger, and so on, until the numbers overflow or every ReLU is silent for ever.

# %% [markdown]
# ## The final training
#
# The sweep suggests a wide network of moderate depth, ReLU, scale 1 and a learning rate of 0.3. We take two hidden layers of 256 and 128 units, and train for longer. The linear model is a list with a single layer, so the same function trains it, with the same number of steps and learning rate.


# %%
def train(layers, seed):
    """Train for EPOCHS epochs; returns training and validation accuracy after each of them."""

    def predict(images):
        return forward(layers, images, tf.nn.relu)

    some_train = in_batches(x_train[:VALIDATION], y_train[:VALIDATION])
    history = []
    for epoch in range(EPOCHS):
        train_steps(layers, tf.nn.relu, shuffled_batches(BATCH_SIZE, [seed, epoch]), tf.constant(LEARNING_RATE))
        history.append([accuracy(predict, some_train), accuracy(predict, valid_batches)])
    return np.array(history)


models = {"linear": (784, 10), "MLP": (784, *WIDTHS, 10)}
trained, histories = {}, {}
for name, widths in models.items():
    trained[name] = [new_layers(widths, 1 if name == "MLP" else 0, seed) for seed in range(SEEDS)]
    runs = runtime.progress(list(enumerate(trained[name])), name)
    histories[name] = np.array([train(layers, seed) for seed, layers in runs])

# %%
fig, ax = plots.axes()
parts = {"training": 0, "validation": 1}
lines = {f"{name}, {part}": 100 * histories[name][:, :, k] for name in models for part, k in parts.items()}
plots.curves(lines, "epoch", "accuracy in %", ax=ax)
ax.set_ylim(top=100.5)
plots.show(
    fig,
    f"Mean over {SEEDS} seeds; band: one standard deviation. Training accuracy is that on {VALIDATION} training images.",
    "The two linear curves stay between 90 and 94 %. The MLP nears 100 % on training and 98 % on validation images.",
)
for name, history in histories.items():
    training, validation = (metrics.mean_sd(history[:, -1, k], 2, scale=100) for k in parts.values())
    print(f"{name:6} training {training} %, validation {validation} %")

# %% [markdown]
# The linear model gets only 93 % even of the images that it was trained on: it is too simple, it *underfits*. The MLP knows its training images by heart. On new images it is right less often, 97.9 %: it *overfits*, and still reads them far better than the linear model.

# %% [markdown]
# ## The test set, once
#
# All choices are made. Only now do we look at the test images.

# %%
x_test, y_test = tensors(digits.test)
test_batches = in_batches(x_test, y_test)
test = {
    name: [accuracy(lambda images: forward(layers, images, tf.nn.relu), test_batches) for layers in networks]
    for name, networks in trained.items()
}
plots.table(
    [
        ["always the most frequent class", f"{100 * np.mean(y_test == frequent):.2f}", ""],
        ["nearest mean", f"{100 * accuracy(nearest_mean, test_batches):.2f}", ""],
        [f"linear, {SEEDS} seeds", metrics.mean_sd(test["linear"], 2, scale=100), "91.75"],
        [f"MLP, {SEEDS} seeds", metrics.mean_sd(test["MLP"], 2, scale=100), "at most 96.4"],
    ],
    ["model", "test accuracy in %", "public student solutions"],
)
results.record("linear_test_accuracy", np.mean(test["linear"]))
results.record("mlp_test_accuracy", np.mean(test["MLP"]))

# %% [markdown]
# ### The mistakes it is proud of
#
# These are the test images where the first of the MLPs is wrong and surest of itself.

# %%
probabilities = softmax(forward(trained["MLP"][0], x_test, tf.nn.relu)).numpy()
guesses, labels = probabilities.argmax(axis=1), digits.test.labels
wrong = np.flatnonzero(guesses != labels)
proudest = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:12]
titles = [f"{digits.classes[labels[i]]}, read as {digits.classes[guesses[i]]}" for i in proudest]
fig = plots.image_grid(digits.test.images[proudest], titles, columns=6)
plots.show(
    fig,
    f"Twelve of {len(wrong)} mistakes in {len(labels)} test images, with the label and the MLP's guess.",
    "Twelve digits, most of them badly written, each with its label and what the network took it for.",
)
sure = probabilities.max(axis=1) > 0.99
right = np.mean(guesses[sure] == labels[sure])
print(f"{np.mean(sure):.1%} of all guesses have a probability above 99 %, and {right:.2%} of these are right")
print(f"{np.mean(sure[wrong]):.1%} of the wrong guesses have a probability above 99 %")

# %% [markdown]
# Some of these you may read wrongly yourself. Now look at the printed lines: one wrong guess in six has a probability above 99 %, and yet 99.65 % of such sure guesses are right. A high probability is a good sign, not a proof.

# %% [markdown]
# ## The same in Keras
#
# You have earned your tools. Here is the same network in six lines of Keras: the layers, the loss, the optimiser, and a call of `fit` that is the whole loop. You know all of them from inside.


# %%
def keras_network(images, labels, first_weights):
    model = keras.Sequential([keras.Input((784,)), *[keras.layers.Dense(n, activation="relu") for n in WIDTHS]])
    model.add(keras.layers.Dense(10))
    model.set_weights(first_weights)
    model.compile(keras.optimizers.SGD(LEARNING_RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, BATCH_SIZE, shuffle=False, verbose=0)
    return model


# %% [markdown]
# Is it really the same? We give both networks the same first weights and the same batches in the same order, and compare their logits for the validation images: first after a few steps, then after an epoch.

# %%
epoch = shuffled_batches(BATCH_SIZE, seed=0)
for batches in (epoch[: len(epoch) // 4], epoch):
    ours = new_layers((784, *WIDTHS, 10), scale=1, seed=0)
    order = tf.reshape(batches, [-1])
    weights = [variable.numpy() for layer in ours for variable in layer]
    theirs = keras_network(tf.gather(x_train, order), tf.gather(y_train, order), weights)(x_valid, training=False)
    train_steps(ours, tf.nn.relu, batches, tf.constant(LEARNING_RATE))
    mine = forward(ours, x_valid, tf.nn.relu)
    gap, same = np.abs(mine - theirs).max(), np.mean(np.argmax(mine, axis=1) == np.argmax(theirs, axis=1))
    print(f"after {len(batches):3} steps: logits differ by at most {gap:.1g}; same guess for {same:.2%} of the images")

# %% [markdown]
# After 107 steps the logits agree to the fifth decimal: it is the same network. After an epoch they do not, and one guess in two hundred differs. That is no bug. The two round in different places, and training at this learning rate amplifies the last digits. It is one more reason to repeat a result with several seeds.

# %% [markdown]
# ## What went wrong in practice
#
# - **`nan` after the first steps.** Softmax without the shift, or a logarithm of a probability that was rounded to zero. Go from logits to loss in one function.
# - **A loss that stays at 2.30.** That is $\log 10$: the network says the same for every image. Zero weights, a learning rate that is too small, or dead ReLUs after one that was too large.
# - **A flattering accuracy.** The mean of batch means weighs a small last batch too much, and a model that was chosen on the test images has seen the answers. Count, and choose on validation images.
# - **Variables that do not move.** `w = w - step` makes a new tensor and leaves the variable alone; NumPy inside the tape makes the gradient `None`.

# %% [markdown]
# ## Summary
#
# - A network is matrix products with activations in between. Its output is logits; softmax makes probabilities of them.
# - Cross-entropy is the mean surprise. An untrained ten-class model has $\log 10$.
# - The tape gives gradients, SGD follows them. For the last layer the gradient is input times error.
# - Random initial weights break the symmetry; their scale, the depth and the learning rate must fit together.
# - Compare with baselines, choose on validation images, look at the test images once.

# %% [markdown]
# ## Going further
#
# - Set `DATASET = "fashion_mnist"` and run everything again. Which garments look alike to the linear model?
# - Add *momentum* to `sgd_step`: let a running mean of the gradients take the step. Does the sweep change?
# - Draw a digit of your own, 28 × 28 pixels, white on black. Does the network read it? Shift it by five pixels and ask again; lesson 06 has the cure.
# - Halve `LEARNING_RATE` every few epochs. What happens to the spread between seeds?

# %% [markdown]
# ## References
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), *Gradient-Based Learning Applied to Document Recognition*. The source of MNIST.
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986), *Learning Representations by Back-Propagating Errors*.
# - X. Glorot, Y. Bengio (2010), *Understanding the Difficulty of Training Deep Feedforward Neural Networks*.
# - K. He, X. Zhang, S. Ren, J. Sun (2015), *Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification*.
