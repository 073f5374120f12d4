"""From single questions to conversations: follow-ups, doubts, wishes about the form of an answer, and twins of scenes."""
import answers
from asking import Turn
from instructions import Instructions
from looks import may_pass_for
from nouns import Noun
from questions_more import AT_MOST, FAMILIES, SECOND
from questions_newest import MADE_UP, NEWEST, OFTEN_NEWEST, PADDED, NewestQuestions
from questions_wide import AT_MOST_WIDE, WIDE
from wordings import RELATION, STYLE, careless, typed
from world import NUMBERS, confusable

TWIN_OPS = {"exists", "lacks", "exists_two", "exists_related", "count", "total", "relation_holds", "name_related", "name_direct", "direct_holds", "name_nearest",
            "compare_counts", "which_more", "compare_sizes", "which_size", "same_colour", "same_kind", "hop_colour", "hop_shape", "hop_count", "claim", "spelled",
            "name_zone", "where", "in_zone", "colour_is", "shape_is", "count_is", "count_exact", "name_extreme", "colour", "shape_of", "read", "read_line", "absent", "odd_one", "listing",
            "is_a", "is_like", "all_are", "same_size", "colour_all", "name_coloured"}
LIMIT = {**AT_MOST, **AT_MOST_WIDE}


def in_words(view, turn, style):
    """the answer in one word or in a sentence, or None where the plain form serves"""
    op, args, a = turn.op, turn.args, turn.answer
    if style == "word":
        if op in ("name_whole", "name_zone", "name_extreme", "kind") and a.startswith(("A ", "An ")):
            text = a.split(" ", 1)[1]
            return text[0].upper() + text[1:] if text.count(" ") <= 1 else None
        return a if op in ("exists", "colour", "count", "relation_holds") else None
    if op == "exists":
        noun = args[0]
        if not noun.name or view.entry(noun).countable:
            return ("Yes, there is " + view.phrase(noun) if a == "Yes." else "No, there is no " + view.head(noun)) + " in the picture."
    if op == "count":
        n = NUMBERS.index(a[:-1])
        return "There is one " + view.head(args[0]) + "." if n == 1 else "There are " + (NUMBERS[n].lower() if n else "no") + " " + view.head(args[0], True) + "."
    if op == "colour" and args[0].name:
        return "The " + view.head(args[0]) + " is " + a.lower()
    if op == "where":
        return "The " + view.head(args[0]) + " is " + a[0].lower() + a[1:]
    if op in ("name_whole", "shape_of") and a.startswith(("A ", "An ")):
        return "This is " + a[0].lower() + a[1:]
    return None


def nouns_of(args):
    """all noun phrases in the arguments of a question"""
    for a in args:
        if isinstance(a, Noun):
            yield a
        elif isinstance(a, tuple):
            yield from nouns_of(a)


