"""Inputs, comparisons and hints of lesson 22. No solutions."""

import numpy as np

from utils.checks import Exercise, close, exact


def _items(rng):
    """Byte strings of which several occur three times or more, the first of them too."""
    words = [bytes(rng.integers(0, 256, size=6, dtype=np.uint8)) for _ in range(5)]
    order = np.concatenate([[0, 1, 0, 2, 0], rng.integers(0, 5, size=9)])
    return ([words[k].hex().encode().decode() for k in order],)


def _previous(solution, items):
    last, found = {}, []
    for position, item in enumerate(items):
        found.append(last.get(item, position))
        last[item] = position
    return np.array(found)


def _last(solution, items):
    last = {item: position for position, item in enumerate(items)}
    return np.array([last[item] for item in items])


def _is_copy(solution, items):
    return np.asarray(solution(items)) < np.arange(len(items))


def _numbered(solution, items):
    return np.unique(solution(items), return_inverse=True)[1]


first_copies = Exercise(
    inputs=_items,
    compare=exact(),
    mistakes={
        "This is the previous copy; return the position of the very first one.": _previous,
        "This is the last copy: do not overwrite a position that you have noted.": _last,
        "Return positions, not whether an item is a copy. An item without an earlier copy gets its own.": _is_copy,
        "These are running numbers of the distinct items; return positions in the list.": _numbered,
    },
)


def _thumbs(rng):
    """Unit rows and mirrored rows with a plain copy, a mirrored copy, a one-sided neighbour and loners."""
    z = rng.normal(size=(14, 4, 4))
    z[5] = z[2] + 0.05 * rng.normal(size=(4, 4))
    z[9] = z[7][:, ::-1] + 0.05 * rng.normal(size=(4, 4))
    z[11] = z[2] + 0.3 * rng.normal(size=(4, 4))
    z[12] = z[13] + 0.8 * rng.normal(size=(4, 4))
    return _unit(z), _unit(z[:, :, ::-1]), 0.85, 5


