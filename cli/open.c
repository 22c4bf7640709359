/* open.c - the image, the system in it, and what provenance says of both. */
#include "open.h"
#include "../plugins/linux/mm/swap.h"
#include "report.h"
#include "sha256.h"
#include "version.h"
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Profiles by build id are also looked for where a person and a distribution would put them. */
static void usual_profile_dirs(struct cli *c)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    const char *dirs[] = {
        data && *data ? eg_arena_strf(&c->arena, "%s/engram/profiles", data) : NULL,
        home && *home ? eg_arena_strf(&c->arena, "%s/.local/share/engram/profiles", home) : NULL,
        "/usr/local/share/engram/profiles",
        "/usr/share/engram/profiles",
    };
    const char **place;

    for (size_t i = 0; i < countof(dirs) && !c->has_usual_dirs; i++)
        if (dirs[i] && !access(dirs[i], R_OK | X_OK) && (place = eg_vec_push(&c->profile_dirs)))
            *place = dirs[i];
    c->has_usual_dirs = true; // several images are opened by some
    c->find.profile_dirs = c->profile_dirs.at;
    c->find.n_profile_dirs = c->profile_dirs.n;
    c->find.swap_files = c->swap_files.at;
    c->find.n_swap_files = c->swap_files.n;
}

static bool gather_notes(struct cli_opened *o)
{
    size_t n = o->image->notes.n + (o->sys ? o->sys->notes.n : 0);

    o->notes = calloc(n + 1, sizeof *o->notes);
    if (!o->notes)
        return false;
    for (size_t i = 0; i < o->image->notes.n; i++)
        o->notes[o->n_notes++] = o->image->notes.at[i];
    for (size_t i = 0; o->sys && i < o->sys->notes.n; i++)
        o->notes[o->n_notes++] = o->sys->notes.at[i];
    return true;
}

static void fill_provenance(struct cli_opened *o)
{
    const struct eg_system *sys = o->sys;
    const struct eg_profile *base = sys->types.n_layers ? sys->types.layers[0].profile : NULL;

    o->from.tool = cli_tool();
    o->from.n_results = 1;
    o->from.image = o->image->path;
    o->from.format = o->image->format;
    o->from.image_size = o->image->file_size;
    o->from.notes = o->notes;
    if (!sys->os || !sys->chosen)
        return;
    o->from.os = sys->os->name;
    o->from.kernel = sys->chosen->release;
    o->from.found_by = sys->chosen->trace;
    o->from.profile = base ? base->source : NULL;
    o->from.build_id = sys->chosen->build_id;
}

/* What was said of the image and does not fit it, or means nothing for it, is no slip to pass over.
 */
static int check_said(const struct cli *c, const struct cli_opened *o)
{
    const struct eg_candidate *k = o->sys->chosen;
    const struct eg_format_reg *f;
    bool raw = false;

    for (size_t i = 0; (f = eg_format_nth(i)); i++)
        raw |= !strcmp(f->name, "raw") &&
               !strncmp(o->image->format, f->format->desc, strlen(f->format->desc));
    if (c->open.offset && !raw)
        return cli_fail(CLI_USAGE,
                        "--offset: this image is %s, which says itself where its memory belongs; "
                        "with --format raw it is taken for raw",
                        o->image->format);
    for (size_t i = 0; i < c->swap_files.n; i++) {
        const char *name = linux_swap_given(c->swap_files.at[i], NULL);
        struct linux_swap_header h;
        struct eg_space *file;
        struct eg_error e;

        if (eg_file_open(&file, name, &e))
            return cli_cannot(&e);
        raw = linux_swap_header(o->sys->view, file, &h);
        eg_view_forget(o->sys->view, file);
        eg_space_close(file);
        if (!raw)
            return cli_fail(CLI_USAGE,
                            "--swap %s: it does not begin with the header of a swap partition or "
                            "file (SWAPSPACE2)",
                            name);
    }
    if (c->find.has_kaslr && k && k->has_kaslr && k->kaslr != c->find.kaslr)
        return cli_fail(CLI_USAGE,
                        "--kaslr %#" PRIx64 ": the VMCOREINFO of this kernel says %#" PRIx64
                        ": omit the option",
                        c->find.kaslr, k->kaslr);
    if (c->find.has_kaslr && !(k && k->has_kaslr) && !c->find.profile && !c->find.vmlinux &&
        !c->find.system_map && !c->find.n_profile_dirs)
        return cli_fail(CLI_USAGE,
                        "--kaslr: nothing is moved by it: it is for the symbols of --vmlinux, "
                        "--profile and --system-map");
    return CLI_OK;
}

