# Models: scan orders, configs, the language model's algebra, the generation loop.
set(_fixture ${CMAKE_CURRENT_LIST_DIR}/../support/model_fixture.c ${CMAKE_CURRENT_LIST_DIR}/../support/tensor_compare.c)
mlm_test(NAME test_lm_algebra LABELS parity
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_lm_algebra.c ${CMAKE_CURRENT_LIST_DIR}/../support/formula_weights.c
            ${CMAKE_CURRENT_LIST_DIR}/../support/temp_dir.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
add_test(NAME test_lm_algebra_mamba COMMAND test_lm_algebra mamba)
set_tests_properties(test_lm_algebra_mamba PROPERTIES LABELS parity TIMEOUT 120)
mlm_gpu_test(test_lm_algebra_cuda test_lm_algebra tiny cuda+det)
mlm_gpu_test(test_lm_algebra_fast_cuda test_lm_algebra tiny cuda)
mlm_gpu_test(test_lm_algebra_mamba_cuda test_lm_algebra mamba cuda+det)
mlm_test(NAME test_generate LABELS parity
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_generate.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
mlm_test(NAME test_models_config LABELS unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_models_config.c LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
mlm_test(NAME test_models_nomem LABELS unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_models_nomem.c ${CMAKE_CURRENT_LIST_DIR}/../support/alloc_fail.c
            ${CMAKE_CURRENT_LIST_DIR}/../support/formula_weights.c ${CMAKE_CURRENT_LIST_DIR}/../support/temp_dir.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