class Dialogue(Instructions, NewestQuestions):
    """conversations about one scene"""

    def turns(self, scene, rng, want):
        """about `want` turns, typed as people type"""
        self.look_at(scene, rng)
        wide = self.composer.wide
        table = FAMILIES[scene.kind] + (WIDE.get(scene.kind, ()) if wide else ()) + (NEWEST.get(scene.kind, ()) if self.composer.newest else ())
        names, weights = self.options(table)
        out, seen, asked, tries = [], set(), {}, 0
        while len(out) < want and tries < 3 * want + 8:
            tries += 1
            if scene.things and scene.kind in ("drawings", "shapes") and rng.random() < 0.09:
                new = self.follow_up()
            elif wide and scene.things and scene.kind in ("drawings", "shapes") and rng.random() < 0.1:
                new = self.short_follow_up()
            else:
                new = getattr(self, rng.choices(names, weights)[0])()
            if not new or any((t.op, t.args) in seen and t.op != "fixed" for t in new) or not all(self.balanced(t.family, t.answer) for t in new):
                continue
            if self.composer.newest and any(self.arguable(t) for t in new):
                continue
            family = new[0].family
            if asked.get(family, 0) >= LIMIT.get(family, 9):
                continue
            asked[family] = asked.get(family, 0) + 1
            if new[0].op != "fixed" and rng.random() > 0.03:       # hardly ever the same again: it would be copied, not seen
                seen.update((t.op, t.args) for t in new)
            for t in new:
                self.note(t)
            if len(new) == 1 and rng.random() < 0.05:
                self.with_style(new[0])
            if rng.random() < 0.018 and new[-1].op != "fixed":
                new = new + [Turn("sure", "fixed", ("Yes, I am sure.",), self.say("sure"), "Yes, I am sure.", follows=True)]
            for t in new:
                t.question = typed(t.question, rng)
                if self.composer.newest:
                    t.question = careless(t.question, rng)
                    self.instruct(t)
            out += new
        return out

    def options(self, table):
        """families that can say something about this scene"""
        s = self.scene
        skip = set()
        if not any(t.is_shape for t in s.things):
            skip |= {"shape", "same_colour", "colour_is", "colour_choice", "shape_is", "them_same"}
        if len(s.things) < 2:
            skip |= {"exist_related", "relation", "relation_what", "direct_what", "near", "between", "size", "same_colour", "all_same", "odd", "hop", "listing", "extreme"}
            skip |= {"all_are", "them_same", "colour_pl", "what_is_colour", "inside"}
        if len(s.things) != 2:
            skip.add("same_size")
        if len(s.things) < 3:
            skip |= {"between", "odd"}
        if len(s.things) > 1:
            table = [(f, w / 4 if f == "name" else w) for f, w in table]
            skip |= {"is_this", "name_choice", "it_yn", "near_shape"}
        if s.kind == "sign" and not s.things:
            skip |= {"where", "relation", "relation_what", "near", "colour", "count"}
        if s.words:
            skip |= {"total", "listing"}
        often = dict(SECOND) if self.composer.second else {}
        if self.composer.newest and s.arrangement != "large":
            often.update({f: often.get(f, 1) * k for f, k in MADE_UP.items()})
        often.update(OFTEN_NEWEST.get(s.arrangement, {}))
        if self.padded() and s.kind in ("drawings", "shapes", "empty") and s.arrangement != "counted":
            often.update(PADDED)
        rows = [(f, w * often.get(f, 1)) for f, w in table if f not in skip]
        return [f for f, _ in rows], [w for _, w in rows]

    def with_style(self, turn):
        style = self.rng.choice(("word", "sentence"))
        if style == "word" and self.composer.newest:
            self.with_one_word(turn)
            return
        answer = in_words(self.view, turn, style)
        if answer:
            turn.question, turn.answer, turn.style = turn.question + self.rng.choice(STYLE[style]), answer, style

    def arguable(self, turn):
        """a shape is denied where a drawing of that outline is seen: is there a circle, beside a clock"""
        drawn = {t.name for t in self.scene.things if not t.is_shape}
        whole = turn.op in ("is_a", "all_are")
        return bool(drawn) and any(n.shape and drawn & may_pass_for(n.name) and (whole or self.view.count(n) == 0) for n in nouns_of(turn.args)) and \
            turn.op != "name_choice"

    # -- follow-ups: the second question needs the first

    def follow_up(self):
        rng, v = self.rng, self.view
        r = rng.random()
        if r < 0.25:
            noun = self.group_noun()
            if not noun or (v.count(noun) == 1 and rng.random() < 0.5):
                return None
            first = self.ask("exist", "exists", (noun,), self.say("exist_pl", pl=v.head(noun, True)))
            return self.then(first, "count", (noun,), self.say("so_many"))
        if r < 0.38:
            a, b = self.noun(rng.random() < 0.5), self.noun(rng.random() < 0.5)
            if not a or not b or a == b:
                return None
            return self.then(self.exist_of(a), "exists", (b,), self.say("what_about", a=v.phrase(b)))
        t, noun = self.reference()
        if not t:
            return None
        if rng.random() < 0.3 and v.zone(t):
            first = self.name_zone_of(v.zone(t))
            if not first or first[0].answer != answers.name_answer(v, t):
                return None
        else:
            first = self.exist_of(noun)
        if r < 0.62:
            return self.then(first, "where", (noun,), self.say("it_where"))
        if r < 0.8 and t.is_shape and not noun.colour:
            return self.then(first, "colour", (noun,), self.say("it_colour"))
        if r < 0.9:
            return self.then(first, "name_nearest", (noun,), self.say("it_near")) if len(v.things) > 1 else None
        rel = rng.choice(tuple(RELATION))
        return self.then(first, "name_related", (rel, noun), self.say("it_rel", rel=rng.choice(RELATION[rel])))

    def name_zone_of(self, zone):
        from wordings import ZONES
        return self.ask("naming", "name_zone", (zone,), self.say("name_zone", z=self.rng.choice(ZONES[zone])))

    def then(self, first, op, args, question):
        second = self.ask("followup", op, args, question)
        if not first or not second:
            return None
        second[0].follows = True
        return first + second

    # -- twins

    def twin(self, scene, turns, rng):
        """(changed scene, the same questions with their new answers), or None if no answer changed"""
        for _ in range(4):
            other = change(scene, rng, self.composer)
            if other is None:
                continue
            self.look_at(other, rng)
            kept, flips = [], 0
            for t in turns:
                if t.op not in TWIN_OPS or t.style or t.follows or not self.still_makes_sense(t):
                    continue
                a = answers.OPS[t.op](self.view, *t.args)
                if a is not None and self.composer.newest and self.arguable(t):
                    continue
                if a is None or a == "Nothing." and t.answer != a and rng.random() < 0.7:
                    continue
                flips += a != t.answer
                if a != t.answer or rng.random() < 0.4:
                    kept.append(Turn(t.family, t.op, t.args, t.question, a))
            if flips:
                return other, kept
        return None

    def still_makes_sense(self, t):
        """'the dog' must still be there; 'more' was asked of things that were there"""
        return t.op not in ("listing",) or self.scene.words == []


