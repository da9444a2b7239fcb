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
#     title: A recurrent network from matmul
#     minutes: {class: 4, full: 12}
#     summary: A recurrent cell, a GRU and their loop through time by hand, on film reviews and on single letters.
#     data: [imdb]
#     expected:
#       gru_test_accuracy: [0.84, 0.9]
#       rnn_test_accuracy: [0.80, 0.9]
#     published:
#       rnn_test_accuracy: "0.819, public student solution"
#     points: {unroll: 2, gradient_norms: 3, clip: 2, gru_cell: 3, sample: 3}
# ---

# %% [markdown]
# # A recurrent network from matmul
#
# A recurrent network reads a text as you do, word by word, with a memory in between. In this lesson you build one from matrix products, measure how far back its memory learns, repair it with gates, and let it judge film reviews and write some.

# %% [markdown]
# **You will**
#
# - write a recurrent cell, its loop through time, and a GRU, all equal to Keras' to $10^{-5}$;
# - pad texts to one length, mask the padding by hand, and measure what a forgotten mask costs;
# - measure how the gradient fades, or explodes, on its way back through time, and clip it;
# - compare the network with baselines that know nothing of word order;
# - train a network that writes letter by letter, with a sampler that carries its state.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import functools
import re
import time
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

runtime.start("09", seed=0)

# %% [markdown]
# ## Parameters
#
# Small networks on some of the reviews, three seeds each, answer the questions of design. Then one network of each kind is trained on all reviews, three seeds each too. Rates and sizes were set once, by hand, in small trials scored on validation reviews.

# %% tags=["parameters"]
LIMIT = None  # use only so many training and test reviews (None: all)
VALIDATION = 2500  # training reviews set aside for choices
VOCABULARY = 20000  # different words, with the two that stand for "padding" and "unknown"
LENGTH = 200  # words of a review that are read
EMBEDDING = 32  # numbers that stand for a word
BATCH_SIZE = 128
SEEDS = 3  # repetitions of every run
SHORT_REVIEWS = 8000  # training reviews in a comparison
SHORT_EPOCHS = 4
SHORT_HIDDEN = 32  # size of the state in a comparison
EPOCHS = 3  # passes over all training reviews
HIDDEN = 64  # size of the state then
RATE = 0.004  # learning rate of Adam at the start; it falls to 0 along a cosine
CLIP = 1.0  # longest gradient
WORD_DROPOUT = 0.2  # share of words that become "unknown" in training
SENTENCE = "It starts slow and silly, but the second half is wonderful and I loved the ending."  # try your own
TEXT_FILE = None  # a text file of yours for the letters (None: the reviews)
CHARACTERS = 1_000_000  # letters of that text to learn from
CHARACTER_HIDDEN = 128
CHARACTER_EPOCHS = 4
CHARACTER_STEPS = 100  # steps of training in the comparison of losses
WRITTEN = 400  # letters of a text that it writes
STREAMS, WINDOW = 64, 64  # places of the text that are read at once; letters between two steps of training

runtime.profile(
    in_class=dict(
        LIMIT=10000, VALIDATION=1500, SEEDS=2, SHORT_REVIEWS=3000, SHORT_EPOCHS=3,
        CHARACTERS=500_000, CHARACTER_HIDDEN=96, CHARACTER_EPOCHS=3, CHARACTER_STEPS=60, WRITTEN=250,
    ),
    smoke=dict(
        LIMIT=300, VALIDATION=100, VOCABULARY=500, LENGTH=24, EMBEDDING=8, BATCH_SIZE=16, SEEDS=1, SHORT_REVIEWS=64,
        SHORT_EPOCHS=1, SHORT_HIDDEN=8, EPOCHS=1, HIDDEN=8, CHARACTERS=4000, CHARACTER_HIDDEN=8, CHARACTER_EPOCHS=1,
        CHARACTER_STEPS=2, STREAMS=8, WINDOW=16, WRITTEN=30,
    ),
)  # fmt: skip

# %% [markdown]
# ## The reviews
#
# 25 000 film reviews to learn from and as many to test on, half of them positive. Part of the training reviews is set aside for validation; the test reviews wait.

# %%
imdb = data.load("imdb")
rest, valid = imdb.train.take(LIMIT).hold_out(VALIDATION, seed=0)
test = imdb.test.take(LIMIT)
print(f"{len(rest)} training, {len(valid)} validation, {len(test)} test reviews")


