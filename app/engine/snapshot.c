/* snapshot.c: a conversation as a value: shared picture, shared turns, its own copy of the newest state. */
#include "app/engine/engine_private.h"

#include <stdlib.h>

/* A new one-row state equal to `src`. */
static mlm_status copy_state(lm_state **out, mlmamba_engine *eng, const lm_state *src)
{
    lm_state  *state  = NULL;
    mlm_status status = lm_state_take(&state, eng->states);
    if (status == MLM_OK)
        status = engine_lock(eng);
    if (status == MLM_OK) {
        status = lm_state_copy_row(eng->queue, state, 0, src, 0);
        if (status == MLM_OK)
            status = kn_queue_sync(eng->queue);
        engine_unlock(eng);
    }
    if (status != MLM_OK) {
        lm_state_free(state);
        return status;
    }
    *out = state;
    return MLM_OK;
}

mlm_status mlmamba_session_snapshot(mlmamba_snapshot **out, const mlmamba_session *ses)
{
    *out = NULL;
    if (ses->picture == NULL)
        return mlm_fail(MLM_E_STATE, "no picture is set");
    MLM_TRY(engine_ticket_check_idle(&ses->ticket));
    MLM_TRY(session_look((mlmamba_session *)(uintptr_t)ses)); /* a picture whose question has not come */
    mlmamba_snapshot *snap = calloc(1, sizeof *snap);
    if (snap == NULL)
        return mlm_fail_nomem(sizeof *snap, "snapshot");
    snap->eng  = ses->eng;
    snap->turn = calloc((size_t)ses->n_turns + 1, sizeof(engine_turn *));
    if (snap->turn == NULL) {
        mlmamba_snapshot_free(snap);
        return mlm_fail_nomem(((size_t)ses->n_turns + 1) * sizeof(engine_turn *), "snapshot");
    }
    if (ses->n_turns > 0) {
        mlm_status status = copy_state(&snap->state, ses->eng, session_state(ses));
        if (status != MLM_OK) {
            mlmamba_snapshot_free(snap);
            return status;
        }
    }
    snap->picture = engine_picture_share(ses->picture);
    for (int i = 0; i < ses->n_turns; i++)
        snap->turn[snap->n_turns++] = engine_turn_share(ses->slot[i].turn);
    *out = snap;
    return MLM_OK;
}

mlm_status mlmamba_session_restore(mlmamba_session *ses, const mlmamba_snapshot *snap)
{
    lm_state *state = NULL;
    if (snap->eng != ses->eng)
        return mlm_fail(MLM_E_STATE, "the snapshot belongs to another engine");
    MLM_TRY(engine_ticket_check_idle(&ses->ticket));
    if (snap->n_turns > 0)
        MLM_TRY(copy_state(&state, ses->eng, snap->state));
    mlm_status status = session_adopt(ses, snap->picture, snap->turn, snap->n_turns, state);
    if (status != MLM_OK)
        lm_state_free(state);
    return status;
}

size_t mlmamba_snapshot_bytes(const mlmamba_snapshot *snap)
{
    size_t bytes = sizeof *snap + lm_state_bytes(snap->picture->state);
    if (snap->state != NULL)
        bytes += lm_state_bytes(snap->state);
    for (int i = 0; i < snap->n_turns; i++)
        bytes += sizeof(engine_turn) +
                 (size_t)(snap->turn[i]->n_prompt + snap->turn[i]->n_tokens) * sizeof(int32_t);
    return bytes;
}

void mlmamba_snapshot_free(mlmamba_snapshot *snap)
{
    if (snap == NULL)
        return;
    for (int i = 0; i < snap->n_turns; i++)
        engine_turn_drop(snap->turn[i]);
    free(snap->turn);
    lm_state_free(snap->state);
    engine_picture_drop(snap->picture);
    free(snap);
}
