"""What benchmarks write behind a question ("...?\\nAnswer the question using a single word or phrase.") and the short answers they count as right.

In training only (composer.newest). A short answer has no article and no full stop ("Yes", "3", "Red circle", "Top left", "B"): every scorer of
`mlmamba score` takes it.
What is read off a sign stays as it is, and a refusal stays a whole sentence, but where the question itself asks for "Unanswerable".
"""
import answers
from asking import COUNTED
from wordings import STYLE, held
from world import COLOURS, NUMBERS, SHAPES, confusable

# as app/vqa and app/engine append them
VQA = "\nAnswer the question using a single word or phrase."
VIZWIZ = "\nWhen the provided information is insufficient, respond with 'Unanswerable'." + VQA
LETTER = "\nAnswer with the option's letter from the given choices directly."
TRUE_FALSE = "Based on the image, is this statement \"True\" or \"False\"? %s\nRespond with \"True\" or \"False\" directly."
CAPTION = "Provide a short image description."
OCR = "Reference OCR token: %s\n"
# as others do; a fifth is held out by the hash of its text, as of all wordings
SHORT = """Answer the question using one word.|Answer the question using one word or phrase.|Answer with a single word or phrase.
    |Answer with one word or phrase.|Answer with a word or phrase.|Answer the question with a single word or phrase.|Answer briefly.
    |Give a very short answer.|Give a short answer.|Short answer:|Answer:|Please answer with a single word or phrase.
    |Please answer the question with a single word or phrase.|Please provide a short answer.|Answer shortly.|Answer in one word or a short phrase.
    |Answer in one or two words.|Keep the answer short.|Respond with a single word or phrase.|Just the answer, please.
    |Your answer should be a single word or phrase.|Use a single word or phrase.|Answer in a few words.|Reply with one word or a short phrase."""
ONE = """Answer in one word.|Answer with one word.|Answer with a single word.|Answer in a single word.|One word.|One word only.
    |Please answer in one word.|Answer using one word only.|Reply in one word.|Respond with one word.|Use one word."""
YES_NO = """Answer with yes or no.|Answer yes or no.|Please answer yes or no.|Answer the question with yes or no.|Answer with only yes or no.
    |Answer only yes or no.|Answer Yes or No.|Answer with Yes or No.|Please answer with yes or no.|Please answer Yes or No.|Yes or no?|Yes or no.
    |Just yes or no.|Respond with yes or no.|Respond with "Yes" or "No".|Respond with "Yes" or "No" directly.|Reply with yes or no.
    |Answer the question using yes or no.|Only answer yes or no.|Say yes or no."""
LETTERS = """Answer with the option's letter.|Answer with the letter.|Answer with the letter of the right option.|Answer with A, B, C or D.
    |Choose the right letter.|Answer:|Which option is right?|Only answer with the letter.|Please answer with the option's letter.
    |Select the correct option."""


def forms(text, before=("\n", " ")):
    """each on a line of its own and after a space"""
    texts = [t.strip() for t in text.split("|")]
    return [t for s in texts for t in [b + s for b in before] if not held(t)]


SHORT, ONE, YES_NO, LETTERS = forms(SHORT), forms(ONE), forms(YES_NO), forms(LETTERS, ("\n",))
PLACES = ("In the ", "On the ", "At the ")
WHERE = {"where", "where_missing", "collage_where", "photo_where"}
COLOUR = {"colour", "colour_all", "colour_missing", "text_colour", "background_colour", "hop_colour", "hop_extreme_colour"}
SHAPE = {"shape_of", "hop_shape"}
NAME = {"name_whole", "name_zone", "name_extreme", "name_related", "name_direct", "name_nearest", "name_between", "odd_one", "kind", "name_coloured",
        "name_inside"}
OF_TWO = {"which_more", "which_size", "photo_choice", "name_choice"}
BARE = COLOUR | SHAPE | NAME | OF_TWO | {"photo_kind"}
READ = {"read", "read_line"}
REFUSALS = (answers.UNKNOWN, answers.UNSURE)
NEVER = ("sure", "small_talk", "language", "list", "caption", "photo_caption")      # families that have no short answer


def short_form(op, answer):
    """the answer as a benchmark has it, or None where there is no shorter one"""
    if op in READ:
        return answer if not answer.endswith(".") else None
    if answer in ("Yes.", "No.", "True.", "False."):
        return answer[:-1]
    if answer in COUNTED:
        return str(NUMBERS.index(answer[:-1]))
    if op in WHERE and answer.startswith(PLACES):
        return answer[7].upper() + answer[8:-1]
    if op == "medium":
        return {"It is a photo.": "Photo", "It is a drawing.": "Drawing"}.get(answer)
    if op not in BARE or refused(answer) or answer.startswith(("They ", "It ")):
        return None
    text = answer[:-1]
    for article in ("A ", "An ", "The "):
        if text.startswith(article):
            text = text[len(article):]
            break
    return text[0].upper() + text[1:]