# %%
def words_of(text):
    """Lower-case words; punctuation and line breaks are dropped."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("<br />", " "))


rest_words, valid_words, test_words = ([words_of(text) for text in part.texts] for part in (rest, valid, test))
print(f"{imdb.classes[rest.labels[0]]}: {' '.join(rest_words[0][:40])} …")

# %% [markdown]
# A network computes with numbers, so each word gets one: 0 is *padding*, 1 stands for every *unknown* word, and the most frequent words of the training reviews follow. Validation and test reviews have no say in it.

# %%
counts = Counter(word for words in rest_words for word in words)
number_of = {word: i + 2 for i, (word, _) in enumerate(counts.most_common(VOCABULARY - 2))}
WORDS = len(number_of) + 2  # a small collection may have fewer


def numbers_of(reviews):
    return [[number_of.get(word, 1) for word in words] for words in reviews]


rest_numbers, valid_numbers = numbers_of(rest_words), numbers_of(valid_words)
unknown = np.mean([n == 1 for review in valid_numbers for n in review])
lengths = np.array([len(review) for review in rest_numbers])
print(f"{WORDS} numbers; {100 * unknown:.1f} % of the words in validation reviews are unknown")
print(f"median length {np.median(lengths):.0f} words; {100 * np.mean(lengths > LENGTH):.0f} % have more than {LENGTH}")

# %% [markdown]
# ## One length for all
#
# A batch is a rectangle, so all reviews get `length` numbers. Longer ones lose their *beginning*, since verdicts tend to stand at the end. Shorter ones are filled with zeros: behind the words (*post-padding*) or in front of them (*pre-padding*). It looks like a detail.
#
# ### Exercise 09.1 · Padding


# %% tags=["exercise"]
def pad(sequences, length, where):
    """Integers of shape (sequences, length): the last `length` numbers of each, filled with 0 `where`: "pre" or "post"."""
    ### BEGIN SOLUTION
    out = np.zeros((len(sequences), length), dtype="int32")
    for row, sequence in zip(out, sequences):
        kept = sequence[-length:]
        if where == "post":
            row[: len(kept)] = kept
        else:
            row[length - len(kept) :] = kept
    return out
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.pad", pad)

# %%
x_train = {where: pad(rest_numbers, LENGTH, where) for where in ("pre", "post")}
x_valid = {where: pad(valid_numbers, LENGTH, where) for where in ("pre", "post")}
y_train, y_valid = rest.labels.astype("float32"), valid.labels.astype("float32")
fig, panels = plots.axes(columns=2, height=3.4, sharey=True)
for ax, where in zip(panels, ("post", "pre")):
    ax.imshow(x_train[where][:60] > 0, aspect="auto", cmap="Greys", vmin=0, vmax=1.6)
    ax.grid(False)
    ax.set(title=f"{where}-padding", xlabel="position in the row")
panels[0].set_ylabel("review")
plots.show(
    fig,
    "Sixty training reviews as rows. Grey: a word. White: padding.",
    "Two panels of horizontal grey bars; on the left they begin at the left edge, on the right they end at the right edge.",
)

# %% [markdown]
# ## A baseline without order
#
# Forget the order and keep only which words occur: a *bag of words*. Logistic regression gives each word a weight and adds them up. It reads the same words as the networks below. With it we can also ask whether the end of a review says more than its beginning.


# %%
def bag(numbers):
    """One row for each review, with a 1 for each word that occurs."""
    present = [sorted(set(row) - {0}) for row in numbers]
    place = (np.repeat(np.arange(len(present)), [len(row) for row in present]), np.concatenate(present).astype(int))
    return csr_matrix((np.ones(len(place[0]), "float32"), place), shape=(len(present), WORDS))


def fit_bag(numbers, strength):
    return LogisticRegression(C=strength, max_iter=1000).fit(bag(numbers), y_train)


ends = {
    f"first {LENGTH} words": [[review[:LENGTH] for review in part] for part in (rest_numbers, valid_numbers)],
    f"last {LENGTH} words": [[review[-LENGTH:] for review in part] for part in (rest_numbers, valid_numbers)],
}
rows, bags = [], {}
for name, (train_part, valid_part) in ends.items():
    bags = {strength: fit_bag(train_part, strength) for strength in (0.01, 0.03, 0.1, 0.3)}
    scores = {strength: model.score(bag(valid_part), y_valid) for strength, model in bags.items()}
    rows.append([name, *(f"{100 * score:.1f}" for score in scores.values())])
bag_model = bags[max(scores, key=scores.get)]
plots.table(rows, ["bag of words, validation accuracy %", *(f"C = {strength}" for strength in scores)])

# %% [markdown]
# At their best settings the last 200 words give 86.6 % and the first 200 words 86.0 %. On 2 500 reviews one standard error is 0.7 points, so the end is a little better at most; we keep it. Remember the number: it knows nothing of order, and it is not easy to beat.

# %% [markdown]
# ## The cell
#
# A recurrent network keeps a *state* $h$, a vector of numbers. For each word it makes a new state from the word's vector $x_t$ and the old state:
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b).$$
#
# $W$ looks at the word, $U$ at the memory, $b$ is a bias. The same three are used at every step. With batches, $x$ has shape (batch, inputs) and $h$ has shape (batch, units).
#
# ### Exercise 09.2 · The cell


# %% tags=["exercise"]
def rnn_cell(h, x, w, u, b):
    """The new state of shape (batch, units), from the old one and the input of shape (batch, inputs)."""
    ### BEGIN SOLUTION
    return tf.tanh(x @ w + h @ u + b)
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.rnn_cell", rnn_cell)

# %% [markdown]
# ## The loop through time
#
# Only $h_{t-1} U$ has to wait for the step before. The products $x_t W + b$ are known for all words at once, so we take them out of the loop: one large matrix product instead of hundreds of small ones. What is left in the loop is `projected + h @ u`.
#
# The loop itself is a `for` over `tf.range`. Within `tf.function` it becomes one loop of the graph, however long the text is. A `tf.TensorArray` is a list for such loops: `unstack` cuts a tensor into one element for each time, `read(t)` gets one, `write(t, value)` returns the array with the value in it, `stack` makes a tensor again. Do not index a tensor inside the loop: the gradient of `x[t]` is as large as all of `x`, at every step.
#
# ### Exercise 09.3 · Unroll a cell
#
# `inputs` is a list of tensors with *time first*. At each time, `step(state, a, b, …)` gets the state and the element of each input, and returns the new state.


# %% tags=["exercise"]
def unroll(step, inputs, state):
    """All states after the first word, the second, …: shape (time, batch, units)."""
    ### BEGIN SOLUTION
    length = tf.shape(inputs[0])[0]
    arrays = [tf.TensorArray(part.dtype, length).unstack(part) for part in inputs]
    states = tf.TensorArray(state.dtype, length)
    for t in tf.range(length):
        state = step(state, *[array.read(t) for array in arrays])
        states = states.write(t, state)
    return states.stack()
    ### END SOLUTION


# %% tags=["check"]
def leaky_sums(x, weights, state):
    """Unroll a step that forgets a tenth of its state and adds weighted inputs."""
    return unroll(lambda h, a, b: 0.9 * h + a * b[:, None], [tf.constant(x), tf.constant(weights)], tf.constant(state))


checks.run("09.unroll", leaky_sums)


# %%
def random_arrays(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [tf.constant(rng.normal(0, 0.3, size=shape), "float32") for shape in shapes]


x, w, u, b = random_arrays(0, (5, 30, 8), (8, 16), (16, 16), (16,))  # 5 texts of 30 words
projected = tf.tensordot(tf.transpose(x, (1, 0, 2)), w, 1) + b  # time first; all products at once
ours = unroll(lambda h, now: tf.tanh(now + h @ u), [projected], tf.zeros((5, 16)))
layer = layers.SimpleRNN(16, return_sequences=True)
layer.build(x.shape)
layer.set_weights([w, u, b])
difference = np.abs(tf.transpose(ours, (1, 0, 2)) - layer(x)).max()
print(f"largest difference to Keras after 30 steps: {difference:.0e}")
assert difference < 1e-5

# %% [markdown]
# ## Masking by hand
#
# A padding zero is not a word. Where a text has none, the state must stay what it was:
#
# $$h_t \leftarrow m_t\, h_t + (1 - m_t)\, h_{t-1}, \qquad m_t = 1 \text{ for a word, } 0 \text{ for padding.}$$
#
# ### Exercise 09.4 · Keep the state over padding
#
# `mask` holds one truth value for each text of the batch. `tf.where` chooses.


# %% tags=["exercise"]
def keep_state(new, old, mask):
    """The state after a step: `new` (batch, units) where `mask` (batch,) is true, else `old`."""
    ### BEGIN SOLUTION
    return tf.where(mask[:, None], new, old)
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.keep_state", keep_state)

# %% [markdown]
# ### What is the answer?
#
# After the loop there are as many states as words. Either the *last* one has to know everything, or we take the *mean* of all of them. The mean has to leave the padding out, in the sum and in the number that it is divided by.
#
# ### Exercise 09.5 · The mean of the states


# %% tags=["exercise"]
def mean_of_states(states, mask):
    """Mean over the real words: states (time, batch, units) and mask (time, batch) give (batch, units)."""
    ### BEGIN SOLUTION
    weights = tf.cast(mask, states.dtype)[:, :, None]
    return tf.reduce_sum(states * weights, axis=0) / tf.reduce_sum(weights, axis=0)
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.mean_of_states", mean_of_states)

# %% [markdown]
# ### Where does it start?
#
# Before the first word the state is usually zero. It can also be a vector of weights, the same for every text, that is learned like any other.
#
# ### Exercise 09.6 · A trainable initial state
#
# The gradient has to reach `initial`. The check asks for it.


# %% tags=["exercise"]
def start_state(initial, batch):
    """The vector `initial` (units,) as the first state of each of `batch` texts: (batch, units)."""
    ### BEGIN SOLUTION
    return tf.tile(initial[None], [batch, 1])
    ### END SOLUTION


# %% tags=["check"]
def start_and_gradient(initial, upstream):
    """The start, and the gradient of the sum of start · upstream with respect to `initial`."""
    variable = tf.Variable(initial)
    with tf.GradientTape() as tape:
        start = start_state(variable, len(upstream))
        total = tf.reduce_sum(start * upstream)
    return {"start": start, "gradient": tape.gradient(total, variable)}


checks.run("09.start_state", start_and_gradient)

# %% [markdown]
# ## Clipping
#
# On its way back through time a gradient is multiplied by the same matrix again and again, and now and then it becomes huge. One such step can destroy a network. *Clipping* sets a longest step: put all gradients into one long vector $g$; if its norm exceeds the limit $c$, shrink it, and keep its direction:
#
# $$g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right).$$
#
# ### Exercise 09.7 · Clip by the global norm
#
# One norm for all arrays together. Return the clipped list and the norm before clipping.


# %% tags=["exercise"]
def clip(gradients, limit):
    """The list of gradients shrunk so that their global norm is at most `limit`; and the norm that they had."""
    ### BEGIN SOLUTION
    norm = tf.sqrt(sum(tf.reduce_sum(tf.square(gradient)) for gradient in gradients))
    factor = tf.minimum(1.0, limit / tf.maximum(norm, 1e-12))
    return [gradient * factor for gradient in gradients], norm
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.clip", clip)

# %% [markdown]
# ## The network
#
# Word vectors (a table, the *embedding*), a cell, a read-out: the last state or the mean, times a vector $v$. The result is a *logit*: positive for a good review. `CELLS` gives each kind of cell its step and the number of vectors that it computes from a word; the GRU joins it later. The kind `"words"` has no memory at all: each state is $\tanh(x_t W + b)$. It shows what recurrence is worth.
#
# The recurrent matrix starts as an *orthogonal* one: it turns the state, and neither stretches nor shrinks it. `scale` multiplies it.


# %% tags=["helper"]
def orthogonal(rng, units):
    """A random orthogonal matrix."""
    q, r = np.linalg.qr(rng.normal(size=(units, units)))
    return q * np.sign(np.diag(r))


def rnn_step(h, projected, p):
    return tf.tanh(projected + h @ p["u"])


CELLS = {"words": (None, 1), "rnn": (rnn_step, 1)}


def draw_cell(rng, kind, inputs, units, scale=1.0):
    """Starting values of a cell's weights; the input products of all gates stand side by side."""
    gates = CELLS[kind][1]
    limit = np.sqrt(6 / (inputs + units))
    u = np.concatenate([scale * orthogonal(rng, units) for _ in range(gates)], axis=1)
    values = {"w": rng.uniform(-limit, limit, size=(inputs, gates * units)), "b": np.zeros(gates * units)}
    return values | {"initial": np.zeros(units), "u": u, "b_recurrent": np.zeros(gates * units)}


