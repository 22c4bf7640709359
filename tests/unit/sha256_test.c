/* sha256_test.c - the examples of FIPS 180-4 and its lengths around a block's end. */
#include "../../cli/sha256.c"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void digest(const void *p, size_t len, size_t step, char hex[65])
{
    struct sha256 s;
    uint8_t sum[32];

    sha256_init(&s);
    for (size_t at = 0; at < len; at += step)
        sha256_add(&s, (const char *)p + at, EG_MIN(step, len - at));
    sha256_end(&s, sum);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

static void known(void **state)
{
    static const struct {
        const char *text, *sum;
    } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    char hex[65];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        digest(cases[i].text, strlen(cases[i].text), 64, hex);
        assert_string_equal(hex, cases[i].sum);
    }
}

static void any_steps(void **state)
{
    static uint8_t bytes[1000];
    char whole[65], parts[65];

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    for (size_t len = 0; len < 200; len++) {
        digest(bytes, len, 1000, whole);
        for (size_t step = 1; step < 130; step += 13) {
            digest(bytes, len, step, parts);
            assert_string_equal(whole, parts);
        }
    }
    digest(bytes, 1000, 7, parts);
    assert_string_equal(parts, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(known), cmocka_unit_test(any_steps) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
