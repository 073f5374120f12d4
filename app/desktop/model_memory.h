/* model_memory.h: how much memory there is, and how much of it the states behind pictures and answers may have. */
#ifndef DESKTOP_MODEL_MEMORY_H
#define DESKTOP_MODEL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* What the machine can still give, 0: not known. */
uint64_t model_memory_free(void);
/*
 * kept_mb > 0: that.  Else automatic: 256 MB, which are dozens of states of a small model; room for 16 states of a big one where that is no more
 * than a quarter of `free_bytes`.
 */
size_t model_memory_quota(size_t state_bytes, int kept_mb, uint64_t free_bytes);

#endif