def _unit(z):
    rows = z.reshape(len(z), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


def _similarity(z, mirrored):
    table = np.maximum(z @ z.T, z @ mirrored.T)
    np.fill_diagonal(table, -2)
    return table


def _all_close(solution, z, mirrored, threshold, block):
    i, j = np.nonzero(_similarity(z, mirrored) > threshold)
    return np.stack([i, j], axis=1)[i < j]


def _one_sided(solution, z, mirrored, threshold, block):
    table = _similarity(z, mirrored)
    rows = np.flatnonzero(table.max(axis=1) > threshold)
    return np.stack([rows, table.argmax(axis=1)[rows]], axis=1)


def _both_orders(solution, z, mirrored, threshold, block):
    pairs = np.asarray(solution(z, mirrored, threshold, block))
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    return pairs[np.argsort(pairs[:, 0])]


near_pairs = Exercise(
    inputs=_thumbs,
    compare=exact(),
    mistakes={
        "The mirrored thumbnails are not used: take the larger of the two products.": (
            lambda solution, z, mirrored, threshold, block: solution(z, z, threshold, block)
        ),
        "The threshold is not applied.": lambda solution, z, mirrored, threshold, block: solution(
            z, mirrored, -1.5, block
        ),
        "These are all pairs above the threshold; keep those where each row is the other's nearest.": _all_close,
        "The neighbour's nearest row must be the row itself: test both directions.": _one_sided,
        "Each pair comes twice: keep i < j.": _both_orders,
        "Every row found itself: take the diagonal out before you look for the nearest row.": (
            lambda solution, z, mirrored, threshold, block: np.zeros((0, 2), dtype=int)
        ),
    },
)


def _counts(rng, case):
    """A table without an empty cell, and a smaller one with two of them, except in the last case."""
    counts = rng.poisson(rng.uniform(20, 60, size=4) * np.array([[4.0], [1.0], [1.0]])) + 1
    holes = rng.poisson(np.array([[30.0], [8.0], [8.0]]), size=(3, 4)) + 1
    if case < 3:
        holes[1, 3] = holes[2, rng.integers(3)] = 0
    return counts, holes


def _chi2_p(value, degrees):
    from scipy import stats

    return stats.chi2.sf(value, degrees)


def _expected(counts):
    return counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()


def _chi2(counts):
    return np.sum((counts - _expected(counts)) ** 2 / _expected(counts))


def _degrees(counts):
    return (counts.shape[0] - 1) * (counts.shape[1] - 1)


def _wrong_shift(value):
    """A mistake in the χ² test only."""
    return lambda solution, counts, holes: {**solution(counts, holes), "label_shift": value(counts)}


def _wrong_missing(value):
    """A mistake in the test of empty cells only; `value` is given the right p-value and the table."""

    def mistake(solution, counts, holes):
        right = solution(counts, holes)
        return {**right, "missing": value(right["missing"], holes)}

    return mistake


def _with_replacement(right, holes):
    present = 1 - holes.sum(axis=0) / holes.sum()
    empty = [present[label] ** holes.sum(axis=1)[split] for split, label in np.argwhere(holes == 0)]
    return float(min(1, min(empty, default=1) * holes.size))


label_tests = Exercise(
    inputs=_counts,
    cases=4,
    compare=close(rtol=1e-4, atol=1e-12),
    mistakes={
        "label_shift returns χ² itself; return its p-value, stats.chi2.sf(value, degrees).": _wrong_shift(_chi2),
        "label_shift returns 1 − p: use the upper tail, sf, not cdf.": lambda solution, counts, holes: {
            **solution(counts, holes),
            "label_shift": 1 - solution(counts, holes)["label_shift"],
        },
        "The degrees of freedom are (rows − 1)(columns − 1).": _wrong_shift(
            lambda counts: _chi2_p(_chi2(counts), counts.size - 1)
        ),
        "Expected counts follow the size of each split: row · column / n, not the mean of the column.": _wrong_shift(
            lambda counts: _chi2_p(np.sum((counts - counts.mean(axis=0)) ** 2 / counts.mean(axis=0)), _degrees(counts))
        ),
        "In χ², divide by the expected counts, not by the observed ones.": _wrong_shift(
            lambda counts: _chi2_p(np.sum((counts - _expected(counts)) ** 2 / counts), _degrees(counts))
        ),
        "missing is not corrected: times the number of all cells, empty or not.": _wrong_missing(
            lambda right, holes: right / holes.size
        ),
        "missing is corrected for the empty cells only; times the number of all cells.": _wrong_missing(
            lambda right, holes: right / holes.size * max(1, np.sum(holes == 0))
        ),
        "In missing, rows are dealt without replacement: hypergeometric, not a power of 1 − K/n.": _wrong_missing(
            _with_replacement
        ),
    },
)


def _class_ranks(values, labels):
    from scipy import stats

    result = np.empty(len(values))
    for label in np.unique(labels):
        here = labels == label
        result[here] = (stats.rankdata(values[here]) - 0.5) / here.sum()
    return result


def _three_splits(rng):
    """Columns that differ between splits by their classes only, within classes only, and both ways."""
    split = np.repeat([0, 1, 2], [60, 40, 40])
    labels = (rng.random(140) < np.array([0.3, 0.7, 0.3])[split]).astype(int)
    noise = rng.normal(size=(140, 3))
    shift = np.stack([3 * labels, 2.4 * labels - 1.2 * (split == 1), 0.9 * (split == 2)], axis=1)
    order = rng.permutation(140)
    return (noise + shift)[order], split[order], labels[order]


def _plain(solution, columns, split, labels):
    """With one class for all, ranks say the same as values."""
    return solution(columns, split, np.zeros_like(labels))


def _within(solution, columns, split, labels):
    return solution(np.stack([_class_ranks(column, labels) for column in columns.T], axis=1), split, labels)


two_sample = Exercise(
    inputs=_three_splits,
    compare=close(rtol=1e-4, atol=1e-15),
    mistakes={
        "Only the plain values count here: test the ranks within classes, too, and keep the larger p-value.": _plain,
        "Only the ranks count here: test the plain values, too, and keep the larger p-value.": _within,
        "Both p-values were kept for each comparison; keep the larger one only: a fault must show both ways.": (
            lambda *case: min(1.0, 2 * min(_plain(*case), _within(*case)))
        ),
        "The smallest of many p-values is small by chance: multiply by how many you kept.": (
            lambda solution, columns, split, labels: solution(columns, split, labels) / (columns.shape[1] * split.max())
        ),
        "Compare split 0 with each other split by itself, not with all others together.": (
            lambda solution, columns, split, labels: solution(columns, np.minimum(split, 1), labels)
        ),
    },
)


def _fold_case(rng):
    labels = np.concatenate([[0, 1, 2], rng.integers(0, 3, size=27)])
    features = rng.normal(size=(30, 4)) + np.eye(3, 4)[labels]
    return features, labels, rng.permutation(30) % 3


def _not_the_fold(solution, features, labels, fold):
    """Fitted on the fold itself: what the solution gives for twins that stand in another fold."""
    scores = np.empty((len(labels), labels.max() + 1))
    for k in np.unique(fold):
        here = fold == k
        twice = np.concatenate([features[here], features[here]])
        marks = np.repeat([0, 1], here.sum())
        twin = solution(twice, np.concatenate([labels[here]] * 2), marks)
        scores[here, : twin.shape[1]] = np.asarray(twin)[: here.sum()]
    return scores


def _seen(solution, features, labels, fold):
    twin = solution(np.concatenate([features] * 2), np.concatenate([labels] * 2), np.repeat([0, 1], len(labels)))
    return np.asarray(twin)[: len(labels)]


out_of_fold = Exercise(
    inputs=_fold_case,
    compare=close(rtol=1e-3, atol=1e-4),
    mistakes={
        "The classifier has seen the labels that it judges: fit without the rows of the fold.": _seen,
        "You fitted on the fold itself; fit on all other rows.": _not_the_fold,
        "Return the scores of all classes, not the predicted class.": lambda solution, features, labels, fold: (
            np.asarray(solution(features, labels, fold)).argmax(axis=1)
        ),
        "The scores must stand in the order of the rows; these are grouped by fold.": (
            lambda solution, features, labels, fold: np.asarray(solution(features, labels, fold))[
                np.argsort(fold, kind="stable")
            ]
        ),
    },
)


def _suspects(rng):
    labels = rng.permutation(np.repeat([0, 1, 2, 5], [30, 25, 20, 1]))
    suspect = rng.random(76) < np.array([0.1, 0.3, 0.6, 0, 0, 0.5])[labels]
    inside = rng.random(76) < np.array([0.6, 0.3, 0.2, 0, 0, 0.5])[labels]
    return suspect, inside, labels


def _excess(suspect, inside, labels):
    """Excess, its variance, and its variance with replacement, summed over classes."""
    parts = [(suspect[labels == k], inside[labels == k]) for k in np.unique(labels) if np.sum(labels == k) > 1]
    excess = sum(np.sum(s & i) - s.sum() * i.mean() for s, i in parts)
    replaced = [s.sum() * i.mean() * (1 - i.mean()) for s, i in parts]
    exact_variance = sum(v * np.sum(~s) / (len(s) - 1) for v, (s, _) in zip(replaced, parts, strict=True))
    return excess, exact_variance, sum(replaced)


def _sum_of_z(solution, suspect, inside, labels):
    z = [
        solution(suspect[labels == k], inside[labels == k], labels[labels == k])
        for k in np.unique(labels)
        if np.sum(labels == k) > 1
    ]
    return float(np.sum(z))


stratified_z = Exercise(
    inputs=_suspects,
    compare=close(rtol=1e-4, atol=1e-6),
    mistakes={
        "Compare class by class: classes differ in how often they are suspect, and in how often they are inside.": (
            lambda solution, suspect, inside, labels: solution(suspect, inside, np.zeros_like(labels))
        ),
        "This is divided by the variance; divide by its root, the standard deviation.": (
            lambda solution, suspect, inside, labels: (
                _excess(suspect, inside, labels)[0] / _excess(suspect, inside, labels)[1]
            )
        ),
        "This is observed minus expected; divide by the standard deviation.": (
            lambda solution, suspect, inside, labels: _excess(suspect, inside, labels)[0]
        ),
        "The variance lacks the factor (N − S)/(N − 1): the suspects are drawn without replacement.": (
            lambda solution, suspect, inside, labels: (
                _excess(suspect, inside, labels)[0] / np.sqrt(_excess(suspect, inside, labels)[2])
            )
        ),
        "Sum the excesses and the variances over classes, and divide once, at the end.": _sum_of_z,
        "The sign is flipped: more suspects than expected is positive.": lambda solution, suspect, inside, labels: (
            -solution(suspect, inside, labels)
        ),
    },
)


def _p_values(rng, case):
    """Six p-values around the limits, so that every wrong method decides otherwise in some case."""
    m, alpha = 6, 0.01
    limits = alpha / (m - np.arange(m))
    values = np.array(
        [
            [0.5, 0.9, 1.05, 0.9, 1.9, 3.0],  # stops at the third; the fourth is below its own limit
            [1.1, 0.95, 0.9, 0.8, 0.7, 2.0],  # stops at once
            [0.9, 0.9, 0.9, 0.9, 0.9, 0.9],  # all are alarms
        ][case % 3]
    )
    return (limits * values)[rng.permutation(m)], alpha


def _go_on(solution, p, alpha):
    order = np.argsort(p)
    alarms = np.zeros(len(p), dtype=bool)
    alarms[order] = p[order] <= alpha / (len(p) - np.arange(len(p)))
    return alarms


def _false_discovery(solution, p, alpha):
    order = np.argsort(p)
    below = np.flatnonzero(p[order] <= alpha * np.arange(1, len(p) + 1) / len(p))
    alarms = np.zeros(len(p), dtype=bool)
    alarms[order[: below[-1] + 1 if len(below) else 0]] = True
    return alarms


holm = Exercise(
    inputs=_p_values,
    compare=exact(),
    mistakes={
        "Every p-value is compared with α: with many checks some will be below it by chance.": (
            lambda solution, p, alpha: p <= alpha
        ),
        "This is Bonferroni's method, α/m for all: right, but Holm's limits grow to α/(m − 1), α/(m − 2), …": (
            lambda solution, p, alpha: p <= alpha / len(p)
        ),
        "Stop at the first p-value above its limit; the later ones are no alarms either.": _go_on,
        "This is Benjamini and Hochberg's method, which allows a share of false alarms.": _false_discovery,
        "The answers must stand in the order of `p_values`, not in sorted order.": lambda solution, p, alpha: (
            np.asarray(solution(p, alpha))[np.argsort(p)]
        ),
    },
)
