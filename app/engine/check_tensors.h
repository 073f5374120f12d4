/* check_tensors.h: the tensors that a configuration wants beside those that the files have.  Internal. */
#ifndef APP_ENGINE_CHECK_TENSORS_H
#define APP_ENGINE_CHECK_TENSORS_H

#include "app/engine/model_config.h"

/* Fills n_tensors and the faults; MLM_OK with faults too.  `w` as model_source_all_weights gives it. */
mlm_status check_tensors(mlmamba_model_check *c, const model_source *src, const model_config *config,
                         const kn_weights *w) MLM_WARN_UNUSED;

#endif
