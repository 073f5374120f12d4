"""Shares of right answers by family, as tables.  A table: {family: [right, right with an empty picture, questions]}."""


def by_family(questions, right):
    table = {}
    for family, ok in zip(questions["family"], right):
        count = table.setdefault(family, [0, 0])
        count[0] += bool(ok)
        count[1] += 1
    return {f: table[f] for f in sorted(table)}


def joined(seen, blind):
    """Two by_family tables of the same questions -> one table."""
    return {f: [seen[f][0], blind[f][0], seen[f][1]] for f in seen}


def share(pair):
    return 100.0 * pair[0] / max(1, pair[1])


def summary(table):
    """Mean over the families, and over the questions."""
    shares = [share(v) for v in table.values()]
    total = [sum(v[i] for v in table.values()) for i in (0, 1)]
    return sum(shares) / max(1, len(shares)), share(total)


def markdown(tables):
    """Lines of a table: a row a family, for each set the share right, in brackets with an empty picture, and of how many questions."""
    sets = list(tables)
    families = sorted({f for t in tables.values() for f in t})
    lines = ["| family | " + " | ".join("%s (blind) n" % s for s in sets) + " |", "|---" * (len(sets) + 1) + "|"]

    def cell(v):
        return "%.1f (%.1f) %d" % (100 * v[0] / v[2], 100 * v[1] / v[2], v[2]) if v and v[2] else "-"

    def mean(t):
        return cell([sum(v[i] / v[2] for v in t.values()) for i in (0, 1)] + [len(t)]) + " families"

    lines.append("| **mean of the families** | " + " | ".join(mean(tables[s]) for s in sets) + " |")
    lines += ["| %s | " % f + " | ".join(cell(tables[s].get(f)) for s in sets) + " |" for f in families]
    return lines


def spread(tables):
    """What the numbers of questions mean for the figures: standard errors of the families and of their mean."""
    sizes = sorted(v[2] for t in tables.values() for v in t.values())
    if not sizes:
        return ""
    few = ["%s of `%s`, %d questions" % (f, s, v[2]) for s, t in tables.items() for f, v in sorted(t.items()) if v[2] < 10]

    def error(v):
        return 100 * (max(v[0], 0.5) * max(v[2] - v[0], 0.5)) ** 0.5 / v[2] ** 1.5

    errors = [error(v) for t in tables.values() for v in t.values() if v[2] >= 10]
    means = [sum(error(v) ** 2 for v in t.values()) ** 0.5 / len(t) for t in tables.values()]
    return " A family has %d to %d questions in a set (n): one standard error of a family is %.0f to %.0f points%s, of a mean %.1f to %.1f." % (
        sizes[0], sizes[-1], min(errors or [0]), max(errors or [0]), " (%s, say nothing)" % ", ".join(few) if few else "", min(means), max(means))
