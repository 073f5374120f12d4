# Pictures of every format.
mlm_fuzz(NAME fuzz_image SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_image.c LIBS mlm_vision)
