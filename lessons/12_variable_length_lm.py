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
#     title: Sentences of different lengths, character by character
#     minutes: {class: 2, full: 8.5}
#     summary: Padding, masks and bits per character; a GRU that tells a sentence from its corruption.
#     data: [ptb]
#     expected:
#       ranking_accuracy: [0.95, 1.0]
#     points: {split_sentences: 1, padded_batch: 2, mask_from_lengths: 1, masked_loss: 2, log_probabilities: 2, sample_sentence: 3}
# ---

# %% [markdown]
# # Sentences of different lengths, character by character
#
# Sentences have different lengths, and arrays do not. In this lesson you pad, mask and sort sentences so that the padding costs nothing and counts for nothing, train a network that spells English, and test whether it knows a true sentence from a broken one.

# %% [markdown]
# **You will**
#
# - cut a text into sentences, and turn sentences of different lengths into one array and a mask;
# - write a loss that counts real characters only, and assert it against a plain loop;
# - measure what happens when padding is counted, and when sentences are replaced by slices of a fixed length;
# - compute the log-probability of a sentence, and rank true sentences against corrupted ones beside an n-gram model;
# - let the network write, one character at a time, until it decides to end the sentence.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import re
import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

runtime.start("12", seed=0)

# %% [markdown]
# ## Parameters
#
# `TEXT_FILE` takes a path to any text of yours; give it a pattern for what a sentence is, for example `r"[^.!?]+[.!?]"`. Without it the lesson reads the Penn Treebank, where each line is a sentence.

# %% tags=["parameters"]
TEXT_FILE = None  # path of a text file of yours (None: the Penn Treebank)
SENTENCE = r"[^\n]+"  # regular expression of one sentence
SHORTEST, LONGEST = 10, 255  # characters; other sentences are left out
HELD_OUT = None  # use only so many validation and so many test sentences (None: all)
WIDTHS = (64, 96, 128, 160, 192, 256)  # widths of the buckets
BATCH_SIZE = 48  # sentences
UNITS = 256  # size of the state
RATE = 0.005  # learning rate of Adam at the start; it falls to 0 along a cosine
PARTS = 4  # an epoch is trained in so many parts
ROUNDS = 18  # parts to train: 18 parts are four and a half epochs
SEEDS = 3  # repetitions in the comparison of losses
SHORT_UNITS = 128  # size of the state there
SHORT_STEPS = 150  # steps there
SHORT_BATCH = 32  # sentences in a step there
ORDERS = 8  # the longest n-grams of the baseline
PAIRS = 500  # validation sentences in a ranking on the way
TEMPERATURES = (0.4, 0.7, 1.0)
SAMPLES = 40  # sentences to write at each temperature

runtime.profile(
    in_class=dict(HELD_OUT=500, ROUNDS=2, SEEDS=2, SHORT_STEPS=60, PAIRS=200, SAMPLES=15),
    smoke=dict(
        HELD_OUT=60, WIDTHS=(64, 128, 256), UNITS=32, PARTS=200, ROUNDS=3, SEEDS=1, SHORT_UNITS=16, SHORT_STEPS=3,
        SHORT_BATCH=8, ORDERS=4, PAIRS=40, SAMPLES=3,
    ),
)  # fmt: skip

# %% [markdown]
# ## A text becomes sentences
#
# ### Exercise 12.1 · Cut a text into sentences
#
# Find everything that matches `pattern`. Strip each match, make one space of every run of white space, and keep what has between `shortest` and `longest` characters, both included. A sentence that is too long is left out, never cut: half a sentence has no end.


# %% tags=["exercise"]
def split_sentences(text, pattern, shortest, longest):
    """The sentences of a text in order, with single spaces, without those that are too short or too long."""
    ### BEGIN SOLUTION
    found = [" ".join(match.split()) for match in re.findall(pattern, text)]
    return [sentence for sentence in found if shortest <= len(sentence) <= longest]
    ### END SOLUTION


# %% tags=["check"]
checks.run("12.split_sentences", split_sentences)

# %% [markdown]
# A sentence that occurs twice could be learned by heart in training and then shine in the test. So we drop repetitions, and held-out sentences that also occur in the training text.


