# ruff: noqa: SIM905 — words read better as text than as a list of literals
"""Film reviews whose verdict depends on word order: negation, contrast, concession, with a known best accuracy.

A review is a few opinions among neutral sentences. Each opinion is for or against the film; what counts is its
*judgement*, not its adjectives: "not dull" is for, "good acting but a boring plot" is against, "although it is slow, it
is moving" is for. The verdict is the majority of an odd number of opinions, and a share `FLIPPED` of the reviewers
click on the wrong end of the scale. Nothing in the text tells who did, so the best rule answers the majority and is
right with probability 1 − FLIPPED (`ceiling`).
"""

import re

import numpy as np

from utils.samples.picking import Picker

SIZES = {"train": 4000, "test": 1000}
FLIPPED = 0.03  # share of reviews with the wrong label
AGREE = 0.85  # probability that one opinion points the way of the whole review
NEGATED = 0.15  # share of simple opinions that are negated
CONTRASTED = 0.25  # share of opinions that set something good against something bad

PRAISE = """wonderful good great brilliant beautiful funny moving charming clever excellent touching gripping lovely
    superb delightful honest fresh thrilling warm memorable""".split()
BLAME = """boring bad awful dull terrible weak predictable slow clumsy silly poor tedious lifeless flat messy annoying
    pointless shallow bland forgettable""".split()
PARTS = """plot acting music story script ending photography cast dialogue pace opening soundtrack lighting hero humor
    editing finale direction villain setting""".split()
NEGATIONS = ["not", "never", "hardly", "far from", "anything but", "not at all", "by no means"]
ADVERBS = ["", "", "", "really ", "truly ", "quite ", "simply ", "very "]
NEUTRAL = """
I saw it {time} with my {friend}.
We watched this one {time} at home.
The film is about a {person} who moves to a {place}.
It is set in a small {place} in the {season}.
My {friend} had told me about it.
It runs for about two hours.
A {person} meets a {person} on the way to the {place}.
The story begins when a {person} finds a letter in a {place}.
I had read the book before.
It was shot in a real {place}.
They show it again {time}.
The {person} then travels to the {place}.
There is a scene with a {person} in a {place}.
My {friend} came along and brought popcorn.
{name} plays the {person}.
{name} wrote it together with {name}.
{name} is the {person} and {name} is the {person}.
It was made in the eighties.
The director has made three other films.
I rented it {time}.
Later the {person} and the {person} look for a {place}.
""".strip().splitlines()
FILLERS = {
    "time": ["yesterday", "last week", "on a rainy Sunday", "last night", "on Friday", "on a long train ride"],
    "friend": "sister brother neighbor wife husband cousin daughter son uncle roommate".split(),
    "person": "teacher baker detective pilot farmer singer sailor nurse clockmaker librarian gardener painter".split(),
    "place": "village harbor hotel castle theater lighthouse farm museum forest station garden library".split(),
    "season": ["summer", "winter", "early spring", "autumn", "seventies", "fifties"],
}
FIRST_NAMES = """Anna Ben Clara David Emma Felix Grace Henry Ida Jack Kate Leo Maria Nick Olga Paul Rosa Sam Tina Victor
    Alice Bruno Carmen Dora Edgar Fiona Gustav Hanna Ivan Julia""".split()
SURNAMES = [  # invented, hundreds of them: a test review has some that no training review has
    start + middle + end
    for start in "Ba Cor Del Fa Gar Hol Ke Lun Mor Ne Os Pel Ri San Tor Va Win Zel".split()
    for middle in "ba da li mo ne ri ta vo".split()
    for end in "ck ni r son ux well".split()
]


def draw(seed: int = 0) -> dict[str, dict[str, list[str] | np.ndarray]]:
    """Reviews, labels (1 for, 0 against, half of each) and ratings (1–4 or 7–10); no text stands in both splits."""
    rng = np.random.default_rng([seed, 10])
    pick, seen = Picker(rng), set()
    splits: dict[str, dict[str, list[str] | np.ndarray]] = {}
    for split, size in SIZES.items():
        verdicts = rng.permutation(np.arange(size) % 2)
        texts, scores = [], []
        for verdict in verdicts:
            text, score = _review(pick, bool(verdict))
            while text in seen:
                text, score = _review(pick, bool(verdict))
            seen.add(text)
            texts.append(text)
            scores.append(score)
        flip = rng.permutation(np.arange(size) < round(FLIPPED * size))
        ratings = _ratings(np.array(scores), rng)
        ratings = np.where(flip, 11 - ratings, ratings)
        splits[split] = {"texts": texts, "labels": (ratings > 5).astype(np.int64), "ratings": ratings}
    return splits


