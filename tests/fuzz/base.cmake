mlm_fuzz(NAME fuzz_json SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_json.c LIBS mlm_base)
mlm_fuzz(NAME fuzz_safetensors SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_safetensors.c LIBS mlm_base)