# %%
def three_texts():
    """Texts for training, validation and test; a file of yours is cut at 90 and 95 percent."""
    if TEXT_FILE is None:
        ptb = data.load("ptb")
        return [split.text for split in (ptb.train, ptb.valid, ptb.test)]
    text = Path(TEXT_FILE).read_text(encoding="utf-8")
    return [text[len(text) * a // 100 : len(text) * b // 100] for a, b in ((0, 90), (90, 95), (95, 100))]


found = [list(dict.fromkeys(split_sentences(text, SENTENCE, SHORTEST, LONGEST))) for text in three_texts()]
train = found[0]
known = set(train)  # sentences that held-out ones must not repeat
valid = [sentence for sentence in found[1] if sentence not in known]
known.update(found[1])
test = [sentence for sentence in found[2] if sentence not in known]
print(
    f"{len(train):,} sentences to train; left out as repetitions: {len(found[1]) - len(valid)} and {len(found[2]) - len(test)}"
)
valid, test = valid[:HELD_OUT], test[:HELD_OUT]
print(f"{len(valid):,} to validate, {len(test):,} to test, none of which occurs in training")

# %%
lengths = np.array([len(sentence) for sentence in train])
fig, ax = plots.axes(height=3.2)
ax.hist(lengths, bins=np.arange(0, LONGEST + 6, 5), color=plots.COLOURS[4])
for width in WIDTHS:
    ax.axvline(width, color="black", linestyle=":", linewidth=1.2)
ax.set(xlabel="characters in a sentence", ylabel="training sentences")
plots.show(
    fig,
    f"Lengths of the training sentences, {lengths.mean():.0f} characters on average. Dotted: the widths of our buckets.",
    "A histogram with one broad hump and a long tail to the right; dotted lines cut it into buckets.",
)

# %% [markdown]
# Every character gets a number. Three more numbers have a special job: `PAD` fills up, `END` closes a sentence (and also stands in front of it: the network starts from there), `OTHER` stands for characters that training never saw.

# %% tags=["helper"]
PAD, END, OTHER = 0, 1, 2

# %%
letters = sorted(set("".join(train)))
number_of = {letter: number for number, letter in enumerate(letters, start=3)}
SYMBOLS = len(letters) + 3


def encode(sentences):
    """Each sentence as an array of numbers, closed by END."""
    return [np.array([number_of.get(letter, OTHER) for letter in s] + [END], "int32") for s in sentences]


train_rows, valid_rows = encode(train), encode(valid)
print(f"{SYMBOLS} symbols, {sum(map(len, train_rows)):,} to predict in one epoch")
print(valid[0][:40], "→", valid_rows[0][:12].tolist(), "…")

# %% [markdown]
# Two properties of this text make its bits cheap, and you should know them before you compare with other texts: everything is lower case, and rare words were replaced by the five characters `<unk>`, numbers by `N`.
#
# ## Padding and the mask
#
# A batch is an array, so its rows have one width. Short sentences are filled up *behind their end*. The network reads from left to right, so what stands behind the end can change nothing in front of it.
#
# ### Exercise 12.2 · A padded batch
#
# `rows` are arrays that close with `END`. The targets are the rows, filled up with `PAD`. The inputs are the targets moved one place to the right, with `END` in the first place: at each place the network sees what came before, and has to name what comes now. The lengths count the real targets, `END` included.


# %% tags=["exercise"]
def padded_batch(rows, width):
    """Inputs and targets of shape (len(rows), width), and the lengths; all of them int32."""
    ### BEGIN SOLUTION
    targets = np.full((len(rows), width), PAD, "int32")
    for i, row in enumerate(rows):
        targets[i, : len(row)] = row
    inputs = np.concatenate([np.full((len(rows), 1), END, "int32"), targets[:, :-1]], axis=1)
    return inputs, targets, np.array([len(row) for row in rows], "int32")
    ### END SOLUTION


# %% tags=["check"]
checks.run("12.padded_batch", padded_batch)

# %% [markdown]
# ### Exercise 12.3 · The mask from the lengths
#
# 1 where there is a real target, 0 behind it. `tf.range(width)` has shape `(width,)`, the lengths have shape `(batch,)`: compare them so that the result has shape `(batch, width)`, and return it as float32. Use TensorFlow's operations, because this becomes part of the compiled training step.


# %% tags=["exercise"]
def mask_from_lengths(lengths, width):
    """Float32 of shape (batch, width): 1 for the first `lengths[i]` places of row i, then 0."""
    ### BEGIN SOLUTION
    return tf.cast(tf.range(width)[None, :] < lengths[:, None], tf.float32)
    ### END SOLUTION


# %% tags=["check"]
checks.run("12.mask_from_lengths", mask_from_lengths)

# %% [markdown]
# Why compute the mask from the lengths, and not as `targets != PAD`? Both work here. The lengths still work when 0 is a real symbol, and when the data are numbers that have no spare value.
#
# ## Sort by length
#
# Padding need not be much. Put sentences of similar length into one batch: a *bucket* holds all sentences up to its width. Few widths mean few shapes.


# %% tags=["helper"]
def bucketed(rows, widths, batch_size, rng=None):
    """Batches as (row numbers, width): rows of one batch fit the same width. In random order if `rng` is given."""
    bucket_of = np.searchsorted(widths, [len(row) for row in rows])
    groups = []
    for bucket, width in enumerate(widths):
        members = np.flatnonzero(bucket_of == bucket)
        members = members if rng is None else rng.permutation(members)
        groups += [(members[i : i + batch_size], width) for i in range(0, len(members), batch_size)]
    return groups if rng is None else [groups[i] for i in rng.permutation(len(groups))]


# %%
rng = np.random.default_rng(0)
shares = []
for name, widths in {"one width for all": WIDTHS[-1:], f"{len(WIDTHS)} buckets": WIDTHS}.items():
    groups = bucketed(train_rows, widths, BATCH_SIZE, rng)
    places = sum(len(members) * width for members, width in groups)
    shares.append([name, len(groups), f"{places:,}", f"{100 * sum(map(len, train_rows)) / places:.0f} %"])
plots.table(shares, ["batches of", "batches in an epoch", "places to compute", "of them real"])

# %%
batches = {
    "one width for all": bucketed(train_rows, WIDTHS[-1:], BATCH_SIZE)[0],
    "a bucket": next(group for group in bucketed(train_rows, WIDTHS, BATCH_SIZE) if group[1] == WIDTHS[1]),
}
fig, panels = plots.axes(columns=2, height=3.4, gridspec_kw={"width_ratios": [WIDTHS[-1], WIDTHS[1]]})
for ax, (title, (members, width)) in zip(panels, batches.items()):
    lengths = padded_batch([train_rows[i] for i in members], width)[2]
    ax.imshow(mask_from_lengths(lengths, width), cmap="gray", vmin=0, vmax=1, aspect="auto")
    ax.set(title=title, xlabel="place")
    ax.grid(False)
panels[0].set_ylabel("sentence of the batch")
plots.show(
    fig,
    f"Masks of two batches of {BATCH_SIZE} sentences. White: real characters; black: padding.",
    "Left: a batch as wide as the longest sentence, more than half black. Right: a batch of one bucket, mostly white.",
)

# %% [markdown] tags=["notes"]
# Ask before the table: what share of a batch is padding if all are padded to 256? Most people guess a quarter. Point at the left panel. Then ask who would notice if the loss counted the black part: nobody, the curve would look *better*.

# %% [markdown]
# ## The masked loss
#
# Let $y_{it}$ be the target of sentence $i$ at place $t$, $p_{it}$ the probability that the network gives to it, and $m_{it}$ the mask. The loss is the mean over *real* targets:
#
# $$L = \frac{\sum_{i,t} m_{it}\,(-\ln p_{it})}{\sum_{i,t} m_{it}}.$$
#
# Divided by $\ln 2$ it is in *bits per character*: how many yes-or-no questions the network needs for the next character. Guessing among all 256 values of a byte costs 8 bits.
#
# ### Exercise 12.4 · The masked loss
#
# `tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)` gives $-\ln p_{it}$ at every place. Beware of two tempting means: over all places (counts padding), and over sentences of each sentence's mean (a character of a short sentence counts more).


# %% tags=["exercise"]
def masked_loss(logits, targets, mask):
    """Mean of −ln p over the places where the mask is 1, in all sentences together."""
    ### BEGIN SOLUTION
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)
    ### END SOLUTION


# %% tags=["check"]
checks.run("12.masked_loss", masked_loss)

# %% [markdown]
# Vectorised code that is wrong still gives a number. The safest test is a loop so plain that it cannot be wrong, on sentences that were never padded.


# %%
def loss_of_a_loop(logits, rows):
    """The same number without padding, mask or array operations over sentences."""
    total, count = 0.0, 0
    for i, row in enumerate(rows):
        for t, symbol in enumerate(row):
            scores = logits[i, t].astype("float64")
            total += np.log(np.exp(scores).sum()) - scores[symbol]
            count += 1
    return total / count


some = train_rows[:6]
_, targets, lengths = padded_batch(some, 256)
logits = np.random.default_rng(0).normal(0, 2, size=(6, 256, SYMBOLS)).astype("float32")
fast, slow = float(masked_loss(logits, targets, mask_from_lengths(lengths, 256))), loss_of_a_loop(logits, some)
np.testing.assert_allclose(fast, slow, rtol=1e-5)
print(
    f"masked {fast:.5f}, loop {slow:.5f}; with padding counted {float(masked_loss(logits, targets, np.ones((6, 256), 'float32'))):.5f}"
)

# %% [markdown]
# ## A GRU in the form that is fast
#
# A gated recurrent unit keeps a state $h$. From the symbol $x$ and the old state it computes a gate $z$ (how much to keep), a gate $r$ (how much of the past the candidate may see) and a candidate $c$:
#
# $$z = \sigma(x_z + U_z h), \quad r = \sigma(x_r + U_r h), \quad c = \tanh(x_c + r \odot (U_c h)), \quad h \leftarrow z \odot h + (1 - z) \odot c,$$
#
# with biases left out here. For a symbol, "input times matrix" only picks a row: $x_z, x_r, x_c$ come from a table of shape (symbols, 3 · units). So the loop over time holds one matrix product, $h\,U$.


# %% tags=["helper"]
def gru_step(h, x, U, b):
    """One step for a batch: the new state, and the parts (z, r, c, U_c h + b_c) that the way back needs."""
    units = h.shape[-1]
    past = h @ U + b
    gates = tf.sigmoid(x[:, : 2 * units] + past[:, : 2 * units])
    z, r = gates[:, :units], gates[:, units:]
    c = tf.tanh(x[:, 2 * units :] + r * past[:, 2 * units :])
    return c + z * (h - c), tf.concat([gates, c, past[:, 2 * units :]], axis=1)


def gru_forward(x, U, b):
    """States and parts of all steps; x has shape (time, batch, 3 · units)."""
    steps, units = tf.shape(x)[0], U.shape[0]

    def body(t, h, states, parts):
        h, part = gru_step(h, x[t], U, b)
        return t + 1, h, states.write(t, h), parts.write(t, part)

    empty = [tf.TensorArray(tf.float32, steps), tf.TensorArray(tf.float32, steps)]
    h = tf.zeros((tf.shape(x)[1], units))
    *_, states, parts = tf.while_loop(lambda t, *_: t < steps, body, (0, h, *empty))
    return states.stack(), parts.stack()


# %% [markdown]
# TensorFlow can differentiate that loop, but then it adds a matrix of gradients for $U$ at *every* step. Written by hand, the way back collects what reaches the sums in front of the gates, and the gradient of $U$ is one large product at the end. `tf.custom_gradient` takes a function that returns the result and its gradient.


# %% tags=["helper"]
@tf.custom_gradient
def gru(x, U, b):
    """States of all steps, shape (time, batch, units), with a gradient written by hand."""
    states, parts = gru_forward(x, U, b)
    before = tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)

    def gradient(upstream):
        z, r, c, candidate_past = tf.split(parts, 4, axis=2)
        to_z, to_c = (before - c) * z * (1 - z), (1 - z) * (1 - c * c)
        to_r = candidate_past * r * (1 - r)

        def body(t, dh, sums):
            dh += upstream[t]
            dc = dh * to_c[t]
            dz, dr = dh * to_z[t], dc * to_r[t]
            back = tf.matmul(tf.concat([dz, dr, dc * r[t]], axis=1), U, transpose_b=True)
            return t - 1, dh * z[t] + back, sums.write(t, tf.concat([dz, dr, dc], axis=1))

        steps = tf.shape(x)[0]
        start = (steps - 1, tf.zeros_like(upstream[0]), tf.TensorArray(tf.float32, steps))
        dx = tf.while_loop(lambda t, *_: t >= 0, body, start)[2].stack()
        dz, dr, dc = tf.split(dx, 3, axis=2)
        past = tf.reshape(tf.concat([dz, dr, dc * r], axis=2), (-1, 3 * U.shape[0]))
        dU = tf.matmul(tf.reshape(before, (-1, U.shape[0])), past, transpose_a=True)
        return dx, dU, tf.reduce_sum(past, axis=0)

    return states, gradient


