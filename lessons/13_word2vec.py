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
#     title: Words as vectors, and the cost of softmax
#     minutes: {class: 3, full: 11}
#     summary: Skip-gram and CBOW with four losses, from a sentence to analogies, against a count baseline.
#     data: [wiki_text, word2vec_eval]
#     expected:
#       analogy_accuracy: [0.05, 0.7]
#       wordsim_spearman: [0.5, 0.8]
#       sampled_over_full_speedup: [10, inf]
#     points: {count_pairs: 1, skip_gram_pairs: 3, keep_probability: 1, nearest: 1, analogy: 2, full_softmax: 2, draw_negatives: 2, negative_sampling: 3}
# ---

# %% [markdown]
# # Words as vectors, and the cost of softmax
#
# Tell a network to guess the neighbours of a word, and it has to find out what the word means. In this lesson you train such vectors on ten million words of Wikipedia, make each step some ten times cheaper or more by not asking every word of the vocabulary, and test what the vectors know.

# %% [markdown]
# **You will**
#
# - turn a text into pairs of words without a loop over its words, and thin out the frequent ones;
# - write the full softmax, then negative sampling, and see noise-contrastive estimation and hierarchical softmax as the same step with other rows;
# - draw what one step costs as the vocabulary grows, and what each loss gives for the same number of steps;
# - compare skip-gram with CBOW over several seeds;
# - measure word likeness and analogies against a strong baseline that only counts.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import heapq
import time
from collections import Counter

import numpy as np
import tensorflow as tf
from scipy import sparse, stats
from sklearn.decomposition import PCA
from sklearn.utils.extmath import randomized_svd

runtime.start("13", seed=0)

# %% [markdown]
# ## Parameters
#
# Short runs with several seeds compare losses and models. One longer run at the end shows how far we get.

# %% tags=["parameters"]
TOKENS = None  # words of text to use (None: all)
HELD_OUT = 30_000  # words of text for validation, and as many for the test
VOCABULARY = 50_000  # most frequent words
MIN_COUNT = 5  # rarer words are dropped
CANDIDATES = 30_000  # most frequent words that may answer an analogy, as in the original's script
DIM = 100  # numbers in a vector
WINDOW = 5  # largest distance between a word and its context
THRESHOLD = 1e-4  # of sub-sampling: words above this frequency are thinned out
STRETCH = 128  # neighbouring words of text in one step
NEGATIVES = 5  # negatives for each pair, k
DRAWN = 128  # noise words that the pairs of a step share
CAP = 64.0  # no row moves by more than so many questions' worth in one step
SEEDS = 3  # repetitions of every comparison
LOSS_VOCABULARIES = (1_000, 4_000, 16_000)
LOSS_STEPS = 4_000  # steps of every loss in the comparison
LOSS_RATES = (0.02, 0.05, 0.1, 0.2)  # learning rates to choose from
PATIENCE = 10  # so many times the steps, for negative sampling alone
TIMED_VOCABULARIES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
TIMED_STEPS = 20
MODEL_RATES = (0.05, 0.1, 0.2, 0.4, 0.8)
SEARCH_TOKENS = 3_000_000  # words of text for each of them
MODEL_TOKENS = 5_000_000  # words of text in the comparison of models
EPOCHS = 8  # reads of the text in the final run
RATE = 0.05  # learning rate of the final run at its start; it falls to 0 along a line

runtime.profile(
    in_class=dict(
        TOKENS=2_500_000, VOCABULARY=20_000, CANDIDATES=20_000, SEEDS=2, LOSS_VOCABULARIES=(1_000, 4_000),
        LOSS_STEPS=600, LOSS_RATES=(0.05, 0.1), TIMED_VOCABULARIES=(1_000, 5_000, 20_000), MODEL_RATES=(0.1, 0.4),
        SEARCH_TOKENS=500_000, MODEL_TOKENS=1_000_000, EPOCHS=5,
    ),
    smoke=dict(
        TOKENS=60_000, HELD_OUT=3_000, VOCABULARY=900, CANDIDATES=900, DIM=16, THRESHOLD=1e-3, SEEDS=1,
        LOSS_VOCABULARIES=(100, 400), LOSS_STEPS=20, LOSS_RATES=(0.1,), PATIENCE=2, TIMED_VOCABULARIES=(100, 900),
        TIMED_STEPS=3, MODEL_RATES=(0.1,), SEARCH_TOKENS=10_000, MODEL_TOKENS=20_000, EPOCHS=2,
    ),
)  # fmt: skip

# %% [markdown]
# ## The text
#
# Wikipedia in lower case, without digits and punctuation. The last words are set aside, first for validation, then for a test. The vocabulary is made from the rest: a word's number is its rank, so the words below number $V$ are always the $V$ most frequent.

# %%
corpus = data.load("wiki_text")
words = corpus.all.take(TOKENS).text.split()
counted = Counter(words[: -2 * HELD_OUT])
vocabulary = [word for word, count in counted.most_common(VOCABULARY) if count >= MIN_COUNT]
ids = {word: number for number, word in enumerate(vocabulary)}
counts = np.array([counted[word] for word in vocabulary])
print(f"{len(words):,} words, {len(counted):,} different; {len(vocabulary):,} are in the vocabulary")
print("most frequent:", *vocabulary[:12], "· rarest:", *vocabulary[-4:])

# %%
numbers = np.fromiter((ids.get(word, -1) for word in words), np.int32, len(words))
texts = dict(zip(("train", "valid", "test"), np.split(numbers, [-2 * HELD_OUT, -HELD_OUT])))
texts = {name: text[text >= 0] for name, text in texts.items()}  # unknown words leave, and the gap closes
for name, text in texts.items():
    print(f"{name:5} {len(text):10,} known words")
del words, numbers

# %% [markdown]
# ## What a good vector should know
#
# Two tests that people made. In *WordSim-353*, people scored how alike two words are: our cosines should rank the pairs like the people do (Spearman's rank correlation). In Google's *analogies*, "man is to king as woman is to …" has one right answer.
#
# Choices need data of their own. A third of the scored pairs is for choices. The analogies are made of pairs, too, such as (man, king), and each pair is in many questions. So we put a third of the *pairs* aside, and drop the questions that mix both kinds.


# %%
def known(columns):
    """The rows whose words are all candidates, as numbers."""
    rows = np.array([[ids.get(word.lower(), CANDIDATES) for word in row] for row in zip(*columns)])
    kept = (rows < CANDIDATES).all(axis=1)
    return rows[kept], kept


sets = data.load("word2vec_eval")
asked = sets.analogies
questions, kept = known((asked.a, asked.b, asked.c, asked.d))
sections = np.array(asked.section)[kept]
pairs_of_words, kept = known((sets.wordsim.word1, sets.wordsim.word2))
scores = np.asarray(sets.wordsim.score)[kept]
print(f"{len(questions):,} of {len(asked):,} questions, {len(scores)} of {len(kept)} scored pairs can be asked")

# %%
rng = np.random.default_rng(0)
_, which = np.unique(questions.reshape(-1, 2), axis=0, return_inverse=True)  # the number of each question's pairs
which = which.reshape(-1, 2)
for_choice = rng.random(which.max() + 1) < 1 / 3
chosen = for_choice[which]
asked_in = {"valid": chosen.all(axis=1), "test": ~chosen.any(axis=1)}
scored = rng.random(len(scores)) < 1 / 3
scored_in = {"valid": scored, "test": ~scored}
assert not set(which[asked_in["valid"]].flat) & set(which[asked_in["test"]].flat)
for part in ("valid", "test"):
    print(f"{part:5} {asked_in[part].sum():6,} questions, {scored_in[part].sum():4} scored pairs")

# %% [markdown] tags=["notes"]
# Ask: why not simply cut the list of questions at random? (The pair *Athens, Greece* would be in both parts, dozens of times. It is the same leak as two crops of one photograph.) Then ask what is tested at all: no label of these tests is ever trained on, so what could leak? (Only our choices: learning rate, exponent, model.)

