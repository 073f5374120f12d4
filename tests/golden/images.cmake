# Pictures, resizing and preprocessing against Pillow and torch.
mlm_test(NAME test_images_golden LABELS golden SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_images_golden.c LIBS mlm_vision)