# %% [markdown]
# Hand-written gradients are wrong until shown right. Keras' own layer gets the same weights: states and gradients must agree. Then both are timed.

# %%
layer = keras.layers.GRU(UNITS, return_sequences=True)
width = WIDTHS[1]
symbols = tf.constant(padded_batch([row for row in train_rows if len(row) <= width][:BATCH_SIZE], width)[0])
one_hot = tf.one_hot(symbols, SYMBOLS)
layer.build(one_hot.shape)
table, U, (_, b) = (tf.constant(weight) for weight in layer.get_weights())
goal = tf.random.stateless_normal((*symbols.shape, UNITS), seed=(0, 0))


@tf.function
def by_hand():
    with tf.GradientTape() as tape:
        tape.watch([table, U, b])
        states = tf.transpose(gru(tf.gather(table, tf.transpose(symbols)), U, b), (1, 0, 2))
        loss = tf.reduce_sum(states * goal)
    return states, *(tf.convert_to_tensor(g) for g in tape.gradient(loss, [table, U, b]))


@tf.function
def by_keras():
    with tf.GradientTape() as tape:
        states = layer(one_hot)
        loss = tf.reduce_sum(states * goal)
    kernel, recurrent, bias = tape.gradient(loss, layer.trainable_variables)
    return states, kernel, recurrent, bias[1]


for name, ours, theirs in zip(("states", "table", "U", "b"), by_hand(), by_keras()):
    difference = float(tf.reduce_max(tf.abs(ours - theirs)) / tf.reduce_max(tf.abs(theirs)))
    print(f"{name:7} largest difference to Keras, relative: {difference:.0e}")
    assert difference < 1e-4


# %%
def speed(run, repeats=4):
    """Characters in a second, forward and backward."""
    run()
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return repeats * symbols.shape[0] * symbols.shape[1] / (time.perf_counter() - begin)


rows = [[name, f"{speed(run):,.0f}"] for name, run in (("keras.layers.GRU", by_keras), ("by hand", by_hand))]
plots.table(rows, [f"GRU with {UNITS} units", "characters in a second, there and back"])

# %% [markdown]
# The times differ from machine to machine and from run to run; on one machine they are the only numbers in this lesson that may. (Another kind of processor rounds differently, which shows in a last digit here and there.)
#
# ## The model and its training step
#
# A table, a GRU, a dense layer: a symbol goes in, one logit for each symbol comes out. One `tf.function` with an open width serves all buckets: the loop runs as far as the batch is wide.


# %% tags=["helper"]
BATCH = [tf.TensorSpec((None, None), tf.int32)] * 2 + [tf.TensorSpec((None,), tf.int32)]


class CharacterGRU:
    """A character-level language model, with one compiled graph for scoring and one for writing."""

    def __init__(self, units):
        uniform, orthogonal = keras.initializers.GlorotUniform(), keras.initializers.Orthogonal()
        shapes = [(SYMBOLS, 3 * units), (units, 3 * units), (3 * units,), (units, SYMBOLS), (SYMBOLS,)]
        makers = [uniform, orthogonal, tf.zeros, uniform, tf.zeros]
        self.variables = [tf.Variable(make(shape)) for make, shape in zip(makers, shapes)]
        self.table, self.U, self.b, self.kernel, self.bias = self.variables
        self.score = tf.function(self._score, input_signature=BATCH).get_concrete_function()

    def logits(self, inputs):
        """Logits of shape (batch, width, symbols)."""
        states = gru(tf.gather(self.table, tf.transpose(inputs)), self.U, self.b)
        return tf.transpose(states, (1, 0, 2)) @ self.kernel + self.bias

    def _score(self, inputs, targets, lengths):
        return log_probabilities(self.logits(inputs), targets, mask_from_lengths(lengths, tf.shape(inputs)[1]))

    def step(self, symbol, state):
        """Logits after one more symbol, and the new state; state None starts from zero."""
        state = tf.zeros((1, self.U.shape[0])) if state is None else state
        state, _ = gru_step(state, self.table[symbol][None], self.U, self.b)
        return (state @ self.kernel + self.bias)[0], state


