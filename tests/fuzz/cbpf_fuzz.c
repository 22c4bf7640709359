/* cbpf_fuzz.c - any bytes as a program of classic BPF: its text, and what it answers. */
#include "../../plugins/linux/sched/cbpf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct linux_cbpf program[LINUX_CBPF_MAX];
    const size_t n = size / 8 < LINUX_CBPF_MAX ? size / 8 : LINUX_CBPF_MAX;
    uint32_t out[LINUX_CBPF_ANSWERS];
    bool whole;

    for (size_t i = 0; i < n; i++) {
        memcpy(&program[i].code, data + 8 * i, 2);
        program[i].jt = data[8 * i + 2];
        program[i].jf = data[8 * i + 3];
        memcpy(&program[i].k, data + 8 * i + 4, 4);
    }
    for (size_t i = 0; i < n; i++) {
        char text[64];

        linux_cbpf_text(program, i, i & 1, text, sizeof text);
        if (!memchr(text, 0, sizeof text) || !*text)
            abort();
    }
    for (uint32_t call = 0; call < 3; call++) {
        uint64_t left = call == 2 ? size : UINT64_MAX;

        if (linux_cbpf_answers(program, n, 0xc000003e, call, out, LINUX_CBPF_ANSWERS, &left,
                               &whole) > LINUX_CBPF_ANSWERS)
            abort();
    }
    return 0;
}
