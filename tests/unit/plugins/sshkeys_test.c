/* sshkeys_test.c - keys that OpenSSH's programs shield: their form, the process that has them, what
 * is close to one and is none. */
#include "../../../plugins/keys/privkey.h"
#include "../../../plugins/keys/sshkey.h"
#include "check.h"
#include "mkuser.h"
#include <stdio.h>
#include <stdlib.h>

/* Keys that ssh-keygen wrote: the corpus of the fuzz target privkey. */
static const struct {
    const char *name, *algorithm, *public;
} keys[] = {
    { "openssh-rsa", "RSA-1024", "SHA256:QsGH9bE9yFuKMMNDBHDF02Qggx3QcSgO5BKk6ZVVG7c" },
    { "openssh-ecdsa", "EC P-384", "SHA256:0djPSlPupmYAVHxMblYON+psc4aSfc7v6Gfgh+0Dbxc" },
    { "openssh-ed25519", "Ed25519", "SHA256:g+dIktVtJnABKF21mhyOAwAkFwsz64n+cRUPNF/Tvjw" },
    { "openssh-dsa", "DSA-1024", "SHA256:XX2OzFKejS1TSlFa6U9EqPtXawDY3iwKhm8oyH0NsYk" },
};
enum { RSA, ECDSA, ED25519, DSA };

static void pad(struct eg_key_buf *b)
{
    for (uint8_t i = 1; b->n % 16; i++)
        eg_key_put(b, &i, 1);
}

/** As sshkey_shield_private() writes it before it encrypts. */
static struct eg_key_buf serialized(const char *name)
{
    struct eg_key_buf b = { 0 };
    uint8_t bytes[4096];
    struct eg_openssh o;
    char path[512];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/privkey/%s", getenv("SOURCE_ROOT"), name);
    f = fopen(path, "rb");
    assert_non_null(f);
    fgetc(f); // the form
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(eg_openssh_read(bytes, n, &o));
    eg_key_put_ssh(&b, o.type.at, o.type.n);
    for (size_t i = 0; i < o.n_fields; i++)
        eg_key_put_ssh(&b, o.fields[i].at, o.fields[i].n);
    pad(&b);
    return b;
}

static struct eg_key_buf token(void)
{
    struct eg_key_buf b = { 0 };
    uint8_t point[32] = { 7 };

    eg_key_put_ssh(&b, "sk-ssh-ed25519@openssh.com", 26);
    eg_key_put_ssh(&b, point, sizeof point);
    eg_key_put_ssh(&b, "ssh:", 4);
    eg_key_put(&b, "\1", 1);
    eg_key_put_ssh(&b, "the handle", 10);
    eg_key_put_ssh(&b, "", 0);
    pad(&b);
    return b;
}

/* What is put together can be read, and is the same key. */
static void files(void **state)
{
    static struct eg_privkey read, again;
    static char text[2 * KEY_MAX];

    (void)state;
    for (size_t i = 0; i < countof(keys); i++) {
        const struct eg_key_buf b = serialized(keys[i].name);
        struct eg_key_buf file = { 0 }, public = { 0 };
        char fingerprint[EG_FINGERPRINT_MAX];
        struct eg_sshkey key;
        size_t n;

        assert_true(eg_sshkey_read(b.at, b.n, &key));
        assert_false(key.token);
        eg_sshkey_file(&key, "a comment", &file);
        assert_false(file.full);
        assert_true(eg_privkey_read(KEY_OPENSSH, file.at, file.n, &read));
        assert_non_null(read.proof);
        assert_string_equal(read.public, keys[i].public);
        assert_string_equal(read.algorithm, keys[i].algorithm);
        assert_string_equal(read.comment, "a comment");
        eg_sshkey_public(&key, &public);
        eg_ssh_fingerprint((struct eg_key_bytes){ public.at, public.n }, fingerprint);
        // what would be encrypted is padded to blocks; before it are 15 + 4 * 8 bytes
        assert_int_equal((file.n - public.n - 47) % 8, 0);
        assert_string_equal(fingerprint, keys[i].public);
        n = eg_sshkey_text(&file, text, sizeof text);
        assert_int_equal(n, strlen(text));
        for (n = 0; strchr(text, '=') && strchr(text, '=')[n] == '=';)
            n++;
        assert_int_equal(n, (3 - file.n % 3) % 3);
        assert_true(eg_privkey_read(KEY_PEM, (uint8_t *)text, strlen(text), &again));
        assert_memory_equal(again.der, read.der, read.der_len);
        for (const char *line = text; *line; line = strchr(line, '\n') + 1)
            assert_true(strchr(line, '\n') - line <= 70);
        assert_int_equal(eg_sshkey_text(&file, text, strlen(text)), 0);
    }
}

