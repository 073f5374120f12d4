"""Answers about text, whole pictures and photographs; see answers.py."""
from answers import BEHIND, NUMBERS_LOWER, PATTERN, PHOTO_KINDS, UNSURE, ZONE_ANSWER, collage_zone, op, yes
from scenes import zone_of
from world import NUMBERS, TEXTY, UNSURE as ARGUABLE, confusable, sentence, with_article


@op
def read(view):
    words = sorted(view.scene.words, key=lambda w: w.y)
    if view.scene.kind in ("photo", "collage", "over") or not words and lettered(view):
        return None
    return " ".join(w.text.upper() for w in words) if words else "There is no text in the picture." if not view.scene.photos else None


@op
def read_line(view, place):
    """top or bottom of two or three lines"""
    words = sorted(view.scene.words, key=lambda w: w.y)
    return words[0 if place == "top" else -1].text.upper() if len(words) > 1 else None


@op
def spelled(view, text):
    """does it say ..."""
    words = [w.text.upper() for w in view.scene.words]
    return yes(text.upper() in words or text.upper() == " ".join(words)) if words else None


@op
def any_text(view):
    if view.scene.kind in ("photo", "collage", "over") or not view.scene.words and lettered(view):
        return None
    return yes(bool(view.scene.words))


def lettered(view):
    """a drawing with letters of its own"""
    return any(t.name in TEXTY for t in view.things)


@op
def text_colour(view, what):
    words = view.scene.words
    if len(words) != 1:
        return None
    c = words[0].colour if what == "text" else words[0].plate_colour
    return sentence(c) if c else None


def grouped(view):
    """phrases of everything, left to right; None where the order is not clear"""
    order = []
    for t in sorted(view.things, key=lambda t: t.x):
        noun = view.noun_of(t)
        for g in order:
            if g[0] == noun:
                g[2] += 1
                break
        else:
            order.append([noun, t.x, 1])
    most, gap = (8, 3) if view.loose else (5, 9)
    if len(order) > most or any(b[1] - a[1] < gap for a, b in zip(order, order[1:])):
        return None
    out = []
    for noun, _, n in order:
        if n == 1:
            out.append(view.phrase(noun))
        elif n > 9 or not view.entry(noun).countable:
            return None
        else:
            out.append(NUMBERS_LOWER[n] + " " + view.head(noun, True))
    return out


def join(parts):
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


@op
def listing(view):
    if len(view.things) < 2 or view.scene.words or view.scene.photos and view.scene.background.kind != "photo" or view.scene.kind == "over":
        return None
    g = grouped(view)
    return sentence(join(g)) if g else None


@op
def caption(view):
    s = view.scene
    if s.fuzzy:
        return UNSURE
    if s.kind == "photo":
        return sentence("a photo of " + view.vocabulary.by_name[s.photos[0].name].with_article)
    if s.kind in ("over", "collage") or len(s.words) > 1:
        return None
    g = grouped(view) if view.things else []
    if g is None:
        return None
    if s.words:
        g = g + ["the text " + s.words[0].text.upper()]
    behind = "on " + with_article(s.background.colour + " background") if s.background.colour else BEHIND.get(s.background.kind)
    if not g:
        return sentence("an empty " + s.background.colour + " background") if s.background.colour else None
    text = join(g) + (" " + behind if behind else "")
    return text[0].upper() + text[1:] + "."


@op
def background_colour(view):
    c = view.scene.background.colour
    return sentence(c) if c and view.scene.kind != "photo" else None


@op
def background_pattern(view):
    b = view.scene.background
    if view.scene.kind in ("photo", "collage", "unclear"):
        return None
    return "It is plain " + b.colour + "." if b.kind == "solid" and b.colour else PATTERN.get(b.kind)


@op
def absent(view, noun):
    """a question about something that is not there"""
    return sentence("there is no " + view.head(noun) + " in the picture") if view.count(noun) == 0 else None


@op
def fixed(view, answer):
    return answer


# -- photographs

def photo_name(view):
    return view.vocabulary.by_name[view.scene.photos[0].name]


@op
def photo_shows(view, word, category):
    """is this a WORD; truth by name, alias or category of the label"""
    label = photo_name(view)
    if category:
        return yes(True) if word in label.sure else None if word in label.unsure else yes(False)
    names = view.vocabulary.alias_meanings(word)
    if label.name in names:
        return yes(True)
    return None if any(confusable(label.name, n) for n in names) else yes(False)


@op
def photo_absent(view, name):
    return sentence("there is no " + name + " in the picture") if photo_shows(view, name, False) == "No." else None


@op
def photo_where(view):
    """the middle of what is seen of the photo"""
    p, (x0, y0, w, h) = view.scene.photos[0], view.scene.canvas
    left, right, top, bottom = max(x0, p.x - p.w / 2), min(x0 + w, p.x + p.w / 2), max(y0, p.y - p.h / 2), min(y0 + h, p.y + p.h / 2)
    z = zone_of(view.scene, (left + right) / 2, (top + bottom) / 2)
    return ZONE_ANSWER[z] if z else None


@op
def photo_choice(view, a, b):
    label = photo_name(view)
    if (a == label.name) == (b == label.name) or confusable(a, b):
        return None
    return sentence(label.with_article)


@op
def photo_kind(view):
    label = photo_name(view)
    category = "flower" if label.name in ("rose", "sunflower", "tulip", "lotus", "water lily") else label.category
    k = PHOTO_KINDS.get(category) if not (label.name in ARGUABLE.get(category, ()) and category in ("fruit", "vegetable")) else None
    return sentence(k) if k else None


@op
def medium(view, asked):
    """photo or drawing"""
    k = view.scene.kind
    if k in ("over", "sign", "empty", "unclear") or (view.scene.background.kind == "photo" and k not in ("photo", "collage")):
        return None
    photo = k in ("photo", "collage")
    if asked == "which":
        return "It is a photo." if photo else "It is a drawing."
    return yes(photo == (asked == "photo"))


@op
def collage_has(view, word):
    names = view.vocabulary.alias_meanings(word)
    labels = [p.name for p in view.scene.photos]
    if any(n in names for n in labels):
        return yes(True)
    return None if any(confusable(p, n) for p in labels for n in names) else yes(False)


@op
def collage_count(view):
    return NUMBERS[len(view.scene.photos)] + "."


@op
def collage_where(view, name):
    found = [p for p in view.scene.photos if p.name == name]
    if len(found) != 1 or any(confusable(p.name, name) for p in view.scene.photos):
        return None
    return ZONE_ANSWER[collage_zone(view.scene, found[0])]

