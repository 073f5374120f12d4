# Published models: checkpoints and configurations.
mlm_fuzz(NAME fuzz_pt SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_pt.c ${CMAKE_CURRENT_LIST_DIR}/../support/pt_write.c LIBS mlm_base)
mlm_fuzz(NAME fuzz_config SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_config.c LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
mlm_fuzz(NAME fuzz_shards SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_shards.c ${CMAKE_CURRENT_LIST_DIR}/../support/pt_write.c LIBS mlm_kernels)
