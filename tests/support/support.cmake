# mlm_test_support: comparisons, and the table of op cases that parity tests and kn_bench share.
include_guard(GLOBAL)
add_library(mlm_test_support STATIC
    ${CMAKE_CURRENT_LIST_DIR}/tensor_compare.c
    ${CMAKE_CURRENT_LIST_DIR}/random_fill.c
    ${CMAKE_CURRENT_LIST_DIR}/op_cases.c
    ${CMAKE_CURRENT_LIST_DIR}/op_build.c
    ${CMAKE_CURRENT_LIST_DIR}/op_run.c)
target_link_libraries(mlm_test_support PUBLIC mlm_kernels mlm_flags)
