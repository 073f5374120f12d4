"""Questions about text, photographs, collages; what cannot be known; small talk."""
from questions import ThingQuestions
from wordings import HALVES, IMG, SMALL_TALK, ZONES, held
from wordings_refusals import OTHER_LANGUAGES, OUTSIDE, UNKNOWABLE, chosen, nonsense
from answers import ENGLISH, OUTSIDE as OUTSIDE_ANSWER, UNKNOWN, collage_zone
from world import confusable, with_article

# what may stand in a photo of something else: asked about only where nobody would wear or use it
INCIDENTAL_CATEGORIES = {"clothing", "household item", "furniture", "device", "jewelry", "bag", "plant", "sky", "landscape", "person", "character",
                         "body part", "object", "stationery", "place", "nature", "symbol", "kitchen item"}
CLOSE_UPS = {"fruit", "vegetable", "packaged food", "flower"}


class Questions(ThingQuestions):
    # -- text

    def read(self):
        rng, words = self.rng, self.view.scene.words
        if not words:
            return self.ask("read", "read", (), self.say("read")) if rng.random() < 0.15 else None
        if len(words) == 1 and rng.random() < 0.45:
            w = words[0].text
            key = "read_number" if w.isdigit() else "read_letter" if len(w) == 1 else "read_word" if w.isalpha() and len(w) > 2 else "read"
            return self.ask("read", "read", (), self.say(key))
        if len(words) > 3 or len(words) > 1 and rng.random() < 0.55:      # a page is read by the line
            place = rng.choice(("top", "bottom"))
            return self.ask("read", "read_line", (place,), self.say("read_" + place))
        return self.ask("read", "read", (), self.say("read"))

    def spelled(self):
        rng, words = self.rng, self.view.scene.words
        if not words:
            return None
        w = rng.choice(words).text.upper()
        if rng.random() < 0.5:
            w = self.other_text(w)
        if not w:
            return None
        shown = w if rng.random() < 0.7 else w.lower()
        return self.ask("spelled", "spelled", (w,), self.say("spelled", w=shown))

    def other_text(self, w):
        """one letter changed, or another word"""
        rng = self.rng
        if rng.random() < 0.5:
            i = rng.randrange(len(w))
            letters = "0123456789" if w[i].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            new = rng.choice(letters)
            return w[:i] + new + w[i + 1:] if new != w[i] and w[i] != " " else None
        return rng.choice(self.composer.words).upper()

    def any_text(self):
        has = bool(self.view.scene.words)
        if self.rng.random() < (0.7 if has else 0.0):
            return None
        return self.ask("any_text", "any_text", (), self.say("any_text"))

    def text_colour(self):
        what = self.rng.choice(("text", "plate"))
        return self.ask("text_colour", "text_colour", (what,), self.say(what + "_colour"))

    # -- photographs

    def photo_name(self):
        return self.ask("photo_name", "name_whole", (), self.say("name"))

    def photo_is(self):
        """yes and no in equal parts; a no is close to the truth half of the time"""
        rng, vocab = self.rng, self.vocabulary
        label = vocab.by_name[self.scene.photos[0].name]
        if rng.random() < 0.15:
            cats = ("animal", "fruit", "vegetable", "vehicle", "flower", "building", "musical instrument", "plant")
            pool = sorted(label.sure & set(cats)) if rng.random() < 0.5 else [c for c in cats if c not in label.sure | label.unsure]
            if pool:
                c = rng.choice(pool)
                if not (c == "plant" and label.category not in CLOSE_UPS | {"clothing"}):
                    return self.ask("photo_yn", "photo_shows", (c, True), self.say("photo_is", a=with_article(c)))
        if rng.random() < 0.5:
            words = [label.name] + [a for a in label.aliases if len(vocab.alias_meanings(a)) == 1]
            word = words[0] if rng.random() < 0.85 else rng.choice(words)
            entry = label
        else:
            entry = self.other_label(label)
            if not entry:
                return None
            word = entry.name
        a = entry.with_article if word == entry.name else word if word.endswith("s") or not entry.article else with_article(word)
        return self.ask("photo_yn", "photo_shows", (word, False), self.plural_form(self.say("photo_is", a=a), word))

    def other_label(self, label):
        rng = self.rng
        labels = self.composer.photo_labels
        for _ in range(12):
            name = rng.choice(labels) if rng.random() < 0.85 else rng.choice(self.composer.sprite_names)
            e = self.vocabulary.by_name[name]
            if rng.random() < 0.5 and e.category != label.category:
                continue
            if name == label.name or confusable(name, label.name):
                continue
            if e.category in INCIDENTAL_CATEGORIES and label.category not in CLOSE_UPS and not (e.category == label.category == "clothing"):
                continue
            return e
        return None

    def photo_choice(self):
        rng = self.rng
        label = self.vocabulary.by_name[self.scene.photos[0].name]
        other = self.other_label(label)
        if not other:
            return None
        pair = [label, other]
        rng.shuffle(pair)
        return self.ask("photo_choice", "photo_choice", (pair[0].name, pair[1].name), self.say("choice", a=pair[0].with_article, b=pair[1].with_article))

    def photo_kind(self):
        return self.ask("photo_kind", "photo_kind", (), self.say("photo_kind"))

    def photo_caption(self):
        return self.ask("photo_caption", "caption", (), self.say("caption"))

    def photo_missing(self):
        """a question about something that is not on the photo"""
        label = self.vocabulary.by_name[self.scene.photos[0].name]
        other = self.other_label(label)
        if not other or not other.countable:
            return None
        return self.ask("absent", "photo_absent", (other.name,), self.say("where", n=other.name))

    def photo_where(self):
        """else "where is the dog" of a photo would always be answered with its absence"""
        label = self.vocabulary.by_name[self.scene.photos[0].name]
        return self.ask("where", "photo_where", (), self.say("where", n=label.name)) if label.countable else None

    def medium(self):
        asked = self.rng.choice(("which", "photo", "drawing"))
        return self.ask("medium", "medium", (asked,), self.say("medium_" + asked))

    def collage_zone(self):
        p = self.rng.choice(self.scene.photos)
        z = collage_zone(self.scene, p)
        text = self.rng.choice(ZONES[z]) if " " in z else self.rng.choice(HALVES[z])
        return self.ask("collage", "name_zone", (z,), self.say("name_zone", z=text))

    def collage_has(self):
        rng = self.rng
        if rng.random() < 0.5:
            entry = self.vocabulary.by_name[rng.choice(self.scene.photos).name]
        else:
            entry = self.other_label(self.vocabulary.by_name[rng.choice(self.scene.photos).name])
            if not entry or (entry.category in INCIDENTAL_CATEGORIES):
                return None
        q = self.plural_form(self.say("exist", a=entry.with_article, n=entry.name), entry.name)
        return self.ask("collage_yn", "collage_has", (entry.name,), q)

    def collage_count(self):
        return self.ask("collage", "collage_count", (), self.say("photo_count"))

    def collage_where(self):
        name = self.rng.choice(self.scene.photos).name
        return self.ask("collage", "collage_where", (name,), self.say("where", n=name))

    # -- not from this picture

    def fixed_text(self, texts):
        """a fifth of these is held out too"""
        for _ in range(40):
            t = self.rng.choice(texts)
            if held(t) == (self.split == "wording"):
                return t
        return texts[0]

    def unknowable(self):
        rng = self.rng
        refs = self.view.references()
        texts = UNKNOWABLE
        if not refs or self.scene.kind in ("photo", "collage"):
            texts = [t for t in UNKNOWABLE if "{n}" not in t or "|the {n}" in t]
        n = self.view.head(rng.choice(refs)[1]) if refs else "object"
        q = chosen(self.fixed_text(texts), rng)
        if "{n}" in q and (not refs or self.scene.kind in ("photo", "collage")):
            return None
        q = q.format(img=rng.choice(IMG), n=n)
        return self.ask("unknowable", "fixed", (UNKNOWN,), q)

    def outside(self):
        return self.ask("outside", "fixed", (OUTSIDE_ANSWER,), chosen(self.fixed_text(OUTSIDE), self.rng))

    def nonsense(self):
        """no question at all"""
        return self.ask("outside", "fixed", (OUTSIDE_ANSWER,), nonsense(self.rng, self.composer.words))

    def language(self):
        return self.ask("language", "fixed", (ENGLISH,), self.fixed_text(OTHER_LANGUAGES))

    def small_talk(self):
        texts, answer = self.rng.choice(SMALL_TALK)
        return self.ask("small_talk", "fixed", (answer,), self.fixed_text(texts.split("|")))


