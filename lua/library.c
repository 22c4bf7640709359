/* library.c - where scripts are found: in the library, and in folders. */
#include "library.h"
#include "plugin.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SIZE_MAX_OF_A_SCRIPT = 1 << 20 };

int eg_lua_add_own(struct eg_error *e)
{
    return script_library[0].name ? eg_lua_add_files(script_library, e) : 0;
}

static int is_script(const struct dirent *d)
{
    const size_t n = strlen(d->d_name);

    return n > 4 && !strcmp(d->d_name + n - 4, ".lua");
}

static int add_file(const char *path, struct eg_error *e)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    char *text = NULL;
    int rc = 0;

    if (!f || fstat(fileno(f), &st) != 0)
        rc = eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > SIZE_MAX_OF_A_SCRIPT)
        rc = eg_fail(e, EG_EUSAGE, "%s: is no file of at most 1 MiB", path);
    else if (!(text = malloc((size_t)st.st_size + 1)))
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    else if (fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        rc = eg_fail(e, EG_EIO, "%s: cannot be read", path);
    if (f)
        fclose(f);
    if (!rc)
        rc = eg_lua_add(path, text, (size_t)st.st_size, e);
    if (rc)
        free(text);
    return rc;
}

int eg_lua_add_folder(const char *dir, void (*bad)(void *context, const struct eg_error *why),
                      void *context, struct eg_error *e)
{
    struct dirent **found;
    int n = scandir(dir, &found, is_script, alphasort), rc = 0;

    if (n < 0)
        return eg_fail(e, EG_EIO, "%s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096];

        if (!rc &&
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, found[i]->d_name) >= sizeof path)
            rc = eg_fail(e, EG_EUSAGE, "%s/%s: the path is too long", dir, found[i]->d_name);
        if (!rc)
            rc = add_file(path, e);
        if (rc && bad) {
            bad(context, e);
            rc = 0;
        }
        free(found[i]);
    }
    free(found);
    return rc;
}