def refused(answer):
    return answer.startswith("There is no ") or answer in REFUSALS or answer == answers.OUTSIDE


class Instructions:
    """given to Dialogue: one in twenty-five questions has an instruction behind it"""

    def instruct(self, turn):
        rng = self.rng
        part = 0.2 if turn.op == "claim" else 0.041
        if turn.style or turn.family in NEVER and turn.op != "caption" or rng.random() > part:
            return
        if turn.op == "claim":
            turn.question, turn.answer, turn.style = TRUE_FALSE % turn.about, turn.answer[:-1], "short"
            return
        if turn.op == "caption":
            if not turn.follows and self.scene.words == []:
                turn.question = CAPTION
            return
        if refused(turn.answer):
            vizwiz = turn.answer != answers.OUTSIDE and rng.random() < 0.25
            turn.question += VIZWIZ if vizwiz else VQA if rng.random() < 0.6 else rng.choice(SHORT)
            if vizwiz:
                turn.answer, turn.style = "Unanswerable", "unanswerable"
            return
        text = short_form(turn.op, turn.answer)
        if text is None:
            return
        if rng.random() < 0.25 and not turn.follows and self.as_choice(turn, text):
            return
        r, one_word = rng.random(), " " not in text
        if r < 0.45:
            ask = VQA
        elif r < 0.52:
            ask = VIZWIZ
        elif text in ("Yes", "No"):
            ask = rng.choice(YES_NO)
        elif text in ("True", "False"):
            ask = VQA
        else:
            ask = rng.choice(ONE if one_word and rng.random() < 0.5 else SHORT)
        if turn.op in READ and ask == VQA and rng.random() < 0.3:
            turn.question = OCR % self.tokens() + turn.question
        turn.question, turn.answer, turn.style = turn.question + ask, text, "short"

    def tokens(self):
        """what a reader of text might have found, in any order and case, not without gaps"""
        words = [w for line in self.scene.words for w in line.text.split(" ")]
        self.rng.shuffle(words)
        if len(words) > 1 and self.rng.random() < 0.3:
            words.pop()
        return ", ".join(words)

    def with_one_word(self, turn):
        """the wish for one word, as people say it"""
        text = short_form(turn.op, turn.answer)
        if text and text.count(" ") <= 1:
            turn.question, turn.answer, turn.style = turn.question + self.rng.choice(STYLE["word"]), text, "short"

    # -- multiple choice

    def as_choice(self, turn, text):
        rng = self.rng
        wrong = self.others(turn, text)
        if not wrong:
            return False
        options = [text] + wrong
        if text in ("Yes", "No"):
            options = ["Yes", "No"] if rng.random() < 0.8 else ["No", "Yes"]
        elif text.isdigit() and rng.random() < 0.12:
            options = [str(k) for k in range(16)]
        else:
            rng.shuffle(options)
        style = rng.random()
        if not text.isdigit() and style < 0.6:
            options = [o[:1].lower() + o[1:] for o in options]
        mark = "%s. %s" if rng.random() < 0.85 else "%s) %s" if rng.random() < 0.5 else "(%s) %s"
        letter = chr(65 + [o.lower() for o in options].index(text.lower()))
        rows = "\n" + "\n".join(mark % (chr(65 + k), o) for k, o in enumerate(options))
        turn.question += rows + (LETTER if rng.random() < 0.7 else rng.choice(LETTERS))
        turn.answer, turn.style = letter, "letter"
        return True

    def others(self, turn, text):
        """one to three wrong options of the same kind"""
        rng, n = self.rng, self.rng.choice((1, 2, 3, 3))
        if text in ("Yes", "No"):
            return ["No" if text == "Yes" else "Yes"]
        if turn.op in READ:
            return None
        if text.isdigit():
            near = [k for k in range(10) if k != int(text) and abs(k - int(text)) <= 4]
            return [str(k) for k in rng.sample(near, n)]
        if turn.op in COLOUR:
            return [c.capitalize() for c in rng.sample([c for c in COLOURS if c != text.lower()], n)]
        if turn.op in SHAPE:
            return [s.capitalize() for s in rng.sample([s for s in SHAPES if s != text.lower()], n)]
        if turn.op in WHERE:
            places = [a[7].upper() + a[8:-1] for a in answers.ZONE_ANSWER.values()]
            return rng.sample([p for p in places if p != text], n)
        if turn.op not in ("name_whole", "kind") or self.scene.kind not in ("drawings", "shapes", "photo"):
            return None
        photo = self.scene.kind == "photo"
        mine = self.scene.photos[0].name if photo else self.view.things[0].name if len(self.view.things) == 1 else None
        if not mine or mine.lower() != text.lower():
            return None
        out = []
        for _ in range(12):
            other = self.other_label(self.vocabulary.by_name[mine]) if photo else self.vocabulary.by_name[rng.choice(self.composer.sprite_names)]
            if other and other.name != mine and not confusable(other.name, mine) and other.name.capitalize() not in out:
                out.append(other.name[0].upper() + other.name[1:])
            if len(out) == n:
                return out
        return None