# %% [markdown]
# ## From text to pairs
#
# *Skip-gram* takes each word as a centre and guesses the words around it. A *pair* is a centre and one word of its context, at most $w$ places away.
#
# ### Exercise 13.1 · How many pairs?
#
# A sentence has $n$ words, and every centre looks $w$ places to both sides, as far as there are words. Count the pairs (centre, context). The sentence may be shorter than the window.


# %% tags=["exercise"]
def count_pairs(length, window):
    """The number of (centre, context) pairs of a sentence with `length` words."""
    ### BEGIN SOLUTION
    reach = min(window, length - 1)
    return 2 * sum(length - offset for offset in range(1, reach + 1))
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.count_pairs", count_pairs)

# %% [markdown]
# Near words say more than far ones. So the original draws, for each centre, a radius from 1 to $w$: a word next to the centre is always in its context, one five places away in a fifth of the cases.
#
# ### Exercise 13.2 · Pairs without a loop over words
#
# `radii[i]` is the radius of the centre at place $i$. Loop over the *distance*, of which there are few, and let NumPy do all places at once. The order of the pairs does not matter.


# %% tags=["exercise"]
def skip_gram_pairs(tokens, radii):
    """All (centre, context) pairs as an array of shape (pairs, 2)."""
    ### BEGIN SOLUTION
    found = []
    for offset in range(1, min(radii.max(), len(tokens) - 1) + 1):
        left, right = tokens[:-offset], tokens[offset:]
        to_the_right, to_the_left = radii[:-offset] >= offset, radii[offset:] >= offset
        found.append(np.stack([left[to_the_right], right[to_the_right]], axis=1))
        found.append(np.stack([right[to_the_left], left[to_the_left]], axis=1))
    return np.concatenate(found)
    ### END SOLUTION


# %% tags=["check"]
def pairs_in_order(tokens, radii):
    pairs = np.asarray(skip_gram_pairs(tokens, radii))
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))] if pairs.ndim == 2 else pairs


checks.run("13.skip_gram_pairs", pairs_in_order)

# %%
sentence = ["the", "queen", "of", "the", "night", "sings"]
place = np.arange(len(sentence))
pairs = skip_gram_pairs(place, np.full(len(place), 2))
assert len(pairs) == count_pairs(len(sentence), 2)
print(len(pairs), "pairs:", ", ".join(f"{sentence[i]}→{sentence[j]}" for i, j in pairs[:6]), "…")

# %% [markdown]
# And fast? Seconds below depend on the machine; more than a million pairs a second on one core is what we ask for.

# %%
some = texts["train"][:1_000_000]
radii = np.random.default_rng(0).integers(1, WINDOW + 1, len(some))
begin = time.process_time()
pairs = skip_gram_pairs(some, radii)
pairs_per_second = len(pairs) / (time.process_time() - begin)
print(f"{len(pairs):,} pairs from {len(some):,} words: {pairs_per_second / 1e6:.0f} million pairs a second")
assert pairs_per_second > 1e6

# %% [markdown]
# ## Thinning out the frequent words
#
# *the* stands beside everything and says nothing. *Sub-sampling* drops each occurrence of a word at random and keeps it with probability
#
# $$\min\left(1, \sqrt{t / f}\right),$$
#
# where $f$ is the word's share of the text and $t$ the `threshold`. Words that are rarer than $t$ stay. The words that are left move closer together, so a window reaches further.
#
# ### Exercise 13.3 · Sub-sampling


# %% tags=["exercise"]
def keep_probability(counts, threshold):
    """The probability to keep an occurrence of each word."""
    ### BEGIN SOLUTION
    frequency = counts / counts.sum()
    return np.minimum(1.0, np.sqrt(threshold / frequency))
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.keep_probability", keep_probability)

# %%
share = counts / counts.sum()
kept_share = share * keep_probability(counts, THRESHOLD)
fig, ax = plots.axes(height=3.6)
rank = np.arange(1, len(counts) + 1)
plots.curves(
    {"in the text": share, "after sub-sampling": kept_share},
    "rank of the word",
    "share of the text",
    x=rank,
    ax=ax,
    log="xy",
)
plots.show(
    fig,
    f"Word frequencies; sub-sampling with threshold {THRESHOLD:g} leaves {100 * kept_share.sum():.0f} % of the text.",
    "On logarithmic axes frequency falls along a line; after sub-sampling the line is bent flatter for frequent words.",
)


# %%
def thinned(text, counts, threshold, rng):
    """The text without the occurrences that sub-sampling drops; None drops nothing."""
    return text if threshold is None else text[rng.random(len(text)) < keep_probability(counts, threshold)[text]]


rng = np.random.default_rng(1)
for threshold in (None, THRESHOLD):
    print(
        f"threshold {threshold}:", *(vocabulary[i] for i in thinned(texts["train"][:60], counts, threshold, rng)[:18])
    )

# %% [markdown]
# ## The baseline only counts
#
# How often do word and context meet, $P(c, o)$, compared with chance, $P(c)\,P(o)$? The logarithm of that ratio is the *pointwise mutual information*. We keep its positive part, PPMI, and compress each word's row to 100 numbers with a singular value decomposition (SVD). No network, no gradient. So that the comparison is fair, the counts get what word2vec gets: the same sub-sampled text, the same random radii, the same exponent 3/4 for contexts, and their own choice on validation data.


# %%
def co_occurrences(text, seed):
    """Sparse counts of all pairs, gathered from parts of the text."""
    rng, size = np.random.default_rng(seed), len(vocabulary)
    text = thinned(text, counts, THRESHOLD, rng)
    total = sparse.csr_matrix((size, size), dtype=np.float32)
    for part in np.array_split(text, max(1, len(text) // 500_000)):
        pairs = skip_gram_pairs(part, rng.integers(1, WINDOW + 1, len(part)))
        ones = np.ones(len(pairs), np.float32)
        total += sparse.coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(size, size)).tocsr()
    return total.tocoo()


met = co_occurrences(texts["train"], seed=0)
print(f"{met.data.sum():,.0f} pairs fill {met.nnz:,} of {len(vocabulary) ** 2:,} cells")

# %%
contexts = np.bincount(met.col, met.data, len(vocabulary)) ** 0.75
centres = np.bincount(met.row, met.data, len(vocabulary))
information = np.log(met.data * contexts.sum() / (centres[met.row] * contexts[met.col]))
positive = information > 0
cells = (information[positive].astype(np.float32), (met.row[positive], met.col[positive]))
ppmi = sparse.csr_matrix(cells, shape=met.shape)
left_vectors, singular, _ = randomized_svd(ppmi, DIM, n_iter=3, random_state=0)
print(f"PPMI: {ppmi.nnz:,} cells; singular values from {singular[0]:.0f} down to {singular[-1]:.0f}")
del met, information, positive, cells, ppmi

# %% [markdown]
# The first vectors we have. Two ways to question them:
#
# The *cosine* of two vectors is their inner product after both were scaled to length 1. Lengths differ with frequency; directions hold the meaning.
#
# ### Exercise 13.4 · Neighbours


# %% tags=["exercise"]
def nearest(vectors, word, n):
    """The numbers of the `n` words with the largest cosine to `word`, best first, without `word` itself."""
    ### BEGIN SOLUTION
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[word]), kind="stable")
    return order[order != word][:n]
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.nearest", nearest)

# %% [markdown]
# Many relations are directions: from *man* to *king* it is about the same way as from *woman* to *queen*. So walk *king − man + woman*, and take the word whose cosine with the place you reach is largest. The three words of the question do not count as answers.
#
# ### Exercise 13.5 · a − b + c
#
# `a`, `b`, `c` are arrays, one entry for each question. Add *unit* vectors. Answers come from all rows of `vectors`.


# %% tags=["exercise"]
def analogy(vectors, a, b, c):
    """For each question the number of the word nearest to a − b + c, none of the three."""
    ### BEGIN SOLUTION
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    closeness = (unit[a] - unit[b] + unit[c]) @ unit.T
    for taken in (a, b, c):
        closeness[np.arange(len(closeness)), taken] = -np.inf
    return closeness.argmax(axis=1)
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.analogy", analogy)


