/* sched/cred.c - ids and capabilities of a struct cred. */
#include "cred.h"
#include "flags.h"

EG_FIELD_AS(cred_suid, cred, "suid.val|suid");
EG_FIELD_AS(cred_sgid, cred, "sgid.val|sgid");
EG_FIELD_AS(cred_fsuid, cred, "fsuid.val|fsuid");
EG_FIELD_AS(cred_fsgid, cred, "fsgid.val|fsgid");
EG_FIELD_AS(caps_val, kernel_cap_t, "val");   // one number since 6.3
EG_FIELD_AS(caps_words, kernel_cap_t, "cap"); // before, two words, the lower first

struct eg_cell linux_caps(struct eg_run *r, struct eg_obj caps)
{
    struct eg_obj words = eg_at(caps, caps_words);
    uint32_t low, high;

    if (eg_has(r, caps_val))
        return eg_val(caps, caps_val);
    if (!eg_load(&low, eg_index(words, 0)))
        return eg_cell_of(eg_index(words, 0));
    if (!eg_load(&high, eg_index(words, 1)))
        return eg_cell_of(eg_index(words, 1));
    return eg_uint((uint64_t)high << 32 | low);
}

EG_FUNCTION(caps) = {
    .os = "linux",
    .help =
        "a set of capabilities (cred.cap_effective) as one number, whose bits linux.capabilities "
        "names",
    .args = "caps",
    .returns = "integer",
    .cell = linux_caps,
};

const char *linux_caps_text(struct eg_run *r, struct eg_obj caps)
{
    struct eg_cell set = linux_caps(r, caps);
    uint64_t bits;

    if (set.tag == EG_CELL_OBJ ? !eg_load(&bits, set.obj) : set.tag != EG_CELL_UINT)
        return NULL;
    if (set.tag == EG_CELL_UINT)
        bits = set.u;
    return eg_bits_text(r, linux_capabilities, bits, ",");
}

EG_FUNCTION(caps_text) = {
    .os = "linux",
    .help = "the names of a set of capabilities (cred.cap_effective): \"chown,net_raw\"",
    .args = "caps",
    .text = linux_caps_text,
};

#define ID(name)                                                                                   \
    static struct eg_cell name(struct eg_run *r, struct eg_obj cred)                               \
    {                                                                                              \
        (void)r;                                                                                   \
        return eg_val(cred, cred_##name);                                                          \
    }                                                                                              \
    EG_FUNCTION(name) = {                                                                          \
        .os = "linux",                                                                             \
        .help = #name " of a struct cred, as a number",                                            \
        .args = "cred",                                                                            \
        .returns = "integer",                                                                      \
        .cell = name,                                                                              \
    }
ID(uid);
ID(gid);
ID(euid);
ID(egid);
ID(suid);
ID(sgid);
ID(fsuid);
ID(fsgid);
