/* qmp_fuzz.c - any text as what QEMU's monitor answers: the first byte says which reader gets
 * it. */
#include "../../live/guest_text.h"
#include "../../live/qmp.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_json(const char *text, size_t len)
{
    struct qmp_value *v, *list;
    uint64_t n;

    if (qmp_parse(&v, text, len, NULL))
        return;
    list = qmp_member(v, "return");
    for (size_t i = 0; qmp_item(list, i); i++)
        if (qmp_number(qmp_member(qmp_item(list, i), "id"), &n) && n > INT64_MAX)
            abort();
    qmp_free(v);
}

static void read_map(const char *text)
{
    struct guest_map m = { 0 };

    if (!guest_map_read(&m, text, NULL))
        for (size_t i = 0; i < m.at.n; i++)
            if (m.at.at[i].last < m.at.at[i].start ||
                (i && m.at.at[i].start <= m.at.at[i - 1].last))
                abort();
    guest_map_fini(&m);
}

static void read_registers(const char *arch, const char *text)
{
    struct eg_image img = { 0 };

    if (guest_registers_read(&img, eg_arch_find(arch), text) != img.cpus.n)
        abort();
    for (size_t i = 0; i < img.cpus.n; i++)
        if (img.cpus.at[i].n_regs > countof(img.cpus.at[i].regs))
            abort();
    eg_vec_fini(&img.cpus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size ? malloc(size) : NULL;
    uint8_t word[64];
    uint64_t host;

    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    switch (*data) {
    case 'j':
        read_json(text, size - 1);
        break;
    case 'm':
        read_map(text);
        break;
    case 'r':
        read_registers("x86_64", text);
        break;
    case 'a':
        read_registers("aarch64", text);
        break;
    default:
        guest_host_address(text, &host);
        guest_words_read(text, 0x1000, word, sizeof word);
    }
    free(text);
    return 0;
}
