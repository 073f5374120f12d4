"""The answer to a question, from the scene: one function for each kind of question; None where nobody could be sure.

A question is a pair (op, args); the same pair is asked again of a changed scene to make twins. checker.py recomputes all of this on its own.
"""
from world import NUMBERS, confusable, sentence, with_article
from nouns import Noun

OPS = {}
THING = Noun()
ZONE_ANSWER = {"top left": "In the top left.", "top": "At the top.", "top right": "In the top right.", "left": "On the left.", "center": "In the center.",
               "right": "On the right.", "bottom left": "In the bottom left.", "bottom": "At the bottom.", "bottom right": "In the bottom right."}
UNKNOWN, OUTSIDE, UNSURE = "I can't tell that from the picture.", "I can only answer questions about the picture.", "I am not sure what this is."
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
    found = view.side(y, relation) if y and not view.scene.words and view.scene.kind != "over" else None
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
    t = view.nearest(y) if y and not view.scene.words and view.scene.kind != "over" else None
    return name_answer(view, t) if t else None


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
def read(view):
    words = sorted(view.scene.words, key=lambda w: w.y)
    if view.scene.kind in ("photo", "collage", "over"):
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
    return None if view.scene.kind in ("photo", "collage", "over") else yes(bool(view.scene.words))


@op
def text_colour(view, what):
    words = view.scene.words
    if len(words) != 1:
        return None
    c = words[0].colour if what == "text" else words[0].plate_colour
    return sentence(c) if c else None


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
    if len(order) > 5 or any(b[1] - a[1] < 9 for a, b in zip(order, order[1:])):
        return None
    out = []
    for noun, _, n in order:
        if n == 1:
            out.append(view.phrase(noun))
        elif n > 9 or not view.entry(noun).countable:
            return None
        else:
            out.append(NUMBERS[n].lower() + " " + view.head(noun, True))
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
def photo_choice(view, a, b):
    label = photo_name(view)
    if (a == label.name) == (b == label.name) or confusable(a, b):
        return None
    return sentence(label.with_article)


@op
def photo_kind(view):
    label = photo_name(view)
    category = "flower" if label.name in ("rose", "sunflower", "tulip", "lotus", "water lily") else label.category
    k = PHOTO_KINDS.get(category)
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

