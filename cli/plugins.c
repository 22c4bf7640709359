/* plugins.c - engram plugins [IMAGE]: what there is; with an image, what can run on it. */
#include "open.h"
#include "report.h"
#include "table.h"
#include "verb.h"

#define NAME_COLUMNS                                                                               \
    { "PLUGIN", EG_COL_TEXT, "its name" },                                                         \
    {                                                                                              \
        "OS", EG_COL_TEXT, "what it runs on; -: any image"                                         \
    }
static const struct eg_column columns[] = {
    NAME_COLUMNS,
    { "HELP", EG_COL_TEXT, "what it does" },
    { NULL, EG_COL_INT, NULL },
};
static const struct eg_column image_columns[] = {
    NAME_COLUMNS,
    { "RUNS", EG_COL_BOOL, "can it run on this image?" },
    { "LACKS", EG_COL_TEXT, "what it needs and the image does not have" },
    { "HELP", EG_COL_TEXT, "what it does" },
    { NULL, EG_COL_INT, NULL },
};

static int without_image(struct cli *c)
{
    const struct eg_plugin_reg *p;
    struct cli_table t;
    struct eg_error e;

    if (cli_table_begin(&t, c, "plugins", columns, false, NULL, &e))
        return cli_cannot(&e);
    for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
        cli_table_row(&t, 0,
                      (struct eg_value[]){ cli_text(p->name), cli_text(p->plugin->os),
                                           cli_text(p->plugin->help) });
    return cli_table_end(&t, NULL, NULL);
}

static int run_verb(struct cli *c)
{
    const struct eg_plugin_reg *p;
    struct cli_table t;
    struct cli_opened o;
    struct eg_error e;
    int status;

    if (!c->image)
        return without_image(c);
    status = cli_open(c, &o);
    if (!status && cli_table_begin(&t, c, "plugins", image_columns, false, &o.from, &e))
        status = cli_cannot(&e);
    if (!status) {
        for (size_t i = 0; (p = eg_plugin_nth(i)); i++) {
            const char *lacks = eg_plugin_lacks(o.sys, p->plugin, &c->arena);

            cli_table_row(&t, 0,
                          (struct eg_value[]){ cli_text(p->name), cli_text(p->plugin->os),
                                               cli_uint(!lacks), cli_text(lacks),
                                               cli_text(p->plugin->help) });
        }
        status = cli_table_end(&t, NULL, NULL);
        status = EG_MAX(status, cli_image_notes(c, &o, true));
    }
    cli_close(&o);
    return status;
}

CLI_VERB(plugins) = {
    .name = "plugins",
    .usage = "[IMAGE]",
    .help = "list the plugins; with an image: which can run on it, what others lack",
    .image = CLI_MAY_IMAGE,
    .order = 10,
    .table = true,
    .run = run_verb,
};
