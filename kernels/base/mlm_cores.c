/*
 * mlm_cores.c: how many cores this process may use.
 *
 * The scheduler's affinity mask counts first; in a container the CPU quota of the control group (cgroup v2,
 * cpu.max = "QUOTA PERIOD" in this group or any above it) may be smaller.
 */
#include "kernels/base/mlm_threads.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the beginning of a small text file; false when there is none. */
static bool read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, cap - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static int affinity_cores(void)
{
    for (int n_cpus = 1024; n_cpus <= 1 << 16; n_cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)n_cpus);
        if (!set)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)n_cpus);
        int    code  = sched_getaffinity(0, bytes, set) == 0 ? 0 : errno;
        int    count = code == 0 ? CPU_COUNT_S(bytes, set) : 1;
        CPU_FREE(set);
        if (code != EINVAL)
            return count;
    }
    return 1;
}

/* Cores that the quota of one group allows, rounded up; `limit` when it allows more. */
static int group_cores(const char *group, int limit)
{
    char path[4352], text[128], *end = NULL;
    int  len = snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (len < 0 || (size_t)len >= sizeof path || !read_text(path, text, sizeof text))
        return limit;
    long long quota = strtoll(text, &end, 10);
    if (end == text)
        return limit; /* "max PERIOD" */
    long long period = strtoll(end, NULL, 10);
    if (quota <= 0 || period <= 0)
        return limit;
    long long cores = quota / period + (quota % period != 0);
    return cores < limit ? (int)cores : limit;
}

static int quota_cores(int limit)
{
    char text[4096];
    if (!read_text("/proc/self/cgroup", text, sizeof text))
        return limit;
    char *group = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!group)
        return limit;
    group += *group == '\n' ? 4 : 3;
    group[strcspn(group, "\n")] = '\0';
    for (;;) {
        limit       = group_cores(group, limit);
        char *slash = strrchr(group, '/');
        if (!slash)
            return limit;
        *slash = '\0';
    }
}

int mlm_cores_available(void)
{
    int cores = quota_cores(affinity_cores());
    return cores < 1 ? 1 : cores;
}
