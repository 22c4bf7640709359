/* aes_find.c - where a key schedule may be, with one comparison for each key length and direction.
 *
 * Most words of a schedule are the XOR of two others: w[i] = w[i - n] ^ w[i - 1] for keys of n
 * words. That holds in both orders of bytes, and behind InvMixColumns, which is linear. So places
 * are looked for, in whole vectors, where the XOR of two neighbours equals a third word at a fixed
 * distance, and the same of the next neighbours. The substitution is computed for those that pass.
 *
 * `q` is the number of the first neighbour, w[i - 1] of a schedule in forward order, w[i - 1] too
 * of one whose rounds are reversed. */
#include "aes.h"

enum { TESTS = 6, BEFORE = 8, BEHIND = 16 }; // words around q that are looked at

/* What holds around q; numbers of words are counted from there. */
struct test {
    /* w[q] ^ w[q + 1] is this word, and the next neighbours give the word behind it. */
    int third;
    int again;  // the same holds so many words further on
    int sum[3]; // the first of these is the XOR of the others
    /* The first of these is the XOR of the second and of what is substituted for the third. If
     * the third is 0, the XOR of the first and second is one of four numbers: for both orders of
     * bytes, without and with InvMixColumns. */
    int substituted[3];
    uint32_t zero[4];
    struct {
        uint8_t words, layout, back;
    } starts[2]; // schedules for which it holds, and where they begin before q
};

static const struct test tests[TESTS] = {
    { -3,
      4,
      { -1, 2, 3 },
      { 0, -4, -1 },
      { 0x63636362, 0x62636363, 0x7579717f, 0x7f717975 },
      { { 4, AES_ENCRYPT, 4 }, { 4, AES_DECRYPT_FORWARD, 8 } } },
    { -5,
      4,
      { -3, 2, 3 },
      { 0, -6, -1 },
      { 0x63636362, 0x62636363, 0x7579717f, 0x7f717975 },
      { { 6, AES_ENCRYPT, 6 }, { 6, AES_DECRYPT_FORWARD, 12 } } },
    { -7,
      4,
      { -5, 2, 3 },
      { 0, -8, -1 },
      { 0x63636362, 0x62636363, 0x63636363, 0x63636363 },
      { { 8, AES_ENCRYPT, 8 }, { 8, AES_DECRYPT_FORWARD, 12 } } },
    { 5,
      4,
      { 7, 2, 3 },
      { 0, 4, 7 },
      { 0x63636378, 0x78636363, 0x96cca0e1, 0xe1a0cc96 },
      { { 4, AES_DECRYPT, 4 }, { 4, AES_REVERSED, 4 } } },
    { 3,
      12,
      { 10, -1, 0 },
      { 5, 7, 4 },
      { 0x63636323, 0x23636363, 0x950e15ce, 0xce150e95 },
      { { 6, AES_DECRYPT, 5 }, { 6, AES_REVERSED, 5 } } },
    { 9,
      4,
      { 11, 2, 3 },
      { 0, 8, 7 },
      { 0x63636363, 0x63636363, 0x63636363, 0x63636363 },
      { { 8, AES_DECRYPT, 4 }, { 8, AES_REVERSED, 4 } } },
};

struct finding {
    const uint8_t *bytes;
    size_t len;
    eg_aes_each *each;
    void *context;
};

static void look_closely(const struct finding *f, size_t q, const struct test *t)
{
    for (size_t i = 0; i < countof(t->starts); i++) {
        const size_t at = 4 * (q - t->starts[i].back);

        if (q < t->starts[i].back || !eg_within(at, eg_aes_size(t->starts[i].words), f->len))
            continue;
        for (unsigned swapped = 0; swapped < 2; swapped++) {
            const struct eg_aes_schedule s = { t->starts[i].words, t->starts[i].layout, swapped };
            uint8_t key[AES_KEY_MAX];

            if (eg_aes_is_schedule(f->bytes + at, &s, key))
                f->each(f->context, at, &s);
        }
    }
}

