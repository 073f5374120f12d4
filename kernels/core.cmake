# mlm_kernels: the interface, the ref and cpu backends, the Mamba-2 mixer and loading of weights.
add_library(mlm_kernels STATIC
    ${CMAKE_CURRENT_LIST_DIR}/device.c
    ${CMAKE_CURRENT_LIST_DIR}/objects.c
    ${CMAKE_CURRENT_LIST_DIR}/tensor.c
    ${CMAKE_CURRENT_LIST_DIR}/ops.c
    ${CMAKE_CURRENT_LIST_DIR}/ops_check.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_backend.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_linear.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_norm.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_rows.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_attention.c
    ${CMAKE_CURRENT_LIST_DIR}/ref/ref_ssm.c)
foreach(_file mamba2.c weights.c loader.c)
    if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${_file})
        target_sources(mlm_kernels PRIVATE ${CMAKE_CURRENT_LIST_DIR}/${_file})
    endif()
endforeach()
target_link_libraries(mlm_kernels PUBLIC mlm_base mlm_flags ${CMAKE_DL_LIBS})
set(_have_cpu OFF)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/cpu/cpu.cmake)
    set(_have_cpu ON)
    file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/cpu/cpu.cmake _cpu_lines REGEX "cpu_[a-z0-9_]+\\.c")
endif()
foreach(_line IN LISTS _cpu_lines)
    string(REGEX MATCH "cpu_[a-z0-9_]+\\.c" _file "${_line}")
    if(NOT EXISTS ${CMAKE_CURRENT_LIST_DIR}/cpu/${_file})
        set(_have_cpu OFF)
    endif()
endforeach()
if(_have_cpu)
    include(${CMAKE_CURRENT_LIST_DIR}/cpu/cpu.cmake)
else()
    target_compile_definitions(mlm_kernels PRIVATE KN_NO_CPU)
endif()
