#!/usr/bin/env python3
"""Pictures of plain coloured shapes and questions about them with true answers: for measuring agreement between two
forms of a model (bf16 against int8), and a rough accuracy, with nothing but this repository and Pillow.

    python3 tests/golden/make_questions.py OUT_DIR [--pictures 50] [--seed 1]

Writes OUT_DIR/pNNN.png and OUT_DIR/questions.txt (20 questions, the same for every picture), and OUT_DIR/truth.tsv
(picture, question, answer) where the answer can be computed.  tests/golden/agreement.sh runs the comparison.
"""
import argparse
import os
import random

from PIL import Image, ImageDraw

COLORS = {'red': (215, 40, 35), 'orange': (245, 140, 20), 'yellow': (245, 220, 40), 'green': (50, 160, 60), 'blue': (40, 90, 215),
          'purple': (130, 60, 180), 'pink': (250, 150, 190), 'brown': (125, 75, 35), 'black': (15, 15, 15), 'white': (250, 250, 250)}
SHAPES = ['circle', 'square', 'triangle', 'diamond', 'rectangle']
NUMBERS = ['Zero', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine']
CELLS = [(x, y) for y in range(3) for x in range(3)]
QUESTIONS = (['How many %ss are there?' % s for s in SHAPES] + ['Is there a %s?' % s for s in SHAPES] +
             ['What color is the %s?' % s for s in SHAPES] +
             ['How many objects are there?', 'What is in the center?', 'What is in the top left?', 'Describe the image.',
              'What color is the background?'])


def draw_shape(d, shape, x, y, r, fill):
    if shape == 'circle':
        d.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == 'square':
        d.rectangle((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == 'rectangle':
        d.rectangle((x - r, y - r * 0.55, x + r, y + r * 0.55), fill=fill)
    elif shape == 'triangle':
        d.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=fill)
    else:
        d.polygon([(x, y - r), (x - r, y), (x, y + r), (x + r, y)], fill=fill)


def make_picture(rng):
    background = rng.choice(list(COLORS))
    im = Image.new('RGB', (448, 448), COLORS[background])
    d = ImageDraw.Draw(im)
    objects = []
    for cx, cy in rng.sample(CELLS, rng.randint(1, 5)):
        shape, color = rng.choice(SHAPES), rng.choice([c for c in COLORS if c != background])
        draw_shape(d, shape, 75 + 149 * cx, 75 + 149 * cy, rng.randint(36, 60), COLORS[color])
        objects.append((shape, color, cx, cy))
    return im, background, objects


def truth(question, background, objects):
    for s in SHAPES:
        of_kind = [o for o in objects if o[0] == s]
        if question == 'How many %ss are there?' % s:
            return NUMBERS[len(of_kind)] + '.'
        if question == 'Is there a %s?' % s:
            return 'Yes.' if of_kind else 'No.'
        if question == 'What color is the %s?' % s and len(of_kind) == 1:
            return of_kind[0][1].capitalize() + '.'
    if question == 'How many objects are there?':
        return NUMBERS[len(objects)] + '.'
    if question == 'What color is the background?':
        return background.capitalize() + '.'
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument('out_dir')
    p.add_argument('--pictures', type=int, default=50)
    p.add_argument('--seed', type=int, default=1)
    a = p.parse_args()
    os.makedirs(a.out_dir, exist_ok=True)
    rng = random.Random(a.seed)
    with open(os.path.join(a.out_dir, 'questions.txt'), 'w') as f:
        f.write('\n'.join(QUESTIONS) + '\n')
    with open(os.path.join(a.out_dir, 'truth.tsv'), 'w') as f:
        for i in range(a.pictures):
            im, background, objects = make_picture(rng)
            im.save(os.path.join(a.out_dir, 'p%03d.png' % i))
            for q in QUESTIONS:
                t = truth(q, background, objects)
                if t:
                    f.write('p%03d.png\t%s\t%s\n' % (i, q, t))


if __name__ == '__main__':
    main()
