/* aes_find.c - where a key schedule may be, with one comparison for each key length and direction.
 *
 * Most words of a schedule are the XOR of two others: w[i] = w[i - n] ^ w[i - 1] for keys of n
 * words. That holds in both orders of bytes, and behind InvMixColumns, which is linear. A schedule
 * has so many of them that it is enough to look at a quarter of all words, in whole vectors: is the
 * XOR of two neighbours the word at a fixed distance, and not 0, as most of a memory is? Around
 * those that pass all words are looked at, for the place in the middle of the schedule that the
 * table below has. What passes there too is computed. In the middle nothing is left of what was
 * special in the key; that the XOR is 0 there happens to one key in 2^32, which is not found. */
#include "aes.h"

enum {
    TESTS = 6,
    BEFORE = 8, // words around q that are looked at
    BEHIND = 16,
    BLOCK = 8, // of PERIOD words so many are looked at; the shortest schedule has 32 in question
    PERIOD = 32,
    BACK = 48, // how far the middle may be from a word that passes
    AHEAD = 32,
};

/* w[q] ^ w[q + 1] is w[q + third] in schedules of two layouts that begin `back` words before q. The
 * same holds of the next neighbours, and `again` words further on. */
struct test {
    int third, again;
    uint8_t words, back, layouts[2];
};

static const struct test tests[TESTS] = {
    { -3, 4, 4, 20, { AES_ENCRYPT, AES_DECRYPT_FORWARD } },
    { -5, 6, 6, 24, { AES_ENCRYPT, AES_DECRYPT_FORWARD } },
    { -7, 4, 8, 28, { AES_ENCRYPT, AES_DECRYPT_FORWARD } },
    { 5, 4, 4, 20, { AES_DECRYPT, AES_REVERSED } },
    { 3, 12, 6, 17, { AES_DECRYPT, AES_REVERSED } },
    { 9, 4, 8, 28, { AES_DECRYPT, AES_REVERSED } },
};

struct finding {
    const uint8_t *bytes;
    size_t len;
    eg_aes_each *each;
    void *context;
};

static void look_closely(const struct finding *f, size_t q, const struct test *t)
{
    const size_t at = 4 * (q - t->back);

    if (q < t->back || !eg_within(at, eg_aes_size(t->words), f->len))
        return;
    for (unsigned i = 0; i < 4; i++) {
        const struct eg_aes_schedule s = { t->words, t->layouts[i / 2], i % 2 };
        uint8_t key[AES_KEY_MAX];

        if (eg_aes_is_schedule(f->bytes + at, &s, key))
            f->each(f->context, at, &s);
    }
}

static void find_slowly(const struct finding *f, size_t from)
{
    const uint8_t *p = f->bytes;
    const size_t n = f->len / 4;

    for (size_t q = from; q + 1 < n; q++) {
        const uint32_t sum = eg_le32(p + 4 * q) ^ eg_le32(p + 4 * q + 4);

        for (const struct test *t = tests; sum && t < tests + TESTS; t++) {
            const size_t third = q + (size_t)t->third;

            if (third < n && sum == eg_le32(p + 4 * third))
                look_closely(f, q, t);
        }
    }
}

void eg_aes_find_portable(const uint8_t *bytes, size_t len, eg_aes_each *each, void *context)
{
    const struct finding f = { bytes, len, each, context };

    find_slowly(&f, BEFORE);
}

/* ---- vectors ---- */

typedef size_t find_fn(const struct finding *f);

#if defined __x86_64__
#include <immintrin.h>

#define CLOSER       closer_avx2
#define FIND         find_avx2
#define TARGET       __attribute__((target("avx2")))
#define LANES        8
#define VECTOR       __m256i
#define MATCH        __m256i
#define LOAD(p)      _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define XOR(a, b)    _mm256_xor_si256(a, b)
#define ALL(w)       _mm256_set1_epi32((int)(w))
#define EQUAL(a, b)  _mm256_cmpeq_epi32(a, b)
#define EITHER(a, b) _mm256_or_si256(a, b)
#define BOTH(a, b)   _mm256_and_si256(a, b)
#define EXCEPT(a, b) _mm256_andnot_si256(b, a)
#define BITS(m)      (uint32_t) _mm256_movemask_ps(_mm256_castsi256_ps(m))
#include "aes_lanes.inc"

#define CLOSER closer_sse2
#define FIND   find_sse2
#define TARGET
#define LANES        4
#define VECTOR       __m128i
#define MATCH        __m128i
#define LOAD(p)      _mm_loadu_si128((const __m128i *)(const void *)(p))
#define XOR(a, b)    _mm_xor_si128(a, b)
#define ALL(w)       _mm_set1_epi32((int)(w))
#define EQUAL(a, b)  _mm_cmpeq_epi32(a, b)
#define EITHER(a, b) _mm_or_si128(a, b)
#define BOTH(a, b)   _mm_and_si128(a, b)
#define EXCEPT(a, b) _mm_andnot_si128(b, a)
#define BITS(m)      (uint32_t) _mm_movemask_ps(_mm_castsi128_ps(m))
#include "aes_lanes.inc"

static find_fn *fastest(unsigned skip)
{
    find_fn *const all[] = {
        __builtin_cpu_supports("avx2") ? find_avx2 : NULL,
        find_sse2,
    };

    for (size_t i = 0; i < countof(all); i++)
        if (all[i] && !skip--)
            return all[i];
    return NULL;
}

#elif defined __aarch64__
#include <arm_neon.h>

#define CLOSER closer_neon
#define FIND   find_neon
#define TARGET
#define LANES        4
#define VECTOR       uint32x4_t
#define MATCH        uint32x4_t
#define LOAD(p)      vreinterpretq_u32_u8(vld1q_u8(p))
#define XOR(a, b)    veorq_u32(a, b)
#define ALL(w)       vdupq_n_u32(w)
#define EQUAL(a, b)  vceqq_u32(a, b)
#define EITHER(a, b) vorrq_u32(a, b)
#define BOTH(a, b)   vandq_u32(a, b)
#define EXCEPT(a, b) vbicq_u32(a, b)
#define BITS(m)      vaddvq_u32(vandq_u32(m, ((const uint32x4_t){ 1, 2, 4, 8 })))
#include "aes_lanes.inc"

static find_fn *fastest(unsigned skip)
{
    return skip ? NULL : find_neon;
}

#else
static find_fn *fastest(unsigned skip)
{
    (void)skip;
    return NULL;
}
#endif

bool eg_aes_find_with(unsigned skip, const uint8_t *bytes, size_t len, eg_aes_each *each,
                      void *context)
{
    const struct finding f = { bytes, len, each, context };
    find_fn *const find = fastest(skip);

    if (find)
        find_slowly(&f, find(&f));
    return find;
}

void eg_aes_find(const uint8_t *bytes, size_t len, eg_aes_each *each, void *context)
{
    if (!eg_aes_find_with(0, bytes, len, each, context))
        eg_aes_find_portable(bytes, len, each, context);
}