/* Words [from, to), where there may be none before or behind. */
static void find_slowly(const struct finding *f, size_t from, size_t to)
{
    const uint8_t *p = f->bytes;
    const size_t n = f->len / 4;

    for (size_t q = from; q < to && q + 1 < n; q++)
        for (const struct test *t = tests; t < tests + TESTS; t++) {
            const size_t other = q + (size_t)t->third; // beyond n where it is negative

            if (other < n &&
                (eg_le32(p + 4 * q) ^ eg_le32(p + 4 * q + 4)) == eg_le32(p + 4 * other))
                look_closely(f, q, t);
        }
}

void eg_aes_find_portable(const uint8_t *bytes, size_t len, eg_aes_each *each, void *context)
{
    const struct finding f = { bytes, len, each, context };

    find_slowly(&f, 0, len / 4);
}

/* ---- vectors ---- */

/* If what is substituted at @p is 0, the rest is known. */
static bool may_follow(const uint8_t *p, const struct test *t)
{
    const uint32_t sum = eg_le32(p + 4 * t->substituted[0]) ^ eg_le32(p + 4 * t->substituted[1]);
    bool known = eg_le32(p + 4 * t->substituted[2]) != 0;

    for (size_t i = 0; i < countof(t->zero); i++)
        known |= sum == t->zero[i];
    return known;
}

typedef size_t find_fn(const struct finding *f);

#if defined __x86_64__
#include <immintrin.h>

#define CLOSER       closer_avx512
#define FIND         find_avx512
#define TARGET       __attribute__((target("avx512f,avx512bw")))
#define LANES        16
#define VECTOR       __m512i
#define MATCH        __mmask16
#define LOAD(p)      _mm512_loadu_si512(p)
#define XOR(a, b)    _mm512_xor_si512(a, b)
#define ALL(w)       _mm512_set1_epi32((int)(w))
#define NONE(v)      !_mm512_test_epi32_mask(v, v)
#define ZEROS        zeros_avx512
#define EQUAL(a, b)  _mm512_cmpeq_epi32_mask(a, b)
#define EITHER(a, b) _kor_mask16(a, b)
#define BOTH(a, b)   _kand_mask16(a, b)
#define EXCEPT(a, b) _kandn_mask16(b, a)
#define BITS(m)      (uint32_t)(m)
#include "aes_lanes.inc"

#define CLOSER       closer_avx2
#define FIND         find_avx2
#define TARGET       __attribute__((target("avx2")))
#define LANES        8
#define VECTOR       __m256i
#define MATCH        __m256i
#define LOAD(p)      _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define XOR(a, b)    _mm256_xor_si256(a, b)
#define ALL(w)       _mm256_set1_epi32((int)(w))
#define NONE(v)      _mm256_testz_si256(v, v)
#define ZEROS        zeros_avx2
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
#define NONE(v)      (_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) == 0xffff)
#define ZEROS        zeros_sse2
#define EQUAL(a, b)  _mm_cmpeq_epi32(a, b)
#define EITHER(a, b) _mm_or_si128(a, b)
#define BOTH(a, b)   _mm_and_si128(a, b)
#define EXCEPT(a, b) _mm_andnot_si128(b, a)
#define BITS(m)      (uint32_t) _mm_movemask_ps(_mm_castsi128_ps(m))
#include "aes_lanes.inc"

static find_fn *fastest(unsigned skip)
{
    find_fn *const all[] = {
        __builtin_cpu_supports("avx512bw") ? find_avx512 : NULL,
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
#define NONE(v)      !vmaxvq_u32(v)
#define ZEROS        zeros_neon
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
    size_t done = 0;

    if (!find)
        return false;
    find_slowly(&f, 0, EG_MIN(len / 4, (size_t)BEFORE));
    done = find(&f);
    find_slowly(&f, done, len / 4);
    return true;
}

void eg_aes_find(const uint8_t *bytes, size_t len, eg_aes_each *each, void *context)
{
    if (!eg_aes_find_with(0, bytes, len, each, context))
        eg_aes_find_portable(bytes, len, each, context);
}