# %%
def right_answers(vectors, part):
    """For each question of one part, whether it is answered right."""
    candidates, rows = vectors[:CANDIDATES], questions[asked_in[part]]
    batches = np.array_split(rows, max(1, len(rows) // 400))
    return np.concatenate([analogy(candidates, q[:, 1], q[:, 0], q[:, 2]) == q[:, 3] for q in batches])


def likeness(vectors, part):
    """Spearman's correlation of our cosines with people's scores."""
    one, two = vectors[pairs_of_words[scored_in[part]].T]
    cosines = (one * two).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1))
    return stats.spearmanr(cosines, scores[scored_in[part]]).statistic


def validate(vectors):
    """Both measures on the validation part, WordSim and analogies; nothing for vectors that blew up."""
    if not np.isfinite(vectors).all():
        return np.zeros(2)
    return np.array([likeness(vectors, "valid"), right_answers(vectors, "valid").mean()])


# %% [markdown]
# An SVD gives directions and singular values. How much should the large ones count? With exponent $p$ the vectors are $U\,\Sigma^p$. That is a choice, so validation data make it: the $p$ with the best mean of the two measures.

# %%
by_exponent = {p: validate(left_vectors * singular**p) for p in (0.0, 0.25, 0.5, 1.0)}
plots.table(
    [[f"p = {p}", *(f"{value:.3f}" for value in found)] for p, found in by_exponent.items()],
    ["PPMI + SVD, validation", "WordSim, Spearman", "analogies, share right"],
)
exponent = max(by_exponent, key=lambda p: by_exponent[p].mean())
count_vectors = left_vectors * singular**exponent
print(f"chosen: p = {exponent}")

# %% [markdown] tags=["notes"]
# Before you go on, let the class bet: will a network that reads the same text beat this table, on which of the two measures, and by how much? Come back to the bets at the test.

# %% [markdown]
# ## The full softmax
#
# Word2vec has two tables of $V$ rows each. The centre $c$ has its vector $h$ in the first (`inputs`), each possible context $o$ its vector $u_o$ in the second (`outputs`). A skip-gram model says
#
# $$p(o \mid c) = \frac{e^{h \cdot u_o}}{\sum_{v=1}^{V} e^{h \cdot u_v}},$$
#
# and its loss is $-\log p(o \mid c)$. The gradient is short: with $p$ the vector of all probabilities and $y$ the one-hot target, $\partial L/\partial h = \sum_v (p_v - y_v)\,u_v$ and $\partial L/\partial u_v = (p_v - y_v)\,h$. Every row moves at every step. That is the problem.
#
# ### Exercise 13.6 · Loss and gradients of the full softmax
#
# For a batch: `h` has shape $(B, d)$, `outputs` $(V, d)$, `targets` $(B)$. Return the *mean* loss over the batch and its gradients. Large scores must not overflow.


# %% tags=["exercise"]
def full_softmax(h, outputs, targets):
    """The mean loss, its gradient for `h`, and its gradient for `outputs`."""
    ### BEGIN SOLUTION
    score = h @ outputs.T
    score = score - score.max(axis=1, keepdims=True)
    log_p = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
    rows = np.arange(len(h))
    delta = np.exp(log_p)
    delta[rows, targets] -= 1
    delta /= len(h)
    return -log_p[rows, targets].mean(), delta @ outputs, delta.T @ h
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.full_softmax", full_softmax)

# %% [markdown]
# ## Negative sampling
#
# Do not ask all words. Ask one question: is this pair real, or is the second word drawn from *noise*? For each real pair draw $k$ words $v_1 \dots v_k$ from a noise distribution $q$, and minimise
#
# $$-\log \sigma(h \cdot u_o) \;-\; \sum_{i=1}^{k} \log \sigma(-h \cdot u_{v_i}), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}.$$
#
# Only $k + 2$ rows move. The noise is the word frequency to the power of 3/4, which gives rare words more of a share. Draw afresh in every step: a negative that stays the same becomes a fact to learn by heart. And if the noise hits the context itself, the two terms would pull against each other. Such *accidental hits* are drawn again.
#
# ### Exercise 13.7 · Draw negatives
#
# Take all random numbers from `rng`. Drawing from a table: `np.searchsorted(cumulated, rng.random(shape), side="right")`.


# %% tags=["exercise"]
def draw_negatives(contexts, counts, k, rng):
    """For each context k words from the 3/4 noise, none of them the context itself: shape (B, k)."""
    ### BEGIN SOLUTION
    cumulated = np.cumsum(counts**0.75)
    cumulated = cumulated / cumulated[-1]
    drawn = np.searchsorted(cumulated, rng.random((len(contexts), k)), side="right")
    while (hits := drawn == contexts[:, None]).any():
        drawn[hits] = np.searchsorted(cumulated, rng.random(hits.sum()), side="right")
    return drawn
    ### END SOLUTION


# %% tags=["check"]
def what_was_drawn(counts, n, k, rng):
    """Two draws for the same contexts: their shape, their hits, the share of each word, and whether anything repeats."""
    contexts = np.arange(n) % len(counts)
    first, second = (np.asarray(draw_negatives(contexts, counts, k, rng)) for _ in range(2))
    return {
        "shape": list(first.shape),
        "accidental hits": int((first == contexts.reshape(-1, *[1] * (first.ndim - 1))).sum()),
        "share of each word": np.bincount(first.ravel(), minlength=len(counts)) / first.size,
        "the second draw repeats the first": bool((first == second).all()),
        "share of rows like the row before": float((first[1:] == first[:-1]).all(axis=-1).mean()),
    }


checks.run("13.draw_negatives", what_was_drawn)

# %% [markdown]
# ### Exercise 13.8 · Loss and gradients of negative sampling
#
# For $B$ pairs with vectors `h` and `positive` of shape $(B, d)$ and `negatives` of shape $(B, k, d)$. Return the *sum* of the losses over pairs, as the original takes a full step for each pair, and the gradients for the three. The derivative of $-\log\sigma(z)$ is $\sigma(z) - 1$, that of $-\log\sigma(-z)$ is $\sigma(z)$: prediction minus label, again.


# %% tags=["exercise"]
def negative_sampling(h, positive, negatives):
    """The loss summed over pairs, and its gradients for `h`, `positive` and `negatives`."""
    ### BEGIN SOLUTION
    real, noise = (h * positive).sum(axis=1), np.einsum("bd,bkd->bk", h, negatives)
    loss = np.logaddexp(0, -real).sum() + np.logaddexp(0, noise).sum()
    delta_real, delta_noise = 1 / (1 + np.exp(-real)) - 1, 1 / (1 + np.exp(-noise))
    gradient_h = delta_real[:, None] * positive + np.einsum("bk,bkd->bd", delta_noise, negatives)
    return loss, gradient_h, delta_real[:, None] * h, delta_noise[:, :, None] * h[:, None, :]
    ### END SOLUTION


# %% tags=["check"]
checks.run("13.negative_sampling", negative_sampling)

# %% [markdown]
# ## A step that the processor likes
#
# Pair by pair, a processor spends its time on fetching rows from memory. Look at a *stretch* of 128 neighbouring words instead. Fetch each word's rows once. All scores of all pairs in it are one matrix product, $H O^\top$, and a pair is a cell near the diagonal. The matrix `near` marks these cells. For the negatives, draw one set of noise words for the whole stretch and give each the weight $k/\text{DRAWN}$: the expected gradient is that of $k$ negatives for each pair. A negative that is the context of a pair gets no weight from that pair, so accidental hits are avoided here too: they are left out instead of drawn again.


# %%
def band(radii):
    """1 where the word of the column is in the context of the centre of the row, else 0."""
    place = tf.range(STRETCH)
    distance = tf.abs(place[:, None] - place[None, :])
    return tf.cast((distance <= radii[:, None]) & (distance > 0), tf.float32)


