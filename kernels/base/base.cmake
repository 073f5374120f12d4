# mlm_base: what every other part stands on: status and messages, files, JSON, safetensors, threads.
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
add_library(mlm_base STATIC
    ${CMAKE_CURRENT_LIST_DIR}/mlm_cores.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_crc32.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_fail.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_file.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_file_write.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_hash.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_json.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_json_config.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_json_scan.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_pickle.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_pt.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_safetensors.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_safetensors_header.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_st_write.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_sha256.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_shards.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_threads.c
    ${CMAKE_CURRENT_LIST_DIR}/mlm_zip.c)
target_link_libraries(mlm_base PUBLIC mlm_flags PRIVATE PkgConfig::CJSON)
set_property(GLOBAL APPEND PROPERTY MLM_SUMMARY "JSON          cJSON ${CJSON_VERSION}")
