/* worker_states.c: kept states: which there are, which is the best to start from, and the quota. */
#include "app/desktop/worker_private.h"

#include <stdlib.h>
#include <string.h>

bool sight_equal(const ui_sight *a, const ui_sight *b)
{
    return a->picture == b->picture && a->fit == b->fit && chat_region_equal(a->region, b->region);
}

/* ---- what the session holds --------------------------------------------------------------------- */

void held_forget(worker *w)
{
    w->held.valid   = false;
    w->held.n_turns = 0;
}

void held_set_picture(worker *w, const ui_sight *sight)
{
    w->held.sight       = *sight;
    w->held.sight.image = NULL;
    w->held.n_turns     = 0;
    w->held.valid       = true;
}

static mlm_status held_reserve(worker *w, int n)
{
    if (n <= w->held.capacity)
        return MLM_OK;
    int      capacity = n * 2 + 8;
    int64_t *turn     = realloc(w->held.turn, (size_t)capacity * sizeof *turn);
    if (turn == NULL)
        return mlm_fail_nomem((size_t)capacity * sizeof *turn, "turns");
    w->held.turn     = turn;
    w->held.capacity = capacity;
    return MLM_OK;
}

mlm_status held_add_turn(worker *w, int64_t turn)
{
    mlm_status status = held_reserve(w, w->held.n_turns + 1);
    if (status != MLM_OK) {
        held_forget(w);
        return status;
    }
    w->held.turn[w->held.n_turns++] = turn;
    return MLM_OK;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* What it adds to the others: the picture's state is shared by all that is kept about it. */
static size_t bytes_beside_others(const worker *w, const kept_state *k)
{
    for (int i = 0; i < w->n_kept; i++)
        if (&w->kept[i] != k && sight_equal(&w->kept[i].sight, &k->sight))
            return k->bytes;
    return k->bytes + w->facts.memory.snapshot_bytes;
}

static void drop_at(worker *w, int at)
{
    kept_state *k = &w->kept[at];
    w->kept_bytes -= bytes_beside_others(w, k);
    if (k->n_turns > 0)
        event_box_put_simple(w->events, UI_EV_STATE_DROPPED, 0, k->turn[k->n_turns - 1], MLM_OK);
    mlmamba_snapshot_free(k->snap);
    free(k->turn);
    w->kept[at] = w->kept[--w->n_kept];
}

void states_drop_turn(worker *w, int64_t turn)
{
    for (int i = w->n_kept - 1; i >= 0; i--)
        if (turn == 0 || (w->kept[i].n_turns > 0 && w->kept[i].turn[w->kept[i].n_turns - 1] == turn))
            drop_at(w, i);
}

void states_drop_oldest(worker *w, size_t down_to)
{
    while (w->kept_bytes > down_to && w->n_kept > 0) {
        int oldest = 0;
        for (int i = 1; i < w->n_kept; i++)
            if (w->kept[i].used < w->kept[oldest].used)
                oldest = i;
        drop_at(w, oldest);
    }
}

static int find_exact(const worker *w, const ui_sight *sight, const int64_t *turn, int n)
{
    for (int i = 0; i < w->n_kept; i++) {
        const kept_state *k = &w->kept[i];
        if (k->n_turns == n && sight_equal(&k->sight, sight) &&
            (n == 0 || memcmp(k->turn, turn, (size_t)n * sizeof *turn) == 0))
            return i;
    }
    return -1;
}

bool states_has(const worker *w, const ui_sight *sight, int64_t turn)
{
    for (int i = 0; i < w->n_kept; i++) {
        const kept_state *k = &w->kept[i];
        if (sight_equal(&k->sight, sight) &&
            (turn == 0 ? k->n_turns == 0 : k->n_turns > 0 && k->turn[k->n_turns - 1] == turn))
            return true;
    }
    return false;
}

/* The oldest ones make room where memory ends before the quota does, as on a GPU. */
static mlm_status take_snapshot(worker *w, mlmamba_snapshot **out)
{
    mlm_status status = mlmamba_session_snapshot(out, w->session);
    while (status == MLM_E_NOMEM && w->n_kept > 0) {
        states_drop_oldest(w, w->kept_bytes - 1);
        status = mlmamba_session_snapshot(out, w->session);
    }
    return status;
}

bool states_keep(worker *w)
{
    size_t     picture = w->facts.memory.snapshot_bytes;
    kept_state k       = {.sight = w->held.sight, .n_turns = w->held.n_turns, .used = ++w->clock};
    if (!w->held.valid)
        return false;
    int at = find_exact(w, &k.sight, w->held.turn, k.n_turns);
    if (at >= 0) {
        w->kept[at].used = k.used;
        return true;
    }
    if (w->n_kept == w->kept_capacity) {
        int         capacity = w->kept_capacity * 2 + 16;
        kept_state *kept     = realloc(w->kept, (size_t)capacity * sizeof *kept);
        if (kept == NULL)
            return false;
        w->kept          = kept;
        w->kept_capacity = capacity;
    }
    k.turn = malloc(((size_t)k.n_turns + 1) * sizeof *k.turn);
    if (k.turn == NULL || take_snapshot(w, &k.snap) != MLM_OK) {
        free(k.turn);
        return false;
    }
    if (k.n_turns > 0)
        memcpy(k.turn, w->held.turn, (size_t)k.n_turns * sizeof *k.turn);
    k.bytes = mlmamba_snapshot_bytes(k.snap);
    k.bytes -= k.bytes < picture ? k.bytes : picture;
    if (k.bytes + picture > w->quota) {
        mlmamba_snapshot_free(k.snap);
        free(k.turn);
        return false;
    }
    w->kept_bytes += bytes_beside_others(w, &k);
    w->kept[w->n_kept++] = k;
    states_drop_oldest(w, w->quota); /* it is the newest and stays */
    return true;
}

/* ---- resuming ----------------------------------------------------------------------------------- */

static int common(const int64_t *turn, int n_turns, const ui_past_turn *past, int n)
{
    int same = 0;
    while (same < n_turns && same < n && turn[same] == past[same].id)
        same++;
    return same;
}

/* Index of the best kept state, -1: none is about this.  *same: how many turns it gives. */
static int best_kept(const worker *w, const ui_sight *sight, const ui_past_turn *past, int n, int *same)
{
    int best = -1, surplus = 0;
    *same = -1;
    for (int i = 0; i < w->n_kept; i++) {
        const kept_state *k = &w->kept[i];
        if (!sight_equal(&k->sight, sight))
            continue;
        int s = common(k->turn, k->n_turns, past, n);
        /* The same beginning without a rewind is cheaper. */
        if (s > *same || (s == *same && k->n_turns - s < surplus)) {
            best    = i;
            *same   = s;
            surplus = k->n_turns - s;
        }
    }
    return best;
}

static mlm_status rewind_to(worker *w, int n)
{
    if (w->held.n_turns <= n)
        return MLM_OK;
    mlm_status status = mlmamba_session_rewind(w->session, n);
    if (status == MLM_OK)
        w->held.n_turns = n;
    return status;
}

static mlm_status restore(worker *w, int at)
{
    kept_state *k = &w->kept[at];
    MLM_TRY(held_reserve(w, k->n_turns));
    mlm_status status = mlmamba_session_restore(w->session, k->snap);
    if (status != MLM_OK)
        return status;
    k->used = ++w->clock;
    held_set_picture(w, &k->sight);
    if (k->n_turns > 0)
        memcpy(w->held.turn, k->turn, (size_t)k->n_turns * sizeof *k->turn);
    w->held.n_turns = k->n_turns;
    return MLM_OK;
}

mlm_status states_resume(worker *w, const ui_sight *sight, const ui_past_turn *past, int n, int *have)
{
    int same = -1, held = -1;
    *have    = -1;
    int best = best_kept(w, sight, past, n, &same);
    if (w->held.valid && sight_equal(&w->held.sight, sight))
        held = common(w->held.turn, w->held.n_turns, past, n);
    if (held < 0 && best < 0)
        return MLM_OK;
    bool exact = held >= 0 && held == w->held.n_turns;
    if (held < same || (held == same && !exact && w->kept[best].n_turns == same)) {
        MLM_TRY(restore(w, best));
        held = same;
    }
    MLM_TRY(rewind_to(w, held));
    *have = held;
    return MLM_OK;
}
