# Tests of app/engine on the built-in model.
set(_s ${PROJECT_SOURCE_DIR}/tests/support)
set(_u ${CMAKE_CURRENT_LIST_DIR})
mlm_test(NAME test_engine LABELS unit SOURCES ${_u}/test_engine.c LIBS mlm_engine TIMEOUT 600)
mlm_test(NAME test_state_file LABELS unit SOURCES ${_u}/test_state_file.c ${_s}/temp_dir.c LIBS mlm_engine TIMEOUT 600)
mlm_test(NAME test_model_dir LABELS unit SOURCES ${_u}/test_model_dir.c ${_s}/temp_dir.c LIBS mlm_engine TIMEOUT 600)
mlm_test(NAME test_engine_alloc LABELS unit SOURCES ${_u}/test_engine_alloc.c ${_s}/alloc_fail.c LIBS mlm_engine TIMEOUT 600)
add_test(NAME test_engine_alloc_all COMMAND test_engine_alloc all)
set_tests_properties(test_engine_alloc_all PROPERTIES LABELS slow TIMEOUT 7200 SKIP_RETURN_CODE 77)
