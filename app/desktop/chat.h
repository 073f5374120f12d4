/*
 * chat.h: a chat as data: pictures, and for each a forest of questions with answers.  No SDL, no thread, no clock.
 *
 * A turn without a parent starts from the picture alone (or from a region of it); its children go on from its answer.
 * Turns with the same parent and picture are alternatives of each other ("2 of 3").  For each picture one leaf is active: the path
 * from the root to it is the conversation that is shown and that the next question continues.
 *
 * All text is valid UTF-8 except `path`, which is bytes as the system has them.
 */
#ifndef DESKTOP_CHAT_H
#define DESKTOP_CHAT_H

#include <stdint.h>

#include "app/engine/mlmamba.h"
#include "kernels/base/mlm_fail.h"

enum { CHAT_MAX_PICTURES = 10000, CHAT_MAX_TURNS = 10000, CHAT_NONE = -1 };

/* A part of a picture in its own pixels; width 0: the whole picture. */
typedef struct chat_region {
    int x, y, width, height;
} chat_region;

typedef enum chat_picture_state {
    CHAT_PICTURE_LISTED = 0, /* known, not read yet                                       */
    CHAT_PICTURE_READING,    /* being decoded                                             */
    CHAT_PICTURE_READY,      /* decoded; pixels in `image` while it is the shown one      */
    CHAT_PICTURE_REFUSED     /* cannot be used: see error; no question about it is taken  */
} chat_picture_state;

typedef struct chat_picture {
    int64_t            id;   /* unique in this program run and in the history          */
    char              *name; /* shown; never NULL                                      */
    char              *path; /* NULL: from the clipboard and not kept in a file        */
    chat_picture_state state;
    char              *error;          /* why it was refused; NULL otherwise          */
    mlmamba_image     *image;          /* decoded pixels; NULL while not needed       */
    mlmamba_image     *thumb;          /* no side over CHAT_THUMB_SIDE; NULL: none yet */
    int                width, height;  /* after orientation; 0: not known yet         */
    char               format[16];     /* "JPEG", ...; "" not known yet               */
    int                orientation;    /* EXIF value                                  */
    bool               rotated;        /* it was applied                              */
    int                active;         /* turn index of the active leaf or CHAT_NONE: the picture alone */
    uint32_t           image_revision; /* changes when image does: key of a texture   */
    uint32_t           thumb_revision;
    bool               thumb_requested; /* live only                                   */
} chat_picture;
enum { CHAT_THUMB_SIDE = 160 };

typedef enum chat_turn_state {
    CHAT_TURN_WAITING = 0, /* for the model, the picture, or the worker           */
    CHAT_TURN_LOOKING,     /* the picture is being encoded, or a state recomputed */
    CHAT_TURN_STREAMING,   /* text is coming                                      */
    CHAT_TURN_DONE,        /* see finish                                          */
    CHAT_TURN_FAILED       /* see error: there is no answer                       */
} chat_turn_state;

/* From what an answer started. */
typedef enum chat_reuse {
    CHAT_REUSE_NOTHING = 0, /* the picture was encoded for it                            */
    CHAT_REUSE_PICTURE,     /* the picture's state was kept: 0 picture tokens            */
    CHAT_REUSE_TURN,        /* the state behind the answer before was kept               */
    CHAT_REUSE_RECOMPUTED   /* the picture's state was kept, turns since then were recomputed */
} chat_reuse;

typedef struct chat_stats {
    int        n_prompt_tokens, n_image_tokens, n_tokens;
    int        n_cut_tokens; /* of the question, that the model did not take; live only */
    double     encode_ms;    /* file, preprocessing, towers, connector, prefill: 0 when reused */
    double     prompt_ms, first_token_ms, decode_ms;
    chat_reuse reuse;
    int        n_recomputed; /* turns */
} chat_stats;

typedef struct chat_sampling {
    float    temperature, top_p, min_p, repetition_penalty; /* 0: greedy; off; off; off */
    int      top_k, max_tokens;
    uint64_t seed;
} chat_sampling;

