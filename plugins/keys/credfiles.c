/* credfiles.c - passwords and tokens that programs keep in files, of those that the page cache
 * holds: .netrc, .pgpass, .git-credentials, kubeconfig and others. */
#include "cachedfile.h"
#include "credtext.h"
#include "hashes.h"
#include "tokentext.h"
#include <stdio.h>
#include <string.h>

struct reading {
    struct eg_vault *v;
    struct eg_trials trials;
    const char *path, *program;
};

static void use(void *context, const struct eg_cred *c)
{
    struct reading *d = context;
    const size_t len = strlen(c->secret);
    const struct eg_account *a;
    struct eg_token token;
    char proof[512], purpose[128];
    struct eg_vault_key key = { .kind = c->password ? "password" : "token",
                                .name = *c->name ? c->name : NULL,
                                .purpose = purpose,
                                .secret = c->secret,
                                .len = len,
                                .hints = d->path };

    if (eg_vault_knows(d->v, c->secret, len))
        return;
    snprintf(purpose, sizeof purpose, "%s: %s", d->program, c->word);
    if (c->password && (a = eg_account_with(d->v, &d->trials, c->secret))) {
        snprintf(proof, sizeof proof, "hash of %.128s in %.256s", a->name, a->path);
        key.proof = proof;
    } else if (eg_token_read((const uint8_t *)c->secret, len, &token) && token.len == len) {
        key.algorithm = *token.algorithm ? token.algorithm : NULL;
        key.proof = token.proof;
    }
    if (eg_vault_add(d->v, &key) && d->v->exports)
        eg_vault_text(d->v, "tokens/files.txt",
                      eg_strf(d->v->r, "%s\t%s\t%s\n", d->path, c->name, c->secret),
                      "secrets in files: the file, whose, the secret, tabs between");
}

static void look(struct eg_vault *v, const struct eg_cached_file *f, void *context)
{
    struct reading *d = context;
    const struct eg_cred_format *format = eg_cred_format(f->path);

    (void)v;
    if (!format)
        return;
    d->path = f->path;
    d->program = eg_cred_program(format);
    eg_cred_each(format, (const char *)f->bytes, f->len, use, d);
}

static void find(struct eg_vault *v)
{
    struct reading d = { .v = v };

    eg_cached_files(v, eg_cred_may, look, &d);
}

EG_KEY_SOURCE(credfiles) = { .find = find };