# %% [markdown]
# `score` calls `log_probabilities`, which is yours to write. The probability of a sentence is the product of the probabilities of its characters, each given what came before, and of its end:
#
# $$\ln P(\text{sentence } i) = \sum_t m_{it} \ln p_{it}.$$
#
# ### Exercise 12.5 · The log-probability of each sentence


# %% tags=["exercise"]
def log_probabilities(logits, targets, mask):
    """Natural logarithm of the probability of each sentence of a batch, its end included: shape (batch,)."""
    ### BEGIN SOLUTION
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return -tf.reduce_sum(losses * mask, axis=1)
    ### END SOLUTION


# %% tags=["check"]
checks.run("12.log_probabilities", log_probabilities)


# %% tags=["helper"]
def log2_probabilities(model, rows, widths=WIDTHS, count_padding=False):
    """Base-2 logarithm of the probability of each row, whatever its length."""
    found = np.zeros(len(rows))
    for members, width in bucketed(rows, widths, 128):
        inputs, targets, lengths = padded_batch([rows[i] for i in members], width)
        lengths = np.full_like(lengths, width) if count_padding else lengths
        found[members] = model.score(tf.constant(inputs), tf.constant(targets), tf.constant(lengths))
    return found / np.log(2)


def bits_per_character(log2, rows):
    """All bits over all predicted symbols: a long sentence weighs more than a short one."""
    return -np.sum(log2) / sum(map(len, rows))


class Training:
    """A model with its optimiser; the step is one compiled graph for all widths."""

    def __init__(self, model, steps, count_padding=False):
        self.model, self.count_padding = model, count_padding
        self.optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps), global_clipnorm=1.0)
        self.optimizer.build(model.variables)
        self.graph = tf.function(self._step, input_signature=BATCH).get_concrete_function()

    def _step(self, inputs, targets, lengths):
        mask = mask_from_lengths(lengths, tf.shape(inputs)[1])
        mask = tf.ones_like(mask) if self.count_padding else mask
        with tf.GradientTape() as tape:
            loss = masked_loss(self.model.logits(inputs), targets, mask)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.model.variables), self.model.variables))
        return loss

    def step(self, inputs, targets, lengths):
        """One step on one padded batch; returns its loss in bits."""
        return float(self.graph(tf.constant(inputs), tf.constant(targets), tf.constant(lengths))) / np.log(2)


# %% [markdown]
# ## What happens without the mask?
#
# Three ways to train the same small network, each with the same number of steps, seeds, and (on average) real characters in a step:
#
# - **masked**: whole sentences, padded to one width, padding not counted;
# - **padding counted**: the same batches in the same order, but `PAD` is a target like any other;
# - **fixed slices**: the sentences run together, cut every so many characters. That is often sold as "variable length".
#
# Each way reports a validation number *of its own kind*: this is what you would read off its training log. Then all three are measured alike: whole validation sentences, real characters only.


