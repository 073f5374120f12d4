"""The answer to a question, from the scene: one function for each kind of question; None where nobody could be sure.

A question is a pair (op, args); the same pair is asked again of a changed scene to make twins. checker.py recomputes all of this on its own.
"""
from world import NUMBERS, confusable, sentence, with_article
from nouns import Noun

NUMBERS_LOWER = [n.lower() for n in NUMBERS]
OPS = {}
THING = Noun()
ZONE_ANSWER = {"top left": "In the top left.", "top": "At the top.", "top right": "In the top right.", "left": "On the left.", "center": "In the center.",
               "right": "On the right.", "bottom left": "In the bottom left.", "bottom": "At the bottom.", "bottom right": "In the bottom right."}
UNKNOWN, OUTSIDE, UNSURE = "I can't tell that from the picture.", "I can only answer questions about the picture.", "I am not sure what this is."
ENGLISH = "I only understand English."
PATTERN = {"stripes": "It is striped.", "checker": "It is checkered.", "gradient": "It is a gradient.", "photo": "It is a photo.", "dots": "It is dotted."}
BEHIND = {"stripes": "on a striped background", "checker": "on a checkered background", "gradient": "on a gradient background", "photo": "over a photo",
          "dots": "on a dotted background"}
GAP = 1.35                      # sizes closer than this are not compared
PHOTO_KINDS = {"clothing": "clothing", "device": "an electronic device", "animal": "an animal", "fruit": "a fruit", "vegetable": "a vegetable", "vehicle": "a vehicle",
               "flower": "a flower", "plant": "a plant", "musical instrument": "a musical instrument", "building": "a building",
               "packaged food": "packaged food"}


def op(f):
    OPS[f.__name__] = f
    return f


def yes(value):
    return None if value is None else "Yes." if value else "No."


def the(text):
    return sentence("the " + text)


def name_answer(view, thing):
    return sentence(view.phrase(view.noun_of(thing)))


@op
def exists(view, noun):
    n = view.count(noun)
    return yes(None if n is None else n > 0)


@op
def lacks(view, noun):
    n = view.count(noun)
    return yes(None if n is None else n == 0)


@op
def exists_two(view, a, b, both):
    x, y = view.count(a), view.count(b)
    if x is None or y is None:
        return None
    return yes(x > 0 and y > 0 if both else x > 0 or y > 0)


@op
def exists_related(view, a, relation, b):
    """some a in the relation to some b"""
    xs, ys = view.find(a), view.find(b)
    if xs is None or ys is None:
        return None
    seen = [view.related(x, y, relation) for x in xs for y in ys if x is not y]
    return yes(True) if True in seen else None if None in seen else yes(False)


@op
def name_whole(view):
    s = view.scene
    if s.fuzzy:
        return UNSURE
    if s.words or s.photos:
        return sentence(view.vocabulary.by_name[s.photos[0].name].with_article) if s.kind == "photo" else None
    if not view.things:
        return "Nothing."
    return name_answer(view, view.things[0]) if len(view.things) == 1 else None


@op
def name_zone(view, zone):
    s = view.scene
    if s.kind == "collage":
        found = [p for p in s.photos if collage_zone(s, p) == zone]
        return sentence(view.vocabulary.by_name[found[0].name].with_article) if len(found) == 1 else None
    if s.words or s.photos and s.background.kind != "photo" or s.kind == "over":
        return None
    inside, zones = [], [view.zone(t) for t in view.things]
    for t, z in zip(view.things, zones):
        if z == zone:
            inside.append(t)
        elif z is None and near_zone(s, t, zone):
            return None
    if not inside:
        return "Nothing." if all(zones) and all(z != zone for z in zones) and len(view.things) > 0 else None
    return name_answer(view, inside[0]) if len(inside) == 1 else None