example = np.random.default_rng(0).integers(1, WINDOW + 1, STRETCH).astype(np.int32)
fig, ax = plots.axes(height=3.4)
ax.imshow(band(tf.constant(example)).numpy()[:24, :24], cmap="gray_r")
ax.set(xlabel="place of the context", ylabel="place of the centre")
ax.grid(False)
plots.show(
    fig,
    "The pairs of a stretch of text (its first 24 words): black cells.",
    "A black band along the diagonal, which itself is white; the band's width differs from row to row.",
)

# %% [markdown]
# Every sampled loss is a set of yes-or-no questions: score a centre against some rows (`columns`) of the second table, each with a `weight` and a `label`. So one step serves them all. It touches only rows that were asked. Several pairs of a step may ask for the same row; `scatter_sub` adds their moves up, as if they came one after the other. That goes wrong if hundreds ask for the same row: each of them corrects the same error. So a `brake` scales the sum back to the worth of `CAP` questions.


# %%
def brake(weight, rows, size):
    """A factor for each of `rows`, so that no row moves by more than CAP questions' worth in one step."""
    asked = tf.math.unsorted_segment_sum(weight, rows, size)
    return tf.minimum(1.0, CAP / tf.gather(asked, rows))[:, None]


def logistic_step(inputs, outputs, x, mix, columns, weights, labels, offsets, rate):
    """One step of gradient descent on weighted logistic losses; only rows in `x` and `columns` change."""
    vectors, rows = tf.gather(inputs, x), tf.gather(outputs, columns)
    h = vectors if mix is None else mix @ vectors
    delta = weights * (tf.sigmoid(tf.matmul(h, rows, transpose_b=True) + offsets) - labels)
    move, asked = delta @ rows, tf.reduce_sum(weights, axis=1, keepdims=True)
    if mix is not None:
        move, asked = (tf.matmul(mix, part, transpose_a=True) for part in (move, asked))
    push = tf.matmul(delta, h, transpose_a=True)
    push *= brake(tf.reduce_sum(weights, axis=0), columns, outputs.shape[0])
    outputs.scatter_sub(tf.IndexedSlices(rate * push, columns))
    inputs.scatter_sub(tf.IndexedSlices(rate * brake(asked[:, 0], x, inputs.shape[0]) * move, x))


def questions_for(near, unlike, x, drawn):
    """Columns, weights and labels: the words of the stretch are real, the drawn ones noise."""
    labels = tf.concat([tf.ones_like(near), tf.zeros_like(unlike)], axis=1)
    return tf.concat([x, drawn], axis=0), tf.concat([near, NEGATIVES / DRAWN * unlike], axis=1), labels


def no_hits(x, drawn):
    """1 where a drawn word differs from the word of the stretch."""
    return tf.cast(x[:, None] != drawn[None, :], tf.float32)


def skip_gram_step(inputs, outputs, x, near, drawn, rate):
    """Negative sampling: each centre against each word of its context."""
    columns, weights, labels = questions_for(near, near @ no_hits(x, drawn), x, drawn)
    logistic_step(inputs, outputs, x, None, columns, weights, labels, 0.0, rate)


# %% [markdown]
# *CBOW*, the continuous bag of words, turns it round: the mean of the context's vectors guesses the centre. That is one question for each word of text instead of one for each pair.


# %%
def cbow_step(inputs, outputs, x, near, drawn, rate):
    """Negative sampling: the mean of each context against the word in its middle."""
    mean = near / tf.reduce_sum(near, axis=1, keepdims=True)
    columns, weights, labels = questions_for(tf.eye(STRETCH), no_hits(x, drawn), x, drawn)
    logistic_step(inputs, outputs, x, mean, columns, weights, labels, 0.0, rate)


# %% [markdown]
# Around a step we need little: the two tables, and a loop that stays inside the compiled graph.


# %%
class Tables:
    """Both tables of vectors, and a compiled loop that takes one step for each stretch of text."""

    def __init__(self, step, vocabulary, rows=None, seed=0, spread=1 / DIM):
        start = np.random.default_rng([seed, 13]).uniform(-0.5, 0.5, (vocabulary, DIM)) * spread
        self.inputs, self.step = tf.Variable(start, dtype=tf.float32), step
        self.outputs = tf.Variable(tf.zeros((rows or vocabulary, DIM)))
        kinds = [
            ((None, STRETCH), tf.int32),
            ((None, STRETCH), tf.int32),
            ((None, DRAWN), tf.int32),
            ((None,), tf.float32),
        ]
        signature = [tf.TensorSpec(shape, dtype) for shape, dtype in kinds]
        self.train = tf.function(self.loop, input_signature=signature).get_concrete_function()

    def loop(self, stretches, radii, drawn, rates):
        for i in tf.range(tf.shape(stretches)[0]):
            self.step(self.inputs, self.outputs, stretches[i], band(radii[i]), drawn[i], rates[i])

    @property
    def vectors(self):
        return self.inputs.numpy()


