/* aes_lanes.h - aes_find.c's search with one kind of vector. It is included once for each kind,
 * with the macros that are undefined at its end; that is why it has no guard. */

/* Words [q, q + LANES), one of which passes a test. No processor could predict branches here. */
TARGET static void CLOSER(const struct finding *f, size_t q)
{
    const uint8_t *p = f->bytes + 4 * q;

#pragma GCC unroll 6
    for (const struct test *t = tests; t < tests + TESTS; t++) {
        const uint8_t *third = p + 4 * t->third, *again = p + 4 * t->again;
        const MATCH zeros =
            BOTH(EQUAL(LOAD(p + 4 * t->substituted[2]), ALL(0)),
                 EQUAL(LOAD(p + 4 * t->substituted[0]), LOAD(p + 4 * t->substituted[1])));
        const MATCH passed =
            BOTH(BOTH(EQUAL(XOR(LOAD(p), LOAD(p + 4)), LOAD(third)),
                      EQUAL(XOR(LOAD(p + 4), LOAD(p + 8)), LOAD(third + 4))),
                 BOTH(EQUAL(XOR(LOAD(again), LOAD(again + 4)), LOAD(third + 4 * t->again)),
                      EQUAL(XOR(LOAD(p + 4 * t->sum[1]), LOAD(p + 4 * t->sum[2])),
                            LOAD(p + 4 * t->sum[0]))));

        for (uint32_t m = BITS(EXCEPT(passed, zeros)); m; m &= m - 1)
            if (may_follow(p + 4 * __builtin_ctz(m), t))
                look_closely(f, q + (unsigned)__builtin_ctz(m), t);
    }
}

/* How many words behind q can be left out because they and all around them are zeros: the
 * substitution of 0 is not 0, so no schedule has so many. */
TARGET static size_t ZEROS(const struct finding *f, size_t q)
{
    const uint8_t *p = f->bytes + 4 * q;
    const size_t room = f->len / 4 - q;
    size_t n = 0;

    for (int at = -BEFORE; at < LANES + BEHIND; at += EG_MIN(LANES, BEFORE))
        if (!NONE(LOAD(p + 4 * at)))
            return 0;
    do
        n += LANES;
    while (n + 2 * LANES + BEHIND <= room && NONE(LOAD(p + 4 * (n + LANES + BEHIND))));
    return n;
}

/* @return the first word that was not looked at; the first looked at is BEFORE. */
TARGET static size_t FIND(const struct finding *f)
{
    const size_t n = f->len / 4;
    size_t q = BEFORE;

    while (q + 2 * LANES + BEHIND <= n) {
        const uint8_t *p = f->bytes + 4 * q;
        const VECTOR d = XOR(LOAD(p), LOAD(p + 4));
        MATCH m = EQUAL(d, LOAD(p + 4 * tests[0].third));
        size_t zeros = 0;

#pragma GCC unroll 6
        for (unsigned i = 1; i < TESTS; i++)
            m = EITHER(m, EQUAL(d, LOAD(p + 4 * tests[i].third)));
        if (BITS(m) && !(zeros = ZEROS(f, q)))
            CLOSER(f, q);
        q += zeros ? zeros : LANES;
    }
    return q;
}

#undef ZEROS
#undef NONE
#undef CLOSER
#undef FIND
#undef TARGET
#undef LANES
#undef VECTOR
#undef MATCH
#undef LOAD
#undef XOR
#undef ALL
#undef EQUAL
#undef EITHER
#undef BOTH
#undef EXCEPT
#undef BITS