def run_cell(kind, projected, mask, start, p):
    """States (time, batch, units) from the input products (time, batch, …) and the mask (time, batch)."""
    step = CELLS[kind][0]
    if step is None:
        return tf.tanh(projected)

    def masked_step(h, projected, mask):
        return keep_state(step(h, projected, p), h, mask)

    return unroll(masked_step, [projected, mask], start)


# %% [markdown]
# The network below is compiled once and gets new weights for each seed. Its mask comes from outside: "no mask" is a mask that is true everywhere.


# %%
class Network:
    """Reads numbers (batch, time) and a mask of the same shape; answers with one logit for each text."""

    def __init__(self, kind, units, how):
        self.kind, self.units, self.how, self.learn_start = kind, units, how, False
        self.p = {name: tf.Variable(value) for name, value in self.draw(seed=0).items()}
        shapes = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, None), tf.bool)]
        self.answer = tf.function(self.logits).get_concrete_function(*shapes)
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(list(self.p.values()))
        labels, share = tf.TensorSpec((None,)), tf.TensorSpec(())
        self.step = tf.function(self.training_step).get_concrete_function(*shapes, labels, share)

    def draw(self, seed, scale=1.0):
        rng = np.random.default_rng([seed, 9])
        values = {"embedding": rng.uniform(-0.05, 0.05, size=(WORDS, EMBEDDING))}
        values |= draw_cell(rng, self.kind, EMBEDDING, self.units, scale)
        values |= {"v": rng.normal(size=(self.units, 1)) / np.sqrt(self.units), "c": np.zeros(1)}
        return {name: value.astype("float32") for name, value in values.items()}

    def set(self, values):
        for name, value in values.items():
            self.p[name].assign(value)

    def states(self, numbers, mask):
        """All states, with time first."""
        words = tf.gather(self.p["embedding"], tf.transpose(numbers))
        projected = tf.tensordot(words, self.p["w"], 1) + self.p["b"]
        start = start_state(self.p["initial"], tf.shape(numbers)[0])
        return run_cell(self.kind, projected, tf.transpose(mask), start, self.p)

    def logits(self, numbers, mask):
        states = self.states(numbers, mask)
        read = states[-1] if self.how == "last" else mean_of_states(states, tf.transpose(mask))
        return tf.squeeze(read @ self.p["v"], 1) + self.p["c"]

    def training_step(self, numbers, mask, labels, learn_start):
        """One step on a batch; `learn_start` is 1 if the initial state is to be learned, else 0."""
        with tf.GradientTape() as tape:
            logits = self.logits(numbers, mask)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, self.p, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        gradients["initial"] *= learn_start
        clipped, _ = clip([tf.convert_to_tensor(gradients[name]) for name in self.p], CLIP)
        self.optimizer.apply(clipped, list(self.p.values()))
        return loss

    def restart(self, seed):
        """New weights, and an optimiser that has seen nothing."""
        self.set(self.draw(seed))
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable.value))


# %% [markdown]
# Before any training: what do padding and mask do to the answer for one short review? Masked, it must not matter where the padding stands, or whether there is any. Watch the column without a mask.

