# Models against PyTorch, timm and transformers.
set(_fixture ${CMAKE_CURRENT_LIST_DIR}/../support/model_fixture.c ${CMAKE_CURRENT_LIST_DIR}/../support/tensor_compare.c)
mlm_test(NAME test_golden_builtin LABELS golden TIMEOUT 300 ARGS cpu
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_golden_builtin.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
add_test(NAME test_golden_builtin_ref COMMAND test_golden_builtin ref 2)
mlm_gpu_test(test_golden_builtin_cuda test_golden_builtin cuda)
add_test(NAME test_golden_builtin_ref_all COMMAND test_golden_builtin ref)
set_tests_properties(test_golden_builtin_ref_all PROPERTIES LABELS slow TIMEOUT 1800)
# The bf16 weights, by hand: MLM_SHARED names the folder with models/ and golden/.
add_test(NAME test_golden_bf16 COMMAND test_golden_builtin cpu models/mlmamba-tiny golden/reference.safetensors models/images)
set_tests_properties(test_golden_builtin_ref test_golden_bf16 PROPERTIES LABELS golden TIMEOUT 600 SKIP_RETURN_CODE 77)
mlm_test(NAME test_golden_small LABELS golden
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_golden_small.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
mlm_gpu_test(test_golden_small_cuda test_golden_small cuda)
# Not a test: full_width.py runs it.
add_executable(run_stages EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/run_stages.c ${_fixture})
target_link_libraries(run_stages PRIVATE mlm_vision mlm_fusion mlm_lm mlm_kernels mlm_flags)
mlm_test(NAME test_golden_variants LABELS golden
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_golden_variants.c ${CMAKE_CURRENT_LIST_DIR}/../support/formula_weights.c
            ${CMAKE_CURRENT_LIST_DIR}/../support/temp_dir.c ${_fixture}
    LIBS mlm_vision mlm_fusion mlm_lm mlm_kernels)
mlm_gpu_test(test_golden_variants_cuda test_golden_variants cuda)