# %%
def slices(rows, width):
    """The rows run together and cut into pieces of a fixed width."""
    stream = np.concatenate(rows)
    return list(stream[: len(stream) // width * width].reshape(-1, width))


SLICE = int(np.mean([len(row) for row in train_rows]))
WAYS = ("masked", "padding counted", "fixed slices")


def train_one_way(run):
    way, seed = run
    keras.utils.set_random_seed(seed)
    rng, model = np.random.default_rng(seed), CharacterGRU(SHORT_UNITS)
    training = Training(model, SHORT_STEPS, count_padding=way == "padding counted")
    cut = way == "fixed slices"
    pool, width = (slices(train_rows, SLICE), SLICE) if cut else (train_rows, WIDTHS[-1])
    for _ in range(SHORT_STEPS):
        members = rng.integers(len(pool), size=SHORT_BATCH)
        training.step(*padded_batch([pool[i] for i in members], width))
    honest = bits_per_character(log2_probabilities(model, valid_rows[:1000]), valid_rows[:1000])
    own_rows = slices(valid_rows, SLICE)[:1000] if cut else valid_rows[:1000]
    own = -log2_probabilities(model, own_rows, (width,), count_padding=way == "padding counted").sum()
    own /= len(own_rows) * width if way != "masked" else sum(map(len, own_rows))
    return {"own": own, "honest": honest}


settings = dict(
    UNITS=SHORT_UNITS, STEPS=SHORT_STEPS, BATCH=SHORT_BATCH, RATE=RATE, HELD_OUT=HELD_OUT, TEXT=TEXT_FILE,
    PATTERN=SENTENCE, LONGEST=LONGEST, SHORTEST=SHORTEST, WIDTHS=WIDTHS,
)  # fmt: skip
ways = resume.pieces("three ways", [(w, s) for w in WAYS for s in range(SEEDS)], train_one_way, settings)

# %%
of_way = {way: {k: np.array([ways[way, s][k] for s in range(SEEDS)]) for k in ("own", "honest")} for way in WAYS}
rows = [[way, *(metrics.mean_sd(of_way[way][k]) for k in ("own", "honest"))] for way in WAYS]
plots.table(rows, ["trained on", "bits it reports for itself", "bits per real character, whole sentences"])

# %%
fig, ax = plots.axes(height=3.0)
for place, way in enumerate(WAYS):
    ax.plot(of_way[way]["own"], np.full(SEEDS, place - 0.12), "s", color=plots.COLOURS[1], label="it reports")
    ax.plot(of_way[way]["honest"], np.full(SEEDS, place + 0.12), "o", color=plots.COLOURS[0], label="real characters")
ax.set_yticks(range(len(WAYS)), WAYS)
ax.set_ylim(2.5, -0.5)
ax.set(xlabel="validation, bits per character")
ax.legend(*(part[:2] for part in ax.get_legend_handles_labels()), loc="center left", bbox_to_anchor=(1.0, 0.5))
plots.show(
    fig,
    "What each way reports, and what it is worth. Each mark is one seed.",
    "Two marks for each of three ways of training; for padding counted the reported number lies far to the left.",
)

# %%
for way in WAYS[1:]:
    difference, error = metrics.paired_difference(of_way[way]["honest"], of_way["masked"]["honest"])
    print(f"{way} minus masked, same seed: {difference:+.3f} bits per real character, standard error {error:.3f}")

# %% [markdown]
# The run that counts padding reports 1.49 bits, less than half of what the others report. Measured on real characters it is the worst of the three: 3.33 bits, 0.19 more than with the mask, seed by seed (standard error 0.07). More than half of its places were padding, which is easy to predict, and that part of the loss drowned the rest.
#
# Slices do no harm that three seeds could show: 0.013 bits more, with a standard error of 0.006. They are not wrong. They just have one length, and begin in the middle of sentences.

# %% [markdown] tags=["notes"]
# Cover the right column and ask which way of training won. Then uncover it. The point to make: a loss that counts padding does not look broken, it looks excellent. Ask how one could notice (the number changes with the width of the batch).

# %% [markdown]
# ## A baseline that counts
#
# Before networks, language models counted. Let $n(hc)$ be how often character $c$ followed the context $h$ (the last $k-1$ characters) in training, $n(h)$ the sum over $c$, and $d(h)$ the number of *different* characters that followed. Witten and Bell mix each order with the one below:
#
# $$p_k(c \mid h) = \frac{n(hc) + d(h)\, p_{k-1}(c \mid h')}{n(h) + d(h)},$$
#
# where $h'$ is $h$ without its first character, and $p_0$ gives each symbol the same. A context with many different successors is no good guide, so the shorter one gets more weight. An n-gram becomes one whole number in base `SYMBOLS`, so counting is sorting.


# %%
def ngram_codes(rows, orders):
    """For each order k a whole number for the k symbols that end at each place; END stands before a sentence."""
    widest = max(map(len, rows))
    symbols = np.full((len(rows), orders + widest), END, "int64")
    symbols[:, orders:] = padded_batch(rows, widest)[1]
    real = np.arange(widest) < np.array([len(row) for row in rows])[:, None]
    code, codes = np.zeros(real.sum(), "int64"), []
    for k in range(orders):
        code = code + symbols[:, orders - k : orders - k + widest][real] * SYMBOLS**k
        codes.append(code)
    return codes


def count_ngrams(rows, orders):
    """For each order: n-grams with their counts, contexts with their counts and numbers of different successors."""
    tables = []
    for codes in ngram_codes(rows, orders):
        grams, counts = np.unique(codes, return_counts=True)
        contexts, first = np.unique(grams // SYMBOLS, return_index=True)
        different = np.diff(np.append(first, len(grams)))
        tables.append((grams, counts, contexts, np.add.reduceat(counts, first), different))
    return tables


# %%
def look_up(keys, table, *columns):
    """The entries of sorted `table` for each key, 0 where it is missing."""
    place = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return [np.where(table[place] == keys, column[place], 0) for column in columns]


def ngram_probabilities(tables, rows):
    """The probability of each character of all rows, one after the other, for every order."""
    found = [np.full(sum(map(len, rows)), 1 / SYMBOLS)]
    for codes, (grams, counts, contexts, totals, different) in zip(ngram_codes(rows, len(tables)), tables):
        (n,) = look_up(codes, grams, counts)
        total, d = look_up(codes // SYMBOLS, contexts, totals, different)
        found.append(np.where(total > 0, (n + d * found[-1]) / np.maximum(total + d, 1), found[-1]))
    return found[1:]


def log2_of_rows(p, rows):
    """Base-2 logarithm of the probability of each row from those of its characters."""
    row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    return np.bincount(row_of, np.log2(p), minlength=len(rows))


assert SYMBOLS**ORDERS < 2**63, "too many symbols for this order: choose smaller ORDERS"
ngrams = count_ngrams(train_rows, ORDERS)
ngram_bits = [-np.log2(p).mean() for p in ngram_probabilities(ngrams, valid_rows)]
best = int(np.argmin(ngram_bits))
print(f"validation chooses order {best + 1}: {ngram_bits[best]:.3f} bits per character")

# %% [markdown]
# A probability model must add up to one. Here is the test: over all symbols after one context.

# %%
beginning = valid_rows[0][:20]
followers = [np.append(beginning, symbol) for symbol in range(SYMBOLS)]
sums = np.array([p.reshape(SYMBOLS, -1)[:, -1].sum() for p in ngram_probabilities(ngrams, followers)])
np.testing.assert_allclose(sums, 1, rtol=1e-9)
print("sums over all next symbols, by order:", sums.round(6))

# %% [markdown]
# ## The long run
#
# Now with buckets, the larger state and all sentences. An epoch is trained in parts; after each we look at training *and* validation sentences. An interrupted run goes on with the next part.

# %%
keras.utils.set_random_seed(0)
model = CharacterGRU(UNITS)
steps = ROUNDS * int(np.ceil(len(train_rows) / PARTS / BATCH_SIZE + len(WIDTHS) / 2))
training = Training(model, steps)
looked_at = min(500, len(valid_rows))


def train_part(number):
    """One part of an epoch: every training sentence is in exactly one part of each epoch."""
    order = np.random.default_rng(number // PARTS).permutation(len(train_rows))
    part = [train_rows[i] for i in np.array_split(order, PARTS)[number % PARTS]]
    for members, width in bucketed(part, WIDTHS, BATCH_SIZE, np.random.default_rng([0, number])):
        training.step(*padded_batch([part[i] for i in members], width))
    pair = (train_rows[:looked_at], valid_rows[:looked_at])
    bits = [bits_per_character(log2_probabilities(model, rows), rows) for rows in pair]
    print(f"part {number + 1:2} of {ROUNDS}: training {bits[0]:.3f}, validation {bits[1]:.3f} bits per character")
    return {"bits": bits}


long_settings = settings | dict(UNITS=UNITS, BATCH=BATCH_SIZE, PARTS=PARTS, ROUNDS=ROUNDS)
history = resume.stages(
    "long run", ROUNDS, train_part, lambda: model.variables + training.optimizer.variables, long_settings
)

# %%
bits = np.array([part["bits"] for part in history])
fig, ax = plots.axes(height=3.6)
plots.curves(
    {"GRU, training sentences": bits[:, 0], "GRU, validation sentences": bits[:, 1]},
    "sentences seen, epochs", "bits per character", x=np.arange(1, ROUNDS + 1) / PARTS, ax=ax,
)  # fmt: skip
same_rows = -np.log2(ngram_probabilities(ngrams[: best + 1], valid_rows[:looked_at])[-1]).mean()
ax.axhline(same_rows, color="black", linestyle=":", label=f"{best + 1}-grams, validation")
ax.legend()
plots.show(
    fig,
    f"The long run, measured on {looked_at} sentences each. Dotted: the best n-gram model on the same validation sentences.",
    "Two falling curves, close together at first, and a horizontal dotted line for the n-gram model.",
)

# %% [markdown]
# After four and a half epochs the network pays 1.56 bits on training and 1.71 on validation sentences, and the last four parts of the run bring only 0.013. These 500 validation sentences are harder than most: on them the n-grams pay 1.67, on all of validation 1.58. Counting is still ahead on both, by 0.04 bits here and by 0.05 on all of validation, where the network ends at 1.62, the right end of the next figure.

# %% [markdown]
# ## Two models, mixed
#
# The two models err in different places: n-grams know frequent strings by heart, the GRU remembers what was said long before. Let $w$ be the weight of the GRU and mix the probabilities of each character, $p = w\, p_\text{GRU} + (1 - w)\, p_\text{n-gram}$. This is a probability again. Validation chooses $w$; with $w = 1$ it would choose the GRU alone.


# %%
@tf.function(input_signature=BATCH[:2])
def surprise_of(inputs, targets):
    """Bits at each place of a batch."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, model.logits(inputs)) / np.log(2)


def gru_probabilities(rows):
    """The probability of each character of all rows, one after the other."""
    found = [None] * len(rows)
    for members, width in bucketed(rows, WIDTHS, 128):
        inputs, targets, lengths = padded_batch([rows[i] for i in members], width)
        bits = surprise_of(tf.constant(inputs), tf.constant(targets)).numpy().astype(float)
        for i, row, length in zip(members, bits, lengths):
            found[i] = 2.0 ** -row[:length]
    return np.concatenate(found)


p_gru, p_ngram = gru_probabilities(valid_rows), ngram_probabilities(ngrams[: best + 1], valid_rows)[-1]
np.testing.assert_allclose(log2_of_rows(p_gru, valid_rows), log2_probabilities(model, valid_rows), rtol=1e-3)
weights = np.linspace(0, 1, 21)
mixed_bits = [-np.log2(w * p_gru + (1 - w) * p_ngram).mean() for w in weights]
weight = weights[np.argmin(mixed_bits)]

# %%
fig, ax = plots.axes(height=3.2)
ax.plot(weights, mixed_bits, marker="o")
ax.axvline(weight, color="black", linestyle=":", label=f"chosen: {weight:.2f}")
ax.set(xlabel=f"weight of the GRU, the rest for {best + 1}-grams", ylabel="validation, bits per character")
ax.legend()
plots.show(
    fig,
    "Bits per character of the mixture. At the left end the n-grams alone, at the right end the GRU alone.",
    "A curve over the weight of the GRU from 0 to 1; a dotted line marks its lowest point.",
)

# %% [markdown]
# ## True or corrupted?
#
# Bits are hard to feel. So here is a test that a person could take: a true sentence, and a copy with one thing broken. Which is the true one? The model answers by the higher log-probability. Every corruption keeps the length, so that no model can win by preferring short sentences.
#
# - **letters swapped**: two different neighbouring letters inside one word of four letters or more;
# - **words swapped**: two different words of the sentence change places;
# - **word replaced**: a word gives way to another of the same length, drawn evenly from the words of the training text.
#
# These three make the mix that is recorded. Know what is easy about them: swapped letters mostly give a string that is no word at all, and a word drawn evenly is mostly a rare one. A model could win the third kind by word frequencies alone, so two more things stand in the table. One is a harder fourth kind, outside the mix: **by a usual word**, where the new word is drawn as often as the training text uses it. The other is a baseline that knows word frequencies and nothing else. Some copies are good English by chance, so nobody reaches 100 %.
#
# Only words of two letters or more are touched, never `<unk>`, numbers or punctuation.


# %%
def is_word(word):
    return word.isalpha() and len(word) > 1


vocabulary = defaultdict(Counter)  # for each length: words and how often training uses them
for word in (word for sentence in train for word in sentence.split() if is_word(word)):
    vocabulary[len(word)][word] += 1
lexicon = {n: (np.array(list(words)), np.array(list(words.values()))) for n, words in vocabulary.items()}


def swap_letters(words, rng):
    long = [(i, word) for i, word in enumerate(words) if is_word(word) and len(word) > 3]
    places = [(i, j) for i, word in long for j in range(len(word) - 1) if word[j] != word[j + 1]]
    if not places:
        return None
    i, j = places[rng.integers(len(places))]
    word = words[i]
    return [*words[:i], word[:j] + word[j + 1] + word[j] + word[j + 2 :], *words[i + 1 :]]


def swap_words(words, rng):
    places = [i for i, word in enumerate(words) if is_word(word)]
    pairs = [(i, j) for i in places for j in places if i < j and words[i] != words[j]]
    if not pairs:
        return None
    i, j = pairs[rng.integers(len(pairs))]
    return [*words[:i], words[j], *words[i + 1 : j], words[i], *words[j + 1 :]]


def replace_word(words, rng, power):
    """The new word is drawn in proportion to its count in training to this power: 0 is evenly, 1 is as often."""
    places = [i for i, word in enumerate(words) if is_word(word) and len(vocabulary[len(word)]) > 1]
    if not places:
        return None
    i = places[rng.integers(len(places))]
    others, counts = lexicon[len(words[i])]
    weights = np.where(others == words[i], 0.0, counts.astype(float) ** power)
    return [*words[:i], str(rng.choice(others, p=weights / weights.sum())), *words[i + 1 :]]


# %%
MIX = {
    "letters swapped": swap_letters,
    "words swapped": swap_words,
    "word replaced": lambda words, rng: replace_word(words, rng, power=0),
}
KINDS = MIX | {"by a usual word": lambda words, rng: replace_word(words, rng, power=1)}


def corrupted(sentences):
    """The sentences that allow every kind of corruption, and for each kind their corrupted copies."""
    kept, copies = [], {kind: [] for kind in KINDS}
    for number, sentence in enumerate(sentences):
        rng, words = np.random.default_rng([12, number]), sentence.split()
        broken = [corrupt(words, rng) for corrupt in KINDS.values()]
        if None in broken:
            continue
        kept.append(sentence)
        for kind, copy in zip(KINDS, map(" ".join, broken)):
            assert copy != sentence
            assert len(copy) == len(sentence)
            copies[kind].append(copy)
    return kept, copies


true, copies = corrupted(valid)
print(f"{len(true):,} of {len(valid):,} validation sentences allow all kinds")
example = next(i for i, sentence in enumerate(true) if 40 <= len(sentence) <= 60)
plots.table([["true", true[example]], *([kind, copies[kind][example]] for kind in KINDS)], ["", "sentence"])


# %% [markdown]
# Where does a corruption hurt? The *surprise* of a character is $-\log_2 p$. Here it is, along one sentence and its copy.

# %%
pair = [true[example], copies["words swapped"][example]]
rows = encode(pair)
inputs, targets, lengths = padded_batch(rows, len(rows[0]))
surprise = surprise_of(tf.constant(inputs), tf.constant(targets)).numpy()
np.testing.assert_allclose(-surprise.sum(axis=1), log2_probabilities(model, rows), rtol=1e-4)
fig, panels = plots.axes(rows=2, height=2.2, sharey=True)
for ax, sentence, bits_here in zip(panels, pair, surprise):
    ax.bar(range(len(bits_here)), bits_here, color=plots.COLOURS[0])
    ax.set_xticks(range(len(bits_here)), [*sentence, "■"], fontsize=11)
    ax.set(ylabel="surprise, bits", title=f"{bits_here.sum():.1f} bits in all")
    ax.grid(axis="x", visible=False)
plots.show(
    fig,
    "Surprise at each character of a true sentence (top) and of its copy with two words swapped. ■ is the end.",
    "Two rows of bars, high at the beginnings of words, low inside them.",
)

# %% [markdown] tags=["notes"]
# Let the class read the bars: where are the peaks, and why are the ends of words so cheap? Then ask where the copy pays: at the swapped words, or behind them?

# %% [markdown]
# The *ranking accuracy* is the share of pairs in which the true sentence has the strictly higher log-probability. Chance is 50 %. On the first validation sentences, with the mask and without: the second column adds what the network says about the padding, about which it was never taught anything.


# %%
def ranking(score, sentences, copies):
    """For each kind, whether the true sentence wins, pair by pair."""
    of_true = score(sentences)
    return {kind: of_true > score(copies[kind]) for kind in KINDS}


def gru_score(sentences):
    return log2_probabilities(model, encode(sentences))


def ngram_score(sentences, order):
    rows = encode(sentences)
    return log2_of_rows(ngram_probabilities(ngrams[:order], rows)[-1], rows)


def mixed_score(sentences):
    rows = encode(sentences)
    p_ngram = ngram_probabilities(ngrams[: best + 1], rows)[-1]
    return log2_of_rows(weight * gru_probabilities(rows) + (1 - weight) * p_ngram, rows)


def unmasked_score(sentences):
    return log2_probabilities(model, encode(sentences), WIDTHS[-1:], count_padding=True)


some, some_copies = true[:PAIRS], {kind: copies[kind][:PAIRS] for kind in KINDS}
with_mask, without = (ranking(score, some, some_copies) for score in (gru_score, unmasked_score))
rows = [[kind, *(f"{100 * won[kind].mean():.1f} %" for won in (with_mask, without))] for kind in KINDS]
plots.table(rows, [f"{len(some)} validation sentences", "masked", "padding counted"])

# %% [markdown]
# Swapped letters are found by both. In the other three rows padding costs two to six points. Nothing about the sentences has changed: to both scores of a pair something was added that the network was never taught, and where two sentences are close, that decides.

# %% [markdown]
# ## Let it write
#
# Writing goes one character at a time: start from `END`, look at the logits, draw a symbol, feed it back together with the *state*, and stop when the symbol drawn is `END`. A *temperature* $T$ divides the logits: $p_c \propto \exp(\ell_c / T)$. Below 1 the network plays safe, above 1 it takes risks.
#
# ### Exercise 12.6 · Write until the end
#
# `step(symbol, state)` gives the logits for the next symbol and the new state; the first state is `None`. Compute the probabilities in NumPy (subtract the largest logit first), draw with `rng.choice(len(p), p=p)`, and return the list of symbols without `END`. Stop after `longest` symbols too: nothing forces a network to end.


# %% tags=["exercise"]
def sample_sentence(step, temperature, rng, longest):
    """Symbols drawn one after the other until END, which is not returned, or until there are `longest`."""
    ### BEGIN SOLUTION
    symbol, state, written = END, None, []
    while len(written) < longest:
        logits, state = step(symbol, state)
        scores = np.asarray(logits, dtype="float64") / temperature
        p = np.exp(scores - scores.max())
        symbol = int(rng.choice(len(p), p=p / p.sum()))
        if symbol == END:
            break
        written.append(symbol)
    return written
    ### END SOLUTION


# %% tags=["check"]
def sample_from_table(table, drift, temperature, rng, longest):
    """Write with a toy model: logits from a table, moved a little by a state that counts the steps."""

    def step(symbol, state):
        state = 0 if state is None else state + 1
        return table[symbol] + drift * state, state

    return sample_sentence(step, temperature, rng, longest)


checks.run("12.sample_sentence", sample_from_table)

# %% [markdown]
# First a proof that step by step is the same as all at once: the logits along a sentence must agree with those of the whole sentence.

# %%
scalar = [tf.TensorSpec((), tf.int32), tf.TensorSpec((1, UNITS), tf.float32)]
one_step = tf.function(model.step, input_signature=scalar).get_concrete_function()


def next_symbol(symbol, state):
    """The model's step, with PAD and OTHER ruled out."""
    state = tf.zeros((1, UNITS)) if state is None else state
    logits, state = one_step(tf.constant(symbol), state)
    return np.where(np.isin(np.arange(SYMBOLS), (PAD, OTHER)), -np.inf, logits.numpy()), state


inputs, _, _ = padded_batch(valid_rows[:1], len(valid_rows[0]))
whole, state = model.logits(inputs)[0].numpy(), None
for t, symbol in enumerate(inputs[0]):
    logits, state = next_symbol(int(symbol), state)
    np.testing.assert_allclose(logits[[END, *range(3, SYMBOLS)]], whole[t, [END, *range(3, SYMBOLS)]], atol=1e-3)
print(f"{len(inputs[0])} steps give the logits of the whole sentence")

# %%
written = {}
for temperature in TEMPERATURES:
    rng = np.random.default_rng(0)
    drawn = [sample_sentence(next_symbol, temperature, rng, LONGEST) for _ in range(SAMPLES)]
    written[temperature] = ["".join(letters[symbol - 3] for symbol in symbols) for symbols in drawn]
    print(f"temperature {temperature}")
    print("\n".join(f"   {sentence}" for sentence in written[temperature][:3]))

# %% [markdown]
# Count instead of admire: how many of the written words occur in the training text, how many sentences are copied from it, how many reach an end, and how long they are. The last row gives the same numbers for real sentences.

# %%
in_train = set(train)
words_seen = {word for sentence in train for word in sentence.split()}


def portrait(name, sentences):
    words = [word for sentence in sentences for word in sentence.split()]
    share = np.mean([word in words_seen for word in words]) if words else 0.0
    ended = np.mean([len(sentence) < LONGEST for sentence in sentences])
    copied = sum(sentence in in_train for sentence in sentences)
    length = np.mean([len(sentence) for sentence in sentences])
    return [name, f"{100 * share:.1f} %", len(set(words)), f"{length:.0f}", f"{100 * ended:.0f} %", copied]


rows = [portrait(f"temperature {t}", sentences) for t, sentences in written.items()]
rows.append(portrait("validation sentences", valid[:SAMPLES]))
plots.table(rows, [f"{SAMPLES} sentences", "known words", "different words", "characters", "reach the end", "copied"])

# %% [markdown]
# A low temperature writes known words, 99.6 %, but few different ones, and walks in circles: four of ten sentences find no end. At temperature 1 nearly all end, early, and every seventh word is an invention. At 0.7 length and choice of words come closest to those of real sentences. No sentence is copied.

# %% [markdown] tags=["notes"]
# Read three samples aloud and let the class guess the temperature. Ask why a low temperature gives few different words, and what a temperature near 0 would do (the same sentence each time).

# %% [markdown] tags=["question"]
# **Question 12.a.** A colleague pads all sentences to 256 places, counts the padding, and reports 0.80 bits per character. On average a sentence has 118 real symbols. Assume that padding costs nearly nothing. How many bits per real character is that? What happens to the reported number if the width is doubled?

# %% [markdown] tags=["answer"]
# **Answer 12.a.** All the bits are spent on 118 of 256 places, so a real character costs about 0.80 · 256 / 118 ≈ 1.74 bits. With width 512 the same model reports about 0.40: the number halves and nothing got better. A number that depends on the width of the batch does not measure the model.

# %% [markdown]
# ## The test sentences, once
#
# Everything is chosen: the model is the last one of the long run, the order of the n-grams and the weight of the mixture came from validation. Now bits per character, and the ranking, kind by kind. The mix has the same number of pairs of each kind, made from the same sentences. The interval is one standard error over *sentences*, because the three pairs of one sentence are not independent.

# %%
test_rows = encode(test)
rows = [
    ["all symbols alike", f"{np.log2(SYMBOLS):.3f}"],
    ["frequency of each character", f"{bits_per_character(ngram_score(test, 1), test_rows):.3f}"],
    [f"{best + 1}-grams", f"{bits_per_character(ngram_score(test, best + 1), test_rows):.3f}"],
    [f"GRU, {UNITS} units", f"{bits_per_character(gru_score(test), test_rows):.3f}"],
    ["GRU and n-grams, mixed", f"{bits_per_character(mixed_score(test), test_rows):.3f}"],
]
plots.table(rows, ["model", "test, bits per character"])

# %%
counts_of = Counter(word for sentence in train for word in sentence.split())


def frequency_score(sentences):
    """Sum of the logarithms of how often training uses each word: no order, no context."""
    return np.array([sum(np.log(counts_of[word] + 0.1) for word in sorted(s.split())) for s in sentences])


true, copies = corrupted(test)
won = {
    "chance": {kind: np.full(len(true), 0.5) for kind in KINDS},
    "word frequencies": ranking(frequency_score, true, copies),
}
for order in sorted({min(4, best + 1), best + 1}):
    won[f"{order}-grams"] = ranking(partial(ngram_score, order=order), true, copies)
won["GRU"] = ranking(gru_score, true, copies)
won["GRU and n-grams, mixed"] = ranking(mixed_score, true, copies)

rows = []
for name, of_kind in won.items():
    of_sentence = np.mean([of_kind[kind] for kind in MIX], axis=0)
    error = 100 * of_sentence.std(ddof=1) / np.sqrt(len(true))
    mix = f"{100 * of_sentence.mean():.1f} ± {error:.1f}" if name != "chance" else "50.0"
    shares = [f"{100 * of_kind[kind].mean():.1f}" for kind in KINDS]
    rows.append([name, *shares[: len(MIX)], mix, *shares[len(MIX) :]])
plots.table(rows, [f"true sentence wins, % of {len(true):,}", *MIX, "mix of these three", *list(KINDS)[len(MIX) :]])
results.record("ranking_accuracy", np.mean([won["GRU and n-grams, mixed"][kind].mean() for kind in MIX]))

# %%
size = np.array([len(sentence) for sentence in true])
edges = np.quantile(size, np.linspace(0, 1, 6))
group = np.clip(np.searchsorted(edges, size, side="left") - 1, 0, 4)
middle = [size[group == g].mean() for g in range(5)]
fig, ax = plots.axes(height=3.4)
for kind, marker in zip(KINDS, "os^D"):
    ax.plot(middle, [100 * won["GRU"][kind][group == g].mean() for g in range(5)], marker=marker, label=kind)
ax.set(xlabel="characters in the sentence (mean of each fifth)", ylabel="true sentence wins, %")
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plots.show(
    fig,
    "Ranking accuracy of the GRU on test sentences, by length.",
    "Four lines over the length of the sentence, one for each kind of corruption.",
)

# %% [markdown]
# And where it fails: pairs in which the GRU prefers the corruption, by the widest margin.

# %%
log2_true = gru_score(true)
rows = []
for kind in KINDS:
    margin = gru_score(copies[kind]) - log2_true
    margin[size > 90] = -np.inf  # short ones fit the page
    worst = int(np.argmax(margin))
    rows += [[f"{kind}, true", true[worst]], [f"preferred by {margin[worst]:.1f} bits", copies[kind][worst]]]
plots.table(rows, ["", "test sentence"])

# %% [markdown]
# The mixture has the fewest bits, 1.463, and ranks best: 96.1 % of the mix, against 95.1 for the 7-grams and 94.6 for the GRU, with standard errors of 0.2. That two so different models gain from each other is the point: each errs elsewhere.
#
# Now read the row of word frequencies. Without any order it wins 99.9 % of the swapped letters and 88.6 % of the replaced words, because the copy holds a word that is rare or none. It wins no swapped words at all: both sentences have the same words, and a tie is no win. The last column takes that help away: 54.2 % for word frequencies, 77.7 for the GRU, 82.4 for the 7-grams, and the mixture (81.9) is no better than these.
#
# Length hardly matters. And look at the failures: "as people get many older even become" is broken, but "warrant language" and "the first and transaction" are strings of ordinary words. The network knows which letters make words, and less well which words make sense.

# %% [markdown] tags=["notes"]
# Ask which kind is the hardest before showing the table, and why. Then look at the failures together: in how many of them would the class have chosen the true sentence?

# %% [markdown]
# ## What went wrong in practice
#
# - **Slices called sentences.** Text cut every so many characters has one length. It needs no mask, and it teaches nothing about where sentences begin and end.
# - **A loss that counts padding.** It looks better the more you pad. Multiply by the mask *and* divide by its sum.
# - **The mean of means.** Averaging the mean of each sentence, or of each batch, gives short sentences too much weight. Sum everything, divide once.
# - **Only the training loss.** A number without a held-out number beside it says how well the text was learned by heart.
# - **A corruption that changes the length.** Then a model that likes short sentences wins without knowing any English.
# - **A forgotten state.** If sampling calls the model with one symbol and no state, it writes from one character to the next, like bigrams.

# %% [markdown]
# ## Summary
#
# - Pad behind the end, keep the lengths, make the mask from them; the loss is a sum over real targets divided by their number.
# - Assert vectorised code against a loop, step-by-step against all-at-once, hand-written gradients against a library.
# - Buckets save the computation that a mask only hides.
# - The log-probability of a sentence is a sum over its characters and its end. A ranking against corruptions makes it tangible, if the corruptions are stated and a baseline takes the same test.
# - The temperature trades safety for variety; the end symbol is a decision of the model.

# %% [markdown]
# ## Going further
#
# - Set `TEXT_FILE` to a book of yours. Which kind of corruption becomes harder?
# - Replace a word by one of the same length *and* the same number of occurrences. Between which two columns does the accuracy fall?
# - Swap only *neighbouring* words. Where does the accuracy fall, and for which model most?
# - Carry the state from one sentence to the next, as lesson 11 does. How many bits does the context buy?

# %% [markdown]
# ## References
#
# - K. Cho, B. van Merriënboer, C. Gulcehre, D. Bahdanau, F. Bougares, H. Schwenk, Y. Bengio (2014), *Learning Phrase Representations using RNN Encoder–Decoder for Statistical Machine Translation*.
# - I. Sutskever, J. Martens, G. Hinton (2011), *Generating Text with Recurrent Neural Networks*.
# - A. Graves (2013), *Generating Sequences With Recurrent Neural Networks*.
# - I. H. Witten, T. C. Bell (1991), *The Zero-Frequency Problem: Estimating the Probabilities of Novel Events in Adaptive Text Compression*.
# - M. P. Marcus, B. Santorini, M. A. Marcinkiewicz (1993), *Building a Large Annotated Corpus of English: The Penn Treebank*.
