/* bindings_test.c - one set of handles, many systems at the same time: what a handle means is each
 * system's own, also of types that a module brings. */
#include "check.h"
#include "mkimage.h"
#include <pthread.h>

enum { RUNNERS = 3, OPENERS = 3, ROUNDS = 100 };

EG_FIELDS(task, pid, peer);
EG_FIELDS_OF("wireguard", wg_peer, endpoint);
EG_SYMBOL(first, "task");

#define COLUMNS(C)                                                                                 \
    C(PID, INT, "")                                                                                \
    C(ENDPOINT, INT, "")
EG_COLUMNS(COLUMNS);

static int run(struct eg_run *r)
{
    const struct eg_obj task = eg_sym(r, first);

    eg_row(r, .PID = eg_val(task, task.pid), .ENDPOINT = eg_val(task, task.peer, wg_peer.endpoint));
    return 0;
}
EG_PLUGIN(test_peers) = { .help = "Read what a module's types say",
                          .columns = columns,
                          .run = run };

/* Two kernels that lay out the same structs differently; only the first has the module. */
static const struct kernel {
    const char *types, *module;
    uint64_t endpoint; /**< where it is, in bytes */
} kernels[] = {
    { "struct task { u32 pid; struct wg_peer *peer; };",
      "struct wg_peer { u64 pad; u32 endpoint; };", 8 },
    { "struct task { u64 pad[3]; struct wg_peer *peer; u32 pid; };", NULL, 0 },
};

static int first_module(struct eg_system *sys, const char *module, struct eg_error *e)
{
    if (!module || strcmp(module, "wireguard") != 0)
        return eg_fail(e, EG_ENOTFOUND, "%s is not loaded", module);
    return eg_system_add_profile(
        sys,
        mk_types(&sys->bind.model, kernels[0].module, sys->types.layers[0].profile, "wireguard"), 0,
        e);
}

static int no_module(struct eg_system *sys, const char *module, struct eg_error *e)
{
    (void)sys;
    return eg_fail(e, EG_ENOTFOUND, "%s is not loaded", module);
}

static const struct eg_os systems[] = {
    { .name = "with", .module_types = first_module },
    { .name = "without", .module_types = no_module },
};

static struct mk *make(unsigned which)
{
    struct mk *k = mk_new(&mk_machines[which], 1 << 18, kernels[which].types);
    const uint64_t task = mk_object(k, "task"), peer = mk_alloc(k, 64);

    mk_put(k, task, "task.pid", 100 + which);
    mk_put(k, task, "task.peer", peer);
    mk_write_u32(k, peer + kernels[which].endpoint, 4242);
    mk_symbol(k, "first", task);
    return k;
}

static struct eg_system *open_it(struct mk *k, unsigned which)
{
    struct eg_system *sys = mk_system(k);

    sys->os = &systems[which];
    return eg_system_resolve(sys, NULL) ? NULL : sys;
}

/** The row of the first kernel, or of the second, where the module's member is not known. */
static void check(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    const uint64_t pid = v[0].u;
    uintptr_t *right = context;

    *right += !depth && n == 2 &&
              (pid == 100 ? v[1].tag == EG_V_UINT && v[1].u == 4242
                          : pid == 101 && v[1].tag == EG_V_BAD && v[1].why == EG_NO_TYPE);
}

static uintptr_t rows(struct eg_system *sys)
{
    struct eg_run_result result;
    uintptr_t right = 0;

    eg_plugin_run(sys, eg_plugin_find("test_peers"), &(struct eg_run_options){ .quiet = true },
                  (struct eg_sink){ check, &right }, &result);
    right *= !result.status;
    eg_arena_fini(&result.arena);
    return right;
}

static void *runner(void *context)
{
    uintptr_t right = 0;

    for (unsigned i = 0; i < ROUNDS; i++)
        right += rows(context);
    return (void *)right;
}

static void *opener(void *context)
{
    uintptr_t right = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct mk *k = make(i % 2);
        struct eg_system *sys = open_it(k, i % 2);

        right += sys ? rows(sys) : 0;
        mk_free(k);
    }
    (void)context;
    return (void *)right;
}

static void side_by_side(void **state)
{
    pthread_t threads[RUNNERS + OPENERS];
    struct mk *k[2] = { make(0), make(1) };
    struct eg_system *sys[2] = { open_it(k[0], 0), open_it(k[1], 1) };

    (void)state;
    for (unsigned i = 0; i < RUNNERS + OPENERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < RUNNERS ? runner : opener, sys[i % 2]), 0);
    for (unsigned i = 0; i < RUNNERS + OPENERS; i++) {
        void *right;

        assert_int_equal(pthread_join(threads[i], &right), 0);
        assert_int_equal((uintptr_t)right, ROUNDS);
    }
    mk_free(k[0]);
    mk_free(k[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
