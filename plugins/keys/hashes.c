/* hashes.c - password hashes of accounts: shadow(5), gshadow(5), passwd(5), opasswd and htpasswd
 * from the page cache, and what a search of memory finds of their forms besides. */
#include "hashes.h"
#include "../../core/base.h"
#include "../../core/space.h"
#include "cachedfile.h"
#include "config.h"
#include "lanes.h"
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_CRYPT
#include <crypt.h>
#endif

enum { NAME_MAX_ = 256, FIELDS_MAX = 16, ACCOUNTS_MAX = 1 << 16 };
#define KIND "password hash"

/* ---- files ---- */

/* Which files, and how many fields their lines have; of htpasswd two or more. */
static const struct file {
    const char *name;
    unsigned fields, hash; // hash: number of the field
} files[] = {
    { "shadow", 9, 1 },
    { "gshadow", 4, 1 },
    { "passwd", 7, 1 },
    { "opasswd", 4, 3 },
};
static const struct file htpasswd = { "htpasswd", 0, 1 };

/* "shadow", "shadow-" (the one before), "shadow+" (while it is written), "shadow.bak". */
static const struct file *file_of(const char *name)
{
    for (size_t i = 0; i < countof(files); i++) {
        const size_t n = strlen(files[i].name);

        if (!strncmp(name, files[i].name, n) && strchr("-+.~", name[n]))
            return &files[i];
    }
    return strstr(name, "htpasswd") ? &htpasswd : NULL;
}

static bool is_current(const char *name)
{
    for (size_t i = 0; i < countof(files); i++)
        if (!strcmp(name, files[i].name))
            return true;
    return file_of(name) == &htpasswd;
}

static bool is_saved(const char *name)
{
    return file_of(name) && !is_current(name);
}

struct list {
    struct eg_run *r;
    struct eg_account *at;
    size_t n, cap;
    bool full;
};

static bool is_name(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] >= 0x7f)
            return false;
    return n > 0 && n <= NAME_MAX_;
}

static void add_account(struct list *l, const struct eg_cached_file *f, const char *name,
                        size_t name_len, const char *hash, size_t len)
{
    struct eg_account a = { .path = f->path };

    // Marks by which usermod -L, passwd -l and others lock an account.
    while (len && (*hash == '!' || *hash == '*')) {
        a.locked = true;
        hash++, len--;
    }
    if (l->n == ACCOUNTS_MAX) {
        if (!l->full)
            eg_note(l->r, "more than %d hashes of accounts: the others are left out", ACCOUNTS_MAX);
        l->full = true;
        return;
    }
    if (!eg_crypt_hash(hash, len, true, &a.form) || a.form.len != len)
        return;
    a.name = eg_strf(l->r, "%.*s", (int)name_len, name);
    a.path = eg_strf(l->r, "%s", f->path);
    a.hash = eg_strf(l->r, "%.*s", (int)len, hash);
    l->at = eg_grow(l->r, l->at, l->n, &l->cap, sizeof *l->at);
    l->at[l->n++] = a;
}

/* opasswd has those of before too, with commas between. */
static void add_list(struct list *l, const struct eg_cached_file *f, const char *name,
                     size_t name_len, const char *field, size_t len)
{
    while (len) {
        const char *comma = memchr(field, ',', len);
        const size_t some = comma ? (size_t)(comma - field) : len;

        add_account(l, f, name, name_len, field, some);
        field += some + (comma != NULL);
        len -= some + (comma != NULL);
    }
}

static void line(struct list *l, const struct eg_cached_file *f, const struct file *form,
                 const char *p, size_t n)
{
    const char *at[FIELDS_MAX] = { p };
    size_t len[FIELDS_MAX] = { 0 }, fields = 1;

    for (size_t i = 0; i < n; i++)
        if (p[i] != ':') {
            len[fields - 1]++;
        } else if (fields == FIELDS_MAX) {
            return;
        } else {
            at[fields++] = p + i + 1;
        }
    if ((form->fields ? fields != form->fields : fields < 2) || !is_name(at[0], len[0]))
        return;
    add_list(l, f, at[0], len[0], at[form->hash], len[form->hash]);
}

static void lines(struct eg_vault *v, const struct eg_cached_file *f, void *context)
{
    const struct file *form = file_of(f->name);
    const char *p = (const char *)f->bytes;
    size_t left = f->len;

    (void)v;
    while (form && left) {
        const char *nl = memchr(p, '\n', left);
        const size_t n = nl ? (size_t)(nl - p) : left;

        line(context, f, form, p, n);
        p += n + (nl != NULL);
        left -= n + (nl != NULL);
    }
}

size_t eg_accounts(struct eg_vault *v, struct eg_account **out)
{
    struct list l = { .r = v->r };

    eg_cached_files(v, is_current, lines, &l);
    eg_cached_files(v, is_saved, lines, &l);
    *out = l.at;
    return l.n;
}

/* ---- trials ---- */

enum { TRIALS = 2000 }; // milliseconds

const struct eg_account *eg_account_with(struct eg_vault *v, struct eg_trials *t,
                                         const char *password)
{
#ifdef HAVE_CRYPT
    struct crypt_data *data;
    const struct eg_account *found = NULL;

    if (!t->begun)
        t->n = eg_accounts(v, &t->accounts);
    t->begun = true;
    data = t->n ? calloc(1, sizeof *data) : NULL;
    for (size_t i = 0; data && i < t->n && !found; i++) {
        const struct eg_account *a = &t->accounts[i];
        const char *made;

        if (a->form.cost > TRIALS - t->spent ||
            (a->form.prefix && strlen(password) > a->form.prefix))
            continue;
        t->spent += a->form.cost;
        made = crypt_r(password, a->hash, data);
        if (made && !strcmp(made, a->hash))
            found = a;
    }
    free(data);
    return found;
#else
    (void)v, (void)t, (void)password;
    return NULL;
#endif
}

