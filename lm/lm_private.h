/* lm_private.h: what the files of the language model share: the insides of model, state and scratch. */
#ifndef LM_LM_PRIVATE_H
#define LM_LM_PRIVATE_H

#include "kernels/late.h"
#include "lm/lm.h"

#include <pthread.h>

typedef struct lm_layer {
    kn_tensor      norm; /* [D] */
    kn_matrix     *in_proj, *out_proj;
    kn_matrix     *x_proj, *dt_proj; /* Mamba only */
    mamba2_weights mixer;            /* by config.kind; both borrow the matrices */
    mamba1_weights mixer1;
} lm_layer;

struct lm_model {
    lm_config  config;
    kn_device *dev;
    kn_arena   arena; /* all vectors */
    kn_matrix *embedding;
    kn_matrix *head; /* NULL: tied */
    kn_tensor  norm_f;
    lm_layer  *layers;
};

struct lm_state {
    lm_config      config;
    kn_device     *dev;
    kn_arena       arena;
    int            n_rows;
    kn_tensor      conv; /* [L,B,K-1,C] */
    kn_tensor      ssm;  /* [L,B,H,P,N], Mamba: [L,B,1,D,N] */
    kn_tensor      late; /* [L,B,W] of kn_conv_ssd_step: what ssm lacks; absent in states of few rows */
    lm_state_pool *pool; /* NULL: its memory is its own */
    kn_tensor      row;  /* f32 [1,H P N]: a layer on its way to or from the host; absent where ssm is f32 */
};

struct lm_state_pool {
    const lm_model *m;
    pthread_mutex_t lock;
    bool            has_lock;
    kn_arena        arena;
    lm_state       *states; /* [n] */
    lm_state      **idle;   /* [n_idle] of them */
    int             n, n_idle;
};
/* The tensors of a state whose config and n_rows are set. */
void lm_state_take_tensors(lm_state *st, kn_arena *arena);
void lm_state_give_back(lm_state *st);
/* Steps of so many rows may put off writing states; everything else needs them settled: rows first .. first + n - 1 of layers
 * layer .. layer + n_layers - 1.  With drop, what was put off is of no use any more. */
#define LM_LATE_ROWS 16
mlm_status lm_state_settle(kn_queue *q, const lm_state *st, int layer, int n_layers, int first, int64_t n,
                           bool drop) MLM_WARN_UNUSED;

/* A step of n_rows rows, captured; it belongs to the memory and the queue it was captured with. */
#define LM_GRAPHS 64
typedef struct lm_graph {
    uintptr_t key[5]; /* queue, conv and ssm states, ids, logits */
    int64_t   n_rows, state_rows;
    int       n_uses; /* the first is not captured: it makes plans and may be the only one */
    bool      off;    /* it could not be captured */
    kn_graph *graph;
} lm_graph;

struct lm_scratch {
    int             max_rows, max_tokens;
    int             most_tokens;  /* of a piece; above max_tokens only for fewer rows */
    int             least_tokens; /* of a piece of ids: padding */
    kn_tensor       x;            /* [B,T,D] f32: residual stream               */
    kn_tensor       h, h_many;    /* [B,1,D] and [B,T,D] normed                 */
    kn_tensor       last;         /* [B,D] f32: x of each row's last token      */
    kn_tensor       last_h;       /* [B,D] normed                               */
    kn_tensor       ids;          /* i32 [B*T]                                  */
    kn_tensor       len;          /* i32 [B]                                    */
    kn_tensor       index;        /* i32 [B]                                    */
    kn_tensor       step_ids;     /* i32 [B]: tokens of the generation loop     */
    mamba2_scratch  mixer;        /* by config.kind */
    mamba1_scratch  mixer1;
    kn_token_layer *token;         /* [n_layers] of a row that is fed alone, a token */
    lm_graph       *graph;         /* [LM_GRAPHS] steps that were captured (lm_step.c) */
    int             prepared_rows; /* steps of up to so many rows were, for lm_step_rows of them */
    int32_t        *host;          /* [B*T + 2*B]: ids, len, index on their way up */
};

/* Contiguous [B,T,D] view at the start of a scratch tensor. */
kn_tensor lm_view(kn_tensor t, int64_t B, int64_t T);
/* Enqueues lm_step. */
mlm_status lm_step_run(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor ids,
                       kn_tensor logits) MLM_WARN_UNUSED;
void       lm_graphs_free(lm_graph *graph); /* [LM_GRAPHS] or NULL */

#endif
