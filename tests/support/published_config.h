/* published_config.h: the texts of the configurations that published_model.c writes: the trainers' and ours. */
#ifndef TESTS_PUBLISHED_CONFIG_H
#define TESTS_PUBLISHED_CONFIG_H

#define DINO                                                                                                 \
    "{\"type\":\"vit\",\"image_size\":384,\"patch_size\":14,\"hidden_size\":32,\"num_layers\":3,\"num_"      \
    "heads\":2,\"mlp_dim\":64,"                                                                              \
    "\"class_token\":true,\"num_registers\":4,\"layer_scale\":true,\"pos_image_size\":518,\"feature_"        \
    "layer\":-2,"                                                                                            \
    "\"image_mean\":[0.485,0.456,0.406],\"image_std\":[0.229,0.224,0.225]}"
#define SIGLIP                                                                                               \
    "{\"type\":\"vit\",\"image_size\":384,\"patch_size\":14,\"hidden_size\":36,\"num_layers\":3,\"num_"      \
    "heads\":2,\"mlp_dim\":72,"                                                                              \
    "\"feature_layer\":-2}"
#define CLIP                                                                                                 \
    "{\"type\":\"vit\",\"image_size\":336,\"patch_size\":14,\"hidden_size\":32,\"num_layers\":3,\"num_"      \
    "heads\":16,\"mlp_dim\":64,"                                                                             \
    "\"class_token\":true,\"pos_on_prefix\":true,\"pre_norm\":true,\"patch_bias\":false,\"activation\":"     \
    "\"quick_gelu\","                                                                                        \
    "\"layer_norm_eps\":1e-05,\"feature_layer\":-2,\"image_mean\":[0.48145466,0.4578275,0.40821073],"        \
    "\"image_std\":[0.26862954,0.26130258,0.27577711]}"
#define FACEBOOK                                                                                             \
    "{\"type\":\"vit\",\"image_size\":224,\"patch_size\":14,\"hidden_size\":32,\"num_layers\":3,\"num_"      \
    "heads\":16,"                                                                                            \
    "\"mlp_dim\":64,\"class_token\":true,\"num_registers\":4,\"layer_scale\":true,\"pos_on_prefix\":true,"   \
    "\"pos_image_size\":518,\"feature_layer\":-2,\"image_mean\":[0.485,0.456,0.406],\"image_std\":[0.229,0." \
    "224,0.225]}"
#define TOWERS "{\"type\":\"concat\",\"towers\":[" DINO "," SIGLIP "]}"
#define MAMBA2 "{" MAMBA2_KEYS
#define MAMBA2_KEYS                                                                                          \
    "\"model_type\":\"mamba2\",\"vocab_size\":272,\"hidden_size\":32,\"num_hidden_layers\":2,\"expand\":2,"  \
    "\"head_dim\":16,"                                                                                       \
    "\"num_heads\":4,\"state_size\":16,\"tie_word_embeddings\":true}"
#define MAMBA1                                                                                               \
    "{\"model_type\":\"mamba\",\"vocab_size\":272,\"hidden_size\":32,\"num_hidden_layers\":2,\"state_"       \
    "size\":8,"                                                                                              \
    "\"time_step_rank\":2,\"intermediate_size\":64,\"tie_word_embeddings\":true}"
#define HEAD                                                                                                 \
    "{\"model_type\":\"ml_mamba\",\"eos_token_id\":0,\"prompt_template\":\"<|user|>\\n{question}<|"          \
    "endoftext|>\\n<|assistant|>\\n\","                                                                      \
    "\"turn_separator\":\"\\n\","
#define SCAN                                                                                                 \
    "{\"type\":\"mamba2_bidirectional\",\"input_size\":68,\"hidden_size\":32,\"head_dim\":16,\"state_"       \
    "size\":16}"
#define PRE(size)                                                                                            \
    "{\"resize_mode\":\"naive\",\"size\":{\"height\":" size ",\"width\":" size                               \
    "},\"resample\":3,\"image_mean\":[0.5,0.5,0.5],"                                                         \
    "\"image_std\":[0.5,0.5,0.5]}"
#define RUN(id)                                                                                              \
    "{\"model\":{\"vision_backbone_id\":\"" id "\",\"image_resize_strategy\":\"resize-naive\"},\"seed\":7}"
#define STATE_SPACES(ssm)                                                                                    \
    "{\"d_model\":32,\"n_layer\":2,\"vocab_size\":258,\"pad_vocab_size_multiple\":16,\"ssm_cfg\":" ssm       \
    ",\"rms_norm\":true,\"attn_layer_idx\":[],\"d_intermediate\":0,\"tie_embeddings\":true}"

#endif