# %%
short = min(valid_numbers, key=lambda review: abs(len(review) - LENGTH // 4))[:LENGTH]
nets = {how: Network("rnn", SHORT_HIDDEN, how) for how in ("last", "mean")}
rows = []
for how, net in nets.items():
    answers = []
    for length, where in ((len(short), "post"), (LENGTH, "post"), (LENGTH, "pre")):
        row = tf.constant(pad([short], length, where))
        answers.append([float(net.answer(row, mask)[0]) for mask in (row > 0, tf.ones_like(row, bool))])
    rows += [
        [f"{how}, {name}", *(f"{answer:.5f}" for answer in pair)]
        for name, pair in zip(("no padding", "post", "pre"), answers)
    ]
    masked = np.array(answers)[:, 0]
    np.testing.assert_allclose(masked, masked[0], atol=1e-5)
plots.table(rows, ["read-out and padding", "logit with mask", "without mask"])

# %% [markdown]
# ## Training
#
# The usual loop: shuffled batches, Adam, clipped gradients. Every run gets the same number of steps. In training, a fifth of the words becomes "unknown", so that no single word decides.


# %%
def accuracy(net, x, mask, y):
    """Share of reviews with the right sign of the logit."""
    starts = range(0, len(x), 500)
    logits = [net.answer(tf.constant(x[i : i + 500]), tf.constant(mask[i : i + 500])) for i in starts]
    return np.mean((np.concatenate(logits) > 0) == (y > 0))


def batches(x, mask, y, rng):
    """One epoch in a new order, with some words replaced by "unknown"."""
    order = rng.permutation(len(x))
    for i in range(0, len(x) - BATCH_SIZE + 1, BATCH_SIZE):
        rows = order[i : i + BATCH_SIZE]
        dropped = (rng.uniform(size=(BATCH_SIZE, x.shape[1])) < WORD_DROPOUT) & (x[rows] > 0)
        yield np.where(dropped, 1, x[rows]).astype("int32"), mask[rows], y[rows]


def train_epoch(net, x, mask, y, seed, epoch, epochs):
    """One pass; the rate falls along a cosine from the first step of the first epoch to the last of the last."""
    steps = len(x) // BATCH_SIZE
    learn_start = tf.constant(float(net.learn_start))
    for i, batch in enumerate(batches(x, mask, y, np.random.default_rng([seed, epoch]))):
        done = (epoch * steps + i) / (epochs * steps)
        net.optimizer.learning_rate.assign(RATE * (1 + np.cos(np.pi * done)) / 2)
        net.step(*map(tf.constant, batch), learn_start)


# %% [markdown]
# ## Padding, mask and read-out, measured
#
# The plain network, six ways to feed it and to read it. Same reviews, steps and seeds for all. Guess before you run: which ones learn nothing?

# %% [markdown] tags=["notes"]
# Let the class order the six rows by expected accuracy, on paper, before the cell is run. Most put "post-padded, last state" in the middle. Ask what the last state sees after a review of 60 words: 140 zeros, each with the same vector. Then ask which of the six would survive if reviews had 2 000 words.

# %%
READINGS = {
    "post-padding, last state": dict(how="last", where="post", masked=False),
    "pre-padding, last state": dict(how="last", where="pre", masked=False),
    "mask, last state": dict(how="last", where="post", masked=True),
    "mask, last state, start learned": dict(how="last", where="post", masked=True, learn_start=True),
    "post-padding, mean of all states": dict(how="mean", where="post", masked=False),
    "mask, mean of states": dict(how="mean", where="post", masked=True),
}


def train_reading(run):
    kind, reading, seed = run
    options = READINGS[reading]
    net, where = compiled[kind, options["how"]], options["where"]
    net.restart(seed)
    net.learn_start = options.get("learn_start", False)
    x, y, x_v = x_train[where][:SHORT_REVIEWS], y_train[:SHORT_REVIEWS], x_valid[where]
    mask, mask_v = (x > 0, x_v > 0) if options["masked"] else (np.ones_like(x, bool), np.ones_like(x_v, bool))
    history = []
    for epoch in range(SHORT_EPOCHS):
        train_epoch(net, x, mask, y, seed, epoch, SHORT_EPOCHS)
        history.append(accuracy(net, x_v, mask_v, y_valid))
    return {"accuracy": history} | {name: value.numpy() for name, value in net.p.items()}


compiled = {("rnn", how): net for how, net in nets.items()}
settings = dict(
    LIMIT=LIMIT, LENGTH=LENGTH, WORDS=WORDS, EMBEDDING=EMBEDDING, BATCH_SIZE=BATCH_SIZE, REVIEWS=SHORT_REVIEWS,
    EPOCHS=SHORT_EPOCHS, HIDDEN=SHORT_HIDDEN, RATE=RATE, CLIP=CLIP, WORD_DROPOUT=WORD_DROPOUT,
)  # fmt: skip
keys = [("rnn", reading, seed) for reading in READINGS for seed in range(SEEDS)]
runs = resume.pieces("rnn readings", keys, train_reading, settings)


# %%
def draw_readings(kinds, readings, caption, alt):
    """Every run as a dot, every mean as a line, one row for each reading."""
    fig, ax = plots.axes(height=1.2 + 0.42 * len(readings))
    for row, reading in enumerate(readings):
        for place, kind in enumerate(kinds):
            found = [100 * runs[kind, reading, seed]["accuracy"][-1] for seed in range(SEEDS)]
            y = row + 0.24 * (place - (len(kinds) - 1) / 2)
            ax.plot(
                found, np.full(SEEDS, y), "os"[place], color=plots.COLOURS[place], label="" if row else kind.upper()
            )
            ax.plot([np.mean(found)] * 2, [y - 0.14, y + 0.14], "-", color="black", linewidth=1.5)
    ax.axvline(50, color="black", linestyle=":", linewidth=1.5)
    ax.set(xlabel="validation accuracy, %", yticks=range(len(readings)), yticklabels=readings)
    ax.invert_yaxis()
    if len(kinds) > 1:
        fig.legend(loc="outside upper center", ncols=len(kinds))
    plots.show(fig, caption, alt)


def reading_rows(kind, readings):
    """Each reading with its mean and spread over the seeds."""
    return [
        [r, metrics.mean_sd([runs[kind, r, s]["accuracy"][-1] for s in range(SEEDS)], 1, scale=100)] for r in readings
    ]


plots.table(reading_rows("rnn", READINGS), ["plain network", f"validation accuracy %, {SEEDS} seeds"])

# %%
draw_readings(
    ["rnn"],
    list(READINGS),
    "Plain network: one dot for each seed, a black bar for their mean. Dotted: chance.",
    "Dots of validation accuracy in six rows, one for each way of padding, masking and reading.",
)

# %% [markdown]
# After a short review the last state has to survive a hundred zeros and more, and it does not: with post-padding the last state is right in 51.2 %, chance. Pre-padding ends with words, and learns, but one of its three seeds stayed at 64 %. With the mask the last state has 78.4 %; a learned start adds nothing that these seeds could tell from noise.
#
# The mean of states is ahead, 82.0 %, and does not care about the mask: states that come from padding dilute a mean, and a few zeros do not erase what the words said.

# %% [markdown]
# ## The gradient through time
#
# Why should it matter how far away a word is? Let $L$ be a loss that sees the last state $h_T$ only. The chain rule goes back step by step:
#
# $$\frac{\partial L}{\partial h_{t-1}} = \frac{\partial L}{\partial h_t}\; \operatorname{diag}(1 - h_t^2)\; U^\top.$$
#
# Each step multiplies by $U^\top$, and by a factor between 0 and 1 from the tanh. Over a hundred steps that makes a power of a hundred. We do not argue about it, we measure it: $\lVert \partial L / \partial h_t \rVert$ for each $t$.
#
# There is a trap. Asking the tape for the gradient of $L$ with respect to the *stacked* states gives zero everywhere but at the end: the stack is a copy, and $L$ does not depend on the copies of earlier states. The way out is a *probe*, a tensor of zeros added to each state *inside* the loop. It changes nothing, and its gradient is $\partial L/\partial h_t$, with everything that happens later.
#
# ### Exercise 09.8 · Gradient norm at each time
#
# `step`, `inputs` and `state` are those of `unroll`. `loss(last_state)` gives one number. Return one norm for each time and each text.


# %% tags=["exercise"]
def gradient_norms(step, inputs, state, loss):
    """‖∂ loss(last state) / ∂ state t‖ for each time t and each text: shape (time, batch)."""
    ### BEGIN SOLUTION
    probe = tf.zeros((inputs[0].shape[0], *state.shape))
    with tf.GradientTape() as tape:
        tape.watch(probe)
        states = unroll(lambda h, extra, *now: step(h, *now) + extra, [probe, *inputs], state)
        value = loss(states[-1])
    return tf.norm(tape.gradient(value, probe), axis=2)
    ### END SOLUTION


# %% tags=["check"]
def norms_of_small_network(x, u, state, v):
    """Gradient norms of a tanh network whose loss is the sum of last state · v."""
    return gradient_norms(
        lambda h, now: tf.tanh(now + h @ u), [tf.constant(x)], tf.constant(state), lambda h: tf.reduce_sum(h * v)
    )


checks.run("09.gradient_norms", norms_of_small_network)


# %% [markdown]
# We measure on 64 long validation reviews, with no padding at all. First, untrained networks: the orthogonal matrix, and the same times 0.5 and 1.5.


# %%
def norms_by_distance(kind, values, count=64):
    """Gradient norm at distance 0, 1, … from the last word, for `count` long reviews; relative to distance 0."""
    chosen = sorted(valid_numbers, key=len)[-count:]
    length = min(LENGTH, len(chosen[0]))
    numbers = np.array([review[-length:] for review in chosen])
    p = {name: tf.constant(value) for name, value in values.items()}
    projected = tf.tensordot(tf.gather(p["embedding"], numbers.T), p["w"], 1) + p["b"]
    start = start_state(p["initial"], count)
    norms = gradient_norms(
        lambda h, now: CELLS[kind][0](h, now, p), [projected], start, lambda h: tf.reduce_sum(h @ p["v"])
    ).numpy()[::-1]
    return norms / norms[0]


FAINT = 1e-17  # float32 cannot hold the square of a much smaller number, and the norm would read zero


def draw_norms(curves, caption, alt):
    """The median over reviews on a logarithmic axis, with a band for the middle half; it ends where it is too faint."""
    fig, ax = plots.axes(height=4.2)
    for label, norms in curves.items():
        quarters = np.percentile(norms, (25, 50, 75), axis=1)
        low, middle, high = np.where(quarters > FAINT, quarters, np.nan)
        (line,) = ax.plot(middle, label=label)
        ax.fill_between(range(len(middle)), low, high, color=line.get_color(), alpha=0.18, linewidth=0)
    ax.set(xlabel="distance from the last word, steps", ylabel="gradient norm, relative", yscale="log")
    fig.legend(loc="outside right upper")
    plots.show(fig, caption, alt)


fresh = compiled["rnn", "last"]
untrained = {f"U = {scale} · orthogonal": norms_by_distance("rnn", fresh.draw(0, scale)) for scale in (0.5, 1.0, 1.5)}
draw_norms(
    untrained,
    "Untrained plain networks: gradient norm by distance, median and middle half of the reviews.",
    "Three curves of gradient norm on a logarithmic axis against distance: factors 0.5, 1 and 1.5 of the recurrent matrix.",
)


# %%
def per_step(norms):
    """The factor by which the norm changes per step, up to the middle of the review or to where it is too faint."""
    middle = np.median(norms, axis=1)
    far = np.flatnonzero(middle[: len(middle) // 2 + 1] > FAINT)[-1]
    return middle[far] ** (1 / far)


def half_way(norms):
    """The norm in the middle of the review, median over the reviews."""
    found = np.median(norms[len(norms) // 2])
    return f"{found:.1e}" if found > FAINT else f"below {FAINT:g}"


far = f"norm at distance {LENGTH // 2}, relative"
rows = [[name, f"{per_step(norms):.3f}", half_way(norms)] for name, norms in untrained.items()]
plots.table(rows, ["untrained plain network", "factor per step", far])

# %% [markdown]
# With $U$ an orthogonal matrix, only the tanh takes something from the gradient: 2 % per step, and 14 % are left after a hundred. Half of that matrix takes half at each step. After some sixty steps the norm is below $10^{-17}$, and the line ends: float32 has no number for the square of anything much smaller, and the gradient is not small then, it is *gone*. With 1.5 the factor per step is 1.055, far from 1.5, since larger states sit where the tanh is flat. A hundred such steps still make 200.

# %% [markdown] tags=["question"]
# **Question 09.a.** The largest singular value of $U$ is 0.9. How large can the gradient norm be at distance 100, relative to distance 0? And if it is 1.1: does the gradient have to explode?

# %% [markdown] tags=["answer"]
# **Answer 09.a.** Each step multiplies the norm by at most 0.9, since the factors $1 - h^2$ are at most 1. So it is at most $0.9^{100} \approx 2.7 \cdot 10^{-5}$. With 1.1 the bound is $1.1^{100} \approx 14\,000$, but it is only a bound: the gradient need not point in the direction that is stretched, and the tanh shrinks it wherever states are large. A value above 1 is necessary for an explosion, not sufficient.

# %% [markdown]
# ## A cell with gates
#
# The gated recurrent unit, GRU, decides for each number of its state whether to keep it. The *update gate* $z$ is the share that is kept, the *reset gate* $r$ says how much of the old state the candidate $n$ may see. $\sigma$ is the logistic function, $\odot$ the product element by element:
#
# $$z = \sigma(x W_z + b_z + h U_z + b'_z), \qquad r = \sigma(x W_r + b_r + h U_r + b'_r),$$
#
# $$n = \tanh\bigl(x W_n + b_n + r \odot (h U_n + b'_n)\bigr), \qquad h \leftarrow z \odot h + (1 - z) \odot n.$$
#
# Where $z$ is near 1, the state, and the gradient on its way back, pass unchanged.
#
# Mind the place of $r$. Here it acts *after* the product with $U_n$, which Keras calls `reset_after=True` and uses by default. The paper of 2014 has $(r \odot h)\, U_n$ instead. Weights of one do not fit the other.
#
# ### Exercise 09.9 · A GRU cell
#
# `projected` holds the three $xW + b$ side by side, in the order $z, r, n$, each with as many columns as the state; so do `u` and `b_recurrent`.


# %% tags=["exercise"]
def gru_cell(h, projected, u, b_recurrent):
    """The new state (batch, units) of a GRU with `reset_after=True`."""
    ### BEGIN SOLUTION
    x_z, x_r, x_n = tf.split(projected, 3, axis=1)
    h_z, h_r, h_n = tf.split(h @ u + b_recurrent, 3, axis=1)
    z, r = tf.sigmoid(x_z + h_z), tf.sigmoid(x_r + h_r)
    n = tf.tanh(x_n + r * h_n)
    return z * h + (1 - z) * n
    ### END SOLUTION


# %% tags=["check"]
checks.run("09.gru_cell", gru_cell)


# %% tags=["helper"]
def gru_step(h, projected, p):
    return gru_cell(h, projected, p["u"], p["b_recurrent"])


CELLS["gru"] = (gru_step, 3)

# %% [markdown]
# Equal to Keras', weights and all? With a mask too? And how far off is it if `reset_after` is mixed up?

# %%
x, w, u, b = random_arrays(1, (5, 30, 8), (8, 48), (16, 48), (2, 48))
mask = tf.sequence_mask([30, 12, 25, 7, 18], 30)
projected = tf.tensordot(tf.transpose(x, (1, 0, 2)), w, 1) + b[0]
ours = run_cell("gru", projected, tf.transpose(mask), tf.zeros((5, 16)), {"u": u, "b_recurrent": b[1]})
for reset_after in (True, False):
    layer = layers.GRU(16, return_sequences=True, reset_after=reset_after)
    layer.build(x.shape)
    layer.set_weights([w, u, b if reset_after else b[0] + b[1]])
    difference = np.abs(tf.transpose(ours, (1, 0, 2)) - layer(x, mask=mask)).max()
    print(f"reset_after={reset_after!s:5}  largest difference to Keras: {difference:.0e}")
    assert (difference < 1e-5) == reset_after

# %% [markdown]
# ## The GRU in the same table

# %%
GRU_READINGS = [
    "post-padding, last state",
    "pre-padding, last state",
    "mask, last state",
    "mask, mean of states",
]
compiled |= {("gru", how): Network("gru", SHORT_HIDDEN, how) for how in nets}
keys = [("gru", reading, seed) for reading in GRU_READINGS for seed in range(SEEDS)]
runs |= resume.pieces("gru readings", keys, train_reading, settings)

# %%
plots.table(
    [
        [name, plain, gated]
        for (name, plain), (_, gated) in zip(*(reading_rows(k, GRU_READINGS) for k in ("rnn", "gru")))
    ],
    [f"validation accuracy %, {SEEDS} seeds", "plain network", "GRU"],
)
draw_readings(
    ["rnn", "gru"],
    GRU_READINGS,
    "Plain network and GRU with the same steps: a mark for each seed, a black bar for their mean. Dotted: chance.",
    "Marks of validation accuracy in four rows, for the plain network and for the GRU.",
)

# %% [markdown]
# Gates help just where the plain network fails. With post-padding the GRU's last state has 79.2 % against 51.2 %: it learns to hold its state over the zeros. With the mask it is ahead by five points. And with the mean of states there is nothing to choose between the two, 82.0 % both: then no state has to remember the whole review.

# %% [markdown]
# ## Who remembers how far?
#
# The same measurement as above, now for both cells, before and after training. The trained ones are those of "mask, last state", whose loss sees the last state only. The third GRU has never been trained; its update gate starts nearly shut, with a bias of 3 for $z$.

# %% [markdown] tags=["notes"]
# Before this figure, ask for the factor per step of an untrained GRU. Most expect a number near 1 because "a GRU has no vanishing gradient". With all biases at zero the gate is at one half, so about half of the state is replaced at each word. Let them compute 0.5 to the power of 50. The point to make: gates *can* keep a gradient alive, and whether they do is a matter of initialisation and of training.

# %%
gated = compiled["gru", "last"]
half_shut = gated.draw(0)
half_shut["b"][:SHORT_HIDDEN] = 3
before = {
    "RNN, untrained": [norms_by_distance("rnn", fresh.draw(seed)) for seed in range(SEEDS)],
    "RNN, trained": [norms_by_distance("rnn", runs["rnn", "mask, last state", seed]) for seed in range(SEEDS)],
    "GRU, untrained": [norms_by_distance("gru", gated.draw(seed)) for seed in range(SEEDS)],
    "GRU, bias 3": [norms_by_distance("gru", half_shut)],
    "GRU, trained": [norms_by_distance("gru", runs["gru", "mask, last state", seed]) for seed in range(SEEDS)],
}
draw_norms(
    {name: np.concatenate(found, axis=1) for name, found in before.items()},
    "Gradient norm by distance: median and middle half of the reviews, all seeds together.",
    "Five curves of gradient norm on a logarithmic axis against distance: plain network and GRU, untrained and trained.",
)

# %%
rows = []
for name, found in before.items():
    factors = [per_step(norms) for norms in found]
    rows.append([name, metrics.mean_sd(factors), half_way(np.concatenate(found, axis=1))])
plots.table(rows, ["network", "factor per step", far])

# %% [markdown]
# A GRU does *not* come with a gradient that lasts. Untrained, its gates are half open: a factor of 0.74 per step, and $10^{-13}$ after a hundred. A bias of 3 for the update gate changes that to 0.97 before a single step of training, and training finds it by itself: 0.973. The plain network goes the other way, from 0.980 to 0.961. After training the two are a factor of three apart at distance 100, no more. What differs is that the GRU can *choose* what to keep.

# %% [markdown]
# ## All reviews
#
# Now all training reviews and larger states. All networks take the mean of masked states, and have the same steps, rate and seeds. The kind `"words"` is the baseline: the same network without memory.


# %%
def train_all(kind):
    """Train a network of this kind for each seed, epoch by epoch; resumes where an interrupted run stopped."""
    net, x, x_v = long_nets[kind], x_train["post"], x_valid["post"]

    def stage(number):
        seed, epoch = divmod(number, EPOCHS)
        if epoch == 0:
            net.restart(seed)
        train_epoch(net, x, x > 0, y_train, seed, epoch, EPOCHS)
        found = accuracy(net, x_v, x_v > 0, y_valid)
        print(f"{names[kind]}, seed {seed}, epoch {epoch + 1}: validation accuracy {found:.4f}")
        return {"accuracy": found} | {name: value.numpy() for name, value in net.p.items() if epoch == EPOCHS - 1}

    variables = [*net.p.values(), *net.optimizer.variables]
    stages = resume.stages(f"all reviews {kind}", SEEDS * EPOCHS, stage, lambda: variables, settings)
    for seed in range(SEEDS):
        some = stages[seed * EPOCHS : (seed + 1) * EPOCHS]
        final[kind, seed] = some[-1] | {"accuracy": np.array([epoch["accuracy"] for epoch in some])}


names = {"words": "no recurrence", "rnn": "plain network", "gru": "GRU"}
long_nets, final = {kind: Network(kind, HIDDEN, "mean") for kind in names}, {}
settings |= dict(EPOCHS=EPOCHS, HIDDEN=HIDDEN, REVIEWS=len(rest))

# %% [markdown]
# How fast do these networks read? Eight batches in three ways: our step, compiled by `tf.function`; the same lines one after the other, as Python runs them; and Keras' own GRU of the same size with `fit`. What counts is real words per second, padding left out. Times differ from machine to machine.

# %%
keras_gru = keras.Sequential([
    layers.Embedding(WORDS, EMBEDDING, mask_zero=True), layers.GRU(HIDDEN, return_sequences=True),
    layers.GlobalAveragePooling1D(), layers.Dense(1),
])  # fmt: skip
keras_gru.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)


def by_steps(step, some):
    for batch in some:
        step(*map(tf.constant, batch), tf.constant(0.0))


def by_fit(some):
    x, _, y = (np.concatenate(column) for column in zip(*some))
    keras_gru.fit(x, y, batch_size=BATCH_SIZE, shuffle=False, verbose=0)


some = batches(x_train["post"], x_train["post"] > 0, y_train, np.random.default_rng(0))
some = [batch for _, batch in zip(range(8), some)]
rows = []
for name, run in {
    "no recurrence, compiled": functools.partial(by_steps, long_nets["words"].step),
    "plain network, compiled": functools.partial(by_steps, long_nets["rnn"].step),
    "GRU, compiled": functools.partial(by_steps, long_nets["gru"].step),
    "GRU, line by line": functools.partial(by_steps, long_nets["gru"].training_step),
    "GRU of Keras, fit": by_fit,
}.items():
    run(some[:1])  # what is compiled at the first call does not count
    begin = time.perf_counter()
    run(some)
    seconds = time.perf_counter() - begin
    words = sum(np.sum(mask) for _, mask, _ in some)
    rows.append([name, f"{1000 * seconds / len(some):.0f}", f"{words / seconds:,.0f}"])
plots.table(rows, ["training step", "milliseconds per batch", "real words per second"])

# %% [markdown]
# The compiled step reads six times as many words as its own lines one by one: with small matrices most of the time goes into calling operations, not into computing them. It is also twice as fast as Keras' GRU with `fit`. And the loop through time is what costs: without recurrence all words of a batch are read at once, nearly eight times as many in a second as with a GRU. So everything in this lesson is trained with the compiled step.

# %%
for kind in ("words", "rnn"):
    train_all(kind)

# %%
train_all("gru")

# %%
fig, ax = plots.axes(height=3.6)
histories = {name: [100 * final[kind, seed]["accuracy"] for seed in range(SEEDS)] for kind, name in names.items()}
plots.curves(histories, "epoch", "validation accuracy, %", ax=ax)
ax.set_xticks(range(1, EPOCHS + 1))
plots.show(
    fig,
    f"Validation accuracy after each epoch; mean and band of {SEEDS} seeds.",
    "Three curves of validation accuracy over the epochs: no recurrence, plain network, GRU.",
)

# %% [markdown]
# ## What a state looks like
#
# One GRU reads a sentence. Each row is one number of its state, sorted by the weight $v$ that the read-out gives it: rows at the top speak for a good review, rows at the bottom against. The bars below are what each state says by itself, $h_t \cdot v + c$; the answer is their mean.

# %%
net = long_nets["gru"]
net.set({name: final["gru", 0][name] for name in net.p})


def read(sentence):
    """Words, states (time, units), what each state says, and the probability of a good review."""
    words = words_of(sentence)
    row = tf.constant(numbers_of([words]), tf.int32)
    mask = tf.ones_like(row, bool)
    states = net.states(row, mask)[:, 0].numpy()
    says = states @ net.p["v"].numpy()[:, 0] + net.p["c"].numpy()
    return words, states, says, float(tf.sigmoid(net.answer(row, mask)[0]))


words, states, says, probability = read(SENTENCE)
order = np.argsort(-net.p["v"].numpy()[:, 0])
fig, (top, bottom) = plots.axes(rows=2, height=2.9, sharex=True, height_ratios=(2, 1))
picture = top.imshow(states[:, order].T, aspect="auto", cmap=plots.DIVERGING, vmin=-1, vmax=1)
fig.colorbar(picture, ax=top, label="state")
top.set(ylabel="number of the state", yticks=[])
top.grid(False)
bottom.bar(range(len(words)), says, color=np.where(says > 0, plots.COLOURS[0], plots.COLOURS[1]))
bottom.axhline(0, color="black", linewidth=1)
bottom.set(ylabel="says", xticks=range(len(words)))
bottom.set_xticklabels(words, rotation=60, ha="right")
plots.show(
    fig,
    f"The GRU reads a sentence, word by word; it gives it a probability of {probability:.2f} of being positive.",
    "A heat map of states with one column for each word; below it bars for what each state says, positive or negative.",
)

# %%
PROBES = ["a great film", "not a great film", "a terrible film", "not a terrible film", "not terrible, but not great"]
plots.table(
    [[f"“{sentence}”", f"{read(sentence)[3]:.2f}"] for sentence in [*PROBES, SENTENCE]],
    ["sentence", "probability of a good review"],
)

# %% [markdown]
# Look at the bars, not only at the answer. From "slow" on each state speaks against the film, "wonderful" brings it back to zero, and "loved" turns it. The mean counts the words spent on complaining, and says 0.01. We would say otherwise. The probes are worse: "not a great film" is a good review with 0.91, and "not a terrible film" is a bad one. Three words are nothing like the 200 it has learned from, and "not" alone is a weak word. A network that reads in order need not have learned what order is for.

# %% [markdown]
# ## The test reviews, once
#
# Everything is chosen. The test reviews are read now, for the first and only time.

# %% [markdown] tags=["notes"]
# Ask before the table: who thinks that the GRU beats a bag of words, and by how much? Then point at the spread over the seeds and ask which rows can be told apart. Where a bag of words does as well, the honest lesson is that 200 words of a film review hold little that needs their order. A student will ask why one should use recurrent networks at all; the second half of this lesson is one answer.

# %%
x_test = pad(numbers_of(test_words), LENGTH, "post")
y_test = test.labels.astype("float32")
found = {}
for kind, net in long_nets.items():
    found[kind] = []
    for seed in range(SEEDS):
        net.set({name: final[kind, seed][name] for name in net.p})
        found[kind].append(accuracy(net, x_test, x_test > 0, y_test))
    print(f"{names[kind]:14} read {len(x_test)} test reviews with {SEEDS} networks")

# %%
bag_accuracy = bag_model.score(bag(x_test), y_test)
plots.table(
    [
        ["one class for all", f"{100 * max(y_test.mean(), 1 - y_test.mean()):.1f}"],
        ["bag of words, logistic regression", f"{100 * bag_accuracy:.1f}"],
        ["word vectors, no recurrence", metrics.mean_sd(found["words"], 1, scale=100)],
        ["plain network, public student solution", "81.9"],
        ["plain network", metrics.mean_sd(found["rnn"], 1, scale=100)],
        ["GRU", metrics.mean_sd(found["gru"], 1, scale=100)],
    ],
    ["model", f"test accuracy %, {SEEDS} seeds"],
)
results.record("rnn_test_accuracy", np.mean(found["rnn"]))
results.record("gru_test_accuracy", np.mean(found["gru"]))

# %%
for first, second in (("gru", "rnn"), ("gru", "words"), ("rnn", "words")):
    mean, error = metrics.paired_difference(found[first], found[second])
    print(f"{names[first]} minus {names[second]}: {100 * mean:+.2f} points, standard error {100 * error:.2f}")

# %% [markdown]
# The GRU is the best of the three networks, 86.1 %, half a point above the plain one and the one without memory; over the seeds that lead is many standard errors long. The plain network and the one without recurrence cannot be told apart. And the bag of words, which was trained in seconds, is right in 87.2 %. In 200 words of a film review, which words there are says nearly everything.
#
# One more warning: on the validation reviews the *plain* network was ahead of the GRU. With 2 500 reviews half a point is luck. Published student work with a plain network had 81.9 %.

# %% [markdown]
# ## Letters instead of words
#
# A *language model* gives each possible next letter a probability. Here memory is everything: after "th" come other letters than after "sh". The text is the reviews, or a file of your own (`TEXT_FILE`). Letters that are too rare become one sign, "□".

# %%
if TEXT_FILE:
    whole = Path(TEXT_FILE).read_text(encoding="utf-8")[: CHARACTERS * 10 // 9]
    cut = len(whole) * 9 // 10
    train_text, valid_text = whole[:cut], whole[cut:]
else:
    train_text, valid_text = ("\n".join(part.texts).replace("<br />", "\n") for part in (rest, valid))
train_text, valid_text = train_text[:CHARACTERS], valid_text[: CHARACTERS // 10]
frequent = sorted(sign for sign, count in Counter(train_text).items() if count >= CHARACTERS / 20000)
SIGNS = ["□", *(sign for sign in frequent if sign != "□")]
place_of = {sign: i for i, sign in enumerate(SIGNS)}
train_signs, valid_signs = (
    np.array([place_of.get(sign, 0) for sign in text], "int32") for text in (train_text, valid_text)
)
print(f"{len(train_signs):,} letters to learn from, {len(valid_signs):,} for validation, {len(SIGNS)} different")

# %% [markdown]
# How good is a prediction? The *bits per letter*: the mean of $-\log_2$ of the probability that the right letter got. Uniform guessing costs $\log_2$ of the number of signs. The baselines count which letters followed the last $k$ ones in the training text, and mix in shorter contexts where they have seen little (Witten and Bell).


# %%
def ngram_bits(train, valid, order):
    """Bits per letter of a model that looks back at 0, 1, … `order` letters; one number for each."""
    train, valid = train.tolist(), valid.tolist()
    probability = np.full(len(valid), 1 / len(SIGNS))
    bits = []
    for k in range(order + 1):
        pairs = Counter(zip(*(train[i:] for i in range(k + 1))))
        total, kinds = Counter(), Counter()
        for pair, count in pairs.items():
            total[pair[:-1]] += count
            kinds[pair[:-1]] += 1
        for i in range(k, len(valid)):
            pair = tuple(valid[i - k : i + 1])
            context = pair[:-1]
            if total[context]:
                shorter = kinds[context] * probability[i]
                probability[i] = (pairs[pair] + shorter) / (total[context] + kinds[context])
        bits.append(-np.mean(np.log2(probability)))
    return bits


ngrams = ngram_bits(train_signs, valid_signs, 5)
print(f"uniform {np.log2(len(SIGNS)):.2f} bits per letter")
for k, bits in enumerate(ngrams):
    print(f"counts with the last {k} letters: {bits:.2f}")

# %% [markdown]
# The network is the one from above with two changes. The input is a letter, one of a few dozen, so $xW$ is one row of $W$: a look-up, no product. And there is an answer at *every* time, not only at the end.
#
# The text is cut into `STREAMS` long pieces that are read side by side. After each window of letters the network takes a step, and the *state goes on* into the next window. The gradient ends at the edge of the window: this is *truncated* back-propagation through time.


# %%
class LetterModel:
    """Letters (batch, time) and a state in; logits of the next letter (time, batch, signs) and the last state out."""

    def __init__(self, kind, units):
        self.kind, self.units = kind, units
        self.p = {name: tf.Variable(value) for name, value in self.draw(seed=0).items()}
        letters, state = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, units))
        self.run = tf.function(self.forward).get_concrete_function(letters, state)
        signature = letters, letters, state, tf.TensorSpec(())
        self.gradients = tf.function(self.loss_and_gradients).get_concrete_function(*signature)

    def draw(self, seed):
        rng = np.random.default_rng([seed, 90])
        values = draw_cell(rng, self.kind, len(SIGNS), self.units)
        del values["initial"]
        limit = np.sqrt(6 / (self.units + len(SIGNS)))
        values |= {"v": rng.uniform(-limit, limit, size=(self.units, len(SIGNS))), "c": np.zeros(len(SIGNS))}
        return {name: value.astype("float32") for name, value in values.items()}

    def step(self, h, projected):
        return CELLS[self.kind][0](h, projected, self.p)

    def forward(self, letters, state):
        projected = tf.gather(self.p["w"], tf.transpose(letters)) + self.p["b"]
        states = unroll(self.step, [projected], state)
        return tf.tensordot(states, self.p["v"], 1) + self.p["c"], states[-1]

    def loss_and_gradients(self, letters, following, state, over_time):
        """Mean loss per letter, last state, and gradients of: sum over time · `over_time`, mean over the batch."""
        with tf.GradientTape() as tape:
            logits, state = self.forward(letters, state)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(following), logits)
            loss = tf.reduce_mean(tf.reduce_sum(nats, axis=0)) * over_time
        zero = tf.UnconnectedGradients.ZERO
        gradients = tape.gradient(loss, list(self.p.values()), unconnected_gradients=zero)
        return tf.reduce_mean(nats), state, [tf.convert_to_tensor(gradient) for gradient in gradients]


def windows(signs, streams=None):
    """Pairs (letters, following letters) of shape (streams, WINDOW); each goes on where the one before ended."""
    streams = streams or STREAMS
    length = (len(signs) - 1) // streams // WINDOW * WINDOW
    rows = signs[: streams * length].reshape(streams, length)
    following = signs[1 : streams * length + 1].reshape(streams, length)
    for i in range(0, length, WINDOW):
        yield tf.constant(rows[:, i : i + WINDOW]), tf.constant(following[:, i : i + WINDOW])


def bits_per_letter(model, signs):
    """On a text that is read in a few long streams, with the state carried."""
    state, nats = tf.zeros((8, model.units)), []
    for letters, following in windows(signs, streams=8):
        logits, state = model.run(letters, state)
        nats.append(np.mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.transpose(following), logits)))
    return np.mean(nats) / np.log(2)


# %% [markdown]
# ## Sum or mean over time?
#
# Each window gives one loss per letter. Add them up or take their mean? With $T$ letters the sum is $T$ times the mean, and so is its gradient. For plain gradient descent (SGD) that is a rate $T$ times as large. For Adam, which divides by the size of the gradient, it is nothing. With clipping it matters again, because the limit stays the same. We try all eight combinations with the plain network.

# %% [markdown] tags=["notes"]
# Make the class fill in the table of eight with "learns", "crawls", "breaks" before the run. The two Adam rows without clipping are nearly equal: rounding and the small ε in the division are all that is left. Somebody will doubt it. A good follow-up: two colleagues publish the same learning rate and the same network, one sums and one averages, with windows of 64. By which factor do their rates differ?

# %%
OPTIMIZERS = {"SGD": lambda: keras.optimizers.SGD(0.5), "Adam": lambda: keras.optimizers.Adam(0.005)}
plain = LetterModel("rnn", 64)


def train_letters(run):
    name, over_time, limit, seed = run
    for key, value in plain.draw(seed).items():
        plain.p[key].assign(value)
    optimizer, state = OPTIMIZERS[name](), tf.zeros((STREAMS, plain.units))
    variables, history = list(plain.p.values()), []
    for _, (letters, following) in zip(range(CHARACTER_STEPS), windows(train_signs)):
        factor = tf.constant(1.0 if over_time == "sum" else 1 / WINDOW)
        nats, state, gradients = plain.gradients(letters, following, state, factor)
        clipped, norm = clip(gradients, limit)
        optimizer.apply_gradients(zip(clipped, variables))
        history.append([float(nats) / np.log(2), float(norm)])
    found = {"history": np.array(history), "bits": bits_per_letter(plain, valid_signs[:20000])}
    return {key: np.where(np.isfinite(value), value, np.nan) for key, value in found.items()}


WAYS = [(name, over, limit) for name in OPTIMIZERS for over in ("mean", "sum") for limit in (np.inf, 1.0)]
letter_settings = dict(CHARACTERS=CHARACTERS, STEPS=CHARACTER_STEPS, TEXT_FILE=TEXT_FILE, WINDOW=WINDOW)
keys = [(*way, seed) for way in WAYS for seed in range(SEEDS)]
letters_by_way = resume.pieces("sum or mean", keys, train_letters, letter_settings)

# %%
rows = []
for name, over, limit in WAYS:
    some = [letters_by_way[name, over, limit, seed] for seed in range(SEEDS)]
    rows.append(
        [
            f"{name}, {over}",
            "none" if limit == np.inf else f"at {limit:g}",
            metrics.mean_sd([run["history"][0, 1] for run in some], 2),
            metrics.mean_sd([run["bits"] for run in some], 2),
        ]
    )
plots.table(
    rows, ["loss over time", "clipping", "gradient norm, first step", f"bits per letter, {CHARACTER_STEPS} steps"]
)
means, sums = (letters_by_way["SGD", over, np.inf, 0]["history"][0, 1] for over in ("mean", "sum"))
print(f"the sum's gradient is {sums / means:.2f} times the mean's; the window has {WINDOW} letters")
assert abs(sums / means / WINDOW - 1) < 1e-3

# %%
fig, panels = plots.axes(columns=2, height=3.6)
for over, colour in (("mean", 0), ("sum", 1)):
    for limit, dash in ((np.inf, "-"), (1.0, "--")):
        label = f"{over}, {'no clipping' if limit == np.inf else 'clipped at 1'}"
        for seed in range(SEEDS):
            history = letters_by_way["SGD", over, limit, seed]["history"]
            for ax, values in zip(panels, history.T):
                steps = range(1, len(values) + 1)
                ax.plot(steps, values, dash, color=plots.COLOURS[colour], label="" if seed else label, linewidth=1.3)
panels[0].set(xlabel="step", ylabel="training loss, bits per letter", yscale="log")
panels[1].set(xlabel="step", ylabel="gradient norm", yscale="log")
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(
    fig,
    "Gradient descent at one rate, loss summed or averaged over time; norms before clipping; a line for each seed.",
    "Two panels with four kinds of lines: training loss over the steps, and gradient norm, both on logarithmic axes.",
)

# %% [markdown]
# The sum's gradient is 64 times the mean's, exactly the length of the window. With gradient descent that decides: the mean learns slowly, the sum jumps to losses above a thousand bits at the same rate, and with clipping it learns after all, since every step then has the same length. Adam does not see the factor: 3.51 bits both ways. Only with clipping does it see a little, because the limit of 1 cuts every gradient of the sum and few of the mean. So a learning rate, or a clipping limit, means nothing unless one says what the loss is summed over.

# %% [markdown]
# ## A sampler that carries its state
#
# To write, draw a letter from the prediction, feed it back, and go on. The state must go along. A published solution starts from a zero state for every letter: what it samples from has a memory of one letter, and a good network writes rubbish.
#
# The *temperature* $\tau$ divides the logits: below 1 the likely letters become more likely.
#
# ### Exercise 09.10 · The sampler
#
# `predict(letter, state)` returns logits (a NumPy array) and the new state. Take the softmax of logits / temperature, and draw with `rng.choice(len(p), p=p)`. Return the list of drawn letters, without the first one that was given.


# %% tags=["exercise"]
def sample(predict, state, first, length, temperature, rng):
    """`length` letters (as numbers) that follow `first`, each drawn from what the model predicts after all before it."""
    ### BEGIN SOLUTION
    letter, letters = first, []
    for _ in range(length):
        logits, state = predict(letter, state)
        p = np.exp((logits - np.max(logits)) / temperature)
        letter = int(rng.choice(len(p), p=p / p.sum()))
        letters.append(letter)
    return letters
    ### END SOLUTION


# %% tags=["check"]
def sample_from_matrices(inputs, recurrent, outputs, first, temperature, rng):
    """Twenty letters from a small random network."""

    def predict(letter, state):
        state = np.tanh(inputs[letter] + state @ recurrent)
        return state @ outputs, state

    return sample(predict, np.zeros(len(recurrent)), first, 20, temperature, rng)


checks.run("09.sample", sample_from_matrices)

# %% [markdown]
# ## A GRU that writes
#
# The GRU reads the training text several times, with the mean over time, Adam, clipping, and a state that is carried from window to window.

# %%
writer = LetterModel("gru", CHARACTER_HIDDEN)
variables = list(writer.p.values())
steps = len(list(windows(train_signs)))
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.005, CHARACTER_EPOCHS * steps))
optimizer.build(variables)


