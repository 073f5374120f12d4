/* replay.c: runs a fuzz target over every file of a corpus folder (or over the named files): no fuzzer needed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    uint8_t *data = malloc(n > 0 ? (size_t)n : 1u);
    size_t   got  = data && n > 0 ? fread(data, 1, (size_t)n, f) : 0;
    fclose(f);
    if (!data || got != (size_t)n) {
        fprintf(stderr, "%s: cannot read\n", path);
        free(data);
        return 1;
    }
    (void)LLVMFuzzerTestOneInput(data, got);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int n_files = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            perror(argv[i]);
            return 1;
        }
        DIR *dir = S_ISDIR(st.st_mode) ? opendir(argv[i]) : NULL;
        if (!dir) {
            failed += replay_file(argv[i]);
            n_files++;
            continue;
        }
        for (struct dirent *e; (e = readdir(dir)) != NULL;) {
            char path[4096];
            int  len = snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            if (len <= 0 || (size_t)len >= sizeof path || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
                continue;
            failed += replay_file(path);
            n_files++;
        }
        closedir(dir);
    }
    printf("%d inputs replayed, %d unreadable\n", n_files, failed);
    return failed || n_files == 0;
}