static void forms(void **state)
{
    struct eg_key_buf b = token();
    struct eg_sshkey key;

    (void)state;
    assert_true(eg_sshkey_read(b.at, b.n, &key));
    assert_true(key.token);
    assert_int_equal(key.handle.n, 10);
    assert_memory_equal(key.handle.at, "the handle", 10);
    for (size_t i = 0; i < b.n; i++)
        if (b.at[i] == 1 && i + 1 < b.n && b.at[i + 1] == 2) // the padding
            b.at[i + 1] = 3;
    assert_false(eg_sshkey_read(b.at, b.n, &key));
    b = serialized(keys[ED25519].name);
    for (size_t n = 0; n < b.n; n++)
        if (eg_sshkey_read(b.at, n, &key) && n + 16 < b.n)
            fail_msg("%zu of %zu bytes are a key", n, b.n);
    b.at[4] = 'S';
    assert_false(eg_sshkey_read(b.at, b.n, &key));
}

/* ---- in a process ---- */

struct world {
    struct mk_user u;
    struct eg_key_buf plain;
    uint8_t prekey[EG_SSH_PREKEY];
    uint64_t prekey_at, hidden_at, key_at; // key_at: the struct; behind 96 bytes are the four words
};
enum { BEFORE = 96 };

static uint64_t four(const struct world *w)
{
    return w->key_at + BEFORE;
}

static void write_pages(struct mk_user *u, uint64_t va, const uint8_t *p, size_t n)
{
    while (n) {
        const size_t some = EG_MIN(n, (size_t)(u->g.page - va % u->g.page));

        mk_guest_write(&u->g, u->mm, va, p, some);
        va += some;
        p += some;
        n -= some;
    }
}

static void hide(struct world *w)
{
    uint8_t hidden[KEY_MAX];

    for (size_t i = 0; i < sizeof w->prekey; i++)
        w->prekey[i] = (uint8_t)(i * 7 + i / 256);
    assert_true(eg_ssh_unshield(w->prekey, w->plain.at, w->plain.n, hidden));
    write_pages(&w->u, w->prekey_at, w->prekey, sizeof w->prekey);
    write_pages(&w->u, w->hidden_at, hidden, w->plain.n);
    mk_user_int(&w->u, w->key_at, 4, 3); // type, flags
    mk_user_int(&w->u, w->key_at + 4, 4, 0);
    mk_user_word(&w->u, four(w), 0, w->hidden_at);
    mk_user_word(&w->u, four(w), 1, w->plain.n);
    mk_user_word(&w->u, four(w), 2, w->prekey_at);
    mk_user_word(&w->u, four(w), 3, EG_SSH_PREKEY);
}

/* The prekey fills the pages 1 to 4 but for their last 1024 bytes. The four words lie across the
 * end of page 4, where pages are small. */
static struct world world(const struct mk_machine *m, unsigned ptr, struct eg_key_buf plain)
{
    struct world w = { .u = mk_user(m, ptr), .plain = plain };
    const uint64_t pages = w.u.g.page == 4096 ? w.u.heap + 5 * 4096 : w.u.heap + 0x8000;

    w.prekey_at = pages - 1024 - EG_SSH_PREKEY;
    w.hidden_at = pages + 512;
    w.key_at = pages - 2 * w.u.ptr - BEFORE;
    hide(&w);
    return w;
}

static void free_world(struct world *w)
{
    mk_free(w->u.g.k);
}

static const char *rows(struct world *w, int from, int to)
{
    return mk_columns(mk_guest_rows(&w->u.g, "keys", NULL), from, to);
}

static void identity(struct world *w, const char *comment)
{
    struct mk_user *u = &w->u;

    MK_WORDS(u, u->heap + 64, u->heap + 64, w->key_at, mk_user_text(u, comment));
}

static void each_kind(void **state)
{
    (void)state;
    mk_each_user(m, p) for (size_t i = 0; i < countof(keys); i++)
    {
        struct world w = world(m, p, serialized(keys[i].name));
        char want[300];

        identity(&w, "alice@home");
        snprintf(want, sizeof want, "ssh key|alice@home|%s|%s", keys[i].public, keys[i].algorithm);
        assert_string_equal(rows(&w, 0, 3), want);
        snprintf(want, sizeof want, "7|prog|0x%llx||%s", (unsigned long long)four(&w),
                 i == RSA ? "n = p q, e d = 1, CRT" : "public key computed");
        assert_string_equal(rows(&w, 5, 9), want);
        free_world(&w);
    }
}

