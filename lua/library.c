/* library.c - loads the built-in scripts and those of folders. */
#include "library.h"
#include "load.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

int eg_lua_add_own(struct eg_error *e)
{
    return script_library[0].name ? eg_lua_add_files(script_library, e) : 0;
}

static int is_script(const struct dirent *d)
{
    const size_t n = strlen(d->d_name);

    return n > 4 && !strcmp(d->d_name + n - 4, ".lua");
}

static int add_file(const char *dir, const char *path, struct eg_error *e)
{
    struct script_file files[] = { { .name = path, .folder = dir }, { 0 } };
    char *text;
    int rc = script_read_file(path, 0, &text, &files->len, e);

    if (rc)
        return rc;
    files->text = text;
    rc = eg_lua_add_files(files, e);
    if (rc)
        free(text);
    return EG_MIN(rc, 0);
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
            rc = add_file(dir, path, e);
        if (rc && bad) {
            bad(context, e);
            rc = 0;
        }
        free(found[i]);
    }
    free(found);
    return rc;
}
