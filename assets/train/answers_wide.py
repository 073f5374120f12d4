"""Answers about the one thing that "it" means, all things at once, empty pictures and pages of text; see answers.py."""
from absent_words import beside
from answers import GAP, name_answer, op, where, yes
from world import NUMBERS, sentence

ANGULAR = ("square", "triangle", "rectangle", "diamond", "star", "cross", "arrow")
PAGE = 5                        # so many lines of text are a page


def clear(view):
    """nothing but drawings and shapes, on no photo"""
    s = view.scene
    return not s.words and not s.photos and not s.fuzzy and s.kind != "over"


@op
def is_a(view, noun, said):
    """is the thing that is talked about a ..."""
    t = view.the(noun)
    return yes(view.matches(said, t)) if t else None


@op
def is_like(view, noun, word):
    """round or not; ovals, hearts and polygons can be argued about"""
    t = view.the(noun)
    if not t or not t.is_shape:
        return None
    return yes(True) if t.name == "circle" else yes(False) if t.name in ANGULAR else None


@op
def colour_all(view, noun):
    """the colour that several things share"""
    found = view.find(noun)
    if not found or len(found) < 2 or any(t.colour is None for t in found):
        return None
    return sentence(found[0].colour) if len({t.colour for t in found}) == 1 else None


@op
def colour_missing(view, noun):
    """the colour of a thing, or that it is not there"""
    if view.count(noun) == 0:
        return sentence("there is no " + view.head(noun) + " in the picture")
    t = view.the(noun)
    return sentence(t.colour) if t and t.colour else None


@op
def where_missing(view, noun):
    return sentence("there is no " + view.head(noun) + " in the picture") if view.count(noun) == 0 else where(view, noun)


@op
def absent_word(view, word, group):
    """a thing that is never drawn, asked about beside quite other things only"""
    s = view.scene
    if s.photos or s.fuzzy or any(not t.is_shape and not beside(group, view.vocabulary.by_name[t.name].category) for t in s.things):
        return None
    return sentence("there is no " + word + " in the picture")


@op
def absent_word_no(view, word, group):
    return "No." if absent_word(view, word, group) else None


@op
def all_are(view, noun):
    """is everything red, are they all circles"""
    if len(view.things) < 2 or not clear(view):
        return None
    verdicts = [view.matches(noun, t) for t in view.things]
    return yes(False if False in verdicts else None if None in verdicts else True)


@op
def same_size(view):
    """of two things; sizes between equal and clearly different are not asked about"""
    if len(view.things) != 2 or not clear(view):
        return None
    a, b = view.things
    ratio = max(a.size, b.size) / min(a.size, b.size)
    return yes(False) if ratio >= GAP else yes(True) if ratio <= 1.05 and a.name == b.name and abs(a.w - b.w) + abs(a.h - b.h) < 0.1 * a.size else None


@op
def name_coloured(view, c):
    """the only thing of that colour; drawings of several colours leave it open"""
    if any(t.colour is None for t in view.things) or not clear(view):
        return None
    found = [t for t in view.things if t.colour == c]
    return name_answer(view, found[0]) if len(found) == 1 else "Nothing." if not found and view.things else None


@op
def empty(view):
    """a plain background and nothing else; patterns can be argued about"""
    s = view.scene
    if view.things or s.words or s.photos and not s.fuzzy:
        return yes(False)
    return yes(True) if s.kind == "empty" and s.background.kind == "solid" else None


@op
def anything(view):
    e = empty(view)
    return None if e is None or view.scene.words and not view.things else yes(e == "No.")


@op
def background_is(view, c):
    b = view.scene.background
    return yes(b.colour == c) if b.colour and b.kind == "solid" and view.scene.kind not in ("photo", "collage", "over", "unclear") else None


@op
def page_name(view):
    """text and nothing else: a page, or what it says where that is short"""
    words = sorted(view.scene.words, key=lambda w: w.y)
    if not words or view.things or view.scene.photos and view.scene.background.kind != "photo":
        return None
    return "A page of text." if len(words) >= PAGE else sentence("the text " + words[0].text.upper()) if len(words) == 1 else None


@op
def lines(view):
    n = len(view.scene.words)
    return NUMBERS[n] + "." if 0 < n < 10 and not view.scene.photos and view.scene.background.kind not in ("stripes", "lines", "rings") else None


def within(inner, outer):
    """clearly inside, clearly outside, or neither"""
    dx, dy = abs(inner.x - outer.x), abs(inner.y - outer.y)
    if max(dx, dy) + inner.size / 2 < 0.36 * min(outer.w, outer.h):
        return True
    return False if max(dx, dy) > (inner.size + outer.size) / 2 else None


@op
def name_inside(view, noun):
    t = view.the(noun)
    if not t or not clear(view):
        return None
    verdicts = [(u, within(u, t)) for u in view.things if u is not t]
    found = [u for u, inside in verdicts if inside]
    return name_answer(view, found[0]) if len(found) == 1 and all(inside is not None for _, inside in verdicts) else None


@op
def is_inside(view, a, b):
    x, y = view.the(a), view.the(b)
    return yes(within(x, y)) if x and y and x is not y and clear(view) else None