def read_text(epoch):
    """One pass over the training text."""
    state, total = tf.zeros((STREAMS, writer.units)), 0.0
    for letters, following in windows(train_signs):
        nats, state, gradients = writer.gradients(letters, following, state, tf.constant(1 / WINDOW))
        optimizer.apply_gradients(zip(clip(gradients, CLIP)[0], variables))
        total += float(nats) / np.log(2) / steps
    bits = bits_per_letter(writer, valid_signs)
    print(f"epoch {epoch + 1}: {total:.3f} bits per letter in training, {bits:.3f} in validation")
    return {"bits": bits}


letter_settings |= dict(HIDDEN=CHARACTER_HIDDEN, EPOCHS=CHARACTER_EPOCHS)
reading = resume.stages(
    "letters", CHARACTER_EPOCHS, read_text, lambda: variables + optimizer.variables, letter_settings
)

# %%
rows = [["all signs alike", f"{np.log2(len(SIGNS)):.2f}"]]
rows += [[f"counts with the last {k} letters", f"{bits:.2f}"] for k, bits in enumerate(ngrams)]
rows += [[f"GRU, {CHARACTER_HIDDEN} units, {CHARACTER_EPOCHS} passes, one seed", f"{float(reading[-1]['bits']):.2f}"]]
plots.table(rows, ["model", "bits per letter, validation"])