def ceiling() -> float:
    """The accuracy of the best rule there is: the text gives the verdict away, and wrong clicks cannot be foreseen."""
    return 1 - FLIPPED


def score(text: str) -> int:
    """Opinions for the film minus opinions against it, read with the rules that wrote them: the truth of a label."""
    sentences = re.split(r"(?<=[.!])\s+", re.sub(r"(<br />)+", " ", text).lower())
    return sum(_judgement(sentence) for sentence in sentences)


def _judgement(sentence: str) -> int:
    """+1, −1, or 0 for a neutral sentence: which clause counts, then its adjective, then whether it is negated."""
    sentence = sentence.replace("anything but", "never")
    if sentence.startswith("although "):
        sentence = sentence.split(",")[1]
    else:
        sentence = sentence.split(", although ")[0].split(" but ")[-1]
    words = re.findall(r"[a-z-]+", sentence)
    polarity = sum(word in PRAISE for word in words) - sum(word in BLAME for word in words)
    negated = any(re.search(rf"\b{negation}\b", sentence) for negation in NEGATIONS)
    return -polarity if negated else polarity


def _review(pick: Picker, verdict: bool) -> tuple[str, int]:
    """A review and its score: an odd number of opinions, most of them for the verdict, among neutral sentences."""
    number = (3, 3, 5, 5, 7)[pick.below(5)]
    while True:
        opinions = [pick.chance(AGREE) == verdict for _ in range(number)]
        total = 2 * sum(opinions) - number
        if (total > 0) == verdict:
            break
    parts, neutral = list(PARTS), list(NEUTRAL)  # nothing is said twice
    sentences = [_opinion(pick, opinion, parts) for opinion in opinions]
    for _ in range(pick.below(5)):
        sentences.insert(pick.below(len(sentences) + 1), _neutral(pick, neutral))
    breaks = pick.chance(0.3)
    text = sentences[0]
    for sentence in sentences[1:]:
        text += ("<br /><br />" if breaks and pick.chance(0.3) else " ") + sentence
    return text, total


def _neutral(pick: Picker, neutral: list[str]) -> str:
    """A sentence that says nothing about the quality of the film."""
    return re.sub(
        r"\{(\w+)\}",
        lambda slot: _name(pick) if slot[1] == "name" else pick.of(FILLERS[slot[1]]),
        neutral.pop(pick.below(len(neutral))),
    )


def _name(pick: Picker) -> str:
    """The name of an actor."""
    return f"{pick.of(FIRST_NAMES)} {pick.of(SURNAMES, 2.0)}"


def _opinion(pick: Picker, favorable: bool, parts: list[str]) -> str:
    """One opinion: plain, negated, or set against its opposite."""
    part, judgement = parts.pop(pick.below(len(parts))), _predicate(pick, favorable)
    if not pick.chance(CONTRASTED):
        sentence = f"the {part} {pick.of(['is', 'was'])} {judgement}"
    else:
        other = parts.pop(pick.below(len(parts)))
        opposite = pick.of(BLAME if favorable else PRAISE)
        concession = f"the {other} is {pick.of(ADVERBS)}{opposite}"
        sentence = (
            f"{concession}, but the {part} is {judgement}",
            f"although {concession}, the {part} is {judgement}",
            f"the {part} is {judgement}, although {concession}",
            f"{opposite} {other} but {judgement} {part}",
        )[pick.below(4)]
    if pick.chance(0.06):
        sentence = re.sub("|".join(PRAISE + BLAME), lambda word: word[0].upper(), sentence)
    return sentence[0].upper() + sentence[1:] + ("!" if pick.chance(0.12) else ".")


def _predicate(pick: Picker, favorable: bool) -> str:
    """What is said of a part of the film: an adjective with its adverb, or the opposite adjective with a negation."""
    if pick.chance(NEGATED):
        return f"{pick.of(NEGATIONS)} {pick.of(BLAME if favorable else PRAISE)}"
    return f"{pick.of(ADVERBS)}{pick.of(PRAISE if favorable else BLAME)}"


def _ratings(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From 1 to 10 without 5 and 6, as in the IMDB files: the clearer the opinions, the further from the middle."""
    strength = np.clip(np.abs(scores) // 2 + rng.integers(0, 2, size=len(scores)), 0, 3)
    return np.where(scores > 0, 7 + strength, 4 - strength)
