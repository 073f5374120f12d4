# mlm_kernels: the interface, the ref and cpu backends, the Mamba-2 mixer and loading of weights.
add_library(mlm_kernels STATIC
    ${CMAKE_CURRENT_LIST_DIR}/device.c
    ${CMAKE_CURRENT_LIST_DIR}/objects.c
    ${CMAKE_CURRENT_LIST_DIR}/tensor.c
    ${CMAKE_CURRENT_LIST_DIR}/ops.c
    ${CMAKE_CURRENT_LIST_DIR}/ops_check.c
    ${CMAKE_CURRENT_LIST_DIR}/token.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_backend.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_linear.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_norm.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_rows.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_attention.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_ssm.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_s6.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_grid.c
    ${CMAKE_CURRENT_LIST_DIR}/mamba1.c
    ${CMAKE_CURRENT_LIST_DIR}/mamba2.c
    ${CMAKE_CURRENT_LIST_DIR}/weights.c
    ${CMAKE_CURRENT_LIST_DIR}/weights_files.c
    ${CMAKE_CURRENT_LIST_DIR}/weights_made.c
    ${CMAKE_CURRENT_LIST_DIR}/loader.c)
target_link_libraries(mlm_kernels PUBLIC mlm_base mlm_flags ${CMAKE_DL_LIBS})
include(${CMAKE_CURRENT_LIST_DIR}/cpu/cpu.cmake)
