/* jumplabels - the kernel's switches in code, and the instructions that they switch. */
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/patched.h"
#include "../linux/own/code.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(key_enabled, static_key, "enabled.counter|enabled");
EG_TYPE(static_key);

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct jump_entry is", EG_MINOR)                                    \
    C(NAME, TEXT, "the key's name")                                                                \
    C(ENABLED, INT, "how often the key is switched on")                                            \
    C(ADDRESS, ADDR, "of the instruction")                                                         \
    C(SYMBOL, TEXT, "the function that it is in")                                                  \
    C(MODULE, TEXT, "whose code that is")                                                          \
    C(DESTINATION, ADDR, "where the jump leads")                                                   \
    C(BYTES, BYTES, "the instruction, as it is", EG_MINOR)                                         \
    C(DISASM, TEXT, "the same as text")                                                            \
    C(HINTS, TEXT, "what is odd: the instruction is not what the key or the record says")
EG_COLUMNS(COLUMNS);

static void show(struct eg_run *r, const struct linux_patch *p, bool all, uint64_t *unread)
{
    const struct eg_arch *arch = eg_system_of(r)->arch;
    uint8_t *bytes = NULL, here[LINUX_PATCH_BYTES];
    const bool there = eg_read(eg_view_of(r), eg_kernel(r), p->at, here, sizeof here);
    const char *hint = there ? linux_patch_hint(r, p, here, sizeof here) : NULL;
    const struct eg_cell gone = eg_missing(EG_UNREADABLE, p->at);
    struct linux_codeof code;
    size_t size;

    *unread += !there;
    if (!hint && !all)
        return;
    size = arch->code_unit == 4 ? 4 : there && (here[0] == 0xeb || here[0] == 0x66) ? 2 : 5;
    bytes = memcpy(eg_tmp(r, sizeof here), here, sizeof here);
    linux_codeof(r, p->at, &code);
    eg_row(r, .OFFSET = eg_uint(p->record), .NAME = eg_text(eg_name_of(r, p->key)),
           .ENABLED = eg_val(eg_object(r, static_key, p->key), key_enabled),
           .ADDRESS = eg_uint(p->at), .SYMBOL = eg_text(code.symbol),
           .MODULE = eg_text(code.module), .DESTINATION = eg_uint(p->to),
           .BYTES = there ? eg_blob(bytes, size) : gone,
           .DISASM = there ? eg_text(linux_code_text(r, false, bytes, size, p->at, 1)) : gone,
           .HINTS = eg_text(hint ? hint : ""));
}

static int run(struct eg_run *r)
{
    const struct linux_patches *p = linux_patches(r);
    const bool all = eg_arg_flag(r, "all");
    uint64_t unread = 0, n = 0;

    if (!p)
        return eg_failed(r, "out of memory");
    if (!(p->found & 1u << LINUX_PATCH_JUMP))
        eg_note(r, "jump labels of the kernel itself were not compared: __start___jump_table "
                   "is not known; a System.map of this kernel (--system-map) has it");
    for (size_t i = 0; i < p->n && !eg_stopped(r); i++) {
        if (p->at[i].kind != LINUX_PATCH_JUMP)
            continue;
        show(r, &p->at[i], all, &unread);
        n++;
    }
    eg_note(r, "%" PRIu64 " jump labels were compared with their keys", n - unread);
    if (unread)
        eg_note(r, "%" PRIu64 " jump labels could not be read, and were not compared", unread);
    return 0;
}

EG_PLUGIN(jumplabels) = {
    .os = "linux",
    .help = "Find jump labels whose instruction is not what their key says",
    .manual =
        "The kernel switches code on and off by writing a jump or a nop into it: a jump label "
        "(include/linux/jump_label.h). A row is one whose instruction is neither, jumps elsewhere "
        "than its record says, or does not fit the state of its key; --all shows every one. In an "
        "image that was taken while the machine ran, a key that was being switched may look so. "
        "It believes the kernel's own table of records, and does not see a record and an "
        "instruction that were changed together; kernelcode --against does. Records of start-up "
        "code, whose memory was given back, are left out.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also those with nothing odd")),
    .needs = EG_NEEDS(key_enabled),
    .run = run,
};
