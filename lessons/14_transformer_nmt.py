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
#     title: A Transformer that translates
#     minutes: {class: 3, full: 40}
#     summary: Sub-words, attention, masks and beam search by hand; German captions become English ones.
#     data: [multi30k]
#     expected:
#       transformer_bleu: [37, 46]
#       rnn_attention_bleu: [20, 42]
#     published:
#       transformer_bleu: "37.4, a trial of this course with whole words and greedy decoding"
#     points: {learn_merges: 3, attention: 3, masks: 2, multi_head: 3, leak: 2, loss_and_accuracy: 2, attend_with_cache: 2, greedy: 3, beam_step: 3}
# ---

# %% [markdown]
# # A Transformer that translates
#
# In this lesson you build a Transformer from matrix products, and it learns to translate German picture captions into English ones. A recurrent network with attention gets the same sentences and steps and about as many weights, and a standard score says which of the two translates better.

# %% [markdown]
# **You will**
#
# - learn a vocabulary of sub-words from the training text, so that no word is unknown;
# - write attention, its masks and its heads, and prove with a leak test that no token sees the future;
# - train a Transformer and a recurrent baseline on the same budget;
# - decode greedily and with a beam, with a cache, and prove that the cache changes nothing;
# - measure with BLEU, draw what the heads look at, and find out where translations fail.

# %% [markdown] tags=["notes"]
# **Plan, 120 minutes in two sittings:** sub-words 15, attention and masks 30, the model and the leak test 15 · training 10, decoding 20, BLEU and the comparison 20, maps and failures 10. In the class profile the networks train for about two minutes in all.
#
# **Ask first:** "Eine Gruppe von Männern lädt Baumwolle auf einen Lastwagen": for each English word, which German words does one have to look at? Draw the lines on the board; the attention maps at the end are this drawing.

# %% tags=["setup"]
import sys

sys.path[:0] = [".", ".."]  # utils/ stands beside notebooks/

from utils import checks, data, metrics, plots, results, resume, runtime

import functools
import heapq
import re
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest
from sklearn.feature_extraction.text import TfidfVectorizer

runtime.start("14", seed=0, operations=2)  # two at a time: no draw in a step comes from a shared generator

# %% [markdown]
# ## Parameters
#
# Sizes are common ones for this amount of text. The size of a batch and the learning rate were set for the Transformer, by its validation perplexity; the recurrent network takes them over. Each has its own dropout: of 0.1 and 0.2 the one with the lower validation perplexity after ten epochs (Transformer 4.26 and 4.22, recurrent 4.58 and 4.62). No test pair had a say in any of this. Small networks with three seeds answer questions of design; then one large network of each kind is trained. A batch holds so many *places*, not so many sentences: short sentences come in large batches.

# %% tags=["parameters"]
CORPUS = "multi30k"  # or "ted_pt_en": talks, Portuguese to English
LIMIT = None  # use only so many training pairs (None: all)
HELD_OUT = None  # use only so many validation and test pairs (None: all)
MERGES = 3000  # pieces that byte-pair encoding adds to the letters
LONGEST = 48  # pieces; longer training pairs are left out
PLACES = 1000  # places of a batch, on each side
WIDTH, INNER, HEADS, DEPTH = 256, 512, 4, 2  # the Transformer: vectors, dense layers, heads, layers on each side
UNITS = 320  # state of the recurrent network; chosen so that both have as many weights
EPOCHS = 14  # passes over the training pairs
RATE, WARMUP = 0.0015, 600  # highest learning rate of Adam, and steps until it is reached
DROPOUT = {"Transformer": 0.2, "recurrent": 0.1}
SMOOTHING = 0.1  # of the targets, in training
COMPARED = (  # small networks: attention of the recurrent one, and the Transformer with and without its causal mask
    "recurrent, none",
    "recurrent, additive",
    "recurrent, multiplicative",
    "Transformer",
    "Transformer, not causal",
)
SEEDS = 3  # repetitions in the small comparison
SHORT_PAIRS, SHORT_EPOCHS, SHORT_PLACES = 4000, 4, 1000  # its training pairs, passes and batches
SHORT_WIDTH, SHORT_INNER, SHORT_DEPTH, SHORT_UNITS = 128, 256, 2, 176  # its networks
SHORT_RATE, SHORT_WARMUP, SHORT_DROPOUT = 0.002, 200, 0.1
WATCHED = 300  # validation pairs that are translated after each epoch
BEAM_PAIRS = None  # use only so many validation pairs to compare beams (None: all)
BEAMS, ALPHAS = (1, 2, 4, 8), (0.0, 1.0, 1.5, 2.0)  # widths of the beam, strengths of the length reward
SENTENCE = "Ein kleiner Hund läuft mit einem roten Ball über die Wiese."  # try your own

runtime.profile(
    in_class=dict(
        LIMIT=6000, HELD_OUT=200, MERGES=3000, WIDTH=128, INNER=256, DEPTH=2, UNITS=176, EPOCHS=4, RATE=0.002,
        DROPOUT={"Transformer": 0.1, "recurrent": 0.1}, WARMUP=200, PLACES=1500, SEEDS=2, SHORT_PAIRS=1000, SHORT_EPOCHS=4, SHORT_WIDTH=96, SHORT_INNER=192, SHORT_DEPTH=1,
        SHORT_UNITS=80, WATCHED=60, BEAM_PAIRS=60, BEAMS=(1, 4),
    ),
    smoke=dict(
        LIMIT=400, HELD_OUT=24, MERGES=200, PLACES=600, COMPARED=("recurrent, additive", "recurrent, multiplicative"), WIDTH=16, INNER=24, HEADS=2, DEPTH=1, UNITS=16, EPOCHS=2, RATE=0.01,
        WARMUP=4, SEEDS=1, SHORT_PAIRS=60, SHORT_EPOCHS=1, SHORT_PLACES=600, SHORT_WIDTH=8, SHORT_INNER=8, SHORT_DEPTH=1,
        SHORT_UNITS=8, SHORT_WARMUP=2, WATCHED=8, BEAM_PAIRS=8, BEAMS=(1, 2),
    ),
)  # fmt: skip

# %% [markdown]
# ## The captions
#
# Multi30k: captions of photographs, in English and in German. We translate from German. Validation pairs come with the data and serve for every choice; the test pairs (of 2016) are translated once, at the end.

# %%
NAMES = {"multi30k": ("de", "en", "val", "test_2016_flickr"), "ted_pt_en": ("pt", "en", "validation", "test")}
source_language, target_language, *held_out_names = NAMES[CORPUS]
corpus = data.load(CORPUS)
train = corpus.train.take(LIMIT)
valid, test = (corpus.splits[name].take(HELD_OUT) for name in held_out_names)


def texts(split):
    """Source and target sentences, aligned."""
    return split.columns[source_language], split.columns[target_language]


known = set(zip(*texts(train)))
print(f"{len(train):,} training, {len(valid):,} validation, {len(test):,} test pairs")
print(
    f"pairs that also occur in training: {sum(pair in known for split in (valid, test) for pair in zip(*texts(split)))}"
)
plots.table(list(zip(*texts(train)))[:4], [source_language, target_language])

# %% [markdown]
# ## Words in pieces
#
# How many words does a translator need? German glues words together, so the next sentence always holds a new one. With one number per *word*, rare words become "unknown" and cannot be translated. With one number per *letter*, sentences become long. *Sub-words* lie between: frequent words are one piece, rare ones several.
#
# First the text is cut into words. A word takes the space in front of it along, written `▁`, so that pieces can be put together again without loss. Everything is lower case.


# %%
def words_of(text):
    """Lower-case words and marks; a space in front belongs to the word and becomes ▁."""
    text = " ".join(text.lower().split())  # one plain space, whatever stood there
    return [word.replace(" ", "▁") for word in re.findall(r" ?\w+| ?[^\w\s]+", " " + text)]


counts = Counter(word for side in texts(train) for text in side for word in words_of(text))
print(words_of(texts(train)[0][0]))
once = sum(count == 1 for count in counts.values())
print(f"{len(counts):,} different words in both languages, {100 * once / len(counts):.0f} % of them occur once")

# %% tags=["helper"]
PAD, START, END, UNKNOWN = 0, 1, 2, 3  # numbers that are no pieces


def merge(pieces, pair):
    """The tuple `pieces` with each occurrence of `pair`, from left to right, made one piece."""
    merged, i = [], 0
    while i < len(pieces):
        size = 2 if pieces[i : i + 2] == pair else 1
        merged.append("".join(pieces[i : i + size]))
        i += size
    return tuple(merged)


# %% [markdown]
# *Byte-pair encoding* (Sennrich, Haddow and Birch, 2016) starts from letters. Again and again it finds the most frequent pair of neighbouring pieces within words, and makes one piece of it. The list of these *merges*, in order, is the whole model.
#
# ### Exercise 14.1 · Learn merges
#
# `counts` says how often each word occurs; a word begins as `tuple(word)`, a tuple of its letters. In each round count the neighbouring pairs, each as often as its word occurs, take the most frequent one (of equals the first in the alphabet), and `merge` it in all words. Stop early if no pair is left.


# %% tags=["exercise"]
def learn_merges(counts, number):
    """A list of `number` pairs of pieces, in the order in which they were merged."""
    ### BEGIN SOLUTION
    words, merges = {tuple(word): count for word, count in counts.items()}, []
    for _ in range(number):
        pairs = Counter()
        for pieces, count in words.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += count
        if not pairs:
            break
        merges.append(min(pairs, key=lambda pair: (-pairs[pair], pair)))
        words = {merge(pieces, merges[-1]): count for pieces, count in words.items()}
    return merges
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.learn_merges", learn_merges)

# %% [markdown]
# Counting everything anew in each of thousands of rounds takes an hour. But a merge changes few words. If we remember in which words a pair occurs, only those need to be counted again; a heap gives the most frequent pair. The result must be the same, so we compare.


# %%
def learn_quickly(counts, number):
    """What `learn_merges` gives, with bookkeeping instead of counting anew."""
    words, times = [tuple(word) for word in counts], list(counts.values())
    pairs, places, merges = Counter(), defaultdict(set), []

    def count(i, sign):
        for pair in zip(words[i], words[i][1:]):
            pairs[pair] += sign * times[i]
            places[pair].add(i)

    for i in range(len(words)):
        count(i, 1)
    heap = [(-claimed, pair) for pair, claimed in pairs.items()]
    heapq.heapify(heap)
    while heap and len(merges) < number:
        claimed, best = heapq.heappop(heap)
        if -claimed != pairs[best]:  # an old entry: its pair has become rarer or more frequent
            if pairs[best]:
                heapq.heappush(heap, (-pairs[best], best))
            continue
        merges.append(best)
        changed = set()
        for i in places.pop(best):
            count(i, -1)
            words[i] = merge(words[i], best)
            count(i, 1)
            changed.update(zip(words[i], words[i][1:]))
        for pair in changed:
            heapq.heappush(heap, (-pairs[pair], pair))
    return merges