COMMON = (("unknowable", 1.2), ("outside", 1.2), ("small_talk", 0.5), ("nonsense", 0.15), ("language", 0.3))
AT_MOST = {"photo_choice": 1, "photo_yn": 3, "spelled": 2, "absent": 2, "unknowable": 1, "outside": 1, "small_talk": 1, "medium": 1, "background": 1, "any_text": 1, "language": 1}
THINGS = (("exist", 7), ("lack", 4.5), ("exist_two", 2.5), ("exist_related", 5), ("name", 9), ("name_zone", 8), ("extreme", 4), ("kind", 4),
          ("colour", 7), ("shape", 5.5), ("count", 16), ("total", 5), ("where", 6), ("in_zone", 2), ("relation", 7), ("relation_what", 6.5), ("direct_what", 4),
          ("near", 5), ("between", 4.5), ("compare", 8), ("size", 6), ("same_colour", 4), ("all_same", 4), ("odd", 3), ("hop", 7), ("claim", 5),
          ("listing", 6), ("caption", 6), ("background", 3), ("missing", 3), ("colour_is", 3), ("colour_choice", 0.8), ("shape_is", 2), ("count_is", 3), ("is_this", 2), ("name_choice", 1), ("read", 0.6), ("any_text", 0.5), ("medium", 0.7)) + COMMON