def batches(text, noise, rng, size=1000):
    """Stretches, radii and fresh noise words, `size` stretches at a time, from a random start."""
    text = text[rng.integers(STRETCH) :]
    stretches = text[: len(text) // STRETCH * STRETCH].reshape(-1, STRETCH)
    for begin in range(0, len(stretches), size):
        part = stretches[begin : begin + size]
        radii = rng.integers(1, WINDOW + 1, part.shape).astype(np.int32)
        drawn = np.searchsorted(noise, rng.random((len(part), DRAWN)), side="right").astype(np.int32)
        yield begin / len(stretches), part.astype(np.int32), radii, drawn


def cumulated_noise(counts):
    """The table to draw noise words from."""
    table = np.cumsum(counts**0.75)
    return table / table[-1]


# %% [markdown]
# Is the clever step the same as the plain one? Take one stretch, list its pairs, and let automatic differentiation go through the plain sum over pairs. Both must move the first table alike, once the brake is put on the plain gradient too.

# %%
rng = np.random.default_rng(2)
model = Tables(skip_gram_step, len(vocabulary))
model.outputs.assign(rng.normal(size=model.outputs.shape).astype(np.float32))
_, x, radii, drawn = next(batches(texts["train"][:4000], cumulated_noise(counts), rng, size=1))
places = skip_gram_pairs(np.arange(STRETCH), radii[0])
before = model.inputs.numpy()
with tf.GradientTape() as tape:
    h, real = tf.gather(model.inputs, x[0][places[:, 0]]), tf.gather(model.outputs, x[0][places[:, 1]])
    unlike = tf.cast(x[0][places[:, 1]][:, None] != drawn[0][None, :], tf.float32)
    noise = tf.matmul(h, tf.gather(model.outputs, drawn[0]), transpose_b=True)
    loss = tf.reduce_sum(tf.nn.softplus(-tf.reduce_sum(h * real, axis=1)))
    loss += NEGATIVES / DRAWN * tf.reduce_sum(unlike * tf.nn.softplus(noise))
plain = tf.convert_to_tensor(tape.gradient(loss, model.inputs)).numpy()
asked = np.bincount(x[0][places[:, 0]], 1 + NEGATIVES / DRAWN * unlike.numpy().sum(axis=1), len(vocabulary))
plain *= np.minimum(1, CAP / np.maximum(asked, 1))[:, None]
model.train(x, radii, drawn, tf.constant([1.0]))
difference = np.abs(before - model.inputs.numpy() - plain).max() / np.abs(plain).max()
print(
    f"{len(places)} pairs; largest difference, relative: {difference:.0e}; {int((unlike == 0).numpy().sum())} hits left out"
)
assert difference < 1e-4

# %% [markdown]
# ## Two more ways around the sum
#
# **Noise-contrastive estimation (NCE)** asks the same question, real or noise, but takes the answer seriously as a probability. If the model gives the context the probability $\hat p$, and $k$ noise words come with each real one, then a word is real with probability $\hat p / (\hat p + k q)$, which is $\sigma(\log \hat p - \log k q)$. So NCE is negative sampling with an offset in each score. Hits stay in: the theory counts on them. Negative sampling drops the offset, hence learns $h \cdot u_o = \log p(o \mid c) - \log k\,q(o)$ at best.
#
# A model of $\log \hat p$ should not start from nothing. Here $\log \hat p = h \cdot u_o + \log p(o)$, with the word's plain frequency. The full softmax gets the same head start.


# %%
def nce_step(log_frequency, log_noise):
    """Noise-contrastive estimation for a vocabulary with these logarithms of p and k · q."""
    offset = tf.constant(log_frequency - log_noise, tf.float32)

    def step(inputs, outputs, x, near, drawn, rate):
        everywhere = tf.repeat(tf.reduce_sum(near, axis=1, keepdims=True), DRAWN, axis=1)
        columns, weights, labels = questions_for(near, everywhere, x, drawn)
        logistic_step(inputs, outputs, x, None, columns, weights, labels, tf.gather(offset, columns), rate)

    return step


# %% [markdown]
# **Hierarchical softmax** needs no noise. The words are the leaves of a binary tree. At each inner node on the way down a logistic unit says left or right, and $p(o \mid c)$ is the product along the path: a true distribution, with about $\log_2 V$ factors. In *Huffman's* tree frequent words hang near the root: join the two rarest nodes, again and again.


# %%
def huffman(counts):
    """For each word the inner nodes on its path and the turns taken there; −1 fills up short paths."""
    size, heap = len(counts), [(int(count), word) for word, count in enumerate(counts)]
    parent, turn = np.zeros(2 * size - 1, np.int32), np.zeros(2 * size - 1, np.float32)
    heapq.heapify(heap)
    for node in range(size, 2 * size - 1):
        (one, left), (two, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[[left, right]], turn[right] = node, 1
        heapq.heappush(heap, (one + two, node))
    at, nodes, turns, root = np.arange(size), [], [], 2 * size - 2
    while (below := at < root).any():  # all words climb together
        nodes.append(np.where(below, parent[at] - size, -1))
        turns.append(turn[at])
        at = np.where(below, parent[at], root)
    return np.stack(nodes, axis=1).astype(np.int32), np.stack(turns, axis=1)


nodes, _ = huffman(counts)
length = (nodes >= 0).sum(axis=1)
assert abs((0.5**length).sum() - 1) < 1e-9  # every turn leads to a word
print(f"paths of {length.min()} to {length.max()} turns, {share @ length:.2f} for the average word of the text")
print(
    f"entropy of the words: {-(share * np.log2(share)).sum():.2f} bits; a balanced tree: {np.log2(len(counts)):.2f} turns"
)


# %%
def tree_questions(paths, x, near):
    """Columns, weights and labels: the nodes on the path to each context word."""
    nodes, turns = tf.gather(paths[0], x), tf.gather(paths[1], x)
    weights = near[:, :, None] * tf.cast(nodes >= 0, tf.float32)[None]
    flat = [tf.reshape(part, [-1]) for part in (tf.maximum(nodes, 0), turns)]
    return flat[0], tf.reshape(weights, [STRETCH, -1]), flat[1][None, :]


def tree_step(paths):
    """Hierarchical softmax along these paths."""

    def step(inputs, outputs, x, near, drawn, rate):
        columns, weights, labels = tree_questions(paths, x, near)
        logistic_step(inputs, outputs, x, None, columns, weights, labels, 0.0, rate)

    return step


# %% [markdown]
# Last, the full softmax for a stretch: push all words away by their probability, pull the real contexts near.


# %%
def full_step(log_frequency):
    """Full softmax: every row of the second table is read and written."""
    prior = tf.constant(log_frequency, tf.float32)

    def step(inputs, outputs, x, near, drawn, rate):
        h, n = tf.gather(inputs, x), tf.reduce_sum(near, axis=1, keepdims=True)
        p = n * tf.nn.softmax(tf.matmul(h, outputs, transpose_b=True) + prior)
        move = p @ outputs - near @ tf.gather(outputs, x)
        push, pull = tf.matmul(p, h, transpose_a=True), tf.matmul(near, h, transpose_a=True)
        slow = rate * tf.minimum(1.0, CAP / tf.reduce_sum(p, axis=0))[:, None]
        outputs.assign_sub(slow * push)
        outputs.scatter_add(tf.IndexedSlices(tf.gather(slow, x) * pull, x))
        inputs.scatter_sub(tf.IndexedSlices(rate * brake(2 * n[:, 0], x, inputs.shape[0]) * move, x))

    return step


# %% [markdown] tags=["notes"]
# Draw four columns on the board: which rows of the second table does one pair touch? Full: all $V$. NCE and negative sampling: $1 + k$. Tree: one for each turn. Then ask which of the four give probabilities that sum to 1 by construction (full, tree), which nearly (NCE), which not at all (negative sampling), and whether we care, if all we want is vectors.

# %% [markdown]
# ## What one step costs
#
# The same stretch of text, the same pairs, the same vector size; only the vocabulary grows. The times are the median of several steps on the machine that made this page. They will differ on yours, but their ratios much less.


# %%
METHODS = ("full softmax", "NCE", "negative sampling", "hierarchical softmax")


def build(method, size, kept_counts, seed=0):
    """Tables for one of the four losses over the `size` most frequent words."""
    noise = counts[:size] ** 0.75 / (counts[:size] ** 0.75).sum()
    frequency = np.log(kept_counts / kept_counts.sum())
    step = {
        "full softmax": lambda: full_step(frequency),
        "NCE": lambda: nce_step(frequency, np.log(NEGATIVES * noise)),
        "negative sampling": lambda: skip_gram_step,
        "hierarchical softmax": lambda: tree_step(huffman(kept_counts)),
    }[method]()
    rows = size - 1 if method == "hierarchical softmax" else size
    return Tables(step, size, rows, seed, spread=DIM**-0.5)  # a wider start: short runs leave it sooner


def text_for(name, size, rng):
    """A text of the `size` most frequent words, sub-sampled, and the expected counts of what is left."""
    first, text = counts[:size], texts[name]
    return thinned(text[text < size], first, THRESHOLD, rng), first * keep_probability(first, THRESHOLD)


# %%
def seconds_per_step(method, size):
    """Median over repetitions of one step each, after one that does not count."""
    rng = np.random.default_rng(0)
    text, kept_counts = text_for("valid", size, rng)
    model, taken = build(method, size, kept_counts), []
    _, x, radii, drawn = next(batches(np.resize(text, 2 * STRETCH), cumulated_noise(counts[:size]), rng, size=1))
    for _ in range(TIMED_STEPS + 1):
        begin = time.perf_counter()
        model.train(x, radii, drawn, tf.constant([0.01]))
        taken.append(time.perf_counter() - begin)
    return np.median(taken[1:])


sizes = [min(size, len(vocabulary)) for size in TIMED_VOCABULARIES]
milliseconds = {m: np.array([1000 * seconds_per_step(m, size) for size in sizes]) for m in METHODS}
rows = [[method, *(f"{value:.2f}" for value in values)] for method, values in milliseconds.items()]
plots.table(rows, ["milliseconds per step", *(f"V = {size:,}" for size in sizes)])

# %%
fig, ax = plots.axes(height=4.0)
for (method, values), marker in zip(milliseconds.items(), "osD^"):
    ax.plot(sizes, values, marker=marker, label=method)
ax.set(xscale="log", yscale="log", xlabel="words in the vocabulary", ylabel="milliseconds per step")
ax.legend(loc="upper left")
plots.show(
    fig,
    f"Time of one step of {STRETCH} words of text against the size of the vocabulary.",
    "On logarithmic axes the full softmax rises steeply with the vocabulary; the three others stay low, the tree above the two that sample.",
)

# %%
speedup = milliseconds["full softmax"][-1] / milliseconds["negative sampling"][-1]
results.record("sampled_over_full_speedup", speedup)

# %% [markdown]
# With 1 000 words the full softmax takes 1.1 milliseconds a step, with 50 000 words 47; negative sampling needs about half a millisecond, whatever the size. (Its 1.11 in one place is no law: another program had the machine's attention just then.) At the right end a step of the full softmax costs as much as 97 of negative sampling. From 5 000 words on the tree lies in between, and it grows slowly: more turns for each word, and more rows to fetch.

# %% [markdown] tags=["notes"]
# Point at the slope of the full softmax: ten times the words, about ten times the time once the matrix product rules. Ask why the sampled lines are not perfectly flat. (The tables no longer fit into the cache, and the tree grows deeper, with the logarithm of $V$.)

# %% [markdown]
# ## What one step is worth
#
# A cheap step may teach less. All four are models of $p(o \mid c)$, so one measure fits all: the *perplexity* of the contexts in held-out text, $e$ to the mean of $-\log p(o \mid c)$. Guessing each of $n$ words alike gives perplexity $n$. The tree gives $p$ by itself. For the others we divide by the sum over the vocabulary, which we can afford in a test. The score of NCE is $h \cdot u_o + \log p(o)$, that of negative sampling $h \cdot u_o + \log q(o)$, since it learned $p/(kq)$. The baseline is the plain frequency, whatever the centre.


# %%
def readout(method, model, size, kept_counts):
    """A compiled function that sums log p(context | centre) over the pairs of a stretch."""
    noise = counts[:size] ** 0.75
    prior = np.log(noise if method.startswith("negative") else kept_counts)
    prior = tf.constant(prior, tf.float32)
    paths = huffman(kept_counts) if method == "hierarchical softmax" else None

    def log_probability(x, radii):
        h, near = tf.gather(model.inputs, x), band(radii)
        if method == "hierarchical softmax":
            columns, weights, labels = tree_questions(paths, x, near)
            z = tf.matmul(h, tf.gather(model.outputs, columns), transpose_b=True)
            return -tf.reduce_sum(weights * tf.nn.softplus((1 - 2 * labels) * z))
        log_p = tf.nn.log_softmax(tf.matmul(h, model.outputs, transpose_b=True) + prior)
        return tf.reduce_sum(near * tf.gather(log_p, x, axis=1))

    place = tf.TensorSpec((STRETCH,), tf.int32)
    return tf.function(log_probability, input_signature=[place, place]).get_concrete_function()


def perplexity(name, size, log_probability):
    """Perplexity of the contexts in held-out text: the same pairs for every method and seed."""
    rng = np.random.default_rng(99)
    text, _ = text_for(name, size, rng)
    total, number = 0.0, 0
    for _, stretches, radii, _ in batches(text, cumulated_noise(counts[:size]), rng):
        for x, radius in zip(stretches, radii):
            total += float(log_probability(tf.constant(x), tf.constant(radius)))
            number += float(tf.reduce_sum(band(tf.constant(radius))))
    return np.exp(min(-total / number, 700.0))


# %% [markdown]
# Each method gets the same number of steps, on the same text for the same seed. Each also gets the same search for its learning rate, on validation text, at the smallest vocabulary.


# %%
def train_loss(method, size, rate, seed, steps):
    """Train one loss on so many stretches; give the model and the expected counts of its text."""
    rng = np.random.default_rng([seed, size])
    text, kept_counts = text_for("train", size, rng)
    text = np.resize(np.roll(text, -rng.integers(len(text))), (steps + 1) * STRETCH - 1)
    model = build(method, size, kept_counts, seed)
    for done, x, radii, drawn in batches(text, cumulated_noise(counts[:size]), rng):
        left = 1 - done - np.arange(len(x)) / steps
        model.train(x, radii, drawn, (rate * np.maximum(left, 0)).astype(np.float32))
    return readout(method, model, size, kept_counts)


def search_rate(run):
    method, rate = run
    size = LOSS_VOCABULARIES[0]
    found = perplexity("valid", size, train_loss(method, size, rate, 0, LOSS_STEPS))
    return {"perplexity": found}


settings = dict(TOKENS=TOKENS, DIM=DIM, STEPS=LOSS_STEPS, CAP=CAP, DRAWN=DRAWN, NEGATIVES=NEGATIVES, STRETCH=STRETCH)
keys = [(method, rate) for method in METHODS for rate in LOSS_RATES]
searched = resume.pieces("rate of each loss", keys, search_rate, settings)

# %%
best_rate, rows = {}, []
for method in METHODS:
    tried = np.array([searched[method, rate]["perplexity"] for rate in LOSS_RATES])
    best_rate[method] = LOSS_RATES[int(np.argmin(np.where(np.isfinite(tried), tried, np.inf)))]
    rows.append([method, *(f"{value:.1f}" if value < 1e6 else "blew up" for value in tried)])
plots.table(rows, ["validation perplexity", *(f"rate {rate:g}" for rate in LOSS_RATES)])


# %%
LONGER = f"negative sampling, {PATIENCE} × the steps"


def compare_losses(run):
    method, size, seed = run
    name = "negative sampling" if method == LONGER else method
    steps = LOSS_STEPS * (PATIENCE if method == LONGER else 1)
    found = perplexity("test", size, train_loss(name, size, best_rate[name], seed, steps))
    return {"perplexity": found}


keys = [(method, size, seed) for size in LOSS_VOCABULARIES for method in METHODS for seed in range(SEEDS)]
keys += [(LONGER, LOSS_VOCABULARIES[-1], seed) for seed in range(SEEDS)]
settings = settings | dict(RATES=tuple(best_rate.values()))
by_loss = resume.pieces("losses", keys, compare_losses, settings)


# %%
def plain_frequency(size):
    """Perplexity of a model that ignores the centre."""
    _, kept_counts = text_for("test", size, np.random.default_rng(0))
    log_p = tf.constant(np.log(kept_counts / kept_counts.sum()), tf.float32)
    return perplexity("test", size, lambda x, radii: tf.reduce_sum(band(radii) * tf.gather(log_p, x)))


baseline = {size: plain_frequency(size) for size in LOSS_VOCABULARIES}
rows = [["plain frequency", *(f"{baseline[size]:.1f}" for size in LOSS_VOCABULARIES)]]
for method in (*METHODS, LONGER):
    found = [
        [by_loss[method, n, s]["perplexity"] for s in range(SEEDS) if (method, n, s) in by_loss]
        for n in LOSS_VOCABULARIES
    ]
    rows.append([method, *(metrics.mean_sd(runs, 1) if runs else "" for runs in found)])
plots.table(rows, [f"perplexity, {LOSS_STEPS} steps", *(f"V = {size:,}" for size in LOSS_VOCABULARIES)])

# %%
fig, panels = plots.axes(columns=len(LOSS_VOCABULARIES), height=3.6)
for ax, size in zip(panels, LOSS_VOCABULARIES):
    for place, (method, colour) in enumerate(zip(METHODS, plots.COLOURS)):
        found = [by_loss[method, size, seed]["perplexity"] for seed in range(SEEDS)]
        ax.plot(np.full(SEEDS, place) + 0.08 * np.arange(SEEDS), found, "o", color=colour)
    ax.axhline(baseline[size], color="black", linestyle=":")
    ax.set_xticks(range(len(METHODS)), ["full", "NCE", "neg.", "tree"])
    ax.set(title=f"V = {size:,}", xlim=(-0.5, len(METHODS) - 0.3))
panels[0].set_ylabel("perplexity of test text")
plots.show(
    fig,
    f"Perplexity after {LOSS_STEPS} steps of each loss; each dot is one seed, lower is better. Dotted: plain frequency.",
    "One panel for each size of the vocabulary, with groups of dots for full softmax, NCE, negative sampling and tree, and a dotted line.",
)

# %% [markdown]
# Step for step the full softmax learns most, at every size: 739 against 747 to 758 with 1 000 words, 6189 against 6296 to 6826 with 16 000. It asks all words each time, so each step says more. The tree and NCE follow closely; with 16 000 words the seeds of these three overlap. Negative sampling is last, there even behind the plain frequency: few noise words say little about so many.
#
# Now pay by time. A step with 16 000 words takes the full softmax some thirty times as long as negative sampling. Give the latter only ten times the steps, and its perplexity is 5023, more than a thousand below everything else in the table, for a third of the time. That is why word2vec works: not by better steps, but by cheap ones.

# %% [markdown] tags=["question"]
# **Question 13.a.** Negative sampling never learns probabilities that sum to 1. Why do its vectors still rank the contexts of a word sensibly? Say what $h \cdot u_o$ tends to, and what that quantity is for $k = 1$ and noise equal to the word frequency.

# %% [markdown] tags=["answer"]
# **Answer 13.a.** The best yes-or-no answer for a pair is the share of real pairs among all pairs seen, $\sigma(h \cdot u_o) = p(o \mid c) / (p(o \mid c) + k\,q(o))$. So $h \cdot u_o$ tends to $\log p(o \mid c) - \log q(o) - \log k$. For a given noise that is as good as the probability: add $\log q$ and normalise. With $k = 1$ and $q$ the word frequency, it is the pointwise mutual information: negative sampling factorises the very table that the count baseline is made of.

# %% [markdown]
# ## Skip-gram or CBOW, with or without sub-sampling?
#
# Now the vectors themselves, on validation questions. Both models read the same words with the same number of steps. Each gets the same search for its learning rate, on less text. The third variant is skip-gram without sub-sampling: to give it the same number of steps it reads a shorter piece of text.


# %%
VARIANTS = {
    "skip-gram": (skip_gram_step, THRESHOLD),
    "CBOW": (cbow_step, THRESHOLD),
    "skip-gram, no sub-sampling": (skip_gram_step, None),
}


def read(model, text, rate, seed, threshold=THRESHOLD, epoch=0, epochs=1):
    """One pass over the text; the learning rate falls along a line to 0 over all epochs."""
    rng = np.random.default_rng([seed, epoch, 13])
    text = thinned(text, counts, threshold, rng)
    for done, x, radii, drawn in batches(text, cumulated_noise(counts), rng):
        left = 1 - (epoch + done + np.arange(len(x)) * STRETCH / len(text)) / epochs
        model.train(x, radii, drawn, (rate * np.maximum(left, 0)).astype(np.float32))
    return len(text)


def train_variant(name, rate, seed, tokens):
    """One pass over the first words of the text, as many words after sub-sampling for each variant."""
    step, threshold = VARIANTS[name]
    after = int(tokens * kept_share.sum())
    model = Tables(step, len(vocabulary), seed=seed)
    read(model, texts["train"][: tokens if threshold else after], rate, seed, threshold)
    return validate(model.vectors)


def search_model(run):
    found = train_variant(*run, seed=0, tokens=SEARCH_TOKENS)
    return {"found": found}


settings = dict(TOKENS=TOKENS, SEARCH=SEARCH_TOKENS, DIM=DIM, CAP=CAP, WINDOW=WINDOW, THRESHOLD=THRESHOLD)
keys = [(name, rate) for name in VARIANTS for rate in MODEL_RATES]
searched = resume.pieces("rate of each model", keys, search_model, settings)
model_rate = {n: max(MODEL_RATES, key=lambda r: searched[n, r]["found"].mean()) for n in VARIANTS}
rows = [
    [name, *(" · ".join(f"{value:.3f}" for value in searched[name, rate]["found"]) for rate in MODEL_RATES)]
    for name in VARIANTS
]
plots.table(rows, ["validation, WordSim · analogies", *(f"rate {rate:g}" for rate in MODEL_RATES)])


# %%
def compare_models(run):
    name, seed = run
    found = train_variant(name, model_rate[name], 1 + seed, MODEL_TOKENS)
    return {"found": found}


keys = [(name, seed) for name in VARIANTS for seed in range(SEEDS)]
settings = settings | dict(MODEL_TOKENS=MODEL_TOKENS, RATES=tuple(model_rate.values()))
by_model = resume.pieces("models", keys, compare_models, settings)
runs = {name: np.array([by_model[name, seed]["found"] for seed in range(SEEDS)]) for name in VARIANTS}
plots.table(
    [[name, *(metrics.mean_sd(found[:, i], 3) for i in (0, 1))] for name, found in runs.items()],
    [f"validation, {SEEDS} seeds", "WordSim, Spearman", "analogies, share right"],
)

# %%
fig, panels = plots.axes(columns=2, height=3.2)
for i, (ax, measure) in enumerate(zip(panels, ("WordSim, Spearman", "analogies, share right"))):
    for place, (found, colour) in enumerate(zip(runs.values(), plots.COLOURS)):
        ax.plot(found[:, i], np.full(SEEDS, place) + 0.1 * np.arange(SEEDS), "o", color=colour)
    ax.set(xlabel=measure, ylim=(len(runs) - 0.4, -0.6))
    ax.locator_params(axis="x", nbins=5)
    ax.set_yticks(range(len(runs)), [name.replace(", ", ",\n") for name in runs] if i == 0 else [""] * len(runs))
plots.show(
    fig,
    "Three variants with the same number of steps, on validation data. Each dot is one seed; right is better.",
    "Two panels with dots for skip-gram, CBOW and skip-gram without sub-sampling: WordSim on the left, analogies on the right.",
)

# %% [markdown]
# In word likeness skip-gram is ahead of CBOW, 0.58 to 0.49, and both of skip-gram without sub-sampling, 0.34; the seeds do not overlap. Without sub-sampling the steps go to *the* and *of*. In analogies all three are at 1 to 4 %, and their seeds mix: half a reading of the text is too little for these, and no order should be read from it.
#
# Look at the search, too. CBOW needs a rate of 0.4, four times that of skip-gram, since it asks one question for each word where skip-gram asks six. At skip-gram's rate of 0.1 it would have looked hopeless. A comparison at one rate compares rates.

# %% [markdown]
# ## The final run
#
# Skip-gram with negative sampling, all the text, several passes. Each pass drops other occurrences, draws other radii and other noise. Words and pairs a second depend on the machine. The baseline of counts saw the text once; reading it again would only make its random draws smoother.

# %%
model = Tables(skip_gram_step, len(vocabulary))


def one_pass(epoch):
    begin = time.perf_counter()
    number = read(model, texts["train"], RATE, seed=0, epoch=epoch, epochs=EPOCHS)
    speed = number / (time.perf_counter() - begin)
    found = validate(model.vectors)
    pairs = (WINDOW + 1) * speed  # a centre has two sides, and a mean radius of (WINDOW + 1) / 2
    print(
        f"pass {epoch + 1}: WordSim {found[0]:.3f}  analogies {found[1]:.3f}  "
        f"{speed / 1000:.0f} thousand words, {pairs / 1e6:.2f} million pairs a second"
    )
    return {"found": found}


settings = dict(TOKENS=TOKENS, EPOCHS=EPOCHS, RATE=RATE, DIM=DIM, CAP=CAP, WINDOW=WINDOW, THRESHOLD=THRESHOLD)
history = resume.stages("final run", EPOCHS, one_pass, lambda: [model.inputs, model.outputs], settings)

# %%
by_pass = np.array([stage["found"] for stage in history])
fig, panels = plots.axes(columns=2, height=3.2)
for i, (ax, measure) in enumerate(zip(panels, ("WordSim, Spearman", "analogies, share right"))):
    ax.plot(np.arange(1, EPOCHS + 1), by_pass[:, i], marker="o", label="skip-gram")
    ax.axhline(by_exponent[exponent][i], color="black", linestyle=":", label="PPMI + SVD")
    ax.set(xlabel="passes over the text", ylabel=measure, xticks=range(1, EPOCHS + 1))
    ax.legend(loc="lower right")
plots.show(
    fig,
    "Validation scores of the final run after each pass. Dotted: the baseline of counts.",
    "Two panels with a curve over the passes and a dotted line: WordSim on the left, analogies on the right.",
)

# %%
word_vectors = model.vectors
common = word_vectors[:10_000]  # rare words have seen little; leave them out of this list
asked_for = ("france", "king", "guitar", "computer", "winter", "walked", "bigger", "cheese")
shown = [word for word in asked_for if ids.get(word, len(common)) < len(common)]
plots.table(
    [[word, ", ".join(vocabulary[i] for i in nearest(common, ids[word], 6))] for word in shown],
    ["word", f"its nearest neighbours by cosine, of the {len(common):,} most frequent words"],
)

# %% [markdown]
# Read the lists twice. Neighbours are words that can stand in the same *place*, not words that mean the same: the opposite of a word is often close to it, since it fits the same sentences.

# %% [markdown]
# ## A picture of a relation
#
# Take capitals and their countries, and project their 100 numbers to the plane in which they differ most: a principal component analysis (PCA). If the relation is a direction, the lines are about parallel.

# %%
of_section = questions[sections == "capital-common-countries"]
capitals = np.unique(of_section[:, :2], axis=0)[:12]
unit = word_vectors / np.linalg.norm(word_vectors, axis=1, keepdims=True)
plane = PCA(2, svd_solver="full").fit_transform(unit[capitals.ravel()].astype(float)).reshape(-1, 2, 2)
fig, ax = plots.axes(height=5.6)
colours = plots.COLOURS[:2]
for ends in plane:
    ax.plot(*ends.T, color=plots.COLOURS[6], linewidth=1, linestyle="-")
    for spot, colour in zip(ends, colours):
        ax.plot(*spot, "o", color=colour)
ax.set(xlabel="first principal component", ylabel="second principal component")
ax.margins(0.12)
names = [vocabulary[word] for word in capitals.ravel()]
plots.name_points(ax, names, plane.reshape(-1, 2), [*colours] * len(capitals))
plots.show(
    fig,
    "Capitals (blue) and their countries (orange), from 100 dimensions down to 2. A line joins each capital with its country.",
    "Names of capitals and countries in two colours, joined in pairs by thin lines.",
)

# %% [markdown]
# ## The test, once
#
# The first baseline are random vectors: they know nothing and show what chance is worth.

# %%
random_vectors = np.random.default_rng(0).normal(size=word_vectors.shape)
found = {
    name: (likeness(vectors, "test"), right_answers(vectors, "test"))
    for name, vectors in {
        "random vectors": random_vectors,
        "PPMI + SVD": count_vectors,
        "skip-gram": word_vectors,
    }.items()
}
plots.table(
    [[name, f"{spearman:.3f}", f"{100 * right.mean():.1f}"] for name, (spearman, right) in found.items()],
    [
        "test",
        f"WordSim, Spearman ({scored_in['test'].sum()} pairs)",
        f"analogies % right ({asked_in['test'].sum():,} questions)",
    ],
)
results.record("wordsim_spearman", found["skip-gram"][0])
results.record("analogy_accuracy", found["skip-gram"][1].mean())

# %%
names = list(dict.fromkeys(sections[asked_in["test"]]))
by_section = {
    name: [100 * found[name][1][sections[asked_in["test"]] == part].mean() for part in names]
    for name in ("PPMI + SVD", "skip-gram")
}
fig, ax = plots.axes(height=max(3.0, 0.42 * len(names) + 1))
for shift, (name, values) in zip((-0.2, 0.2), by_section.items()):
    ax.barh(np.arange(len(names)) + shift, values, height=0.38, label=name)
ax.set_yticks(range(len(names)), names)
ax.set(xlabel="test questions answered right, %")
ax.invert_yaxis()
ax.grid(False, axis="y")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=2)
plots.show(
    fig,
    "Analogies by section: the first sections ask for facts, those that start with gram for grammar.",
    "Two horizontal bars for each section, one for PPMI with SVD and one for skip-gram.",
)

# %% [markdown]
# How sure is the difference? The questions of a section share words, so they are not independent. Draw whole *sections* with replacement, and look at the difference again and again (a bootstrap).

# %%
gain = found["skip-gram"][1].astype(float) - found["PPMI + SVD"][1]
groups = [gain[sections[asked_in["test"]] == part] for part in names]
rng = np.random.default_rng(0)
draws = [np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]).mean() for _ in range(2000)]
low, high = np.percentile(draws, [2.5, 97.5])
print(
    f"skip-gram − PPMI+SVD: {100 * gain.mean():+.1f} points, 95 % of the draws from {100 * low:+.1f} to {100 * high:+.1f}"
)