int cli_open_image(struct cli *c, struct cli_opened *o)
{
    struct eg_error e;

    *o = (struct cli_opened){ 0 };
    if (eg_image_open(&o->image, c->image, &c->open, &e))
        return cli_cannot(&e);
    return gather_notes(o) ? CLI_OK : cli_no_memory();
}

int cli_open(struct cli *c, struct cli_opened *o)
{
    struct eg_error e;

    *o = (struct cli_opened){ 0 };
    if (eg_image_open(&o->image, c->image, &c->open, &e))
        return cli_cannot(&e);
    return cli_open_system(c, o);
}

int cli_open_system(struct cli *c, struct cli_opened *o)
{
    struct eg_error e;
    int status;

    usual_profile_dirs(c);
    if (eg_system_open(&o->sys, o->image, &c->find, &e))
        return cli_cannot(&e);
    if ((status = check_said(c, o)))
        return status;
    if (!gather_notes(o))
        return cli_no_memory();
    fill_provenance(o);
    if (c->pause && !o->image->control)
        return cli_fail(CLI_USAGE,
                        "--pause: %s is no running guest that can be paused: qmp:SOCKET "
                        "and libvirt:DOMAIN are",
                        o->image->path);
    if (c->pause) {
        if (o->image->control->pause(o->image->control, &e))
            return cli_cannot(&e);
        o->paused = true;
    }
    if (c->sha256 && o->image->live)
        return cli_fail(CLI_USAGE,
                        "--sha256: %s runs: it has no bytes that stay; `engram convert` "
                        "makes a file of it",
                        o->image->path);
    if (c->sha256) {
        o->from.sha256 = sha256_of_file(&c->arena, c->image, c->quiet, &e);
        if (!o->from.sha256)
            return cli_cannot(&e);
    }
    return CLI_OK;
}

bool cli_moves(const struct cli_opened *o)
{
    return o->image && o->image->live && !o->paused;
}

bool cli_may_live(const struct cli *c)
{
    const char *where;

    return eg_source_find(c->image, &where) != NULL;
}

int cli_go_on(struct cli_opened *o)
{
    struct eg_control *guest = o->image ? o->image->control : NULL;
    const char *why;
    struct eg_error e;
    int status = CLI_OK;
    uint64_t ns;

    if (!guest || o->went_on)
        return CLI_OK;
    o->went_on = true;
    if (o->paused && guest->resume(guest, &ns, &e))
        status = cli_fail(CLI_FAILED, "%s", e.text);
    else if (o->paused)
        cli_fail(0, "note: the guest stood still for %.1f ms", (double)ns / 1e6);
    if (!guest->alive(guest, &why))
        status = cli_fail(CLI_FAILED, "%s: %s while it was read: what is shown may be wrong",
                          o->image->path, why);
    return status;
}

void cli_close(struct cli_opened *o)
{
    cli_go_on(o);
    eg_system_close(o->sys);
    eg_image_close(o->image);
    free(o->notes);
    *o = (struct cli_opened){ 0 };
}

int cli_image_notes(const struct cli *c, const struct cli_opened *o, bool table)
{
    if (!table || strncmp(c->render, "json", 4)) // json and jsonl have them in the provenance
        for (size_t i = 0; i < o->n_notes; i++)
            cli_fail(0, "note: %s", o->notes[i]);
    return c->strict && o->n_notes ? CLI_FAILED : CLI_OK;
}

int cli_no_system(const struct cli *c, const struct cli_opened *o, bool brief)
{
    // A file that is cut off is the most common cause.
    for (size_t i = 0; brief && i < o->image->notes.n; i++)
        cli_fail(0, "note: %s", o->image->notes.at[i]);
    return cli_fail(CLI_CANNOT_OPEN, "%s: no kernel was found in it%s%s%s", o->image->path,
                    brief ? "; `engram "
                          : ", so only searches, `quality` and `vmcoreinfo` work, and with --phys "
                            "read, hexdump, vtop and dump",
                    brief ? c->image_words : "", brief ? "` says what was looked for" : "");
}