few = dict(counts.most_common(300))
assert learn_quickly(few, 40) == learn_merges(few, 40)
merges = learn_quickly(counts, MERGES)
for first in (0, len(merges) // 10, len(merges) - 12):
    print(f"merges from {first + 1:4}:", " ".join(a + b for a, b in merges[first : first + 12]))

# %% [markdown]
# A new word is cut by *the same* merges: of all neighbouring pairs in the word, merge the one that was learned first; repeat until no pair is known. Each piece gets a number, and with it both languages share one vocabulary.

# %%
ranks = {pair: rank for rank, pair in enumerate(merges)}
letters = sorted(set("".join(counts)))
pieces_by_number = ["", "<start>", "<end>", "⁇", *dict.fromkeys([*letters, *(a + b for a, b in merges)])]
number_of = {piece: number for number, piece in enumerate(pieces_by_number) if number > UNKNOWN}
VOCABULARY = len(pieces_by_number)


@functools.cache
def segment(word):
    """The pieces of a word: known pairs are merged, always the one that was learned first."""
    pieces = tuple(word)
    while found := [pair for pair in zip(pieces, pieces[1:]) if pair in ranks]:
        pieces = merge(pieces, min(found, key=ranks.get))
    return pieces


def encode(text):
    """A sentence as numbers, closed by END."""
    return [number_of.get(piece, UNKNOWN) for word in words_of(text) for piece in segment(word)] + [END]


def decode(numbers):
    """Numbers up to END as text."""
    numbers = [int(number) for number in numbers]
    numbers = numbers[: numbers.index(END)] if END in numbers else numbers
    return "".join(pieces_by_number[number] for number in numbers).replace("▁", " ").strip()


for text in texts(train)[0][:1000]:
    assert decode(encode(text)) == " ".join(text.lower().split()), text

# %% [markdown]
# What does it buy? We compare with the usual word vocabulary: every word that occurs at least twice in its language.

# %%
rows = []
for language, train_texts, valid_texts in zip((source_language, target_language), texts(train), texts(valid)):
    frequent = {word for word, n in Counter(w for t in train_texts for w in words_of(t)).items() if n > 1}
    valid_words = [word for text in valid_texts for word in words_of(text)]
    valid_numbers = [number for text in valid_texts for number in encode(text)[:-1]]
    rows.append([f"{language}: words", f"{len(frequent):,}", f"{len(valid_words) / len(valid):.1f}",
                 f"{100 * np.mean([word not in frequent for word in valid_words]):.2f}"])  # fmt: skip
    rows.append([f"{language}: pieces", f"{VOCABULARY:,} for both", f"{len(valid_numbers) / len(valid):.1f}",
                 f"{100 * np.mean([number == UNKNOWN for number in valid_numbers]):.2f}"])  # fmt: skip
plots.table(rows, ["vocabulary", "size", "numbers in a sentence", "unknown, % of validation"])
new = sorted({w for t in texts(valid)[0] for w in words_of(t) if w not in counts}, key=lambda w: (-len(w), w))[:4]
plots.table([[word, " + ".join(segment(word))] for word in new], ["not in training", "in pieces"])

# %% [markdown]
# With whole words, 4.3 % of the German and 2.0 % of the English validation words are unknown, although both vocabularies together hold 14 000 words. With 3075 pieces for both languages nothing is unknown. The price: a German sentence has 17.3 numbers instead of 12.9, an English one 15.9 instead of 13.3. The words that training never saw are compounds. Some cuts fall between their parts (über + einander), others do not (geschlagenen becomes gesch + la + gen + en): the algorithm counts letters and knows no grammar.

# %% [markdown]
# ## Batches of similar length
#
# The decoder is trained to name the next piece. Its *inputs* are the target sentence moved one place to the right, with START in front; its *targets* are the sentence itself. The encoder gets the source. Short rows are filled with PAD at the end. Pairs of similar length come into one batch: a *bucket* holds pairs whose two lengths differ by at most three from those of its other pairs, so there is little to fill.


# %% tags=["helper"]
def pad(rows):
    """Lists of numbers as one array, filled with PAD."""
    array = np.full((len(rows), max(map(len, rows))), PAD, "int32")
    for row, numbers in zip(array, rows):
        row[: len(numbers)] = numbers
    return array


def batch(pairs, members):
    """Source, decoder inputs and targets of some pairs."""
    source, targets = (pad([side[i] for i in members]) for side in pairs)
    inputs = np.concatenate([np.full((len(targets), 1), START, "int32"), targets[:, :-1]], axis=1)
    return source, inputs, targets


def bucketed(pairs, places, rng, bucket=4):
    """Index arrays, one a batch, in random order; both sides have lengths of one bucket each."""
    lengths = np.array([[len(row) for row in side] for side in pairs])
    widths, batches = -(-lengths // bucket) * bucket, []
    for width in np.unique(widths, axis=1).T:
        members = rng.permutation(np.flatnonzero(np.all(widths == width[:, None], axis=0)))
        size = max(1, places // max(width))
        batches += [members[i : i + size] for i in range(0, len(members), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


# %%
def encoded(split, longest=None):
    """Rows of numbers on both sides, without the pairs that are too long."""
    sides = [[encode(text) for text in side] for side in texts(split)]
    kept = [pair for pair in zip(*sides) if longest is None or max(map(len, pair)) <= longest]
    return [list(side) for side in zip(*kept)]


train_pairs, valid_pairs = encoded(train, LONGEST), encoded(valid)
real_pieces = sum(len(row) for side in train_pairs for row in side)
rng = np.random.default_rng(0)
in_buckets = bucketed(train_pairs, PLACES, rng)
at_random = np.array_split(rng.permutation(len(train_pairs[0])), len(in_buckets))
rows = []
for name, batches in (("at random", at_random), ("in buckets", in_buckets)):
    places = sum(pad([side[i] for i in members]).size for members in batches for side in train_pairs)
    rows.append([name, len(batches), f"{places:,}", f"{100 * real_pieces / places:.0f} %"])
print(f"{len(train) - len(train_pairs[0])} training pairs are too long and left out")
plots.table(rows, ["pairs in batches", "batches in an epoch", "places to compute", "of them real"])
source, inputs, targets = batch(train_pairs, [0])
for name, row in (("source", source), ("inputs", inputs), ("targets", targets)):
    print(f"{name:8}", " ".join(pieces_by_number[number] for number in row[0]))

# %% [markdown]
# ## Attention
#
# A decoder that writes the third English word wants to look at the German words that matter for it. It states what it looks for as a *query* vector $q$. Each source place offers a *key* $k_j$ and a *value* $v_j$. The product of query and key says how well they fit; softmax makes weights of the products; the answer is the weighted mean of the values:
#
# $$\text{weights} = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right), \qquad \text{mixed} = \text{weights} \cdot V.$$
#
# $Q$ holds one query in each row, $K$ and $V$ one key and one value, and $d$ is the length of a key. Without $\sqrt d$ the products of long vectors are large, softmax puts all weight on one place, and the gradient vanishes.
#
# Where one may not look, the *mask* is false. The product there becomes $-10^9$ *before* the softmax: the weight is then 0, and the others still add up to 1.
#
# ### Exercise 14.2 · Scaled dot-product attention
#
# The last two axes are places and vectors; any number of axes may stand in front. `tf.matmul(a, b, transpose_b=True)` and `tf.where` will do.


# %% tags=["exercise"]
def attention(queries, keys, values, mask):
    """Weighted means of the values, and the weights; `mask` (None: look everywhere) is true where one may look."""
    ### BEGIN SOLUTION
    scores = tf.matmul(queries, keys, transpose_b=True) / keys.shape[-1] ** 0.5
    if mask is not None:
        scores = tf.where(mask, scores, -1e9)
    weights = tf.nn.softmax(scores)
    return tf.matmul(weights, values), weights
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.attention", attention)

# %%
# made by hand: three keys that are easy to tell apart, and a query that fits the second
hand_keys = 20.0 * tf.eye(3)
hand_values = tf.constant([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
for text, place, mask in (("fits place 1", 1, None), ("fits place 1, which is masked", 1, [[True, False, True]])):
    mixed, weights = attention(hand_keys[place : place + 1], hand_keys, hand_values, mask)
    print(f"{text:30} weights {weights.numpy().round(3)[0]}, mixed {mixed.numpy().round(3)[0]}")

# %% [markdown]
# ## Two masks
#
# The encoder, and the decoder's look at the source, must not see PAD: the *padding mask*. Within the target, a place must not look at later places, for these hold the answer: the *causal mask*. It also hides the PAD at the end of the target from all real places.
#
# ### Exercise 14.3 · The two masks
#
# Scores have shape (batch, heads, queries, keys). Put axes of size 1 where the padding mask does not depend on them. The length of the causal mask may be a tensor: use `tf.range`.


# %% tags=["exercise"]
def padding_mask(tokens):
    """Truth values of shape (batch, 1, 1, places) for numbers of shape (batch, places): false at PAD."""
    ### BEGIN SOLUTION
    return tf.not_equal(tokens, PAD)[:, None, None, :]
    ### END SOLUTION


def causal_mask(length):
    """Truth values (length, length): query i (row) may look at key j (column) where j is not later than i."""
    ### BEGIN SOLUTION
    place = tf.range(length)
    return place[None, :] <= place[:, None]
    ### END SOLUTION


# %% tags=["check"]
def both_masks(tokens):
    """The padding mask of some tokens, and the causal mask of their length."""
    return {"padding": padding_mask(tf.constant(tokens)), "causal": causal_mask(tokens.shape[1])}


checks.run("14.masks", both_masks)

# %% [markdown]
# ## Several heads
#
# One weighted mean cannot look at two things at once. So vectors of length $d$ are cut into $h$ parts of length $d/h$, the *heads*. Each head attends for itself, and the results are put side by side again. Before and after stand learned matrices, so that each head may look for something of its own.
#
# ### Exercise 14.4 · Multi-head attention
#
# Inputs have shape (batch, places, width). Bring each into (batch, heads, places, width / heads): `tf.reshape` splits the last axis, `tf.transpose` moves the heads to the front. A reshape alone would mix places with heads. The number of places may be unknown when this is compiled: write `tf.shape(x)[1]` where you need it.


# %% tags=["exercise"]
def multi_head(queries, keys, values, heads, mask):
    """Attention in `heads` parts: mixed (batch, queries, width) and weights (batch, heads, queries, keys)."""

    ### BEGIN SOLUTION
    def parts(x):
        shape = tf.shape(x)
        return tf.transpose(tf.reshape(x, (shape[0], shape[1], heads, x.shape[-1] // heads)), (0, 2, 1, 3))

    mixed, weights = attention(parts(queries), parts(keys), parts(values), mask)
    return tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), tf.shape(queries)), weights
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.multi_head", multi_head)

# %%
# with the matrices of a layer of Keras, ours must give the same
layer = layers.MultiHeadAttention(4, key_dim=6, use_bias=False)
rng = np.random.default_rng(0)
x, source = (tf.constant(rng.normal(size=(3, places, 24)), "float32") for places in (5, 7))
theirs, their_weights = layer(x, source, return_attention_scores=True)
wq, wk, wv, out = (weight.reshape(24, 24) for weight in layer.get_weights())
ours, our_weights = multi_head(
    *(tf.tensordot(side, w, 1) for side, w in ((x, wq), (source, wk), (source, wv))), 4, None
)
ours = tf.tensordot(ours, out, 1)
difference = max(np.abs(ours - theirs).max(), np.abs(our_weights - their_weights).max())
print(f"largest difference to keras.layers.MultiHeadAttention: {difference:.0e}")
assert difference < 1e-5

# %% [markdown]
# ## Where am I?
#
# Attention does not know order: shuffle the source, and each mixture stays the same. So each place gets a vector that says where it stands, and it is added to the vector of the piece. Vaswani et al. (2017) take waves of many lengths. For place $p$ and $i = 0, 1, 2, \dots$
#
# $$\mathrm{PE}_{p,\,2i} = \sin\frac{p}{10000^{2i/d}}, \qquad \mathrm{PE}_{p,\,2i+1} = \cos\frac{p}{10000^{2i/d}}.$$
#
# ### Exercise 14.5 · Positional encoding


# %% tags=["exercise"]
def positions(length, width):
    """Float32 of shape (length, width): sines in the even columns, cosines in the odd ones."""
    ### BEGIN SOLUTION
    angles = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype("float32")
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.positions", positions)

# %%
table = positions(40, 64)
fig, panels = plots.axes(columns=2, height=3.4)
pictures = [panels[0].imshow(table, aspect="auto", cmap=plots.DIVERGING, vmin=-1, vmax=1)]
panels[0].set(title="encoding", xlabel="column", ylabel="place")
pictures.append(panels[1].imshow(table @ table.T / 32, aspect="auto", vmin=-1, vmax=1, cmap=plots.DIVERGING))
panels[1].set(title="likeness of two places", xlabel="place", ylabel="place")
for ax in panels:
    ax.grid(False)
fig.colorbar(pictures[1], ax=panels, label="value; cosine")
plots.show(
    fig,
    "Left: the vectors of 40 places, 64 numbers each. Right: their cosine; it depends on the distance of the places only.",
    "Left: waves, short ones in the first columns, long ones in the last. Right: a dark diagonal that fades on both sides.",
)

# %% [markdown]
# ### Turned by the place
#
# How far a place is from another one often matters more than where it stands: an adjective belongs to the noun behind it, wherever in the sentence that is. Su et al. (2021) let *attention* know the distance. They cut a query into pairs of numbers, take each pair as a point in the plane, and turn it by an angle that grows with its place $p$: $p$ times the frequency of a wave, another one for each pair. Keys are turned in the same way. The product of two points depends on the angle *between* them. So if a query at place $p$ and a key at place $r$ are turned, their product depends on the two vectors and on $p - r$, on nothing else.
#
# Sines and cosines of these angles are what `positions` computes. Our Transformer does both: it adds the waves to the vectors of the pieces, and turns queries and keys of its self-attention by them. Source and target places are not compared, so the look at the source turns nothing.


# %% tags=["helper"]
def waves(length, width):
    """Sines and cosines (length, 1, width / 2) by which a head of this width is turned at each place."""
    table = tf.constant(positions(length, width))[:, None]
    return table[..., ::2], table[..., 1::2]


def turn(x, sines, cosines):
    """Turn x (batch, places, width): first and second half of each head are the two coordinates of its points."""
    shape = tf.shape(x)
    a, b = tf.unstack(tf.reshape(x, (shape[0], shape[1], -1, 2, sines.shape[-1])), axis=3)
    return tf.reshape(tf.stack([a * cosines - b * sines, a * sines + b * cosines], axis=3), shape)


# %%
query, key = (tf.constant(row, "float32") for row in np.random.default_rng(0).normal(size=(2, 64)))
many = [turn(tf.tile(row[None, None], (1, 40, 1)), *waves(40, 64))[0] for row in (query, key)]
for place, other in ((3, 5), (20, 22), (35, 37), (5, 3), (3, 25)):
    product = tf.tensordot(many[0][place], many[1][other], 1)
    print(f"query at place {place:2}, key at place {other:2}, distance {other - place:+3}: product {product:6.2f}")
products = many[0] @ tf.transpose(many[1])
np.testing.assert_allclose(products[1:, 1:], products[:-1, :-1], atol=1e-3)  # both one place further on: the same

# %% [markdown]
# ## A cache for the decoder
#
# In training the whole target is known, and all places are computed at once. In translation the pieces come one by one. Computing all earlier places again for each new piece is wasteful: with the causal mask they cannot change. So their keys and values are kept in a *cache*; a new place adds its own and attends with one query.
#
# ### Exercise 14.6 · Attend with a cache
#
# `query` (batch, 1, width) belongs to the new place. `key_value` (batch, 1, 2·width) holds its key and, behind it, its value; `past` (batch, places, 2·width) holds those of earlier places. `tf.split(x, 2, axis=-1)` separates keys from values. The new place may look at itself, too.


# %% tags=["exercise"]
def attend_with_cache(query, key_value, past, heads):
    """The mixture for the new place (batch, 1, width), and the cache with the new place at its end."""
    ### BEGIN SOLUTION
    past = tf.concat([past, key_value], axis=1)
    keys, values = tf.split(past, 2, axis=-1)
    mixed, _ = multi_head(query, keys, values, heads, None)
    return mixed, past
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.attend_with_cache", attend_with_cache)

# %% [markdown]
# ## The loss
#
# At each place the decoder gives a score (logit) to each piece. The loss is the cross-entropy, averaged over *real* targets of the whole batch. With *label smoothing* $\varepsilon$ the right piece should get probability $1-\varepsilon$ only, and $\varepsilon$ is spread evenly over all $V$ pieces, the right one among them. That keeps the network from being too sure, which helps a beam search later. The accuracy counts the real places where the highest score belongs to the target.
#
# ### Exercise 14.7 · Masked loss and accuracy
#
# `tf.one_hot` takes `on_value` and `off_value`; `tf.nn.softmax_cross_entropy_with_logits` takes such targets.


# %% tags=["exercise"]
def loss_and_accuracy(logits, targets, smoothing):
    """Mean smoothed cross-entropy, and share of hits, over all targets that are not PAD: two numbers."""
    ### BEGIN SOLUTION
    pieces = logits.shape[-1]
    low = smoothing / pieces
    goal = tf.one_hot(targets, pieces, on_value=1 - smoothing + low, off_value=low)
    nats = tf.nn.softmax_cross_entropy_with_logits(goal, logits)
    hits = tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == targets, tf.float32)
    real = tf.cast(targets != PAD, tf.float32)
    return tf.reduce_sum(nats * real) / tf.reduce_sum(real), tf.reduce_sum(hits * real) / tf.reduce_sum(real)
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.loss_and_accuracy", loss_and_accuracy)

# %% [markdown]
# ## The Transformer
#
# A layer of the encoder: self-attention, then two dense layers at each place. A layer of the decoder looks at the source in between. Around each part leads a shortcut, $x + \text{part}(\text{norm}(x))$; with the norm *inside* (*pre-norm*) training is stable. Dropout acts on what a part adds. One table of vectors serves source, target and output: both languages share their pieces.
#
# Dropout here draws from the number of the step. A run that is interrupted and resumed repeats the same draws.


# %%
class Drop:
    """Dropout whose draws depend on the number of the step and on the place in the network, on nothing else."""

    def __init__(self, rate, step):
        self.rate, self.step, self.site = rate, step, 0

    def __call__(self, x):
        self.site += 1
        return tf.nn.experimental.stateless_dropout(x, self.rate, seed=tf.stack([self.site, self.step]))


def keep(x):
    """No dropout."""
    return x


class Network:
    """What both translators share: a list of layers, one table of vectors, and three compiled graphs."""

    def __init__(self, width):
        self.width, self.layers = width, []
        spread = keras.initializers.RandomNormal(stddev=width**-0.5)
        self.table = self.add(layers.Embedding(VOCABULARY, width, embeddings_initializer=spread), (None, None))

    def add(self, layer, shape):
        layer.build(shape)
        self.layers.append(layer)
        return layer

    def dense(self, inputs, outputs, **options):
        return self.add(layers.Dense(outputs, **options), (None, inputs))

    @property
    def variables(self):
        return [variable for layer in self.layers for variable in layer.trainable_variables]

    def logits(self, x):
        """A score for each piece: the product of x with its vector."""
        scores = tf.matmul(
            tf.reshape(x, (-1, self.width)), tf.convert_to_tensor(self.table.embeddings), transpose_b=True
        )
        return tf.reshape(scores, (*(tf.shape(x)[i] for i in range(len(x.shape) - 1)), VOCABULARY))

    def log_p(self, logits):
        """Logarithms of the probabilities of the next piece; PAD, START and UNKNOWN are never written."""
        never = tf.one_hot([PAD, START, UNKNOWN], VOCABULARY, on_value=-1e9, off_value=0.0)
        return tf.nn.log_softmax(logits + tf.reduce_sum(never, axis=0))

    def compile(self):
        """Compile `start`, `step` and `score`, each once for all shapes."""
        rows, row = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
        self.start = tf.function(self.start, autograph=False).get_concrete_function(rows)
        self.step = tf.function(self.step, autograph=False).get_concrete_function(row, *self.state())
        self.score = tf.function(self._score, autograph=False).get_concrete_function(rows, rows, rows)
        return self

    def _score(self, source, inputs, targets):
        return loss_and_accuracy(self.forward(source, inputs)[0], targets, 0.0)


# %%
class Attention:
    """Multi-head attention between learned matrices; keys and values lie side by side in one array."""

    def __init__(self, net, width, heads):
        self.heads = heads
        self.query, self.key_value, self.out = (net.dense(width, n * width) for n in (1, 2, 1))

    def turned(self, x, waves):
        """Queries, keys and values of the same places, for self-attention; the first two are turned."""
        keys, values = tf.split(self.key_value(x), 2, axis=-1)
        return turn(self.query(x), *waves), tf.concat([turn(keys, *waves), values], axis=-1)

    def __call__(self, queries, key_value, mask):
        keys, values = tf.split(key_value, 2, axis=-1)
        mixed, weights = multi_head(queries, keys, values, self.heads, mask)
        return self.out(mixed), weights


class Block:
    """A layer of the encoder, or of the decoder if it also looks at the source."""

    def __init__(self, net, width, inner, heads, looks):
        self.own = Attention(net, width, heads)
        self.other = Attention(net, width, heads) if looks else None
        self.dense = [net.dense(width, inner, activation="relu"), net.dense(inner, width)]
        self.norms = [net.add(layers.LayerNormalization(epsilon=1e-5), (None, None, width)) for _ in range(2 + looks)]

    def __call__(self, x, waves, mask, source=None, source_mask=None, drop=keep):
        mixed, _ = self.own(*self.own.turned(self.norms[0](x), waves), mask)
        return self.rest(x + drop(mixed), source, source_mask, drop)

    def step(self, x, waves, past, source, source_mask):
        """One new place; its key, which is turned once and for all, and its value join those of the past."""
        mixed, past = attend_with_cache(*self.own.turned(self.norms[0](x), waves), past, self.own.heads)
        return self.rest(x + self.own.out(mixed), source, source_mask, keep)[0], past

    def rest(self, x, source, source_mask, drop):
        """What follows self-attention, and the weights of the look at the source."""
        weights = None
        if self.other:
            mixed, weights = self.other(self.other.query(self.norms[1](x)), source, source_mask)
            x += drop(mixed)
        return x + drop(self.dense[1](self.dense[0](self.norms[-1](x)))), weights


# %%
class Transformer(Network):
    """Encoder and decoder; `causal=False` leaves the causal mask out, to see what happens."""

    def __init__(self, width, inner, heads, depth, causal=True):
        super().__init__(width)
        self.causal, self.places, self.waves = causal, tf.constant(positions(1000, width)), waves(1000, width // heads)
        self.encoder, self.decoder = (
            [Block(self, width, inner, heads, looks) for _ in range(depth)] for looks in (False, True)
        )
        self.norms = [self.add(layers.LayerNormalization(epsilon=1e-5), (None, None, width)) for _ in range(2)]

    def embed(self, tokens, first=0):
        """Vectors of the tokens with their places added, and the waves by which attention turns them."""
        here = slice(first, first + tf.shape(tokens)[1])
        return self.table(tokens) * self.width**0.5 + self.places[here], [part[here] for part in self.waves]

    def encode(self, source, drop=keep):
        """Keys and values of the source for each layer of the decoder, and the mask."""
        (x, turns), mask = self.embed(source), padding_mask(source)
        x = drop(x)
        for block in self.encoder:
            x, _ = block(x, turns, mask, drop=drop)
        x = self.norms[0](x)
        return [block.other.key_value(x) for block in self.decoder], mask

    def forward(self, source, inputs, drop=keep):
        """Logits at all places at once, and the weights (batch, layers · heads, target, source) of the looks."""
        sources, source_mask = self.encode(source, drop)
        mask = causal_mask(tf.shape(inputs)[1]) if self.causal else None
        (x, turns), looks = self.embed(inputs), []
        x = drop(x)
        for block, memory in zip(self.decoder, sources):
            x, weights = block(x, turns, mask, memory, source_mask, drop)
            looks.append(weights)
        return self.logits(self.norms[1](x)), tf.concat(looks, axis=1)

    def start(self, source):
        """What changes from piece to piece, here an empty cache; and what stays, here the source."""
        sources, mask = self.encode(source)
        return (tf.zeros((tf.shape(source)[0], len(self.decoder), 0, 2 * self.width)),), (
            tf.stack(sources, axis=1),
            mask,
        )

    def step(self, tokens, moving, fixed):
        """Log-probabilities of the piece that follows `tokens` (batch,), and the longer cache."""
        (past,), (sources, mask), longer = moving, fixed, []
        x, turns = self.embed(tokens[:, None], first=tf.shape(past)[2])
        for i, block in enumerate(self.decoder):
            x, kept = block.step(x, turns, past[:, i], sources[:, i], mask)
            longer.append(kept)
        return self.log_p(self.logits(self.norms[1](x)[:, 0])), (tf.stack(longer, axis=1),)

    def state(self):
        cache = tf.TensorSpec((None, len(self.decoder), None, 2 * self.width))
        return (cache,), (cache, tf.TensorSpec((None, 1, 1, None), tf.bool))


# %% [markdown]
# ## The leak test
#
# A mask that is computed and forgotten gives no error. Training looks excellent, since each place can read its answer one place further on. So test it: change a token, and look whether any output *before* it moves.
#
# ### Exercise 14.8 · The leak test
#
# `predict(tokens)` gives outputs of shape (batch, places, …) for numbers of shape (batch, places). Do not change the caller's array.


# %% tags=["exercise"]
def leak(predict, tokens, place, other):
    """The largest change of an output before `place`, when the token at `place` becomes `other` in all rows."""
    ### BEGIN SOLUTION
    changed = np.array(tokens)
    changed[:, place] = other
    before, after = np.asarray(predict(tokens)), np.asarray(predict(changed))
    return float(np.abs(after[:, :place] - before[:, :place]).max())
    ### END SOLUTION


# %% tags=["check"]
def leak_of_a_mean(tokens, place, other, looks_ahead):
    """The leak of a network whose outputs are running means, with or without a share of the mean of everything."""

    def predict(numbers):
        numbers = np.asarray(numbers, "float64")
        running = np.cumsum(numbers, axis=1) / np.arange(1, numbers.shape[1] + 1)
        return running + looks_ahead * numbers.mean(axis=1, keepdims=True)

    return leak(predict, tokens, place, other)


checks.run("14.leak", leak_of_a_mean)

# %%
source, inputs, _ = batch(train_pairs, in_buckets[0][:4])
for name, causal in (("with the causal mask", True), ("without it", False)):
    keras.utils.set_random_seed(0)
    net = Transformer(32, 64, 4, 2, causal)
    change = leak(lambda tokens: net.forward(source, tf.constant(tokens))[0], inputs, inputs.shape[1] // 2, UNKNOWN)
    print(f"{name:21} the largest change of an earlier logit is {change:.1e}")
    assert (change < 1e-5) == causal
padded = np.pad(source, ((0, 0), (0, 3)), constant_values=PAD)
change = np.abs(net.forward(padded, inputs)[0] - net.forward(source, inputs)[0]).max()
print(f"three more PAD behind the source: {change:.1e}")
assert change < 1e-4

# %% [markdown] tags=["question"]
# **Question 14.a.** Somebody trains a decoder without the causal mask. Which curves would show it: training loss, validation loss, validation accuracy, BLEU of generated translations? Why?

# %% [markdown] tags=["answer"]
# **Answer 14.a.** Only BLEU. Validation loss and accuracy are computed like the training loss, with the true target as input, so the answer stands in front of the network in validation, too: all three look far too good. In generation there is no later piece to copy, and the network has learned little else.

# %% [markdown]
# ## The baseline: a recurrent network that attends
#
# Before 2017 this was the state of the art. A GRU (lesson 09) reads the source in both directions; its states $m_j$, two for each place, are the *memory*. A second GRU writes. For each of its states $s_t$ a score says how well memory $m_j$ fits, softmax gives weights, and the weighted mean of the memory joins $s_t$ before the next piece is chosen. Two scores are common:
#
# - *multiplicative* (Luong et al., 2015): $s_t^\top W m_j$,
# - *additive* (Bahdanau et al., 2015): $v^\top \tanh(W m_j + U s_t)$.
#
# A third variant has no attention: every piece gets the plain mean of the memory. The GRUs are Keras' own; here attention is the subject.


# %%
class Recurrent(Network):
    """A GRU reads in both directions, a GRU writes; `score` is multiplicative, additive or none."""

    def __init__(self, width, units, score):
        super().__init__(width)
        self.units, self.kind = units, score
        both = layers.Bidirectional(layers.GRU(units, return_sequences=True, return_state=True))
        self.reader = self.add(both, (None, None, width))
        self.writer = self.add(layers.GRU(units, return_sequences=True), (None, None, width))
        self.first = self.dense(2 * units, units, activation="tanh")
        self.joined = self.dense(3 * units, width, activation="tanh")
        self.size = {"multiplicative": units, "additive": width // 2, "none": 1}[score]
        self.keys = self.dense(2 * units, self.size)
        if score == "additive":
            self.queries, self.v = self.dense(units, self.size), self.dense(self.size, 1, use_bias=False)

    def embed(self, tokens):
        return self.table(tokens) * self.width**0.5

    def encode(self, source, drop=keep):
        """The first state of the writer; and memory, keys and mask of the source."""
        mask = padding_mask(source)
        memory, forwards, backwards = self.reader(drop(self.embed(source)), mask=mask[:, 0, 0])
        return self.first(tf.concat([forwards, backwards], axis=1)), (memory, self.keys(memory), mask)

    def look(self, states, memory, keys, mask):
        """Weighted means of the memory for all states, and the weights (batch, 1, target, source)."""
        if self.kind == "multiplicative":
            scores = tf.matmul(states, keys, transpose_b=True)
        elif self.kind == "additive":
            scores = self.v(tf.tanh(self.queries(states)[:, :, None] + keys[:, None]))[..., 0]
        else:
            scores = tf.zeros((tf.shape(states)[0], tf.shape(states)[1], tf.shape(keys)[1]))
        weights = tf.nn.softmax(tf.where(mask[:, 0], scores, -1e9))
        return tf.matmul(weights, memory), weights[:, None]

    def write(self, states, fixed, drop=keep):
        mixed, weights = self.look(states, *fixed)
        return drop(self.joined(drop(tf.concat([states, mixed], axis=-1)))), weights

    def forward(self, source, inputs, drop=keep):
        state, fixed = self.encode(source, drop)
        x, weights = self.write(self.writer(drop(self.embed(inputs)), initial_state=state), fixed, drop)
        return self.logits(x), weights

    def start(self, source):
        state, fixed = self.encode(source)
        return (state,), fixed

    def step(self, tokens, moving, fixed):
        state, _ = self.writer.cell(self.embed(tokens), list(moving))
        x, _ = self.write(state[:, None], fixed)
        return self.log_p(self.logits(x[:, 0])), (state,)

    def state(self):
        memory, keys = (tf.TensorSpec((None, None, size)) for size in (2 * self.units, self.size))
        return (tf.TensorSpec((None, self.units)),), (memory, keys, tf.TensorSpec((None, 1, 1, None), tf.bool))


def weights_of(net):
    return sum(int(np.prod(variable.shape)) for variable in net.variables)


rows = [["Transformer", f"{weights_of(Transformer(WIDTH, INNER, HEADS, DEPTH)):,}"]]
rows += [
    [f"recurrent, {kind}", f"{weights_of(Recurrent(WIDTH, UNITS, kind)):,}"] for kind in ("multiplicative", "additive")
]
plots.table(rows, ["network", "weights"])

# %% [markdown]
# ## Training
#
# The Transformer does not bear a high learning rate from the start: attention that is still random gives gradients that point anywhere. So the rate rises from 0 to its peak during the *warm-up*, and then falls. The paper lets it fall with $1/\sqrt{\text{step}}$, for a training without a fixed end. Ours is short and has one: the rate falls along a straight line, to 0 at the last step. For step $s$, peak $r$, warm-up $w$ and $n$ steps in all:
#
# $$\text{rate}(s) = r \cdot \min\!\left(\frac{s}{w},\ \frac{n - s}{n - w}\right).$$
#
# ### Exercise 14.9 · The warm-up schedule


# %% tags=["exercise"]
def warmup_rate(step, peak, warmup, total):
    """The learning rate at `step`: 0 at 0, `peak` at `warmup`, 0 again at `total`, straight lines in between."""
    ### BEGIN SOLUTION
    return peak * min(step / warmup, (total - step) / (total - warmup))
    ### END SOLUTION


# %% tags=["check"]
checks.run("14.warmup_rate", warmup_rate)


# %%
class Training:
    """A network, its optimiser and its compiled step; `epoch(i)` sees every pair once and gives the mean loss."""

    def __init__(self, net, pairs, epochs, places, rate, warmup, dropout, seed):
        self.net, self.pairs, self.places, self.seed = net.compile(), pairs, places, seed
        self.dropout = dropout
        self.steps = len(bucketed(pairs, places, np.random.default_rng(0)))
        self.total = epochs * self.steps
        self.rate = functools.partial(warmup_rate, peak=rate, warmup=min(warmup, self.total // 2), total=self.total)
        self.optimizer = keras.optimizers.Adam(0.0, beta_2=0.98, global_clipnorm=1.0)
        self.optimizer.build(net.variables)
        rows, number = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((), tf.int32)
        self.graph = tf.function(self._step, autograph=False).get_concrete_function(rows, rows, rows, number)

    def _step(self, source, inputs, targets, number):
        with tf.GradientTape() as tape:
            logits, _ = self.net.forward(source, inputs, Drop(self.dropout, number))
            loss, _ = loss_and_accuracy(logits, targets, SMOOTHING)
        pairs = zip(tape.gradient(loss, self.net.variables), self.net.variables)
        self.optimizer.apply_gradients([pair for pair in pairs if pair[0] is not None])  # keys may have no reader
        return loss

    def step(self, members, number):
        self.optimizer.learning_rate.assign(self.rate(number + 1))
        numbers = *batch(self.pairs, members), self.seed * 1_000_000 + number
        return float(self.graph(*map(tf.constant, numbers)))

    def epoch(self, epoch, label=None):
        batches = bucketed(self.pairs, self.places, np.random.default_rng([self.seed, epoch]))
        numbered = list(enumerate(batches, epoch * self.steps))
        return np.mean([self.step(m, i) for i, m in (runtime.progress(numbered, label) if label else numbered)])

    def restart(self, weights, seed):
        """Begin again with these weights, and forget what the optimiser knows."""
        for variable, value in zip(self.net.variables, weights):
            variable.assign(value)
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable))
        self.seed = seed


def perplexity_and_accuracy(net, pairs):
    """Over all real targets, with the true target as the decoder's input and without smoothing."""
    sums = np.zeros(3)
    for members in bucketed(pairs, 4000, np.random.default_rng(0)):
        rows = batch(pairs, members)
        real = np.sum(rows[2] != PAD)
        sums += real * np.array([*net.score(*map(tf.constant, rows)), 1.0])
    return np.exp(sums[0] / sums[2]), sums[1] / sums[2]


# %% [markdown]
# ## From probabilities to sentences
#
# The network gives probabilities of the next piece. *Greedy* decoding takes the most likely one, feeds it back, and goes on until END.
#
# ### Exercise 14.10 · Greedy decoding
#
# `step(tokens, state)` gets one number for each sentence (shape (batch,), int32) and returns scores of shape (batch, vocabulary) and the new state. Begin with START. A sentence that has written END gets PAD from then on. Stop when all have, or after `longest` pieces. Return what was written as int32 of shape (batch, pieces), START not included, END included.


# %% tags=["exercise"]
def greedy(step, state, batch, longest):
    """For each of `batch` sentences the numbers of the pieces, each the most likely one after those before it."""
    ### BEGIN SOLUTION
    tokens, done, written = np.full(batch, START, "int32"), np.zeros(batch, bool), []
    while len(written) < longest and not done.all():
        scores, state = step(tokens, state)
        tokens = np.where(done, PAD, np.argmax(scores, axis=-1)).astype("int32")
        done |= tokens == END
        written.append(tokens)
    return np.stack(written, axis=1)
    ### END SOLUTION


# %% tags=["check"]
def greedy_of_a_chain(matrix, longest):
    """Greedy decoding of a small chain whose state is the sum of the scores so far; the rows start differently."""

    def step(tokens, state):
        state = 0.5 * np.asarray(state) + matrix[np.asarray(tokens)]
        return state, state

    return greedy(step, 0.3 * matrix[4:7], 3, longest)


checks.run("14.greedy", greedy_of_a_chain)

# %% [markdown]
# The piece that is best now may lead into a dead end. A *beam search* keeps the $k$ best beginnings of each sentence. One step looks at all $k \cdot V$ continuations and keeps the best $k$. The score of a beginning is the sum of its log-probabilities. A beginning that has written END is finished: it goes on with PAD at no cost, and with nothing else.
#
# ### Exercise 14.11 · One step of a beam search
#
# `scores` (batch, beams), `log_p` (batch, beams, vocabulary) for the next piece, `finished` (batch, beams). Return the `beams` best totals of each sentence in falling order, and for each of them which old beam it continues and with which piece: three arrays of shape (batch, beams). `tf.math.top_k` and whole-number division by the size of the vocabulary help. Scores may be $-\infty$: that is a beam which does not exist yet.


# %% tags=["exercise"]
def beam_step(scores, log_p, finished):
    """New scores, the beams that they continue, and the pieces that they write."""
    ### BEGIN SOLUTION
    beams, vocabulary = log_p.shape[1:]
    only_pad = tf.one_hot(PAD, vocabulary, on_value=0.0, off_value=-np.inf)
    log_p = tf.where(finished[..., None], only_pad, log_p)
    totals = tf.reshape(scores[..., None] + log_p, (-1, beams * vocabulary))
    best, place = tf.math.top_k(totals, beams)
    return best, place // vocabulary, place % vocabulary
    ### END SOLUTION


# %% tags=["check"]
def beam_step_with_tensors(scores, log_p, finished):
    """Call it as the search does: scores and log-probabilities are tensors."""
    return list(beam_step(tf.constant(scores), tf.constant(log_p), tf.constant(finished)))


checks.run("14.beam_step", beam_step_with_tensors)

# %% [markdown]
# The search around it. Each piece makes a total smaller, so short sentences win unless they are held back. The *length reward* of Wu et al. (2016) divides the total of a finished sentence by $\left(\frac{5 + \text{length}}{6}\right)^{\alpha}$: with $\alpha = 0$ the plain total decides, with $\alpha = 1$ nearly the mean, and with more the long ones are preferred.


# %%
def limit_of(source):
    return int(1.5 * source.shape[1]) + 8  # pieces, for translations that find no end


def greedy_search(net, source):
    moving, fixed = net.start(tf.constant(source))
    return greedy(
        lambda tokens, state: net.step(tf.constant(tokens), state, fixed), moving, len(source), limit_of(source)
    )


def beam_search(net, source, beams):
    """All beams of each sentence (batch, beams, pieces), and their totals."""
    batch = len(source)
    state = net.start(tf.constant(source))
    moving, fixed = (tuple(tf.repeat(part, beams, axis=0) for part in parts) for parts in state)
    scores = tf.constant([[0.0] + [-np.inf] * (beams - 1)] * batch)  # one beam at first, or all would stay the same
    tokens, written = np.full(batch * beams, START, "int32"), np.zeros((batch, beams, 0), "int32")
    finished = np.zeros((batch, beams), bool)
    while written.shape[2] < limit_of(source) and not finished.all():
        log_p, moving = net.step(tf.constant(tokens), moving, fixed)
        scores, origin, chosen = beam_step(scores, tf.reshape(log_p, (batch, beams, -1)), tf.constant(finished))
        origin, chosen = np.asarray(origin), np.asarray(chosen, "int32")
        written = np.concatenate([np.take_along_axis(written, origin[..., None], 1), chosen[..., None]], axis=2)
        finished = np.take_along_axis(finished, origin, 1) | (chosen == END)
        rows = (origin + beams * np.arange(batch)[:, None]).reshape(-1)
        moving, tokens = tuple(tf.gather(part, rows) for part in moving), chosen.reshape(-1)
    return written, np.asarray(scores)


def best_of(written, scores, alpha):
    """The beam of each sentence with the highest total after the length reward."""
    lengths = np.sum(written != PAD, axis=2)
    return written[np.arange(len(written)), np.argmax(scores / ((5 + lengths) / 6) ** alpha, axis=1)]


def translated(rows, search, size=100):
    """Apply `search` to padded batches of sentences of similar length; results in the order of `rows`."""
    order, found = np.argsort([len(row) for row in rows], kind="stable"), [None] * len(rows)
    for members in (order[i : i + size] for i in range(0, len(order), size)):
        for i, result in zip(members, search(pad([rows[i] for i in members]))):
            found[i] = result
    return found


# %% [markdown]
# ### Is the cache right?
#
# The slow way computes the whole beginning anew for each piece, through `forward`, masks and all. Scores must agree at every step; the time does not. An untrained network is enough for that. (Times differ from machine to machine.)

# %%
keras.utils.set_random_seed(0)
net = Transformer(WIDTH, INNER, HEADS, DEPTH).compile()
uncached = tf.function(lambda source, inputs: net.log_p(net.forward(source, inputs)[0][:, -1]), reduce_retracing=True)
source = pad(valid_pairs[0][:8])


def both_ways(source, pieces):
    """Greedy decoding both ways: seconds with and without the cache, and the largest difference of the scores."""
    moving, fixed = net.start(tf.constant(source))
    tokens, seconds, difference = np.full((len(source), 1), START, "int32"), np.zeros(2), 0.0
    for _ in range(pieces):
        times = [time.perf_counter()]
        fast, moving = net.step(tf.constant(tokens[:, -1]), moving, fixed)
        times.append(time.perf_counter())
        slow = uncached(tf.constant(source), tf.constant(tokens))
        times.append(time.perf_counter())
        seconds, difference = seconds + np.diff(times), max(difference, np.abs(fast - slow)[:, UNKNOWN + 1 :].max())
        tokens = np.concatenate([tokens, np.argmax(slow, axis=1)[:, None].astype("int32")], axis=1)
    return seconds, difference


both_ways(source, 3)  # compiles
seconds, difference = both_ways(source, 24)
print(
    f"24 pieces: {1000 * seconds[0]:.0f} ms with the cache, {1000 * seconds[1]:.0f} ms without; difference {difference:.0e}"
)
assert difference < 1e-3
one_beam = best_of(*beam_search(net, source, 1), 0.0)
np.testing.assert_array_equal(one_beam, greedy_search(net, source))
print("a beam of width 1 is greedy decoding")

# %% [markdown]
# ## BLEU
#
# How good is a translation? *BLEU* (Papineni et al., 2002) counts which $n$-grams of the translation, for $n$ from 1 to 4, also occur in the reference, takes the geometric mean of the four shares, and punishes texts that are too short. It is a number for a whole test set, from 0 to 100; one reference of many possible ones is used, so even people stay far from 100. Numbers of two papers compare only if text was cut into words in the same way: `sacrebleu` (Post, 2018) fixes that, and its *signature* says how. Ours is lower case.
#
# Two baselines know no grammar: the German source itself, and a *translation memory*, which looks for the training sentence that is most alike in German and returns its English side.

# %%
metric = BLEU(lowercase=True)
vectorizer = TfidfVectorizer(sublinear_tf=True).fit(texts(train)[0])
memory = vectorizer.transform(texts(train)[0])


def from_memory(sentences):
    """The English side of the training pair whose German side is most alike."""
    parts = (vectorizer.transform(sentences[i : i + 200]) @ memory.T for i in range(0, len(sentences), 200))
    return [texts(train)[1][i] for part in parts for i in np.asarray(part.argmax(axis=1)).ravel()]


def bleu(found, split):
    """BLEU of translations, as numbers or as texts, of the first sentences of a split."""
    sentences = [text if isinstance(text, str) else decode(text) for text in found]
    return metric.corpus_score(sentences, [texts(split)[1][: len(sentences)]]).score


baselines = {"the source, copied": texts(valid)[0], "translation memory": from_memory(texts(valid)[0])}
plots.table(
    [[name, f"{bleu(found, valid):.1f}"] for name, found in baselines.items()], ["baseline", "BLEU, validation"]
)
print(metric.get_signature())

# %% [markdown]
# ## A small comparison
#
# Which attention should the recurrent baseline get? And what does the missing causal mask do? Small networks, a part of the training pairs, the same batches, steps and seeds for all. This budget is far too small for good translations, and no verdict on the Transformer, which needs longer: it answers these two questions only.


# %%
def make_short(kind):
    """A small network of this kind."""
    if "Transformer" in kind:
        return Transformer(SHORT_WIDTH, SHORT_INNER, HEADS, SHORT_DEPTH, causal="causal" not in kind)
    return Recurrent(SHORT_WIDTH, SHORT_UNITS, kind.split()[-1])


def first_weights(kind, seed):
    keras.utils.set_random_seed(seed)
    return [variable.numpy() for variable in make_short(kind).variables]


def measured(net):
    """Perplexity, accuracy, and BLEU of greedy translations, on validation pairs."""
    found = translated(valid_pairs[0][:WATCHED], functools.partial(greedy_search, net))
    return *perplexity_and_accuracy(net, valid_pairs), bleu(found, valid)


# All kinds are trained side by side, which keeps both cores busy. What they draw from a common generator, their first
# weights, is drawn before.
short_pairs = [side[:SHORT_PAIRS] for side in train_pairs]
first = {(kind, seed): first_weights(kind, seed) for kind in COMPARED for seed in range(SEEDS)}
short_trainings = {
    kind: Training(
        make_short(kind), short_pairs, SHORT_EPOCHS, SHORT_PLACES, SHORT_RATE, SHORT_WARMUP, SHORT_DROPOUT, seed=0
    )
    for kind in COMPARED
}


def train_short(kind):
    """Measurements of one kind of network, a number for each seed."""
    training, found = short_trainings[kind], []
    for seed in range(SEEDS):
        training.restart(first[kind, seed], seed)
        for epoch in range(SHORT_EPOCHS):
            training.epoch(epoch)
        found.append(measured(training.net))
    return dict(zip(("perplexity", "accuracy", "bleu"), np.transpose(found)))


settings = dict(CORPUS=CORPUS, LIMIT=LIMIT, HELD_OUT=HELD_OUT, MERGES=MERGES, LONGEST=LONGEST, SMOOTHING=SMOOTHING)
short_settings = settings | dict(
    PAIRS=SHORT_PAIRS, EPOCHS=SHORT_EPOCHS, PLACES=SHORT_PLACES, WIDTH=SHORT_WIDTH, INNER=SHORT_INNER, HEADS=HEADS,
    DEPTH=SHORT_DEPTH, UNITS=SHORT_UNITS, RATE=SHORT_RATE, WARMUP=SHORT_WARMUP, DROPOUT=SHORT_DROPOUT, WATCHED=WATCHED, SEEDS=SEEDS,
)  # fmt: skip
short = resume.pieces("small comparison", COMPARED, train_short, short_settings, at_once=len(COMPARED))

# %%
rows = [
    [kind, f"{weights_of(short_trainings[kind].net):,}", metrics.mean_sd(found["perplexity"], 1), metrics.mean_sd(found["accuracy"], 1, 100), metrics.mean_sd(found["bleu"], 1)]
    for kind, found in short.items()
]  # fmt: skip
plots.table(rows, ["network", "weights", "perplexity", "accuracy, %", f"BLEU, greedy, {min(WATCHED, len(valid))} pairs"],
            "Validation; perplexity and accuracy with the true target as input")  # fmt: skip
for key, digits in (("perplexity", 2), ("bleu", 2)):
    difference, error = metrics.paired_difference(
        short["recurrent, additive"][key], short["recurrent, multiplicative"][key]
    )
    print(
        f"additive minus multiplicative, same seed: {key} {difference:+.{digits}f}, standard error {error:.{digits}f}"
    )
fig, panels = plots.axes(columns=2, height=3.2, sharey=True)
for ax, (key, label, scale) in zip(panels, (("accuracy", "accuracy, %", 100), ("bleu", "BLEU", 1))):
    for place, kind in enumerate(COMPARED):
        ax.plot(scale * short[kind][key], np.full(SEEDS, place), "o", color=plots.COLOURS[place])
    highest = max(scale * short[kind][key].max() for kind in COMPARED)
    ax.set(xlabel=label, xlim=(0, 1.1 * highest + 0.01), ylim=(len(COMPARED) - 0.5, -0.5))
panels[0].set_yticks(range(len(COMPARED)), COMPARED)
plots.show(
    fig,
    "The small comparison on validation pairs, one mark a seed. Left: with the true target as input. Right: on its own.",
    "Two panels with marks for five networks: accuracy of the next piece on the left, BLEU on the right.",
)

# %% [markdown]
# Additive attention is ahead of multiplicative attention: perplexity 48.7 against 58.8, a difference of 10.0 with a standard error of 1.9, and BLEU 9.5 against 5.2. All are far from translating, and no attention at all (52.9) lies between the two: with so few steps the networks know English word order better than they know German.
#
# The last row is the warning. Without the causal mask the accuracy is 99.7 % and the perplexity 1.1, far better than the 71 % and 4.0 that the Transformer reaches below with all pairs. And BLEU is 0.0 with every seed.

# %% [markdown] tags=["notes"]
# Cover the right panel and the last column. Which network would the class take? Uncover them. What can the network without the causal mask learn? To copy its input, moved by one place: look at its accuracy, and at what is left of it when nobody hands it the answer. Then ask for other measurements that are taken "with the answer as input" (a model that forecasts tomorrow from a table which holds tomorrow; target leakage in general).

# %% [markdown]
# ## The long runs
#
# The Transformer, and the recurrent network with the attention that has the lower mean perplexity above. Both see the same batches in the same order, with the same schedule and smoothing; the dropout is each one's own. They are trained side by side. After each epoch some validation sentences are translated greedily. An interrupted run goes on with the next epoch.

# %%
attention_kind = min(("additive", "multiplicative"), key=lambda kind: short[f"recurrent, {kind}"]["perplexity"].mean())
MAKERS = {
    "Transformer": lambda: Transformer(WIDTH, INNER, HEADS, DEPTH),
    "recurrent": lambda: Recurrent(WIDTH, UNITS, attention_kind),
}
long_settings = settings | dict(
    EPOCHS=EPOCHS, PLACES=PLACES, WIDTH=WIDTH, INNER=INNER, HEADS=HEADS, DEPTH=DEPTH, UNITS=UNITS, RATE=RATE,
    WARMUP=WARMUP, DROPOUT=DROPOUT, WATCHED=WATCHED, ATTENTION=attention_kind,
)  # fmt: skip


nets, trainings = {}, {}
for name, make in MAKERS.items():
    keras.utils.set_random_seed(0)
    nets[name] = make()
    trainings[name] = Training(nets[name], train_pairs, EPOCHS, PLACES, RATE, WARMUP, DROPOUT[name], seed=0)

# %%
MEASURED = ("loss", "perplexity", "accuracy", "bleu", "seconds")


def side_by_side(function):
    """What a function gives for each of the two networks; both are at work at the same time."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(nets, pool.map(function, nets)))


def train_epoch(name, number):
    """Train a network for an epoch, then measure it; the bar of the first network stands for both."""
    begin = time.perf_counter()
    loss = trainings[name].epoch(number, f"epoch {number + 1}" if name == "Transformer" else None)
    seconds = time.perf_counter() - begin
    return loss, *measured(nets[name]), seconds


def epoch_of_both(number):
    """A row of measurements for each network."""
    rows = side_by_side(functools.partial(train_epoch, number=number))
    for name, (loss, perplexity, accuracy, score, _) in rows.items():
        print(f"{name:11}, epoch {number + 1:2}: loss {loss:.3f}, perplexity {perplexity:6.2f}, "
              f"accuracy {100 * accuracy:.1f} %, BLEU {score:.1f}")  # fmt: skip
    return {"rows": list(rows.values())}


def variables_of_both():
    return [v for name in nets for v in nets[name].variables + trainings[name].optimizer.variables]


print(f"attention of the recurrent network: {attention_kind}")
epochs = resume.stages("long runs", EPOCHS, epoch_of_both, variables_of_both, long_settings)
history = {name: dict(zip(MEASURED, np.transpose([e["rows"][i] for e in epochs]))) for i, name in enumerate(nets)}

# %%
fig, panels = plots.axes(columns=3, height=3.4)
for ax, (key, label) in zip(panels, (("perplexity", "perplexity"), ("accuracy", "accuracy"), ("bleu", "BLEU, greedy"))):
    for name, found in history.items():
        ax.plot(range(1, EPOCHS + 1), found[key], label=name)
    ax.set(xlabel="epoch", title=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
panels[0].set_yscale("log")
panels[0].yaxis.get_minor_locator().set_params(subs=(2, 5))
panels[0].yaxis.set_major_formatter("{x:g}")
panels[0].yaxis.set_minor_formatter("{x:g}")
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(
    fig,
    f"Validation pairs after each epoch; BLEU on the first {min(WATCHED, len(valid))}. One run each.",
    "Three panels over the epochs, two lines each: perplexity falls, accuracy and BLEU rise.",
)

# %%
rows = []
for name, found in history.items():
    seconds = found["seconds"].mean()
    rows.append([name, f"{weights_of(nets[name]):,}", f"{seconds:.0f}", f"{real_pieces / seconds:,.0f}"])
plots.table(
    rows,
    ["network", "weights", "seconds an epoch", "pieces of source and target a second"],
    "Speed of training, both networks at the same time; it differs from machine to machine",
)

# %% [markdown]
# The recurrent network starts faster. After two epochs its perplexity is 7.0, that of the Transformer 8.5. They are level after six. Then the recurrent network hardly gets better, and the Transformer does: it ends at 3.99 against 4.55, and hits 71.4 against 69.9 % of the pieces. BLEU on these 300 sentences is 40.4 and 39.7; the lines wobble by a point from epoch to epoch, so this alone would prove little. Side by side an epoch takes the two a little over two minutes, at 8 300 and 7 400 pieces a second. So what the Transformer was made for, to compute all places of a sentence at once, makes it 12 % faster here. On two CPU cores there is little to gain from it.
#
# How much of this is due to turned queries and keys? The same fourteen epochs, once each, on validation pairs: with positions that are only added, perplexity 4.34 and 69.8 % of the pieces, as many as the recurrent network hits; with places that are only turned, 4.10 and 71.2 %; with both, 3.99 and 71.4 %. To let attention see distances helps this Transformer more than any rate or depth that we tried.

# %% [markdown]
# ## Greedy or beam?
#
# Wider beams find translations with a higher probability. Are they better translations? For each width and each $\alpha$: BLEU on validation pairs, and how long the translations are compared with the references. The width and $\alpha$ with the best BLEU are chosen, for each network by itself.

# %%
beam_rows = valid_pairs[0][:BEAM_PAIRS]
beam_lengths = sum(len(row) for row in valid_pairs[1][:BEAM_PAIRS])


def compare_beams(name):
    """BLEU, relative length and mean total of the log-probabilities for each width and each alpha."""
    found = {}
    for beams in BEAMS:
        written = translated(beam_rows, lambda source: list(zip(*beam_search(nets[name], source, beams))))
        for alpha in ALPHAS:
            best = [best_of(tokens[None], scores[None], alpha)[0] for tokens, scores in written]
            length = sum(np.sum(row != PAD) for row in best) / beam_lengths
            found[beams, alpha] = bleu(best, valid), length, np.mean([np.max(scores) for _, scores in written])
    return found


beams_of = side_by_side(compare_beams)
chosen = {name: max(found, key=lambda way: (found[way][0], -way[0])) for name, found in beams_of.items()}
rows = [
    [f"{name}, beam {beams}", f"{found[beams, ALPHAS[0]][2]:.2f}", *(f"{found[beams, a][0]:.1f} · {found[beams, a][1]:.2f}" for a in ALPHAS)]
    for name, found in beams_of.items() for beams in BEAMS
]  # fmt: skip
plots.table(rows, ["network, width", "best ln p", *(f"α = {alpha:g}" for alpha in ALPHAS)],
            f"BLEU · relative length, {len(beam_rows)} validation pairs; best ln p: mean of the highest total that was found")  # fmt: skip
for name, (beams, alpha) in chosen.items():
    print(f"chosen for the {name} network: {beams} beams, α = {alpha:g}")

# %%
fig, panels = plots.axes(columns=2, height=4.4)
for (name, found), colour, dash in zip(beams_of.items(), plots.COLOURS, ("-", "--")):
    for alpha, marker in zip(ALPHAS, "osD^"):
        for ax, index in zip(panels, (0, 1)):
            ax.plot(BEAMS, [found[beams, alpha][index] for beams in BEAMS], marker=marker, color=colour, linestyle=dash,
                    linewidth=1.5, label=f"{name}, α = {alpha:g}")  # fmt: skip
for ax, label in zip(panels, ("BLEU", "relative length")):
    ax.set_xscale("log", base=2)
    ax.set_xticks(BEAMS, [str(beams) for beams in BEAMS])
    ax.set(xlabel="width of the beam", ylabel=label)
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(
    fig,
    "What the width of the beam and the length reward α do, on validation pairs. Width 1 is greedy decoding; relative length 1 is that of the references.",
    "Two panels over the width of the beam, a line for each strength of the reward and each network: BLEU on the left, relative length on the right.",
)

# %% [markdown]
# Read the second column from top to bottom: a wider beam always finds more probable translations, from −6.73 to −5.65 and from −8.41 to −6.60. BLEU does not follow. With α = 0 eight beams are no better than four, because the most probable translations are short: 10 and 9 % shorter than the references. A length reward brings length back, and BLEU rises. Too much of it picks whatever is long: with α = 2 and eight beams the recurrent network writes more than the references, and its BLEU falls below the greedy score. Validation chooses eight beams for both, with α = 1.5 for the Transformer and 1 for the recurrent network. From greedy decoding to the chosen beam they gain 2.0 and 1.9 points. Four beams would be 0.4 and 0.2 points worse: that is little for half the work, and less than a thousand sentences can show.

# %% [markdown] tags=["notes"]
# Ask before the table: the beam of width 8 finds sentences with higher probability than greedy decoding. Must BLEU rise? Compare the columns: ln p is what a search improves; BLEU need not follow. Where they part, the model and not the search is at fault. Look at the relative lengths for α = 0: what would a perfect search return from a model that puts a thousandth on stopping at once?

# %% [markdown]
# ## What do the heads look at?
#
# One validation sentence with its own translation, and the weights of the last layer: each row is a piece that is written, and says where in the source its head looks. Beside them the mean over all heads and layers, and the one map of the recurrent network for the same pair. All panels share one colour scale.


# %%
def translate(sentences, name="Transformer"):
    """Translations of texts, with the chosen beam."""
    beams, alpha = chosen[name]
    rows = [encode(text) for text in sentences]
    found = translated(rows, lambda source: best_of(*beam_search(nets[name], source, beams), alpha))
    return [decode(row) for row in found]


def looks(name, sentence, translation):
    """The weights (maps, target, source) for a pair of texts, and the pieces of both."""
    pair = [[encode(sentence)], [encode(translation)]]
    source, inputs, _ = batch(pair, [0])
    _, weights = nets[name].forward(tf.constant(source), tf.constant(inputs))
    return weights[0].numpy(), *([pieces_by_number[number] for number in side[0]] for side in pair)


def draw_look(ax, weights, source, target, title):
    picture = ax.imshow(weights, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(source)), source, rotation=60, ha="right", rotation_mode="anchor", fontsize=10)
    ax.set_yticks(range(len(target)), target, fontsize=10)
    ax.set_title(title)
    ax.grid(False)
    return picture


shown = min(zip(texts(valid)[0], valid_pairs[0]), key=lambda pair: abs(len(pair[1]) - 12))[0]  # of a length to draw
translation = translate([shown])[0]
weights, source_pieces, target_pieces = looks("Transformer", shown, translation)
maps = {f"head {i + 1}": part for i, part in enumerate(weights[-HEADS:])}
maps["all heads and layers"] = weights.mean(axis=0)
maps["recurrent network"] = looks("recurrent", shown, translation)[0][0]
fig, grid = plots.axes(columns=len(maps) // 2, rows=2, height=3.8, sharex=True, sharey=True)
for ax, (title, values) in zip(grid.flat, maps.items()):
    picture = draw_look(ax, values, source_pieces, target_pieces, title)
fig.colorbar(picture, ax=list(grid.flat), label="weight", shrink=0.5)
plots.show(
    fig,
    f"Where the heads of the decoder's last layer look while they write “{translation}”; the mean over all heads and layers; and the recurrent network at the same translation.",
    "Heat maps on one scale; source pieces from left to right, written pieces from top to bottom. One map for each head of the last layer, one for the mean, one for the recurrent network.",
)

# %% [markdown]
# This translation puts the couch before the room, the source does it the other way round. So the bright squares leave the diagonal: to write “couch” every head looks at “sofa”, which stands at the end, and then they go back to “grünen” and “raum”. Content words look at their counterparts in nearly every head. “is” has none, and looks at the verb it is part of. The heads differ for small words: to write “on”, head 1 looks at “auf”, head 2 at nothing in particular, and head 4 at “auf” and “in”; to write “in”, head 4 looks at “in”, and head 1 rather at “auf”. The mean over all heads resembles the one map of the recurrent network, which found its own alignment without heads. Nobody told either of them which word belongs to which.

# %% [markdown] tags=["notes"]
# Compare with the lines on the board. Where the German verb stands at the end, does the map leave the diagonal? Warn: a weight says where a head looked, not why a word was chosen. The value that is fetched has passed through the encoder, which has mixed all places already. Look at the row of the last full stop, and at heads that always look at the end of the source: they have nothing to say at that place.

# %% [markdown]
# ## Length and coverage
#
# Are long sentences harder? And does each source piece get its share? The *coverage* of a source piece is the sum of the weights that it gets from all written pieces, as a mean over heads: near 0, the decoder hardly looked there, and something may be missing in the translation. Another sign of lost overview are *repetitions*: two words in a row that occur twice in one sentence. References have some, too.


# %%
def translate_greedily(name):
    """Greedy translations of the validation sentences."""
    return [decode(row) for row in translated(valid_pairs[0], functools.partial(greedy_search, nets[name]))]


greedy_valid = side_by_side(translate_greedily)
beam_valid = side_by_side(functools.partial(translate, texts(valid)[0]))


def repeats(sentence):
    """Whether two words in a row occur twice in a sentence."""
    words = [word for word in words_of(sentence) if word.strip("▁").isalpha()]
    pairs = list(zip(words, words[1:]))
    return len(set(pairs)) < len(pairs)


def uncovered(name, sentences, translations):
    """Share of source pieces (END left out) with a coverage below 0.2."""
    pairs, low = [[encode(text) for text in side] for side in (sentences, translations)], []
    for members in bucketed(pairs, 2000, np.random.default_rng(0)):
        source, inputs, targets = batch(pairs, members)
        _, weights = nets[name].forward(tf.constant(source), tf.constant(inputs))
        coverage = np.sum(np.mean(weights, axis=1) * (targets != PAD)[:, :, None], axis=1)
        low.extend(coverage[(source != PAD) & (source != END)] < 0.2)
    return np.mean(low)


rows = []
for name in nets:
    for way, found in (("greedy", greedy_valid[name]), ("beam", beam_valid[name])):
        length = sum(len(words_of(text)) for text in found) / sum(len(words_of(text)) for text in texts(valid)[1])
        rows.append([f"{name}, {way}", f"{length:.3f}", f"{100 * np.mean([repeats(text) for text in found]):.1f}",
                     f"{100 * uncovered(name, texts(valid)[0][:WATCHED], found[:WATCHED]):.1f}", f"{bleu(found, valid):.1f}"])  # fmt: skip
references = texts(valid)[1]
rows.append(["reference", "1.000", f"{100 * np.mean([repeats(text) for text in references]):.1f}", "", ""])
plots.table(rows, ["validation", "relative length", "sentences that repeat, %", "source hardly covered, %", "BLEU"])

# %%
source_lengths = np.array([len(words_of(text)) for text in texts(valid)[0]])
edges = np.unique(np.quantile(source_lengths, [0, 0.2, 0.4, 0.6, 0.8, 1]).astype(int))
edges[-1] += 1
groups = {}
for low, high in zip(edges, edges[1:]):
    members = np.flatnonzero((source_lengths >= low) & (source_lengths < high))
    if len(members):
        groups[f"{low}–{high - 1}" if high - low > 1 else f"{low}"] = members


def with_interval(systems, references):
    """BLEU of each system with the half width of its 95 % interval, and p values against the first one."""
    paired = PairedTest(list(systems.items()), {"BLEU": metric}, [references], test_type="bs", n_samples=1000)
    return paired()[1]["BLEU"]


found = [
    with_interval(
        {name: [text[i] for i in members] for name, text in beam_valid.items()}, [references[i] for i in members]
    )
    for members in groups.values()
]
fig, ax = plots.axes(height=3.4)
for number, name in enumerate(beam_valid):
    scores, half = [group[number].score for group in found], [group[number].ci for group in found]
    ax.errorbar(np.arange(len(groups)) + 0.08 * number, scores, half, marker="os"[number], capsize=4, label=name)
ax.set_xticks(range(len(groups)), list(groups))
ax.set(xlabel="words and marks in the source", ylabel="BLEU, validation")
ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
plots.show(
    fig,
    "BLEU for sentences of different lengths, about a fifth of the validation pairs each. Bars: 95 % intervals over the choice of sentences.",
    "Two lines with error bars over five groups of source lengths, one for each network.",
)

# %% [markdown]
# The Transformer is ahead by about a point and a half, greedily and with the beam. Both repeat themselves far more than people do: in 11 and 15 % of their sentences with the beam, where references do it in 4.3 %. The beam makes repetitions rarer. How much of the source is left uncovered hardly depends on it: a little less with the Transformer's beam, a little more with the other one's. That column compares greedy with beam within a network; between the two it compares a mean over eight maps with a single one.
#
# With the shortest sentences the recurrent network is ahead by not quite a point, with all others the Transformer is, by up to three. All these intervals overlap by far, and long sentences are no special strength of either. One seed each: do not make a law of it.

# %% [markdown]
# ## Why accuracy is no translation metric
#
# The masked accuracy is measured with the true beginning of the translation as input. How much of it needs the source at all? Give the Transformer the *wrong* source, that of another sentence. What it then hits, it hits because it knows English captions. Then let it translate on its own from the wrong source.

# %%
wrong = [valid_pairs[0][1:] + valid_pairs[0][:1], valid_pairs[1]]
rows = []
for name, pairs in (("its own source", valid_pairs), ("the source of another sentence", wrong)):
    perplexity, accuracy = perplexity_and_accuracy(nets["Transformer"], pairs)
    score = bleu(translated(pairs[0], functools.partial(greedy_search, nets["Transformer"])), valid)
    rows.append([name, f"{perplexity:.1f}", f"{100 * accuracy:.1f}", f"{score:.1f}"])
plots.table(rows, ["the Transformer reads", "perplexity", "accuracy, %", "BLEU, greedy"], "Validation")

# %% [markdown]
# With the source of another sentence a quarter of the pieces is still right, more than a third of the 71.4 % that the true source gives: articles, “a man”, full stops. Perplexity says that something is badly wrong, and BLEU that nothing is left. Accuracy with the true beginning as input pays for knowing English.

# %% [markdown]
# ## Where it fails
#
# The validation sentences with the lowest BLEU of their own. BLEU of one sentence is coarse, and a good translation in other words gets a low one, too: read before you judge. Then two other sentences: yours, and one that is no caption. Captions of photographs are the whole world of these networks.

# %%
single = BLEU(lowercase=True, effective_order=True)
scores = [
    single.sentence_score(text, [reference]).score for text, reference in zip(beam_valid["Transformer"], references)
]
for i in np.argsort(scores, kind="stable")[:5]:
    print(f"source       {texts(valid)[0][i]}\nreference    {references[i]}")
    print(f"Transformer  {beam_valid['Transformer'][i]}\nrecurrent    {beam_valid['recurrent'][i]}\n")
for sentence in (SENTENCE, "Die Regierung hat gestern ein neues Gesetz beschlossen."):
    print(sentence)
    for name in nets:
        print(f"  {name:12} {translate([sentence], name)[0]}")

# %% [markdown]
# ## The test, once
#
# All choices are made. Now the test pairs, with the chosen beams. How far can one trust the difference? A *paired bootstrap* draws the test sentences again, with replacement, a thousand times, and looks how much BLEU moves. That covers the choice of sentences, not the choice of the seed: each long run was made once.

# %%
found = side_by_side(functools.partial(translate, texts(test)[0]))
test_baselines = {"the source, copied": list(texts(test)[0]), "translation memory": from_memory(texts(test)[0])}
tested = with_interval(found | test_baselines, list(texts(test)[1]))
rows = [[name, f"{one.score:.1f}", f"± {one.ci:.1f}"] for name, one in zip([*found, *test_baselines], tested)]
plots.table(rows, ["test of 2016" if CORPUS == "multi30k" else "test", "BLEU", "95 % interval"])
print(f"if both networks were equal, such a difference would come with p = {tested[1].p_value:.3f}")
print(metric.get_signature())
results.record("transformer_bleu", bleu(found["Transformer"], test))
results.record("rnn_attention_bleu", bleu(found["recurrent"], test))

# %% [markdown]
# The Transformer is ahead, 42.8 against 41.4, and the choice of sentences hardly explains that (p = 0.002). On validation it was 42.8 against 41.2. So two sets of a thousand sentences agree. Another seed would move both numbers, by how much we did not measure. And the recurrent network is no weak opponent: with a beam it is within a point and a half of what a Transformer of about the same size gets from the same sentences. The papers in which the Transformer wins by far have more than a hundred times as many pairs, and longer sentences. Both are above the 37.4 of an earlier trial, which had whole words, greedy decoding and three layers.
#
# It was not always so. Earlier runs of this lesson tested Transformers whose positions were only added: 38.0 with batches twice as large, then 40.6 to 41.0, each time a tie with the recurrent network or behind it, and we wrote that down. The recipe matters as much as the kind of network. Perplexity on validation pairs after ten epochs: batches of half the size with less dropout took the Transformer from 5.07 to 4.62, and the recurrent network from 4.85 to 4.58; turned queries and keys, the Transformer from 4.56 to 4.22. Had we tried one thing after another until the *test* said what we expected, its number would be a wish.
#
# The baselines say what these points are worth: copying the source gives 0.7, the translation of the most similar training caption 10.6.

# %% [markdown]
# ## What went wrong in practice
#
# - **Masks that are computed and never used**, or used in the encoder only. Nothing fails. The leak test finds it in a second.
# - **A mask after the softmax.** The weights no longer add up to 1, and the future still takes its share.
# - **Encoder and decoder inputs swapped.** The network learns to write German, and the loss falls nicely. Print one batch as text.
# - **Targets not shifted.** Inputs equal to targets can be copied without any source, the diagonal of the causal mask allows it.
# - **A loss that counts padding.** It falls when batches become wider. The accuracy then praises PAD.
# - **Accuracy instead of BLEU**, or BLEU on text that was cut into words by hand. State the signature.
# - **A reshape instead of a transpose** in the heads: shapes fit, places are mixed, the leak test fails.
# - **Inference with dropout**, or a cache that is not moved along when beams change places.

# %% [markdown]
# ## Summary
#
# - Byte-pair encoding makes one small vocabulary for two languages, in which nothing is unknown.
# - Attention is a weighted mean; masks make weights zero before the softmax; heads are means side by side.
# - A leak test proves the causal mask, and comparison with the slow way proves the cache.
# - Accuracy with the true beginning as input says little about translation. BLEU on free translations does, with a signature.
# - A beam needs a length reward, and its width is chosen on validation pairs.
# - Half a point of BLEU between two single runs is no result. With 1.4 points on the test and 1.6 on validation pairs one may begin to believe.
# - Attention that knows distances, by turning queries and keys, took this small Transformer past the recurrent network.

# %% [markdown]
# ## Going further
#
# - Train both networks with three seeds. Which of the differences above remain?
# - Train with `MERGES = 500` and `20000`. What do sentences, vocabulary and BLEU do?
# - Turn nothing, or add nothing, or neither. Guess each loss of BLEU first.
# - Average the weights of the last three epochs. Does validation gain?
# - Multi30k has French, too. Translate German to French with two lines changed.
# - Set `CORPUS = "ted_pt_en"`: longer sentences, more topics. Which of the figures changes most?

# %% [markdown]
# ## References
#
# - D. Bahdanau, K. Cho, Y. Bengio (2015), *Neural Machine Translation by Jointly Learning to Align and Translate*.
# - M.-T. Luong, H. Pham, C. D. Manning (2015), *Effective Approaches to Attention-based Neural Machine Translation*.
# - R. Sennrich, B. Haddow, A. Birch (2016), *Neural Machine Translation of Rare Words with Subword Units*.
# - Y. Wu et al. (2016), *Google's Neural Machine Translation System*.
# - J. Su, Y. Lu, S. Pan, A. Murtadha, B. Wen, Y. Liu (2021), *RoFormer: Enhanced Transformer with Rotary Position Embedding*.
# - A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, Ł. Kaiser, I. Polosukhin (2017), *Attention Is All You Need*.
# - K. Papineni, S. Roukos, T. Ward, W.-J. Zhu (2002), *BLEU: a Method for Automatic Evaluation of Machine Translation*.
# - M. Post (2018), *A Call for Clarity in Reporting BLEU Scores*.
# - D. Elliott, S. Frank, K. Sima'an, L. Specia (2016), *Multi30K: Multilingual English-German Image Descriptions*.