# %%
def predict(letter, state):
    logits, state = writer.run(tf.constant([[letter]]), state)
    return logits.numpy()[0, 0], state


def predict_without_memory(letter, state):
    """What a sampler does that drops its state."""
    return predict(letter, tf.zeros_like(state))


def written(predict, temperature, seed):
    """A text that begins after a new line."""
    first, state = place_of.get("\n", 0), tf.zeros((1, writer.units))
    letters = sample(predict, state, first, WRITTEN, temperature, np.random.default_rng(seed))
    return "".join(SIGNS[letter] for letter in letters)


def as_quote(text):
    return " ".join(text.split())


print("state carried:\n ", as_quote(written(predict, 0.7, seed=0)))
print("state dropped:\n ", as_quote(written(predict_without_memory, 0.7, seed=0)))

# %% [markdown]
# Looks are not a measurement. Which share of the words that were written are words that occur in the training text?

# %%
known = set(re.findall(r"\w+", train_text))


def share_of_words(text):
    """Share of the words of a text, the first and the cut-off last one left out, that are known."""
    found = re.findall(r"\w+", text)[1:-1]
    return np.mean([word in known for word in found]) if found else 0.0


rows = []
for temperature in (0.5, 0.7, 1.0):
    shares = [
        [share_of_words(written(way, temperature, seed)) for seed in range(3)]
        for way in (predict, predict_without_memory)
    ]
    rows.append([f"temperature {temperature}", *(metrics.mean_sd(share, 0, scale=100) for share in shares)])
