/*
 * vqa_job.h: a data set through the model into a results file that survives everything but its own deletion.
 *
 *     vqa_job *job;
 *     vqa_job_open(&job, &opt)      reads the data set, locks the directory, repairs and reads what is there
 *     vqa_job_run(job, engine)      answers what is missing; returns when done or stopped
 *     vqa_job_close(job)
 *
 * Nothing here prints; progress comes by callback on the thread that runs.  vqa_job_stop may come from any thread or
 * from a signal handler.
 */
#ifndef APP_VQA_VQA_JOB_H
#define APP_VQA_VQA_JOB_H

#include "app/vqa/vqa_dataset.h"
#include "app/vqa/vqa_result.h"

typedef struct vqa_progress {
    int64_t n_rows;       /* of this shard                                       */
    int64_t n_done;       /* answered or failed, those of earlier runs included  */
    int64_t n_errors;     /* error rows among them                               */
    int64_t n_before;     /* done by earlier runs                                */
    int64_t n_pictures;   /* encoded by this run                                 */
    int64_t n_reused;     /* rows of this run that found their picture encoded   */
    int64_t n_tokens;     /* produced by this run                                */
    double  seconds;      /* of this run, by a clock that does not jump          */
    double  rate;         /* rows a second, lately                               */
    double  seconds_left; /* < 0: not known yet                                */
} vqa_progress;
typedef void (*vqa_progress_fn)(const vqa_progress *p, void *payload);
/* Each finished row of this run, after its line was written; for live views. */
typedef void (*vqa_row_fn)(const vqa_result *row, void *payload);
/* Something worth one line: a torn line was repaired, rows are retried, ... */
typedef void (*vqa_note_fn)(const char *line, void *payload);

/* Stands in for mlmamba_ask_stream, for tests. */
typedef mlm_status (*vqa_ask_fn)(const mlmamba_stream_args *args, mlmamba_stream_stats *stats, void *payload);
/* Called before each step that changes a file; n: bytes about to be written (0: sync, rename, cut).  Returns how many of
 * them to write before the call fails with ENOSPC (>= n: all of them), for tests. */
typedef size_t (*vqa_fault_fn)(const char *step, size_t n, void *payload);

/* Strings and lists are borrowed until vqa_job_close. */
typedef struct vqa_job_options {
    vqa_dataset_options      data;
    const char              *out_dir; /* made when missing; NULL: lines go to `out_fd`, no resume */
    int                      out_fd;
    const char              *prompt_template;
    mlmamba_generate_options gen; /* max_new_tokens 0: 128, as the reference */
    mlmamba_image_options    image;
    bool    reference_rounding, bf16_state, deterministic; /* how the engine was opened, for the manifest */
    bool    apply_orientation; /* also for official formats, which leave EXIF alone as the reference does */
    int     max_rows;          /* rows decoded together; 0: the engine's        */
    int     n_workers;         /* threads that decode pictures; 0: 2            */
    size_t  decoded_bytes;     /* pictures decoded ahead; 0: 256 MB         */
    int     window;            /* rows looked through for the same picture; 0: 1024 */
    bool    force;             /* resume although the manifest differs      */
    bool    retry_errors;
    int64_t max_errors;       /* stop after that many error rows of this run; 0: never */
    int     sync_rows;        /* fsync each that many rows, and each 5 s; 0: 64 */
    const char *command_line; /* for the manifest */

    vqa_progress_fn on_progress; /* after each row; NULL allowed */
    vqa_row_fn      on_row;
    vqa_note_fn     on_note;
    bool (*should_stop)(void *payload); /* looked at between rows, with vqa_job_stop; NULL allowed */
    vqa_ask_fn   ask;                   /* NULL: the engine */
    vqa_fault_fn fault;
    void        *payload;
} vqa_job_options;

typedef struct vqa_job vqa_job;

/* Everything that can be refused without a model is refused here: data set, output directory, a second run on it
 * (MLM_E_STATE names the process), output that is an input. */
mlm_status vqa_job_open(vqa_job **out, const vqa_job_options *opt) MLM_WARN_UNUSED;
/* MLM_OK: every row has its line (see n_errors).  MLM_E_CANCELLED: stopped, can be resumed.  MLM_E_CONFIG: the
 * manifest differs.  Else what went wrong; what is in the file stays right and the job can be resumed. */
mlm_status vqa_job_run(vqa_job *job, mlmamba_engine *eng) MLM_WARN_UNUSED;
void       vqa_job_stop(vqa_job *job); /* rows that are running are finished */
void       vqa_job_close(vqa_job *job);

const vqa_dataset *vqa_job_dataset(const vqa_job *job);
void               vqa_job_get_progress(const vqa_job *job, vqa_progress *out);
const char        *vqa_job_results_path(const vqa_job *job);

/* Checks every row and picture without a model: report is called for each bad row (line, cause) and each id that comes
 * twice.  Decodes every picture. */
typedef struct vqa_check {
    int64_t n_rows, n_bad_rows, n_bad_pictures, n_doubled_ids, n_pictures;
} vqa_check;
mlm_status vqa_job_check(vqa_check *out, const vqa_job_options *opt,
                         void (*report)(const char *line, void *payload)) MLM_WARN_UNUSED;

/* Puts results-I-of-N.jsonl of a directory together as results.jsonl and run.json, in row order, whatever the order of
 * the shards; MLM_E_STATE when rows are missing (unless allow_missing) or a shard is still running. */
typedef struct vqa_merge_result {
    int64_t n_rows, n_errors, n_missing;
    int     n_shards;
} vqa_merge_result;
mlm_status vqa_merge(vqa_merge_result *out, const char *dir, bool allow_missing,
                     const vqa_job_options *opt) MLM_WARN_UNUSED; /* opt: only fault, payload; NULL allowed */

/* Shard and number of shards of this process by its launcher (Slurm, Open MPI, MPICH); false: none. */
typedef struct vqa_rank {
    int         rank, size;
    int         local_rank, local_size; /* on this machine; -1: not known */
    const char *variable;               /* "SLURM_PROCID", ... */
} vqa_rank;
bool vqa_rank_from_environment(vqa_rank *out);

#endif
