"""The text worlds: their truths hold, and a simple model finds the signal that the lessons teach about."""

import itertools
import math
import re
import time
from collections import Counter, defaultdict
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from utils.samples import grammar, inflection, semantics, sentiment, translation, words

WORLDS = [grammar, sentiment, semantics, translation]


@cache
def drawn(world: ModuleType) -> dict[str, Any]:
    return world.draw(0)


def plain(value: Any) -> Any:
    """Arrays as lists, so that two draws can be compared."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_a_draw_is_quick_and_follows_its_seed(world: ModuleType) -> None:
    start = time.process_time()
    once = world.draw(3)
    assert time.process_time() - start < 4  # 0.5 s at most on a quiet machine
    assert plain(once) == plain(world.draw(3))
    assert plain(once) != plain(world.draw(4))


# ---- grammar


def sentences(split: str) -> list[str]:
    return [line.strip() for line in drawn(grammar)[split].splitlines()]


def test_grammar_looks_like_the_penn_treebank_files() -> None:
    text = drawn(grammar)
    tokens = text["train"].split()
    counts = Counter(tokens)
    assert set(text) == {"train", "valid", "test"}
    assert 60_000 <= len(tokens) <= 150_000
    assert 300 <= len(counts) <= 2000
    assert text["train"] == re.sub(r"\bn\b", "N", text["train"].lower())
    assert {"<unk>", "N"} <= set(counts)
    assert all(line.startswith(" ") and line.endswith(" ") for line in text["train"].splitlines())
    frequencies = np.array(sorted(counts.values(), reverse=True))[:500]
    slope = np.polyfit(np.log(np.arange(1, 501)), np.log(frequencies), 1)[0]
    assert -1.4 < slope < -0.7  # Zipf's law


def test_each_sentence_has_one_derivation() -> None:
    assert {grammar.derivations(sentence) for sentence in sentences("test")} == {1}


def test_sentences_are_as_surprising_as_the_entropy_says() -> None:
    lines = sentences("valid") + sentences("test")
    tokens = np.array([len(line.split()) + 1 for line in lines])
    surprise = -np.array([grammar.log_probability(line) for line in lines])
    rate = grammar.entropy_rate()
    assert grammar.perplexity_bound() == pytest.approx(math.exp(rate))
    spread = (surprise - rate * tokens).std() * math.sqrt(len(lines)) / tokens.sum()  # of the ratio estimate
    assert abs(surprise.sum() / tokens.sum() - rate) < 4 * spread < 0.1


def ngram_loss(train: list[str], test: list[str], order: int, discount: float = 0.8) -> float:
    """Nats per token of an n-gram model in the way of Kneser and Ney, interpolated down to a uniform distribution."""
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for line in train:
        tokens = ["<s>"] * (order - 1) + line.split() + ["<eos>"]
        for i in range(order - 1, len(tokens)):
            for n in reversed(range(order)):  # a shorter context counts the different words before it
                after = counts[tuple(tokens[i - n : i])]
                after[tokens[i]] += 1
                if after[tokens[i]] > 1:
                    break
    totals = {history: sum(after.values()) for history, after in counts.items()}
    vocabulary = {word for line in sentences("train") + test for word in line.split()} | {"<eos>"}
    loss, number = 0.0, 0
    for line in test:
        tokens = ["<s>"] * (order - 1) + line.split() + ["<eos>"]
        for i in range(order - 1, len(tokens)):
            p = 1 / len(vocabulary)
            for n in range(order):
                history = tuple(tokens[i - n : i])
                if total := totals.get(history):
                    after = counts[history]
                    p = (max(after[tokens[i]] - discount, 0) + discount * len(after) * p) / total
            loss, number = loss - math.log(p), number + 1
    return loss / number


def test_ngrams_approach_the_entropy_rate_from_above() -> None:
    train, test, rate = sentences("train"), sentences("test"), grammar.entropy_rate()
    by_order = [ngram_loss(train, test, order) for order in (1, 2, 3)]
    by_size = [ngram_loss(train[:size], test, 3) for size in (500, 3000)] + by_order[-1:]
    assert by_order[0] > by_order[1] > by_order[2] > rate
    assert by_size[0] > by_size[1] > by_size[2] > rate
    assert by_order[2] - rate < 0.5 * (by_size[0] - rate)
    own = -sum(map(grammar.log_probability, test)) / sum(len(line.split()) + 1 for line in test)
    assert by_order[2] > own + 0.1  # topics and agreement over distance are what n-grams miss


def test_verbs_agree_over_distance() -> None:
    singular = {noun for table in (words.PEOPLE, words.THINGS) for line in table.values() for noun in line.split()}
    singular |= set(words.NAMES.split())
    plural = {words.plural(noun) for noun in singular}
    far = attracted = 0
    for sentence in sentences("test"):
        tokens = sentence.split()
        found = grammar.agreements(sentence)
        assert found
        for pair in found:
            assert tokens[pair.subject] in (singular if pair.number == "s" else plural)
            verb = tokens[pair.verb]
            if verb not in {"is", "was", "has", "are", "were", "have"}:
                assert (re.search("[^s]s$|sses$", verb) is not None) == (pair.number == "s")
            far += pair.verb - pair.subject >= 4
            attracted += pair.attractors > 0
    assert far > 200
    assert attracted > 100


def test_a_wrong_verb_is_ungrammatical() -> None:
    other = {"is": "are", "are": "is", "was": "were", "were": "was", "has": "have", "have": "has"}
    stems = [
        verb for table in (words.TRANSITIVE, words.INTRANSITIVE) for line in table.values() for verb in line.split()
    ]
    for stem in [*stems, *words.COMPLEMENT.split(), *words.WISH.split(), *words.REGARD.split()]:
        other |= {stem: words.third_person(stem), words.third_person(stem): stem}
    for sentence in sentences("test")[:100]:
        for pair in grammar.agreements(sentence):
            tokens = sentence.split()
            tokens[pair.verb] = other[tokens[pair.verb]]
            assert grammar.log_probability(" ".join(tokens)) == -math.inf


# ---- sentiment


def test_reviews_look_like_reviews() -> None:
    splits = drawn(sentiment)
    assert [len(splits[split]["texts"]) for split in ("train", "test")] == [4000, 1000]
    assert not set(splits["train"]["texts"]) & set(splits["test"]["texts"])
    text = " ".join(splits["train"]["texts"])
    assert "<br />" in text
    assert re.search(r"\b[A-Z]{4,}\b", text)
    assert "!" in text
    lengths = [len(review.split()) for review in splits["train"]["texts"]]
    assert min(lengths) >= 10
    assert max(lengths) <= 120
    assert np.std(lengths) > 10
    for split in splits.values():
        assert set(split["ratings"]) == {1, 2, 3, 4, 7, 8, 9, 10}
        assert ((split["ratings"] > 5) == split["labels"]).all()
        assert abs(split["labels"].mean() - 0.5) < 0.03


def test_the_rules_reach_the_ceiling_and_a_bag_of_words_does_not() -> None:
    train, test = drawn(sentiment)["train"], drawn(sentiment)["test"]
    for split in (train, test):
        verdicts = np.array([sentiment.score(text) > 0 for text in split["texts"]])
        assert (verdicts == split["labels"]).mean() == pytest.approx(sentiment.ceiling(), abs=0.002)
    bag = CountVectorizer()
    model = LogisticRegression(C=0.1, max_iter=500).fit(bag.fit_transform(train["texts"]), train["labels"])
    accuracy = model.score(bag.transform(test["texts"]), test["labels"])
    assert 0.65 < accuracy < sentiment.ceiling() - 0.05


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("The plot was boring.", -1),
        ("The plot was not boring!<br /><br />The cast is anything but dull.", 2),
        ("Good acting but far from funny story.", -1),
        ("Although the music is lovely, the story is FLAT.", -1),
        ("The story is by no means flat, although the music is bad. I had read the book before.", 1),
        ("The music is anything but good, but the story is anything but bad.", 1),
    ],
)
def test_scores_of_hand_made_reviews(text: str, score: int) -> None:
    assert sentiment.score(text) == score


# ---- semantics


@cache
def count_vectors(window: int = 3, size: int = 100) -> dict[str, np.ndarray]:
    """Unit vectors from positive pointwise mutual information and a singular value decomposition."""
    tokens = drawn(semantics)["text"].split()
    names = [word for word, count in Counter(tokens).most_common() if count >= 5]
    index = {word: i for i, word in enumerate(names)}
    ids = np.array([index[word] for word in tokens if word in index])
    pairs = sparse.csr_matrix((len(names), len(names)))
    for k in range(1, window + 1):
        pairs += sparse.coo_matrix((np.ones(len(ids) - k), (ids[:-k], ids[k:])), shape=pairs.shape).tocsr()
    counts = (pairs + pairs.T).tocoo()
    context = np.asarray(counts.sum(0)).ravel() ** 0.75
    rows = np.asarray(counts.sum(1)).ravel()
    information = np.log(counts.data * context.sum() / (rows[counts.row] * context[counts.col]))
    keep = information > 0
    matrix = sparse.csr_matrix((information[keep], (counts.row[keep], counts.col[keep])), shape=pairs.shape)
    left, values, _ = sparse.linalg.svds(matrix, k=size, rng=0)
    vectors = left * np.sqrt(values)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return dict(zip(names, vectors, strict=True))


def test_semantic_text_is_letters_and_spaces() -> None:
    text = drawn(semantics)["text"]
    assert re.fullmatch(r"[a-z]+( [a-z]+)*", text)
    counts = Counter(text.split())
    assert counts.total() >= 300_000
    assert len(counts) > 2500


def test_analogies_hold_in_the_cooccurrences() -> None:
    vectors = count_vectors()
    names, matrix = list(vectors), np.array(list(vectors.values()))
    index = {word: i for i, word in enumerate(names)}
    right: dict[str, list[bool]] = defaultdict(list)
    for section, *question in drawn(semantics)["analogies"]:
        a, b, c, d = (index[word] for word in question)
        near = matrix @ (matrix[b] - matrix[a] + matrix[c])
        near[[a, b, c]] = -np.inf
        right[section].append(near.argmax() == d)
    assert len(right) >= 8
    assert np.mean(list(itertools.chain(*right.values()))) > 0.7
    assert min(np.mean(answers) for answers in right.values()) > 0.3


def test_similarities_agree_with_the_cooccurrences() -> None:
    vectors, rated = count_vectors(), drawn(semantics)["wordsim"]
    assert len(rated) >= 300
    assert all(0 <= score <= 10 for *_, score in rated)
    found = [vectors[one] @ vectors[two] for one, two, _ in rated]
    assert stats.spearmanr(found, [score for *_, score in rated]).statistic > 0.5


def test_similarity_of_single_pairs() -> None:
    assert semantics.similarity("cat", "cat") == 10
    assert (
        semantics.similarity("cat", "cats") > semantics.similarity("cat", "lion") > semantics.similarity("cat", "oslo")
    )
    assert semantics.similarity("wine", "france") == semantics.similarity("france", "wine") > 0


# ---- translation


def pairs(split: str, one: str, two: str) -> list[tuple[str, str]]:
    return list(zip(drawn(translation)[split][one], drawn(translation)[split][two], strict=True))


def test_splits_are_aligned_and_share_no_sentence() -> None:
    splits = drawn(translation)
    assert list(splits) == ["train", "val", "test_2016_flickr", "test_2017_flickr", "test_2017_mscoco"]
    for language in ("en", "de", "fr"):
        lines = [line for split in splits.values() for line in split[language]]
        assert len(set(lines)) == len(lines)
        assert all(line[0].isupper() and line.endswith(".") and "  " not in line for line in lines)
    assert all(len({len(lines) for lines in split.values()}) == 1 for split in splits.values())


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(("en", "de", "fr"), 2)))
def test_the_truth_reproduces_every_pair(source: str, target: str) -> None:
    for split in drawn(translation):
        chosen = pairs(split, source, target)
        for here, there in chosen if split == "val" else chosen[:150]:
            assert translation.translate(here, source, target) == there


def test_portuguese_is_translated_too() -> None:
    splits = translation.draw_ted(0)
    assert set(splits) == {"train", "validation", "test"}
    for english, portuguese in zip(splits["test"]["en"], splits["test"]["pt"], strict=True):
        assert translation.translate(portuguese, "pt", "en") == english


@pytest.mark.parametrize(
    ("english", "german", "french"),
    [
        (
            "In the park, an old man is picking up two red apples.",
            "Im Park hebt ein alter Mann zwei rote Äpfel auf.",
            "Dans le parc, un vieil homme ramasse deux pommes rouges.",
        ),
        (
            "A girl is smiling because some bears are sleeping.",
            "Ein Mädchen lächelt, weil einige Bären schlafen.",
            "Une fille sourit parce que quelques ours dorment.",
        ),
        (
            "A child who is putting on the blue jacket is watching the bear under a tree.",
            "Ein Kind, das die blaue Jacke anzieht, beobachtet unter einem Baum den Bären.",
            "Un enfant qui met la veste bleue observe l'ours sous un arbre.",
        ),
    ],
)
def test_hand_made_translations(english: str, german: str, french: str) -> None:
    assert translation.translate(english, "en", "de") == german
    assert translation.translate(german, "de", "fr") == french
    assert translation.translate(french, "fr", "en") == english


def test_german_reorders_and_agrees() -> None:
    moved = 0
    for english, german in pairs("train", "en", "de"):
        if ", während" in german or ", weil" in german:
            last = german.rstrip(".").split()[-1]
            assert last[0].islower()  # the verb, after all nouns
            moved += not english.rstrip(".").split()[-1].endswith("ing")
    assert moved > 200
    genders = {form: entry.de[0][0] for entry in inflection.NOUNS.values() for form in entry.de[1:]}
    text = " ".join(drawn(translation)["train"]["de"])
    seen = Counter()
    for article, adjective, noun in re.findall(r"\b([Ee]in(?:en|em|er|e)?) ([a-zäöüß]+ )?([A-ZÄÖÜ]\w+)", text):
        fits = {"ein": "m-er n-es m- n-", "eine": "f-e f-", "einen": "m-en m-", "einem": "m-en n-en m- n-"}
        fits["einer"] = "f-en f-"
        ending = re.search("(er|es|en|e)$", adjective.strip())
        assert f"{genders[noun]}-{ending[0] if ending else ''}" in fits[article.lower()].split(), (adjective, noun)
        seen[article.lower()] += 1
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("The boy wants to chase.", "en"),
        ("Rennt der Hund.", "de"),
        ("Ein Hund jagt ein Katze.", "de"),
        ("Hello.", "en"),
    ],
)
def test_what_is_not_of_the_world_is_refused(sentence: str, language: str) -> None:
    with pytest.raises(ValueError, match="not a sentence of the sample world"):
        translation.translate(sentence, language, "fr")


def test_a_dictionary_is_no_translator() -> None:
    for source, target in (("de", "en"), ("en", "de"), ("fr", "en")):
        chosen = pairs("test_2016_flickr", source, target)
        glosses = [gloss(line, source, target) for line, _ in chosen]
        rights = [tokens(line) for _, line in chosen]
        truth = [tokens(translation.translate(line, source, target)) for line, _ in chosen]
        assert overlap(truth, rights) == pytest.approx(1)
        assert 0.05 < overlap(glosses, rights) < 0.75


def tokens(sentence: str) -> list[str]:
    return re.findall(r"[\w'-]+|[,.]", sentence.lower())


def gloss(sentence: str, source: str, target: str) -> list[str]:
    """Each word replaced by its entry in the dictionary, the longest entries first."""
    entries = {one.lower(): two.lower().split() for one, two in translation.dictionary(source, target).items()}
    parts, result = tokens(sentence), []
    while parts:
        length = next((n for n in (3, 2, 1) if " ".join(parts[:n]) in entries), 1)
        result += entries.get(" ".join(parts[:length]), parts[:length])
        parts = parts[length:]
    return result


def overlap(candidates: list[list[str]], references: list[list[str]]) -> float:
    """The geometric mean of the shares of n-grams (n from 1 to 4) that the reference has too: BLEU without penalty."""
    shares = []
    for n in range(1, 5):
        both = total = 0
        for candidate, reference in zip(candidates, references, strict=True):
            here, there = (Counter(zip(*(line[k:] for k in range(n)), strict=False)) for line in (candidate, reference))
            both, total = both + (here & there).total(), total + here.total()
        shares.append(both / total)
    return float(np.exp(np.mean(np.log(np.maximum(shares, 1e-9)))))