def change(scene, rng, composer):
    """a copy of the scene with one thing altered"""
    other = scene.copy()
    things = other.things
    if other.words and rng.random() < 0.7:
        w = rng.choice(other.words)
        i = rng.randrange(len(w.text))
        c = w.text[i]
        pool = "0123456789" if c.isdigit() else "abcdefghijklmnopqrstuvwxyz" if c.islower() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c.isupper() else None
        if pool is None:
            return None
        w.text = w.text[:i] + rng.choice(pool) + w.text[i + 1:]
        return other
    if not things:
        return None
    t = rng.choice(things)
    r = rng.random()
    if r < 0.25 and len(things) > 1:
        things.remove(t)
    elif r < 0.5 and len(things) > 1:
        swap_places(t, rng.choice([x for x in things if x is not t]))
    elif r < 0.6:
        mirror(other)
    else:
        new = replacement(t, other, rng, composer)
        if new is None:
            return None
        things[[x is t for x in things].index(True)] = new
    return other


def swap_places(a, b):
    a.x, b.x = b.x, a.x
    a.y, b.y = b.y, a.y
    ra, rb = a.size, b.size
    if max(ra, rb) > 1.3 * min(ra, rb):        # each takes the other's room as well
        for t, k in ((a, rb / ra), (b, ra / rb)):
            t.size, t.w, t.h = t.size * k, t.w * k, t.h * k


def mirror(scene):
    x0, _, w, _ = scene.canvas
    for t in list(scene.things) + list(scene.words):
        t.x = 2 * x0 + w - t.x


def replacement(t, scene, rng, composer):
    """another drawing or shape in the same place, often one that is there already"""
    composer.rng = rng
    others = [x for x in scene.things if x is not t]
    if t.is_shape and rng.random() < 0.75:
        new = composer.shape(scene.background, t.name, None) if rng.random() < 0.55 else composer.shape(scene.background, None, t.colour)
    elif others and rng.random() < 0.5:
        x = rng.choice(others)
        new = composer.shape(scene.background, x.name, x.colour) if x.is_shape else composer.drawing(x.name, x.effect)
    else:
        new = composer.drawing(None, t.effect)
    if new is None or (new.name, new.colour) == (t.name, t.colour) or confusable(new.name, t.name):
        return None
    from layout import finish
    new.x, new.y, new.size = t.x, t.y, t.size
    finish(scene, new, rng)
    return new