typedef struct chat_turn {
    int64_t         id;
    int             parent;  /* index or CHAT_NONE */
    int             picture; /* index              */
    chat_region     region;
    mlmamba_fit     fit;
    mlmamba_task    task;
    char           *question; /* as typed                         */
    char           *prompt;   /* as the model got it              */
    char           *answer;   /* complete UTF-8 at any moment     */
    size_t          answer_bytes, answer_capacity;
    chat_turn_state state;
    mlmamba_finish  finish;
    char           *error;
    bool            has_box;
    float           box[4]; /* x0 y0 x1 y1, each 0 .. 1 of the whole picture */
    chat_sampling   sampling;
    chat_stats      stats;
    char           *model;    /* name of the model that answered; NULL before          */
    double          asked_ms; /* wall clock, milliseconds since 1970                   */
    bool            kept;     /* live: the worker holds the state behind this answer   */
    bool            changed;  /* live: recomputing it gave another text (other device) */
    uint32_t        revision; /* live: changes when what is shown of it does           */
} chat_turn;

typedef struct chat {
    int64_t        id; /* unique in the history */
    char          *title;
    bool           titled; /* by the user: not replaced by the first question */
    double         created_ms, updated_ms;
    chat_picture **picture;
    int            n_pictures, picture_capacity;
    chat_turn    **turn;
    int            n_turns, turn_capacity;
    char          *draft; /* never NULL */
    int            shown; /* picture index or CHAT_NONE */
} chat;

mlm_status chat_create(chat **out) MLM_WARN_UNUSED;
/* Deep, for another thread; pictures' pixels are shared, `image` is left out. */
mlm_status chat_copy(chat **out, const chat *c) MLM_WARN_UNUSED;
void       chat_free(chat *c);

/* *index of the new one.  name is made showable (chat_show_name) when NULL. */
mlm_status chat_add_picture(chat *c, int64_t id, const char *path, const char *name,
                            int *index) MLM_WARN_UNUSED;
/* Fields beside these are zero; the turn becomes the active leaf of its picture.  text is copied. */
mlm_status chat_add_turn(chat *c, int64_t id, int parent, int picture, const char *question,
                         const char *prompt, int *index) MLM_WARN_UNUSED;
mlm_status chat_append_answer(chat_turn *t, const char *piece) MLM_WARN_UNUSED;
mlm_status chat_set_text(char **field, const char *text); /* frees what was there; NULL is fine */

bool chat_region_is_whole(chat_region r);
bool chat_region_equal(chat_region a, chat_region b);
/* From the root to `leaf`: indices into turn[], at most cap of them; returns how many there are. */
int chat_path(const chat *c, int leaf, int *path, int cap);
/* Place of a turn among its alternatives: *position 0 ..; returns how many there are. */
int chat_alternatives(const chat *c, int turn, int *position);
int chat_alternative(const chat *c, int turn, int position); /* index or CHAT_NONE */
/* The newest leaf under a turn (itself when it has no children). */
int chat_newest_leaf(const chat *c, int turn);
int chat_depth(const chat *c, int turn); /* 1 for a root */
int chat_find_turn(const chat *c, int64_t id);
int chat_find_picture(const chat *c, int64_t id);
/* With all questions about it; indices behind it move down. */
void chat_remove_picture(chat *c, int picture);
/* "12 tokens, 85 tokens/s, first after 140 ms, stop; state reused, 0 picture tokens" */
void        chat_stats_line(char *dst, size_t cap, const chat_turn *t);
const char *chat_reuse_text(chat_reuse reuse); /* "state reused, 0 picture tokens", ... */

/* A file name or line of text for a person: valid UTF-8, U+FFFD for what is not, controls and bidi controls too.  Returns the length. */
size_t chat_show_text(char *dst, size_t cap, const char *src, size_t n, bool keep_newlines);
/* The last part of a path, made showable; owned. */
mlm_status chat_show_name(char **out, const char *path) MLM_WARN_UNUSED;

#endif