def near_zone(scene, t, zone):
    x0, y0, w, h = scene.canvas
    u, v = (t.x - x0) / w, (t.y - y0) / h
    want_u = 0.18 if "left" in zone else 0.82 if "right" in zone else 0.5
    want_v = 0.18 if "top" in zone else 0.82 if "bottom" in zone else 0.5
    return abs(u - want_u) < 0.36 and abs(v - want_v) < 0.36


def collage_zone(scene, photo):
    """left/right, top/bottom, or a corner, by the number of photos"""
    h = "left" if photo.x < 100 else "right" if photo.x > 124 else ""
    v = "top" if photo.y < 100 else "bottom" if photo.y > 124 else ""
    return (v + " " + h).strip()


@op
def name_extreme(view, which):
    """biggest, smallest, leftmost, rightmost, highest, lowest"""
    t = extreme(view, which)
    return name_answer(view, t) if t else None


def extreme(view, which):
    if len(view.things) < 2 or view.scene.words or view.scene.kind == "over":
        return None
    key = {"biggest": lambda t: -t.size, "smallest": lambda t: t.size, "leftmost": lambda t: t.x, "rightmost": lambda t: -t.x,
           "highest": lambda t: t.y, "lowest": lambda t: -t.y}[which]
    a, b = sorted(view.things, key=key)[:2]
    if which in ("biggest", "smallest"):
        return a if max(a.size, b.size) / min(a.size, b.size) >= GAP else None
    return a if abs(key(a) - key(b)) >= 18 else None


@op
def kind(view, category):
    found = view.find(Noun(category=category))
    if found is None or len(found) != 1:
        return None
    return name_answer(view, found[0])


@op
def colour(view, noun):
    t = view.the(noun)
    return sentence(t.colour) if t and t.colour else None


@op
def colour_is(view, noun, said):
    t = view.the(noun)
    return yes(t.colour == said) if t and t.colour else None


@op
def shape_is(view, noun, said):
    t = view.the(noun)
    return yes(t.name == said) if t and t.is_shape else None


@op
def count_is(view, noun, said):
    """fewer than said is no; more than said can be argued"""
    n = view.count(noun)
    return None if n is None or n > said else yes(n == said)


@op
def count_exact(view, noun, said):
    n = view.count(noun)
    return None if n is None else yes(n == said)


@op
def name_choice(view, a, b):
    n, m = view.count(a), view.count(b)
    if None in (n, m) or n + m != 1 or len(view.things) != 1:
        return None
    return sentence(view.phrase(a if n else b))


@op
def shape_of(view, colour_name):
    """which shape the one of that colour is; without a colour, the only shape"""
    t = view.the(Noun(colour=colour_name, category="shape"))
    return sentence(with_article(t.name)) if t else None


@op
def count(view, noun):
    n = view.count(noun)
    return None if n is None or n > 9 else NUMBERS[n] + "."


@op
def total(view):
    return None if view.scene.words or view.scene.photos and view.scene.background.kind != "photo" or view.scene.kind == "over" else count(view, THING)


@op
def where(view, noun):
    t = view.the(noun)
    z = view.zone(t) if t else None
    return ZONE_ANSWER[z] if z else None


@op
def in_zone(view, noun, zone):
    t = view.the(noun)
    z = view.zone(t) if t else None
    return yes(z == zone) if z else None


@op
def relation_holds(view, a, relation, b):
    x, y = view.the(a), view.the(b)
    return yes(view.related(x, y, relation)) if x and y and x is not y else None


@op
def name_related(view, relation, b):
    y = view.the(b)
    found = view.side(y, relation) if y and not view.text_on_side(y, relation) and view.scene.kind != "over" else None
    if found is None or len(found) > 1:
        return None
    return name_answer(view, found[0]) if found else "Nothing."


@op
def name_direct(view, relation, b):
    y = view.the(b)
    t = view.directly(y, relation) if y and not view.scene.words and view.scene.kind != "over" else None
    return "Nothing." if t == "nothing" else name_answer(view, t) if t else None