plots.table(rows, [f"known words in %, 3 texts of {WRITTEN} letters", "state carried", "state dropped"])

# %% [markdown]
# Four passes over a million letters bring the GRU to 2.48 bits per letter, better than counting with two letters of memory and worse than with three. It is a small network, and a short training; counting five letters deep takes seconds and has 2.10.
#
# The sampler is another matter. At temperature 0.5, 94 % of the words that it writes are words, with the state carried; with the state dropped, 26 %. Same network, same weights, same prediction at every single step.

# %% [markdown] tags=["notes"]
# Read both texts aloud. Then ask for the bits per letter of a network that is always used with a zero state: it cannot beat the row "counts with the last 1 letters", whatever its weights. The bug gives no error and no warning, and the training curve is perfect. Where else in this course can state be dropped in silence? (Batch normalisation in inference mode; an optimiser that is built anew in each epoch.)

# %% [markdown]
# ## What went wrong in practice
#
# - **Training on one batch.** A published solution drew its batch once, before the loop. The training loss went to zero, and nothing was learned about the other reviews. Draw it inside the loop, and look at validation.
# - **A sampler that drops its state.** No error, no warning, a perfect training curve, and rubbish on the page.
# - **Post-padding without a mask.** After a short review the last state has seen mostly zeros.
# - **A mask that is computed and not used**, or a mean that divides by the padded length. Test it: the answer to one text must not change with its padding.
# - **Indexing a tensor inside the loop.** The gradient of `x[t]` is as large as `x`. Use `TensorArray.unstack` and `read`.
# - **`reset_after`.** Two GRUs with one name. Weights from elsewhere fit only if the place of the reset gate does.
# - **Sum for mean.** A learning rate from a paper means nothing before you know which of the two its loss is.

