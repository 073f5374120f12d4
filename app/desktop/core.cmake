# The desktop app without its window: state machine, worker, history, sources.  No SDL, no Pango.
pkg_check_modules(SQLITE IMPORTED_TARGET sqlite3)
pkg_check_modules(GIO IMPORTED_TARGET gio-2.0)

# The state machine alone: pure; tests measure its coverage.
add_library(mlm_desktop_state STATIC
    ${CMAKE_CURRENT_LIST_DIR}/chat.c
    ${CMAKE_CURRENT_LIST_DIR}/chat_text.c
    ${CMAKE_CURRENT_LIST_DIR}/settings.c
    ${CMAKE_CURRENT_LIST_DIR}/settings_file.c
    ${CMAKE_CURRENT_LIST_DIR}/text_buffer.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_actions.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_ask.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_batch.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_canvas.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_chats.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_dump.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_engine.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_events.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_files.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_keys.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_link.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_model.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_pictures.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_sources.c
    ${CMAKE_CURRENT_LIST_DIR}/ui_status.c)
target_link_libraries(mlm_desktop_state PUBLIC mlm_engine)

# With threads, files, history, other programs.
if(NOT SQLITE_FOUND)
    return()
endif()
add_library(mlm_desktop_core STATIC
    ${CMAKE_CURRENT_LIST_DIR}/batch_export.c
    ${CMAKE_CURRENT_LIST_DIR}/clerk.c
    ${CMAKE_CURRENT_LIST_DIR}/clipboard.c
    ${CMAKE_CURRENT_LIST_DIR}/desk.c
    ${CMAKE_CURRENT_LIST_DIR}/dialog.c
    ${CMAKE_CURRENT_LIST_DIR}/export.c
    ${CMAKE_CURRENT_LIST_DIR}/file_list.c
    ${CMAKE_CURRENT_LIST_DIR}/app_dirs.c
    ${CMAKE_CURRENT_LIST_DIR}/gather.c
    ${CMAKE_CURRENT_LIST_DIR}/helper.c
    ${CMAKE_CURRENT_LIST_DIR}/history.c
    ${CMAKE_CURRENT_LIST_DIR}/history_chat.c
    ${CMAKE_CURRENT_LIST_DIR}/mailbox.c
    ${CMAKE_CURRENT_LIST_DIR}/model_memory.c
    ${CMAKE_CURRENT_LIST_DIR}/model_scan.c
    ${CMAKE_CURRENT_LIST_DIR}/portal.c
    ${CMAKE_CURRENT_LIST_DIR}/worker.c
    ${CMAKE_CURRENT_LIST_DIR}/worker_ask.c
    ${CMAKE_CURRENT_LIST_DIR}/worker_batch.c
    ${CMAKE_CURRENT_LIST_DIR}/worker_load.c
    ${CMAKE_CURRENT_LIST_DIR}/worker_states.c)
target_link_libraries(mlm_desktop_core PUBLIC mlm_desktop_state mlm_vqa PkgConfig::SQLITE)
target_compile_definitions(mlm_desktop_core PRIVATE
    MLM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" MLM_INSTALL_DATADIR="${CMAKE_INSTALL_FULL_DATADIR}")
if(GIO_FOUND)
    target_link_libraries(mlm_desktop_core PRIVATE PkgConfig::GIO)
    target_compile_definitions(mlm_desktop_core PRIVATE MLM_HAVE_GIO)
endif()