# %% [markdown]
# Skip-gram answers 38.5 % of the analogies, the counts 26.9 %, random vectors none. The interval from whole sections, +6.9 to +15.6 points, does not hold zero. In word likeness the two are level: 0.668 and 0.644, from 221 pairs, which leave a standard error of about 0.05 on each.
#
# The sections are no lottery. Capitals of well-known countries succeed with 88 %, nationalities with 77 %; family words are a tie, and in present participles the counts are ahead. Opposites, adverbs and currencies stay at 10 % or below: their pairs do not stand in the same sentences often enough, in ten million words.
#
# The curves over the passes say what it took. After one pass the counts are far ahead in analogies, after four they are caught up with, and when the rate has fallen to zero nothing more is gained. Counting needs one pass and no learning rate. If your text is small or your time is short, it is the better choice.

# %% [markdown] tags=["notes"]
# Return to the bets. Then the sections: which ones are about facts in the text, which about endings of words? Ask why no section is near zero for random reasons and which could be hard for *any* method on ten million words: count how often a currency meets its country.

# %% [markdown]
# ## What went wrong in practice
#
# - **A dense update.** An optimiser with momentum, or an L2 penalty on the whole table, touches all rows in each step, and the full softmax's cost is back by the kitchen door. Gather and scatter.
# - **Negatives drawn once.** Fixed with the pair, they are learned by heart. Draw in each step.
# - **The wrong noise.** Uniform noise makes the task too easy: a rare word is noise, so answer by frequency. The power 3/4 is in the noise, not in the threshold of sub-sampling.
# - **Accidental hits kept** in negative sampling: the context is pulled and pushed in the same step.
# - **Collisions in big batches.** Hundreds of pairs of one step ask for the row of *the*, or the root of the tree. Their sum is a leap. Cap it, or take the mean.
# - **Question words allowed as answers.** The nearest word to *king − man + woman* is often *king* itself.
# - **Choosing on the questions that you report.** The exponent, the rate and the number of passes all have a best value on the test.