@op
def direct_holds(view, a, relation, b):
    x, y = view.the(a), view.the(b)
    t = view.directly(y, relation) if x and y and x is not y else None
    return yes(t is x) if t else None


@op
def name_nearest(view, b):
    y = view.the(b)
    t = view.nearest(y) if y and view.scene.kind != "over" and view.scene.arrangement != "inside" else None
    return name_answer(view, t) if t and not view.text_as_near(y, t) else None


@op
def name_between(view, a, b):
    x, y = view.the(a), view.the(b)
    t = view.between(x, y) if x and y and x is not y and not view.scene.words and view.scene.kind != "over" else None
    return name_answer(view, t) if t else None


@op
def compare_counts(view, a, what, b):
    x, y = view.count(a), view.count(b)
    if x is None or y is None:
        return None
    return yes({"more": x > y, "fewer": x < y, "same": x == y}[what])


@op
def which_more(view, a, b):
    x, y = view.count(a), view.count(b)
    if x is None or y is None:
        return None
    return "They are equally many." if x == y else sentence(view.head(a if x > y else b, True))


@op
def compare_sizes(view, a, what, b):
    x, y = view.the(a), view.the(b)
    if not x or not y or x is y or max(x.size, y.size) / min(x.size, y.size) < GAP:
        return None
    return yes((x.size > y.size) == (what == "bigger"))


@op
def which_size(view, a, what, b):
    v = compare_sizes(view, a, what, b)
    return None if v is None else the(view.head(a if v == "Yes." else b))


@op
def same_colour(view, a, b):
    x, y = view.the(a), view.the(b)
    return yes(x.colour == y.colour) if x and y and x is not y and x.colour and y.colour else None


@op
def same_kind(view, feature):
    """are all things of the same kind / all shapes of the same colour / all of the same shape"""
    ts = view.things
    if len(ts) < 2 or view.scene.words:
        return None
    if feature == "kind":
        names = {(t.name, t.is_shape) for t in ts}
        if len(names) > 1 and any(confusable(a.name, b.name) for a in ts for b in ts):
            return None
        return yes(len(names) == 1)
    if any(not t.is_shape for t in ts):
        return None
    return yes(len({t.colour if feature == "colour" else t.name for t in ts}) == 1)


@op
def odd_one(view):
    ts = view.things
    if len(ts) < 3 or view.scene.words or view.scene.kind == "over":
        return None
    groups = {}
    for t in ts:
        groups.setdefault((t.name, t.colour if t.is_shape else None), []).append(t)
    sizes = sorted(map(len, groups.values()))
    if len(groups) != 2 or sizes[0] != 1 or any(confusable(a.name, b.name) for a in ts for b in ts):
        return None
    return name_answer(view, [g[0] for g in groups.values() if len(g) == 1][0])


@op
def hop_colour(view, relation, b, shape):
    y = view.the(b)
    found = view.side(y, relation) if y else None
    if found is None:
        return None
    found = [t for t in found if t.is_shape and shape in (None, t.name)]
    return sentence(found[0].colour) if len(found) == 1 else None


@op
def hop_shape(view, relation, b):
    y = view.the(b)
    found = view.side(y, relation) if y else None
    found = [t for t in found if t.is_shape] if found is not None else []
    return sentence(with_article(found[0].name)) if len(found) == 1 else None


@op
def hop_count(view, relation, b):
    y = view.the(b)
    found = view.side(y, relation) if y and not view.scene.words and view.scene.kind != "over" else None
    return NUMBERS[len(found)] + "." if found is not None else None


@op
def hop_extreme_colour(view, which):
    t = extreme(view, which)
    return sentence(t.colour) if t and t.is_shape else None


@op
def claim(view, inner, args, value):
    """is a statement true: `value` is what it says, `inner` the question it answers"""
    answer = OPS[inner](view, *args)
    return None if answer is None else "True." if answer == value else "False."
