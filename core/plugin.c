/* plugin.c - running a plugin: by its function, or in a search. */
#include "run_plugin.h"
#include "search.h"

static int call(struct eg_run *r, void *context)
{
    (void)context;
    return r->plugin->plugin->run(r);
}

void eg_plugin_run(struct eg_system *sys, const struct eg_plugin_reg *p,
                   const struct eg_run_options *o, struct eg_sink sink, struct eg_run_result *out)
{
    static const struct eg_run_options no_options;
    struct eg_run *r;

    if (p->plugin->scan) {
        eg_search(sys, &p, 1, o, &sink, out);
        return;
    }
    r = eg_run_begin(sys, p, o ? o : &no_options, sink, out);
    if (r)
        eg_run_end(r, eg_run_do(r, call, NULL), out);
}
