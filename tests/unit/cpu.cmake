# Tests of the cpu backend that need no reference backend.
mlm_test(NAME test_cpu_math LABELS unit SOURCES test_cpu_math.c LIBS mlm_kernels)
mlm_test(NAME test_cpu_linear LABELS unit SOURCES test_cpu_linear.c LIBS mlm_kernels)
