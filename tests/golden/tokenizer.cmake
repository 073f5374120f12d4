mlm_test(NAME test_golden_tokenizer LABELS golden SOURCES test_golden_tokenizer.c LIBS mlm_lm)
