/*
 * lm.h: a Mamba or Mamba-2 language model: prefill on embeddings or ids, one-token steps, logits, recurrent state.
 *
 *   r = embedding;  per layer: r += mixer(RMSNorm(r));  logits = RMSNorm(r) E^T (tied) or lm_head
 *
 * The state is a value of constant size: conv [L,B,K-1,C] f32 and ssm [L,B,H,P,N] f32 (bf16: mixer.state).  Copying it is how a
 * picture is remembered, a turn undone, a question branched.
 * Names: Hugging Face Mamba2ForCausalLM, MambaForCausalLM (backbone.embeddings, backbone.layers.N.norm, .mixer.*, norm_f).
 */
#ifndef LM_LM_H
#define LM_LM_H

#include "kernels/base/mlm_json.h"
#include "kernels/mamba1.h"
#include "kernels/mamba2.h"
#include "kernels/weights.h"

typedef enum lm_kind { LM_MAMBA2 = 0, LM_MAMBA1 } lm_kind;

#define LM_LATE 3 /* lm_config.late of a model that is read */
#define LM_LATE_BF16                                                                                         \
    1 /* of it, where states are bf16: doing a token again costs more then and writing less */

typedef struct lm_config {
    lm_kind kind;
    int     n_layers, d_model;
    int     vocab_rows; /* rows of the embedding                                        */
    int     vocab_size; /* ids that may be produced: <= vocab_rows (padding is masked)  */
    bool    tied;       /* logits reuse the embedding matrix                             */
    bool    conv_bias;
    float   norm_eps;
    int late; /* tokens that steps of many rows may put off writing states, 0 .. KN_LATE_MOST; devices that can */
    mamba2_config mixer;  /* LM_MAMBA2 */
    mamba1_config mixer1; /* LM_MAMBA1 */
} lm_config;

/* `text` is an object with the keys of transformers' Mamba2Config or MambaConfig, or state-spaces' config.json. */
mlm_status lm_config_parse(lm_config *out, const mlm_json_node *text, const char *where) MLM_WARN_UNUSED;
/* Of one row and layer: conv [conv_rows, conv_channels], ssm [heads, head_dim, d_state]. */
typedef struct lm_state_dims {
    int64_t conv_rows, conv_channels, heads, head_dim, d_state;
} lm_state_dims;
lm_state_dims lm_config_state_dims(const lm_config *c);
size_t        lm_config_state_bytes(const lm_config *c); /* per row, exported: f32 */
size_t        lm_config_row_bytes(const lm_config *c);   /* per row, as it is kept on a device */
/* Of a state of n_rows rows on this device: the rows, and what is written late. */
size_t lm_config_rows_bytes(const lm_config *c, const kn_device *dev, int n_rows);

typedef struct lm_model lm_model;
mlm_status              lm_model_load(lm_model **out, kn_queue *q, const lm_config *c, kn_weights *w,
                                      const char *prefix) MLM_WARN_UNUSED;
void                    lm_model_free(lm_model *m);
const lm_config        *lm_model_config(const lm_model *m);

/* ---- state -------------------------------------------------------------------------------------- */
typedef struct lm_state lm_state;

mlm_status lm_state_create(lm_state **out, const lm_model *m, int n_rows) MLM_WARN_UNUSED; /* zeroed; owned */
void       lm_state_free(lm_state *st);
int        lm_state_rows(const lm_state *st);
size_t     lm_state_bytes(const lm_state *st);
/* How often a step of n_rows rows moves a row's state through memory, on average: read and written, or not always written. */
double     lm_state_passes(const lm_state *st, int n_rows);
mlm_status lm_state_reset(kn_queue *q, lm_state *st) MLM_WARN_UNUSED;
mlm_status lm_state_reset_rows(kn_queue *q, lm_state *st, int first, int n) MLM_WARN_UNUSED;
/* One-row states lent from memory that is taken once: n at the same time; whoever needs more gets new ones.  What they hold is not
 * defined.  lm_state_free gives a state back, from any thread; the next one to have it must write it on the same queue. */
typedef struct lm_state_pool lm_state_pool;
mlm_status lm_state_pool_create(lm_state_pool **out, const lm_model *m, int n) MLM_WARN_UNUSED;
void       lm_state_pool_free(lm_state_pool *p); /* after all states taken from it */
mlm_status lm_state_take(lm_state **out, lm_state_pool *p) MLM_WARN_UNUSED;
/* Copies one row; fork = copy one source row to several destination rows. */
mlm_status lm_state_copy_row(kn_queue *q, lm_state *dst, int dst_row, const lm_state *src,
                             int src_row) MLM_WARN_UNUSED;