SIGN = (("read", 40), ("spelled", 9), ("any_text", 4), ("text_colour", 4), ("caption", 2.5), ("background", 1.2), ("exist", 3), ("lack", 1.5), ("count", 3), ("colour", 2),
        ("where", 2), ("relation", 2), ("relation_what", 2.5), ("near", 2), ("missing", 1)) + COMMON
PHOTO = (("photo_name", 40), ("photo_is", 26), ("photo_choice", 10), ("photo_kind", 9), ("photo_caption", 4), ("medium", 3), ("photo_missing", 3), ("photo_where", 3), ("unknowable", 1.5), ("outside", 1.5), ("small_talk", 0.5))
COLLAGE = (("collage_zone", 40), ("collage_has", 25), ("collage_where", 15), ("collage_count", 8), ("medium", 2)) + COMMON
OVER = (("exist", 14), ("where", 10), ("relation", 8), ("colour", 8), ("count", 8), ("in_zone", 4), ("size", 6), ("missing", 4), ("background", 2)) + COMMON
EMPTY = (("exist", 12), ("lack", 8), ("name", 6), ("total", 6), ("count", 8), ("caption", 5), ("background", 6), ("missing", 10), ("any_text", 4), ("read", 3)) + COMMON
UNCLEAR = (("name", 10), ("caption", 6), ("unknowable", 3), ("outside", 2))
FAMILIES = {"drawings": THINGS, "shapes": THINGS, "sign": SIGN, "photo": PHOTO, "collage": COLLAGE, "over": OVER, "empty": EMPTY, "unclear": UNCLEAR}
# of the second stage: how much more often a family is asked about
SECOND = {"listing": 2.6, "caption": 3.0, "between": 5.5, "near": 1.5, "odd": 6.0, "direct_what": 2.2, "hop": 1.6, "relation_what": 1.3, "compare": 1.2, "count_is": 1.6,
          "same_colour": 2.5, "unknowable": 1.4, "outside": 1.5, "small_talk": 1.7, "nonsense": 2.0, "language": 2.0, "background": 1.4, "name_zone": 1.4, "spelled": 1.4, "text_colour": 1.3,
          "photo_caption": 0.6, "collage_has": 0.8}
