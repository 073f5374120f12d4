"""What the fifth run asks besides: drawings that look like a shape and shapes that look like a drawing, thousands of absent names.

Asked in training only (composer.newest); data.EVAL_ABSENT measures held-out names on their own.
"""
from absent_more import BEFORE, more_absent_words, nonce
from nouns import Noun
from questions_wide import OFTEN, WideQuestions
from wordings import RELATION
from world import with_article

# what a shape is taken for, and the other way round
LIKE = {shape: names.split(",") for shape, names in {
    "circle": "smiley face,sun,moon,clock,orange,basketball,baseball,soccer ball,volleyball,globe,target,coin,cookie,pizza,"
              "doughnut,planet,wheel,yarn,cat,lion,apple",
    "hexagon": "tree,stop sign,soccer ball,turtle,shell,gear,cookie,broccoli,bee,diamond",
    "pentagon": "house,tent,diamond,tree,shield,school",
    "triangle": "tent,pizza,mountain,christmas tree,volcano,pyramid,tree,strawberry,carrot",
    "oval": "egg,watermelon,potato,lemon,fish,mango,balloon,american football,olive",
    "square": "house,box,gift,television,calendar,dice,floppy disk,clock,book,window",
    "rectangle": "book,phone,envelope,newspaper,battery,bus,chocolate bar,door,television,credit card",
    "star": "sun,snowflake,starfish,flower,christmas tree,daisy",
    "heart": "strawberry,apple,pair of cherries,balloon,leaf",
    "diamond": "kite,ring,crown,lemon,yo-yo",
    "cross": "windmill,airplane,hospital,church,wrench,dagger",
    "arrow": "rocket,pencil,bow and arrow,airplane,pen,fish"}.items()}


class NewestQuestions(WideQuestions):
    def near_shape(self):
        """of one thing: is the tree a hexagon, is the hexagon a tree, is it this or that"""
        rng, v = self.rng, self.view
        if len(v.things) != 1 or v.scene.words:
            return None
        t = v.things[0]
        mine = self.noun_for(t)
        if t.is_shape:
            pool = [n for n in LIKE.get(t.name, ()) if n in self.composer.sprites]
            other = Noun(rng.choice(pool)) if pool else None
        else:
            pool = [s for s, names in LIKE.items() if t.name in names]
            other = Noun(rng.choice(pool if pool and rng.random() < 0.7 else sorted(LIKE)), None, None, True)
        if not other:
            return None
        if rng.random() < 0.45:
            pair = [mine, other]
            rng.shuffle(pair)
            return self.ask("choice", "name_choice", tuple(pair), self.say("choice", a=v.phrase(pair[0]), b=v.phrase(pair[1])))
        said = mine if rng.random() < 0.5 else other
        return self.ask("it_yn", "is_a", (mine, said), self.say("it_is_a", a=v.phrase(said)))

    def background_is(self):
        """also whether it is gray, where only the bars beside the picture are"""
        b, rng = self.scene.background, self.rng
        if self.padded() and b.colour not in (None, "gray") and rng.random() < 0.3:
            return self.ask("background_yn", "background_is", ("gray",), self.say("bg_is", c="gray", ab=with_article("gray")))
        return super().background_is()

    def padded(self):
        return self.composer.newest and min(self.scene.canvas[2:]) < 223

    def absent_name(self):
        """one of thousands of names, now and then with a word before it, or one that does not exist"""
        rng = self.rng
        held = self.split != "train"
        if not hasattr(self, "absent_names"):
            self.absent_names = more_absent_words(self.vocabulary, held)
        group = rng.choices(("part", "beast", "food", "ware"), (3, 3, 3, 7))[0]
        word = rng.choice(self.absent_names[group])
        if rng.random() < 0.12:
            group, word = "part", nonce(rng, held)
        elif rng.random() < 0.15:
            word = rng.choice(BEFORE) + " " + word
        return word, group

    def missing_more(self):
        rng = self.rng
        word, group = self.absent_name()
        r = rng.random()
        if r < 0.12 and group != "food":
            return self.ask("exist", "absent_word_no", (word, group), self.say("exist", a=with_article(word), n=word))
        if r < 0.48:
            q = self.say("colour", n=word)
        elif r < 0.8:
            q = self.say("where", n=word)
        elif r < 0.9:
            q = self.say("near", y="the " + word)
        else:
            q = self.say("rel_what", y="the " + word, rel=rng.choice(RELATION[rng.choice(("left", "right", "above", "below"))]))
        return self.ask("absent", "absent_word", (word, group), q)


MORE_THINGS = (("near_shape", 2), ("missing_more", 5))
NEWEST = {"drawings": MORE_THINGS, "shapes": MORE_THINGS, "sign": (("missing_more", 2.5),), "empty": (("missing_more", 9),)}
OFTEN_NEWEST = {**OFTEN, "large": {"name": 4, "is_this": 6, "name_choice": 5, "near_shape": 5, "caption": 2, "colour": 1.5, "shape": 1.5, "total": 0.7,
                                   "count": 0.5, "exist": 1.5},
                "counted": {"listing": 6, "caption": 8, "background": 3, "background_is": 3, "count": 1.3}}
# what one large thing cannot be asked about, and so is asked oftener of the others; counts, lists and captions, which the fifth run did worse
MADE_UP = {"hop": 1.45, "between": 1.45, "odd": 1.2, "total": 1.2, "shape_is": 1.6, "colour_is": 1.6, "shape": 1.2, "colour": 1.1, "count_is": 1.2,
           "count": 1.15, "listing": 1.25, "caption": 1.25}
PADDED = {"background": 4.0, "background_is": 5.0, "caption": 4.0}