/* The portable bytes of a row, below, in pieces one after the other. */
int        lm_state_pieces(const lm_state *st);
size_t     lm_state_piece_bytes(const lm_state *st, int piece);
mlm_status lm_state_export_piece(kn_queue *q, const lm_state *st, int row, int piece,
                                 void *dst) MLM_WARN_UNUSED;
/* Refuses NaN and infinity with MLM_E_FORMAT. */
mlm_status lm_state_import_piece(kn_queue *q, lm_state *st, int row, int piece,
                                 const void *src) MLM_WARN_UNUSED;
/* Portable bytes of one row (little-endian f32: conv [L,K-1,C], then ssm [L,H,P,N]); size = lm_config_state_bytes. */
mlm_status lm_state_export_row(kn_queue *q, const lm_state *st, int row, void *dst,
                               size_t bytes) MLM_WARN_UNUSED;
/* Refuses NaN and infinity with MLM_E_FORMAT. */
mlm_status lm_state_import_row(kn_queue *q, lm_state *st, int row, const void *src,
                               size_t bytes) MLM_WARN_UNUSED;

/* ---- running ------------------------------------------------------------------------------------ */
typedef struct lm_scratch
    lm_scratch; /* activations for at most max_rows x max_tokens at once; of one queue */

/* Longer prefills are cut into pieces of max_tokens.  Measured and taken from `arena` (see kn_arena). */
mlm_status lm_scratch_create(lm_scratch **out, kn_arena *arena, const lm_config *c, int max_rows,
                             int max_tokens) MLM_WARN_UNUSED;
void       lm_scratch_free(lm_scratch *s);
/* Fewer rows than max_rows may use the room of the others: pieces of up to `most` tokens (at least max_tokens).  Then the
 * places where prefills are cut depend on the number of rows: not for a device whose results must not. */
void lm_scratch_share_tokens(lm_scratch *s, int most);

/* Pieces of ids with fewer tokens are padded to `least` (at most max_tokens; 0: never).  For a device that does few tokens in another
 * way than many: a row with few tokens then has the same bits alone and beside a longer one. */
void lm_scratch_pad_tokens(lm_scratch *s, int least);

typedef void (*lm_probe)(const char *stage, kn_tensor t, void *payload); /* "layer0" ..., "norm_f" */

/*
 * Feeds rows first_row .. first_row + B-1 of `st`.  x [B,T,D] f32 embeddings on the device, or NULL-buf and ids: host
 * i32 [B,T] (row-major).  len: host i32 [B], valid tokens of each row (NULL: all T; 0 leaves the row alone).
 * logits [B,vocab_rows] f32 of the last valid token of each row; absent: not computed.
 * x and ids together (one row, no len): n_tokens embeddings, then n_ids ids; `between` (one row) gets the state behind the
 * embeddings.  The same as one prefill, a copy and another prefill, but where there is room both are read at once: bit for bit
 * the same on a KN_CAP_ALONE device, elsewhere products of other sizes may round in another way.
 * is_cancelled (may be NULL) is polled before each piece; true: MLM_E_CANCELLED, the state has been fed a part.
 */
typedef struct lm_prefill_args {
    kn_tensor      x;
    const int32_t *ids;
    int            n_rows, n_tokens;
    int            first_row; /* of the state */
    bool           unpadded;  /* lm_scratch_pad_tokens does not count: one token has the bits of lm_step */
    const int32_t *len;
    int            n_ids;   /* with x and ids */
    lm_state      *between; /* with x and ids */
    kn_tensor      logits;
    lm_probe       probe;
    void          *probe_payload;
    bool (*is_cancelled)(void *payload);
    void *cancel_payload;
} lm_prefill_args;
mlm_status lm_prefill(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st,
                      const lm_prefill_args *a) MLM_WARN_UNUSED;

/* One token for rows 0 .. B-1: ids i32 [B] on the device -> logits [B,vocab_rows].  No host value is read:
 * the sequence can be captured.  A finished row's state is simply not used. */
mlm_status lm_step(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor ids,
                   kn_tensor logits) MLM_WARN_UNUSED;
/* On a device with graphs: runs and captures steps of up to max_rows rows of this state and these logits, so that none is
 * captured later: one for each number of rows up to 16, then for some; a step of n rows is to be one of lm_step_rows(n) rows, of
 * which the last mean nothing.  Elsewhere nothing, and lm_step_rows(n) is n.  States and logits are used up. */
mlm_status lm_step_prepare(kn_queue *q, const lm_model *m, lm_scratch *s, lm_state *st, kn_tensor logits,
                           int max_rows) MLM_WARN_UNUSED;
int        lm_step_rows(const lm_scratch *s, int n);

#endif
