/* model_memory.c: see model_memory.h. */
#include "app/desktop/model_memory.h"

#include <stdio.h>

uint64_t model_memory_free(void)
{
    char               line[256];
    unsigned long long kb = 0;
    FILE              *f  = fopen("/proc/meminfo", "re");
    if (f == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
            break;
    (void)fclose(f);
    return (uint64_t)kb * 1024;
}

size_t model_memory_quota(size_t state_bytes, int kept_mb, uint64_t free_bytes)
{
    const uint64_t least = 256u << 20;
    if (kept_mb > 0)
        return (size_t)kept_mb << 20;
    uint64_t wanted = 16 * (uint64_t)state_bytes, most = free_bytes / 4;
    wanted = wanted < most ? wanted : most;
    return (size_t)(wanted > least ? wanted : least);
}
