/* kfile_fuzz.c - any bytes as the file of a kernel (vmlinux, vmlinuz) or, where the first byte is
 * odd, of a module, packed or not; and its differences from the code in memory. */
#include "../../plugins/linux/kernel/module.h"
#include "../../plugins/linux/own/kdiff.h"
#include "../../plugins/linux/own/kmodule.h"
#include "mkmodule.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    struct mk_module *m;
    struct eg_space *file;
    uint64_t size;
    bool module;
};

/* Code of the kernel and of the module, which are the same for all inputs. */
static struct linux_ktext_part parts[2];

static const uint8_t *kept(const uint8_t *bytes, size_t len)
{
    uint8_t *out = malloc(len);

    if (!out)
        abort();
    return memcpy(out, bytes, len);
}

static int keep_parts(struct eg_run *r, void *context)
{
    struct linux_ktext text;

    (void)context;
    if (!linux_ktext(r, &text) || text.n_parts != 3)
        abort();
    for (unsigned i = 0; i < countof(parts); i++) {
        const size_t len = (size_t)(text.parts[i].last - text.parts[i].first) + 1;

        parts[i] = text.parts[i];
        parts[i].bytes = kept(parts[i].bytes, len + EG_INSTRUCTION_MAX);
        parts[i].starts = kept(parts[i].starts, len + 1);
        parts[i].missing = kept(parts[i].missing, len / 4096 + 2);
    }
    return 0;
}

/* What is given is within the part, in order, and has its bytes. */
static void check(const struct linux_ktext_part *p, const struct linux_kdiffs *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (!d->at[i].len || d->at[i].len > EG_INSTRUCTION_MAX || d->at[i].at < p->first ||
            d->at[i].at + (d->at[i].len - 1) > p->last || (i && d->at[i].at <= d->at[i - 1].at))
            abort();
}

static int compare(struct eg_run *r, void *context)
{
    const struct input *in = context;
    struct linux_kexports exports;
    struct linux_kdiffs diffs = { 0 };
    struct linux_kelf elf;
    struct linux_kfile file;
    const char *why = NULL;
    const struct linux_ktext_part *part = &parts[in->module];
    bool opened;

    linux_kelf_open(r, in->file, in->size, &elf);
    if (in->module) {
        linux_kexports(r, &exports);
        opened =
            linux_kmodule_of(r, &elf, eg_object(r, module, in->m->module), &exports, &file, &why);
    } else {
        opened = linux_kfile_of(r, &elf, (int64_t)(in->m->text - 0xffffffff81000000), &file, &why);
    }
    if (opened)
        linux_kdiff(r, part, &file, &diffs);
    else if (!why)
        abort();
    check(part, &diffs);
    linux_kelf_close(r, &elf);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mk_module m;
    struct input in = { .m = &m };
    struct eg_run *r;

    if (!m.k) {
        mk_module(&m);
        mk_module_settle(&m);
        eg_run_do(mk_run(m.k), keep_parts, NULL);
    }
    if (size < 2 || eg_memory_open(&in.file, data + 1, size - 1, NULL) < 0)
        return 0;
    in.size = size - 1;
    in.module = data[0] & 1;
    r = mk_run(m.k);
    if (eg_run_do(r, compare, &in) != 0)
        abort();
    eg_view_forget(eg_view_of(r), in.file);
    eg_space_close(in.file);
    return 0;
}
