/* export.c: a chat for other programs and for people. */
#include "app/desktop/export.h"

#include "app/desktop/app_dirs.h"
#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THUMB_SIDE = 320, THUMB_QUALITY = 80 };

/* ---- what the formats share --------------------------------------------------------------------- */

typedef struct writer {
    text_buffer b;
    const chat *c;
    void (*turn)(struct writer *w, const chat_turn *t, const char *which, const char *stats);
} writer;

static const char *title_of(const chat *c)
{
    return c->title[0] != '\0' ? c->title : "Chat";
}

static void time_text(char *dst, size_t cap, double ms)
{
    struct tm parts;
    time_t    seconds = (time_t)(ms / 1000.0);
    dst[0]            = '\0';
    if (ms > 0 && ms < 253402300799000.0 && gmtime_r(&seconds, &parts) != NULL)
        (void)strftime(dst, cap, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void one_turn(writer *w, int turn)
{
    char             which[64] = "", stats[256], part[128] = "";
    int              position = 0;
    int              count    = chat_alternatives(w->c, turn, &position);
    const chat_turn *t        = w->c->turn[turn];
    if (!chat_region_is_whole(t->region))
        (void)snprintf(part, sizeof part, ", part %d x %d at %d, %d", t->region.width, t->region.height,
                       t->region.x, t->region.y);
    if (count > 1)
        (void)snprintf(which, sizeof which, " (%d of %d)", position + 1, count);
    chat_stats_line(stats, sizeof stats, t);
    if (part[0] != '\0' && strlen(which) + strlen(part) < sizeof which)
        memcpy(which + strlen(which), part, strlen(part) + 1);
    w->turn(w, t, which, stats);
}

/* Each turn behind its parent, depth first.  Children come later in the list than their parents. */
static void write_turns(writer *w, int picture)
{
    const chat *c    = w->c;
    bool       *done = calloc((size_t)c->n_turns + 1, sizeof *done);
    if (done == NULL) {
        w->b.failed = true;
        return;
    }
    for (int root = 0; root < c->n_turns; root++) {
        int at = root;
        if (c->turn[root]->picture != picture || c->turn[root]->parent != CHAT_NONE)
            continue;
        while (at != CHAT_NONE) {
            int next = CHAT_NONE;
            if (!done[at])
                one_turn(w, at);
            done[at] = true;
            for (int i = at + 1; i < c->n_turns && next == CHAT_NONE; i++)
                if (c->turn[i]->parent == at && !done[i])
                    next = i;
            at = next != CHAT_NONE ? next : c->turn[at]->parent;
        }
    }
    free(done);
}

static void picture_line(char *dst, size_t cap, const chat_picture *p)
{
    if (p->width > 0)
        (void)snprintf(dst, cap, "%d x %d %s", p->width, p->height, p->format);
    else
        dst[0] = '\0';
}

static void add_thumb(text_buffer *b, const chat_picture *p)
{
    uint8_t *jpeg = NULL;
    size_t   n    = 0;
    if (p->thumb != NULL &&
        mlmamba_image_encode_jpeg(&jpeg, &n, p->thumb, THUMB_SIDE, THUMB_QUALITY) == MLM_OK)
        text_add_base64(b, jpeg, n);
    mlmamba_bytes_free(jpeg);
}

/* ---- Markdown ----------------------------------------------------------------------------------- */

static void add_markdown(text_buffer *b, const char *text, const char *prefix)
{
    bool   line_start = true;
    size_t n          = strlen(text);
    for (size_t i = 0; i < n;) {
        int len = text_utf8_length(text + i, n - i);
        if (line_start && i > 0)
            text_add(b, prefix);
        if (len == 0 || ((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t')) {
            text_add(b, "\xEF\xBF\xBD");
        } else if (text[i] == '\n') {
            text_add(b, "\n");
        } else {
            if (strchr("\\`*_{}[]<>#|!", text[i]) != NULL || (line_start && strchr("-+=~", text[i]) != NULL))
                text_add(b, "\\");
            text_add_bytes(b, text + i, (size_t)len);
        }
        line_start = text[i] == '\n';
        i += len > 0 ? (size_t)len : 1;
    }
}

static void markdown_turn(writer *w, const chat_turn *t, const char *which, const char *stats)
{
    text_add(&w->b, "> ");
    add_markdown(&w->b, t->question[0] != '\0' ? t->question : "Caption", "> ");
    text_addf(&w->b, "%s\n\n", which);
    add_markdown(&w->b, t->answer, "");
    if (t->state == CHAT_TURN_FAILED) {
        text_add(&w->b, "Not answered: ");
        add_markdown(&w->b, t->error != NULL ? t->error : "", "");
    }
    text_addf(&w->b, "\n\n%s%s%s", stats[0] != '\0' ? "<small>" : "", stats,
              stats[0] != '\0' ? "</small>\n\n" : "");
}

static void write_markdown(writer *w)
{
    char line[96];
    w->turn = markdown_turn;
    text_add(&w->b, "# ");
    add_markdown(&w->b, title_of(w->c), " ");
    time_text(line, sizeof line, w->c->created_ms);
    text_addf(&w->b, "\n\n%s\n\n", line);
    for (int i = 0; i < w->c->n_pictures; i++) {
        const chat_picture *p = w->c->picture[i];
        picture_line(line, sizeof line, p);
        text_add(&w->b, "## ");
        add_markdown(&w->b, p->name, " ");
        text_addf(&w->b, "\n\n%s\n\n", line);
        write_turns(w, i);
    }
}

/* ---- HTML --------------------------------------------------------------------------------------- */

static void html_turn(writer *w, const chat_turn *t, const char *which, const char *stats)
{
    text_add(&w->b, "<div class=\"q\">");
    text_add_html(&w->b, t->question[0] != '\0' ? t->question : "Caption");
    text_add_html(&w->b, which);
    text_add(&w->b, t->state == CHAT_TURN_FAILED ? "</div>\n<div class=\"e\">" : "</div>\n<div class=\"a\">");
    text_add_html(&w->b, t->answer);
    if (t->state == CHAT_TURN_FAILED)
        text_add_html(&w->b, t->error != NULL ? t->error : "not answered");
    text_add(&w->b, "</div>\n<div class=\"s\">");
    text_add_html(&w->b, stats);
    text_add(&w->b, "</div>\n");
}

static void write_html(writer *w)
{
    char line[96];
    w->turn = html_turn;
    text_add(&w->b,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
             "style-src 'unsafe-inline'\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    text_add_html(&w->b, title_of(w->c));
    text_add(
        &w->b,
        "</title>\n<style>\n"
        "body{font-family:sans-serif;max-width:46em;margin:2em auto;padding:0 "
        "1em;color:#1b1b1f;background:#fff}\n"
        ".q{font-weight:bold;margin-top:1.2em;white-space:pre-wrap}\n.a,.e{white-space:pre-wrap;margin:.3em "
        "0}\n"
        ".e{color:#a01020}\n.s{color:#5f5f68;font-size:.8em}\nimg{max-width:100%;border:1px solid #ccc}\n"
        "h2{border-top:1px solid #ccc;padding-top:1em}\n</style>\n</head>\n<body>\n<h1>");
    text_add_html(&w->b, title_of(w->c));
    time_text(line, sizeof line, w->c->created_ms);
    text_addf(&w->b, "</h1>\n<div class=\"s\">%s</div>\n", line);
    for (int i = 0; i < w->c->n_pictures; i++) {
        const chat_picture *p = w->c->picture[i];
        text_add(&w->b, "<h2>");
        text_add_html(&w->b, p->name);
        text_add(&w->b, "</h2>\n");
        picture_line(line, sizeof line, p);
        if (p->thumb != NULL) {
            text_add(&w->b, "<img alt=\"");
            text_add_html(&w->b, p->name);
            text_add(&w->b, "\" src=\"data:image/jpeg;base64,");
            add_thumb(&w->b, p);
            text_add(&w->b, "\">\n");
        }
        text_add(&w->b, "<div class=\"s\">");
        text_add_html(&w->b, line);
        text_add(&w->b, "</div>\n");
        write_turns(w, i);
    }
    text_add(&w->b, "</body>\n</html>\n");
}

/* ---- JSON: the whole tree ----------------------------------------------------------------------- */

static void json_text(text_buffer *b, const char *key, const char *text)
{
    text_addf(b, ", \"%s\": ", key);
    text_add_json(b, text);
}

static void json_number(text_buffer *b, const char *key, double value)
{
    text_addf(b, ", \"%s\": ", key);
    text_add_float(b, value);
}

static bool is_utf8(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        int len = text_utf8_length(text + i, n - i);
        if (len == 0)
            return false;
        i += (size_t)len;
    }
    return true;
}

static void json_picture(text_buffer *b, const chat_picture *p)
{
    text_addf(b, "    {\"id\": %lld", (long long)p->id);
    json_text(b, "name", p->name);
    json_text(b, "path", p->path);
    if (p->path != NULL && !is_utf8(p->path)) {
        text_add(b, ", \"path_hex\": \"");
        for (const char *s = p->path; *s != '\0'; s++)
            text_addf(b, "%02x", (unsigned)(unsigned char)*s);
        text_add(b, "\"");
    }
    json_text(b, "error", p->error);
    text_addf(b, ", \"width\": %d, \"height\": %d", p->width, p->height);
    json_text(b, "format", p->format);
    text_addf(b, ", \"orientation\": %d, \"active\": %d, \"thumbnail_jpeg\": \"", p->orientation, p->active);
    add_thumb(b, p);
    text_add(b, "\"}");
}

static void json_turn(text_buffer *b, const chat_turn *t)
{
    static const char *const state[] = {"waiting", "looking", "streaming", "done", "failed"};
    text_addf(b, "    {\"id\": %lld, \"parent\": %d, \"picture\": %d", (long long)t->id, t->parent,
              t->picture);
    text_addf(b, ", \"region\": [%d, %d, %d, %d]", t->region.x, t->region.y, t->region.width,
              t->region.height);
    json_text(b, "fit", mlmamba_fit_name(t->fit));
    json_text(b, "task", mlmamba_task_name(t->task));
    json_text(b, "question", t->question);
    json_text(b, "prompt", t->prompt);
    json_text(b, "answer", t->answer);
    json_text(b, "state", state[t->state]);
    json_text(b, "finish", t->state == CHAT_TURN_DONE ? mlmamba_finish_name(t->finish) : NULL);
    json_text(b, "error", t->error);
    json_text(b, "model", t->model);
    if (t->has_box) {
        text_add(b, ", \"box\": [");
        for (int i = 0; i < 4; i++) {
            text_add(b, i > 0 ? ", " : "");
            text_add_float(b, (double)t->box[i]);
        }
        text_add(b, "]");
    }
    json_number(b, "temperature", (double)t->sampling.temperature);
    json_number(b, "top_p", (double)t->sampling.top_p);
    json_number(b, "min_p", (double)t->sampling.min_p);
    json_number(b, "repetition_penalty", (double)t->sampling.repetition_penalty);
    text_addf(b, ", \"top_k\": %d, \"max_tokens\": %d, \"seed\": %llu", t->sampling.top_k,
              t->sampling.max_tokens, (unsigned long long)t->sampling.seed);
    text_addf(b, ", \"prompt_tokens\": %d, \"image_tokens\": %d, \"tokens\": %d", t->stats.n_prompt_tokens,
              t->stats.n_image_tokens, t->stats.n_tokens);
    json_number(b, "encode_ms", t->stats.encode_ms);
    json_number(b, "first_token_ms", t->stats.first_token_ms);
    json_number(b, "decode_ms", t->stats.decode_ms);
    text_add(b, "}");
}

static void write_json(writer *w)
{
    char when[40];
    text_add(&w->b, "{\n  \"format\": \"mlmamba-chat\",\n  \"version\": 1,\n  \"title\": ");
    text_add_json(&w->b, title_of(w->c));
    time_text(when, sizeof when, w->c->created_ms);
    text_addf(&w->b, ",\n  \"created\": \"%s\",\n", when);
    time_text(when, sizeof when, w->c->updated_ms);
    text_addf(&w->b, "  \"updated\": \"%s\",\n  \"pictures\": [\n", when);
    for (int i = 0; i < w->c->n_pictures; i++) {
        text_add(&w->b, i > 0 ? ",\n" : "");
        json_picture(&w->b, w->c->picture[i]);
    }
    text_add(&w->b, "\n  ],\n  \"turns\": [\n");
    for (int i = 0; i < w->c->n_turns; i++) {
        text_add(&w->b, i > 0 ? ",\n" : "");
        json_turn(&w->b, w->c->turn[i]);
    }
    text_add(&w->b, "\n  ]\n}\n");
}

mlm_status export_chat(char **out, size_t *n, const chat *c, ui_export_format format)
{
    writer w = {.c = c};
    if (format == UI_EXPORT_MARKDOWN)
        write_markdown(&w);
    else if (format == UI_EXPORT_JSON)
        write_json(&w);
    else
        write_html(&w);
    *n = w.b.n;
    return text_take(&w.b, out);
}

mlm_status export_chat_file(const char *path, const chat *c, ui_export_format format)
{
    char      *text = NULL, *full = NULL;
    size_t     n      = 0;
    mlm_status status = export_chat(&text, &n, c, format);
    if (status == MLM_OK)
        status = file_expand_home(&full, path);
    if (status == MLM_OK)
        status = mlm_file_write(full, text, n, 0600, "chat");
    free(full);
    free(text);
    return status;
}
