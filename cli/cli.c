/* cli.c - looking into a command line that was read. */
#include "cli.h"

const char *cli_arg(const struct cli *c, const char *name)
{
    for (size_t i = 0; i < c->args.n; i++)
        if (!strcmp(c->args.at[i].name, name))
            return c->args.at[i].value ? c->args.at[i].value : "";
    return NULL;
}

const struct eg_arg *cli_declared(const struct eg_arg *args, const char *name)
{
    for (; args && args->name; args++)
        if (!strcmp(args->name, name))
            return args;
    return NULL;
}

void cli_fini(struct cli *c)
{
    eg_vec_fini(&c->words);
    eg_vec_fini(&c->args);
    eg_vec_fini(&c->profile_dirs);
    eg_vec_fini(&c->swap_files);
    eg_vec_fini(&c->warnings);
    eg_arena_fini(&c->arena);
    *c = (struct cli){ 0 };
}
