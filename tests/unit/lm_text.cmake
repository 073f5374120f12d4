mlm_test(NAME test_tokenizer LABELS unit SOURCES test_tokenizer.c lm_text_support.c LIBS mlm_lm)
mlm_test(NAME test_tokenizer_files LABELS unit SOURCES test_tokenizer_files.c lm_text_support.c LIBS mlm_lm)
mlm_test(NAME test_tokenizer_alloc LABELS unit
         SOURCES test_tokenizer_alloc.c lm_text_support.c ../support/alloc_fail.c LIBS mlm_lm)
mlm_test(NAME test_prompt LABELS unit SOURCES test_prompt.c lm_text_support.c LIBS mlm_lm)
mlm_test(NAME test_sampler LABELS unit SOURCES test_sampler.c LIBS mlm_lm)
