/* aes_decay - how many decayed AES schedules eg_aes_recover() recovers, and in what time.
 *
 *     tests/bench/aes_decay [KEYS] [reverse] [known]
 *
 * A table of 10 to 70 % decay for each length of key; each with half the keys decayed to 0, half
 * to 1. "reverse": one bit in a thousand flips away from the ground state; "known": the ground
 * state is told. Keys and flips are the same in each call. */
#include "../../plugins/keys/aes_decay.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t seed = 1;

static uint32_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static void decay(uint8_t *p, size_t n, unsigned percent, unsigned ground, bool reverse)
{
    for (size_t i = 0; i < 8 * n; i++) {
        const unsigned bit = p[i / 8] >> i % 8 & 1;

        if (bit != ground ? next() % 1000 < 10 * percent : reverse && next() % 1000 == 0)
            p[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(unsigned words, unsigned percent, unsigned keys, bool reverse, bool known)
{
    unsigned good = 0, wrong = 0;
    double worst = 0, sum = 0, chance = -1000;

    for (unsigned k = 0; k < keys; k++) {
        uint8_t key[AES_KEY_MAX], bytes[AES_SCHEDULE_MAX];
        const struct eg_aes_decay d = { percent, known ? (int)(k % 2) : -1, reverse };
        struct eg_aes_recovered out;
        uint64_t work = AES_WORK_MAX;
        const double from = seconds();
        double took;

        for (unsigned i = 0; i < words * 4; i++)
            key[i] = (uint8_t)next();
        eg_aes_expand(key, words, bytes);
        decay(bytes, eg_aes_size(words), percent, k % 2, reverse);
        if (eg_aes_recover(bytes, words, &d, &work, &out)) {
            if (memcmp(out.key, key, words * 4) != 0)
                wrong++;
            else
                good++;
            chance = EG_MAX(chance, out.chance);
        }
        took = seconds() - from;
        sum += took;
        worst = EG_MAX(worst, took);
    }
    printf("AES-%u %3u %% %8.1f %% %6u %10.4f %8.3f %8.0f\n", words * 32, percent,
           100.0 * good / keys, wrong, sum / keys, worst, chance);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned keys = 20;
    bool reverse = false, known = false;

    for (int i = 1; i < argc; i++) {
        reverse |= !strcmp(argv[i], "reverse");
        known |= !strcmp(argv[i], "known");
        keys = atoi(argv[i]) > 0 ? (unsigned)atoi(argv[i]) : keys;
    }
    printf("key     decay recovered  wrong  seconds   longest  log2 of chance\n");
    for (unsigned words = 4; words <= 8; words += 2)
        for (unsigned percent = 10; percent <= AES_DECAY_MAX; percent += 10)
            measure(words, percent, keys, reverse, known);
    return 0;
}