/* ---- keys ---- */

static void export(struct eg_vault *v, const char *name, const char *hash,
                   const struct eg_crypt_hash *form)
{
    struct eg_run *r = v->r;

    if (!v->exports)
        return;
    if (form->hashcat)
        eg_vault_text(v, eg_strf(r, "hashes/hashcat-%u.txt", form->hashcat),
                      eg_strf(r, "%s\n", hash),
                      eg_strf(r, "hashes of %s: hashcat -m %u FILE WORDLIST", form->algorithm,
                              form->hashcat));
    eg_vault_text(v, "hashes/john.txt", eg_strf(r, "%s:%s\n", name ? name : "?", hash),
                  "hashes of accounts: john FILE; of yescrypt and scrypt john --format=crypt FILE");
}

static void find(struct eg_vault *v)
{
    struct eg_account *a;
    const size_t n = eg_accounts(v, &a);

    for (size_t i = 0; i < n; i++) {
        if (eg_vault_knows(v, a[i].hash, a[i].form.len))
            continue; // of a saved file, and the same in the current one
        if (!eg_vault_add(v, &(struct eg_vault_key){
                                 .kind = KIND,
                                 .name = a[i].name,
                                 .purpose = a[i].path,
                                 .algorithm = a[i].form.algorithm,
                                 .secret = a[i].hash,
                                 .len = a[i].form.len,
                                 .proof = "fields of the line, form of the hash",
                                 .hints = a[i].locked ? "locked" : NULL,
                             }))
            continue;
        export(v, a[i].name, a[i].hash, &a[i].form);
    }
}

/* ---- memory ---- */

struct looking {
    const struct eg_window *w;
    struct eg_hits *out;
    uint32_t id;
};

static void try(const struct looking *l, size_t at)
{
    const char *p = (const char *)l->w->bytes;
    struct eg_crypt_hash form;

    // Behind a letter it is a part of something else.
    if ((at && ((p[at - 1] | 32) >= 'a' && (p[at - 1] | 32) <= 'z')) ||
        !eg_crypt_hash(p + at, l->w->len - at, false, &form))
        return;
    eg_hit_add(l->out, l->w->addr + at, (uint32_t)form.len, l->id);
}

/* "$6$", "$2b$", "$gy$", "$apr1$", "$sha1$". */
static bool begins(const uint8_t *p)
{
    return p[0] == '$' && (p[2] == '$' || p[3] == '$' || (p[1] == 'a' && p[2] == 'p') ||
                           (p[1] == 's' && p[2] == 'h'));
}

/* Most of memory that is not zero ends here. */
LANES_WIDE static void may_begin(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++)
        m[i] = (p[i] == '$') &
               ((p[i + 2] == '$') | (p[i + 3] == '$') | (p[i + 1] == 'a') | (p[i + 1] == 's'));
}

static void search_hashes(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const struct looking l = { w, out, id };
    const size_t end = w->len < 4 ? 0 : EG_MIN(w->to, w->len - 3);
    size_t at = w->from, i;
    uint8_t m[LANES];

    for (; at + LANES <= end; at += LANES) {
        may_begin(w->bytes + at, m);
        lanes_each(i, m) if (begins(w->bytes + at + i)) try(&l, at + i);
    }
    for (; at < end; at++)
        if (begins(w->bytes + at))
            try(&l, at);
}

/* The account's name, where a line is around the hash: "alice:$6$…:". */
enum { BEFORE = 64 };
static const char *name_before(struct eg_vault *v, const struct eg_region *region, uint64_t addr,
                               char text[BEFORE])
{
    const uint64_t n = EG_MIN(addr - region->first, (uint64_t)BEFORE);
    size_t at = (size_t)n, from;

    if (!eg_read(eg_view_of(v->r), region->space, addr - n, text, (size_t)n))
        return NULL;
    while (at && (text[at - 1] == '!' || text[at - 1] == '*'))
        at--;
    if (!at || text[--at] != ':')
        return NULL;
    for (from = at; from && text[from - 1] > ' ' && text[from - 1] < 0x7f && text[from - 1] != ':';)
        from--;
    if (from && text[from - 1] == ':') // not the first field
        return NULL;
    if (from == at || (!from && n == BEFORE))
        return NULL;
    text[at] = 0;
    return text + from;
}

static void hit(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    char hash[EG_CRYPT_MAX + 1] = "", text[BEFORE];
    struct eg_crypt_hash form;
    uint64_t at = 0;
    const char *name;

    (void)tag;
    if (h->len > EG_CRYPT_MAX || h->addr < region->first ||
        !eg_read(eg_view_of(v->r), region->space, h->addr, hash, h->len) ||
        !eg_crypt_hash(hash, h->len, false, &form) || eg_vault_knows(v, hash, h->len))
        return;
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &at);
    name = name_before(v, region, h->addr, text);
    if (eg_vault_add(v, &(struct eg_vault_key){
                            .kind = KIND,
                            .name = name,
                            .algorithm = form.algorithm,
                            .physical = at,
                            .secret = hash,
                            .len = form.len,
                            .proof = "form of the hash",
                            .hints = eg_vault_owner(v, region, h),
                        }))
        export(v, name, hash, &form);
}

EG_KEY_SOURCE(hashes) = { .find = find, .search = search_hashes, .hit = hit };