# %% [markdown]
# ## Summary
#
# - Pairs come from shifting the whole text by 1 to $w$ places: millions a second without a loop over words.
# - The full softmax asks all words in each step; NCE, negative sampling and the tree ask a few, and are one and the same logistic step with other rows, weights and offsets.
# - Negative sampling learns $\log p(o \mid c) - \log k\,q(o)$: a compressed table of mutual information, learned without ever storing the table.
# - The strong baseline counts. Give it the same text and the same care before you claim to beat it.

# %% [markdown]
# ## Going further
#
# - Add the two tables of the final model, or put them side by side. Which measure gains?
# - Replace $a - b + c$ by the product form of Levy and Goldberg: $\cos(d, a)\cos(d, c) / \cos(d, b)$, with cosines moved to $[0, 1]$.
# - Change the noise's exponent to 0 and to 1. Look at the neighbours of rare words.
# - Load these vectors as the embedding of lesson 10. What do they buy with 1 000 reviews?

# %% [markdown]
# ## References
#
# - T. Mikolov, K. Chen, G. Corrado, J. Dean (2013), *Efficient Estimation of Word Representations in Vector Space*.
# - T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean (2013), *Distributed Representations of Words and Phrases and their Compositionality*.
# - M. Gutmann, A. Hyvärinen (2012), *Noise-Contrastive Estimation of Unnormalized Statistical Models*.
# - F. Morin, Y. Bengio (2005), *Hierarchical Probabilistic Neural Network Language Model*.
# - O. Levy, Y. Goldberg (2014), *Neural Word Embedding as Implicit Matrix Factorization*.
# - O. Levy, Y. Goldberg, I. Dagan (2015), *Improving Distributional Similarity with Lessons Learned from Word Embeddings*.
# - L. Finkelstein et al. (2002), *Placing Search in Context: The Concept Revisited*.
