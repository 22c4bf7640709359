/* replay.c - runs a fuzz target over the files of its corpus, once each: what an ordinary build of
 * the tests links instead of a fuzzing engine. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size;
    int bad = 1;

    if (f && !fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET) &&
        (bytes = malloc((size_t)size + !size)) &&
        fread(bytes, 1, (size_t)size, f) == (size_t)size) {
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
        bad = 0;
    } else {
        fprintf(stderr, "%s: cannot read it\n", path);
    }
    free(bytes);
    if (f)
        fclose(f);
    return bad;
}

/* An empty or missing corpus fails: it would test nothing. */
int main(int argc, char **argv)
{
    struct dirent **names;
    int n, bad = 0, done = 0;

    for (int i = 1; i < argc; i++) {
        n = scandir(argv[i], &names, NULL, alphasort);
        if (n < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < n; k++) {
            char path[4096];

            snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
            if (names[k]->d_name[0] != '.') {
                bad += replay(path);
                done++;
            }
            free(names[k]);
        }
        free(names);
    }
    printf("%d inputs, %d unreadable\n", done, bad);
    return bad || !done;
}
