/* pool_test.c - decoders are made, used again, chosen by their position and stopped; also where
 * only a few can be made. */
#include "../../../core/base.h"
#include "../../../formats/pool.h"
#include "check.h"
#include <stdlib.h>

struct counted {
    int started, stopped, most;
};

static void *start(const void *context)
{
    struct counted *c = (void *)(uintptr_t)context;

    return c->started - c->stopped < c->most ? (c->started++, calloc(1, sizeof(uint64_t))) : NULL;
}

static struct counted counted;

static void stop(void *decoder)
{
    counted.stopped++;
    free(decoder);
}

static uint64_t rank(const void *key, const void *decoder)
{
    const uint64_t wanted = *(const uint64_t *)key, place = *(const uint64_t *)decoder;

    return place <= wanted ? place : 0;
}

static void pool(void **state)
{
    struct eg_pool p = { .start = start, .stop = stop, .context = &counted };
    uint64_t *d[EG_POOL_IDLE_MAX + 1], key;

    (void)state;
    counted = (struct counted){ .most = 1000 };
    eg_pool_init(&p);
    d[0] = eg_pool_take(&p);
    eg_pool_give(&p, d[0]);
    assert_ptr_equal(eg_pool_take(&p), d[0]); // used again
    assert_int_equal(counted.started, 1);
    for (unsigned i = 1; i < countof(d); i++)
        d[i] = eg_pool_take(&p);
    for (unsigned i = 0; i < countof(d); i++) {
        *d[i] = 10 * (i + 1);
        eg_pool_give(&p, d[i]);
    }
    assert_int_equal(counted.stopped, 1); // one more than may be idle
    key = 35;
    assert_ptr_equal(eg_pool_take_ranked(&p, rank, &key), d[2]); // the nearest at or before it
    eg_pool_give(&p, d[2]);
    key = 5;
    assert_ptr_equal(eg_pool_take_ranked(&p, rank, &key), d[0]); // none: the longest unused
    eg_pool_drop(&p, d[0]);
    d[0] = eg_pool_take_ranked(&p, rank, &key);
    assert_ptr_not_equal(d[0], d[1]); // there is room for a new one
    eg_pool_give(&p, d[0]);
    assert_int_equal(counted.started, EG_POOL_IDLE_MAX + 2);
    eg_pool_fini(&p);
}

/** Only a few can be made. */
static void small_pool(void **state)
{
    struct eg_pool p = { .start = start, .stop = stop, .context = &counted, .max = 4 };
    void *a, *b;

    (void)state;
    counted = (struct counted){ .most = 2 };
    eg_pool_init(&p);
    a = eg_pool_take(&p);
    b = eg_pool_take(&p);
    assert_true(a && b);
    eg_pool_give(&p, b);
    assert_ptr_equal(eg_pool_take(&p), b);
    eg_pool_drop(&p, b);
    b = eg_pool_take(&p);
    assert_non_null(b);
    eg_pool_give(&p, a);
    eg_pool_give(&p, b);
    eg_pool_fini(&p);
    assert_int_equal(counted.started, 3);
    assert_int_equal(counted.stopped, 3);
    counted.most = 0;
    eg_pool_init(&p);
    assert_null(eg_pool_take(&p)); // not even one
    eg_pool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pool), cmocka_unit_test(small_pool) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
