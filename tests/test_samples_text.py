"""The text worlds: their truths hold, and a simple model finds the signal that the lessons teach about."""

import math
import re
import time
from collections import Counter, defaultdict
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from utils.samples import grammar, semantics, sentiment, translation, words

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
