/* suggest.c: the name that was probably meant. */
#include "app/cli/cli.h"

#include <string.h>

enum { LONGEST = 64, MOST = 2 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Letters put in, left out, exchanged, or two neighbours swapped; n, m <= LONGEST. */
static int distance(const char *a, size_t n, const char *b, size_t m)
{
    int rows[3][LONGEST + 1], *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        above[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        int *spare = before;
        before     = above;
        above      = row;
        row        = spare;
    }
    return above[m];
}

const char *cli_suggest(cli_suggestion *out, const char *word, size_t n, const char *mark, const char *names)
{
    static const char between[] = ", |";
    const char       *best      = NULL;
    size_t            best_n    = 0;
    int               best_d    = MOST;
    bool              tied      = false;
    out->text[0]                = '\0';
    for (const char *at = names + strspn(names, between); *at != '\0' && n <= LONGEST;) {
        size_t m = strcspn(at, between);
        int    d = m <= LONGEST ? distance(word, n, at, m) : best_d + 1;
        if (3 * (size_t)d <= m && d <= best_d) {
            bool same = best != NULL && m == best_n && memcmp(at, best, m) == 0;
            tied      = d == best_d && best != NULL && !same;
            best      = at;
            best_n    = m;
            best_d    = d;
        }
        at += m;
        at += strspn(at, between);
    }
    if (best != NULL && !tied)
        (void)snprintf(out->text, sizeof out->text, ", did you mean %s%.*s?", mark, (int)best_n, best);
    return out->text;
}
