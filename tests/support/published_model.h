/*
 * published_model.h: small random models in the files that their authors publish, and the same weights in a directory of
 * ours, written independently of the code that recognises them.
 *
 *   ROOT/mlmamba/{config.json, checkpoints/latest-checkpoint.pt}          language model, scan connector; fp32
 *   ROOT/cobra/{config.json, checkpoints/latest-checkpoint.pt}            Mamba-1 under llm., lm_head stored twice; fp32
 *   ROOT/clip/{config.json, latest-checkpoint.pt, NAME.safetensors}       one CLIP tower, linear connector; bf16
 *   ROOT/facebook/cobra+tiny/{..}                                         Facebook's DINOv2 file; the run one folder deeper
 *   ROOT/hub/models--ORG--NAME/...                                        towers and tokenizer in a hub cache
 *   ROOT/ss, ROOT/hf, ROOT/shards                                         a text model as state-spaces and as Hugging Face
 *   ROOT/ss-bins, ROOT/bins                                               the same in shards of pytorch_model.bin
 *   ROOT/hf1, ROOT/ss1-bins, ROOT/bins1                                   Mamba-1 in one pytorch_model.bin and in shards
 *   ROOT/own-mlmamba, own-cobra, own-clip, own-text                       ours
 */
#ifndef TESTS_PUBLISHED_MODEL_H
#define TESTS_PUBLISHED_MODEL_H

/* Aborts the test program when it cannot.  root: an existing folder. */
void published_write(const char *root);

#endif
