/* rsp_test.c - packets of gdb's remote serial protocol, in pieces of every size; broken ones. */
#include "../../../live/rsp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What @text gives, as a word for each thing: "packet:DATA", "ack", … */
static void read_all(const char *text, size_t len, size_t piece, bool keeps_runs, char *out,
                     size_t room)
{
    static const char *const names[] = { "", "", "ack ", "nack ", "interrupt ", "broken " };
    struct rsp_in in = { .keeps_runs = keeps_runs };
    size_t n = 0;
    enum rsp_what what;

    for (size_t at = 0; at < len;) {
        const size_t some = EG_MIN(piece, len - at), taken = rsp_take(&in, text + at, some, &what);

        assert_true(taken > 0 && taken <= some);
        at += taken;
        if (what == RSP_MORE)
            assert_true(taken == some);
        if (what == RSP_PACKET) {
            assert_int_equal(in.data.at[in.data.n], 0);
            n += (size_t)snprintf(out + n, room - n, "packet:%.*s ", (int)in.data.n,
                                  (const char *)in.data.at);
        } else {
            n += (size_t)snprintf(out + n, room - n, "%s", names[what]);
        }
    }
    out[n] = 0;
    rsp_in_fini(&in);
}

static void arrives(void **state)
{
    static const struct {
        const char *text, *result;
        bool keeps_runs;
    } cases[] = {
        { "$g#67", "packet:g ", false },
        { "$g#68", "broken ", false },
        { "$g#6x", "broken ", false },
        { "$g#x7", "broken ", false },
        { "$#00", "packet: ", false },
        { "+$g#67-", "ack packet:g nack ", false },
        { "\003", "interrupt ", false },
        { "noise$g#67noise", "packet:g ", false },
        { "$g\003#6a", "packet:g\003 ", false },
        { "$lost$g#67", "packet:g ", false },
        { "$a}\003b#43", "packet:a#b ", false },
        { "$}]#da", "packet:} ", false },
        { "$a}#de", "broken ", false },
        { "$0* #7a", "packet:0000 ", false },
        { "$0* #7a", "packet:0*  ", true },
        { "$x0*\"1#25", "packet:x0000001 ", false }, // the last of '0', and five more
        { "$* #4a", "broken ", false },
        { "$0*\037#79", "broken ", false },
        { "$0*#5a", "broken ", false },
        { "$G#47$F#46", "packet:G packet:F ", false },
        { "$a#6A", "broken ", false },
        { "$j#6A", "packet:j ", false },
    };
    char got[256];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++)
        for (size_t piece = 1; piece <= 16; piece++) {
            read_all(cases[i].text, strlen(cases[i].text), piece, cases[i].keeps_runs, got,
                     sizeof got);
            if (strcmp(got, cases[i].result) != 0)
                fail_msg("%s by %zu: '%s', not '%s'", cases[i].text, piece, got, cases[i].result);
        }
}

/* The largest fits; one byte more, by itself or by a run, is broken; the next one is read. */
static void too_long(void **state)
{
    (void)state;
    for (int over = 0; over < 3; over++) {
        struct rsp_in in = { 0 };
        struct rsp_out o = { 0 };
        enum rsp_what what;
        size_t at;

        rsp_begin(&o);
        for (size_t i = 0; i < RSP_PACKET_MAX; i++)
            rsp_text(&o, "a");
        if (over == 1)
            rsp_text(&o, "a");
        rsp_end(&o);
        if (over == 2) { // "*" as it is: a run of three more
            o.at.n -= 3;
            assert_non_null(eg_vec_push(&o.at));
            assert_non_null(eg_vec_push(&o.at));
            memcpy(o.at.at + o.at.n - 2, "* ", 2);
            rsp_end(&o);
        }
        rsp_begin(&o);
        rsp_text(&o, "next");
        rsp_end(&o);
        assert_false(o.failed);
        at = rsp_take(&in, o.at.at, o.at.n, &what);
        assert_int_equal(what, over ? RSP_BROKEN : RSP_PACKET);
        if (!over)
            assert_int_equal(in.data.n, RSP_PACKET_MAX);
        rsp_take(&in, o.at.at + at, o.at.n - at, &what);
        assert_int_equal(what, RSP_PACKET);
        assert_string_equal(in.data.at, "next");
        rsp_in_fini(&in);
        rsp_out_fini(&o);
    }
}

static void is_sent(void **state)
{
    struct rsp_out o = { 0 };
    char lengthy[700];

    (void)state;
    rsp_begin(&o);
    rsp_text(&o, "%s%d#", "$*}", 7);
    rsp_hex(&o, "\x01\xfe", 2);
    rsp_bytes(&o, "\0*", 2);
    rsp_end(&o);
    assert_int_equal(o.at.n, 1 + 9 + 4 + 3 + 3);
    assert_memory_equal(o.at.at, "$}\004}\n}]7}\00301fe\0}\n#", 1 + 9 + 4 + 3 + 1);
    assert_false(o.failed);
    rsp_out_fini(&o);

    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    rsp_begin(&o);
    rsp_text(&o, "%s", lengthy);
    rsp_end(&o);
    assert_int_equal(o.at.n, sizeof lengthy - 1 + 4);
    rsp_out_fini(&o);
}

static void goes_around(void **state)
{
    struct rsp_out o = { 0 };
    struct rsp_in in = { 0 };
    enum rsp_what what;
    uint8_t all[256];

    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    rsp_begin(&o);
    rsp_bytes(&o, all, sizeof all);
    rsp_end(&o);
    assert_int_equal(rsp_take(&in, o.at.at, o.at.n, &what), o.at.n);
    assert_int_equal(what, RSP_PACKET);
    assert_int_equal(in.data.n, sizeof all);
    assert_memory_equal(in.data.at, all, sizeof all);
    rsp_in_fini(&in);
    rsp_out_fini(&o);
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t value;
        const char *rest;
    } cases[] = {
        { "0", true, 0, "" },
        { "1f,2", true, 0x1f, ",2" },
        { "FFFFffffFFFFffff;", true, UINT64_MAX, ";" },
        { "00000000000000000001", true, 1, "" },
        { "10000000000000000", false, 0, "10000000000000000" },
        { "", false, 0, "" },
        { "-1", false, 0, "-1" },
        { "g", false, 0, "g" },
    };
    uint8_t bytes[4];

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *p = cases[i].text;
        uint64_t v = 0;

        assert_int_equal(rsp_number(&p, p + strlen(p), &v), cases[i].ok);
        assert_int_equal(v, cases[i].value);
        assert_string_equal(p, cases[i].rest);
    }

    {
        const char *text = "01Ff8", *wrong = "01x2", *more = "0102030405";

        assert_int_equal(rsp_unhex(text, text + 5, bytes, sizeof bytes), 2);
        assert_memory_equal(bytes, "\x01\xff", 2);
        assert_int_equal(rsp_unhex(wrong, wrong + 4, bytes, sizeof bytes), 1);
        assert_int_equal(rsp_unhex(more, more + 10, bytes, sizeof bytes), 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrives),     cmocka_unit_test(too_long), cmocka_unit_test(is_sent),
        cmocka_unit_test(goes_around), cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
