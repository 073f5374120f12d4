/* ui_status.c: the lines of text that the view draws as they are: status line, picture chip, composer. */
#include "app/desktop/ui_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB(bytes) ((double)(bytes) / 1048576.0)

static void put(char *dst, size_t cap, const char *fmt, ...) MLM_PRINTF(3, 4);
static void put(char *dst, size_t cap, const char *fmt, ...)
{
    char    text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)chat_show_text(dst, cap, text, strlen(text), false);
}

/* ---- the answer whose figures are shown --------------------------------------------------------- */

static const chat_turn *measured_turn(const ui_model *m)
{
    for (int i = m->n_path - 1; i >= 0; i--)
        if (m->chat->turn[m->path[i]]->state == CHAT_TURN_DONE)
            return m->chat->turn[m->path[i]];
    return NULL;
}

static void answer_status(ui_model *m)
{
    ui_status       *s      = &m->status;
    const chat_turn *t      = measured_turn(m);
    int              tokens = 0;
    for (int i = 0; i < m->n_path; i++) {
        const chat_turn *one = m->chat->turn[m->path[i]];
        if (one->state == CHAT_TURN_DONE)
            tokens += one->stats.n_prompt_tokens + one->stats.n_tokens;
    }
    if (t == NULL)
        return;
    if (t->stats.reuse == CHAT_REUSE_NOTHING)
        put(s->encode, sizeof s->encode, "picture %.0f ms", t->stats.encode_ms);
    put(s->first_token, sizeof s->first_token, "first token %.0f ms", t->stats.first_token_ms);
    if (t->stats.n_tokens > 1 && t->stats.decode_ms > 0)
        put(s->speed, sizeof s->speed, "%.0f tokens/s",
            1000.0 * (t->stats.n_tokens - 1) / t->stats.decode_ms);
    put(s->finish, sizeof s->finish, "%s", mlmamba_finish_name(t->finish));
    if (t->stats.reuse != CHAT_REUSE_NOTHING)
        put(s->reuse, sizeof s->reuse, "%s", chat_reuse_text(t->stats.reuse));
    if (t->stats.n_cut_tokens > 0)
        put(s->context, sizeof s->context, "%d + %d tokens, %d not taken", m->facts.n_image_tokens, tokens,
            t->stats.n_cut_tokens);
    else
        put(s->context, sizeof s->context, "%d + %d tokens", m->facts.n_image_tokens, tokens);
}

void ui_status_update(ui_model *m)
{
    ui_status *s = &m->status;
    memset(s, 0, sizeof *s);
    switch (m->engine) {
    case UI_ENGINE_LOADING:
        if (m->load_total > 0)
            put(s->model, sizeof s->model, "loading %.0f of %.0f MB", MB(m->load_done), MB(m->load_total));
        else
            put(s->model, sizeof s->model, "loading the model");
        break;
    case UI_ENGINE_READY:
        put(s->model, sizeof s->model, "%s, %s", m->facts.model_name, m->facts.weights_dtype);
        put(s->device, sizeof s->device, "%s", m->facts.device);
        break;
    case UI_ENGINE_FAILED:
        put(s->model, sizeof s->model, "no model: loading failed");
        break;
    case UI_ENGINE_NONE:
    default:
        put(s->model, sizeof s->model, "no model");
        break;
    }
    if (m->priv->memory_process > 0)
        put(s->memory, sizeof s->memory, "%.0f MB, states %.0f MB", MB(m->priv->memory_process),
            MB(m->priv->memory_states));
    answer_status(m);
}

/* ---- picture ------------------------------------------------------------------------------------ */

void ui_region_text(char *dst, size_t cap, chat_region r)
{
    dst[0] = '\0';
    if (!chat_region_is_whole(r))
        put(dst, cap, "part %d x %d at %d, %d", r.width, r.height, r.x, r.y);
}

void ui_chip_update(ui_model *m)
{
    const chat_picture *p          = ui_shown_picture(m);
    char                turned[32] = "", tokens[64] = "";
    m->chip[0] = '\0';
    if (p == NULL)
        return;
    if (p->state == CHAT_PICTURE_REFUSED) {
        put(m->chip, sizeof m->chip, "cannot be used: %s", p->error != NULL ? p->error : "");
        return;
    }
    if (p->width == 0) {
        put(m->chip, sizeof m->chip, "reading %s", p->name);
        return;
    }
    if (p->rotated)
        put(turned, sizeof turned, ", turned (EXIF %d)", p->orientation);
    if (m->view != NULL)
        put(tokens, sizeof tokens, ", %s, %d tokens", m->view_info.fit != NULL ? m->view_info.fit : "",
            m->view_info.n_tokens);
    else if (m->engine == UI_ENGINE_READY)
        put(tokens, sizeof tokens, ", %d tokens", m->facts.n_image_tokens);
    put(m->chip, sizeof m->chip, "%d x %d %s%s%s", p->width, p->height, p->format, turned, tokens);
}

/* ---- composer ----------------------------------------------------------------------------------- */

void ui_composer_update(ui_model *m)
{
    static const char *const hint[MLMAMBA_TASK_COUNT] = {
        [MLMAMBA_TASK_CHAT]       = "Ask about the picture",
        [MLMAMBA_TASK_CAPTION]    = "Press Enter for a caption",
        [MLMAMBA_TASK_VQA]        = "A question with an answer of a word or two",
        [MLMAMBA_TASK_TRUE_FALSE] = "A statement that is true or false",
        [MLMAMBA_TASK_BOX]        = "What is to be found in the picture",
    };
    ui_composer        *c     = &m->composer;
    const chat_picture *p     = ui_shown_picture(m);
    const char         *text  = m->text[UI_FIELD_INPUT];
    bool                blank = text[strspn(text, " \t\r\n")] == '\0';
    c->placeholder            = p != NULL ? hint[c->task] : "Drop a picture here, or type its path";
    c->why_not                = NULL;
    bool  is_path             = false;
    char *path = NULL, *rest = NULL;
    if (!blank && ui_split_path(text, &is_path, &path, &rest) == MLM_OK && is_path) {
        free(path);
        free(rest);
        c->can_send = true;
        return;
    }
    if (blank && c->task != MLMAMBA_TASK_CAPTION)
        c->why_not = "Type a question";
    else if (ui_is_busy(m))
        c->why_not = "An answer is being made; Esc stops it";
    else if (p == NULL)
        c->why_not = "Drop a picture first, or press Ctrl+O";
    else if (p->state == CHAT_PICTURE_REFUSED)
        c->why_not = "This picture cannot be used";
    else if (m->engine == UI_ENGINE_NONE || m->engine == UI_ENGINE_FAILED)
        c->why_not = "No model is loaded; choose one with Ctrl+M";
    c->can_send = c->why_not == NULL;
}