# %% [markdown]
# ## Summary
#
# - A recurrent cell is two matrix products, one of which can be done for all times at once.
# - Padding must be invisible: keep the state over it, and leave it out of the mean.
# - The gradient through time is a product of as many factors as there are steps. Measure it with a probe inside the loop; clip it where it explodes.
# - Gates let state and gradient pass; whether they do depends on where they start and what they learn.
# - Put a baseline without order beside every recurrent network.
# - State that belongs to a sequence is carried: in training from window to window, in sampling from letter to letter.

# %% [markdown]
# ## Going further
#
# - Start the update gate of the GRU with a bias of 3 and train it on "mask, last state". Does it learn faster?
# - Give the plain network $U = $ identity and ReLU instead of tanh. What does the gradient figure look like?
# - Read the reviews backwards. Which padding is the harmless one now?
# - Put your own text into `TEXT_FILE`. How many bits per letter does it take? Lesson 11 does this with words, lesson 12 with sentences of different lengths.

# %% [markdown]
# ## References
#
# - J. L. Elman (1990), *Finding Structure in Time*.
# - Y. Bengio, P. Simard, P. Frasconi (1994), *Learning Long-Term Dependencies with Gradient Descent is Difficult*.
# - R. Pascanu, T. Mikolov, Y. Bengio (2013), *On the Difficulty of Training Recurrent Neural Networks*.
# - K. Cho, B. van Merriënboer, C. Gulcehre, D. Bahdanau, F. Bougares, H. Schwenk, Y. Bengio (2014), *Learning Phrase Representations using RNN Encoder–Decoder for Statistical Machine Translation*.
# - A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts (2011), *Learning Word Vectors for Sentiment Analysis*.
# - I. H. Witten, T. C. Bell (1991), *The Zero-Frequency Problem*.
