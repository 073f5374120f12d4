# The window: with SDL's dummy driver, and once under a real X server.
if(NOT TARGET mlm_desktop_window)
    return()
endif()
mlm_test(NAME test_desktop_parts LABELS app SOURCES test_desktop_parts.c LIBS mlm_desktop_window)
mlm_test(NAME test_desktop_window LABELS app SOURCES test_desktop_window.c desktop_driver.c LIBS mlm_desktop_window TIMEOUT 600)
mlm_test(NAME test_desktop_screens LABELS app SOURCES test_desktop_screens.c desktop_driver.c LIBS mlm_desktop_window TIMEOUT 300)
mlm_test(NAME desktop_monkey LABELS app SOURCES desktop_monkey.c desktop_driver.c LIBS mlm_desktop_window
         ARGS --seed 1 --events 400 TIMEOUT 300)
# LeakSanitizer cannot tell what fontconfig and Pango keep for the process from a leak of ours.
set_tests_properties(test_desktop_parts test_desktop_window test_desktop_screens desktop_monkey PROPERTIES
    ENVIRONMENT "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/desktop.lsan")
find_package(X11 QUIET)
if(X11_FOUND) # which drops files as a file manager does
    add_executable(xdnd_source xdnd_source.c)
    target_link_libraries(xdnd_source PRIVATE mlm_flags X11::X11)
    set(_xdnd $<TARGET_FILE:xdnd_source>)
endif()
add_test(NAME desktop_x11 COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/desktop_x11.sh $<TARGET_FILE:mlmamba-desktop> ${PROJECT_SOURCE_DIR} ${_xdnd})
set_tests_properties(desktop_x11 PROPERTIES LABELS "app;x11" TIMEOUT 300 SKIP_RETURN_CODE 77
    ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0") # D-Bus, fontconfig and drivers that are unloaded before the check keep memory