static void of_token(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct world w = world(m, p, token());

        assert_string_equal(rows(&w, 3, 3), "Ed25519 in a token");
        free_world(&w);
    }
}

/* Of two that point before the words, the nearer one; neither a text of another character nor
 * a pointer, nor one to what does not begin as a key does. */
static void names(void **state)
{
    (void)state;
    mk_each_user(m, p)
    {
        struct world w = world(m, p, serialized(keys[ED25519].name));
        struct mk_user *u = &w.u;

        MK_WORDS(u, w.key_at - 4 * u->ptr, mk_user_text(u, "farther"));
        MK_WORDS(u, w.key_at + 8 * u->ptr, MK_WORDS(u, u->heap + 64));
        assert_string_equal(rows(&w, 1, 1), "farther");
        identity(&w, "the\tone");
        assert_string_equal(rows(&w, 1, 1), "farther");
        identity(&w, "the one");
        assert_string_equal(rows(&w, 1, 1), "the one");
        MK_WORDS(u, w.key_at - 8 * u->ptr, mk_user_text(u, "farthest"));
        assert_string_equal(rows(&w, 1, 1), "the one");
        mk_user_int(u, w.key_at, 4, 4711);
        assert_string_equal(rows(&w, 1, 1), "farther");
        mk_puts(u->g.k, u->task, "task_struct.comm", "sshd-session");
        assert_string_equal(rows(&w, 1, 1), "host key");
        free_world(&w);
    }
}

static void none(void **state)
{
    static const struct {
        const char *what;
        unsigned word;
        int64_t add;
    } changes[] = {
        { "the private part is outside", 0, 1 << 28 },
        { "its length is no multiple", 1, 8 },
        { "its length is another", 1, 16 },
        { "the prekey is outside", 2, 1 << 28 },
        { "the prekey is elsewhere", 2, 16 },
        { "its length is another", 3, -16 },
    };

    (void)state;
    mk_each_user(m, p) for (size_t i = 0; i <= countof(changes) + 1; i++)
    {
        struct world w = world(m, p, serialized(keys[ED25519].name));
        const uint64_t values[] = { w.hidden_at, w.plain.n, w.prekey_at, EG_SSH_PREKEY };

        if (i < countof(changes)) {
            mk_user_word(&w.u, four(&w), changes[i].word,
                         values[changes[i].word] + (uint64_t)changes[i].add);
        } else if (i == countof(changes)) { // a byte of the prekey
            mk_user_int(&w.u, w.prekey_at + 5000, 1, (uint64_t)w.prekey[5000] ^ 1);
        } else { // the private part is another one
            w.plain.at[30] ^= 1;
            hide(&w);
        }
        if (*rows(&w, 0, 9))
            fail_msg("%s: %s", i < countof(changes) ? changes[i].what : "bytes", rows(&w, 0, 9));
        free_world(&w);
    }
}

/* The file is the key, once, though two processes have it. */
static void exported(void **state)
{
    char top[] = "/tmp/engram-keys-XXXXXX", args[64], path[200], text[4096], command[64];
    struct eg_privkey *read = malloc(sizeof *read);
    struct mk_guest *g;
    uint64_t task;
    size_t n, n_machines = 0;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(top));
    mk_each_machine(m)
    {
        struct world w = world(m, 0, serialized(keys[ED25519].name));

        g = &w.u.g;
        task = mk_guest_task(g, 8, "child", w.u.task);
        mk_put(g->k, task, "task_struct.mm", w.u.mm);
        snprintf(args, sizeof args, "export=%s/%zu", top, n_machines);
        assert_string_equal(mk_columns(mk_guest_rows(g, "keys", args), 5, 6), "7|prog\n8|child");
        snprintf(path, sizeof path,
                 "%s/%zu/keys/ssh/SHA256_g+dIktVtJnABKF21mhyOAwAkFwsz64n+cRUPNF_Tvjw.key", top,
                 n_machines++);
        f = fopen(path, "r");
        assert_non_null(f);
        n = fread(text, 1, sizeof text, f);
        fclose(f);
        assert_true(eg_privkey_read(KEY_PEM, (uint8_t *)text, n, read));
        assert_string_equal(read->public, keys[ED25519].public);
        assert_null(memmem(text + 1, n - 1, "-----BEGIN", 10));
        free_world(&w);
    }
    free(read);
    snprintf(command, sizeof command, "rm -rf %s", top);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),    cmocka_unit_test(forms), cmocka_unit_test(each_kind),
        cmocka_unit_test(of_token), cmocka_unit_test(names), cmocka_unit_test(none),
        cmocka_unit_test(exported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
