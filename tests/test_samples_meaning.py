"""The worlds of meaning: analogies hold in the co-occurrences, and the right translation is known."""

import itertools
import re
from collections import Counter, defaultdict
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats

from utils.samples import inflection, semantics, translation


@cache
def drawn(world: ModuleType) -> dict[str, Any]:
    return world.draw(0)


# ---- semantics


@cache
def count_vectors(window: int = 3, size: int = 100) -> dict[str, np.ndarray]:
    """Unit vectors from positive pointwise mutual information and a singular value decomposition."""
    tokens = drawn(semantics)["text"].split()
    names = [
        word for word, count in Counter(tokens).most_common() if count >= 30
    ]  # all words of the grids, few villages
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
    questions = drawn(semantics)["analogies"]
    a, b, c, d = (np.array([index[question[i]] for question in questions]) for i in range(1, 5))
    near = (matrix[b] - matrix[a] + matrix[c]) @ matrix.T
    for given in (a, b, c):
        near[np.arange(len(questions)), given] = -np.inf
    right: dict[str, list[bool]] = defaultdict(list)
    for (section, *_), answer in zip(questions, near.argmax(1) == d, strict=True):
        right[section].append(answer)
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
