/* xt.c - extensions of iptables by name; what is not known is shown in hex. */
#include "xt.h"
#include "../../../core/base.h"
#include "ip.h"
#include <ctype.h>

EG_FIELD_AS(xt_match_name, xt_match, "name");
EG_FIELD_AS(xt_match_revision, xt_match, "revision");
EG_FIELD_AS_OF("x_tables", xt_match_name_m, xt_match, "name");
EG_FIELD_AS_OF("x_tables", xt_match_revision_m, xt_match, "revision");
EG_FIELD_AS_OF("x_tables", xt_table_name, xt_table, "name");
EG_FIELD_AS_OF("nf_conntrack", helper_name, nf_conntrack_helper, "name");

bool linux_xt_name(struct eg_run *r, uint64_t ext, struct linux_xt *x)
{
    // xt_match and xt_target begin alike: list, name, revision (linux/netfilter/x_tables.h).
    enum { NAME = 16, REVISION = NAME + 29 };
    uint64_t name = NAME, revision = REVISION;
    struct eg_view *v = eg_view_of(r);

    if (eg_has(r, xt_match_name_m)) {
        name = eg_offset(r, xt_match_name_m);
        revision = eg_offset(r, xt_match_revision_m);
    } else if (eg_has(r, xt_match_name)) {
        name = eg_offset(r, xt_match_name);
        revision = eg_offset(r, xt_match_revision);
    }
    if (!ext || !eg_read(v, eg_kernel(r), ext + name, x->name, 29) ||
        !eg_read(v, eg_kernel(r), ext + revision, &x->revision, 1))
        return false;
    x->name[29] = 0;
    for (const char *c = x->name; *c; c++)
        if (!isprint((unsigned char)*c))
            return false;
    return *x->name;
}

void linux_xt_address(struct linux_text *t, const struct linux_xt *x, size_t at)
{
    const char *text = linux_ip_text(t->r, x->data + at, x->family == 10 ? 16 : 4);

    linux_text_add(t, "%s", text ? text : "?");
}

void linux_xt_quoted(struct linux_text *t, const void *text, size_t len)
{
    const char *s = text;
    bool plain = true;

    len = strnlen(s, len);
    for (size_t i = 0; i < len; i++)
        plain = plain && (isalnum((unsigned char)s[i]) || strchr("_-", s[i]));
    if (plain && len) {
        linux_text_bytes(t, s, len);
        return;
    }
    linux_text_add(t, "\"");
    for (size_t i = 0; i < len; i++)
        linux_text_add(t, strchr("\"\\'", s[i]) ? "\\%c" : "%c", s[i]);
    linux_text_add(t, "\"");
}

const char *linux_xt_shown(const struct linux_xt *x)
{
    if (!x->match && !strcmp(x->name, "CT") && x->size >= 2 &&
        linux_xt_u16(x, 0) & LINUX_XT_NOTRACK_ALIAS)
        return "NOTRACK";
    return x->match && !strcmp(x->name, "conntrack") && x->size >= 148 &&
                   linux_xt_u16(x, 146) & LINUX_XT_STATE_ALIAS
               ? "state"
               : x->name;
}

void linux_xt_options(struct linux_text *t, const struct linux_xt *x)
{
    if (x->match ? linux_xt_match_options(t, x) : linux_xt_target_options(t, x))
        return;
    if (!x->size)
        return;
    linux_text_add(t, " [");
    for (size_t i = 0; i < EG_MIN(x->size, 64u); i++)
        linux_text_add(t, "%02x", x->data[i]);
    linux_text_add(t, "%s]", x->size > 64 ? "…" : "");
}

const char *linux_xt_extension(struct eg_run *r, uint8_t family, uint64_t ext, bool match,
                               uint64_t info, uint32_t size)
{
    struct linux_text t = { .r = r };
    struct linux_xt x = { .family = family, .match = match };

    if (!linux_xt_name(r, ext, &x))
        return NULL;
    size = EG_MIN(size, (uint32_t)sizeof x.data);
    if (info && eg_read(eg_view_of(r), eg_kernel(r), info, x.data, size))
        x.size = size;
    linux_text_add(&t, "xt %s \"%s\"", match ? "match" : "target", linux_xt_shown(&x));
    linux_xt_options(&t, &x);
    return linux_text_of(&t);
}

const char *linux_xt_table_name(struct eg_run *r, uint64_t table)
{
    enum { OLD = 56 }; // Linux 5.10, whose modules have no types
    const struct eg_slot *s = eg_slot(r, eg_f_xt_table_name.id);
    const char *name = eg_cstr(r, eg_kernel(r), table + (s->kind ? s->off : OLD), 32);

    for (const char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_-", *c))
            return NULL;
    return name && *name ? name : NULL;
}

uint64_t linux_nf_helper_name(struct eg_run *r, uint64_t helper)
{
    const struct eg_slot *s = eg_slot(r, eg_f_helper_name.id);
    enum { OLD = 16 }; // behind its hlist_node, in kernels without BTF of modules (before 5.11)
    const uint8_t *p;

    if (!helper)
        return 0;
    if (s->kind != EG_K_PTR)
        return helper + (s->kind ? s->off : OLD);
    p = eg_bytes(eg_view_of(r), eg_kernel(r), helper + s->off, 8);
    return p ? eg_load_(p, 8, eg_binding_of(r)->model.big_endian) : 0;
}
