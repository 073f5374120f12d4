# mlm_vision: pictures, resizing, preprocessing.
set(_support ${PROJECT_SOURCE_DIR}/tests/support)
mlm_test(NAME test_image_hostile LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_image_hostile.c ${_support}/temp_dir.c LIBS mlm_vision)
mlm_test(NAME test_image_alloc LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_image_alloc.c ${_support}/alloc_fail.c LIBS mlm_vision)
mlm_test(NAME test_preprocess LABELS unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_preprocess.c LIBS mlm_vision)
